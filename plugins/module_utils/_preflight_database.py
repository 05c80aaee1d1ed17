# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what production's database itself tells before the run: what pg_dump could not read, not
lock, leaves out, or would have to wait for; and who would have to wait for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ._audit import match
from ._catalog import tables_of
from ._findings import some
from ._session import LOCK_WAIT_S, Session
from ._settings import Problem

_NOT_SYSTEM = "n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'"
_SCHEMAS_WITH_TABLES = f"""
SELECT nspname FROM pg_namespace n
WHERE {_NOT_SYSTEM} AND EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = n.oid AND relkind IN ('r', 'p')) ORDER BY 1
"""
# Of an extension's tables pg_dump reads those that it was told of as configuration.
_DUMPED = """(NOT EXISTS (SELECT 1 FROM pg_depend d
              WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
          OR EXISTS (SELECT 1 FROM pg_extension x WHERE c.oid = ANY (x.extconfig)))"""
_UNREADABLE = f"""
SELECT n.nspname || '.' || c.relname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't' AND {_NOT_SYSTEM} AND {_DUMPED}
  AND NOT (has_schema_privilege(n.oid, 'USAGE')
           AND CASE c.relkind WHEN 'S' THEN has_sequence_privilege(c.oid, 'SELECT')
                              ELSE has_table_privilege(c.oid, 'SELECT') END)
ORDER BY 1
"""
_ROW_SECURITY = f"""
SELECT n.nspname || '.' || c.relname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relrowsecurity AND {_NOT_SYSTEM} AND {_DUMPED} AND row_security_active(c.oid)
ORDER BY 1
"""
# Neither pg_read_all_data nor any other role reads all of them; has_largeobject_privilege() is only in later versions.
_LARGE_OBJECTS = """
SELECT oid::text FROM pg_largeobject_metadata m
WHERE NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
  AND current_setting('lo_compat_privileges') <> 'on'
  AND NOT pg_has_role(m.lomowner, 'USAGE')
  AND NOT EXISTS (SELECT 1 FROM aclexplode(m.lomacl) a
                  WHERE a.privilege_type = 'SELECT' AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE')))
ORDER BY oid
"""
# The lock table has room for this many, and a little more that nobody may rely on. A lock that is taken by the fast
# path is not in it, but there are few of these in a session.
_LOCKS = f"""
SELECT current_setting('max_locks_per_transaction')::int
           * (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int),
       (SELECT count(*) FROM pg_locks WHERE NOT fastpath AND locktype <> 'virtualxid'),
       (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND {_NOT_SYSTEM} AND {_DUMPED})
"""
_SPARE_LOCKS = 10
"""Per cent of the lock table that are left to production."""
# What pg_dump locks or reads through. A lock that is only waited for stops whoever comes later, too.
_HELD = f"""
SELECT n.nspname || '.' || c.relname, coalesce(a.usename::text, ''), l.pid,
       coalesce(p.gid, ''), coalesce(p.prepared, a.xact_start)::text, l.granted, coalesce(a.state, ''),
       c.relkind IN ('r', 'p')
FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
LEFT JOIN pg_locks x ON l.pid IS NULL AND x.pid IS NULL AND x.locktype = 'transactionid'
    AND x.virtualtransaction = l.virtualtransaction
LEFT JOIN pg_prepared_xacts p ON p.transaction = x.transactionid
WHERE l.mode = 'AccessExclusiveLock' AND c.relkind IN ('r', 'p', 'S', 'v', 'm') AND {_NOT_SYSTEM} AND {_DUMPED}
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY 1
"""
_CONCURRENTLY = """
SELECT relid::regclass::text, pid FROM pg_stat_progress_create_index
WHERE datname = current_database() AND command LIKE '%CONCURRENTLY' ORDER BY 2
"""
# pg_dump leaves them out unless a superuser runs it. Source: PostgreSQL manual, pg_dump, Notes.
_SUBSCRIPTIONS = """
SELECT subname FROM pg_subscription
WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
ORDER BY 1
"""
# How long replay on a standby waits for a query before it cancels it.
_STANDBY = """
SELECT (SELECT setting::bigint FROM pg_settings WHERE name = 'max_standby_streaming_delay'),
       current_setting('max_standby_streaming_delay'), current_setting('hot_standby_feedback') = 'on'
WHERE pg_is_in_recovery()
"""
_LONG_S = 600
_WITHOUT_FILES = """
SELECT e.extname::text FROM pg_extension e
WHERE NOT EXISTS (SELECT 1 FROM pg_available_extensions a WHERE a.name = e.extname) ORDER BY 1
"""


def problems_of(session: Session, user: str) -> Iterator[Problem]:
    """Yield what would stop the dump of the session's database by ``user``, or the restore of it. Raises SqlError."""
    yield from _unreadable(session, user)
    yield from _lock_table(session)
    yield from _prepared(session)
    without_files = [str(row[0]) for row in session.rows(_WITHOUT_FILES)]
    if without_files:
        yield Problem(
            "extensions",
            some(without_files),
            "the files of each installed extension, from which a restore makes it",
            f"{len(without_files)} that the server does not have the files of",
            "install the extension's package again, or drop the extension",
        )


def notes_of(session: Session, dump_s: int) -> Iterator[str]:
    """Yield what does not stop the run, and explains what may become of it; the dump will take some ``dump_s`` seconds.

    Raises SqlError.
    """
    for name, user, pid, gid, since, granted, state, is_table in session.rows(_HELD):
        if not gid:
            whose = f"pid {pid} of {user}" if user else f"pid {pid}"
            yield (
                f"{name} is {'locked' if granted else 'about to be locked'}{f' since {since}' if since else ''}"
                f" (AccessExclusiveLock, {whose}{', idle' if state.startswith('idle') else ''}): the dump waits for it,"
                # What pg_dump does not lock itself it waits for without a limit.
                f" {f'at most {LOCK_WAIT_S} s' if is_table else 'for as long as it is held'}."
            )
    for table, pid in session.rows(_CONCURRENTLY):
        yield f"An index of {table} is being made concurrently (pid {pid}): it may wait until the dump has ended."
    standby = session.rows(_STANDBY)
    for delay_ms, delay, has_feedback in standby:
        if 0 <= delay_ms < dump_s * 1000:
            yield (
                f"Replay on this standby waits {delay} for a query (max_standby_streaming_delay) and then cancels it;"
                f" the dump may take {dump_s} s."
                f" {'With hot_standby_feedback that is rare.' if has_feedback else 'Set it to -1 for that time.'}"
            )
    if not standby and dump_s > _LONG_S:
        yield (
            f"The dump may take {dump_s // 60} minutes; so long VACUUM keeps the rows that others delete or replace."
        )


def unlike_expected(session: Session, schema: str, expected: list[str]) -> Iterator[str]:
    """Yield what is to be said where production itself has other tables than the dump must have. Raises SqlError.

    The run goes on: a dump of a database that is not as expected is still a backup.
    """
    found = match([table.name for table in tables_of(session, schema)], expected)
    if expected and not found["matches"]:
        told = "; ".join(f"{kind}: {some(found[kind])}" for kind in ("missing", "unexpected") if found[kind])
        yield f"Schema {schema} of production has not exactly the expected tables ({told}): dump.tables will fail."


def nothing_to_audit(session: Session, schema: str, expected: list[str]) -> Iterator[Problem]:
    """Yield what stops a run that expects the tables of the snapshot, of a schema that has none. Raises SqlError."""
    if expected or tables_of(session, schema):
        return
    others = [str(row[0]) for row in session.rows(_SCHEMAS_WITH_TABLES)]
    there = session.value("SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = %s)", [schema])
    yield Problem(
        "tables",
        f"schema {schema}",
        "a schema that has tables, or the tables that it must have",
        f"{'no table in it' if there else 'no such schema'}; schemas with tables: {some(others) or 'none'}",
        "correct closeout_schema or closeout_db, or set closeout_expected_tables",
    )


def _unreadable(session: Session, user: str) -> Iterator[Problem]:
    for query, wanted, advice in (
        (_UNREADABLE, "SELECT on it and USAGE on its schema", "GRANT pg_read_all_data TO {user}"),
        (_ROW_SECURITY, "all its rows, past row security", "ALTER ROLE {user} BYPASSRLS"),
        (
            _LARGE_OBJECTS,
            "SELECT on each large object",
            "GRANT SELECT ON LARGE OBJECT … TO {user}, or dump as its owner",
        ),
        (_SUBSCRIPTIONS, "a superuser, since pg_dump leaves a subscription out for others", "dump as a superuser"),
    ):
        names = [str(row[0]) for row in session.rows(query)]
        if names:
            found = f"{len(names)} that user {user!r} cannot read whole"
            yield Problem("permission", some(names), wanted, found, advice.format(user=user))


def _lock_table(session: Session) -> Iterator[Problem]:
    """Hold what pg_dump locks, all at once, against the room in the lock table: when it is full, production's own
    transactions fail, too. Source: PostgreSQL manual, 20.12 Lock Management.
    """
    room, taken, wanted = session.rows(_LOCKS)[0]
    if taken + wanted > room * (100 - _SPARE_LOCKS) // 100:
        yield Problem(
            "locks",
            "max_locks_per_transaction",
            f"room for a lock on each of {wanted} tables at once, and {_SPARE_LOCKS} per cent left to others",
            f"{room} in all, {taken} of them taken",
            "raise max_locks_per_transaction on production, which takes a restart of it",
        )


def _prepared(session: Session) -> Iterator[Problem]:
    """A prepared transaction holds its locks until somebody ends it: no dump can wait for that."""
    for name, _user, _pid, gid, since, *_rest in session.rows(_HELD):
        if gid:
            yield Problem(
                "locks",
                str(name),
                "a relation that the dump can lock",
                f"prepared transaction {gid!r} of {since} holds an AccessExclusiveLock",
                "COMMIT PREPARED or ROLLBACK PREPARED it",
            )
