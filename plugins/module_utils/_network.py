# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a connection by a network is kept while it is idle, and given up when that is silent.

The session that holds the snapshot says nothing as long as pg_dump reads, and firewalls and load balancers forget a
connection that says nothing for some minutes. Where the network is gone, nobody tells: by the system's own limits
whoever sends waits a quarter of an hour, whoever listens two hours. For as long the module would wait, and production
would keep our locks and our snapshot. Source: PostgreSQL manual, 34.1.2 Parameter Key Words and 20.3 Connections and
Authentication; tcp(7).
"""

from __future__ import annotations

CONNECT_S = 10
"""How long it may take until a server lets us in."""
IDLE_S = 30
"""After so long without a word the other side is asked whether it is there, ..."""
BETWEEN_S = 15
"""... and then again and again. Balancers forget after one minute or more, most after four."""
SILENT_S = 120
"""A connection whose other side has been silent for so long is given up; shorter interruptions do it no harm."""
GONE_S = 10
"""How often a server at work on a long statement looks whether who asked for it is still there."""


def client_side(login_host: str) -> dict[str, int]:
    """Return libpq's parameters for a connection to ``login_host``; none where that is no network's ("")."""
    if not login_host:
        return {}
    return {
        "connect_timeout": CONNECT_S,
        "keepalives_idle": IDLE_S,
        "keepalives_interval": BETWEEN_S,
        "keepalives_count": _probes(),
        "tcp_user_timeout": SILENT_S * 1000,
    }


def server_side(*, on_linux: bool) -> dict[str, str]:
    """Return the settings by which a session ends on a server when its client is gone, killed or out of reach.

    Those of TCP mean nothing to a socket. A server that is not ``on_linux`` may refuse the one that is for both.
    """
    settings = {
        "tcp_keepalives_idle": str(IDLE_S),
        "tcp_keepalives_interval": str(BETWEEN_S),
        "tcp_keepalives_count": str(_probes()),
        "tcp_user_timeout": str(SILENT_S * 1000),
    }
    return {**settings, "client_connection_check_interval": f"{GONE_S}s"} if on_linux else settings


def _probes() -> int:
    """How many questions go unanswered until the other side has been silent for too long."""
    return max(1, (SILENT_S - IDLE_S) // BETWEEN_S)
