# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what of a dump's data is in no table: values of sequences, filled materialized views,
large objects; held against a live database.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter

from ._definitions import Difference
from ._large_objects import Data
from ._manifest import Manifest
from ._names import quote_qualified
from ._session import Session
from ._side_by_side import side_by_side

# Sequences of an extension have a value in the dump only where it is configured so; the dump says which.
_SEQUENCES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND c.relpersistence <> 't'
  AND NOT EXISTS (SELECT 1 FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
"""
_POPULATED = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' AND c.relispopulated
"""


def compare_sequences(session: Session, manifest: Manifest) -> Iterator[Difference]:
    """Yield each sequence that is missing, has another value, or has none in the dump."""
    there = set(session.rows(_SEQUENCES))
    for (schema, name), entry in manifest.sequences.items():
        title = f"SEQUENCE {schema}.{name}"
        wanted = _value(entry.last_value, entry.is_called)
        if not session.value("SELECT pg_catalog.to_regclass(%s) IS NOT NULL", [quote_qualified(schema, name)]):
            yield Difference("objects", title, "missing", wanted, "not there")
            continue
        found = _value(*session.rows(f"SELECT last_value, is_called FROM {quote_qualified(schema, name)}")[0])
        if found != wanted:
            yield Difference("objects", title, "value", wanted, found)
    for schema, name in sorted(there - set(manifest.sequences)):
        yield Difference("objects", f"SEQUENCE {schema}.{name}", "unexpected", "no value in the dump", "there")


def compare_materialized_views(session: Session, manifest: Manifest) -> Iterator[Difference]:
    """Yield each materialized view that the dump fills and is not, or the other way round."""
    filled = {(entry.schema, entry.name) for entry in manifest.entries if entry.type == "MATERIALIZED VIEW DATA"}
    there = set(session.rows(_POPULATED))
    for schema, name in sorted(filled ^ there):
        wanted, found = ("populated", "not") if (schema, name) in filled else ("not populated", "populated")
        yield Difference("objects", f"MATERIALIZED VIEW {schema}.{name}", "populated", wanted, found)


def compare_large_objects(expected: Manifest, found: Manifest) -> Iterator[Difference]:
    """Yield each large object whose data differ, from the manifest of a dump of the restored copy."""
    pairs = side_by_side(
        expected.large_objects.sorted_data(), found.large_objects.sorted_data(), attrgetter("oid")
    )  # fmt: skip
    for ones, others in pairs:
        if ones != others:
            title = f"LARGE OBJECT {(ones or others)[0].oid}"
            yield Difference("objects", title, "data", _data(ones, "not in the dump"), _data(others, "not there"))


def _data(found: list[Data], none: str) -> str:
    return "; ".join(f"{one.bytes} bytes, sha256 {one.sha256}" for one in found) or none


def _value(last_value: int, is_called: bool) -> str:
    return f"{last_value}, {'used' if is_called else 'not used yet'}"
