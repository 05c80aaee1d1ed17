# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what a statement of a dump defines: its type, its name, its owner.

The types are those of pg_dump's table of contents. Names come from the statement, never from the comment above it,
which anybody can write. A statement of unknown form is an entry too, of type OTHER: nothing escapes the comparison.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import NamedTuple

from ._names import read_identifier

_HEAD_CHARS = 1 << 16
MAX_NAME = 200

# In the order in which they are tried: two words before one.
_KINDS = (
    "FOREIGN DATA WRAPPER",
    "TEXT SEARCH PARSER",
    "TEXT SEARCH DICTIONARY",
    "TEXT SEARCH TEMPLATE",
    "TEXT SEARCH CONFIGURATION",
    "FOREIGN SERVER",
    "FOREIGN TABLE",
    "MATERIALIZED VIEW",
    "OPERATOR CLASS",
    "OPERATOR FAMILY",
    "EVENT TRIGGER",
    "USER MAPPING",
    "ACCESS METHOD",
    "LARGE OBJECT",
    "SCHEMA",
    "EXTENSION",
    "TYPE",
    "DOMAIN",
    "FUNCTION",
    "PROCEDURE",
    "ROUTINE",
    "AGGREGATE",
    "OPERATOR",
    "COLLATION",
    "CONVERSION",
    "CAST",
    "TRANSFORM",
    "TABLE",
    "VIEW",
    "SEQUENCE",
    "INDEX",
    "TRIGGER",
    "RULE",
    "POLICY",
    "PUBLICATION",
    "SUBSCRIPTION",
    "STATISTICS",
    "SERVER",
    "LANGUAGE",
    "CONSTRAINT",
    "COLUMN",
    "PARAMETER",
    "DATABASE",
)
# By their first word: the other words.
_KINDS_BY_WORD: dict[str, list[tuple[str, list[str]]]] = {}
for _kind in _KINDS:
    _KINDS_BY_WORD.setdefault(_kind.split()[0], []).append((_kind, _kind.split()[1:]))
_MODIFIERS = ("UNIQUE", "UNLOGGED", "TRUSTED", "PROCEDURAL", "CONSTRAINT", "DEFAULT", "RECURSIVE")
_OF_A_TABLE = ("TRIGGER", "RULE", "POLICY", "CONSTRAINT")
_OF_NO_SCHEMA = (
    "SCHEMA",
    "EXTENSION",
    "EVENT TRIGGER",
    "PUBLICATION",
    "SUBSCRIPTION",
    "FOREIGN DATA WRAPPER",
    "FOREIGN SERVER",
    "SERVER",
    "ACCESS METHOD",
    "LANGUAGE",
    "LARGE OBJECT",
    "PARAMETER",
    "DATABASE",
)
_WITH_ARGUMENTS = ("FUNCTION", "PROCEDURE", "ROUTINE", "AGGREGATE")
# What has storage of its own, and so a place and a form that the settings before the statement say.
_STORED = ("TABLE", "MATERIALIZED VIEW", "INDEX", "CONSTRAINT")
_OWNER = re.compile(r' OWNER TO ("(?:[^"]|"")*"|[^\s";\')]+);\Z')
_WORD = re.compile(r"\s*([A-Za-z_]+)(?![\w$.\"])")
_OPERATOR = re.compile(r"[^\s(,;]+")
_ON = re.compile(r"\sON(?=\s)")
_USING = re.compile(r"(?:^|\s)USING\s+(\w+)")
_LANGUAGE = re.compile(r"\sLANGUAGE(?=\s)")
_QUOTED = re.compile(r'"(?:[^"]|"")*"|\'(?:[^\']|\'\')*\'')
_CONSTRAINT_TYPES = (
    (re.compile(r"FOREIGN KEY\b"), "FK CONSTRAINT"),
    (re.compile(r"CHECK\b"), "CHECK CONSTRAINT"),
    (re.compile(r"NOT NULL\b"), "NOT NULL CONSTRAINT"),
)


class Entry(NamedTuple):
    """What one statement of a dump defines. ``schema`` is "" for what belongs to none; ``of`` tells apart what has the
    same name: the table of an index, a function's arguments. ``sha256`` is of the whole definition,
    ``unordered_sha256`` of the same lines in any order, for inheriting tables, "" elsewhere.
    """

    type: str
    schema: str
    name: str
    of: str = ""
    owner: str = ""
    sha256: str = ""
    unordered_sha256: str = ""

    @property
    def title(self) -> str:
        """How a person would call it."""
        qualified = f"{self.schema}.{self.name}" if self.schema else self.name
        if self.of.startswith("("):
            return f"{self.type} {qualified}{self.of}"
        return f"{self.type} {qualified}" + (f" of {self.of}" if self.of else "")


def name_statement(text: str) -> Entry:
    """Return type, schema, name and ``of`` of a statement that defines something; digests and owner stay empty."""
    reader = _Reader(text[:_HEAD_CHARS])
    command = reader.word()
    try:
        found = _COMMANDS[command](reader) if command in _COMMANDS else None
    except ValueError:
        found = None
    if found is None:
        return Entry("OTHER", "", " ".join(text.split())[:MAX_NAME])
    return found._replace(name=found.name[:MAX_NAME], of=found.of[:MAX_NAME])


def owner_of(text: str) -> tuple[Entry, str] | None:
    """Return for ``ALTER … OWNER TO …`` whose owner (as an entry) and the owner's name, else None."""
    found = _OWNER.search(text)
    if found is None:
        return None
    reader = _Reader(text[:_HEAD_CHARS])
    if reader.word() != "ALTER":
        return None
    try:
        entry = reader.object()
        return entry, read_identifier(found.group(1))[0]
    except ValueError:
        return None


def is_stored(entry: Entry) -> bool:
    """Tell whether the settings default_tablespace and default_table_access_method apply to the entry."""
    return entry.type in _STORED


class _Reader:
    """Reads a statement from left to right. Every method raises ValueError where it does not find what it should."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def rest(self) -> str:
        self.skip()
        return self.text[self.position :]

    def skip(self) -> None:
        while self.text[self.position : self.position + 1].isspace():
            self.position += 1

    def word(self) -> str:
        """Read one bare word, in upper case; "" where there is none."""
        found = _WORD.match(self.text, self.position)
        if found is None:
            return ""
        self.position = found.end()
        return found.group(1).upper()

    def accept(self, *words: str) -> bool:
        """Read these words if they come next."""
        start = self.position
        for wanted in words:
            if self.word() != wanted:
                self.position = start
                return False
        return True

    def accept_one_of(self, words: Collection[str]) -> bool:
        """Read one of these words if it comes next."""
        start = self.position
        if self.word() in words:
            return True
        self.position = start
        return False

    def identifier(self) -> str:
        self.skip()
        name, self.position = read_identifier(self.text, self.position)
        return name

    def qualified(self) -> tuple[str, str]:
        """Read ``schema.name``, or a name alone, whose schema is then ""."""
        first = self.identifier()
        if self.text[self.position : self.position + 1] != ".":
            return "", first
        self.position += 1
        return first, self.identifier()

    def parenthesised(self) -> str:
        """Read from an opening parenthesis to the one that closes it; "" where none comes next."""
        self.skip()
        start, depth = self.position, 0
        blind = _blind(self.text)
        for position in range(start, len(blind)):
            depth += {"(": 1, ")": -1}.get(blind[position], 0)
            if depth == 0:
                self.position = position + 1 if position > start else start
                return self.text[start : self.position]
        raise ValueError("parenthesis without an end")

    def kind(self) -> str:
        """Read the words that say what kind of object it is."""
        self.accept("PROCEDURAL")
        for kind, others in _KINDS_BY_WORD.get(self.word(), ()):
            if self.accept(*others):
                return "SERVER" if kind == "FOREIGN SERVER" else kind
        raise ValueError("no kind of object")

    def past_on(self) -> None:
        """Go behind the next ON that is not quoted."""
        blind = _blind(self.text)
        found = _ON.search(blind, self.position)
        if found is None:
            raise ValueError("no ON")
        self.position = found.end()

    def object(self) -> Entry:
        """Read kind and name of an object."""
        kind = self.kind()
        self.accept("IF", "NOT", "EXISTS")
        self.accept("ONLY")
        return self.named(kind)

    def named(self, kind: str) -> Entry:
        """Read the name of an object of this kind."""
        if kind in _OF_A_TABLE:
            name = self.identifier()
            self.past_on()
            if self.accept("DOMAIN"):
                schema, table = self.qualified()
            elif kind == "RULE" and self.text.lstrip().upper().startswith("CREATE"):
                # CREATE RULE name AS ON event TO table
                if self.word() == "":
                    raise ValueError("no event")
                self.accept("TO")
                schema, table = self.qualified()
            else:
                self.accept("ONLY")
                schema, table = self.qualified()
            return Entry(kind, schema, name, table)
        if kind in _OF_NO_SCHEMA:
            return Entry(kind, "", self.identifier())
        if kind == "CAST":
            return Entry(kind, "", self.parenthesised())
        if kind == "TRANSFORM":
            self.accept("FOR")
            found = _LANGUAGE.search(_blind(self.text), self.position)
            if found is None:
                raise ValueError("no language")
            of_type = self.text[self.position : found.start()].strip()
            self.position = found.end()
            return Entry(kind, "", of_type, self.identifier())
        if kind == "USER MAPPING":
            self.accept("FOR")
            name = self.identifier()
            self.accept("SERVER")
            return Entry(kind, "", name, self.identifier())
        if kind == "OPERATOR":
            schema = self.identifier()
            found = _OPERATOR.match(self.text, self.position + 1)
            if found is None:
                raise ValueError("no operator")
            self.position = found.end()
            return Entry(kind, schema, found.group(), self.parenthesised())
        if kind == "COLUMN":
            schema, table = self.qualified()
            self.position += 1
            return Entry(kind, schema, self.identifier(), table)
        schema, name = self.qualified()
        if kind in _WITH_ARGUMENTS:
            return Entry(kind, schema, name, _without_defaults(self.parenthesised()))
        if kind in ("OPERATOR CLASS", "OPERATOR FAMILY"):
            found = _USING.search(_blind(self.rest()))
            return Entry(kind, schema, name, found.group(1) if found else "")
        return Entry(kind, schema, name)


def _without_defaults(arguments: str) -> str:
    """Return a function's arguments without their defaults: an expression that may be printed in another way."""
    blind = _blind(arguments)
    kept, depth, position = [], 0, 0
    while position < len(blind):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(blind[position], 0)
        if depth == 1 and blind.startswith(" DEFAULT ", position):
            inner = 1
            while position < len(blind) and inner and not (inner == 1 and blind[position] == ","):
                inner += {"(": 1, "[": 1, ")": -1, "]": -1}.get(blind[position], 0)
                position += 1
            # The parenthesis that closed the list belongs to it; a comma has not been read yet.
            position -= not inner
            depth = 1
            continue
        kept.append(arguments[position])
        position += 1
    return "".join(kept)


def _blind(text: str) -> str:
    """Return ``text`` with everything quoted made unreadable, at its own length."""
    return _QUOTED.sub(lambda found: "x" * len(found.group()), text)


def _create(reader: _Reader) -> Entry:
    replaced = reader.accept("OR", "REPLACE")
    while reader.accept_one_of(_MODIFIERS):
        pass
    kind = reader.kind()
    reader.accept("IF", "NOT", "EXISTS")
    if kind == "INDEX":
        name = reader.identifier()
        reader.past_on()
        reader.accept("ONLY")
        schema, table = reader.qualified()
        return Entry(kind, schema, name, table)
    entry = reader.named(kind)
    # pg_dump makes a view that others need before it can be made as a dummy, and replaces it later.
    return entry._replace(type="VIEW DEFINITION") if replaced and kind == "VIEW" else entry


def _alter(reader: _Reader) -> Entry:
    if reader.accept("DEFAULT", "PRIVILEGES"):
        role = reader.identifier() if reader.accept("FOR", "ROLE") else ""
        schema = reader.identifier() if reader.accept("IN", "SCHEMA") else ""
        return Entry("DEFAULT ACL", schema, role)
    entry = reader.object()
    if entry.type in ("TABLE", "FOREIGN TABLE"):
        return _alter_table(reader, entry)
    if entry.type == "INDEX" and reader.accept("ATTACH", "PARTITION"):
        return Entry("INDEX ATTACH", entry.schema, reader.qualified()[1], entry.name)
    if entry.type == "SEQUENCE" and reader.accept("OWNED", "BY"):
        return entry._replace(type="SEQUENCE OWNED BY")
    if entry.type == "PUBLICATION" and reader.accept("ADD"):
        if reader.accept("TABLE"):
            reader.accept("ONLY")
            schema, name = reader.qualified()
            return Entry("PUBLICATION TABLE", schema, name, entry.name)
        if reader.accept("TABLES", "IN", "SCHEMA"):
            return Entry("PUBLICATION SCHEMA", "", reader.identifier(), entry.name)
    return entry._replace(type=f"{entry.type} SETTING")


def _alter_table(reader: _Reader, table: Entry) -> Entry:
    def of_it(kind: str, name: str) -> Entry:
        return Entry(kind, table.schema, name, table.name)

    if reader.accept("ADD", "CONSTRAINT"):
        name = reader.identifier()
        rest = reader.rest()
        kinds = [kind for pattern, kind in _CONSTRAINT_TYPES if pattern.match(rest)]
        return of_it(kinds[0] if kinds else "CONSTRAINT", name)
    if reader.accept("ALTER", "COLUMN"):
        column = reader.identifier()
        if reader.accept("SET", "DEFAULT"):
            return of_it("DEFAULT", column)
        if reader.accept("ADD", "GENERATED"):
            return of_it("IDENTITY", column)
        return of_it("COLUMN SETTING", column)
    if reader.accept("ATTACH", "PARTITION"):
        schema, name = reader.qualified()
        return Entry("TABLE ATTACH", schema, name, f"{table.schema}.{table.name}")
    for words in (("ENABLE",), ("DISABLE",), ("FORCE",), ("NO", "FORCE")):
        if reader.accept(*words):
            if reader.accept("ROW", "LEVEL", "SECURITY"):
                return of_it("ROW SECURITY", "")._replace(name=table.name, of="")
            _when = reader.accept("ALWAYS") or reader.accept("REPLICA")
            for kind in ("TRIGGER", "RULE"):
                if reader.accept(kind):
                    return of_it(f"{kind} STATE", reader.identifier())
    return table._replace(type="TABLE SETTING")


def _about(kind: str) -> Callable[[_Reader], Entry]:
    """Return a reader of statements about another object: its comment, its privileges."""

    def read(reader: _Reader) -> Entry:
        reader.past_on()
        start = reader.position
        try:
            found = reader.object()
        except ValueError:
            # GRANT … ON name: a table.
            reader.position = start
            found = Entry("TABLE", *reader.qualified())
        return Entry(kind, found.schema, f"{found.type} {found.name}", found.of)

    return read


def _refresh(reader: _Reader) -> Entry:
    reader.accept("MATERIALIZED", "VIEW")
    return Entry("MATERIALIZED VIEW DATA", *reader.qualified())


_COMMANDS: dict[str, Callable[[_Reader], Entry]] = {
    "CREATE": _create,
    "ALTER": _alter,
    "COMMENT": _about("COMMENT"),
    "SECURITY": _about("SECURITY LABEL"),
    "GRANT": _about("ACL"),
    "REVOKE": _about("ACL"),
    "REFRESH": _refresh,
}
