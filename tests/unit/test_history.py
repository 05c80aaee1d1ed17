"""The history: no line lost, mixed or doubled, whoever else writes; what is no line of ours is skipped."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils import _history
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError, NotOurs
from ansible_collections.incomex.closeout.plugins.module_utils._history import (
    LINE_BYTES,
    READ_BYTES,
    SCHEMA,
    add,
    assert_usable,
    path_below,
    read_back,
)
from ansible_collections.incomex.closeout.plugins.module_utils._history_line import SAME, line_of, trend_of
from ansible_collections.incomex.closeout.plugins.module_utils._verdict import verdict

from tests.unit.evidence import ARTEFACT, RUN_ID, collected, passing, results
from tests.unit.test_summary import not_begun, without_dump

WHOSE = {"host": "prod1", "production": "postgres", "db": "directus", "audited_schema": "cutter_governance"}
_ADD_MANY = """
import sys
from ansible_collections.incomex.closeout.plugins.module_utils._history import SCHEMA, add
path, name, count, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
for number in range(count):
    assert add(path, {"schema": SCHEMA, "run_id": f"{name}-{number}", "filler": name * size})
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A history that is not there yet, nor its directory."""
    return str(path_below(str(tmp_path / "root")))


def line(run_id: str, **values: Any) -> dict[str, Any]:
    """A line of a run."""
    return {"schema": SCHEMA, "run_id": run_id, "result": "ALL_PASS", **WHOSE, **values}


def ids(path: str) -> list[Any]:
    """The runs that are read, the newest first."""
    return [one["run_id"] for one in read_back(path)]


def test_lines_come_back_the_newest_first_and_are_roots_own(path: str) -> None:
    assert read_back(path) == []
    assert_usable(path)
    assert [add(path, line(name)) for name in ("a", "b", "c")] == [True] * 3
    assert read_back(path) == [line("c"), line("b"), line("a")]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
    assert_usable(path)


def test_a_run_has_one_line(path: str) -> None:
    add(path, line("a"))
    add(path, line("b"))
    assert not add(path, line("a", result="FAIL"))
    assert read_back(path) == [line("b"), line("a")]


def test_runs_that_end_at_the_same_time_lose_no_line(path: str) -> None:
    """Eight processes; lines of more than a page, so that a write that was not whole would show."""
    count = 25
    writers = [
        subprocess.Popen([sys.executable, "-c", _ADD_MANY, path, name, str(count), "9000"]) for name in "abcdefgh"
    ]
    assert [writer.wait(120) for writer in writers] == [0] * len(writers)
    written = Path(path).read_text().splitlines()
    found = [json.loads(one) for one in written]
    assert {one["run_id"] for one in found} == {f"{name}-{number}" for name in "abcdefgh" for number in range(count)}
    assert len(found) == 8 * count
    assert all(one["filler"] == one["run_id"][0] * 9000 for one in found)


@pytest.mark.parametrize("torn", [b'{"schema": "incomex.closeout/his', b"\x00" * 700, b'{"run_id":'], ids=len)
def test_half_a_line_of_a_crashed_host_is_skipped(path: str, torn: bytes) -> None:
    """When it is the last one, and when another line came after it."""
    add(path, line("a"))
    with open(path, "ab") as file:
        file.write(torn)
    assert ids(path) == ["a"]
    add(path, line("b"))
    assert ids(path) == ["b", "a"]
    assert Path(path).read_bytes().count(b"\n") == 3


@pytest.mark.parametrize(
    "foreign",
    ["", "nonsense", "[]", "7", "null", '{"run_id": "x"}', '{"schema": "incomex.closeout/history/2"}', "[" * 9000,
     '{"schema": "incomex.closeout/history/1", "filler": "' + "x" * LINE_BYTES + '"}', "\udcff"],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_what_is_no_line_of_ours_is_skipped(path: str, foreign: str) -> None:
    add(path, line("a"))
    with open(path, "ab") as file:
        file.write(foreign.encode("utf-8", "surrogateescape") + b"\n")
    add(path, line("b"))
    assert ids(path) == ["b", "a"]


def test_what_is_read_of_an_old_history_is_bounded(path: str) -> None:
    """From its end; the line in which the reading begins is not whole and is none."""
    add(path, line("first"))
    filler = json.dumps(line("old", filler="x" * 60_000)).encode() + b"\n"
    with open(path, "ab") as file:
        for _turn in range(READ_BYTES // len(filler) + 2):
            file.write(filler)
    add(path, line("last"))
    found = ids(path)
    assert found[0] == "last" and set(found[1:]) == {"old"}
    assert len(found) - 1 == (READ_BYTES - len(json.dumps(line("last")))) // len(filler)


def test_a_disk_that_is_full_leaves_nothing_of_a_line(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    add(path, line("a"))
    before = Path(path).read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_history.os, "fsync", full)
    with pytest.raises(CloseoutError, match="No space left on device"):
        add(path, line("b"))
    assert Path(path).read_bytes() == before


def test_a_line_that_is_too_long_is_refused(path: str) -> None:
    with pytest.raises(CloseoutError, match="too long"):
        add(path, line("a", filler="x" * LINE_BYTES))
    assert not os.path.exists(path)


def test_a_history_that_others_may_write_to_is_not_believed(path: str) -> None:
    add(path, line("a"))
    os.chmod(path, 0o622)
    for attempt in (lambda: add(path, line("b")), lambda: read_back(path), lambda: assert_usable(path)):
        with pytest.raises(NotOurs, match="not ours alone"):
            attempt()
    os.chmod(path, 0o644)
    assert ids(path) == ["a"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_history_of_another_user_is_not_believed(path: str) -> None:
    add(path, line("a"))
    os.chown(path, 65534, -1)
    for attempt in (lambda: add(path, line("b")), lambda: read_back(path), lambda: assert_usable(path)):
        with pytest.raises(NotOurs, match="user 65534"):
            attempt()


@pytest.mark.parametrize("kind", ["link", "pipe", "directory"])
def test_what_is_no_file_is_refused_at_once(path: str, tmp_path: Path, kind: str) -> None:
    os.mkdir(os.path.dirname(path))
    if kind == "link":
        (tmp_path / "elsewhere").write_text("")
        os.symlink(tmp_path / "elsewhere", path)
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        os.mkdir(path)
    for attempt in (lambda: add(path, line("b")), lambda: read_back(path), lambda: assert_usable(path)):
        with pytest.raises(CloseoutError):
            attempt()
    if kind == "link":
        assert (tmp_path / "elsewhere").read_text() == ""


# ---- a run's line


def test_the_line_of_a_run() -> None:
    evidence = passing()
    found = line_of({**evidence, **verdict(evidence)})
    assert {name: found[name] for name in SAME} == WHOSE
    assert (found["schema"], found["run_id"], found["result"], found["failed"]) == (SCHEMA, RUN_ID, "ALL_PASS", [])
    assert found["checks"] == {"PASS": len(verdict(evidence)["checks"])}
    assert (found["size_bytes"], found["text_bytes"], found["rows"]) == (4096, 4096, 810)
    assert (found["audited_rows"], found["tables"], found["audited_tables"]) == (780, 15, 12)
    assert found["durations_s"] == {"dump": 1.5, "restore": 0.7, "restore_test": 5.5, "confirm": 1.0, "total": 33.0}
    assert (found["artefact"], found["server_version"], found["sha256"]) == (ARTEFACT, "16.15", "ab" * 32)
    assert len(json.dumps(found)) < 2000


def test_the_line_of_a_run_that_stopped_early_says_null() -> None:
    """As far as the plan got: whose run it was is known, what it did not do is null."""
    steps = results()
    evidence = collected(
        {"plan": {**steps["plan"], "problems": [{"object": "x", "wanted": "y", "found": "z", "do": ""}]}}
    )
    found = line_of({**evidence, **verdict(evidence)})
    assert {name: found[name] for name in SAME} == WHOSE
    assert (found["result"], found["run_id"]) == ("FAIL", RUN_ID)
    assert "plan.ready" in found["failed"]
    assert found["size_bytes"] is found["rows"] is found["audited_rows"] is found["audited_tables"] is None
    assert found["durations_s"] == {"total": 0.0}


def test_the_line_of_a_run_whose_directory_was_there_already_has_no_artefact() -> None:
    """What lies there is another run's; a run that failed later has its own."""
    lines = [line_of({**evidence, **verdict(evidence)}) for evidence in (not_begun(), without_dump(rc=1))]
    assert [one["result"] for one in lines] == ["FAIL", "FAIL"]
    assert [one["artefact"] for one in lines] == [None, ARTEFACT]


def test_the_last_good_run_of_the_same_database_is_the_one_to_compare_with() -> None:
    others = [line("o", **{name: "another"}) for name in SAME]
    same = [line("new-bad", result="FAIL"), line("good", label="x", sysid="2"), line("old", sysid="1")]
    found = trend_of([line("self"), *others, *same], WHOSE, "self")
    assert (found["entries"], found["good"], found["previous"]) == (3, 2, same[1])
    assert [one["run_id"] for one in found["recent"]] == ["old", "good", "new-bad"]
    assert trend_of(others, WHOSE, "self") == {"entries": 0, "good": 0, "previous": None, "recent": []}
    assert len(trend_of([line(str(number)) for number in range(100)], WHOSE, "self")["recent"]) == 30


def test_a_line_without_a_name_is_nobody_s() -> None:
    for name in SAME:
        for value in ("", None):
            assert trend_of([line("a", **{name: value})], {**WHOSE, name: value}, "self")["entries"] == 0
