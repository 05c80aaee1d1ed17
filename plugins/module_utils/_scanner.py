# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a plain dump, read as a stream: where its statements and COPY blocks begin and end.

Statements are split as psql splits them, so that nothing inside a quote, a dollar quote, a comment, a function body or
a row is taken for a statement. Memory is bounded whatever the input, and how the stream is cut into pieces changes
nothing. Sources: PostgreSQL manual, 4.1 Lexical Structure; COPY, Text Format; psql's own splitting (psqlscan.l).
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, NamedTuple, Protocol

MAX_STATEMENT_BYTES = 1 << 20
"""A longer statement is passed on cut to this length, and says so; its digest is of the whole."""

# No token is longer than this, so that with this much ahead every token can be decided.
_LOOK_AHEAD = 256
_MAX_FIRST_WORDS = 8
# The scanner keeps what it has not used in one buffer: pieces larger than this are cut.
_PIECE_BYTES = 1 << 20

_TOKEN = re.compile(
    rb"(?P<line>--)|(?P<block>/\*)|(?P<escape>[eE]')|(?P<unicode>[uU]&['\"])|(?P<quote>['\"])"
    rb"|(?P<dollar>\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]{0,100})?\$)"
    rb"|(?P<endless>\$[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]{101})"
    rb"|(?P<word>[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]{0,200})|(?P<number>[0-9][A-Za-z0-9_$\x80-\xff]{0,200})"
    rb"|(?P<open>\()|(?P<close>\))|(?P<end>;)|(?P<backslash>\\)"
)
_ROUTINE = re.compile(rb"CREATE (OR REPLACE )?(FUNCTION|PROCEDURE)\b")
_COPY = re.compile(rb"COPY .* FROM stdin;\Z", re.DOTALL)
# Most statements of a big dump are short and plain: they are found as a whole, in a fifth of the time.
_SIMPLE_BYTES = 1 << 16
_BETWEEN = re.compile(rb"(?:\s+|--(?! PostgreSQL database dump complete)[^\n]*\n)*")
_SIMPLE_QUOTES = re.compile(rb"'[^']*'|\"[^\"]*\"")
_NOT_SIMPLE = re.compile(rb"['\"$\\]|--|/\*|[eE&]\0")
_INNERMOST = re.compile(rb"\([^()]*\)")
_WORDS = re.compile(rb"[A-Za-z0-9_\x80-\xff][A-Za-z0-9_$\x80-\xff]{0,200}")
# As a regular expression, because that finds it twice as fast as bytes.find does.
_TERMINATOR = re.compile(rb"\n\\\.\n")
# How far the buffer is done with, and whether the state has ended.
_Step = tuple[int, bool]
_COMPLETE = b"-- PostgreSQL database dump complete"
# What it has written around a dump since 2025: psql then takes no other command.
_OF_PG_DUMP = re.compile(rb"\\(un)?restrict [A-Za-z0-9]+")
_MAX_COMMANDS = 20


class Statement(NamedTuple):
    """One statement. ``text`` as in the dump, with its semicolon and without comments; ``whole`` is False where it was
    cut.

    ``words`` are its first words outside quotes and parentheses, in upper case; ``partition_by`` tells of PARTITION BY
    outside parentheses; ``sha256`` is the digest of the text, of all of it. From ``start`` to ``end`` (bytes) it lies
    in the dump.
    """

    text: bytes
    whole: bool
    words: tuple[bytes, ...]
    partition_by: bool
    sha256: str
    start: int
    end: int


class Sink(Protocol):
    """Who is told what the scanner finds."""

    def statement(self, statement: Statement) -> None:
        """A statement has ended; a COPY statement's data follow."""

    def copy_data(self, data: memoryview) -> None:
        """A part of the data of the COPY statement told last, as they come; not to be kept."""

    def copy_block(self, rows: int, size_bytes: int, offset: int) -> None:
        """The data of the COPY statement told last have ended: ``size_bytes`` without the terminator, from ``offset``
        on in the dump.
        """


class Scanner:
    """Feed it a dump piece by piece, then call :meth:`finish`. ``complete`` tells whether the end marker was last.

    ``commands`` are the first commands of psql, not of SQL, that pg_dump does not write into a dump of one database.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._buffer = bytearray()
        self._buffer_offset = 0
        self._backslash_quotes = False
        self._marker_seen = False
        self._ended_inside = False
        self._lost = False
        self._in_copy = False
        self._copy_line_start = True
        self._rows = 0
        self._copy_bytes = 0
        self._copy_offset = 0
        self._closing: bytes | None = None
        self._comment_depth = 0
        self._line_kind: bytes | None = None
        self._line_head = bytearray()
        self._text = bytearray()
        self._start = 0
        self._long_digest: Any = None
        self._words: list[bytes] = []
        self._last_word = b""
        self._partition_by = False
        self._parentheses = 0
        self._begins = 0
        self.commands: list[str] = []

    @property
    def complete(self) -> bool:
        """True where the dump ended as pg_dump ends a whole one: the marker, and nothing but comments behind it."""
        return self._marker_seen and not self._ended_inside and not self._lost

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the dump, of any length."""
        for start in range(0, len(piece), _PIECE_BYTES):
            self._buffer += piece[start : start + _PIECE_BYTES]
            self._scan(final=False)

    def finish(self) -> None:
        """The dump has ended."""
        self._scan(final=True)
        self._ended_inside = bool(self._in_copy or self._closing or self._comment_depth or self._text.strip())

    def _scan(self, *, final: bool) -> None:
        position, more = 0, True
        while more:
            position, more = self._scan_state(position, final)
        del self._buffer[:position]
        self._buffer_offset += position

    def _scan_state(self, position: int, final: bool) -> _Step:
        """Go on from ``position`` in the state that the scanner is in, until that state ends.

        Every ``_scan_…`` returns how far the buffer is done with, and whether its state has ended; where not, it needs
        the next piece.
        """
        if self._in_copy:
            return self._scan_copy(position, final)
        if self._line_kind is not None:
            return self._scan_line(position, final)
        if self._closing is not None:
            return self._scan_quoted(self._closing, position, final)
        if self._comment_depth:
            return self._scan_comment(position, final)
        return self._scan_statement(position, final)

    def _scan_copy(self, position: int, final: bool) -> _Step:
        """COPY data: find the terminator, count newlines; no work per row."""
        buffer = self._buffer
        if self._copy_line_start:
            if len(buffer) - position < 3 and not final:
                return position, False
            self._copy_offset = self._buffer_offset + position
            if buffer.startswith(b"\\.\n", position):
                return self._end_copy(position + 3), True
        found = _TERMINATOR.search(buffer, position)
        if found:
            self._take_copy(position, found.start() + 1)
            return self._end_copy(found.end()), True
        # The last three bytes may be the beginning of a terminator.
        end = len(buffer) if final else max(position, len(buffer) - 3)
        if end > position:
            self._take_copy(position, end)
            self._copy_line_start = False
        return end, False

    def _take_copy(self, start: int, end: int) -> None:
        self._rows += self._buffer.count(b"\n", start, end)
        self._copy_bytes += end - start
        # Released at once: a bytearray that is looked at cannot grow.
        with memoryview(self._buffer) as whole, whole[start:end] as data:
            self._sink.copy_data(data)

    def _end_copy(self, position: int) -> int:
        self._sink.copy_block(self._rows, self._copy_bytes, self._copy_offset)
        self._in_copy = False
        return position

    def _scan_line(self, position: int, final: bool) -> _Step:
        """A comment or a psql command: to the end of its line. Neither is part of a statement."""
        newline = self._buffer.find(b"\n", position)
        end = newline if newline >= 0 else len(self._buffer)
        self._line_head += self._buffer[position : min(end, position + _LOOK_AHEAD - len(self._line_head))]
        if newline < 0 and not final:
            return end, False
        if self._line_kind == b"--" and not self._text.strip() and bytes(self._line_head).rstrip() == _COMPLETE:
            self._marker_seen = True
        if self._line_kind == b"COPY":
            self._start_copy()
        if self._line_kind != b"--":
            self._note_command(bytes(self._line_head))
        self._line_kind = None
        if newline < 0:
            return end, False
        # The newline belongs to a comment inside a statement's text, as a separator.
        return newline + 1, True

    def _note_command(self, line: bytes) -> None:
        """Take note of a line that psql reads as a command of its own, or of what follows COPY on its line."""
        if line.strip() and not _OF_PG_DUMP.fullmatch(line.rstrip()) and len(self.commands) < _MAX_COMMANDS:
            self.commands.append(line.decode("utf-8", "replace").strip())

    def _start_copy(self) -> None:
        self._in_copy = True
        self._copy_line_start = True
        self._rows = 0
        self._copy_bytes = 0

    def _scan_quoted(self, closing: bytes, position: int, final: bool) -> _Step:
        """A quoted identifier, string or dollar quote: to its closing mark. Doubled quotes simply open again."""
        buffer = self._buffer
        if closing == b"\\'":
            return self._scan_escaped(position, final)
        found = buffer.find(closing, position)
        if found < 0:
            end = len(buffer) if final else max(position, len(buffer) - len(closing) + 1)
            self._take(position, end)
            return end, False
        self._take(position, found + len(closing))
        self._closing = None
        return found + len(closing), True

    def _scan_escaped(self, position: int, final: bool) -> _Step:
        """A string in which a backslash takes the next character as it is."""
        buffer = self._buffer
        cursor = position
        while True:
            match = _ESCAPED.search(buffer, cursor)
            if match is None:
                self._take(position, len(buffer))
                return len(buffer), False
            if match.end() == len(buffer) and match.group() != b"''" and not final:
                self._take(position, match.start())
                return match.start(), False
            if match.group() == b"'":
                self._take(position, match.end())
                self._closing = None
                return match.end(), True
            cursor = match.end() + (match.group() == b"\\")

    def _scan_comment(self, position: int, final: bool) -> _Step:
        """A block comment; they nest. It is not part of the statement's text."""
        buffer = self._buffer
        cursor = position
        while self._comment_depth:
            match = _COMMENT.search(buffer, cursor)
            if match is None:
                return len(buffer) if final else max(cursor, len(buffer) - 1), False
            self._comment_depth += 1 if match.group() == b"/*" else -1
            cursor = match.end()
        return cursor, True

    def _scan_statement(self, position: int, final: bool) -> _Step:
        buffer = self._buffer
        if not self._text:
            position = self._scan_simple(position)
            if self._line_kind is not None:
                return position, True
        limit = len(buffer) if final else len(buffer) - _LOOK_AHEAD
        cursor = position
        while cursor < limit:
            match = _TOKEN.search(buffer, cursor)
            if match is None or match.start() >= limit:
                break
            kind, token = match.lastgroup, bytes(match.group())
            if kind in ("line", "block", "backslash"):
                if kind == "backslash" and self._text.strip() + bytes(buffer[position : match.start()]).strip():
                    # No SQL has one outside quotes: psql takes it for a command of its own in the middle of a line.
                    self._note_command(bytes(buffer[match.start() : match.start() + _LOOK_AHEAD]).split(b"\n")[0])
                    cursor = match.end()
                    continue
                self._take(position, match.start())
                if kind == "block":
                    self._comment_depth = 1
                    return match.end(), True
                self._line_kind = token
                self._line_head = bytearray()
                return match.start(), True
            if kind == "end" and self._parentheses <= 0 and self._begins <= 0:
                self._take(position, match.end())
                self._end_statement(self._buffer_offset + match.end())
                return match.end(), True
            cursor = match.end()
            if kind == "endless":
                # A dollar quote may begin here whose tag is longer than we look: what follows may be code or text.
                # pg_dump comes to such a tag only for a function body that was made to bring it there.
                self._lost = True
            if kind in ("escape", "unicode", "quote", "dollar"):
                self._take(position, cursor)
                self._closing = self._closing_of(token)
                return cursor, True
            self._note(kind, token)
        done = max(position, min(cursor if cursor > limit else limit, len(buffer)))
        self._take(position, done)
        return done, False

    def _scan_simple(self, position: int) -> int:
        """Tell the statements that are simple and whole in the buffer; return where the first other one begins."""
        buffer = self._buffer
        while self._line_kind is None:
            between = _BETWEEN.match(buffer, position)
            position = between.end() if between else position
            end = buffer.find(b";", position, position + _SIMPLE_BYTES) + 1
            if not end or self._backslash_quotes:
                break
            text = bytes(buffer[position:end])
            words = _simple_words(text)
            if words is None:
                break
            self._tell(
                Statement(
                    text,
                    True,
                    tuple(words[:_MAX_FIRST_WORDS]),
                    (b"PARTITION", b"BY") in zip(words, words[1:]),
                    hashlib.sha256(text).hexdigest(),
                    self._buffer_offset + position,
                    self._buffer_offset + end,
                )
            )
            position = end
        return position

    def _closing_of(self, token: bytes) -> bytes:
        if token[:1] == b"$":
            return token
        if token[-1:] == b"'" and (token[:1] in b"eE" or (self._backslash_quotes and token == b"'")):
            return b"\\'"
        return token[-1:]

    def _note(self, kind: str | None, token: bytes) -> None:
        """Follow what decides where a statement ends: parentheses, and BEGIN ATOMIC … END of a routine's body."""
        if kind == "open":
            self._parentheses += 1
        elif kind == "close":
            self._parentheses = max(0, self._parentheses - 1)
        elif kind == "word":
            word = token.upper()
            if self._parentheses == 0:
                if len(self._words) < _MAX_FIRST_WORDS:
                    self._words.append(word)
                if word == b"BY" and self._last_word == b"PARTITION":
                    self._partition_by = True
                self._last_word = word
                # Only outside parentheses, as psql: an argument may be called begin.
                if word in (b"BEGIN", b"CASE", b"END") and _ROUTINE.match(b" ".join(self._words)):
                    if word == b"BEGIN" or (word == b"CASE" and self._begins):
                        self._begins += 1
                    elif word == b"END" and self._begins:
                        self._begins -= 1

    def _take(self, start: int, end: int) -> None:
        """Keep a part of the buffer as text of the statement; what is too much goes into its digest alone."""
        part = self._buffer[start:end]
        if not self._text:
            part = part.lstrip()
            self._start = self._buffer_offset + end - len(part)
        room = MAX_STATEMENT_BYTES - len(self._text)
        if len(part) > room and self._long_digest is None:
            self._long_digest = hashlib.sha256(self._text)
        if self._long_digest is not None:
            self._long_digest.update(part)
        self._text += part[:room]

    def _end_statement(self, end: int) -> None:
        text = bytes(self._text)
        digest = self._long_digest or hashlib.sha256(text)
        whole = self._long_digest is None
        words = tuple(self._words)
        self._tell(Statement(text, whole, words, self._partition_by, digest.hexdigest(), self._start, end))
        self._reset_statement()

    def _tell(self, statement: Statement) -> None:
        """Tell the sink of a statement, and prepare for what follows it."""
        if statement.text == b";":
            return
        self._sink.statement(statement)
        if statement.words[:2] == (b"SET", b"STANDARD_CONFORMING_STRINGS"):
            self._backslash_quotes = statement.words[2:3] == (b"OFF",)
        if statement.words[:1] == (b"COPY",) and _COPY.match(statement.text):
            # What follows the semicolon on its line is not data.
            self._line_kind = b"COPY"
            self._line_head = bytearray()
        self._marker_seen = False

    def _reset_statement(self) -> None:
        self._text = bytearray()
        self._long_digest = None
        self._words = []
        self._last_word = b""
        self._partition_by = False
        self._parentheses = 0
        self._begins = 0


_ESCAPED = re.compile(rb"''?|\\")
_COMMENT = re.compile(rb"/\*|\*/")


def _simple_words(text: bytes) -> list[bytes] | None:
    """Return the words outside quotes and parentheses, in upper case, of a text that ends with a semicolon, if it is
    one statement, and so simple that this is sure: no comment, no dollar, no backslash but in plain quotes, no routine.
    """
    bare = _SIMPLE_QUOTES.sub(b"\0", text)
    if b"\0" in text or _NOT_SIMPLE.search(bare):
        return None
    while b"(" in bare:
        inner = _INNERMOST.sub(b" ", bare)
        if inner == bare:
            return None
        bare = inner
    if b")" in bare:
        return None
    words = [word.upper() for word in _WORDS.findall(bare) if not word[:1].isdigit()]
    return None if _ROUTINE.match(b" ".join(words)) else words
