# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what a dump holds: every definition, every table's data, sequences, large objects.

Made from what the scanner finds while the dump passes by, written beside the dump, and read again by audit and
comparison. Its form is documented in docs/manifest.schema.json.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from ._encodings import codec_of
from ._entries import Entry, is_stored, name_statement, owner_of
from ._errors import CloseoutError
from ._jsontext import json_pieces, read_json
from ._large_objects import TYPE as LARGE_OBJECT
from ._large_objects import Data, LargeObjects
from ._names import read_identifier, read_qualified
from ._scanner import Scanner, Statement

SCHEMA = "incomex.closeout/manifest/1"
_COPY = re.compile(r"COPY\s+")
_ATTACH = re.compile(r"ALTER TABLE (?:ONLY )?")
_ENCODING = re.compile(rb"SET client_encoding = '([^']+)';")
_SETVAL = re.compile(r"SELECT pg_catalog\.setval\('((?:[^']|'')*)', (-?\d+), (true|false)\);", re.DOTALL)
_LO_CREATE = re.compile(rb"SELECT pg_catalog\.lo_create\('(\d+)'\);")
_LO_OWNER = re.compile(r'ALTER LARGE OBJECT (\d+) OWNER TO ("(?:[^"]|"")*"|[^\s";\')]+);\Z')
_LO_OPEN = re.compile(rb"SELECT pg_catalog\.lo_open\('(\d+)', \d+\);")
# The backslash is doubled where standard_conforming_strings is off.
_LO_WRITE = re.compile(rb"SELECT pg_catalog\.lowrite\(0, '\\{1,2}x([0-9a-fA-F]*)'\);")
_INHERITS = re.compile(rb"\)\nINHERITS \(")
_MAX_SHOWN = 200
_OFTEN_THE_SAME = frozenset({"type", "schema", "owner"})
_OWNED_AS_TABLES = ("TABLE", "VIEW", "MATERIALIZED VIEW", "SEQUENCE", "FOREIGN TABLE")

# What a dump does besides defining something. Of the settings, those that change a definition are kept as context.
_NO_DEFINITION = {b"SET", b"RESET", b"BEGIN", b"COMMIT"}
_CONTEXT_FOR_STORED = (b"DEFAULT_TABLESPACE", b"DEFAULT_TABLE_ACCESS_METHOD")


@dataclass
class TableEntry:
    """One table of the dump. ``rows`` is None where the dump has no data block for it; a partitioned table has none.

    ``columns`` are those of its first COPY statement, None where there is no list; ``sha256`` is the digest of all its
    rows in the dump's order, as COPY text. ``blocks`` are offset and length in bytes of its data in the dump.
    ``orders`` are for each block the places that the columns have in it, empty where they are in their own: partitions
    that are loaded through their root need not have its order. ``parent`` is schema and name of what it is a partition
    of.
    """

    schema: str
    name: str
    created: bool = False
    partitioned: bool = False
    unlogged: bool = False
    columns: list[str] | None = None
    rows: int | None = None
    bytes: int | None = None
    sha256: str | None = None
    blocks: list[list[int]] = field(default_factory=list)
    orders: list[list[int]] = field(default_factory=list)
    parent: list[str] | None = None


@dataclass
class SequenceEntry:
    """The value that the dump sets a sequence to."""

    schema: str
    name: str
    last_value: int
    is_called: bool


class Manifest:
    """What a dump holds, in the dump's order. It is the scanner's sink.

    ``entries`` are all but those of large objects, which are in ``large_objects``.
    """

    def __init__(self) -> None:
        self.encoding = "UTF8"
        self.entries: list[Entry] = []
        self.tables: dict[tuple[str, str], TableEntry] = {}
        self.sequences: dict[tuple[str, str], SequenceEntry] = {}
        self.large_objects = LargeObjects()
        self.complete = False
        self._backslashes = False
        self._context: dict[bytes, bytes] = {}
        self._positions: dict[tuple[str, str, str], int] = {}
        self._copying: TableEntry | None = None
        self._digests: dict[tuple[str, str], Any] = {}

    @property
    def copying(self) -> tuple[str, str] | None:
        """Schema and name of the table whose rows come just now, None for none."""
        table = self._copying
        return None if table is None else (table.schema, table.name)

    def statement(self, statement: Statement) -> None:
        """Take note of a statement. Raises CloseoutError for a table or its data that cannot be understood."""
        command = statement.words[:1]
        if command and command[0] in _NO_DEFINITION:
            self._setting(statement)
        elif command == (b"COPY",):
            self._begin_data(statement)
        elif command == (b"SELECT",):
            self._call(statement)
        else:
            self._define(statement)

    def copy_data(self, data: memoryview) -> None:
        """Hash a part of a table's data."""
        table = self._copied()
        self._digests[table.schema, table.name].update(data)

    def copy_block(self, rows: int, size_bytes: int, offset: int) -> None:
        """Add a data block to the table of the COPY statement before it; one table may have several."""
        table = self._copied()
        table.rows = (table.rows or 0) + rows
        table.bytes = (table.bytes or 0) + size_bytes
        table.blocks.append([offset, size_bytes])
        table.sha256 = self._digests[table.schema, table.name].hexdigest()
        self._copying = None

    def _copied(self) -> TableEntry:
        if self._copying is None:
            raise CloseoutError("The dump has rows that no COPY announced")
        return self._copying

    def _setting(self, statement: Statement) -> None:
        command, name = (*statement.words[:2], b"")[:2]
        if name == b"CLIENT_ENCODING":
            found = _ENCODING.match(statement.text)
            if found:
                self.encoding = found.group(1).decode("ascii", "replace")
        elif name == b"STANDARD_CONFORMING_STRINGS":
            self._backslashes = statement.words[2:3] == (b"OFF",)
        elif name == b"SESSION" and (command == b"RESET" or b"DEFAULT" in statement.words):
            self._context.pop(b"SESSION", None)
        elif name in (*_CONTEXT_FOR_STORED, b"SESSION"):
            self._context[name] = statement.text

    def _text(self, statement: Statement) -> str:
        try:
            return statement.text.decode(codec_of(self.encoding), "surrogateescape")
        except LookupError as error:
            raise _not_understood(statement, f"encoding {self.encoding}") from error

    def _define(self, statement: Statement) -> None:
        if statement.text.startswith(b"ALTER LARGE OBJECT ") and self._own_large_object(statement):
            return
        text = self._text(statement)
        owned = owner_of(text) if b"OWNER" in statement.words else None
        if owned is not None:
            self._own(*owned)
            return
        entry = name_statement(text)
        if statement.words[:2] == (b"CREATE", b"TABLE") or statement.words[:3] == (b"CREATE", b"UNLOGGED", b"TABLE"):
            if entry.type != "TABLE" or not entry.schema:
                raise _not_understood(statement, "a table named with its schema")
            self._create_table(entry, statement)
        key = (entry.type, entry.schema, entry.name)
        if entry.type == "TYPE" and key in self._positions:
            # The first statement only announced it.
            shell = self._positions[key]
            self.entries[shell] = self.entries[shell]._replace(type="SHELL TYPE")
        if entry.type == "TABLE ATTACH":
            self._attach(entry, text)
        self._positions[key] = len(self.entries)
        self.entries.append(entry._replace(**self._digest(entry, statement)))

    def _digest(self, entry: Entry, statement: Statement) -> dict[str, str]:
        """Return the digests of a definition: of its text, and of the settings under which it is executed."""
        names = [*(_CONTEXT_FOR_STORED if is_stored(entry) else ()), b"SESSION"]
        context = b"".join(self._context.get(name, b"") for name in names)
        digests = {"sha256": statement.sha256}
        if context:
            digests["sha256"] = hashlib.sha256(context + statement.sha256.encode("ascii")).hexdigest()
        if entry.type == "TABLE" and statement.whole and _INHERITS.search(statement.text):
            lines = sorted(line.rstrip(b",") for line in statement.text.split(b"\n"))
            digests["unordered_sha256"] = hashlib.sha256(context + b"\n".join(lines)).hexdigest()
        return digests

    def _own(self, whose: Entry, owner: str) -> None:
        """Give the entry its owner; where the dump does not define it, the owner is an entry of its own."""
        types = _OWNED_AS_TABLES if whose.type in _OWNED_AS_TABLES else (whose.type,)
        for kind in types:
            position = self._positions.get((kind, whose.schema, whose.name))
            if position is not None and not self.entries[position].owner:
                self.entries[position] = self.entries[position]._replace(owner=owner)
                return
        digest = hashlib.sha256(owner.encode("utf-8", "surrogateescape")).hexdigest()
        self.entries.append(Entry("OWNER", whose.schema, f"{whose.type} {whose.name}", whose.of, owner, digest))

    def _create_table(self, entry: Entry, statement: Statement) -> None:
        table = self.tables.setdefault((entry.schema, entry.name), TableEntry(entry.schema, entry.name))
        if table.created:
            raise CloseoutError(f"The dump creates the table {entry.schema}.{entry.name} twice")
        table.created = True
        table.partitioned = statement.partition_by
        table.unlogged = statement.words[1] == b"UNLOGGED"

    def _attach(self, entry: Entry, text: str) -> None:
        """Note whose partition a table is; a foreign table that is one has no entry of its own."""
        table, found = self.tables.get((entry.schema, entry.name)), _ATTACH.match(text)
        if table is not None and found is not None:
            schema, name, _end = read_qualified(text, found.end())
            table.parent = [schema, name]

    def _begin_data(self, statement: Statement) -> None:
        text = self._text(statement)
        found = _COPY.match(text)
        try:
            if found is None:
                raise ValueError("no COPY")
            schema, name, end = read_qualified(text, found.end())
            columns = _read_columns(text, end)
        except ValueError as error:
            raise _not_understood(statement, "COPY of a table named with its schema") from error
        table = self.tables.setdefault((schema, name), TableEntry(schema, name))
        if not table.blocks:
            table.columns = columns
        elif sorted(columns or []) != sorted(table.columns or []):
            raise _not_understood(statement, f"the same columns in all data of {schema}.{name}")
        table.orders.append(
            [] if columns == table.columns else [(columns or []).index(one) for one in table.columns or []]
        )
        self._copying = table
        self._digests.setdefault((schema, name), hashlib.sha256())

    def _call(self, statement: Statement) -> None:
        """A function call: a sequence's value, a large object; search_path and the like define nothing."""
        text = statement.text
        if text.startswith(b"SELECT pg_catalog.setval("):
            self._sequence(statement)
        elif text.startswith(b"SELECT pg_catalog.set_config("):
            return
        elif text.startswith((b"SELECT pg_catalog.lo_create(", b"SELECT pg_catalog.lo_open(")):
            created, opened = _LO_CREATE.match(text), _LO_OPEN.match(text)
            if created:
                self._make_large_object(created.group(1).decode("ascii"), statement)
            elif opened:
                self._open_large_object(int(opened.group(1)), statement)
            else:
                self._define(statement)
        elif text.startswith(b"SELECT pg_catalog.lowrite("):
            self._write_large_object(statement)
        elif text.startswith(b"SELECT pg_catalog.lo_close("):
            self.large_objects.close()
        else:
            self._define(statement)

    def _make_large_object(self, oid: str, statement: Statement) -> None:
        entry = Entry(LARGE_OBJECT, "", oid, sha256=statement.sha256)
        if not self.large_objects.make(entry):
            self._positions[LARGE_OBJECT, "", oid] = len(self.entries)
            self.entries.append(entry)

    def _own_large_object(self, statement: Statement) -> bool:
        """Give a large object its owner, without reading the statement as others are read: there may be many."""
        found = _LO_OWNER.match(self._text(statement))
        return found is not None and self.large_objects.own(int(found.group(1)), read_identifier(found.group(2))[0])

    def _open_large_object(self, oid: int, statement: Statement) -> None:
        try:
            self.large_objects.open(oid)
        except ValueError as error:
            raise _not_understood(statement, "a large object's id") from error

    def _write_large_object(self, statement: Statement) -> None:
        found = _LO_WRITE.match(statement.text)
        try:
            if found is None:
                raise ValueError("no lowrite")
            self.large_objects.write(bytes.fromhex(found.group(1).decode("ascii")))
        except ValueError as error:
            raise _not_understood(statement, "a large object's data, as pg_dump writes it") from error

    def _sequence(self, statement: Statement) -> None:
        text = self._text(statement)
        found = _SETVAL.match(text)
        try:
            if found is None:
                raise ValueError("no setval")
            literal = found.group(1).replace("''", "'")
            schema, name, _end = read_qualified(literal.replace("\\\\", "\\") if self._backslashes else literal)
        except ValueError as error:
            raise _not_understood(statement, "a sequence's value, as pg_dump sets it") from error
        value = SequenceEntry(schema, name, int(found.group(2)), found.group(3) == "true")
        self.sequences[schema, name] = value
        self.entries.append(Entry("SEQUENCE SET", schema, name, sha256=statement.sha256))

    def all_entries(self) -> Iterator[Entry]:
        """Yield all entries, those of large objects too."""
        yield from self.entries
        yield from self.large_objects.entries()

    @property
    def number_of_entries(self) -> int:
        """How many there are in all."""
        return len(self.entries) + self.large_objects.made

    def names(self, schema: str) -> list[str]:
        """Return the tables that the dump creates in ``schema``, sorted."""
        return sorted(entry.name for entry in self.tables.values() if entry.created and entry.schema == schema)

    def rows(self, schema: str) -> dict[str, int]:
        """Return the rows per created table of ``schema``; a table whose data the dump does not hold is left out."""
        found = {}
        for entry in self.tables.values():
            rows = 0 if entry.rows is None and entry.partitioned else entry.rows
            if entry.created and entry.schema == schema and rows is not None:
                found[entry.name] = rows
        return dict(sorted(found.items()))

    def without_data(self, schema: str) -> dict[str, str]:
        """Return the created tables of ``schema`` that rightly have no data of their own in the dump, and why:
        ``partitioned``, or ``loaded through <schema>.<table>`` for partitions whose rows the dump brings by their root.
        """
        found = {}
        for table in self.tables.values():
            if table.created and table.schema == schema and table.rows is None:
                root = self._loaded_through(table)
                if root is not None:
                    found[table.name] = f"loaded through {root.schema}.{root.name}"
                elif table.partitioned:
                    found[table.name] = "partitioned"
        return found

    def data_tables(self) -> list[TableEntry]:
        """Return the tables that have data in the dump, or ought to: what a comparison of rows is about."""
        reasons = {schema: self.without_data(schema) for schema in {table.schema for table in self.tables.values()}}
        return [
            table
            for table in self.tables.values()
            if table.rows is not None or (table.created and table.name not in reasons[table.schema])
        ]

    def _loaded_through(self, table: TableEntry) -> TableEntry | None:
        above: TableEntry | None = table
        while above is not None and above.parent is not None:
            above = self.tables.get((above.parent[0], above.parent[1]))
            if above is not None and above.rows is not None:
                return above
        return None

    @property
    def blocks(self) -> list[tuple[int, int]]:
        """Offset and length of every data block, in the dump's order."""
        return sorted((offset, length) for table in self.tables.values() for offset, length in table.blocks)

    def as_json(self, **about: Any) -> bytes:
        """Return the file's content; ``about`` says which dump of which run it describes."""
        return b"".join(self.json_pieces(**about))

    def json_pieces(self, **about: Any) -> Iterator[bytes]:
        """Yield the same piece by piece."""
        return json_pieces({
            "schema": SCHEMA,
            **about,
            "complete": self.complete,
            "encoding": self.encoding,
            "entries": (entry._asdict() for entry in self.all_entries()),
            "tables": (vars(entry) for entry in self.tables.values()),
            "sequences": (vars(entry) for entry in self.sequences.values()),
            "large_objects": (data._asdict() for data in self.large_objects.data()),
        })  # fmt: skip


def manifest_of(pieces: Iterable[bytes]) -> Manifest:
    """Scan a whole plain dump, given as an iterable of bytes."""
    manifest = Manifest()
    scanner = Scanner(manifest)
    for piece in pieces:
        scanner.feed(piece)
    scanner.finish()
    manifest.complete = scanner.complete
    return manifest


def read_manifest(content: bytes | Iterable[bytes]) -> tuple[Manifest, dict[str, Any]]:
    """Read what :meth:`Manifest.as_json` wrote, whole or in pieces; return it, and the document without its long parts.

    Raises CloseoutError.
    """
    manifest = Manifest()

    def entry(found: Any) -> None:
        made = _made(Entry, found)
        if not manifest.large_objects.make(made):
            manifest.entries.append(made)

    def table(found: Any) -> None:
        made = _made(TableEntry, found)
        manifest.tables[made.schema, made.name] = made

    def sequence(found: Any) -> None:
        made = _made(SequenceEntry, found)
        manifest.sequences[made.schema, made.name] = made

    def large_object(found: Any) -> None:
        manifest.large_objects.fill(_made(Data, found))

    take = {"entries": entry, "tables": table, "sequences": sequence, "large_objects": large_object}
    try:
        document = read_json([content] if isinstance(content, bytes) else content, take)
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema {document['schema']!r}")
        manifest.encoding = document["encoding"]
        manifest.complete = document["complete"] is True
    except (ValueError, KeyError, TypeError) as error:
        raise CloseoutError(
            "The manifest cannot be read",
            wanted=f"a JSON document with schema {SCHEMA}",
            found=repr(error),
            do="give the manifest.json that was written beside the dump",
        ) from error
    return manifest, document


_NAMES: dict[Any, frozenset[str]] = {
    Entry: frozenset(Entry._fields),
    Data: frozenset(Data._fields),
    **{kind: frozenset(one.name for one in fields(kind)) for kind in (TableEntry, SequenceEntry)},
}
_Kind = TypeVar("_Kind", Entry, TableEntry, SequenceEntry, Data)


def _made(kind: type[_Kind], members: Any) -> _Kind:
    """Make an entry of an object of JSON. Raises TypeError where it is another one."""
    if not isinstance(members, dict) or members.keys() != _NAMES[kind]:
        raise TypeError(f"not a {kind.__name__}: {members!r}"[:_MAX_SHOWN])
    for name in _OFTEN_THE_SAME & members.keys():
        if isinstance(members[name], str):
            members[name] = sys.intern(members[name])
    return kind(**members)


def _read_columns(text: str, start: int) -> list[str] | None:
    """Read the column list of a COPY statement at ``start``; None where it has none. Raises ValueError."""
    position = start + len(text[start:]) - len(text[start:].lstrip())
    if text[position : position + 1] != "(":
        return None
    columns = []
    while text[position : position + 1] in ("(", ","):
        position += 1
        while text[position : position + 1].isspace():
            position += 1
        column, position = read_identifier(text, position)
        columns.append(column)
    if text[position : position + 1] != ")":
        raise ValueError("column list without an end")
    return columns


def _not_understood(statement: Statement, wanted: str) -> CloseoutError:
    return CloseoutError(
        "A statement of the dump cannot be understood",
        wanted=wanted,
        found=statement.text[:200].decode("utf-8", "replace"),
        do="make the dump with pg_dump 14 or later in plain format",
    )
