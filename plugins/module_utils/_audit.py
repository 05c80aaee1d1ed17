# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a list of tables held against what was expected: exactly that set, not a count."""

from __future__ import annotations

from typing import Any

from ._catalog import count_rows, schema_exists, tables_of
from ._dumptext import DumpFile
from ._errors import CloseoutError
from ._files import pieces_of, pieces_with_digest
from ._identity import read_identity
from ._manifest import Manifest, manifest_of, read_manifest
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
    audited = {"sysid": identity.sysid, "postmaster_start_utc": identity.postmaster_start_utc}
    return {**_facts("database", schema, exists, [table.name for table in tables], rows), "server": audited}


def audit_dump(path: str, schema: str) -> dict[str, Any]:
    """Return tables and rows of ``schema`` in a plain dump, compressed or not, read whole. Raises CloseoutError for one
    that is cut off.
    """
    manifest = manifest_of(DumpFile(path).text())
    if not manifest.complete:
        raise CloseoutError(
            f"The dump {path} is not complete",
            wanted="the line '-- PostgreSQL database dump complete' at its end",
            found="a file without it",
            do="do not use this file as a backup",
            facts=_from_manifest("dump", schema, manifest),
        )
    return _from_manifest("dump", schema, manifest)


def audit_manifest(path: str, sha256: str, schema: str) -> dict[str, Any]:
    """Return tables and rows of ``schema`` from a manifest; with ``sha256``, only from the one with that digest."""
    manifest, _document = read_manifest(pieces_with_digest(path, sha256) if sha256 else pieces_of(path))
    if not manifest.complete:
        raise CloseoutError(f"The manifest {path} is of a dump that is not complete")
    return _from_manifest("manifest", schema, manifest)


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


def _from_manifest(source: str, schema: str, manifest: Manifest) -> dict[str, Any]:
    names = manifest.names(schema)
    return _facts(source, schema, bool(names), names, manifest.rows(schema))


def _facts(source: str, schema: str, exists: bool, tables: list[str], rows: dict[str, int]) -> dict[str, Any]:
    return {
        "source": source,
        "schema": schema,
        "schema_exists": exists,
        "tables": tables,
        "rows": rows,
        "rows_total": sum(rows.values()),
    }
