# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: one exported snapshot of production, for pg_dump and for our own counts.

TRUNCATE and table rewrites are not MVCC-safe: between the snapshot and pg_dump's locks they make pg_dump and us read
the same, wrong, empty table (PostgreSQL manual, 13.6 Caveats). What shows it is a storage file that is no longer the
one the snapshot knows. So it is compared once pg_dump holds all its locks; from then on no file can change.

Names are no safer. pg_dump reads in the snapshot which tables and columns there are, and then finds each by its name,
which may be another one's by now: two tables exchanged give each other's rows. So the names that tables and columns
have now are compared as well, which a table's number leads to. pg_dump's locks do not keep a schema from being renamed,
to and fro, so its row in the catalogue must still be the same.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ._catalog import Table, count_rows, tables_of
from ._census import Census, read_census
from ._clock import utc_now
from ._errors import CloseoutError
from ._fingerprint import Fingerprint, read_fingerprint
from ._server import Server
from ._session import Session
from ._witness import own_sessions

# The two functions tell what is now, the catalogues what the snapshot has.
_CHANGED = """
SELECT n.nspname, c.relname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND (c.relkind = 'r' AND c.relfilenode IS DISTINCT FROM pg_relation_filenode(c.oid)
       OR (pg_identify_object_as_address('pg_class'::regclass, c.oid, 0)).object_names
          IS DISTINCT FROM ARRAY[n.nspname, c.relname]::text[]
       OR EXISTS (SELECT 1 FROM pg_attribute a
                  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                    AND (pg_identify_object_as_address('pg_class'::regclass, c.oid, a.attnum)).object_names[3]
                        IS DISTINCT FROM a.attname::text))
ORDER BY 1, 2
"""
_SCHEMAS = "SELECT oid, nspname, xmin::text FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_'"
# Their sizes on the disk would be exact, but to ask for these waits for locks.
_PAGES = """
SELECT n.nspname, c.relname, 1 + greatest(c.relpages, 0) + greatest(coalesce(t.relpages, 0), 0)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""
_MAX_NAMED = 20
_WATCH_S = 0.02


class ProductionSnapshot:
    """An exported snapshot, held by ``session`` until :meth:`close`. ``id`` is what ``pg_dump --snapshot`` takes."""

    def __init__(self, session: Session, schema: str, *, beside: Sequence[int] = ()) -> None:
        """``beside`` are the process ids of our own other sessions, which are no program's."""
        self._session = session
        self._beside = list(beside)
        self._schema = schema
        session.begin_snapshot()
        self.id = str(session.value("SELECT pg_export_snapshot()"))
        self.taken_utc = utc_now()
        self.tables: list[Table] = tables_of(session, schema)
        self._schemas = session.rows(_SCHEMAS)
        self.pages = {(name, table): int(pages) for name, table, pages in session.rows(_PAGES)}
        """How many pages each table has, by schema and name, about: what ANALYZE last saw."""
        self.sessions: dict[int, dict[str, Any]] = {}

    def changed(self) -> list[str]:
        """Return the tables that were truncated, rewritten, renamed or dropped since the snapshot, or of which a column
        was; call it once pg_dump holds its locks, and again at the end."""
        found = self._session.rows(_CHANGED)
        names = [f"{schema}.{name}" for schema, name in found[:_MAX_NAMED]]
        return names + ([f"and {len(found) - _MAX_NAMED} more"] if len(found) > _MAX_NAMED else [])

    def renamed_schemas(self, server: Server) -> list[str]:
        """Return the schemas that were renamed or dropped since the snapshot, or changed in another way. In a session
        of its own, which sees what is now."""
        with server.session() as session:
            now = set(session.rows(_SCHEMAS))
        return [f"schema {name}" for oid, name, xmin in self._schemas if (oid, name, xmin) not in now]

    def note_sessions(self, run_id: str) -> None:
        """Note our sessions on the server as they are now, and their transaction ids. One that was seen with an id
        keeps it."""
        for one in own_sessions(self._session, run_id):
            before = self.sessions.get(one["pid"])
            if before is None or before["xid"] is None:
                self.sessions[one["pid"]] = one

    @contextlib.contextmanager
    def watching_sessions(self, run_id: str) -> Iterator[Callable[[], None]]:
        """Note our sessions again and again until the function that this gives is called, or the block is left.

        A small database's pg_dump has come and gone before its first byte reaches us.
        """
        stopped = threading.Event()

        def watch() -> None:
            # A session that breaks is the block's own to tell.
            with contextlib.suppress(CloseoutError):
                while not stopped.wait(_WATCH_S):
                    self.note_sessions(run_id)

        watcher = threading.Thread(target=watch, daemon=True)

        def stop() -> None:
            stopped.set()
            watcher.join()

        watcher.start()
        try:
            yield stop
        finally:
            stop()

    def count(self) -> dict[str, int]:
        """Count the rows of the audited tables in the snapshot, and see to it that they are the snapshot's.

        Counting takes locks of our own on these tables and holds them, so the comparison after it is final.
        """
        rows = count_rows(self._session, self._schema, self.tables)
        changed = self.changed()
        ours = {f"{self._schema}.{table.name}" for table in self.tables}
        if ours & set(changed):
            raise CloseoutError(
                "An audited table was truncated or rewritten while its rows were counted",
                wanted="tables that stay as they are in the snapshot",
                found=", ".join(sorted(ours & set(changed))),
                do="run the closeout when no TRUNCATE or table rewrite is at work",
            )
        return rows

    def census(self) -> Census:
        """Take the census of the catalogues in the snapshot."""
        return read_census(self._session)

    def fingerprint(self) -> Fingerprint:
        """Read the fingerprint of the catalogues in the snapshot."""
        return read_fingerprint(self._session)

    def end_programs(self, server: Server) -> None:
        """Terminate the sessions of this run's programs: a pg_dump that was killed may not have noticed, and one that
        must not be killed ends by that. In a session of its own, for the snapshot's may be counting, or lost."""
        with server.session() as session:
            session.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> ALL (%s) AND application_name = current_setting('application_name')",
                [[session.pid, self._session.pid, *self._beside]],
            )

    @property
    def is_gone(self) -> bool:
        """Whether the session is gone, and the snapshot with it."""
        return self._session.is_closed

    def close(self) -> None:
        """End the transaction; the snapshot ends with it."""
        self._session.rollback()
