# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what of production's data is in no table, held against the dump: values of sequences,
large objects.

Large objects are the snapshot's. Sequences are not: they give what they have now, to pg_dump as to us. So their values
are read before the snapshot and after the dump; where both are the same, the dump's must be it too. They are read by
the sequence's number: by its name one would read whatever has taken that name, a view of somebody's functions say. What
a sequence that was not used yet begins with has a function from version 18 on only.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from ._live_large_objects import owners_and_data
from ._manifest import Manifest, SequenceEntry
from ._session import Session, SqlError
from ._side_by_side import side_by_side

_MAX_NAMED = 20
_ATTEMPTS = 3
_SEQUENCES_AT_ONCE = 200

Values = dict[tuple[str, str], tuple["int | None", bool]]
"""last_value and is_called, by schema and name; last_value is None where it cannot be read."""

# An extension's own that nobody may read is in no dump either. A standby does not have unlogged ones.
_SEQUENCES = """
SELECT c.oid, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND NOT (c.relpersistence = 'u' AND pg_is_in_recovery())
  AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
"""
_VALUES = """
SELECT s, last_value, last_value IS NOT NULL
FROM unnest(%s::oid[]) AS s CROSS JOIN LATERAL pg_sequence_last_value(s) AS last_value
"""
_VALUES_FROM_18 = """
SELECT s, d.last_value, d.is_called
FROM unnest(%s::oid[]) AS s CROSS JOIN LATERAL pg_get_sequence_data(s) AS d
"""


def read_values(session: Session) -> Values:
    """Return last_value and is_called of every sequence, as they are now. Call it outside a transaction: it keeps no
    lock then. Raises CloseoutError.
    """
    query = _VALUES_FROM_18 if session.server_version_num >= 180000 else _VALUES
    for attempt in range(_ATTEMPTS):
        names = {oid: (schema, name) for oid, schema, name in session.rows(_SEQUENCES)}
        values: Values = {}
        try:
            oids = list(names)
            for start in range(0, len(oids), _SEQUENCES_AT_ONCE):
                found = session.rows(query, [oids[start : start + _SEQUENCES_AT_ONCE]])
                values.update({names[oid]: (last_value, called) for oid, last_value, called in found})
            return values
        except SqlError:
            # One that was dropped since it was listed.
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def compare_values(before: Values, after: Values, manifest: Manifest) -> dict[str, Any]:
    """Hold the dump's values against production's, where those did not move meanwhile."""
    at_rest = [key for key in manifest.sequences if key in before and before[key] == after.get(key)]
    different = [key for key in at_rest if not _is_as(manifest.sequences[key], *before[key])]
    return {
        "sequences": len(manifest.sequences),
        "at_rest": len(at_rest),
        "moved": len(manifest.sequences) - len(at_rest),
        "different": [".".join(key) for key in sorted(different)[:_MAX_NAMED]],
        "different_total": len(different),
    }


def _is_as(dumped: SequenceEntry, last_value: int | None, is_called: bool) -> bool:
    return dumped.is_called == is_called and last_value in (None, dumped.last_value)


def compare_large_objects(session: Session, manifest: Manifest) -> dict[str, Any]:
    """Read every large object in the session's snapshot and hold it against the dump's. Raises CloseoutError."""
    number, different, total = 0, [], 0
    for ones, others in side_by_side(
        manifest.large_objects.sorted_data(), (data for _owner, data in owners_and_data(session)), attrgetter("oid")
    ):
        number += len(others)
        if ones != others:
            total += 1
            different += [str((ones or others)[0].oid)] if total <= _MAX_NAMED else []
    return {"large_objects": number, "different": different, "different_total": total}
