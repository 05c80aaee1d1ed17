"""The artefact directory: made by us alone, and what is in it can be checked with sha256sum."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils import _artefact
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError, NotOurs

RUN = "4f0c7a91b2d3"


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    """A directory that was begun."""
    path = tmp_path / "root" / "closeout_20260516T104634Z"
    _artefact.begin(str(path), RUN)
    return path


def test_it_is_private_and_marked(artefact: Path) -> None:
    assert sorted(os.listdir(artefact)) == [".closeout.json", "logs"]
    for path in (artefact.parent, artefact, artefact / "logs"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE((artefact / ".closeout.json").stat().st_mode) == 0o600
    assert json.loads((artefact / ".closeout.json").read_text())["run_id"] == RUN
    _artefact.assert_ours(str(artefact), RUN)


@pytest.mark.parametrize("there", ["directory", "file", "link"])
def test_what_exists_is_not_begun(tmp_path: Path, there: str) -> None:
    path = tmp_path / "a"
    if there == "directory":
        path.mkdir()
        (path / "theirs").write_text("x")
    elif there == "file":
        path.write_text("x")
    else:
        (tmp_path / "target").mkdir()
        path.symlink_to("target")
    with pytest.raises(CloseoutError, match="exists already"):
        _artefact.begin(str(path), RUN)
    assert there != "directory" or os.listdir(path) == ["theirs"]
    assert there != "link" or os.listdir(tmp_path / "target") == []


def test_it_is_begun_once(artefact: Path) -> None:
    with pytest.raises(CloseoutError, match="exists already"):
        _artefact.begin(str(artefact), RUN)


def test_a_root_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("a file")
    with pytest.raises(CloseoutError, match=r"cannot be made|exists already"):
        _artefact.begin(str(tmp_path / "root" / "a"), RUN)
    assert (tmp_path / "root").read_text() == "a file"


def test_a_beginning_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: str, content: bytes, *, replace: bool = False) -> None:
        raise CloseoutError("disk full")

    monkeypatch.setattr(_artefact, "write_whole", full)
    with pytest.raises(CloseoutError, match="disk full"):
        _artefact.begin(str(tmp_path / "a"), RUN)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "mark", [None, "", "{", "[]", "null", "{}", '{"run_id": "another"}', '{"run_id": ""}', '{"run_id": null}']
)
def test_a_directory_without_our_mark_is_refused(tmp_path: Path, mark: str | None) -> None:
    path = tmp_path / "a"
    path.mkdir()
    if mark is not None:
        (path / ".closeout.json").write_text(mark)
    for run in (RUN, ""):
        with pytest.raises(NotOurs):
            _artefact.assert_ours(str(path), run)


@pytest.mark.parametrize("state", ["confirmed", "sealed"])
@pytest.mark.parametrize("check", [False, True])
def test_no_state_touches_a_foreign_directory(artefact: Path, state: str, check: bool) -> None:
    before = sorted(os.listdir(artefact))
    parameters = {
        "path": str(artefact),
        "run_id": "another",
        "state": state,
        "lists": {"a.txt": ["x"]},
        "dump": "",
        "known_sha256": {},
        "sign_key": "",
        "kind": "closeout",
    }
    with pytest.raises(NotOurs):
        _artefact.bring_to(parameters, check=check)
    assert sorted(os.listdir(artefact)) == before


@pytest.mark.parametrize("state", ["begun", "confirmed", "sealed"])
def test_check_mode_writes_nothing(artefact: Path, state: str) -> None:
    before = sorted(os.listdir(artefact))
    path = str(artefact) if state != "begun" else str(artefact) + "x"
    parameters: dict[str, Any] = {
        "path": path,
        "run_id": RUN,
        "state": state,
        "lists": {"a.txt": ["x"]},
        "dump": "",
        "known_sha256": {},
        "sign_key": "",
        "kind": "closeout",
    }
    assert _artefact.bring_to(parameters, check=True)["changed"] is True
    assert sorted(os.listdir(artefact)) == before
    assert os.listdir(artefact.parent) == [artefact.name]


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ([], ""),
        (["a", "b c"], "a\nb c\n"),
        (["a\nb"], '"a\\nb"\n'),
        (["a\tb\x7f\x1b[31m"], '"a\\tb\\u007f\\u001b[31m"\n'),
        (["größe"], "größe\n"),
    ],
)
def test_a_list_has_one_line_a_name(artefact: Path, entries: list[str], text: str) -> None:
    for _turn in range(2):
        assert _artefact.write_lists(str(artefact), {"dump_cg_tables.txt": entries}) == [
            str(artefact / "dump_cg_tables.txt")
        ]
    assert (artefact / "dump_cg_tables.txt").read_text() == text


@pytest.mark.parametrize("name", ["", ".", "..", "../a", "a/b", "/a"])
def test_a_list_cannot_leave_the_directory(artefact: Path, name: str) -> None:
    with pytest.raises(CloseoutError, match="no file name"):
        _artefact.write_lists(str(artefact), {name: ["x"]})


_ODD = [
    "plain.sql",
    "with blank",
    "new\nline",
    "back\\slash",
    "both\\\nof them",
    " lead",
    "-dash",
    "größe",
    "*star",
    "it's",
    '"q"',
]


def test_sha256sum_accepts_the_sums(artefact: Path) -> None:
    """Every file is in it but the list itself, whatever its name; and a changed byte is found."""
    for name in _ODD:
        (artefact / name).write_bytes(name.encode())
    (artefact / "logs" / "pg_dump.log").write_bytes(b"")
    (artefact / "SHA256SUMS").write_bytes(b"an older one")
    facts = _artefact.seal(str(artefact), {})
    assert facts["files"] == len(_ODD) + 2
    assert facts["sums_sha256"] == hashlib.sha256((artefact / "SHA256SUMS").read_bytes()).hexdigest()

    def check() -> subprocess.CompletedProcess[str]:
        argv = ["sha256sum", "--check", "--strict", "--status", "SHA256SUMS"]
        return subprocess.run(argv, cwd=artefact, capture_output=True, text=True, check=False)

    done = check()
    assert (done.returncode, done.stderr) == (0, "")
    for name in [*_ODD, ".closeout.json", "logs/pg_dump.log"]:
        content = (artefact / name).read_bytes()
        (artefact / name).write_bytes(content + b"x")
        assert check().returncode == 1, name
        (artefact / name).write_bytes(content)
    assert check().returncode == 0


def test_a_known_sum_is_taken_as_it_is(artefact: Path) -> None:
    (artefact / "a").write_bytes(b"x")
    _artefact.seal(str(artefact), {"a": "ab" * 32})
    assert f"{'ab' * 32}  a\n" in (artefact / "SHA256SUMS").read_text()


def test_the_listing_has_what_is_there_and_what_is_to_come(artefact: Path) -> None:
    (artefact / "a.sql").write_bytes(b"12345")
    (artefact / "closeout.json").write_bytes(b"stale")
    listed = {one["name"]: one["size_bytes"] for one in _artefact.listing(str(artefact))}
    assert listed.pop(".closeout.json") > 0
    record = dict.fromkeys(("RESTORE.md", "SHA256SUMS", "closeout.html", "closeout.json", "closeout.md"))
    assert listed == {"a.sql": 5, **record}
    (artefact / "globals.json").write_bytes(b"{}")
    signed = {one["name"]: one["size_bytes"] for one in _artefact.listing(str(artefact), signed=True)}
    more = dict.fromkeys(("SHA256SUMS.sig", "globals.sql", "settings.sql"))
    assert {name: size for name, size in signed.items() if size is None} == {**record, **more}


def test_a_dump_that_is_a_directory_is_one_entry_of_the_listing(artefact: Path) -> None:
    dump = artefact / "prod.dir"
    dump.mkdir()
    (dump / "toc.dat").write_bytes(b"12345")
    (dump / "1.dat").write_bytes(b"678")
    (artefact / "prod.directory").write_bytes(b"9")
    listed = {one["name"]: one["size_bytes"] for one in _artefact.listing(str(artefact), str(dump))}
    assert (listed["prod.dir"], listed["prod.directory"]) == (8, 1)
    assert not [name for name in listed if name.startswith("prod.dir/")]
    _artefact.seal(str(artefact), {})
    assert "  prod.dir/toc.dat\n" in (artefact / "SHA256SUMS").read_text()


def test_the_dump_is_read_again(artefact: Path) -> None:
    dump = artefact / "a.sql"
    dump.write_bytes(b"12345")
    parameters = {
        "path": str(artefact),
        "run_id": RUN,
        "state": "confirmed",
        "lists": {"l.txt": ["t"]},
        "dump": str(dump),
        "sign_key": "",
        "kind": "closeout",
    }
    facts = _artefact.bring_to(parameters, check=False)
    assert facts["sha256_confirmed"] == hashlib.sha256(b"12345").hexdigest()
    assert facts["size_bytes"] == 5
    assert {"name": "l.txt", "size_bytes": 2} in facts["directory"]
    dump.write_bytes(b"12346")
    assert _artefact.bring_to(parameters, check=False)["sha256_confirmed"] == hashlib.sha256(b"12346").hexdigest()
