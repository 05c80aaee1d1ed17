"""What is removed from a disk, and what is not: directories as closeouts leave them, and as others make them."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils import _artefact_read, _removal
from ansible_collections.incomex.closeout.plugins.module_utils._artefact import VERIFICATION, begin, seal
from ansible_collections.incomex.closeout.plugins.module_utils._artefact_read import LeftAlone
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError, NotOurs
from ansible_collections.incomex.closeout.plugins.module_utils._history import path_below
from ansible_collections.incomex.closeout.plugins.module_utils._prune import MOST, forecast, prune
from ansible_collections.incomex.closeout.plugins.module_utils._retention import Rules
from ansible_collections.incomex.closeout.plugins.module_utils._running import at_work
from ansible_collections.incomex.closeout.plugins.module_utils._signature import SIGNATURE

from tests.support.artefacts import DAY_S, WHOSE, Made, make

ONE = Rules(last=1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the artefacts are."""
    path = tmp_path / "root"
    path.mkdir(mode=0o700)
    return path


def names(root: Path) -> set[str]:
    """The directories below a root."""
    return {path.name for path in root.iterdir() if path.name != "history.jsonl"}


def pruned(own: Made, rules: Rules = ONE, *, check: bool = False) -> dict[str, Any]:
    """Prune, as the run ``own``."""
    found: dict[str, Any] = prune(str(own.path), own.run_id, rules, check=check)
    return found


def test_the_newest_stay(root: Path) -> None:
    made = [make(root, days, files=files) for days, files in ((9, 0), (7, 3), (5, 0), (3, 2))]
    own = make(root, 0)
    sizes = [sum(path.stat().st_size for path in one.path.rglob("*") if path.is_file()) for one in made]
    before = names(root)
    told = pruned(own, Rules(last=3), check=True)
    assert names(root) == before
    assert (told["removed"], told["freed_bytes"]) == ([made[0].path.name, made[1].path.name], sum(sizes[:2]))
    done = pruned(own, Rules(last=3))
    assert names(root) == {one.path.name for one in (*made[2:], own)}
    assert {**done, "lines": None} == {**told, "lines": None} and done["changed"]
    assert f"removed     {made[0].path.name}: good, " in "\n".join(done["lines"])
    assert "would go" in "\n".join(told["lines"]) and "would go" not in "\n".join(done["lines"])
    assert pruned(own, Rules(last=3))["changed"] is False


def test_good_and_failed_each_on_their_own(root: Path) -> None:
    good, failed = [make(root, 8)], [make(root, 7, "FAIL")]
    killed = make(root, 6.5, None)
    good += [make(root, 6)]
    failed += [make(root, days, "FAIL") for days in (5, 4)]
    own = make(root, 0)
    assert pruned(own, Rules(failed=2))["removed"] == [failed[0].path.name, killed.path.name]
    assert pruned(own, Rules(days=7))["removed"] == [good[0].path.name]
    assert pruned(own, Rules(failed=0))["removed"] == [failed[1].path.name, failed[2].path.name]
    assert names(root) == {good[1].path.name, own.path.name}


def test_a_run_that_failed_removes_nothing_good(root: Path) -> None:
    old = [make(root, days) for days in (9, 8, 7)]
    failed = make(root, 6, "FAIL")
    own = make(root, 0, "FAIL")
    assert pruned(own, Rules(last=1, days=1, failed=0))["removed"] == [failed.path.name]
    assert names(root) == {one.path.name for one in (*old, own)}


def test_a_signed_one_goes_as_others_do(root: Path) -> None:
    old, own = make(root, 9), make(root, 0)
    (old.path / SIGNATURE).write_text("signature")
    assert pruned(own)["removed"] == [old.path.name]


def test_another_database_s_are_not_ours(root: Path) -> None:
    others = [make(root, 30 + number, whose={**WHOSE, name: "other"}) for number, name in enumerate(WHOSE)]
    nobodys = make(root, 40, whose={})
    own = make(root, 0)
    assert pruned(own, Rules(last=1, failed=0)) == pruned(own, Rules(last=1, failed=0), check=True) | {
        "lines": pruned(own, Rules(last=1, failed=0))["lines"]
    }
    assert names(root) == {one.path.name for one in (*others, nobodys, own)}


# ---- what is left alone: a change to an artefact that would go, and the words that say so


def _add_file(made: Made) -> None:
    (made.path / "note.txt").write_text("keep this one")


def _add_below(made: Made) -> None:
    (made.path / "logs" / "mine.txt").touch()


def _add_directory(made: Made) -> None:
    (made.path / "mine").mkdir()


def _add_link(made: Made) -> None:
    (made.path / "logs" / "link.log").symlink_to("/etc/passwd")


def _add_fifo(made: Made) -> None:
    os.mkfifo(made.path / "fifo")


def _rename(made: Made) -> None:
    made.path.rename(made.path.with_name("the_one_before_the_migration"))


def _copy(made: Made) -> None:
    shutil.copytree(made.path, made.path.with_name("copy"))
    shutil.rmtree(made.path)


def _link(made: Made) -> None:
    made.path.rename(made.path.parent.parent / "elsewhere")
    made.path.symlink_to(made.path.parent.parent / "elsewhere")


def _other_host(made: Made) -> None:
    made.change(".closeout.json", host="another.example")


def _no_mark(made: Made) -> None:
    (made.path / ".closeout.json").unlink()


def _odd_mark(made: Made) -> None:
    made.change(".closeout.json", run_id="../x")


def _future(made: Made) -> None:
    made.change(".closeout.json", begun_utc="2999-01-01T00:00:00.000000Z")


def _open(made: Made) -> None:
    made.path.chmod(0o770)


def _no_dump(made: Made) -> None:
    (made.path / "prod.sql").unlink()


def _short_dump(made: Made) -> None:
    os.truncate(made.path / "prod.sql", 5)


def _no_sums(made: Made) -> None:
    (made.path / "SHA256SUMS").unlink()


def _odd_sums(made: Made) -> None:
    (made.path / "SHA256SUMS").write_text("nonsense\n")


def _other_digest(made: Made) -> None:
    (made.path / "prod.sql").write_bytes((made.path / "prod.sql").read_bytes()[::-1])
    seal(str(made.path), {})


def _other_record(made: Made) -> None:
    made.change("closeout.json", more=1)


def _record_of_another_run(made: Made) -> None:
    made.change("closeout.json", run={"id": "0" * 12})


def _says_fail(made: Made) -> None:
    made.change("closeout.json", result={"closeout_result": "FAIL"})


def _no_record(made: Made) -> None:
    (made.path / "closeout.json").unlink()


def _half_a_record(made: Made) -> None:
    os.truncate(made.path / "closeout.json", 50)


LEFT: list[tuple[Callable[[Made], None], str]] = [
    (_add_file, "did not write: note.txt"),
    (_add_below, "did not write: logs/mine.txt"),
    (_add_directory, "did not write: mine"),
    (_add_link, "neither a file nor a directory: logs/link.log"),
    (_add_fifo, "neither a file nor a directory: fifo"),
    (_rename, "moved or renamed"),
    (_copy, "moved or renamed"),
    (_link, "a symbolic link"),
    (_other_host, "another host, another.example"),
    (_no_mark, "no mark"),
    (_odd_mark, "no mark"),
    (_future, "in the future"),
    (_open, "others may write to it"),
    (_no_dump, "missing: prod.sql"),
    (_short_dump, "not as it was: 5 bytes"),
    (_no_sums, "not sealed"),
    (_odd_sums, "SHA256SUMS in it cannot be read"),
    (_other_digest, "other digests"),
    (_other_record, "other digests"),
    (_record_of_another_run, "of another run"),
    (_says_fail, "says FAIL, the history ALL_PASS"),
    (_no_record, "its record is missing"),
    (_half_a_record, "cannot be read"),
]


@pytest.mark.parametrize(("change", "why"), LEFT, ids=[change.__name__[1:] for change, _why in LEFT])
def test_what_is_not_as_a_closeout_leaves_it_is_left_alone(
    root: Path, change: Callable[[Made], None], why: str
) -> None:
    """And does not count: the one that stays besides is a verified one."""
    older, newer, own = make(root, 9), make(root, 3), make(root, 0)
    change(newer)
    before = sorted(str(path) for path in root.rglob("*") if older.path not in (path, *path.parents))
    assert why in "\n".join(pruned(own, Rules(last=2, failed=0), check=True)["lines"])
    facts = pruned(own, Rules(last=2, failed=0))
    assert (facts["removed"], facts["left_alone"], facts["kept"]) == ([], 1, 2)
    facts = pruned(own, Rules(last=1, failed=0))
    assert (facts["removed"], facts["left_alone"]) == ([older.path.name], 1)
    assert why in "\n".join(facts["lines"])
    assert sorted(str(path) for path in root.rglob("*")) == before


def test_what_others_put_into_the_root(root: Path) -> None:
    """Directories, files, links and sockets: nothing happens to them, and only what could be one of ours is told."""
    own = make(root, 0)
    (root / "lost+found").mkdir()
    (root / "theirs\x1b[2J").mkdir()
    (root / "theirs\x1b[2J" / "file").touch()
    begin(str(root / "verify_demo"), "5e5e5e5e5e5e", VERIFICATION)
    (root / "file").touch()
    (root / "dangling").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "s"))
        before = names(root)
        lines = "\n".join(pruned(own, Rules(last=1, failed=0))["lines"])
        assert names(root) == before
    assert "left alone  lost+found, theirs\\x1b[2J: no mark of a closeout" in lines
    assert "left alone  verify_demo: the record of a verification" in lines
    assert "left alone  dangling: a symbolic link" in lines
    assert "file" not in lines


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
@pytest.mark.parametrize("what", [".", "prod.sql", "logs"])
def test_what_is_somebody_else_s(root: Path, what: str) -> None:
    old, own = make(root, 9), make(root, 0)
    os.chown(old.path / what, 65534, 65534)
    assert "another user" in "\n".join(pruned(own)["lines"])
    assert old.path.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
@pytest.mark.parametrize("where", [".", "logs", "prod.dir"])
def test_a_mount_point(root: Path, tmp_path: Path, where: str) -> None:
    """Also one of the same file system, whose device is the same."""
    old, own = make(root, 9, files=2), make(root, 0)
    precious = tmp_path / "precious"
    shutil.copytree(old.path / where, precious)
    mounted = subprocess.run(
        ["mount", "--bind", str(precious), str(old.path / where)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting is not possible here")
    try:
        kept = sorted(precious.rglob("*"))
        assert "something is mounted in it" in "\n".join(pruned(own)["lines"])
        assert sorted(precious.rglob("*")) == kept and old.path.exists()
    finally:
        subprocess.run(["umount", str(old.path / where)], check=True, timeout=60)


# ---- runs that are not over


@pytest.mark.parametrize("result", ["ALL_PASS", "FAIL", None])
def test_a_run_that_is_at_work(root: Path, result: str | None) -> None:
    other, own = make(root, 9, result), make(root, 0)
    with at_work(other.run_id):
        assert "of a run that is at work" in "\n".join(pruned(own, Rules(last=1, failed=0))["lines"])
        assert other.path.exists()
    assert pruned(own, Rules(last=1, failed=0))["removed"] == [other.path.name]


@pytest.mark.parametrize("result", ["ALL_PASS", "FAIL", None])
def test_a_run_between_two_modules_has_no_lock(root: Path, result: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a line in the history it is over when nothing has changed for a day; a clock that went back is no day."""
    other, own = make(root, 9, result, told=False), make(root, 0)
    rules = Rules(last=1, failed=0)
    now = time.time()
    monkeypatch.setattr(_artefact_read, "seconds", lambda _text: 0.0)
    for later_s in (0.0, DAY_S - 100, -5 * DAY_S):
        monkeypatch.setattr(time, "time", lambda moment=now + later_s: moment)
        assert "may not be over" in "\n".join(pruned(own, rules)["lines"])
    monkeypatch.setattr(time, "time", lambda: now + DAY_S + 100)
    assert pruned(own, rules)["removed"] == [other.path.name]


def test_what_a_killed_run_left_is_known_by_name(root: Path) -> None:
    """There is no SHA256SUMS: what is not called as ours is somebody's, and so is what the reaper has yet to take."""
    left = [make(root, 9 + number, None) for number in range(3)]
    (left[0].path / "dump_cg_tables.txt").touch()
    (left[0].path / "closeout.md").touch()
    (left[1].path / "notes.md").touch()
    (left[2].path / "census.json.partial").touch()
    own = make(root, 0)
    assert pruned(own, Rules(failed=0))["removed"] == [left[0].path.name]
    assert names(root) == {one.path.name for one in (*left[1:], own)}


def test_a_slow_clock_does_not_make_a_backup_old(root: Path) -> None:
    """The last but one run believed that it was 2001; by the history it came after one of yesterday."""
    yesterday = make(root, 1)
    confused = make(root, 9000)
    own = make(root, 0)
    assert pruned(own, Rules(days=2))["removed"] == []
    assert pruned(own, Rules(last=2))["removed"] == [yesterday.path.name]
    assert confused.path.exists()


# ---- the run itself


def test_it_must_be_this_run_s_own_artefact(root: Path) -> None:
    old, own = make(root, 9), make(root, 0)
    for path, run_id in ((old.path, own.run_id), (own.path, ""), (root, own.run_id), (root / "none", own.run_id)):
        with pytest.raises(NotOurs):
            prune(str(path), run_id, ONE, check=False)
    _add_file(own)
    with pytest.raises(CloseoutError, match=r"not this run's artefact any more.*note\.txt"):
        pruned(own)
    (own.path / "note.txt").unlink()
    own.change(".closeout.json", whose={})
    with pytest.raises(CloseoutError, match="does not say whose it is"):
        pruned(own)
    assert names(root) == {old.path.name, own.path.name}


def test_a_history_that_is_not_ours_is_not_believed(root: Path) -> None:
    old, own = make(root, 9), make(root, 0)
    os.chmod(path_below(str(root)), 0o666)
    with pytest.raises(NotOurs):
        pruned(own)
    assert old.path.exists()


def test_one_run_removes_a_bounded_number(root: Path) -> None:
    for number in range(MOST + 3):
        make(root, 10 + number)
    own = make(root, 0)
    facts = pruned(own)
    assert len(facts["removed"]) == MOST and len(json.dumps(facts)) < 50_000
    assert f"one run removes {MOST} at most" in "\n".join(facts["lines"])
    assert len(pruned(own)["removed"]) == 3


# ---- the removal


def test_a_file_with_another_name_frees_nothing(root: Path, tmp_path: Path) -> None:
    old, own = make(root, 9), make(root, 0)
    kept = tmp_path / "kept.sql"
    os.link(old.path / "prod.sql", kept)
    size = kept.stat().st_size
    told = pruned(own, check=True)["freed_bytes"]
    assert pruned(own)["freed_bytes"] == told - size
    assert kept.stat().st_size == size


def test_what_cannot_be_removed_is_told_and_keeps_nothing_else_from_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, old, own = make(root, 9), make(root, 8), make(root, 0)
    rename = os.rename

    def refuse(name: str, other: str, **options: Any) -> None:
        if name == stuck.path.name:
            raise OSError(30, "Read-only file system")
        rename(name, other, **options)

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(CloseoutError, match=f"{stuck.path.name}: Read-only file system") as raised:
        pruned(own)
    assert raised.value.facts["removed"] == [old.path.name]
    assert f"not removed {stuck.path.name}: Read-only" in "\n".join(raised.value.facts["lines"])
    assert names(root) == {stuck.path.name, own.path.name}


def test_what_comes_at_the_last_moment_stays(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Just before its new name: it gets the old one back. After it: what was added stays, under the new one."""
    old, other, own = make(root, 9), make(root, 8), make(root, 0)
    rename, rmdir = _removal._rename, _removal._rmdir

    def renamed(name: str, new: str, parent: int) -> None:
        if name == old.path.name:
            (root / name / "note.txt").touch()
        rename(name, new, parent)

    def removed(name: str, parent: int) -> None:
        if name.startswith(other.path.name):
            (root / name / "note.txt").touch()
        rmdir(name, parent)

    monkeypatch.setattr(_removal, "_rename", renamed)
    monkeypatch.setattr(_removal, "_rmdir", removed)
    with pytest.raises(CloseoutError, match="Directory not empty") as raised:
        pruned(own)
    assert "it changed just when it was to be removed: note.txt" in "\n".join(raised.value.facts["lines"])
    assert len(list(old.path.rglob("*"))) > 8
    (rest,) = names(root) - {old.path.name, own.path.name}
    assert rest == f"{other.path.name}.removing-{own.run_id}"
    assert os.listdir(root / rest) == ["note.txt"]
    monkeypatch.undo()
    assert list(_removal.half_removed(str(root))) == []
    assert f"left alone  {rest}: being removed" in "\n".join(pruned(own, Rules(last=2))["lines"])


def cut_off(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """The power fails after so many files."""
    unlink, left = os.unlink, [after]

    def maybe(name: str, **options: Any) -> None:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        unlink(name, **options)

    monkeypatch.setattr(os, "unlink", maybe)


@pytest.mark.parametrize(
    ("result", "after"), [(result, after) for result, files in (("ALL_PASS", 9), (None, 5)) for after in range(files)]
)
def test_a_removal_that_was_cut_off_is_finished(
    root: Path, after: int, result: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing looks whole meanwhile; not while its remover is at work; and what somebody added stays."""
    old = make(root, 9, result, files=2)
    own = make(root, 0)
    with monkeypatch.context() as patched:
        cut_off(patched, after)
        with pytest.raises(KeyboardInterrupt):
            pruned(own, Rules(last=1, failed=0))
    going = root / f"{old.path.name}.removing-{own.run_id}"
    assert names(root) == {going.name, own.path.name}
    assert pruned(own, Rules(last=1, failed=0))["removed"] == []
    with at_work(own.run_id):
        assert list(_removal.half_removed(str(root))) == []
    (going / "note.txt").touch()
    assert list(_removal.half_removed(str(root))) == []
    (going / "note.txt").unlink()
    assert list(_removal.half_removed(str(root))) == [(str(going), own.run_id)]
    _removal.finish(str(going))
    assert names(root) == {own.path.name}


def test_an_empty_directory_is_what_the_last_moment_leaves(root: Path) -> None:
    (root / "closeout_1.removing-abc").mkdir(mode=0o700)
    (root / "closeout_2.removing-abc").mkdir(mode=0o755)
    (root / "closeout_3.removing-abc" / "theirs").mkdir(mode=0o700, parents=True)
    (root / "closeout_3.removing-abc").chmod(0o700)
    assert [path for path, _run in _removal.half_removed(str(root))] == [str(root / "closeout_1.removing-abc")]
    _removal.finish(str(root / "closeout_1.removing-abc"))
    _removal.finish(str(root / "closeout_2.removing-abc"))
    assert names(root) == {"closeout_3.removing-abc"}
    for number in (1, 3):
        with pytest.raises(CloseoutError):
            _removal.finish(str(root / f"closeout_{number}.removing-abc"))
    assert (root / "closeout_3.removing-abc" / "theirs").is_dir()


def test_another_one_in_its_place_is_left_alone(root: Path) -> None:
    old, own = make(root, 9), make(root, 0)
    artefact = _artefact_read.look_at(
        _artefact_read.Root(str(root), WHOSE, time.time(), {old.run_id: {"result": "ALL_PASS"}}),
        old.path.name,
        own.run_id,
    )
    old.change(".closeout.json", run_id="abcdef")
    with pytest.raises(LeftAlone, match="another one"):
        _removal.remove(str(root), artefact, own.run_id)
    assert old.path.is_dir() and len(names(root)) == 2


# ---- the plan


def settings(root: Path, **other: Any) -> dict[str, Any]:
    """What of effective settings matters here."""
    rules = {"keep_last": 0, "keep_days": 0, "keep_failed": ""}
    whose = {"production": WHOSE["production"], "db": WHOSE["db"], "schema": WHOSE["audited_schema"]}
    return {"root": str(root), "artefact": str(root / "closeout_new"), **rules, **whose, **other}


def test_the_plan_tells_what_would_go_if_the_run_passed(root: Path) -> None:
    old = [make(root, days) for days in (9, 8)]
    failed = make(root, 7, "FAIL")
    before = sorted(root.rglob("*"))
    assert forecast(settings(root), WHOSE["host"], "abc") == []
    lines = forecast(settings(root, keep_last=2, keep_failed=0), WHOSE["host"], "abc")
    assert [line for line in lines if line.startswith("would go")] == [
        f"would go    {one.path.name}: {kind}, {size}"
        for one, kind, size in (
            (old[0], "good", lines[1].rpartition(", ")[2]),
            (failed, "failed", lines[2].rpartition(", ")[2]),
        )
    ]
    assert "kept        closeout_new: of this run" in lines
    assert "would go    nothing" in forecast(settings(root, keep_last=1), "another", "abc")
    assert sorted(root.rglob("*")) == before


def test_a_root_that_is_not_there_has_nothing_to_go(tmp_path: Path) -> None:
    assert "would go    nothing" in forecast(settings(tmp_path / "none", keep_last=1), "prod1", "abc")
    (tmp_path / "file").touch()
    (line,) = forecast(settings(tmp_path / "file", keep_last=1), "prod1", "abc")
    assert line.startswith("retention   cannot be told: ")
