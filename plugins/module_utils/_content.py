# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the rows of live tables against what a dump's manifest says of them.

A live table is read as pg_dump reads it: COPY in text format, with the dump's own column list and in the dump's
encoding, so that equal rows give equal bytes. Rows come in the order in which they are stored, and a restore often
stores them in another one: measured on version 16, any larger table with rows of different lengths. So a table whose
bytes differ is read again without regard to order.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from typing import NamedTuple, Protocol

from ._dumptext import DumpFile
from ._names import quote_identifier, quote_literal, quote_qualified
from ._progress import meter
from ._rowdigest import NO_ROWS, Content, RowReader, Unordered, unordered_of_dump
from ._session import Session, SqlError

EQUAL = "equal"
EQUAL_OTHER_ORDER = "equal_other_order"
DIFFERENT = "different"
NOT_READABLE = "not_readable"
_UNSETTLED = "unsettled"

_CONFIGURATION = """
SELECT n.nspname, c.relname, t.condition
FROM pg_extension e CROSS JOIN LATERAL unnest(e.extconfig, e.extcondition) AS t(relation, condition)
JOIN pg_class c ON c.oid = t.relation JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r'
"""
_LEAVES = """
SELECT rn.nspname, r.relname, n.nspname, c.relname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class r ON r.oid = pg_partition_root(c.oid) JOIN pg_namespace rn ON rn.oid = r.relnamespace
WHERE c.relispartition AND c.relkind = 'r'
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
"""
# PostgreSQL manual, Appendix A. What these say is a difference: undefined_table, invalid_schema_name,
# undefined_column, wrong_object_type.
_NOT_AS_DUMPED = ("42P01", "3F000", "42703", "42809")
# These say nothing of the table: connection, transaction rollback, resources, operator intervention.
_NOT_ABOUT_THE_TABLE = ("", "08", "40", "53", "57")
_BEGIN_TABLE = "SAVEPOINT one_table"
_END_TABLE = "ROLLBACK TO SAVEPOINT one_table"

Name = tuple[str, str]
"""Schema and name."""


class Relation(Protocol):
    """What a COPY statement names."""

    @property
    def schema(self) -> str:
        """Its schema."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def columns(self) -> Sequence[str] | None:
        """The dump's own column list; None or empty where its COPY has none."""


class DumpedTable(Relation, Protocol):
    """A table of the manifest. ``rows`` is None where the dump holds no data block for it."""

    @property
    def created(self) -> bool:
        """Whether the dump creates it; an extension's tables it does not."""

    @property
    def partitioned(self) -> bool:
        """Whether it is a partitioned table: with data, those of partitions that are loaded through it."""

    @property
    def rows(self) -> int | None:
        """How many rows its data blocks hold."""

    @property
    def sha256(self) -> str | None:
        """The ordered digest over all its data blocks."""

    @property
    def blocks(self) -> Sequence[Sequence[int]]:
        """Where in the dump they are: offset and size, in bytes."""

    @property
    def orders(self) -> Sequence[Sequence[int]]:
        """For each block the places of the columns in its rows; empty where they are in their own."""


class TableResult(NamedTuple):
    """What came of one table. ``outcome`` is one of the four constants of this file; ``rows_found`` is None where its
    rows could not be read; ``first_difference`` counts rows from 1, in the dump's order."""

    schema: str
    name: str
    outcome: str
    rows_expected: int
    rows_found: int | None = None
    first_difference: int | None = None
    detail: str = ""


class _Leaf(NamedTuple):
    """A partition that is read with the column list of its root: columns have the same names in a whole tree."""

    schema: str
    name: str
    columns: Sequence[str] | None


class _Comparison(NamedTuple):
    """What all tables of one comparison have in common."""

    dump: DumpFile
    encoding: str
    conditions: dict[Name, str]
    leaves: dict[Name, list[_Leaf]]

    def statements(self, entry: DumpedTable) -> list[str]:
        """Return what prints the rows of a table."""
        return _statements(entry, self.conditions, self.leaves, self.encoding)


_Look = Callable[[Session, DumpedTable], TableResult]


def copy_statement(relation: Relation, condition: str | None = None, *, encoding: str) -> str:
    """Return the statement that prints a table's own rows as pg_dump does, in ``encoding`` (PostgreSQL's name).

    With ``condition`` (an extension's, ``WHERE …``, or "") it is a query: its order is the planner's choice, and it
    takes what COPY by itself does not, like a partitioned table.
    """
    columns = ", ".join(quote_identifier(column) for column in relation.columns or ())
    source = quote_qualified(relation.schema, relation.name)
    if condition is not None:
        # A list of no columns is one: rows of nothing, and not of generated columns.
        source = f"(SELECT {columns} FROM ONLY {source} {condition})"
    elif columns:
        source = f"{source} ({columns})"
    return f"COPY {source} TO STDOUT (ENCODING {quote_literal(encoding)})"


def configuration_conditions(session: Session) -> dict[Name, str]:
    """Return the condition of every configuration table of an extension: "" for all rows, else ``WHERE …``.

    Source: PostgreSQL manual, 38.17.3 Extension Configuration Tables.
    """
    return {(schema, name): condition for schema, name, condition in session.rows(_CONFIGURATION)}


def digest_in_snapshot(
    session: Session, entries: Iterable[DumpedTable], *, encoding: str, schema: str = ""
) -> dict[Name, Content]:
    """Return rows and digest of every table that has data in the dump, as ``session``'s current transaction sees them.

    ``entries`` are all of the dump's tables; with ``schema`` only that one's are read. The digest is the ordered one;
    of a partitioned table, whose rows have no order to compare, the unordered one (:func:`unordered_of_dump` is the
    dump's). Raises SqlError for a table that cannot be read.
    """
    entries = list(entries)
    conditions = configuration_conditions(session)
    leaves = _leaves_read_through_roots(session, entries)
    found = {}
    for entry in entries:
        key = (entry.schema, entry.name)
        if schema and entry.schema != schema:
            continue
        if key in leaves:
            # Never by a query of the root: see _catalog.py.
            content = _unordered(session, [copy_statement(leaf, encoding=encoding) for leaf in leaves[key]])
        elif entry.rows is not None:
            content = _ordered(session, _statements(entry, conditions, leaves, encoding))
        else:
            continue
        found[key] = content
    return found


def compare_tables(
    open_session: Callable[[], AbstractContextManager[Session]],
    entries: Iterable[DumpedTable],
    dump: DumpFile,
    *,
    encoding: str,
    jobs: int,
    show_differences: bool,
) -> list[TableResult]:
    """Compare the live tables with those of the dump, ``jobs`` at a time, the biggest first; return all results.

    ``open_session`` gives a session of the server, one a job; each reads in one read-only transaction. ``dump`` is
    the dump itself, read only where a table's digest differs; ``encoding`` is its client_encoding. A table that
    the dump creates and fills with nothing is compared too: it must be empty. Not compared by themselves are
    partitioned tables without data of their own, and the partitions that the dump fills through their root. With
    ``show_differences`` the first differing row of a table is looked for.

    What cannot be read of one table is that table's result. Raises CloseoutError where the server could not be asked
    (connection, resources, somebody's interruption) or the dump not be read.
    """
    entries = list(entries)
    with open_session() as session:
        session.begin_snapshot()
        leaves = _leaves_read_through_roots(session, entries)
        comparison = _Comparison(dump, encoding, configuration_conditions(session), leaves)
    elsewhere = {(leaf.schema, leaf.name) for one_tree in leaves.values() for leaf in one_tree}
    chosen = [
        entry
        for entry in entries
        if entry.rows is not None
        or (entry.created and not entry.partitioned and (entry.schema, entry.name) not in elsewhere)
    ]

    def each(chosen: list[DumpedTable], look: _Look) -> dict[Name, TableResult]:
        return _each(open_session, chosen, jobs, look)

    def compared(session: Session, entry: DumpedTable) -> TableResult:
        result = _compare_in_order(session, entry, comparison=comparison)
        meter.add(_size_bytes(entry))
        return result

    meter.begin("comparison", total_bytes=sum(map(_size_bytes, chosen)))
    results = each(chosen, compared)
    unsettled = [entry for entry in chosen if results[_name(entry)].outcome == _UNSETTLED]
    if unsettled:
        with ThreadPoolExecutor(1) as reader:
            # The dump is read once for all of them, while the server is asked.
            dumped = reader.submit(unordered_of_dump, dump, {_name(entry): entry for entry in unsettled})
            results |= each(unsettled, partial(_compare_without_order, comparison=comparison, dumped=dumped))
    if show_differences:
        different = [entry for entry in chosen if _has_position(results[_name(entry)], leaves)]
        results |= each(different, partial(_find_difference, comparison=comparison, results=dict(results)))
    return [results[_name(entry)] for entry in chosen]


def _each(
    open_session: Callable[[], AbstractContextManager[Session]], chosen: list[DumpedTable], jobs: int, look: _Look
) -> dict[Name, TableResult]:
    """Look at each table, ``jobs`` at a time, the biggest first. What the server says of one table alone becomes that
    table's result.
    """
    waiting = deque(sorted(chosen, key=_size_bytes, reverse=True))
    results: dict[Name, TableResult] = {}

    def work() -> None:
        try:
            with open_session() as session:
                session.begin_snapshot()
                session.rows(_BEGIN_TABLE)
                while True:
                    try:
                        entry = waiting.popleft()
                    except IndexError:
                        return
                    results[_name(entry)] = _tried(session, entry, look)
                    # Whatever came of it; and its lock is given back, for there may be more tables than locks.
                    session.rows(_END_TABLE)
        finally:
            # Whatever ended this one early: the others need not go on.
            waiting.clear()

    workers = min(max(1, jobs), len(chosen))
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for job in [pool.submit(work) for _turn in range(workers)]:
            job.result()
    return results


def _name(entry: Relation) -> Name:
    return entry.schema, entry.name


def _size_bytes(entry: DumpedTable) -> int:
    return sum(size for _offset, size in entry.blocks)


def _leaves_read_through_roots(session: Session, entries: Iterable[DumpedTable]) -> dict[Name, list[_Leaf]]:
    """Return, of every partitioned table that has data in the dump, the partitions to which these belong.

    A partition with a data block of its own is none of them. Foreign ones are never read.
    """
    known = {(entry.schema, entry.name): entry for entry in entries}
    found: dict[Name, list[_Leaf]] = {
        key: [] for key, entry in known.items() if entry.partitioned and entry.rows is not None
    }
    if found:
        for root_schema, root_name, schema, name in session.rows(_LEAVES):
            leaf = known.get((schema, name))
            if (root_schema, root_name) in found and (leaf is None or leaf.rows is None):
                root = known[root_schema, root_name]
                found[root_schema, root_name].append(_Leaf(schema, name, root.columns))
    return found


def _statements(
    entry: DumpedTable, conditions: dict[Name, str], leaves: dict[Name, list[_Leaf]], encoding: str
) -> list[str]:
    """Return what prints the rows that the dump's blocks of this table hold."""
    key = (entry.schema, entry.name)
    if key in leaves:
        # The root by itself has no rows, but it must be there.
        itself = copy_statement(entry, "", encoding=encoding)
        return [itself, *(copy_statement(leaf, encoding=encoding) for leaf in leaves[key])]
    return [copy_statement(entry, conditions.get(key) or None, encoding=encoding)]


def _ordered(session: Session, statements: Iterable[str]) -> Content:
    digest = hashlib.sha256()
    # Directly, for speed: gathering rows first was slower than hashing them one by one.
    rows = sum(session.copy_out(statement, digest.update) for statement in statements)
    return Content(rows, digest.hexdigest())


def _unordered(session: Session, statements: Iterable[str]) -> Content:
    found = Unordered()
    rows = sum(session.copy_out(statement, found.add) for statement in statements)
    return Content(rows, found.digest())


def _tried(session: Session, entry: DumpedTable, look: _Look) -> TableResult:
    """Look at one table; what the server says of this table alone becomes its result."""
    try:
        return look(session, entry)
    except SqlError as error:
        if error.sqlstate[:2] in _NOT_ABOUT_THE_TABLE:
            raise
        outcome = DIFFERENT if error.sqlstate in _NOT_AS_DUMPED else NOT_READABLE
        return TableResult(entry.schema, entry.name, outcome, entry.rows or 0, detail=error.message)


def _compare_in_order(session: Session, entry: DumpedTable, *, comparison: _Comparison) -> TableResult:
    """Compare the bytes; a table with as many rows, but other bytes, is unsettled, and so is one without an order."""
    expected = Content(0, NO_ROWS) if entry.rows is None else Content(entry.rows, entry.sha256 or "")
    result = TableResult(entry.schema, entry.name, _UNSETTLED, expected.rows)
    if _name(entry) in comparison.leaves:
        return result
    found = _ordered(session, comparison.statements(entry))
    result = result._replace(rows_found=found.rows)
    if found == expected:
        return result._replace(outcome=EQUAL)
    return result if found.rows == expected.rows else _different(result)


def _compare_without_order(
    session: Session, entry: DumpedTable, *, comparison: _Comparison, dumped: Future[dict[Name, Content]]
) -> TableResult:
    """Compare the rows in whatever order."""
    found = _unordered(session, comparison.statements(entry))
    result = TableResult(entry.schema, entry.name, EQUAL_OTHER_ORDER, entry.rows or 0, found.rows)
    return result if found == dumped.result()[_name(entry)] else _different(result)


def _has_position(result: TableResult, leaves: dict[Name, list[_Leaf]]) -> bool:
    """Tell whether there is a first row that differs: not in what has no order, nor in what could not be read."""
    return result.outcome == DIFFERENT and result.rows_found is not None and (result.schema, result.name) not in leaves


def _find_difference(
    session: Session, entry: DumpedTable, *, comparison: _Comparison, results: dict[Name, TableResult]
) -> TableResult:
    """Look for the first row that differs."""
    position = _first_difference(session, comparison.statements(entry), comparison.dump, entry.blocks)
    return results[_name(entry)]._replace(first_difference=position)


def _different(result: TableResult) -> TableResult:
    return result._replace(outcome=DIFFERENT, detail=_difference(result.rows_expected, result.rows_found or 0))


def _difference(expected: int, found: int) -> str:
    if expected == found:
        return f"{found} rows, as in the dump, but not the same ones"
    return f"{found} rows; the dump has {expected}"


def _first_difference(
    session: Session, statements: Iterable[str], dump: DumpFile, blocks: Sequence[Sequence[int]]
) -> int | None:
    """Return the position, from 1, of the first row that is not the dump's; None where there is none."""
    equal = 0
    differs = False
    with dump.open_text() as text:
        dumped = RowReader(text, blocks)

        def compare(line: bytes) -> None:
            nonlocal equal, differs
            if not differs:
                differs = dumped.read(len(line)) != line
                equal += not differs

        for statement in statements:
            session.copy_out(statement, compare)
        # Up to here all rows were equal; the dump may have more.
        return equal + 1 if differs or dumped.read(1) else None
