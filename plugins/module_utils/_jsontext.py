# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a large JSON document, written and read element by element: never whole in memory."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

_PIECE_BYTES = 1 << 16
_BLANK = " \t\n\r"
_AFTER_VALUE = frozenset(",:]}" + _BLANK)


def json_pieces(document: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield an object as JSON in ASCII. A member that is an iterator becomes an array, an element a line: its elements
    are asked for one by one and not kept.
    """
    text = bytearray(b"{")
    for number, (name, value) in enumerate(document.items()):
        text += b"%s\n %s: " % (b"," if number else b"", _ascii(name))
        if isinstance(value, Iterator):
            text += b"["
            for place, element in enumerate(value):
                text += b"%s\n  %s" % (b"," if place else b"", _ascii(element))
                if len(text) >= _PIECE_BYTES:
                    yield bytes(text)
                    text.clear()
            text += b"\n ]"
        else:
            text += _ascii(value)
    text += b"\n}\n"
    yield bytes(text)


def json_text(document: Mapping[str, Any]) -> bytes:
    """Return the same whole."""
    return b"".join(json_pieces(document))


def read_json(pieces: Iterable[bytes], take: Mapping[str, Callable[[Any], object]]) -> dict[str, Any]:
    """Read an object of JSON. Give each element of the arrays that ``take`` names to its function; return all other
    members. Raises ValueError for what is no object of JSON, TypeError where one to take is no array, KeyError where
    there is none.
    """
    text = _Text(pieces)
    found: dict[str, Any] = {}
    taken = set()
    for name in text.names():
        if name in take:
            taken.add(name)
            for element in text.elements():
                take[name](element)
        else:
            found[name] = text.value()
    for name in take:
        if name not in taken:
            raise KeyError(name)
    return found


class _Text:
    """The document's text; of it only what is being read is kept."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._raw_decode = json.JSONDecoder().raw_decode
        self._text = ""
        self._position = 0

    def peek(self) -> str:
        """Return the next character that is not blank, "" at the end."""
        while True:
            while self._position < len(self._text):
                character = self._text[self._position]
                if character not in _BLANK:
                    return character
                self._position += 1
            if not self._more():
                return ""

    def expect(self, characters: str) -> str:
        """Read one of these characters. Raises ValueError."""
        found = self.peek()
        if not found or found not in characters:
            raise json.JSONDecodeError(f"One of {characters} expected", self._text, self._position)
        self._position += 1
        return found

    def value(self) -> Any:
        """Read a value. Raises ValueError."""
        self.peek()
        while True:
            try:
                value, end = self._raw_decode(self._text, self._position)
            except json.JSONDecodeError:
                if not self._more():
                    raise
                continue
            # A number may go on where the text ends.
            if self._text[end : end + 1] in _AFTER_VALUE or not self._more():
                self._position = end
                return value

    def names(self) -> Iterator[str]:
        """Yield the names of an object that is the whole text; read the value of each before you ask for the next.

        Raises ValueError.
        """
        self.expect("{")
        more = self.peek() != "}" or self.expect("}") != "}"
        while more:
            if self.peek() != '"':
                self.expect('"')
            name = self.value()
            self.expect(":")
            yield name
            more = self.expect(",}") == ","
        if self.peek():
            raise json.JSONDecodeError("End expected", self._text, self._position)

    def elements(self) -> Iterator[Any]:
        """Yield the elements of an array. Raises TypeError where none comes next, ValueError."""
        if self.peek() != "[":
            raise TypeError("not an array")
        self.expect("[")
        if self.peek() == "]":
            self.expect("]")
            return
        while True:
            yield self.value()
            if self.expect(",]") == "]":
                return

    def _more(self) -> bool:
        """Read on; False at the end."""
        piece = next(self._pieces, None)
        if piece is None:
            return False
        self._text = self._text[self._position :] + self._decoder.decode(piece)
        self._position = 0
        return True


def _ascii(value: Any) -> bytes:
    return json.dumps(value).encode("ascii")
