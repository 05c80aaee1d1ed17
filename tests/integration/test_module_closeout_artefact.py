"""closeout_artefact: a directory made by nobody else, confirmed by reading it again, sealed as sha256sum reads it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.module_options import fails, sha256sum, shipped, succeeds
from tests.support.playbook import LOCAL, run_playbook

RUN = "a1b2c3d4e5f6"


def asked(path: Path, state: str, **more: Any) -> dict[str, Any]:
    """Arguments for the directory of our run."""
    return {"path": str(path), "state": state, "run_id": RUN, **more}


def tree(path: Path) -> dict[str, str]:
    """Every path below with its mode and, of a file, its content's digest."""
    return {
        str(one.relative_to(path)): f"{stat.S_IMODE(one.stat().st_mode):o} {sha256sum(one) if one.is_file() else ''}"
        for one in path.rglob("*")
    }


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A directory of our run."""
    path = tmp_path / "root" / "label_20260516T104634Z"
    succeeds("closeout_artefact", asked(path, "begun"))
    return path


def test_begun_checked_made_and_never_made_twice(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "root" / "label_1"
    assert succeeds("closeout_artefact", asked(path, "begun"), check=True)["changed"] is True
    assert list(tmp_path.iterdir()) == []
    made = succeeds("closeout_artefact", asked(path, "begun"))
    assert (made["changed"], made["path"], made["run_id"]) == (True, str(path), RUN)
    for directory in (tmp_path / "deep" / "root", path, path / "logs"):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    marker = path / ".closeout.json"
    assert stat.S_IMODE(marker.stat().st_mode) == 0o600
    assert json.loads(marker.read_text())["run_id"] == RUN
    assert {one.name for one in path.iterdir()} == {".closeout.json", "logs"}
    before = tree(tmp_path)
    for other in (RUN, "ffffffffffff"):
        refused = fails("closeout_artefact", asked(path, "begun", run_id=other))
        assert "exists already" in refused.msg and str(path) in refused.msg
    assert tree(tmp_path) == before


def test_begun_in_check_mode_says_what_stands_in_the_way(begun: Path) -> None:
    refused = fails("closeout_artefact", asked(begun, "begun"), check=True)
    assert "exists already" in refused.msg


def test_begun_where_nothing_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for path in (tmp_path / "file" / "label_1", Path("/proc/closeout/label_1"), tmp_path / "link"):
        refused = fails("closeout_artefact", asked(path, "begun"))
        assert str(path) in refused.msg
    assert (tmp_path / "file").read_text() == "x" and not (tmp_path / "elsewhere").exists()


def test_confirmed_reads_the_dump_again_and_writes_the_lists(begun: Path) -> None:
    dump = begun / "prod.sql"
    dump.write_bytes(b"-- \x00\xff\n" * 300000)
    lists = {"dump_cg_tables.txt": ["verify_result", 'a"b', "new\nline", "Điều"], "restoretest_cg_tables.txt": []}
    arguments = asked(begun, "confirmed", dump=str(dump), lists=lists)
    before = tree(begun)
    checked = succeeds("closeout_artefact", arguments, check=True)
    assert tree(begun) == before
    facts = succeeds("closeout_artefact", arguments)
    for one in (checked, facts):
        assert (one["sha256_confirmed"], one["size_bytes"]) == (sha256sum(dump), dump.stat().st_size)
        assert one["changed"] is True
    assert (begun / "dump_cg_tables.txt").read_text() == 'verify_result\na"b\n"new\\nline"\nĐiều\n'
    assert (begun / "restoretest_cg_tables.txt").read_text() == ""
    assert {stat.S_IMODE(one.stat().st_mode) for one in begun.glob("*.txt")} == {0o600}
    listed = {one["name"]: one["size_bytes"] for one in facts["directory"]}
    for name in ("prod.sql", "dump_cg_tables.txt", "restoretest_cg_tables.txt", ".closeout.json"):
        assert listed[name] == (begun / name).stat().st_size
    assert {name for name, size in listed.items() if size is None} == {
        "RESTORE.md",
        "SHA256SUMS",
        "closeout.html",
        "closeout.json",
        "closeout.md",
    }
    dump.write_bytes(b"changed")
    again = succeeds("closeout_artefact", arguments)
    assert again["sha256_confirmed"] == sha256sum(dump) != facts["sha256_confirmed"]


def test_confirmed_without_a_dump_has_no_digest(begun: Path) -> None:
    facts = succeeds("closeout_artefact", asked(begun, "confirmed"))
    assert "sha256_confirmed" not in facts and facts["changed"] is False
    refused = fails("closeout_artefact", asked(begun, "confirmed", dump=str(begun / "absent.sql")))
    assert str(begun / "absent.sql") in refused.msg


@pytest.mark.parametrize("name", ["../escaped.txt", "/tmp/closeout-escaped.txt", "a/b.txt", "", "..", "."])
def test_confirmed_writes_lists_nowhere_else(name: str, begun: Path) -> None:
    before = tree(begun.parent)
    refused = fails("closeout_artefact", asked(begun, "confirmed", lists={name: ["x"]}))
    assert "no file name" in refused.msg
    assert tree(begun.parent) == before


def test_confirmed_replaces_a_link_and_does_not_follow_it(begun: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (begun / "list.txt").symlink_to(tmp_path / "precious")
    succeeds("closeout_artefact", asked(begun, "confirmed", lists={"list.txt": ["x"]}))
    assert (tmp_path / "precious").read_text() == "precious"
    assert (begun / "list.txt").read_text() == "x\n" and not (begun / "list.txt").is_symlink()


def test_sealed_as_sha256sum_reads_it(begun: Path) -> None:
    for name in ("prod.sql", "logs/pg_dump.log", "with blank.txt", "back\\slash", "new\nline"):
        (begun / name).write_text(f"content of {name}")
    known = {"prod.sql": sha256sum(begun / "prod.sql")}
    before = tree(begun)
    checked = succeeds("closeout_artefact", asked(begun, "sealed", known_sha256=known), check=True)
    assert checked["changed"] is True and tree(begun) == before
    facts = succeeds("closeout_artefact", asked(begun, "sealed", known_sha256=known))
    sums = begun / "SHA256SUMS"
    assert facts["sums_sha256"] == sha256sum(sums) and stat.S_IMODE(sums.stat().st_mode) == 0o600
    done = _check(begun)
    assert (done.returncode, done.stdout.count(": OK")) == (0, 6), done
    again = succeeds("closeout_artefact", asked(begun, "sealed"))
    assert again["sums_sha256"] == facts["sums_sha256"] and again["files"] == 6
    (begun / "prod.sql").write_text("damaged")
    assert _check(begun).returncode == 1


def _check(directory: Path) -> subprocess.CompletedProcess[str]:
    """`sha256sum -c`, strictly."""
    return subprocess.run(
        ["sha256sum", "--strict", "-c", "SHA256SUMS"],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("state", ["confirmed", "sealed"])
@pytest.mark.parametrize("check", [True, False])
def test_a_directory_that_is_not_ours_is_not_touched(state: str, check: bool, begun: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "file").write_text("x")
    before = tree(tmp_path)
    more = {"lists": {"list.txt": ["x"]}}
    for path, run_id, words in (
        (foreign, RUN, "not an artefact directory"),
        (tmp_path / "absent", RUN, "not an artefact directory"),
        (begun, "ffffffffffff", "belongs to another run"),
        (begun, "", "another run"),
    ):
        refused = fails("closeout_artefact", asked(path, state, run_id=run_id, **more), check=check)
        assert words in refused.msg and str(path) in refused.msg
    for marker in ("", "[]", "{}", '{"run_id": null}'):
        (foreign / ".closeout.json").write_text(marker)
        fails("closeout_artefact", asked(foreign, state, **more), check=check)
        (foreign / ".closeout.json").unlink()
    assert tree(tmp_path) == before


def test_begun_needs_a_run_id(tmp_path: Path) -> None:
    refused = fails("closeout_artefact", asked(tmp_path / "label_1", "begun", run_id=""))
    assert "run" in refused.msg and not (tmp_path / "label_1").exists()


def test_as_ansible_ships_it(tmp_path: Path) -> None:
    path = tmp_path / "label_1"
    assert shipped("closeout_artefact", asked(path, "begun"))["changed"] is True
    assert shipped("closeout_artefact", asked(path, "sealed"))["files"] == 1
    assert _check(path).returncode == 0


def test_the_umask_of_the_target_s_user_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "label_1"
    before = os.umask(0)
    try:
        succeeds("closeout_artefact", asked(path, "begun"))
        succeeds("closeout_artefact", asked(path, "sealed"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert {stat.S_IMODE(one.stat().st_mode) for one in path.rglob("*") if one.is_file()} == {0o600}


@pytest.mark.parametrize("state", ["recorded", "sealed"])
def test_evidence_and_record_are_written_and_not_told_again(begun: Path, state: str) -> None:
    page = f"<!DOCTYPE html>\n<p>ü {'long ' * 50000}</p>\n"
    texts = {"evidence": {"name": "a \x1b[31m ü", "ids": ["7281"]}, "record": "# Record\nü\n", "page": page}
    assert succeeds("closeout_artefact", asked(begun, state, **texts), check=True)["changed"] is True
    assert not (begun / "closeout.json").exists()
    for _twice in range(2):
        facts = succeeds("closeout_artefact", asked(begun, state, **texts))
        assert facts["changed"] is True
        assert not [word for word in ("# Record", "7281", "long") if word in json.dumps(facts)]
        assert json.loads((begun / "closeout.json").read_text()) == texts["evidence"]
        assert (begun / "closeout.md").read_text() == texts["record"]
        assert (begun / "closeout.html").read_text() == texts["page"]
    written = ("closeout.json", "closeout.md", "closeout.html")
    assert {stat.S_IMODE((begun / name).stat().st_mode) for name in written} == {0o600}
    sums = begun / "SHA256SUMS"
    assert sums.exists() is (state == "sealed")
    if sums.exists():
        assert not [name for name in written if name not in sums.read_text()]


_AGAIN = """
- hosts: localhost
  gather_facts: false
  tasks:
    - incomex.closeout.closeout_artefact:
        {{state: begun, path: {path}, run_id: 4f0c7a91b2d3}}
    - incomex.closeout.closeout_artefact:
        state: recorded
        path: {path}
        run_id: 4f0c7a91b2d3
        record: the record
      register: recorded
      until: recorded.attempts | default(1) == 2
      retries: 3
      delay: 0
"""


def test_a_task_that_is_tried_again_has_its_arguments(tmp_path: Path) -> None:
    """The action takes what is large out of a task that is done, and leaves one that may come once more as it is."""
    playbook = tmp_path / "again.yml"
    playbook.write_text(_AGAIN.format(path=tmp_path / "artefact"))
    result = run_playbook({}, playbook=str(playbook), inventory=LOCAL)
    recorded = result.tasks[-1]["result"]
    assert (result.rc, recorded["attempts"], recorded["changed"]) == (0, 2, True), result.stdout
