# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what a dump holds: the tables that it creates and the rows that it brings.

Made from what the scanner finds while the dump passes by, written beside the dump, and read again by the audit.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import Any

from ._errors import CloseoutError
from ._names import read_qualified
from ._scanner import Scanner, Statement

SCHEMA = "incomex.closeout/manifest/1"
_CREATE_TABLE = re.compile(rb"CREATE\s+(UNLOGGED\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?")
_COPY = re.compile(rb"COPY\s+")
_ENCODING = re.compile(rb"SET client_encoding = '([^']+)';")

# PostgreSQL's names of server encodings (manual, 24.3) where Python's differ. SQL_ASCII promises nothing: read as
# UTF-8.
_CODECS = {
    "SQL_ASCII": "utf-8",
    "UTF8": "utf-8",
    "LATIN9": "iso8859_15",
    "WIN866": "cp866",
    "WIN874": "cp874",
    "KOI8R": "koi8_r",
    "KOI8U": "koi8_u",
    **{f"WIN{number}": f"cp{number}" for number in range(1250, 1259)},
    **{
        f"LATIN{number}": codec
        for number, codec in zip((5, 6, 7, 8, 10), ("latin5", "latin6", "latin7", "latin8", "latin10"))
    },
}


@dataclass
class TableEntry:
    """One table of the dump. ``rows`` is None where the dump has no data block for it; a partitioned table has none."""

    schema: str
    name: str
    created: bool = False
    partitioned: bool = False
    unlogged: bool = False
    rows: int | None = None
    bytes: int | None = None


class Manifest:
    """The tables of a dump, in the dump's order. It is the scanner's sink."""

    def __init__(self) -> None:
        self.tables: dict[tuple[str, str], TableEntry] = {}
        self.complete = False
        self._codec = "utf-8"
        self._copying: TableEntry | None = None

    def statement(self, statement: Statement) -> None:
        """Take note of a statement. Raises CloseoutError for a CREATE TABLE that cannot be understood."""
        words = statement.words
        if words[:2] == (b"SET", b"CLIENT_ENCODING"):
            found = _ENCODING.match(statement.text)
            if found:
                name = found.group(1).decode("ascii", "replace")
                self._codec = _CODECS.get(name, name)
        elif words[:2] == (b"CREATE", b"TABLE") or words[:3] == (b"CREATE", b"UNLOGGED", b"TABLE"):
            self._create_table(statement)
        elif words[:1] == (b"COPY",):
            self._copying = self._entry(statement.text, _COPY)

    def copy_block(self, rows: int, size_bytes: int) -> None:
        """Add a data block to the table of the COPY statement before it; one table may have several."""
        if self._copying is not None:
            self._copying.rows = (self._copying.rows or 0) + rows
            self._copying.bytes = (self._copying.bytes or 0) + size_bytes
            self._copying = None

    def _create_table(self, statement: Statement) -> None:
        entry = self._entry(statement.text, _CREATE_TABLE)
        if entry.created:
            raise CloseoutError(f"The dump creates the table {entry.schema}.{entry.name} twice")
        entry.created = True
        entry.partitioned = statement.partition_by
        entry.unlogged = statement.words[1] == b"UNLOGGED"

    def _entry(self, text: bytes, prefix: re.Pattern[bytes]) -> TableEntry:
        found = prefix.match(text)
        try:
            if found is None:
                raise ValueError("no table name")
            start = text[found.end() : found.end() + 1024].decode(self._codec, "surrogateescape")
            schema, name, _end = read_qualified(start)
        except (ValueError, LookupError) as error:
            raise CloseoutError(
                "A statement of the dump cannot be understood",
                wanted="a table named with its schema, as pg_dump writes it",
                found=text[:200].decode("utf-8", "replace"),
                do="make the dump with pg_dump 14 or later in plain format",
            ) from error
        return self.tables.setdefault((schema, name), TableEntry(schema, name))

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

    def as_json(self, **about: Any) -> bytes:
        """Return the file's content; ``about`` says which dump of which run it describes."""
        document = {
            "schema": SCHEMA,
            **about,
            "complete": self.complete,
            "tables": [asdict(entry) for entry in self.tables.values()],
        }
        return json.dumps(document, indent=1, sort_keys=False).encode("ascii") + b"\n"


def manifest_of(pieces: Any) -> Manifest:
    """Scan a whole plain dump, given as an iterable of bytes."""
    manifest = Manifest()
    scanner = Scanner(manifest)
    for piece in pieces:
        scanner.feed(piece)
    scanner.finish()
    manifest.complete = scanner.complete
    return manifest


def read_manifest(content: bytes) -> tuple[Manifest, dict[str, Any]]:
    """Read what :meth:`Manifest.as_json` wrote; return it and the whole document. Raises CloseoutError."""
    try:
        document = json.loads(content)
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema {document['schema']!r}")
        manifest = Manifest()
        for fields in document["tables"]:
            entry = TableEntry(**fields)
            manifest.tables[entry.schema, entry.name] = entry
        manifest.complete = document["complete"] is True
    except (ValueError, KeyError, TypeError) as error:
        raise CloseoutError(
            "The manifest cannot be read",
            wanted=f"a JSON document with schema {SCHEMA}",
            found=repr(error),
            do="give the manifest.json that was written beside the dump",
        ) from error
    return manifest, document
