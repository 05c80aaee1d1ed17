# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what a run's line in the history says, and which runs are of the same database.

Pure functions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from ._clock import from_text
from ._history import SCHEMA
from ._outcome import Evidence, get, has_begun, is_duration

ALL_PASS = "ALL_PASS"
SAME = ("host", "production", "db", "audited_schema")
"""What two runs of the same database have in common.

Not the system identifier: a new major version, restored from a dump, has another one, and that is a day on which a
comparison matters. Not the label either: that is the name of a release.
"""
_TOLD = ("run_id", "stamp", "result", "size_bytes", "text_bytes", "rows", "audited_rows", "durations_s")
_RECENT = 30


def line_of(evidence: Evidence) -> dict[str, Any]:
    """Return the line of a run whose evidence has come to its verdict. What the run did not get to is null."""
    dump, snapshot = evidence.get("dump"), get(evidence, "production", "snapshot")
    tables = get(dump, "tables")
    return {
        "schema": SCHEMA,
        "run_id": get(evidence, "run", "id"),
        "stamp": get(evidence, "run", "stamp"),
        "started_utc": get(evidence, "run", "started_utc"),
        "finished_utc": get(evidence, "run", "finished_utc"),
        **identity_of(evidence),
        "label": get(evidence, "run", "label"),
        "result": get(evidence, "result", "closeout_result"),
        "failed": get(evidence, "result", "failed"),
        "checks": dict(Counter(one["status"] for one in evidence.get("checks") or [])),
        "size_bytes": get(dump, "size_bytes"),
        "text_bytes": get(dump, "text_bytes"),
        "format": get(dump, "format"),
        "compression": get(dump, "compression"),
        "compression_level": get(evidence, "settings", "compression_level") if dump else None,
        "encrypted": bool(get(dump, "encryption")) if dump else None,
        "sha256": get(dump, "sha256"),
        "tables": get(dump, "manifest", "tables"),
        "rows": get(dump, "manifest", "rows"),
        "audited_tables": len(tables) if isinstance(tables, list) else None,
        "audited_rows": get(dump, "rows_total"),
        "snapshot_utc": get(snapshot, "taken_utc"),
        "durations_s": durations_of(evidence),
        "artefact": get(evidence, "settings", "artefact") if has_begun(evidence) else None,
        "dump": get(dump, "path"),
        "server_version": get(evidence, "production", "before", "server_version"),
        "sysid": get(evidence, "production", "before", "sysid"),
        "collection": get(evidence, "run", "collection", "version"),
    }


def identity_of(evidence: Evidence) -> dict[str, Any]:
    """Return whose run it is: the values of :data:`SAME`."""
    return {
        "host": get(evidence, "run", "host"),
        "production": get(evidence, "settings", "production"),
        "db": get(evidence, "run", "db"),
        "audited_schema": get(evidence, "settings", "schema"),
    }


def durations_of(evidence: Evidence) -> dict[str, float]:
    """Return the seconds that the stages of a run took; a stage that did not come to its end is missing."""
    found = {
        "dump": get(evidence, "dump", "duration_s"),
        "restore": get(evidence, "restore", "duration_s"),
        "restore_test": _between(
            get(evidence, "restore", "scratch", "started_utc"), get(evidence, "teardown", "removed_utc")
        ),
        "confirm": _between(get(evidence, "production", "after", "taken_utc"), get(evidence, "dump", "confirmed_utc")),
        "total": _between(get(evidence, "run", "started_utc"), get(evidence, "run", "finished_utc")),
    }
    return {stage: seconds for stage, seconds in found.items() if is_duration(seconds)}


def trend_of(lines: Iterable[dict[str, Any]], identity: dict[str, Any], run_id: str) -> dict[str, Any]:
    """Return the other runs of the same database among ``lines`` (the newest first): how many, how many of them passed,
    the last of these as ``previous``, and the recent ones in short, the oldest first.
    """
    same = [line for line in lines if is_same(line, identity) and line.get("run_id") != run_id]
    good = [line for line in same if line.get("result") == ALL_PASS]
    recent = [{name: line.get(name) for name in _TOLD} for line in same[:_RECENT]]
    return {"entries": len(same), "good": len(good), "previous": good[0] if good else None, "recent": recent[::-1]}


def is_same(line: Any, identity: dict[str, Any]) -> bool:
    """Tell whether a line is of the database that ``identity`` names, which must be whole."""
    return all(identity.get(name) and get(line, name) == identity[name] for name in SAME)


def _between(start: Any, end: Any) -> float | None:
    if not isinstance(start, str) or not isinstance(end, str) or not start or not end:
        return None
    try:
        return round((from_text(end) - from_text(start)).total_seconds(), 3)
    except ValueError:
        return None
