"""What a killed module left goes with the next run, and nothing goes of a run that is alive, or that is not marked."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest
from ansible_collections.incomex.closeout.plugins.module_utils import _orphans, _reaper, _running
from ansible_collections.incomex.closeout.plugins.module_utils._deadline import deadline
from ansible_collections.incomex.closeout.plugins.module_utils._running import at_work, directory

from tests.conftest import ProductionFactory
from tests.integration.module_options import FAR_AWAY, LONG_AGO, new_run_id, succeeds
from tests.integration.test_module_pg_scratch_server import GLOBALS, Asker, Local
from tests.support import modules
from tests.support.modules import run_module
from tests.support.places import wait_until
from tests.support.playbook import run_playbook
from tests.support.postgres import Cluster

REAPER = "incomex.closeout.reap"


def reap(root: Path, *, check: bool = False, **other: Any) -> list[str]:
    """Names of what was reaped for this test: others may be at work on this host."""
    result = succeeds(
        "pg_scratch_server", {"state": "reaped", "driver": "local", "root": str(root), **other}, check=check
    )
    return [one["name"] for one in result["reaped"] if str(root.parent) in one["name"]]


def begun(root: Path, name: str = "closeout_20260516T104634Z") -> tuple[Path, str]:
    """An artefact directory, made by the module, and its run."""
    run_id = new_run_id()
    succeeds("closeout_artefact", {"state": "begun", "path": str(root / name), "run_id": run_id})
    return root / name, run_id


@contextmanager
def program(label: str, run_id: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program as a module of the run starts it."""
    process = subprocess.Popen(["sleep", "60"], env={label: run_id, "PATH": os.environ["PATH"]})
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_half_written_files_of_a_run_that_is_gone(tmp_path: Path) -> None:
    root = tmp_path / "root"
    artefact, _run_id = begun(root)
    half = [artefact / "prod.sql.partial", artefact / "logs" / "pg_dump.log.partial", artefact / "prod.dir.partial"]
    half[0].write_text("half")
    half[1].write_text("half")
    half[2].mkdir()
    (half[2] / "toc.dat").write_text("half")
    kept = {path: path.read_bytes() for path in [artefact / ".closeout.json"]}
    assert sorted(reap(root, check=True)) == sorted(map(str, half))
    assert all(path.exists() for path in half)
    assert sorted(reap(root)) == sorted(map(str, half))
    assert not any(path.exists() for path in half)
    assert {path: path.read_bytes() for path in kept} == kept
    assert reap(root) == []


def test_half_written_files_that_stay(tmp_path: Path) -> None:
    """Of a run that is at work, with somebody at it, of another host, without our mark, behind a link."""
    root = tmp_path / "root"
    alive, alive_run = begun(root, "alive")
    held, _held_id = begun(root, "held")
    foreign, _foreign_id = begun(root, "foreign")
    mark = json.loads((foreign / ".closeout.json").read_text())
    (foreign / ".closeout.json").write_text(json.dumps({**mark, "host": "another.example"}))
    unmarked = root / "unmarked"
    unmarked.mkdir()
    outside, _outside_id = begun(tmp_path / "elsewhere", "outside")
    (root / "link").symlink_to(outside)
    for path in (alive, held, foreign, unmarked, outside):
        (path / "prod.sql.partial").write_text("half")
    with at_work(alive_run), (held / "prod.sql.partial").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert reap(root) == []
    assert all((path / "prod.sql.partial").exists() for path in (alive, held, foreign, unmarked, outside))
    assert sorted(reap(root)) == sorted(f"{path}/prod.sql.partial" for path in (alive, held))


def test_an_archive_that_was_lent_is_private_again(tmp_path: Path) -> None:
    root = tmp_path / "root"
    artefact, run_id = begun(root)
    archive = artefact / "prod.dump"
    archive.write_text("archive")
    archive.chmod(0o640)
    with at_work(run_id):
        assert reap(root) == [] and archive.stat().st_mode & 0o777 == 0o640
    assert reap(root) == [str(archive)]
    assert archive.stat().st_mode & 0o777 == 0o600 and archive.read_text() == "archive"


def test_programs_of_a_run_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    # Under another label, or the reaper of another test takes them.
    label = f"CLOSEOUT_TEST_{secrets.token_hex(4)}"
    monkeypatch.setattr(_orphans, "_LABEL", f"{label}=".encode())
    run_id, alive = new_run_id(), new_run_id()
    with program(label, run_id) as gone, program(label, alive) as kept, program(label, "") as nobodys, at_work(alive):
        wanted = {"kind": "program", "name": f"sleep ({gone.pid})", "run_id": run_id}
        assert [one for one in _reaper.reap([], "", check=True)["reaped"] if one["kind"] == "program"] == [wanted]
        assert gone.poll() is None
        assert wanted in _reaper.reap([], "", check=False)["reaped"]
        assert gone.wait(10) == -signal.SIGKILL
        assert kept.poll() is None and nobodys.poll() is None


def test_the_clock_that_nobody_sets_decides() -> None:
    """The time of day was moved: a scratch server that is within its time stays, one that is past it goes."""
    run = {"stays": new_run_id(), "goes": new_run_id()}
    marks = {
        "stays": {"expires_utc": LONG_AGO, "expires_boot": deadline(600)[1]},
        "goes": {"expires_utc": FAR_AWAY, "expires_boot": deadline(-1)[1]},
    }
    paths = {name: Path(f"/var/tmp/closeout-scratch-{run[name]}") for name in run}
    try:
        for name, path in paths.items():
            path.mkdir()
            (path / "scratch.json").write_text(json.dumps({"run_id": run[name], "name": "x", **marks[name]}))
        reaped = succeeds("pg_scratch_server", {"state": "reaped", "driver": "local"})["reaped"]
        assert {one["run_id"] for one in reaped} & set(run.values()) == {run["goes"]}
        assert paths["stays"].exists() and not paths["goes"].exists()
    finally:
        for name in run:
            succeeds("pg_scratch_server", {"state": "absent", "driver": "local", "run_id": run[name], "name": "x"})


def spared(run_id: str, *, check: bool = False, **other: Any) -> list[dict[str, str]]:
    """What of a run the reaper had to leave; it must have removed nothing of it."""
    result = succeeds("pg_scratch_server", {"state": "reaped", "driver": "local", **other}, check=check)
    assert run_id not in {one["run_id"] for one in result["reaped"]}
    return [one for one in result["spared"] if one["run_id"] == run_id]


@contextmanager
def scratch_server(production: Cluster, directory: Path) -> Iterator[tuple[Local, dict[str, Any]]]:
    """A scratch server of a run that has time left and at which no module is at work; and what its making told."""
    path = directory / "globals.json"
    path.write_text(json.dumps(GLOBALS))
    one = Local(production.bin_dir, str(path))
    try:
        yield one, succeeds("pg_scratch_server", one.made)["scratch"]
    finally:
        succeeds("pg_scratch_server", {**one.same, "state": "absent"})


def test_a_scratch_server_that_has_time_left(production_cluster: Cluster, tmp_path: Path) -> None:
    """Its run may go on, so it is left, and told with what ends it; asked for by its run, it goes, and no other one."""
    variables = {"closeout_scratch_driver": "local", "closeout_root": str(tmp_path / "root")}
    with (
        scratch_server(production_cluster, tmp_path) as (gone, made),
        scratch_server(production_cluster, tmp_path) as (other, _made),
    ):
        with at_work(gone.run_id):
            assert spared(gone.run_id) == []
        pid, others = gone.postmaster(), other.postmaster()
        for check in (True, False):
            (told,) = spared(gone.run_id, check=check)
            assert (told["kind"], told["name"]) == ("scratch server", gone.same["name"])
            assert told["why"].startswith(f"it ends by itself at {made['expires_utc']}, ")
            assert f"ansible-playbook {REAPER} -e closeout_reap_run={gone.run_id} " in told["why"]
        left = f"of run {gone.run_id} was left: it ends by itself at {made['expires_utc']}"
        asked_for = ["-e", f"closeout_reap_run={gone.run_id}"]

        # Asked for in check mode it is told, too, and stays.
        planned = run_playbook(variables, playbook=REAPER, arguments=asked_for, check=True)
        assert planned.rc == 0 and f"What was left of run {gone.run_id} would be removed." in planned.stdout
        assert left in planned.stdout and gone.postmaster() == pid

        done = run_playbook(variables, playbook=REAPER, arguments=asked_for)
        assert done.rc == 0 and f"What was left of run {gone.run_id} was removed." in done.stdout, done.stdout
        assert left not in done.stdout and f"of run {other.run_id} was left: it ends by itself at" in done.stdout
        assert gone.processes() == {} and not Path(f"/proc/{pid}").exists() and not gone.directory.exists()
        assert other.postmaster() == others and len(spared(other.run_id)) == 1

        again = run_playbook(variables, playbook=REAPER, arguments=asked_for)
        assert again.rc == 0 and f"Nothing was left of run {gone.run_id}." in again.stdout, again.stdout


def test_a_scratch_container_that_has_time_left(
    docker_client: docker.DockerClient, docker_host: str, production_image: str, tmp_path: Path
) -> None:
    """It is told once, though its volume is ours, too; its run alone is enough to end both."""
    path = tmp_path / "globals.json"
    path.write_text(json.dumps(GLOBALS))
    here: dict[str, Any] = {"driver": "docker", "docker_host": docker_host}
    asker = Asker(docker_client, docker_host, production_image, str(path))
    absent = {"state": "absent", **here, "run_id": asker.run_id, "name": asker.run_id}
    try:
        made = succeeds("pg_scratch_server", asker.made)
        assert len(set(asker.left())) > 1
        (told,) = spared(asker.run_id, **here)
        assert told["name"] == asker.name and made["scratch"]["expires_utc"] in told["why"]
    finally:
        succeeds("pg_scratch_server", absent)
    assert asker.left() == [] and spared(asker.run_id, **here) == []


def test_a_directory_whose_making_was_cut_off(tmp_path: Path) -> None:
    run_id = secrets.token_hex(6)
    path = Path(f"/var/tmp/closeout-scratch-{run_id}")
    (path / "run").mkdir(parents=True)
    with at_work(run_id):
        assert run_id not in {one["run_id"] for one in succeeds(*_reaped())["reaped"]}
    assert run_id in {one["run_id"] for one in succeeds(*_reaped())["reaped"]}
    assert not path.exists()


def _reaped() -> tuple[str, dict[str, Any]]:
    return "pg_scratch_server", {"state": "reaped", "driver": "local"}


def test_directories_of_long_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose processes are gone goes, with Ansible's own; one that is at work, or not fetched yet, stays."""
    # No program of anybody else is looked at: its lock is not in this directory.
    monkeypatch.setattr(_orphans, "_LABEL", f"CLOSEOUT_TEST_{secrets.token_hex(4)}=".encode())
    base = tmp_path / "run"
    base.mkdir(mode=0o700)
    monkeypatch.setattr(_running, "ROOTS_DIRECTORY", str(base))
    monkeypatch.setattr(_running, "OTHERS_DIRECTORY", str(base))
    jobs = {name: base / f"job-{name}" for name in ("gone", "at work", "unfetched", "begun")}
    payload = tmp_path / "ansible-tmp-1-2-3"
    other = tmp_path / "precious"
    for path in (payload, other, *jobs.values()):
        path.mkdir()
        (path / "file").touch()
    for name in ("gone", "at work", "unfetched"):
        (jobs[name] / "alive").touch()
    (jobs["gone"] / "payload").write_text(str(payload))
    (jobs["begun"] / "payload").write_text(str(other))
    (jobs["unfetched"] / "rc").write_text("0")

    def reaped() -> list[str]:
        return [one["name"] for one in _reaper.reap([], "", check=False)["reaped"] if one["kind"] == "job"]

    with (jobs["at work"] / "alive").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert reaped() == [str(jobs["gone"])]
    assert not payload.exists() and other.exists()
    assert [name for name, path in jobs.items() if path.exists()] == ["at work", "unfetched", "begun"]
    for name in ("unfetched", "begun"):
        os.utime(jobs[name], (0, 0))
    assert sorted(reaped()) == sorted(str(path) for name, path in jobs.items() if name != "gone")
    assert other.exists() and not base.exists()


@pytest.mark.parametrize("transport", ["namespace", "exec"])
def test_after_kill_9_of_a_dump(
    start_production: ProductionFactory, docker_host: str, tmp_path: Path, transport: str
) -> None:
    """pg_dump goes on in the container without the module that started it, until the reaper comes."""
    production = start_production("CREATE TABLE public.held ();")
    root = tmp_path / "root"
    artefact, run_id = begun(root)
    options = {
        "container": production.name, "docker_host": docker_host, "login_user": production.user,
        "login_db": production.db, "schema": "public", "directory": str(artefact), "name": "prod.sql",
        "run_id": run_id, "transport": transport, "max_blocking_s": 0,
    }  # fmt: skip
    waiting = f"""SELECT count(*) FROM pg_stat_activity
        WHERE application_name = 'incomex.closeout/{run_id}' AND wait_event_type = 'Lock'"""
    holder = production.connect(autocommit=False)
    try:
        holder.cursor().execute("LOCK TABLE public.held IN ACCESS EXCLUSIVE MODE")
        module = modules.start_module("pg_dump_readonly", options)
        wait_until(lambda: production.psql(waiting) == "1", 60, "pg_dump")
        assert reap(root) == []
        module.kill()
        module.communicate()
        assert (artefact / "prod.sql.partial").exists()
        assert reap(root, docker_host=docker_host) == [str(artefact / "prod.sql.partial")]
    finally:
        holder.close()
    # Whoever's reaper it was: the lock goes, too.
    assert not (Path(directory()) / f"run-{run_id}").exists()
    wait_until(lambda: not _of_run(run_id), 10, "pg_dump to go")
    ours = f"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'incomex.closeout/{run_id}'"
    wait_until(lambda: production.psql(ours) == "0", 10, "its session to end")


def test_a_program_that_production_would_take_for_its_own_is_left(start_production: ProductionFactory) -> None:
    """PostgreSQL, first in its container, has adopted it: ended by a signal it would end all sessions of production."""
    production = start_production()
    run_id = new_run_id()
    code, _output = production.container.exec_run(
        ["sh", "-c", "sleep 600 > /dev/null 2>&1 < /dev/null & sh -c 'sleep 601; true' > /dev/null 2>&1 < /dev/null &"],
        environment={"INCOMEX_CLOSEOUT_RUN": run_id},
        user="999",
    )
    assert code == 0
    wait_until(lambda: sorted(_of_run(run_id)) == ["sh\n", "sleep\n", "sleep\n"], 10, "what is left")
    with contextlib.closing(production.connect()) as bystander, bystander.cursor() as cursor:
        for check in (True, False):
            result = succeeds(*_reaped(), check=check)
            assert run_id not in {one["run_id"] for one in result["reaped"]}
            spared = [one for one in result["spared"] if one["run_id"] == run_id]
            assert [one["name"].split()[0] for one in spared] == ["sleep", "sh", "sleep"]
            assert {one["why"].split(" (")[0] for one in spared} == {
                "its parent is in the container, whose first process is PostgreSQL"
            }
        said = run_playbook({"closeout_scratch_driver": "local"}, playbook=REAPER)
        assert said.rc == 0 and f"of run {run_id} was left: its parent is in the container" in said.stdout, said.stdout
        assert sorted(_of_run(run_id)) == ["sh\n", "sleep\n", "sleep\n"]
        absent = {"state": "absent", "driver": "local", "run_id": run_id, "name": "x"}
        refused = run_module("pg_scratch_server", absent)
        assert refused.failed and len(refused.data["teardown"]["processes"]) == 3
        assert "goes when its session is ended, or with its container" in refused.msg
        cursor.execute("SELECT 1")


def _of_run(run_id: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"INCOMEX_CLOSEOUT_RUN={run_id}".encode() in (entry / "environ").read_bytes():
                found.append((entry / "comm").read_text())
        except OSError:
            continue
    return found


def test_teardown_takes_what_a_killed_module_of_its_run_left(tmp_path: Path) -> None:
    root = tmp_path / "root"
    artefact, run_id = begun(root)
    (artefact / "prod.sql.partial").write_text("half")
    absent = {"state": "absent", "driver": "local", "run_id": run_id, "name": "x", "root": str(root)}
    with program("INCOMEX_CLOSEOUT_RUN", run_id) as left:
        assert succeeds("pg_scratch_server", absent, check=True)["changed"] is True
        result = succeeds("pg_scratch_server", absent)
        assert left.wait(10) == -signal.SIGKILL
    assert result["teardown"]["processes"] == [] and result["teardown"]["paths"] == []
    assert not (artefact / "prod.sql.partial").exists()
    assert succeeds("pg_scratch_server", absent, check=True)["changed"] is False


def test_the_playbook(tmp_path: Path) -> None:
    root = tmp_path / "root"
    artefact, _run_id = begun(root)
    partial = artefact / "prod.sql.partial"
    partial.write_text("half")
    variables = {"closeout_scratch_driver": "local", "closeout_root": str(root)}
    told = run_playbook(variables, playbook=REAPER, check=True)
    assert told.rc == 0 and "This would be removed" in told.stdout and str(partial) in told.stdout, told.stdout
    assert partial.exists()
    done = run_playbook(variables, playbook=REAPER)
    assert done.rc == 0 and "This was removed" in done.stdout and str(partial) in done.stdout, done.stdout
    assert not partial.exists() and (artefact / ".closeout.json").exists()


def test_the_playbook_without_a_host_is_no_success(tmp_path: Path) -> None:
    """A group that is misspelt, or none at all: nothing was looked for, and nobody may think that it was."""
    for variables, inventory in (({"closeout_hosts": "nobody"}, None), ({}, "[other]\nh1 ansible_connection=local\n")):
        result = run_playbook(
            {**variables, "closeout_root": str(tmp_path)}, playbook=REAPER, inventory=inventory, check=not variables
        )
        assert result.rc == 2, result.stdout
        pattern = variables.get("closeout_hosts", "closeout")
        assert f"No host matches {pattern}: nothing was looked for, nothing was removed." in result.stdout
        assert "set closeout_hosts" in result.stdout and "End what is left" not in result.stdout


def test_without_a_root_no_file_is_looked_for(tmp_path: Path) -> None:
    artefact, _run_id = begun(tmp_path / "root")
    (artefact / "prod.sql.partial").write_text("half")
    assert run_module("pg_scratch_server", {"state": "reaped", "driver": "local"}).failed is False
    assert (artefact / "prod.sql.partial").exists()
