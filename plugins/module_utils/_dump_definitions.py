# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the definitions of a dump's file: all of it but the rows."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from ._dumptext import DumpFile, DumpText
from ._encodings import codec_of
from ._entries import name_statement
from ._scanner import Scanner, Statement

_READ_BYTES = 1 << 20
_CALLS = tuple(f"SELECT pg_catalog.{name}(".encode("ascii") for name in ("lo_create", "lo_open", "lowrite", "lo_close"))
_ABOUT = (b"ALTER", b"COMMENT", b"GRANT", b"REVOKE", b"SECURITY")
_LARGE_OBJECT = re.compile(
    rb"(?:ALTER|COMMENT ON|(?:GRANT|REVOKE) [A-Z, ]+ ON|SECURITY LABEL FOR \S+ ON) LARGE OBJECT \d+ "
)


class Texts(NamedTuple):
    """Texts of one object, which has this schema and name, or is a part of what has."""

    schema: str
    object: str
    texts: tuple[str, ...]


def definitions_of(dump: DumpFile, blocks: list[tuple[int, int]]) -> Iterator[bytes]:
    """Yield a dump without the rows: its COPY statements stay, and end at once. ``blocks`` are offset and length in
    bytes, in order. Raises CloseoutError.
    """
    with dump.open_text() as text:
        position = 0
        for offset, length in blocks:
            yield from _pieces(text, offset - position)
            position = offset + length
            text.skip_to(position)
        yield from iter(lambda: text.read(_READ_BYTES), b"")


def definitions_to_settle(dump: DumpFile, blocks: list[tuple[int, int]]) -> Iterator[bytes]:
    """Yield the same without large objects and all that is theirs: they have no text that could read otherwise, and
    there may be many. Raises CloseoutError.
    """
    found = _LargeObjects()
    scanner = Scanner(found)
    for piece in definitions_of(dump, blocks):
        scanner.feed(piece)
    scanner.finish()
    yield from _without(found.places, definitions_of(dump, blocks))


def _without(places: Iterable[tuple[int, int]], pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a stream without what lies at ``places`` (from, to), which are in order."""
    left = deque(places)
    position = 0
    for piece in pieces:
        kept = 0
        while left and left[0][0] < position + len(piece):
            start, end = left[0]
            yield piece[kept : max(kept, start - position)]
            kept = min(len(piece), end - position)
            if end > position + len(piece):
                break
            left.popleft()
        yield piece[kept:]
        position += len(piece)


class _LargeObjects:
    """A sink of the scanner that notes where the statements about large objects are."""

    def __init__(self) -> None:
        self.places: list[tuple[int, int]] = []

    def statement(self, statement: Statement) -> None:
        if statement.text.startswith(_CALLS) or _LARGE_OBJECT.match(statement.text):
            self.places.append((statement.start, statement.end))

    def copy_data(self, data: memoryview) -> None:
        """There are no rows here."""

    def copy_block(self, rows: int, size_bytes: int, offset: int) -> None:
        """An empty one."""


def occurring(dump: DumpFile, blocks: list[tuple[int, int]], encoding: str, wanted: Collection[Texts]) -> set[Texts]:
    """Return those of ``wanted`` whose texts all occur, as they are, in one statement of the dump that defines their
    object or a part of it. ``encoding`` is the dump's, PostgreSQL's name. Raises CloseoutError.
    """
    finder = _Finder(codec_of(encoding), wanted)
    scanner = Scanner(finder)
    for piece in definitions_of(dump, blocks):
        scanner.feed(piece)
    scanner.finish()
    return finder.found


class _Finder:
    """A sink of the scanner that looks for texts in the statements about their objects."""

    def __init__(self, codec: str, wanted: Collection[Texts]) -> None:
        self.found: set[Texts] = set()
        self._codec = codec
        self._wanted: dict[tuple[str, str], list[tuple[Texts, list[bytes]]]] = {}
        for one in wanted:
            encoded = [text.encode(codec) for text in one.texts]
            self._wanted.setdefault((one.schema, one.object), []).append((one, encoded))

    def statement(self, statement: Statement) -> None:
        entry = name_statement(statement.text.decode(self._codec, "surrogateescape"))
        for name in (entry.name, entry.of):
            for one, texts in self._wanted.get((entry.schema, name), ()):
                if all(text in statement.text for text in texts):
                    self.found.add(one)

    def copy_data(self, data: memoryview) -> None:
        """There are no rows here."""

    def copy_block(self, rows: int, size_bytes: int, offset: int) -> None:
        """An empty one."""


def _pieces(text: DumpText, length: int) -> Iterator[bytes]:
    while length > 0:
        piece = text.read(min(_READ_BYTES, length))
        if not piece:
            return
        length -= len(piece)
        yield piece
