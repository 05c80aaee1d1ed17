# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what tells of two moments whether a server crashed and recovered in between.

When a process of the server is ended by a signal, the postmaster ends all others, recovers, and goes on: its start time
and the container's stay as they were, though every session was cut. What does not stay is the checkpointer, which is
started anew, and the statistics, which are all discarded. Sources: PostgreSQL manual, restart_after_crash and 27.2 The
Cumulative Statistics System; measured with 14 to 18, also on a standby (tests/integration/test_crash.py).
"""

from __future__ import annotations

from typing import Any

from ._clock import to_text
from ._session import Session

# Of these everybody may read since when they are kept, in every version from 14 on, unless somebody revoked that. They
# are reset one by one.
_STATISTICS = ("pg_stat_archiver", "pg_stat_bgwriter", "pg_stat_wal")
# NULL, not an error, for a user who may not see other users' sessions.
_CHECKPOINTER = "SELECT min(backend_start) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'checkpointer'"
_READABLE = "SELECT pg_catalog.has_table_privilege('pg_catalog.' || pg_catalog.quote_ident(%s), 'SELECT')"


def read_crash_signs(session: Session) -> dict[str, Any]:
    """Return ``checkpointer_start_utc``, "" for a user without pg_read_all_stats, and ``statistics_reset_utc``: view of
    statistics -> since when it counts, "" where that may not be read. Raises SqlError.
    """
    resets = {}
    for view in _STATISTICS:
        readable = session.rows(_READABLE, [view])[0][0]
        resets[view] = _moment(session, f"SELECT stats_reset FROM pg_catalog.{view}") if readable else ""
    return {"checkpointer_start_utc": _moment(session, _CHECKPOINTER), "statistics_reset_utc": resets}


def _moment(session: Session, query: str) -> str:
    found = session.value(query)
    return to_text(found) if found else ""
