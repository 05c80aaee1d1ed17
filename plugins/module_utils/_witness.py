# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: production at one moment, to be compared with production at another."""

from __future__ import annotations

from typing import Any

from ._catalog import count_rows, tables_of
from ._clock import utc_now
from ._crash_signs import read_crash_signs
from ._docker import Daemon
from ._errors import CloseoutError
from ._identity import read_identity
from ._labels import RUN_LABEL
from ._server import Server
from ._session import APPLICATION, Session, application_name


def take_witness(server: Server, schema: str, docker_host: str = "") -> dict[str, Any]:
    """Return what production is now: identity, container, audited tables and rows, neighbours, our own sessions.

    Everything of the database is read in one read-only snapshot. A failure carries the facts gathered before it.
    """
    facts: dict[str, Any] = {"taken_utc": utc_now()}
    try:
        with server.session() as session:
            session.begin_snapshot()
            identity = read_identity(server, session)
            facts.update(identity.as_facts())
            facts.update(read_crash_signs(session))
            tables = tables_of(session, schema)
            facts["tables"] = [table.name for table in tables]
            facts["unlogged"] = [table.name for table in tables if table.persistence == "u"]
            rows = count_rows(session, schema, tables)
            facts["rows"] = rows
            facts["rows_total"] = sum(rows.values())
            facts["own_sessions"] = own_sessions(session, server.address.run_id)
            facts["xid"] = session.transaction_id()
            session.rollback()
        facts["neighbours"] = _neighbours(identity.container, docker_host)
    except CloseoutError as error:
        error.facts = {**facts, **error.facts}
        raise
    return facts


def own_sessions(session: Session, run_id: str) -> list[dict[str, Any]]:
    """Return pid, application name and transaction id (None: it wrote nothing) of every session of ours on the server.

    With a run id only that run's sessions count: another closeout may be at work beside us.
    """
    session.see_sessions_anew()
    found = session.rows(
        "SELECT pid, application_name, backend_xid::text FROM pg_stat_activity"
        " WHERE application_name = %s OR (%s AND application_name LIKE %s) ORDER BY pid",
        [application_name(run_id), not run_id, APPLICATION + "/%"],
    )
    return [{"pid": pid, "application_name": name, "xid": xid} for pid, name, xid in found]


def _neighbours(container: dict[str, Any] | None, docker_host: str) -> list[dict[str, Any]]:
    """Return the other containers of the host; a server outside containers has none that we look at."""
    if container is None:
        return []
    return Daemon(docker_host).neighbours(without={str(container["id"])}, without_label=RUN_LABEL)
