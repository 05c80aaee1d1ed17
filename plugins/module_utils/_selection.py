# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: which relations need not be restored once more, to settle the texts of some definitions.

A relation can be left out, with all that is its own, if its name occurs in nothing that is kept. What is no relation is
kept, whatever it is: which function, operator, cast or type a text means depends on all that there are. Names of
relations do not: a dump has them with their schema, so that what is not there is an error and never another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ._encodings import codec_of
from ._entries import MAX_NAME, Entry, name_statement, owner_of
from ._scanner import Statement

_WORD = re.compile(rb"[A-Za-z0-9_]+")
# Names that are written in such a way would be missed. pg_dump writes none.
_UNICODE = re.compile(rb"[uU]&['\"]")
_PLAIN = re.compile(r"[A-Za-z0-9_]+\Z")
_CALLS = tuple(
    f"SELECT pg_catalog.{name}(".encode("ascii") for name in ("setval", "lo_create", "lo_open", "lowrite", "lo_close")
)
_LARGE_OBJECT = re.compile(
    rb"(?:ALTER|COMMENT ON|(?:GRANT|REVOKE) [A-Z, ]+ ON|SECURITY LABEL FOR \S+ ON) LARGE OBJECT \d+ "
)

# By type of entry: where the name of the relation is that the statement is about.
_RELATIONS = frozenset({"TABLE", "VIEW", "MATERIALIZED VIEW", "SEQUENCE"})
_ITSELF = frozenset({
    *_RELATIONS, *(f"{kind} SETTING" for kind in (*_RELATIONS, "INDEX")),
    "INDEX ATTACH", "PUBLICATION TABLE", "ROW SECURITY", "SEQUENCE OWNED BY", "TABLE ATTACH", "VIEW DEFINITION",
})  # fmt: skip
_PARTS = frozenset({
    "CHECK CONSTRAINT", "COLUMN SETTING", "DEFAULT", "FK CONSTRAINT", "IDENTITY", "NOT NULL CONSTRAINT", "POLICY",
    "RULE", "RULE STATE", "TRIGGER", "TRIGGER STATE",
})  # fmt: skip
# An index, and what is made with one: it has a name that is unique among relations, too.
_INDEXES = frozenset({"INDEX", "CONSTRAINT"})
_NOTES = frozenset({"ACL", "COMMENT", "SECURITY LABEL"})
_NOTED_ITSELF = tuple(f"{kind} " for kind in (*sorted(_RELATIONS), "INDEX"))
_NOTED_PARTS = ("COLUMN ", "CONSTRAINT ", "TRIGGER ", "RULE ", "POLICY ")


class Selection:
    """A sink of the scanner. Give it a dump's definitions, then ask which relations can be left out.

    ``entries`` are the dump's, ``encoding`` is its own (PostgreSQL's name); ``wanted`` are the definitions to settle.
    """

    def __init__(self, entries: Iterable[Entry], encoding: str, wanted: Iterable[Entry]) -> None:
        self._codec = codec_of(encoding)
        self._relations = frozenset(
            entry.name.lower()
            for entry in entries
            # Another name may be written in more than one way.
            if entry.type in _RELATIONS | _INDEXES and _PLAIN.match(entry.name) and len(entry.name) < MAX_NAME
        )
        self._needed = {name for entry in wanted for name in relations_of(entry)}
        self._uses: dict[str, set[str]] = {}
        self._readable = True

    def statement(self, statement: Statement) -> None:
        """Note which names occur in a statement: in its quotes and function bodies, too."""
        if cannot_matter(statement):
            return
        words = {word.decode("ascii") for word in _WORD.findall(statement.text.lower())} & self._relations
        about = statement_about(statement, self._codec)
        self._readable = self._readable and statement.whole and not _UNICODE.search(statement.text)
        if about and self._relations.issuperset(about):
            for name in about:
                self._uses.setdefault(name, set()).update(words)
        else:
            self._needed |= words

    def copy_data(self, data: memoryview) -> None:
        """Rows do not matter."""

    def copy_block(self, rows: int, size_bytes: int, offset: int) -> None:
        """Rows do not matter."""

    def left_out(self) -> frozenset[str]:
        """Return the names of relations and indexes that can be left out."""
        if not self._readable:
            return frozenset()
        reached: set[str] = set()
        waiting = list(self._needed)
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting += self._uses.get(name, ())
        return self._relations - reached


def cannot_matter(statement: Statement) -> bool:
    """Tell whether a statement brings data (rows, the value of a sequence, a large object) or is about a large object:
    there is no text in it that could read otherwise, nor is it needed for one.
    """
    return (
        statement.words[:1] in ((b"COPY",), (b"REFRESH",))
        or statement.text.startswith(_CALLS)
        or _LARGE_OBJECT.match(statement.text) is not None
    )


def statement_about(statement: Statement, codec: str) -> tuple[str, ...]:
    """Return the names of the relations that a statement is about, none where it is about something else."""
    text = statement.text.decode(codec, "surrogateescape")
    owned = owner_of(text) if b"OWNER" in statement.words else None
    return relations_of(owned[0] if owned else name_statement(text))


def relations_of(entry: Entry) -> tuple[str, ...]:
    """Return the names of the relations that an entry is about, or a part of; none where it is something else.

    All names here are in lower case: it makes no difference but that more is kept than must be.
    """
    return tuple(name.lower() for name in _relations_of(entry))


def _relations_of(entry: Entry) -> tuple[str, ...]:
    if entry.type in _ITSELF:
        return (entry.name,)
    if entry.type in _INDEXES:
        return entry.name, entry.of
    if entry.type in _PARTS:
        return (entry.of,)
    if entry.type in _NOTES:
        for kind in _NOTED_ITSELF:
            if entry.name.startswith(kind):
                return (entry.name[len(kind) :],)
        if entry.name.startswith(_NOTED_PARTS):
            return (entry.of,)
    return ()
