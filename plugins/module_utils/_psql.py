# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: psql in a scratch server: how it is called to execute a dump.

What the dump's own triggers would do is left out: event triggers come before REFRESH MATERIALIZED VIEW in a dump, and
could write rows.
"""

from __future__ import annotations

import os
from typing import Any

from ._globals import monetary_settings
from ._server import Server, database_argument
from ._session import Session, as_options

OPTIONS = {
    "session_replication_role": "replica",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "client_min_messages": "warning",
}
OPTIONS_FROM_17 = {"event_triggers": "off"}  # even those that are ENABLE ALWAYS


def psql_arguments(server: Server, db: str, *, output: str = os.devnull) -> list[str]:
    """Return psql and its arguments up to those that say what to execute; it reads no psqlrc and prints no row.

    With ``output`` "" the bare values that statements return are on its standard output.
    """
    return [
        "psql",
        *server.connection_arguments(),
        *("--dbname", database_argument(db)),
        "--no-psqlrc",
        "--quiet",
        "--echo-errors",
        *(("--output", output) if output else ("--no-align", "--tuples-only")),
        *("--set", "ON_ERROR_STOP=on"),
        *("--set", "VERBOSITY=verbose"),
        # Context lines would bring rows into the log.
        *("--set", "SHOW_CONTEXT=never"),
    ]


def restore_settings(session: Session, globals_document: dict[str, Any]) -> dict[str, str]:
    """Return the settings of a session that executes a dump in the server of ``session``."""
    settings = dict(OPTIONS)
    if session.server_version_num >= 170000:
        settings.update(OPTIONS_FROM_17)
    settings.update(monetary_settings(session, globals_document))
    return settings


def psql_options(session: Session, globals_document: dict[str, Any]) -> str:
    """Return PGOPTIONS for psql that executes a dump in the server of ``session``."""
    return as_options(restore_settings(session, globals_document))
