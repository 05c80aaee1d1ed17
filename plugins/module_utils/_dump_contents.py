# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what a dump holds, in numbers and the names of the audited schema, from its manifest."""

from __future__ import annotations

from typing import Any

from ._definitions import comparable
from ._manifest import Manifest, TableEntry

_MAX_NAMED = 20
_MAX_BIGGEST = 10


def contents_of(manifest: Manifest, schema: str, written: dict[str, str], *, standby: bool) -> dict[str, Any]:
    """Return what the dump holds of ``schema``, whose data it lacks, and the totals of the whole.

    ``written`` is path and sha256 of the manifest's file. The dump of a ``standby`` has no data of unlogged tables.
    """
    rows = manifest.rows(schema)
    with_data = manifest.data_tables()
    # A standby cannot read its unlogged tables. Everything else has a data block, if only an empty one.
    lacking = [table for table in with_data if table.rows is None and not (standby and table.unlogged)]
    return {
        "data_missing": [f"{table.schema}.{table.name}" for table in lacking[:_MAX_NAMED]],
        "data_missing_total": len(lacking),
        "tables": manifest.names(schema),
        "without_data": manifest.without_data(schema),
        "rows": rows,
        "rows_total": sum(rows.values()),
        "manifest": {
            **written,
            "entries": manifest.number_of_entries,
            "objects": len(comparable(manifest.entries)) + manifest.large_objects.made,
            "tables": len(with_data),
            "tables_with_data": sum(table.rows is not None for table in with_data),
            "rows": sum(table.rows or 0 for table in with_data),
            "biggest": _biggest(with_data),
        },
    }


def _biggest(tables: list[TableEntry]) -> list[dict[str, Any]]:
    """Return the tables whose rows take the most bytes in the dump's text, the biggest first."""
    filled = sorted((one for one in tables if one.rows), key=lambda one: (-(one.bytes or 0), one.schema, one.name))
    return [
        {"schema": one.schema, "name": one.name, "rows": one.rows, "bytes": one.bytes} for one in filled[:_MAX_BIGGEST]
    ]
