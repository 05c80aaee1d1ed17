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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from ._dumptext import DumpFile, DumpText
from ._errors import CloseoutError

NO_ROWS = hashlib.sha256().hexdigest()
"""The ordered digest of a table without rows."""

_READ_BYTES = 1 << 20
_Table = TypeVar("_Table", bound=tuple[str, str])


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


class Blocks(Protocol):
    """Where a dump has a table's rows: offset and size of each block in its text (bytes), and for each the places of
    the columns in its rows, empty where they are in their own."""

    @property
    def blocks(self) -> Sequence[Sequence[int]]:
        """Offset and size."""

    @property
    def orders(self) -> Sequence[Sequence[int]]:
        """The places of the columns."""


def rows_of(text: DumpText, block: Sequence[int]) -> Iterator[bytes]:
    """Yield a block of a dump's text, in pieces cut anywhere. Raises CloseoutError where the text is too short."""
    offset, left = block
    if left:
        text.skip_to(offset)
    while left:
        piece = text.read(min(left, _READ_BYTES))
        if not piece:
            raise CloseoutError(
                "The rows in the dump cannot be read",
                wanted="the dump that the manifest describes",
                found=f"it ends {left} bytes before the end of a table's rows",
                do="give the dump as it was taken",
            )
        left -= len(piece)
        yield piece


class RowReader:
    """The rows of some blocks of a dump's text, as if they were all of it."""

    def __init__(self, text: DumpText, blocks: Iterable[Sequence[int]]) -> None:
        self._pieces = (piece for block in blocks for piece in rows_of(text, block))
        self._held = memoryview(b"")

    def read(self, size: int) -> bytes:
        """Return ``size`` bytes; fewer at the end only. Raises CloseoutError."""
        parts: list[memoryview] = []
        while size:
            if not self._held:
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._held = memoryview(piece)
            parts.append(self._held[:size])
            self._held = self._held[size:]
            size -= len(parts[-1])
        return b"".join(parts)


def unordered_of_dump(dump: DumpFile, tables: Mapping[_Table, Blocks]) -> dict[_Table, Content]:
    """Return rows and unordered digest of each of ``tables`` in a dump, whose file is read once. Raises
    CloseoutError.
    """
    found = {table: Unordered() for table in tables}
    blocks = sorted(
        (tuple(block), number, table) for table, about in tables.items() for number, block in enumerate(about.blocks)
    )
    with dump.open_text() as text:
        for block, number, table in blocks:
            orders = tables[table].orders
            order = orders[number] if number < len(orders) else ()
            if order:
                for line in _lines(rows_of(text, block)):
                    found[table].add(_reordered(line, order))
            else:
                for piece in rows_of(text, block):
                    found[table].feed(piece)
    return {table: Content(one.rows, one.digest()) for table, one in found.items()}


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield whole lines with their newlines."""
    held = b""
    for piece in pieces:
        lines = (held + piece).split(b"\n")
        held = lines.pop()
        for line in lines:
            yield line + b"\n"
    if held:
        yield held


def _reordered(line: bytes, order: Sequence[int]) -> bytes:
    """Return a row with its columns in another order. A tab within a value is written as a backslash and a t."""
    values = line.rstrip(b"\n").split(b"\t")
    return b"\t".join(values[position] for position in order) + b"\n"
