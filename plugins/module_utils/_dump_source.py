# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the file of a plain dump, read by several at once through one open descriptor.

What is proved when all have read: :meth:`DumpSource.sha256` is the digest of the whole file; the text that was cut is,
byte by byte, what that digest is of; and the rows that were handed out have the digests that the manifest has for
them. So where the manifest is the one that was made when a file of that digest was written, that file was restored.
"""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Sequence
from typing import Any

from ._dump_parts import Rows, other_dump
from ._errors import CloseoutError
from ._progress import meter

_READ_BYTES = 1 << 20


class Stopped(Exception):
    """Somebody else's error ended the work."""


class DumpSource:
    """An open ``file``. ``ranges`` are offset and length of what in it is text; ``stopped`` ends all reading."""

    def __init__(self, path: str, file: io.FileIO, ranges: Sequence[tuple[int, int]], stopped: threading.Event) -> None:
        self._path = path
        self._descriptor = file.fileno()
        self._ranges = ranges
        self._stopped = stopped
        self.text = b"".join(self._whole(offset, length) for offset, length in ranges)

    def rows(self, rows: Rows, digest: Any) -> RowsReader:
        """Return a file that has these rows alone; they go through ``digest``."""
        return RowsReader(self, rows, digest)

    def read(self, offset: int, size: int) -> bytes:
        """Return up to ``size`` bytes at ``offset``, at least one. Raises CloseoutError, Stopped."""
        if self._stopped.is_set():
            raise Stopped
        try:
            piece = os.pread(self._descriptor, min(size, _READ_BYTES), offset)
        except OSError as error:
            raise CloseoutError(f"{self._path} cannot be read", found=error.strerror or str(error)) from error
        if not piece and size:
            raise other_dump(f"a file that ends at {offset}")
        return piece

    def sha256(self) -> str:
        """Read the whole file once and return its digest. Raises OtherDump where its text is not :attr:`text`."""
        digest = hashlib.sha256()
        with memoryview(self.text) as text:
            used = position = 0
            for offset, length in self._ranges:
                while position < offset:
                    piece = self.read(position, offset - position)
                    digest.update(piece)
                    position += len(piece)
                while position < offset + length:
                    piece = self.read(position, offset + length - position)
                    if piece != text[used : used + len(piece)]:
                        raise other_dump(f"text that changed while it was restored, at {position}")
                    digest.update(piece)
                    position += len(piece)
                    used += len(piece)
        return digest.hexdigest()

    def _whole(self, offset: int, length: int) -> bytes:
        found = bytearray()
        while len(found) < length:
            found += self.read(offset + len(found), length - len(found))
        return bytes(found)


class RowsReader:
    """What psycopg2 reads the rows of a COPY from. ``error`` is what ended it: psycopg2 raises another."""

    def __init__(self, source: DumpSource, rows: Rows, digest: Any) -> None:
        self.error: CloseoutError | Stopped | None = None
        self._source = source
        self._position = rows.offset
        self._end = rows.offset + rows.size_bytes
        self._digest = digest

    def read(self, size: int) -> bytes:
        """Return the next rows, b"" at the end. Raises CloseoutError, Stopped."""
        if self._position == self._end:
            return b""
        try:
            piece = self._source.read(self._position, min(size, self._end - self._position))
        except (CloseoutError, Stopped) as error:
            self.error = error
            raise
        self._digest.update(piece)
        self._position += len(piece)
        meter.add(len(piece))
        return piece
