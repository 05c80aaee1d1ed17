"""Retention over several closeouts of one database: what goes, what stays, what is left alone, and check mode."""

from __future__ import annotations

import secrets
from pathlib import Path

from tests.conftest import ClusterFactory
from tests.integration.closeouts import as_soon_as, assert_all_pass, assert_failed, local_variables
from tests.integration.module_options import fails, succeeds
from tests.support.artefacts import make
from tests.support.modules import finish, start_module
from tests.support.playbook import PlaybookResult, run_playbook
from tests.support.postgres import Cluster

REMOVE, SAY = "Remove artefacts that need not be kept", "Say what was removed, what stays and why"


def names(root: Path) -> set[str]:
    """What is below a root."""
    return {path.name for path in root.iterdir()}


def made(result: PlaybookResult) -> str:
    """The name of the directory that a run made."""
    assert result.artefact is not None
    return result.artefact.name


def tasks(result: PlaybookResult) -> set[str]:
    """The names of the tasks that were not skipped."""
    return {task["name"].rpartition(" : ")[2] for task in result.tasks if task["status"] != "skipped"}


def test_what_several_closeouts_leave(cluster: ClusterFactory, cutter_governance: str, tmp_path: Path) -> None:
    server, root = cluster(16, cutter_governance), tmp_path / "root"
    rules = {"keep_last": "1", "keep_failed": 0}
    old = make(root, 9, whose=_whose(server))
    first = run_playbook(local_variables(server, root))
    assert_all_pass(first)
    assert {REMOVE, SAY} & tasks(first) == set()

    failed = run_playbook(local_variables(server, root, expected_tables="no_such_table", **rules))
    assert_failed(failed, "dump.tables")
    assert REMOVE in tasks(failed)
    assert names(root) == {old.path.name, made(first), made(failed), "history.jsonl"}

    (root / "theirs").mkdir()
    (root / "theirs" / "file").touch()
    (root / made(first) / "note.txt").write_text("keep this one")
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    checked = run_playbook(local_variables(server, root, **rules), check=True)
    assert checked.rc == 0, checked.stdout
    plan = checked.task("Print the plan")["result"]["msg"]["plan"]
    assert [line.split()[2] for line in plan if line.startswith("would go")] == [
        f"{old.path.name}:",
        f"{made(failed)}:",
    ]
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before

    second = run_playbook(local_variables(server, root, **rules))
    assert assert_all_pass(second)["settings"]["keep_last"] == 1
    assert names(root) == {made(first), made(second), "theirs", "history.jsonl"}
    assert (root / "theirs" / "file").exists() and (root / made(first) / "note.txt").exists()
    lines = second.task(SAY)["result"]["msg"]
    assert all(line in second.stdout for line in lines)
    assert [line.split(",")[0] for line in lines[:3]] == [
        "retention   closeout_keep_last: 1",
        f"removed     {old.path.name}: good",
        f"removed     {made(failed)}: failed",
    ]
    assert lines[3:6] == [
        f"kept        {made(second)}: of this run",
        f"left alone  {made(first)}: holds what its closeout did not write: note.txt",
        "left alone  theirs: no mark of a closeout",
    ]

    # What was proved stays proved, whatever becomes of the removal.
    (root / made(first) / "note.txt").unlink()

    def ended() -> bool:
        return len((root / "history.jsonl").read_text().splitlines()) == 5

    def add_a_note() -> None:
        (newest(root) / "note.txt").touch()

    with as_soon_as(ended, add_a_note):
        third = run_playbook(local_variables(server, root, **rules))
    assert (third.rc, third.custom_stats["closeout_result"]) == (0, "ALL_PASS"), third.stdout
    assert "is not this run's artefact any more" in third.stdout
    assert names(root) == {made(first), made(second), made(third), "theirs", "history.jsonl"}


def newest(root: Path) -> Path:
    """The artefact that was begun last."""
    return max(root.glob("closeout_*"), key=lambda path: path.name)


def _whose(server: Cluster) -> dict[str, str]:
    production = f"{server.socket_dir}:{server.port}"
    return {"host": "localhost", "production": production, "db": "directus", "audited_schema": "cutter_governance"}


def test_the_module(tmp_path: Path) -> None:
    """In check mode it tells; then it does what it told; the reaper finishes what a crash left of it."""
    root = tmp_path / "root"
    old, own = make(root, 9), make(root, 0)
    arguments = {"state": "pruned", "path": str(own.path), "run_id": own.run_id, "keep_last": 1}
    told = succeeds("closeout_artefact", arguments, check=True)
    assert told["removed"] == [old.path.name] and old.path.exists()
    assert succeeds("closeout_artefact", {**arguments, "keep_last": 0})["removed"] == []
    done = succeeds("closeout_artefact", arguments)
    assert (done["removed"], done["freed_bytes"], done["changed"]) == ([old.path.name], told["freed_bytes"], True)
    assert names(root) == {own.path.name, "history.jsonl"}
    refused = fails("closeout_artefact", {**arguments, "run_id": secrets.token_hex(6)})
    assert "belongs to another run" in refused.msg

    cut = make(root, 8)
    going = cut.path.rename(root / f"{cut.path.name}.removing-{secrets.token_hex(6)}")
    reap = {"state": "reaped", "driver": "local", "root": str(root)}
    for check in (True, False):
        assert going.exists()
        reaped = succeeds("pg_scratch_server", reap, check=check)["reaped"]
        assert ("artefact that was being removed", str(going)) in {(one["kind"], one["name"]) for one in reaped}
    assert names(root) == {own.path.name, "history.jsonl"}


def test_runs_that_remove_at_the_same_time(tmp_path: Path) -> None:
    """Each wants all of the others to go: none of them fails over another one, and the newest stays."""
    root = tmp_path / "root"
    for number in range(40):
        make(root, 10 + number, files=number % 3)
    own = [make(root, days) for days in (0.3, 0.2, 0.1)]
    asked = [{"state": "pruned", "path": str(one.path), "run_id": one.run_id, "keep_last": 1} for one in own]
    started = [start_module("closeout_artefact", arguments) for arguments in asked]
    results = [finish(one) for one in started]
    for result, one in zip(results, own):
        assert not result.failed or not one.path.exists(), result
    removed = [name for result in results for name in result.data.get("removed", [])]
    assert len(removed) == len(set(removed)) == 43 - len(names(root) - {"history.jsonl"})
    assert own[-1].path.exists() and names(root) <= {"history.jsonl", *(one.path.name for one in own)}
