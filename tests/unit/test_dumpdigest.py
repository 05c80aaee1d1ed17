"""Size and digest of a dump: of a directory they are those of all its files, and coreutils give the same."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._dumpdigest import assert_dump, read_dump, size_of
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """A directory as pg_dump writes one."""
    directory = tmp_path / "prod.dir"
    directory.mkdir()
    files = {"toc.dat": b"PGDMP", "3201.dat": b"1\t2\n", "3199.dat.gz": b"", "B": b"b", "a": b"a"}
    for name, content in files.items():
        (directory / name).write_bytes(content)
    return directory


def coreutils(directory: Path) -> str:
    """The documented command."""
    command = ["sh", "-c", "LC_ALL=C sha256sum -- * | sha256sum"]
    return subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True).stdout.split()[0]


def test_of_a_directory(dump: Path) -> None:
    found = read_dump(str(dump))
    assert found.sha256 == coreutils(dump)
    assert found.size_bytes == size_of(str(dump)) == 5 + 4 + 1 + 1


def test_of_a_file(dump: Path) -> None:
    path = dump / "3201.dat"
    found = read_dump(str(path))
    assert (found.size_bytes, found.sha256) == (4, subprocess.check_output(["sha256sum", path], text=True).split()[0])
    assert size_of(str(path)) == 4


@pytest.mark.parametrize("change", ["content", "name", "one more", "one less"])
def test_whatever_changes_it_changes_the_digest(dump: Path, change: str) -> None:
    before = read_dump(str(dump)).sha256
    if change == "content":
        (dump / "3201.dat").write_bytes(b"1\t3\n")
    elif change == "name":
        (dump / "3201.dat").rename(dump / "3202.dat")
    elif change == "one more":
        (dump / "3300.dat").write_bytes(b"")
    else:
        (dump / "3199.dat.gz").unlink()
    assert read_dump(str(dump)).sha256 != before == before


@pytest.mark.parametrize("strange", ["directory", "link", "fifo"])
def test_only_plain_files_may_be_in_it(dump: Path, strange: str) -> None:
    path = dump / "9"
    {"directory": path.mkdir, "link": lambda: path.symlink_to("a"), "fifo": lambda: os.mkfifo(path)}[strange]()
    with pytest.raises(CloseoutError, match="cannot be read"):
        read_dump(str(dump))


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    for look in (read_dump, assert_dump):
        with pytest.raises(CloseoutError, match="cannot be read"):
            look(str(tmp_path / "none"))
