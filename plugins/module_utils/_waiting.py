# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: who on production waits for a lock because of us, and giving way to them.

An ALTER TABLE waits for our dump, and every SELECT that comes after it waits for the ALTER TABLE: one blocked session
can stop a production. So a second session looks once a second at who waits for a session of ours, directly or behind
one that does, and ends the dump when somebody has waited too long. Cancelling would not do: a backend that writes to
its client does not notice. Source: PostgreSQL manual, 9.27.2 pg_blocking_pids, 54.12 pg_locks.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

from ._errors import CloseoutError
from ._server import Server
from ._session import Session, application_name

LOOK_S = 1.0
_MAX_NAMED = 20
# CREATE INDEX CONCURRENTLY waits for the virtual transactions of all who were there before it. It stops no reader and
# no writer meanwhile; it, and who waits behind it, are told, and are no reason to give way.
_WAITING = """
WITH RECURSIVE ours AS (
    SELECT pid FROM pg_stat_activity WHERE application_name = %(ours)s
), waiting AS (
    SELECT l.pid, l.locktype, l.mode, pg_blocking_pids(l.pid) AS blockers,
           greatest(l.waitstart, %(since)s::timestamptz) AS since, n.nspname || '.' || c.relname AS name
    FROM pg_locks l
    LEFT JOIN pg_class c ON c.oid = l.relation
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT l.granted AND l.pid NOT IN (SELECT pid FROM ours)
), because AS (
    SELECT w.*, w.locktype = 'virtualxid' AS harmless, false AS behind
    FROM waiting w WHERE w.blockers && ARRAY(SELECT pid FROM ours)
  UNION
    SELECT w.*, b.harmless, true FROM waiting w JOIN because b ON b.pid = ANY (w.blockers)
)
SELECT b.pid, coalesce(a.usename::text, ''), coalesce(a.application_name, ''), b.mode,
       coalesce(b.name, b.locktype), bool_and(b.behind), bool_and(b.harmless),
       extract(epoch FROM clock_timestamp() - min(b.since))::float8
FROM because b LEFT JOIN pg_stat_activity a ON a.pid = b.pid
GROUP BY 1, 2, 3, 4, 5 ORDER BY 8 DESC NULLS LAST
"""


_HOLDING = """
SELECT a.pid, coalesce(a.usename::text, ''), l.mode || ' on ' || n.nspname || '.' || c.relname
FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.granted AND l.mode = 'AccessExclusiveLock' AND c.relkind IN ('r', 'p')
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY 1, 3
"""


def holders(session: Session) -> list[str]:
    """Return who holds a lock of a table, now, that does not let a dump read it."""
    session.see_sessions_anew()
    found = session.rows(_HOLDING)[:_MAX_NAMED]
    return [f"pid {pid}" + (f" of {user}" if user else "") + f" holds {what}" for pid, user, what in found]


class Waits:
    """What was seen: the longest wait that we caused, in seconds, and the longest of each who waited. And how long, at
    most, nobody looked: a wait of more than that cannot have been missed."""

    def __init__(self) -> None:
        self.pid = 0
        """The process id of the session that looks."""
        self.longest_s = 0.0
        self.longest_unwatched_s = 0.0
        self._looked = time.monotonic()
        self.too_long: list[str] = []
        self._waited: dict[int, dict[str, Any]] = {}

    def looked(self, began: float) -> None:
        """Take in that there was a look, which began at ``began`` of the monotonic clock and has ended now.

        What it saw is of some moment in between: so the time until the next one is counted from its beginning.
        """
        self.longest_unwatched_s = max(self.longest_unwatched_s, time.monotonic() - self._looked)
        self._looked = began

    def note(self, rows: list[tuple[Any, ...]], limit_s: int) -> bool:
        """Take in one look; return whether somebody has waited longer than ``limit_s``, 0 for any time."""
        for pid, user, application, mode, name, behind, harmless, seconds in rows:
            waited_s = round(float(seconds or 0.0), 1)
            about = {
                "pid": pid,
                "user": user,
                "application_name": application,
                "waited_for": f"{mode} on {name}",
                "behind": behind,
                "harmless": harmless,
                "waited_s": max(waited_s, self._waited.get(pid, {}).get("waited_s", 0.0)),
            }
            self._waited[pid] = about
            if not harmless:
                self.longest_s = max(self.longest_s, waited_s)
                if limit_s and waited_s > limit_s:
                    self.too_long.append(_described(about))
        return bool(self.too_long)

    def as_facts(self) -> dict[str, Any]:
        """Return it as part of a module's result: the longest waits first."""
        longest = sorted(self._waited.values(), key=lambda one: -float(one["waited_s"]))
        return {
            "longest_s": self.longest_s,
            "longest_unwatched_s": round(self.longest_unwatched_s, 1),
            "sessions": longest[:_MAX_NAMED],
            "sessions_total": len(longest),
        }

    def refusal(self) -> CloseoutError:
        """Return the error of a dump that gave way."""
        return CloseoutError(
            "Production waited for the dump, and the dump was ended",
            wanted="nobody who waits for it longer than closeout_max_blocking_s",
            found="; ".join(self.too_long[:_MAX_NAMED]),
            do="run the closeout when no such statement is at work, or raise closeout_max_blocking_s",
            facts={"waits": self.as_facts()},
        )


@contextlib.contextmanager
def watching(server: Server, limit_s: int) -> Iterator[Waits]:
    """Look at who waits as long as the block lasts, in a session of its own; end every other session of this run when
    somebody has waited longer than ``limit_s`` seconds, 0 for never.

    A watch that cannot look is an error of the block: nobody would give way.
    """
    waits = Waits()
    stopped = threading.Event()
    failed: list[CloseoutError] = []
    with server.session() as session:
        waits.pid = session.pid
        since = session.value("SELECT clock_timestamp()::text")

        def watch() -> None:
            try:
                while not stopped.wait(LOOK_S):
                    began = time.monotonic()
                    rows = _look(session, server, since)
                    waits.looked(began)
                    if waits.note(rows, limit_s):
                        _end_ours(session, server)
                        return
            except CloseoutError as error:
                failed.append(error)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield waits
        finally:
            stopped.set()
            watcher.join()
            waits.looked(time.monotonic())
    if failed and not waits.too_long:
        raise failed[0]


def _look(session: Session, server: Server, since: str) -> list[tuple[Any, ...]]:
    return session.rows(_WAITING, {"ours": application_name(server.address.run_id), "since": since})


def _end_ours(session: Session, server: Server) -> None:
    session.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND application_name = %s",
        [application_name(server.address.run_id)],
    )


def _described(about: dict[str, Any]) -> str:
    who = f"pid {about['pid']}" + (f" of {about['user']}" if about["user"] else "")
    how = "behind one that waits for the dump" if about["behind"] else "for the dump"
    return f"{who} waited {about['waited_s']} s {how}: {about['waited_for']}"
