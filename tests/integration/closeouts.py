"""What the end-to-end tests share: the variables of a closeout, and what must be true after any of them."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import docker

from tests.support import page
from tests.support.containers import Production
from tests.support.described import faults
from tests.support.places import wait_until
from tests.support.playbook import PlaybookResult
from tests.support.postgres import Cluster

RUN_LABEL = "incomex.closeout.run"


def docker_variables(production: Production, docker_host: str, root: Path, **other: Any) -> dict[str, Any]:
    """The variables of a closeout of a container, with the docker driver."""
    return {
        "closeout_container": production.name,
        "closeout_docker_host": docker_host,
        "closeout_root": str(root),
        **{f"closeout_{name}": value for name, value in other.items()},
    }


def local_variables(server: Cluster, root: Path, **other: Any) -> dict[str, Any]:
    """The variables of a closeout of a server outside containers, with the local driver."""
    return {
        "closeout_container": "",
        "closeout_login_unix_socket": str(server.socket_dir),
        "closeout_login_port": server.port,
        "closeout_user": server.user,
        "closeout_bin_dir": str(server.bin_dir),
        "closeout_scratch_driver": "local",
        "closeout_root": str(root),
        **{f"closeout_{name}": value for name, value in other.items()},
    }


def statuses(result: PlaybookResult) -> dict[str, str]:
    """Status by check id."""
    assert result.evidence is not None, result.stdout
    return {check["id"]: check["status"] for check in result.evidence["checks"]}


def assert_all_pass(result: PlaybookResult) -> dict[str, Any]:
    """The run passed, said so everywhere, and wrote a whole artefact; return the evidence."""
    assert result.rc == 0, result.stdout
    assert result.evidence is not None and result.artefact is not None
    assert result.evidence["result"]["closeout_result"] == "ALL_PASS"
    assert set(statuses(result).values()) <= {"PASS", "INFO"}
    assert result.custom_stats == {
        "closeout_result": "ALL_PASS",
        "closeout_artifact": str(result.artefact),
        "closeout_sha256": result.evidence["dump"]["sha256"],
    }
    assert_sealed(result.artefact)
    assert_recorded(result)
    dump = Path(result.evidence["dump"]["path"])
    assert dump.parent == result.artefact
    files = list(dump.iterdir()) if dump.is_dir() else [dump]
    assert result.evidence["dump"]["size_bytes"] == sum(file.stat().st_size for file in files)
    return result.evidence


def assert_failed(result: PlaybookResult, *checks: str) -> None:
    """The run failed, each of `checks` is a FAIL in the record, and the play's last message names it."""
    assert result.rc != 0, result.stdout
    assert result.evidence is not None, result.stdout
    assert result.evidence["result"]["closeout_result"] == "FAIL"
    assert result.custom_stats["closeout_result"] == "FAIL"
    for check in checks:
        assert statuses(result)[check] == "FAIL", (check, statuses(result))
        assert check in result.stdout
    assert result.artefact is not None
    assert_sealed(result.artefact)
    assert_recorded(result)


def assert_recorded(result: PlaybookResult) -> None:
    """closeout.json is as its schema says, and closeout.html is whole and has every check."""
    assert result.artefact is not None and result.evidence is not None
    assert faults(result.evidence) == []
    shown = page.texts((result.artefact / "closeout.html").read_text())
    assert result.evidence["result"]["closeout_result"] in shown
    for check in result.evidence["checks"]:
        assert {check["id"], check["title"], check["status"]} <= set(shown)
    listed = (result.evidence["dump"] or {}).get("directory") or []
    assert not listed or "closeout.html" in {one["name"] for one in listed}


def assert_sealed(artefact: Path, gid: int | None = None) -> None:
    """The directory is private, holds nothing half-written, and sha256sum accepts it. `gid`: whose it is, else ours."""
    group = os.getegid() if gid is None else gid
    assert stat.S_IMODE(artefact.stat().st_mode) == 0o700
    files = [path for path in artefact.rglob("*") if path.is_file()]
    assert {(stat.S_IMODE(path.stat().st_mode), path.stat().st_gid) for path in files} == {(0o600, group)}
    assert not [path for path in files if path.name.endswith(".partial")]
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=artefact, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    listed = {line.split("  ", 1)[1] for line in (artefact / "SHA256SUMS").read_text().splitlines()}
    assert listed == {str(path.relative_to(artefact)) for path in files} - {"SHA256SUMS", "SHA256SUMS.sig"}


@contextlib.contextmanager
def as_soon_as(condition: Callable[[], bool], act: Callable[[], object]) -> Iterator[None]:
    """Do something beside the block, once a condition holds; TimeoutError where it never did."""
    with ThreadPoolExecutor(1) as pool:

        def work() -> None:
            wait_until(condition, 120, "the moment to act")
            act()

        done = pool.submit(work)
        yield
        done.result()


def assert_no_container_left(client: docker.DockerClient) -> None:
    """No scratch server of any run is left on the daemon, and no volume of one."""
    assert client.api.containers(all=True, filters={"label": RUN_LABEL}) == []
    assert not client.api.volumes(filters={"label": RUN_LABEL})["Volumes"]


def assert_no_process_left(run_id: str) -> None:
    """No local scratch server of a run is left: no directory, no process."""
    assert run_id
    assert not [path for path in Path("/var/tmp").iterdir() if run_id in path.name]
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = process.read_bytes()
        except OSError:
            continue
        assert run_id.encode() not in command, command


def last_message(result: PlaybookResult) -> str:
    """What the last task of the play failed with."""
    return str(result.task("Fail unless everything passed")["result"]["msg"])


def write_vars(path: Path, variables: dict[str, Any]) -> str:
    """Write variables to a file for -e; return the argument."""
    path.write_text(json.dumps(variables))
    os.chmod(path, 0o600)
    return f"@{path}"
