"""ansible-playbook is killed while a long module is at work: nothing on the target goes on without it for long."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._running import directory

from tests.conftest import ClusterFactory, ProductionFactory
from tests.integration.closeouts import docker_variables, local_variables, write_vars
from tests.integration.module_options import succeeds
from tests.support.places import wait_until
from tests.support.playbook import BIN, CLOSEOUT, LOCAL, environment
from tests.support.share import share

# The lease lasts 10 s; what was begun is then ended.
_NOTICED_S = 30.0
_OURS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'incomex.closeout/%'"
_DUMPING = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'incomex.closeout/%' AND query LIKE '{}%'"
# As long as it is restored, and only there: the scratch server is known by its nonce.
SLOW_RESTORE = """
CREATE FUNCTION public.waits(int) RETURNS boolean LANGUAGE plpgsql AS $body$
BEGIN
  IF pg_catalog.current_setting('incomex.nonce', true) IS NOT NULL THEN PERFORM pg_catalog.pg_sleep(600); END IF;
  RETURN true;
END $body$;
CREATE TABLE public.slow (id int CHECK (public.waits(id)));
INSERT INTO public.slow VALUES (1);
"""


@contextmanager
def playing(directory_path: Path, variables: Mapping[str, Any]) -> Iterator[subprocess.Popen[str]]:
    """ansible-playbook at work; whatever is left of it is killed at the end."""
    (directory_path / "hosts").write_text(f"[closeout]\n{LOCAL}\n")
    process = subprocess.Popen(
        [str(BIN / "ansible-playbook"), CLOSEOUT, "-i", str(directory_path / "hosts"),
         "-e", write_vars(directory_path / "vars.json", dict(variables))],
        cwd=directory_path, env=environment(directory_path), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def jobs(directory_path: Path) -> list[Path]:
    """The directories of long modules whose payload was unpacked below a directory."""
    found = []
    for payload in Path(directory()).glob("job-*/payload"):
        with contextlib.suppress(FileNotFoundError):
            found += [payload.parent] if payload.read_text().startswith(f"{directory_path}/") else []
    return found


def programs(root: Path, name: bytes) -> list[int]:
    """The processes, wherever, that run a program for the run whose artefact is below `root`."""
    markers = [*root.glob("*/.closeout.json")]
    run_id = json.loads(markers[0].read_text())["run_id"] if markers else "none"
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            ours = f"INCOMEX_CLOSEOUT_RUN={run_id}\0".encode() in (entry / "environ").read_bytes()
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if ours and name in command.split(b"\0")[0]:
            found.append(int(entry.name))
    return found


@pytest.mark.parametrize("transport", ["namespace", "exec"])
def test_a_dump_ends_with_its_controller(
    start_production: ProductionFactory, cutter_governance: str, docker_host: str, tmp_path: Path, transport: str
) -> None:
    """pg_dump in the container is stopped, our sessions end, and no file, no directory of ours is left."""
    production = start_production(cutter_governance + "CREATE TABLE public.held ();")
    root = tmp_path / "root"
    variables = docker_variables(production, docker_host, root, transport=transport, max_blocking_s=0)
    holder = production.connect(autocommit=False)
    try:
        # pg_dump waits for it, with its other locks held.
        holder.cursor().execute("LOCK TABLE public.held IN ACCESS EXCLUSIVE MODE")
        with playing(tmp_path, variables) as playbook:
            wait_until(lambda: production.psql(_DUMPING.format("LOCK")) == "1", 60, "pg_dump")
            assert programs(root, b"pg_dump") and any(root.glob("*/*.partial"))
            playbook.send_signal(signal.SIGKILL)
            playbook.wait()
            wait_until(lambda: production.psql(_OURS) == "0" and not programs(root, b"pg_dump"), _NOTICED_S, "its end")
    finally:
        holder.close()
    wait_until(lambda: not jobs(tmp_path), 10, "the module's own directory to go")
    (artefact,) = root.iterdir()
    assert not list(artefact.rglob("*.partial")) and not list(artefact.glob("*.sql"))
    assert not list((tmp_path / "remote").glob("*"))


def test_a_dump_that_streams_ends_with_its_controller(cluster: ClusterFactory, tmp_path: Path) -> None:
    """A worker that survives a killed ansible-playbook does not keep the dump alive."""
    server = cluster(16, "CREATE TABLE big AS SELECT g, repeat('x', 1000) FROM generate_series(1, 60000) g")
    root = tmp_path / "root"
    variables = local_variables(server, root, schema="public", bandwidth_limit_mb_s=1)
    with playing(tmp_path, variables) as playbook:
        wait_until(lambda: any(path.stat().st_size for path in root.glob("*/*.sql.partial")), 60, "the dump to begin")
        playbook.send_signal(signal.SIGKILL)
        playbook.wait()
        wait_until(lambda: not list(root.glob("*/*.partial")), _NOTICED_S, "the half-written dump to go")
    assert server.psql(_OURS, "directus") == "0"
    assert not programs(root, b"pg_dump")
    wait_until(lambda: not jobs(tmp_path), 10, "the module's own directory to go")


@pytest.mark.parametrize("driver", share(["docker", "local"], 2))
def test_a_restore_ends_with_its_controller(
    cluster: ClusterFactory,
    request: pytest.FixtureRequest,
    cutter_governance: str,
    tmp_path: Path,
    driver: str,
) -> None:
    """psql is stopped; the scratch server stays until its time is up."""
    server = cluster(16, cutter_governance)
    server.psql(SLOW_RESTORE, "directus")
    root = tmp_path / "root"
    variables = local_variables(server, root, scratch_ttl_s=300)
    if driver == "docker":
        variables |= {
            "closeout_scratch_driver": "docker",
            "closeout_docker_host": request.getfixturevalue("docker_host"),
            "closeout_scratch_image": request.getfixturevalue("production_image"),
        }
    with playing(tmp_path, variables) as playbook:
        wait_until(lambda: bool(programs(root, b"psql")), 90, "the restore to begin")
        playbook.send_signal(signal.SIGKILL)
        playbook.wait()
        wait_until(lambda: not programs(root, b"psql"), _NOTICED_S, "psql to end")
    wait_until(lambda: not jobs(tmp_path), 10, "the module's own directory to go")
    # The scratch server is there until its time is up, or somebody removes it: that has tests of its own.
    (marker,) = root.glob("*/.closeout.json")
    run = {"run_id": json.loads(marker.read_text())["run_id"], "name": "x", "driver": driver, "root": str(root)}
    docker_host = str(variables.get("closeout_docker_host", ""))
    removed = succeeds("pg_scratch_server", {**run, "state": "absent", "docker_host": docker_host})
    assert removed["changed"] is True


def descending(directory_path: Path) -> list[int]:
    """Processes of ansible-playbook, and of what it started, that was begun in that directory."""
    mark = f"ANSIBLE_CONFIG={directory_path}/".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (entry / "environ").read_bytes():
                found.append(int(entry.name))
    return found


def test_no_worker_waits_for_a_controller_that_is_gone(cluster: ClusterFactory, tmp_path: Path) -> None:
    """Killed while the record is written: its worker, too, comes to its end, though nobody takes its result."""
    many = "".join(f"CREATE TABLE public.a_table_of_many_{number} ();" for number in range(200))
    server = cluster(16, many)
    root = tmp_path / "root"
    with playing(tmp_path, local_variables(server, root, schema="public")) as playbook, ThreadPoolExecutor(1) as pool:
        assert playbook.stdout is not None
        pool.submit(playbook.stdout.read)
        wait_until(lambda: any(root.glob("*/closeout.json")), 90, "the record")
        playbook.send_signal(signal.SIGKILL)
        playbook.wait()
        wait_until(lambda: not descending(tmp_path), _NOTICED_S, "the worker's end")
