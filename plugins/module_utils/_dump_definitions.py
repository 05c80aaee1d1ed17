# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the definitions of a dump's file: all of it but the rows."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from ._dumptext import DumpFile, DumpText
from ._encodings import codec_of
from ._entries import Entry, name_statement
from ._scanner import Scanner, Sink, Statement
from ._selection import Selection, cannot_matter, statement_about

_READ_BYTES = 1 << 20
_TERMINATOR = b"\\.\n"


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


class DumpDefinitions:
    """A dump's definitions but those that cannot matter where texts are settled: an iterable of their text.

    They are read more than once, and to find them takes a while where a dump has many large objects. So they are kept,
    compressed to a tenth or less. Raises CloseoutError when they are first asked for.
    """

    def __init__(self, dump: DumpFile, blocks: list[tuple[int, int]], encoding: str) -> None:
        self.encoding = encoding
        self._dump = dump
        self._blocks = blocks
        self._kept: list[bytes] = []

    def __iter__(self) -> Iterator[bytes]:
        if not self._kept:
            packer = zlib.compressobj(1)
            pieces = definitions_to_settle(definitions_of(self._dump, self._blocks), self.encoding, ())
            kept = [packer.compress(piece) for piece in pieces]
            self._kept = [piece for piece in (*kept, packer.flush()) if piece]
        unpacker = zlib.decompressobj()
        for piece in self._kept:
            text = unpacker.decompress(piece, _READ_BYTES)
            while text:
                yield text
                text = unpacker.decompress(unpacker.unconsumed_tail, _READ_BYTES)


def not_needed(definitions: DumpDefinitions, entries: Iterable[Entry], wanted: Iterable[Entry]) -> frozenset[str]:
    """Return the names of relations that can be left out where ``wanted`` of the dump's ``entries`` are settled."""
    selection = Selection(entries, definitions.encoding, wanted)
    _scan(definitions, selection)
    return selection.left_out()


def definitions_to_settle(pieces: Iterable[bytes], encoding: str, left_out: Collection[str]) -> Iterator[bytes]:
    """Yield definitions without what cannot matter where texts are settled: the relations that are ``left_out`` (names)
    with all that is their own, values of sequences, rows, and large objects with all that is theirs: they have no text
    that could read otherwise, and there may be many.

    What is held back is never more than one statement. Raises CloseoutError.
    """
    found = _NotToSettle(codec_of(encoding), left_out)
    scanner = Scanner(found)
    held, offset = bytearray(), 0
    for piece in pieces:
        scanner.feed(piece)
        held += piece
        decided = found.decided - offset
        yield _without(found.places, bytes(held[:decided]), offset)
        del held[:decided]
        offset += decided
    scanner.finish()
    yield _without(found.places, bytes(held), offset)


def _without(places: deque[tuple[int, int, int]], text: bytes, offset: int) -> bytes:
    """Return a text that lies at ``offset`` without these ``places`` (the end of the statement before it, from, to),
    all in it and in order; they are used up.
    """
    kept, position = bytearray(), 0
    while places and places[0][2] <= offset + len(text):
        before, start, end = (place - offset for place in places.popleft())
        kept += text[position:before]
        # A comment goes with what it is about, but not a command of psql.
        kept += text[before:start] if b"\\" in text[before:start] else b""
        position = end
    return bytes(kept + text[position:])


class _NotToSettle:
    """A sink of the scanner that notes where the statements are that cannot matter; up to ``decided`` it is known."""

    def __init__(self, codec: str, left_out: Collection[str]) -> None:
        self.places: deque[tuple[int, int, int]] = deque()
        self.decided = 0
        self._codec = codec
        self._left_out = frozenset(left_out)
        self._copy = 0

    def statement(self, statement: Statement) -> None:
        if statement.words[:1] == (b"COPY",):
            # With its data.
            self._copy = statement.start
            return
        if cannot_matter(statement) or self._is_left_out(statement):
            self.places.append((self.decided, statement.start, statement.end))
        self.decided = statement.end

    def _is_left_out(self, statement: Statement) -> bool:
        about = statement_about(statement, self._codec) if self._left_out else ()
        return bool(about) and self._left_out.issuperset(about)

    def copy_data(self, data: memoryview) -> None:
        """There are no rows here."""

    def copy_block(self, rows: int, size_bytes: int, offset: int) -> None:
        end = offset + size_bytes + len(_TERMINATOR)
        self.places.append((self.decided, self._copy, end))
        self.decided = end


def occurring(definitions: DumpDefinitions, wanted: Collection[Texts]) -> set[Texts]:
    """Return those of ``wanted`` whose texts all occur, as they are, in one statement of the dump that defines their
    object or a part of it.
    """
    finder = _Finder(codec_of(definitions.encoding), wanted)
    _scan(definitions, finder)
    return finder.found


def _scan(pieces: Iterable[bytes], sink: Sink) -> None:
    scanner = Scanner(sink)
    for piece in pieces:
        scanner.feed(piece)
    scanner.finish()


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
