"""Compressing and decompressing by the host's programs: nothing gets lost, nothing damaged is taken for whole."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils import _compression
from ansible_collections.incomex.closeout.plugins.module_utils._compression import (
    COMPRESSIONS,
    Compressor,
    compression_of,
    decompressed,
    most_of,
    suffix_of,
)
from ansible_collections.incomex.closeout.plugins.module_utils._dumptext import DumpFile
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError, ProgramFailed
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.usefixtures("compressors")
KINDS = [name for name in COMPRESSIONS if name != "none"]
LARGE = b"".join(b"%d\trow of a table\n" % number for number in range(150_000))


def compress(pieces: list[bytes], compression: str, level: int = 0) -> bytes:
    taken = bytearray()
    compressor = Compressor(compression, level, taken.extend)
    try:
        for piece in pieces:
            compressor.take(piece)
        compressor.finish()
    finally:
        compressor.stop()
    return bytes(taken)


@settings(max_examples=15)
@given(st.lists(st.binary(max_size=2000), max_size=6), st.sampled_from(KINDS))
def test_what_goes_in_comes_out(pieces: list[bytes], compression: str) -> None:
    small = compress(pieces, compression)
    assert compression_of(small) == compression
    assert b"".join(decompressed([small], compression)) == b"".join(pieces)


@pytest.mark.parametrize("compression", KINDS)
def test_much_goes_through_and_levels_are_the_programs_own(compression: str) -> None:
    sizes = []
    for level in (1, most_of(compression)):
        small = compress([LARGE[:1_000_000], LARGE[1_000_000:]], compression, level)
        sizes.append(len(small))
        pieces = [small[start : start + 65536] for start in range(0, len(small), 65536)]
        assert b"".join(decompressed(pieces, compression)) == LARGE
    assert sizes[1] != sizes[0] < len(LARGE)
    assert suffix_of(compression).startswith(".")


def test_nothing_is_nothing() -> None:
    assert (suffix_of("none"), most_of("none")) == ("", 0)
    assert compression_of(b"--\n-- PostgreSQL database dump\n") == compression_of(b"") == "none"
    assert list(decompressed([b"a", b"b"], "none")) == [b"a", b"b"]


@pytest.mark.parametrize("compression", KINDS)
@pytest.mark.parametrize("damage", ["cut", "changed", "more"])
def test_a_damaged_file_is_not_taken_for_whole(compression: str, damage: str) -> None:
    small = compress([LARGE], compression)
    middle = len(small) // 2
    damaged = {
        "cut": small[:middle],
        "changed": small[:middle] + bytes(byte ^ 0xFF for byte in small[middle : middle + 64]) + small[middle + 64 :],
        "more": small + b"not compressed",
    }[damage]
    with pytest.raises(ProgramFailed, match=f"a whole {compression} file"):
        for _piece in decompressed([damaged], compression):
            pass


@pytest.mark.parametrize("compression", KINDS)
def test_a_program_that_is_missing_is_named(compression: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_compression, "HOST_PATH", "/nowhere")
    with pytest.raises(ProgramFailed, match=f"The program {compression} is not installed"):
        Compressor(compression, 0, lambda piece: None)


def test_what_the_taker_raises_is_raised_where_the_stream_comes_from() -> None:
    def full(piece: bytes) -> None:
        raise CloseoutError("the disk is full")

    compressor = Compressor("lz4", 1, full)
    with pytest.raises(CloseoutError, match="the disk is full"):
        # More than pipes and buffers hold: it is raised on the way, not at the end.
        for _turn in range(1000):
            compressor.take(os.urandom(1 << 20))
    compressor.stop()
    compressor = Compressor("zstd", 0, full)
    compressor.take(b"a little")
    with pytest.raises(CloseoutError, match="the disk is full"):
        compressor.finish()
    compressor.stop()


def test_a_program_that_is_killed_is_an_error_and_stopping_ends_it() -> None:
    compressor = Compressor("zstd", 0, lambda piece: None)
    compressor.take(b"a")
    compressor._process.kill()
    with pytest.raises(ProgramFailed, match="zstd failed"):
        compressor.take(LARGE)
        compressor.finish()
    compressor.stop()
    compressor = Compressor("gzip", 9, lambda piece: None)
    compressor.take(LARGE)
    compressor.stop()
    assert compressor._process.returncode is not None


def test_a_program_that_ends_early_with_0_is_an_error_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "zstd"
    fake.write_text("#!/bin/sh\nexit 0\n")
    fake.chmod(0o755)
    monkeypatch.setattr(_compression, "HOST_PATH", str(tmp_path))
    compressor = Compressor("zstd", 0, lambda piece: None)
    with pytest.raises(ProgramFailed, match="an end before that"):
        for _turn in range(100):
            compressor.take(LARGE)
    compressor.stop()


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_text_is_read_forwards_wherever_it_lies(compression: str, tmp_path: Path) -> None:
    path = tmp_path / "dump"
    path.write_bytes(LARGE if compression == "none" else compress([LARGE], compression))
    assert DumpFile(str(path)).kind() == compression
    assert b"".join(DumpFile(str(path)).text()) == LARGE
    with DumpFile(str(path)).open_text() as text:
        assert text.read(10) == LARGE[:10]
        text.skip_to(10)
        text.skip_to(3_000_000)
        assert text.read(5) == LARGE[3_000_000:3_000_005]
        text.skip_to(len(LARGE) - 3)
        assert text.read(100) == LARGE[-3:]
        assert text.read(1) == b""
        with pytest.raises(CloseoutError, match="beyond 5 bytes already"):
            text.skip_to(5)


def test_a_text_that_is_read_in_part_leaves_no_program(tmp_path: Path) -> None:
    path = tmp_path / "dump.zst"
    path.write_bytes(compress([os.urandom(8 << 20)], "zstd"))
    with DumpFile(str(path)).open_text() as text:
        assert len(text.read(1)) == 1
    found = subprocess.run(["pgrep", "-P", str(os.getpid()), "zstd"], capture_output=True, text=True, check=False)
    assert found.stdout == ""
