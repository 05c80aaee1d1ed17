# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a plain dump, cut into what several sessions can restore at once.

A few sorts of statements, each of a form that cannot be misread, become work of their own: COPY with its rows, CREATE
INDEX, keys and triggers of tables. All other text is psql's, in the dump's order, byte by byte. A dump that does more
than pg_dump writes is not cut: :class:`NotCut`. Sources: pg_dump_sort.c (the order of a dump);
PostgreSQL manual, 13.3 Explicit Locking.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Union

from ._encodings import codec_of
from ._entries import name_statement
from ._errors import CloseoutError
from ._manifest import Manifest, TableEntry
from ._names import quote_qualified, read_qualified
from ._scanner import Scanner, Statement

MAX_TEXT_BYTES = 32 << 20
"""A dump with more text beside its rows is not cut: it is held in memory, and most of the work is psql's anyway."""

Name = tuple[str, str]
Settings = dict[bytes, bytes]
_END_OF_ROWS = b"\\.\n"
# What may lie between two statements. A carriage return ends a comment for psql, and is never in one of pg_dump's.
_BETWEEN = re.compile(rb"(?:[ \t\n]|--[^\r\n]*\n)*\Z")
_BEFORE_ALL = re.compile(rb"(?:[ \t\n]|--[^\r\n]*\n|\\restrict [A-Za-z0-9]+\n)*\Z")
_AFTER_ALL = re.compile(rb"(?:[ \t\n]|--[^\r\n]*\n|\\unrestrict [A-Za-z0-9]+\n)*\Z")
_SETTING = re.compile(
    rb"(?:SET ([a-z_]+) = (?:[\w.-]+|'[^'\\]*'|\"[^\"\\]*\")"
    rb"|SELECT pg_catalog\.set_config\('([a-z_]+)', '[^'\\]*', false\));\Z"
)
# Data of sequences and large objects: none of it touches a table.
_BESIDE_TABLES = re.compile(rb"SELECT pg_catalog\.(?:setval|lo_create|lo_open|lowrite|lo_close)\(")
_OF_LARGE_OBJECTS = re.compile(rb"SELECT pg_catalog\.lo")
# Words that begin or end a transaction, or change the session in another way than a setting.
_OF_THE_SESSION = frozenset(
    b"SET RESET BEGIN START COMMIT END ABORT ROLLBACK SAVEPOINT RELEASE PREPARE EXECUTE DEALLOCATE DISCARD LOCK LISTEN"
    b" UNLISTEN NOTIFY DECLARE FETCH CLOSE LOAD".split()
)
_IDENTIFIER = r'(?:[A-Za-z_\x80-\U0010ffff][\w$]*|"(?:[^"]|"")*")'
_KEY = re.compile(rf"ALTER TABLE ONLY (?P<table>\S.*?)\n    ADD CONSTRAINT {_IDENTIFIER} (?:PRIMARY KEY|UNIQUE) ", re.S)
_FOREIGN_KEY = re.compile(
    rf"ALTER TABLE ONLY (?P<table>\S.*?)\n    ADD CONSTRAINT {_IDENTIFIER} FOREIGN KEY"
    rf" \({_IDENTIFIER}(?:, {_IDENTIFIER})*\) REFERENCES (?P<referenced>.*)",
    re.S,
)


class NotCut(Exception):
    """The dump is to be restored in one go; says why."""


class OtherDump(CloseoutError):
    """The file is not the one that the manifest describes."""


@dataclass(frozen=True)
class Rows:
    """A COPY statement, and where in the file its rows lie."""

    statement: bytes
    offset: int
    size_bytes: int


@dataclass(frozen=True)
class Load:
    """All rows of one table. ``truncate`` is a statement that empties it, b"" where that must not be; ``sha256`` is
    the digest of the rows.

    Of all work: on the tables that it ``owns`` nobody else works meanwhile, on those that it ``shares`` only others
    that share them; ``settings`` are what its session is to have, by name, as statements.
    """

    title: str
    owns: frozenset[Name]
    settings: Settings
    copies: tuple[Rows, ...]
    sha256: str
    truncate: bytes
    shares: frozenset[Name] = frozenset()
    any_order: bool = False

    @property
    def weight(self) -> int:
        """About how much work it is: bytes."""
        return sum(rows.size_bytes for rows in self.copies)


@dataclass(frozen=True)
class Build:
    """A statement that makes an index, a constraint or a trigger. With ``any_order`` it need not wait for others of
    that kind, as long as they do not go on at the same time: foreign keys, which two tables each hold.
    """

    title: str
    owns: frozenset[Name]
    settings: Settings
    statement: bytes
    weight: int
    shares: frozenset[Name] = frozenset()
    any_order: bool = False


Work = Union[Load, Build]


@dataclass
class Phase:
    """``before`` is psql's, alone; then comes ``work``, and meanwhile psql has ``beside``."""

    before: bytearray = field(default_factory=bytearray)
    work: list[Work] = field(default_factory=list)
    beside: bytearray = field(default_factory=bytearray)


def text_ranges(manifest: Manifest, size_bytes: int) -> list[tuple[int, int]]:
    """Return offset and length of all that is not rows, one range more than there are data blocks.

    Raises OtherDump where the blocks do not fit into the file, NotCut where that is too much text.
    """
    ranges, position = [], 0
    for offset, length in manifest.blocks:
        if offset < position or length < 0:
            raise other_dump(f"a data block at {offset}, within the one before")
        ranges.append((position, offset - position))
        position = offset + length
    if position > size_bytes:
        raise other_dump(f"a data block up to {position} in a file of {size_bytes} bytes")
    ranges.append((position, size_bytes - position))
    if sum(length for _offset, length in ranges) > MAX_TEXT_BYTES:
        raise NotCut("more than 32 MB of it are not rows of tables")
    return ranges


def cut(manifest: Manifest, lengths: Sequence[int], text: bytes) -> list[Phase]:
    """Cut a dump. ``text`` is what lies in the ranges of :func:`text_ranges`, of these ``lengths``, without a gap.

    Raises OtherDump where there is no data block where the manifest says so, NotCut.
    """
    cutter = _Cutter(manifest, lengths, text)
    scanner = Scanner(cutter)
    position = 0
    for length in lengths:
        scanner.feed(text[position : position + length])
        position += length
    scanner.finish()
    if not scanner.complete:
        raise NotCut("it does not end as a whole dump does")
    return cutter.finish()


def waits_for(work: Sequence[Work]) -> list[set[int]]:
    """Return for each piece of work which ones, earlier in the order, must be done before it: those that touch a table
    of its own, unless both only share it, or both are for any order.
    """
    owner: dict[Name, int] = {}
    since: dict[Name, set[int]] = {}
    in_any_order: dict[Name, set[int]] = {}
    found = []
    for number, one in enumerate(work):
        before = {owner[table] for table in one.owns | one.shares if table in owner}
        for table in one.owns:
            before |= since.get(table, set())
            if one.any_order:
                in_any_order.setdefault(table, set()).add(number)
            else:
                before |= in_any_order.pop(table, set())
                since.pop(table, None)
                owner[table] = number
        for table in one.shares:
            before |= in_any_order.get(table, set())
            since.setdefault(table, set()).add(number)
        found.append(before)
    return found


class _Cutter:
    """The scanner's sink. The scanner sees the text without rows, so that each data block is an empty one; offsets are
    those of that text.
    """

    def __init__(self, manifest: Manifest, lengths: Sequence[int], text: bytes) -> None:
        self._manifest = manifest
        self._codec = codec_of(manifest.encoding)
        self._text = text
        self._expected = iter(_blocks_of(manifest.tables.values()))
        # Where the text before each data block ends.
        self._ends = itertools.accumulate(lengths)
        self._below = _partitions_below(manifest.tables)
        self._loaded: dict[Name, int] = {}
        self._phases = [Phase()]
        self._settings: Settings = {}
        self._position = 0
        self._transaction = False
        self._other_role = False
        self._copy: Statement | None = None
        self._first = True

    def statement(self, statement: Statement) -> None:
        if self._copy is not None:
            raise other_dump("no rows behind a COPY statement")
        between = _BEFORE_ALL if self._first else _BETWEEN
        if between.match(self._text, self._position, statement.start) is None:
            raise NotCut("there is more between its statements than pg_dump's comments")
        self._first = False
        if statement.words[:1] == (b"COPY",):
            if self._other_role:
                raise NotCut("rows are loaded as another role")
            self._no_transaction()
            self._copy = statement
            return
        whole = self._text[self._position : statement.end]
        self._position = statement.end
        if self._as_another(statement):
            self._alone(whole)
            return
        work = self._work_of(statement)
        if work is not None:
            self._no_transaction()
            self._phases[-1].work.append(work)
        elif self._is_beside(statement):
            self._beside(whole)
        else:
            self._no_transaction()
            self._alone(whole)

    def copy_data(self, data: memoryview) -> None:
        raise other_dump("rows outside its data blocks")

    def copy_block(self, rows: int, size_bytes: int, offset: int) -> None:
        statement, block = self._copy, next(self._expected, None)
        if statement is None or block is None or offset != next(self._ends):
            raise other_dump("a data block elsewhere")
        table, place, length = block
        try:
            schema, name, _end = read_qualified(self._decoded(statement.text), len("COPY "))
        except ValueError as error:
            raise NotCut("a COPY statement is of another form than pg_dump's") from error
        if (schema, name) != (table.schema, table.name):
            raise other_dump(f"rows of {schema}.{name} where those of {table.schema}.{table.name} should be")
        self._load(table, Rows(statement.text, place, length))
        self._position = offset + len(_END_OF_ROWS)
        self._copy = None

    def finish(self) -> list[Phase]:
        """The text has ended. Raises NotCut or OtherDump."""
        if self._copy is not None or next(self._expected, None) is not None:
            raise other_dump("fewer data blocks")
        self._no_transaction()
        if _AFTER_ALL.match(self._text, self._position) is None:
            raise NotCut("there is more at its end than pg_dump's comments")
        self._alone(self._text[self._position :])
        return self._phases

    def _decoded(self, text: bytes) -> str:
        return text.decode(self._codec, "surrogateescape")

    def _as_another(self, statement: Statement) -> bool:
        """Whether a statement is executed as another role, as pg_dump does it for privileges that this one granted."""
        before = self._other_role
        if statement.words[:3] == (b"SET", b"SESSION", b"AUTHORIZATION"):
            self._other_role = statement.words[3:] != (b"DEFAULT",)
        elif statement.words == (b"RESET", b"SESSION", b"AUTHORIZATION"):
            self._other_role = False
        if self._transaction and (before or self._other_role):
            self._no_transaction()
        return before or self._other_role

    def _no_transaction(self) -> None:
        if self._transaction:
            raise NotCut("it has a transaction that is not about large objects")

    def _alone(self, text: bytes) -> None:
        if self._phases[-1].work or self._phases[-1].beside:
            self._phases.append(Phase())
        self._phases[-1].before += text

    def _beside(self, text: bytes) -> None:
        if self._phases[-1].work:
            self._phases[-1].beside += text
        else:
            self._phases[-1].before += text

    def _is_beside(self, statement: Statement) -> bool:
        """Whether psql may execute it while others work on tables; it is taken note of what it does to the session."""
        if self._transaction and statement.words == (b"COMMIT",):
            self._transaction = False
            return True
        if _BESIDE_TABLES.match(statement.text):
            if self._transaction and not _OF_LARGE_OBJECTS.match(statement.text):
                self._no_transaction()
            return True
        self._no_transaction()
        setting = _SETTING.match(statement.text)
        if setting:
            name = setting[1] or setting[2]
            # The last one counts, and comes last.
            self._settings = {key: text for key, text in self._settings.items() if key != name}
            self._settings[name] = statement.text
            return True
        if statement.words == (b"BEGIN",):
            self._transaction = True
            return True
        if not statement.words or statement.words[0] in _OF_THE_SESSION or b"set_config" in statement.text[:200]:
            raise NotCut("it changes its session in another way than pg_dump does")
        return False

    def _load(self, table: TableEntry, rows: Rows) -> None:
        name = (table.schema, table.name)
        work, title = self._phases[-1].work, f"COPY {table.schema}.{table.name}"
        if name in self._loaded:
            # Partitions by the hash of an enum's label: the rows of each are a block of the root.
            number = self._loaded[name]
            earlier = work[number] if number < len(work) else None
            if not isinstance(earlier, Load) or earlier.title != title or earlier.settings != self._settings:
                raise NotCut(f"the rows of {name[0]}.{name[1]} are in several places")
            work[number] = replace(earlier, copies=(*earlier.copies, rows))
            return
        self._loaded[name] = len(work)
        owns = frozenset([name, *self._below.get(name, ())])
        work.append(Load(title, owns, dict(self._settings), (rows,), table.sha256 or "", self._truncate(table)))

    def _truncate(self, table: TableEntry) -> bytes:
        """Return what empties a table in the transaction that loads it: its rows then need no WAL, with a wal_level of
        minimal. Only for an ordinary table that this very dump makes: one of an extension may have rows already.
        """
        if not table.created or table.partitioned or len(table.blocks) != 1:
            return b""
        quoted = quote_qualified(table.schema, table.name)
        return f"TRUNCATE TABLE ONLY {quoted}".encode(self._codec, "surrogateescape")

    def _work_of(self, statement: Statement) -> Build | None:
        """Return the work that a statement is; None where psql is to execute it."""
        words = statement.words
        index = words[:2] == (b"CREATE", b"INDEX") or words[:3] == (b"CREATE", b"UNIQUE", b"INDEX")
        constraint = words[:3] == (b"ALTER", b"TABLE", b"ONLY") and b"CONSTRAINT" in words
        trigger = words[:2] == (b"CREATE", b"TRIGGER")
        if not index and not constraint and not trigger:
            return None
        # A comment within it, or too long to be sure.
        if statement.text != self._text[statement.start : statement.end]:
            return None
        text = self._decoded(statement.text)
        if constraint:
            return self._constraint(text, statement.text)
        return self._index(text, statement.text) if index else self._trigger(text, statement.text)

    def _index(self, text: str, statement: bytes) -> Build | None:
        entry = name_statement(text)
        table = (entry.schema, entry.of)
        # One of a partitioned table is made in a moment; it may look at the partitions.
        if entry.type != "INDEX" or not entry.schema or self._is_partitioned(table):
            return None
        return self._build(f"CREATE INDEX {entry.schema}.{entry.name}", statement, shares=[table])

    def _trigger(self, text: str, statement: bytes) -> Build | None:
        entry = name_statement(text)
        table = (entry.schema, entry.of)
        if entry.type != "TRIGGER" or not self._is_ordinary(table):
            return None
        return self._build(f"CREATE TRIGGER of {table[0]}.{table[1]}", statement, owns=[table])

    def _constraint(self, text: str, statement: bytes) -> Build | None:
        """A key of an ordinary table. What is about partitions locks more than one can see."""
        key, foreign = _KEY.match(text), _FOREIGN_KEY.match(text)
        found = key or foreign
        if found is None:
            return None
        try:
            table = _name_alone(found["table"])
            tables = [table]
            if foreign:
                schema, name, _end = read_qualified(foreign["referenced"])
                tables.append((schema, name))
        except ValueError:
            return None
        # A key of a partition alone locks nothing else.
        if key and not (table in self._manifest.tables and self._manifest.tables[table].created):
            return None
        if self._is_partitioned(table) or (foreign and not all(self._is_ordinary(one) for one in tables)):
            return None
        title = "FOREIGN KEY" if foreign else "PRIMARY KEY or UNIQUE"
        return self._build(f"{title} of {table[0]}.{table[1]}", statement, owns=tables, any_order=foreign is not None)

    def _build(
        self,
        title: str,
        statement: bytes,
        *,
        owns: Iterable[Name] = (),
        shares: Iterable[Name] = (),
        any_order: bool = False,
    ) -> Build:
        owned, shared = frozenset(owns), frozenset(shares)
        tables = (self._manifest.tables.get(one) for one in owned | shared)
        weight = sum(table.bytes or 0 for table in tables if table is not None)
        return Build(title, owned, dict(self._settings), statement, weight, shared, any_order)

    def _is_ordinary(self, table: Name) -> bool:
        """Whether this very dump makes it, and it is neither partitioned nor a partition."""
        known = self._manifest.tables.get(table)
        return known is not None and known.created and not known.partitioned and known.parent is None

    def _is_partitioned(self, table: Name) -> bool:
        known = self._manifest.tables.get(table)
        return known is not None and known.partitioned


def _name_alone(text: str) -> Name:
    schema, name, end = read_qualified(text)
    if end != len(text):
        raise ValueError("more than a name")
    return schema, name


def _blocks_of(tables: Iterable[TableEntry]) -> list[tuple[TableEntry, int, int]]:
    found = [(table, offset, length) for table in tables for offset, length in table.blocks]
    return sorted(found, key=lambda block: block[1])


def _partitions_below(tables: Mapping[Name, TableEntry]) -> dict[Name, set[Name]]:
    """Return for each partitioned table all that is below it: rows that are loaded through it go there."""
    below: dict[Name, set[Name]] = {}
    for name, table in tables.items():
        above: TableEntry | None = table
        while above is not None and above.parent is not None:
            parent = (above.parent[0], above.parent[1])
            below.setdefault(parent, set()).add(name)
            above = tables.get(parent)
    return below


def other_dump(found: str) -> OtherDump:
    """Return the error that says what is otherwise in the file."""
    return OtherDump(
        "The dump is not the one that the manifest describes",
        wanted="the file as it was written with its manifest",
        found=found,
        do="do not use this file as a backup, or give the manifest that belongs to it",
    )


def settings_to_make(current: Mapping[bytes, bytes], wanted: Mapping[bytes, bytes]) -> list[bytes]:
    """Return the statements that lead a session from the settings that it has to those that it is to have."""
    undone = [b"RESET " + name for name in current if name not in wanted]
    return undone + [text for name, text in wanted.items() if current.get(name) != text]
