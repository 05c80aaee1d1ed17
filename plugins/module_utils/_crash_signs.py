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

# Of these everybody may read since when they are kept, in every version from 14 on. They are reset one by one.
_STATISTICS = ("pg_stat_archiver", "pg_stat_bgwriter", "pg_stat_wal")
_SIGNS = (
    # No row, not an error, for a user who may not see other users' sessions.
    "SELECT (SELECT backend_start FROM pg_stat_activity WHERE backend_type = 'checkpointer'), "
    + ", ".join(f"(SELECT stats_reset FROM {view})" for view in _STATISTICS)
)


def read_crash_signs(session: Session) -> dict[str, Any]:
    """Return ``checkpointer_start_utc``, "" for a user without pg_read_all_stats, and ``statistics_reset_utc``: view of
    statistics -> since when it counts. Raises SqlError.
    """
    checkpointer, *resets = (to_text(moment) if moment else "" for moment in session.rows(_SIGNS)[0])
    return {"checkpointer_start_utc": checkpointer, "statistics_reset_utc": dict(zip(_STATISTICS, resets))}
