# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: room for the dump and for the restored copy, and how long the dump will take.

Both are estimates: the dump's from the size of the tables without indexes, the copy's from that of the database. The
text of a table took 0.4 to 1.6 times the table's room in what was measured, 60 times with values that compress well and
0.06 times with rows that were deleted; a copy took as much as the database, a quarter with rows that were deleted. So
less than half of the estimate is a problem, less than twice as much is told.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from ._compression import NONE
from ._findings import Findings, size
from ._session import Session, SqlError

_NOT_SYSTEM = "n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'"
# pg_table_size() would wait for a lock that somebody holds; what it leaves out is counted with the database.
_TABLES = f"""
SELECT coalesce(sum(pg_table_size(c.oid)), 0) + pg_table_size('pg_largeobject')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND {_NOT_SYSTEM}
  AND NOT EXISTS (SELECT 1 FROM pg_locks l WHERE l.relation = c.oid AND l.mode = 'AccessExclusiveLock')
"""
CLUSTER_BYTES = 45_000_000
"""What a new, empty cluster takes: its first databases and write-ahead log."""
_COMPRESSED = 20
"""A compressed dump may be that much smaller than the tables."""
_SLOW_BYTES_S = 50_000_000
"""What a dump at least writes in a second, by the slowest of the transports."""


@dataclass(frozen=True)
class Sizes:
    """Bytes of production's database, and of its tables with what is stored beside them, without indexes."""

    database: int = 0
    tables: int = 0

    def as_facts(self) -> dict[str, int]:
        """Return what the plan says of them."""
        return {"size_bytes": self.database, "tables_bytes": self.tables}

    def dump_bytes(self, settings: dict[str, Any]) -> int:
        """Return what the dump will take, estimated."""
        return self.tables // (1 if settings["compression"] == NONE else _COMPRESSED)

    def dump_s(self, settings: dict[str, Any]) -> int:
        """Return how many seconds the dump will take at most, estimated."""
        limit = settings["bandwidth_limit_mb_s"] * 1_000_000
        return 1 + self.tables // min(limit or _SLOW_BYTES_S, _SLOW_BYTES_S)


def read_sizes(session: Session) -> Sizes:
    """Read them in the database of ``session``. Raises SqlError."""
    database = int(session.value("SELECT pg_database_size(current_database())"))
    try:
        return Sizes(database, min(database, int(session.value(_TABLES))))
    except SqlError:
        # Somebody has locked, or removed, a table just now.
        return Sizes(database, database)


def look_for_space(found: Findings, settings: dict[str, Any], sizes: Sizes) -> None:
    """Hold what dump and copy will take against what is free where they will be."""
    dump, copy = sizes.dump_bytes(settings), sizes.database + CLUSTER_BYTES
    in_memory = settings["scratch_driver"] == "docker" and settings["scratch_storage"] == "tmpfs"
    if in_memory:
        look_for_memory(found, settings, copy)
    places = [(settings["root"], "the dump", dump)]
    if not in_memory:
        storage = found.facts.get("scratch_storage_path")
        places.append((storage or "", "the restored copy", copy))
        if storage == "":
            found.notes.append(f"How much room Docker has cannot be seen here; the copy takes some {size(copy)}.")
    look_at_places(found, places)


def look_at_places(found: Findings, places: list[tuple[str, str, int]]) -> None:
    """Hold what is free against what will be taken: path ("" for one that is not known), what for, and bytes."""
    by_device: dict[int, list[tuple[str, str, int]]] = {}
    for path, what, count in places:
        existing = nearest(path) if path else ""
        if os.path.isdir(existing):
            by_device.setdefault(os.stat(existing).st_dev, []).append((existing, what, count))
    found.facts["space"] = [_look_at_device(found, kept) for kept in by_device.values()]


def _look_at_device(found: Findings, kept: list[tuple[str, str, int]]) -> dict[str, Any]:
    path, needed = kept[0][0], sum(count for _path, _what, count in kept)
    status = os.statvfs(path)
    free = status.f_bavail * status.f_frsize
    parts = ", ".join(f"{size(count)} for {what}" for _path, what, count in kept)
    # Where production could not be asked, there must be room all the same.
    least = max(1, needed // 2)
    if free < least:
        found.problem(
            "space",
            path,
            f"{least} bytes free, half of what is estimated from the database's size: {parts}",
            f"{free} bytes",
            "make room, or set closeout_root to another file system",
        )
    elif free < 2 * needed:
        found.notes.append(
            f"{path} has {size(free)} free, which may not be enough; estimated from the database's size: {parts}."
        )
    return {"paths": [one for one, _what, _count in kept], "needed_bytes": needed, "free_bytes": free, "for": parts}


def look_for_memory(found: Findings, settings: dict[str, Any], copy: int) -> None:
    """Hold the memory of a scratch server on a tmpfs against what the ``copy`` will take, in bytes."""
    memory = settings["scratch_memory_mb"] << 20
    advice = f"set it to {(copy >> 19) + 1} or more, or closeout_scratch_storage: volume"
    if memory < copy // 2:
        found.problem(
            "space",
            "closeout_scratch_memory_mb",
            f"memory for the restored copy: {copy // 2} bytes, half of what is estimated from the database's size",
            f"{settings['scratch_memory_mb']} MB",
            advice,
        )
    elif memory < copy:
        found.notes.append(
            f"closeout_scratch_memory_mb: {settings['scratch_memory_mb']} may not be enough for the restored copy,"
            f" estimated to take {size(copy)}; {advice}."
        )


def nearest(path: str) -> str:
    """Return ``path`` or its nearest ancestor that exists."""
    while not os.path.lexists(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return path
