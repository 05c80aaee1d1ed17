# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to incomex.closeout: production's rows in the snapshot of the dump, held against the dump's own.

It comes after the dump, because the dump says which columns it has; the snapshot is the same. Reading takes locks of
our own, so that a truncation in between shows in the storage files, as everywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ._content import digest_in_snapshot
from ._dumptext import DumpFile
from ._manifest import Manifest
from ._production_beside import compare_large_objects
from ._rowdigest import Content, unordered_of_dump
from ._session import Session

_MAX_NAMED = 20


@dataclass
class ProductionContent:
    """Digests of the audited tables by name, in production and in the dump; None for ``all_tables`` where only the
    audited ones were asked for.
    """

    production: dict[str, str] = field(default_factory=dict)
    dump: dict[str, str] = field(default_factory=dict)
    all_tables: dict[str, Any] | None = None


def compare_with_production(
    session: Session, manifest: Manifest, dump: DumpFile, schema: str, which: str, *, can_be_read: bool = True
) -> ProductionContent:
    """Read production's rows in the session's snapshot; ``which`` tables: audited (those of ``schema``), all or none.

    ``dump`` is read only for partitioned tables whose rows come through their root. Where it ``can_be_read`` by nobody
    here, being encrypted, these have no digest of the dump, and are equal to nothing.
    """
    result = ProductionContent()
    if which == "none":
        return result
    tables = manifest.tables
    only = schema if which == "audited" else ""
    found = digest_in_snapshot(session, tables.values(), encoding=manifest.encoding, schema=only)
    # Production's partitioned tables have no order, and so must the dump's have none.
    roots = {key: tables[key] for key in found if tables[key].partitioned}
    dumped: dict[tuple[str, str], Content | None] = {
        key: Content(tables[key].rows or 0, tables[key].sha256 or "") for key in found
    }
    dumped |= unordered_of_dump(dump, roots) if roots and can_be_read else dict.fromkeys(roots)
    for key in found:
        table = tables[key]
        if table.schema == schema and table.created:
            result.production[table.name] = found[key].sha256
            of_dump = dumped[key]
            if of_dump is not None:
                result.dump[table.name] = of_dump.sha256
    if which == "all":
        different = sorted(".".join(key) for key in dumped if found[key] != dumped[key])
        result.all_tables = {
            "tables": len(dumped),
            "rows": sum(content.rows for content in found.values()),
            "equal": len(dumped) - len(different),
            "different": different[:_MAX_NAMED],
            "different_total": len(different),
            "large_objects": compare_large_objects(session, manifest),
        }
    return result
