# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a list of tables held against what was expected: exactly that set, not a count."""

from __future__ import annotations

from typing import Any

from ._catalog import count_rows, schema_exists, tables_of
from ._errors import CloseoutError
from ._identity import read_identity
from ._server import Server


def audit_live(server: Server, schema: str) -> dict[str, Any]:
    """Return tables and rows of ``schema`` in a live database, in one read-only snapshot."""
    with server.session() as session:
        session.begin_snapshot()
        identity = read_identity(server, session)
        exists = schema_exists(session, schema)
        tables = tables_of(session, schema)
        rows = count_rows(session, schema, tables)
        session.rollback()
    # Which server that was: what answers at an address now need not be what answered there before.
    asked = {"sysid": identity.sysid, "postmaster_start_utc": identity.postmaster_start_utc}
    return {**audited("database", schema, exists, [table.name for table in tables], rows), "server": asked}


def match(tables: list[str], expected: list[str]) -> dict[str, Any]:
    """Compare two lists of names as sets; an empty expectation matches nothing."""
    missing = sorted(set(expected) - set(tables))
    unexpected = sorted(set(tables) - set(expected))
    return {"missing": missing, "unexpected": unexpected, "matches": bool(expected) and not missing and not unexpected}


def mismatch(source: str, schema: str, facts: dict[str, Any], expected: list[str]) -> CloseoutError:
    """Return the error of an audit that did not match."""
    if not expected:
        found = "no expectation"
    else:
        parts = [f"missing: {', '.join(facts['missing'])}"] if facts["missing"] else []
        parts += [f"unexpected: {', '.join(facts['unexpected'])}"] if facts["unexpected"] else []
        found = "; ".join(parts)
    return CloseoutError(
        f"The tables of schema {schema} in the {source} are not the expected ones",
        wanted=f"exactly these {len(expected)} tables: {', '.join(expected)}" if expected else "a list of tables",
        found=found,
        do="correct expected_tables if the schema was meant to change, else find out what changed it",
        facts=facts,
    )


def audited(source: str, schema: str, exists: bool, tables: list[str], rows: dict[str, int]) -> dict[str, Any]:
    """Return what an audit found as facts."""
    return {
        "source": source,
        "schema": schema,
        "schema_exists": exists,
        "tables": tables,
        "rows": rows,
        "rows_total": sum(rows.values()),
    }
