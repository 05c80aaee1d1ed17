# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a compressed plain dump: the host's own programs compress and decompress it.

A plain dump is scanned before it is compressed, and its digest is that of the file on the disk. What a file is, is told
by its first bytes, never by its name. Source: gzip(1), zstd(1), lz4(1); RFC 1952, RFC 8878, LZ4 Frame Format.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from ._errors import ProgramFailed
from ._filter_program import FilterProgram
from ._program import whole_output
from ._program_host import HOST_PATH, HostProgram

NONE = "none"


class _Kind(NamedTuple):
    program: str
    suffix: str
    magic: bytes
    most: int


_KINDS = {
    "gzip": _Kind("gzip", ".gz", b"\x1f\x8b", 9),
    "zstd": _Kind("zstd", ".zst", b"\x28\xb5\x2f\xfd", 19),
    "lz4": _Kind("lz4", ".lz4", b"\x04\x22\x4d\x18", 12),
}
COMPRESSIONS = (NONE, *_KINDS)
MAGIC_BYTES = max(len(kind.magic) for kind in _KINDS.values())


def suffix_of(compression: str) -> str:
    """Return how the name of a file of this compression ends, "" for none."""
    return "" if compression == NONE else _KINDS[compression].suffix


def most_of(compression: str) -> int:
    """Return the highest level of a compression; the lowest is 1."""
    return 0 if compression == NONE else _KINDS[compression].most


def compression_of(beginning: bytes) -> str:
    """Return the compression of a file by its first bytes."""
    for name, kind in _KINDS.items():
        if beginning.startswith(kind.magic):
            return name
    return NONE


def program_of(compression: str) -> str:
    """Return the path of the host's program. Raises ProgramFailed where there is none."""
    name = _KINDS[compression].program
    found = shutil.which(name, path=HOST_PATH)
    if found is None:
        raise ProgramFailed(
            f"The program {name} is not installed on the target",
            wanted=f"{name} in {HOST_PATH}",
            found="none",
            do=f"install it, or set closeout_compression to another of {', '.join(COMPRESSIONS)}",
        )
    return found


def decompressed(pieces: Iterable[bytes], compression: str) -> Iterator[bytes]:
    """Yield the text of a file whose ``pieces`` these are. Raises ProgramFailed for one that is cut off or damaged."""
    if compression == NONE:
        yield from pieces
        return
    program = HostProgram([program_of(compression), "-d", "-c", "-q"], {}, pieces)
    code = yield from whole_output(program)
    if code != 0:
        raise ProgramFailed(
            "A compressed dump cannot be decompressed",
            wanted=f"a whole {compression} file",
            found=f"return code {code}: {program.messages.strip()[-300:]}",
            do="do not use this file as a backup",
        )


class Compressor(FilterProgram):
    """Compresses a stream on its way to ``taker``."""

    def __init__(self, compression: str, level: int, taker: Callable[[bytes], object], run_id: str = "") -> None:
        argv = [program_of(compression), "-c", "-q", *([f"-{level}"] if level else [])]
        super().__init__(argv, taker, run_id)
