# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the plain text of a dump's file, whether it lies there as it is or compressed.

Offsets are those of the text, as the manifest has them. A compressed file can only be read forwards: whoever reads
parts of it does so in their order, and in one go.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Generator, Iterator
from typing import Protocol

from ._compression import MAGIC_BYTES, NONE, compression_of, decompressed
from ._errors import CloseoutError
from ._files import open_regular, pieces_of


class DumpText(Protocol):
    """A text that is read forwards."""

    def read(self, size: int) -> bytes:
        """Return at most ``size`` bytes, b"" at the end only. Raises CloseoutError."""

    def skip_to(self, offset: int) -> None:
        """Go on at ``offset``, which has not been passed yet. Raises CloseoutError."""


def compression_of_file(path: str) -> str:
    """Return how a dump's file is compressed, ``none`` where it is not. Raises CloseoutError."""
    with open_regular(path) as file:
        return compression_of(file.read(MAGIC_BYTES))


def text_of(path: str) -> Generator[bytes, None, None]:
    """Yield the text of a dump's file in pieces. Raises CloseoutError, also for a damaged file."""
    yield from decompressed(pieces_of(path), compression_of_file(path))


@contextlib.contextmanager
def open_text(path: str) -> Iterator[DumpText]:
    """Open the text of a dump's file. Raises CloseoutError."""
    if compression_of_file(path) == NONE:
        with open_regular(path) as file:
            yield _Plain(path, file)
    else:
        with contextlib.closing(text_of(path)) as pieces:
            yield _Stream(pieces)


class _Plain:
    def __init__(self, path: str, file: io.FileIO) -> None:
        self._path = path
        self._file = file

    def read(self, size: int) -> bytes:
        return self._file.read(size) or b""

    def skip_to(self, offset: int) -> None:
        if offset < self._file.tell():
            raise CloseoutError(f"{self._path} was read beyond {offset} bytes already")
        self._file.seek(offset)


class _Stream:
    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = memoryview(b"")
        self._offset = 0

    def read(self, size: int) -> bytes:
        while not self._held:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._held = memoryview(piece)
        part, self._held = self._held[:size], self._held[size:]
        self._offset += len(part)
        return bytes(part)

    def skip_to(self, offset: int) -> None:
        if offset < self._offset:
            raise CloseoutError(f"The dump's text was read beyond {offset} bytes already")
        while self._offset < offset and self.read(offset - self._offset):
            pass
