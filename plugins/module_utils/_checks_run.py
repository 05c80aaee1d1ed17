# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the checks of the run itself: it could begin, and its evidence is whole and its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._evidence import SCHEMA
from ._outcome import FAIL, NOT_RUN, PASS, Evidence, Outcome, get, is_count, some

MASKS = ("********", "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER")


def plan_ready(evidence: Evidence) -> Outcome:
    """The plan found nothing in the way."""
    problems = get(evidence, "plan", "problems")
    if not isinstance(problems, list):
        return Outcome(FAIL, "there is no plan")
    if problems:
        told = "; ".join(
            f"{one['object']}: wanted {one['wanted']}; found {one['found']}; {one['do']}" for one in problems
        )
        return Outcome(FAIL, told)
    return Outcome(PASS, "no problem was found before the start")


def evidence_whole(evidence: Evidence) -> Outcome:
    """Every part is there, of this run, unmasked, and no step failed."""
    if evidence.get("schema") != SCHEMA:
        return Outcome(FAIL, f"the evidence is of schema {evidence.get('schema')!r}, wanted: {SCHEMA}")
    run_id = get(evidence, "run", "id")
    parts = get(evidence, "run", "parts") or {}
    if not run_id:
        return Outcome(FAIL, "there is no run id")
    if get(evidence, "plan", "problems"):
        return Outcome(NOT_RUN, "the run did not start")
    foreign = sorted(name for name, owner in parts.items() if owner != run_id)
    if foreign:
        return Outcome(FAIL, f"evidence of another run: {some(foreign)}")
    unsigned = sorted(_REQUIRED_PARTS - set(parts))
    missing = [".".join(path) for path in _REQUIRED_EVIDENCE if get(evidence, *path) is None]
    if unsigned or missing:
        return Outcome(FAIL, f"missing: {some([*unsigned, *missing])}")
    if not isinstance(evidence["settings"]["production_quiet"], bool):
        return Outcome(FAIL, "settings.production_quiet is neither true nor false")
    if evidence["failures"]:
        return Outcome(FAIL, f"failed: {some(one['task'] for one in evidence['failures'])}")
    totals = [".".join(path) for path in _TOTALLED if not adds_up(get(evidence, *path))]
    if totals:
        return Outcome(FAIL, f"rows_total is not the sum of the rows: {some(totals)}")
    masked = sum(1 for text in strings(evidence) if any(mask in text for mask in MASKS))
    if masked:
        return Outcome(
            FAIL,
            f"{masked} values are masked, because a password's text occurs in them; use closeout_passfile",
        )
    return Outcome(PASS, f"one run id in all {len(parts)} parts, no masked value, nothing missing")


def adds_up(part: Any) -> bool:
    """Tell whether ``rows_total`` is the sum of the rows, as a list of tables or the snapshot has them."""
    rows = get(part, "rows")
    counts = rows.values() if rows is not None else [one["rows"] for one in part["tables"].values()]
    total = part.get("rows_total")
    return all(is_count(count) for count in counts) and is_count(total) and sum(counts) == total


def strings(value: Any) -> Iterator[str]:
    """Yield every text in a document, names too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield str(name)
            yield from strings(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from strings(inner)


_TOTALLED = (
    ("production", "before"),
    ("production", "after"),
    ("production", "snapshot"),
    ("dump",),
    ("restore",),
)

_REQUIRED_PARTS = {
    "plan",
    "begun",
    "before",
    "dump",
    "dump_audit",
    "scratch",
    "restore",
    "restored_audit",
    "compare",
    "teardown",
    "after",
    "confirmed",
    "history",
}

_REQUIRED_EVIDENCE = (
    ("plan",),
    ("failures",),
    ("settings", "container"),
    ("settings", "schema"),
    ("settings", "expected_tables"),
    ("settings", "scratch_driver"),
    ("settings", "restore_tolerance"),
    ("settings", "production_quiet"),
    ("settings", "production_content"),
    ("settings", "protected_containers"),
    ("production", "before", "sysid"),
    ("production", "before", "checkpointer_start_utc"),
    ("production", "before", "statistics_reset_utc"),
    ("production", "before", "unlogged"),
    ("production", "before", "rows"),
    ("production", "before", "own_sessions"),
    ("production", "after", "sysid"),
    ("production", "after", "checkpointer_start_utc"),
    ("production", "after", "statistics_reset_utc"),
    ("production", "after", "unlogged"),
    ("production", "after", "rows"),
    ("production", "after", "own_sessions"),
    ("production", "snapshot", "tables"),
    ("production", "snapshot", "census"),
    ("production", "own_sessions"),
    ("dump", "sha256"),
    ("dump", "tables"),
    ("dump", "rows"),
    ("dump", "content"),
    ("dump", "without_data"),
    ("dump", "messages"),
    ("dump", "manifest", "sha256"),
    ("restore", "guard"),
    ("restore", "rc"),
    ("restore", "tables"),
    ("restore", "rows"),
    ("restore", "compare"),
    ("teardown", "containers"),
    ("trend", "history"),
)
