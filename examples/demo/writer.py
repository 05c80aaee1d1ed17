#!/usr/bin/env python3
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's traffic: small transactions that insert, update and delete rows until told to stop.

Prints ``ready`` after its first commit and, at its end, a line of JSON: ``{"committed": …, "rows": {…}, …}``.
It ends when its standard input closes (which also happens when its parent dies, however it dies), when its time is up,
or when the server goes away. No DDL and no TRUNCATE: it is what an application does all day.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import sys
import time
from typing import TYPE_CHECKING

import psycopg2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import connection

#: Weight, and the statements of one transaction. ``%(n)s`` is a random whole number from 0 to 999999.
TRANSACTIONS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (
        6,
        (
            """INSERT INTO public.directus_activity (action, ip, collection, item, comment)
               VALUES ('update', '127.0.0.1', 'articles', %(n)s::text, E'written during the run\\n\\\\.')""",
            """INSERT INTO public.directus_revisions (activity, collection, item, data, delta)
               VALUES (currval('public.directus_activity_id_seq'), 'articles', %(n)s::text, '[1]', '[%(n)s]')""",
            """UPDATE public.articles SET price = %(n)s / 100.0, title = 'Title ' || %(n)s
               WHERE id = %(n)s %% 5000 + 1""",
        ),
    ),
    (
        3,
        (
            """UPDATE public.directus_users SET last_access = now()
               WHERE id = md5('user' || %(n)s %% 2000 + 1)::uuid""",
        ),
    ),
    (
        3,
        (
            """INSERT INTO public.directus_sessions (token, "user", expires)
               VALUES (md5(random()::text), md5('user' || %(n)s %% 2000 + 1)::uuid, now() + interval '1 day')""",
            """DELETE FROM public.directus_sessions
               WHERE token = (SELECT token FROM public.directus_sessions ORDER BY token OFFSET %(n)s %% 200 LIMIT 1)""",
        ),
    ),
    (
        2,
        (
            """DELETE FROM public.directus_activity
               WHERE id = (SELECT min(id) FROM public.directus_activity WHERE id >= %(n)s %% 40000)""",
        ),
    ),
    (
        3,  # and a trigger adds a line of history when the state changes
        (
            """UPDATE cutter_governance.decision_backlog_entry
               SET updated_at = now(), state = (enum_range(state))[%(n)s %% 4 + 1]
               WHERE entry_id = %(n)s %% 400 + 1""",
        ),
    ),
    (
        2,
        (
            """INSERT INTO cutter_governance.decision_backlog_entry (code, question, tags)
               VALUES ('W-' || clock_timestamp() || '/' || %(n)s, 'asked during the run', ARRAY['writer'])""",
        ),
    ),
    (
        2,
        (
            "INSERT INTO cutter_governance.cut_change_set (title, row_total) VALUES ('written during the run', 3)",
            """INSERT INTO cutter_governance.cut_change_set_affected_row
                   (change_set_id, ordinal, target_table, target_key, after_image)
               SELECT max(change_set_id), i, 'public.articles', '{}', '{"n": %(n)s}'
               FROM cutter_governance.cut_change_set, generate_series(1, 3) AS i GROUP BY i""",
            """INSERT INTO cutter_governance.verify_result (change_set_id, check_name, passed, measured)
               SELECT max(change_set_id), 'writer', true, %(n)s / 7.0 FROM cutter_governance.cut_change_set""",
        ),
    ),
    (
        1,
        (
            """DELETE FROM cutter_governance.cut_change_set
               WHERE change_set_id =
                   (SELECT min(change_set_id) FROM cutter_governance.cut_change_set WHERE title LIKE 'written%%')""",
        ),
    ),
)
KINDS = {"INSERT": "inserted", "UPDATE": "updated", "DELETE": "deleted"}


def transact(session: connection, chooser: random.Random) -> dict[str, int]:
    """Run and commit one transaction; returns the rows that its own statements touched, by kind."""
    ((_weight, statements),) = chooser.choices(TRANSACTIONS, [weight for weight, _statements in TRANSACTIONS])
    number = {"n": chooser.randrange(1_000_000)}
    touched: dict[str, int] = {}
    with session, session.cursor() as does:
        for statement in statements:
            does.execute(statement, number)
            kind = KINDS[statement.split(None, 1)[0]]
            touched[kind] = touched.get(kind, 0) + does.rowcount
    return touched


def told_to_stop(wait_s: float) -> bool:
    """Wait at most ``wait_s`` seconds; True as soon as standard input is closed."""
    readable, _writable, _exceptional = select.select([sys.stdin], [], [], wait_s)
    return bool(readable)


def write(dsn: str, rate: float, deadline_s: float) -> int:
    """Write at most ``rate`` transactions a second for at most ``deadline_s`` seconds; returns the exit code."""
    rows: dict[str, int] = dict.fromkeys(KINDS.values(), 0)
    committed = 0
    problem = ""
    chooser = random.Random(20260516)
    due = begun = time.monotonic()
    try:
        session = psycopg2.connect(dsn)
        while time.monotonic() - begun < deadline_s:
            if told_to_stop(max(0.0, due - time.monotonic())):
                break
            # After a stall the missed transactions are not made up for: the rate is a ceiling, never a burst.
            due = max(due, time.monotonic() - 1.0) + 1.0 / rate
            for kind, count in transact(session, chooser).items():
                rows[kind] += count
            committed += 1
            if committed == 1:
                print("ready", flush=True)
        else:
            problem = f"the deadline of {deadline_s:g} s passed"
        session.close()
    except psycopg2.Error as error:
        problem = " ".join(str(error).split())
    try:
        print(json.dumps({"committed": committed, "rows": rows, "problem": problem}), flush=True)
    except BrokenPipeError:
        # Nobody is left to read it; without this the interpreter complains about the same pipe at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1 if problem else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and write; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dsn", required=True, help="libpq connection string, without a password")
    parser.add_argument(
        "--rate", type=float, default=200.0, help="transactions a second at most (default: %(default)s)"
    )
    parser.add_argument("--deadline", type=float, default=300.0, help="seconds at most (default: %(default)s)")
    options = parser.parse_args(arguments)
    return write(options.dsn, options.rate, options.deadline)


if __name__ == "__main__":
    sys.exit(main())
