"""Files from one host to another, over real connections: the same bytes arrive, or nothing is said to have."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.playbook import LOCAL, PlaybookResult, run_playbook
from tests.support.sshd import sshd

HERE = LOCAL.removeprefix("localhost ")
_PLAY = """
- hosts: production
  gather_facts: false
  tasks:
    - incomex.closeout.closeout_copy: {host: there, state: "{{ state }}", run_id: 0123456789ab, paths: "{{ paths }}"}
      register: copied
"""


def copied(tmp_path: Path, paths: dict[str, str], there: str = HERE, state: str = "lent") -> PlaybookResult:
    """Copy by a play of one task; production is this host."""
    playbook = tmp_path / "play.yml"
    playbook.write_text(_PLAY)
    inventory = f"production {HERE}\nthere {there}\n"
    return run_playbook({"paths": paths, "state": state}, playbook=str(playbook), inventory=inventory)


@pytest.mark.skipif(os.geteuid() != 0, reason="sshd needs root")
def test_the_same_bytes_arrive_over_ssh(tmp_path: Path) -> None:
    """Every byte value, more than one piece, an empty file, a directory, names that a shell would take for its own."""
    source, target = tmp_path / "a 'b", tmp_path / "there $(x)"
    (source / "dir").mkdir(parents=True)
    target.mkdir()
    big = bytes(range(256)) * 80000 + b"\r\n\x04\x00end"
    (source / "big").write_bytes(big)
    (source / "empty").write_bytes(b"")
    (source / "dir" / "toc.dat").write_bytes(b"\x7ftoc\n")
    (source / "dir" / "1.dat.gz").write_bytes(os.urandom(70000))
    paths = {str(source / name): str(target / name) for name in ("big", "empty", "dir")}
    with sshd() as there:
        result = copied(tmp_path, paths, there.inventory)
        assert result.rc == 0, result.stdout
        task = result.task("closeout_copy")["result"]
        assert (task["files"], task["run_id"]) == (4, "0123456789ab")
        assert (target / "big").read_bytes() == big and (target / "empty").read_bytes() == b""
        for name in ("toc.dat", "1.dat.gz"):
            assert (target / "dir" / name).read_bytes() == (source / "dir" / name).read_bytes()
        assert {path.stat().st_mode & 0o777 for path in target.rglob("*") if path.is_file()} == {0o600}
        # Again, over what is there; and back. What is not there, there, is left out.
        (source / "big").write_bytes(b"short")
        assert copied(tmp_path, {str(source / "big"): str(target / "big")}, there.inventory).rc == 0
        assert (target / "big").read_bytes() == b"short"
        back = {str(target / name): str(source / f"{name}.back") for name in ("big", "none")}
        result = copied(tmp_path, back, there.inventory, state="fetched")
    assert result.rc == 0 and result.task("closeout_copy")["result"]["files"] == 1
    assert (source / "big.back").read_bytes() == b"short" and not (source / "none.back").exists()


@pytest.mark.parametrize(
    ("path", "to", "said"),
    [
        ("none", "x", "there is no such file"),
        ("file", "no/such/directory", "could not be copied to there"),
        ("file", "", "could not be copied to there"),
    ],
)
def test_what_cannot_be_copied_is_said(tmp_path: Path, path: str, to: str, said: str) -> None:
    (tmp_path / "file").write_bytes(b"x")
    result = copied(tmp_path, {str(tmp_path / path): f"{tmp_path}/{to}"})
    assert result.rc != 0
    message = result.task("closeout_copy")["result"]["msg"]
    assert said in message and str(tmp_path / path) in message


def test_another_content_is_found(tmp_path: Path) -> None:
    """What arrives is hashed where it lies: a file that cannot hold it is found, though every write went well."""
    (tmp_path / "file").write_bytes(b"content")
    result = copied(tmp_path, {str(tmp_path / "file"): "/dev/null"})
    assert result.rc != 0
    assert "its sha256 there is" in result.task("closeout_copy")["result"]["msg"]


def test_a_host_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    gone = "ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1"
    result = copied(tmp_path, {str(tmp_path / "file"): str(tmp_path / "x")}, gone)
    assert result.rc != 0 and "127.0.0.1 port 1" in str(result.task("closeout_copy")["result"]["msg"])
    assert not (tmp_path / "x").exists()


def test_a_host_that_is_not_honest_gets_no_further(tmp_path: Path) -> None:
    """What comes back is a file of a name of ours: no directory, whatever names are in it."""
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "x").write_bytes(b"x")
    result = copied(tmp_path, {str(tmp_path / "report"): str(tmp_path / "here")}, state="fetched")
    assert result.rc != 0 and "a directory was found" in result.task("closeout_copy")["result"]["msg"]
    assert not (tmp_path / "here").exists()


def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a host that answers for `ls` could say it."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "ls").write_text("#!/bin/sh\necho ../../evil\n")
    (programs / "ls").chmod(0o755)
    (tmp_path / "dir").mkdir()
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    result = copied(tmp_path, {str(tmp_path / "dir"): str(tmp_path / "a" / "b" / "c")})
    assert result.rc != 0 and "a name that no file has" in result.task("closeout_copy")["result"]["msg"]
    assert not (tmp_path / "a").exists()
