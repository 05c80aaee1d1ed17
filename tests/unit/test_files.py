"""Files are private, and whole or not there."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError
from ansible_collections.incomex.closeout.plugins.module_utils._files import (
    NewFile,
    new_file,
    pieces_of,
    read_whole,
    sha256_of,
    write_whole,
)


def names(path: Path) -> list[str]:
    """Return what is in a directory."""
    return sorted(os.listdir(path))


def test_a_file_has_its_name_only_when_it_is_complete(tmp_path: Path) -> None:
    with new_file(str(tmp_path / "a")) as file:
        file.write(b"one")
        file.write(b"")
        file.write(b"two")
        assert names(tmp_path) == ["a.partial"]
        assert stat.S_IMODE((tmp_path / "a.partial").stat().st_mode) == 0o600
        file.complete()
        assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"onetwo"


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_a_file_is_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write_whole(str(tmp_path / "a"), b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


@pytest.mark.parametrize("failure", [None, ValueError("no"), KeyboardInterrupt()])
def test_without_complete_nothing_is_left(tmp_path: Path, failure: BaseException | None) -> None:
    def write() -> None:
        with new_file(str(tmp_path / "a")) as file:
            file.write(b"half")
            if failure is not None:
                raise failure

    if failure is None:
        write()
    else:
        with pytest.raises(type(failure)):
            write()
    assert names(tmp_path) == []


@pytest.mark.parametrize("there", ["file", "link", "dangling link", "directory"])
def test_nothing_is_overwritten(tmp_path: Path, there: str) -> None:
    path = tmp_path / "a"
    if there == "file":
        path.write_bytes(b"old")
    elif there == "directory":
        path.mkdir()
    else:
        (tmp_path / "target").write_bytes(b"old") if there == "link" else None
        path.symlink_to("target")
    before = names(tmp_path)
    with pytest.raises(CloseoutError, match="exists already"):
        write_whole(str(path), b"new")
    assert names(tmp_path) == before


def test_what_is_replaced_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with new_file(str(path), replace=True) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
        file.complete()
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("there", ["file", "link"])
def test_a_partial_file_of_somebody_else_is_not_touched(tmp_path: Path, there: str) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"theirs")
    partial = tmp_path / "a.partial"
    partial.symlink_to(target) if there == "link" else partial.write_bytes(b"theirs")
    with pytest.raises(CloseoutError, match="cannot be written"):
        write_whole(str(tmp_path / "a"), b"ours")
    assert (partial.read_bytes(), target.read_bytes()) == (b"theirs", b"theirs")


class _Reluctant:
    """A file that takes some bytes at a time, as a full pipe or a signal makes it do; and then none."""

    def __init__(self, limit: int) -> None:
        self.taken = b""
        self.limit = limit

    def write(self, view: memoryview) -> int:
        """Take at most three bytes."""
        if len(self.taken) >= self.limit:
            raise OSError(28, "No space left on device")
        self.taken += bytes(view[:3])
        return min(3, len(view))

    def close(self) -> None:
        """Nothing to do."""


def test_every_byte_is_written(tmp_path: Path) -> None:
    """A short write is gone on with; a full disk is told."""
    file = NewFile(str(tmp_path / "a"))
    descriptor, reluctant = file._file, _Reluctant(14)
    descriptor.close()
    vars(file)["_file"] = reluctant
    file.write(b"0123456789")
    assert reluctant.taken == b"0123456789"
    with pytest.raises(CloseoutError, match="cannot be written") as caught:
        file.write(b"0123456789")
    assert caught.value.found == "No space left on device"
    file.discard()
    assert names(tmp_path) == []


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CloseoutError, match="cannot be written") as caught:
        write_whole(str(tmp_path / "none" / "a"), b"x")
    assert caught.value.found == "No such file or directory"


def test_discard_may_be_repeated(tmp_path: Path) -> None:
    file = NewFile(str(tmp_path / "a"))
    file.discard()
    file.discard()
    assert names(tmp_path) == []


def test_a_file_is_read_whole_up_to_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 10)
    assert read_whole(str(path), 10) == b"x" * 10
    with pytest.raises(CloseoutError, match="too large"):
        read_whole(str(path), 9)


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (3 << 20) + 7])
def test_pieces_are_the_file(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    path = tmp_path / "a"
    path.write_bytes(content)
    assert b"".join(pieces_of(str(path))) == content
    assert sha256_of(str(path)) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("kind", ["none", "link", "directory"])
def test_what_is_no_regular_file_is_not_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    if kind == "link":
        (tmp_path / "b").write_bytes(b"x")
        path.symlink_to("b")
    elif kind == "directory":
        path.mkdir()
    for read in (read_whole, sha256_of, lambda name: list(pieces_of(name))):
        with pytest.raises(CloseoutError, match="cannot be read"):
            read(str(path))
