# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the tables of a schema and their rows, read from a live server.

A table is relkind r or p; members of extensions and foreign tables are none. Rows are counted as pg_dump writes them: a
parent's own, and none of a partitioned table.

They are counted by COPY of one column, never by a query. To plan a query the server evaluates what it takes for
constant in the expressions of the table's indexes: functions of the table's owner, with our rights, which may be a
superuser's (PostgreSQL: RelationGetIndexExpressions). COPY of a table plans nothing, and refuses a view that has taken
the table's name. What it reads it has to send; a column of a few bytes costs the least.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from ._names import quote_identifier, quote_qualified
from ._session import Session

_TABLES = """
SELECT c.relname, c.relkind::text, c.relpersistence::text,
       (SELECT a.attname FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        ORDER BY a.attlen < 0, a.attlen, a.attnum LIMIT 1)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
  AND NOT EXISTS (SELECT 1 FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY c.relname COLLATE "C"
"""
# A row costs no call of Python code.
_FORGET = deque[bytes](maxlen=0).append


class Table(NamedTuple):
    """A table of the audited schema. ``kind``: r (ordinary) or p (partitioned); ``persistence``: p or u (unlogged);
    ``narrowest`` is the column that takes the least room, None where COPY can name none."""

    name: str
    kind: str
    persistence: str
    narrowest: str | None


def schema_exists(session: Session, schema: str) -> bool:
    """Tell whether the database has a schema of that name."""
    return bool(session.rows("SELECT 1 FROM pg_namespace WHERE nspname = %s", [schema]))


def tables_of(session: Session, schema: str) -> list[Table]:
    """Return the tables of ``schema``, sorted by name in the C collation."""
    return [Table(*row) for row in session.rows(_TABLES, [schema])]


def count_rows(session: Session, schema: str, tables: list[Table]) -> dict[str, int]:
    """Count the rows of every table, exactly. An unlogged table of a standby cannot be read and is left out.

    The ACCESS SHARE locks that counting takes are held to the end of the session's transaction, where there is one.
    """
    standby = bool(session.value("SELECT pg_is_in_recovery()"))
    return {
        table.name: 0 if table.kind == "p" else session.copy_out(_copy(schema, table), _FORGET)
        for table in tables
        if not (standby and table.persistence == "u")
    }


def _copy(schema: str, table: Table) -> str:
    column = f" ({quote_identifier(table.narrowest)})" if table.narrowest else ""
    return f"COPY {quote_qualified(schema, table.name)}{column} TO STDOUT"
