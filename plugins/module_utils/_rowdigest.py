# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: digests of a table's rows, as COPY writes them.

A row is a line of COPY's text format with its newline; a newline within a value is written as a backslash and an n
(PostgreSQL manual, COPY, Text Format). So a table without columns has lines too, of a newline only.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ._errors import CloseoutError

NO_ROWS = hashlib.sha256().hexdigest()
"""The ordered digest of a table without rows."""

_READ_BYTES = 1 << 20
# As in _files: a pipe of that name must not make us wait for a writer.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Content(NamedTuple):
    """The rows of a table: how many, and a digest (hex) of what they hold.

    The ordered one is the sha256 of all lines as they stand between ``COPY … FROM stdin;`` and ``\\.`` of a plain dump.
    """

    rows: int
    sha256: str


class Unordered:
    """The digest of rows in whatever order, in constant memory: the sum, modulo 2**256, of every line's sha256.

    Unlike an exclusive or, a sum does not lose a row that is there twice. It guards against accidents; somebody who is
    free to make up billions of rows could find two sets with the same sum (Wagner's generalised birthday problem).
    """

    def __init__(self) -> None:
        self._rows = 0
        self._sum = 0
        # The sha256 of a line whose end has not come yet: a row may be larger than what we want to keep.
        self._begun: Any = None

    @property
    def rows(self) -> int:
        """How many rows there were so far; one without its newline counts."""
        return self._rows + (self._begun is not None)

    def add(self, line: bytes) -> None:
        """Take one whole line, with its newline."""
        self._rows += 1
        self._sum += int.from_bytes(hashlib.sha256(line).digest(), "big")

    def feed(self, piece: bytes) -> None:
        """Take the next piece of a stream of lines, cut anywhere."""
        sha256, number = hashlib.sha256, int.from_bytes
        start = 0
        if self._begun is not None:
            start = piece.find(b"\n") + 1
            self._begun.update(piece[:start] if start else piece)
            if not start:
                return
            self._rows += 1
            self._sum += number(self._begun.digest(), "big")
            self._begun = None
        end = piece.rfind(b"\n") + 1
        if end > start:
            self._rows += piece.count(b"\n", start, end)
            # Iterating over a BytesIO splits at newlines only and keeps them.
            self._sum += sum(number(sha256(line).digest(), "big") for line in io.BytesIO(piece[start:end]))
            start = end
        if start < len(piece):
            self._begun = sha256(piece[start:])

    def digest(self) -> str:
        """Return the digest (hex) of all rows so far, and of their number."""
        begun = 0 if self._begun is None else int.from_bytes(self._begun.digest(), "big")
        text = f"{self.rows}:{(self._sum + begun) % (1 << 256):064x}"
        return hashlib.sha256(text.encode("ascii")).hexdigest()


class _Blocks(io.RawIOBase):
    """Parts of a file, one after the other, as if they were all of it."""

    def __init__(self, path: str, blocks: Iterable[Sequence[int]]) -> None:
        super().__init__()
        self._path = path
        self._next = iter([(offset, size) for offset, size in blocks if size])
        self._left = 0
        try:
            self._file = io.FileIO(os.open(path, _READ))
        except OSError as error:
            raise self._cannot_read(error.strerror or str(error)) from error

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what fits of the current part. Raises CloseoutError where the file is shorter than it should be."""
        try:
            if not self._left:
                offset, self._left = next(self._next, (0, 0))
                self._file.seek(offset)
            count = self._file.readinto(memoryview(buffer)[: self._left]) or 0
        except OSError as error:
            raise self._cannot_read(error.strerror or str(error)) from error
        if self._left and not count:
            raise self._cannot_read(f"it ends {self._left} bytes before the end of a table's rows")
        self._left -= count
        return count

    def close(self) -> None:
        """Close the file."""
        if not self.closed and hasattr(self, "_file"):
            self._file.close()
        super().close()

    def _cannot_read(self, found: str) -> CloseoutError:
        return CloseoutError(
            f"The rows in {self._path} cannot be read",
            wanted="the plain dump that the manifest describes",
            found=found,
            do="give the dump as it was taken, neither compressed nor changed",
        )


def open_blocks(path: str, blocks: Iterable[Sequence[int]]) -> io.BufferedReader:
    """Open the parts of a file that ``blocks`` (offset and size, in bytes) name, to be read as one. Use it in a
    ``with``. Opening and reading raise CloseoutError."""
    return io.BufferedReader(_Blocks(path, blocks), _READ_BYTES)


def unordered_of_file(
    path: str, blocks: Iterable[Sequence[int]], orders: Sequence[Sequence[int]] = ()
) -> tuple[int, str]:
    """Return how many rows the ``blocks`` (offset and size, in bytes) of a dump file hold, and their unordered digest.

    ``orders`` says for each block at which positions its rows have the columns that are wanted; nothing means that they
    are in their places. Raises CloseoutError.
    """
    found = Unordered()
    open_blocks(path, []).close()
    for number, block in enumerate(blocks):
        order = orders[number] if number < len(orders) else ()
        with open_blocks(path, [block]) as rows:
            if order:
                for line in rows:
                    found.add(_reordered(line, order))
            else:
                for piece in iter(lambda: rows.read(_READ_BYTES), b""):
                    found.feed(piece)
    return found.rows, found.digest()


def _reordered(line: bytes, order: Sequence[int]) -> bytes:
    """Return a row with its columns in another order. A tab within a value is written as a backslash and a t."""
    values = line.rstrip(b"\n").split(b"\t")
    return b"\t".join(values[position] for position in order) + b"\n"
