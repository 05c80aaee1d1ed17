# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what a check finds, and the comparisons that several checks make.

Whatever is missing is None, and None is never equal, never counted, never a pass.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from typing_extensions import TypeGuard

PASS, FAIL, NOT_RUN, INFO = "PASS", "FAIL", "NOT_RUN", "INFO"
Evidence = dict[str, Any]
_MAX_NAMED = 20


class Outcome(NamedTuple):
    """What a check found: a status and the sentence behind it."""

    status: str
    detail: str


def get(evidence: Any, *path: str) -> Any:
    """Return what is at ``path`` of nested mappings, None where anything on the way is missing."""
    for name in path:
        if not isinstance(evidence, dict):
            return None
        evidence = evidence.get(name)
    return evidence


def some(names: Any) -> str:
    """Return names for a sentence: the first twenty, and how many more there are."""
    listed = [str(name) for name in names]
    more = f" and {len(listed) - _MAX_NAMED} more" if len(listed) > _MAX_NAMED else ""
    return ", ".join(listed[:_MAX_NAMED]) + more


def same_set(found: Any, expected: Any, what: str) -> Outcome:
    """Compare a list of tables with the expected one, as sets; nothing expected or nothing read is no pass."""
    if not isinstance(expected, list):
        return Outcome(FAIL, "which tables are expected is not known")
    if not expected:
        return Outcome(FAIL, "no table is expected: there is nothing to prove")
    if not isinstance(found, list):
        return Outcome(NOT_RUN, f"the tables of {what} were not read")
    missing, unexpected = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    if missing or unexpected:
        parts = [f"missing: {some(missing)}"] if missing else []
        parts += [f"unexpected: {some(unexpected)}"] if unexpected else []
        return Outcome(FAIL, "; ".join(parts))
    return Outcome(PASS, f"exactly the {len(expected)} expected tables")


def same_rows(
    evidence: Evidence, one: dict[str, Any], other: dict[str, Any], one_name: str, other_name: str
) -> Outcome:
    """Compare counted rows, table by table, over the expected tables. Not counted is not zero."""
    expected = get(evidence, "settings", "expected_tables")
    if not expected:
        return Outcome(FAIL, "no table is expected: there is nothing to compare")
    differences, uncounted, total = [], [], 0
    beyond = unreadable(evidence)
    one, other, elsewhere = _by_root(evidence, one), _by_root(evidence, other), _loaded_through(evidence)
    for name in expected:
        left, right = one.get(name), other.get(name)
        if name in beyond or name in elsewhere:
            continue
        if not is_count(left) or not is_count(right):
            uncounted.append(name)
        elif left != right:
            differences.append(f"{name}: {left} in {one_name}, {right} in {other_name}")
        else:
            total += left
    if differences or uncounted:
        parts = [f"not counted: {some(uncounted)}"] if uncounted else []
        return Outcome(FAIL, "; ".join([some(differences)] * bool(differences) + parts))
    compared = len(set(expected) - beyond - set(elsewhere))
    if not compared:
        return Outcome(FAIL, "not one table could be counted")
    beside = f"; a standby cannot read its unlogged tables: {some(sorted(beyond))}" if beyond else ""
    beside += f"; counted with the root that they are loaded through: {some(sorted(elsewhere))}" if elsewhere else ""
    return Outcome(PASS, f"{total} rows in {compared} tables, equal table by table{beside}")


def _loaded_through(evidence: Evidence) -> dict[str, str]:
    """Return the audited partitions whose rows the dump brings through their root, and that root's name.

    Which partition a row belongs to may be another one after a restore: the hash of an enum's value is not the same.
    """
    prefix = "loaded through "
    without = get(evidence, "dump", "without_data") or {}
    return {name: reason[len(prefix) :] for name, reason in without.items() if str(reason).startswith(prefix)}


def _by_root(evidence: Evidence, rows: dict[str, Any]) -> dict[str, Any]:
    """Add the rows of such partitions to their root's, where that is an audited table too."""
    found = dict(rows)
    schema = get(evidence, "settings", "schema")
    for name, root in _loaded_through(evidence).items():
        top = root[len(f"{schema}.") :] if root.startswith(f"{schema}.") else None
        count = found.pop(name, 0)
        if top is not None and is_count(found.get(top)) and is_count(count):
            found[top] += count
    return found


def unreadable(evidence: Evidence) -> set[str]:
    """Return the audited tables whose rows no one can read: on a standby, those that the witness before names as
    unlogged. Neither the dump nor the snapshot has rows of them."""
    before = get(evidence, "production", "before")
    if get(before, "in_recovery") is not True:
        return set()
    counted = {
        *(get(evidence, "dump", "rows") or {}),
        *(get(evidence, "production", "snapshot", "tables") or {}),
        *(get(before, "rows") or {}),
    }
    return {name for name in get(before, "unlogged") or [] if name not in counted}


def has_begun(evidence: Evidence) -> bool:
    """Tell whether the run made its directory: one that another run made meanwhile is not its own."""
    return "begun" in (get(evidence, "run", "parts") or {}) and not has_failed(evidence, "begun")


def has_failed(evidence: Evidence, step: str) -> bool:
    """Tell whether that step failed."""
    failures = evidence.get("failures")
    return any(get(one, "step") == step for one in (failures if isinstance(failures, list) else []))


def is_count(value: Any) -> TypeGuard[int]:
    """Tell whether ``value`` is a number that was counted: True is none, and neither is None."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_duration(value: Any) -> TypeGuard[float]:
    """Tell whether ``value`` is a number of seconds that was measured, whatever number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def audited_elsewhere(evidence: Evidence, audited: Any) -> Outcome | None:
    """Return a failure unless ``audited`` (system identifier, start time) is the very server that the guard passed.

    Restored code may have moved things in between; production's own rows must not be taken for the copy's.
    """
    guarded = get(evidence, "restore", "guard", "scratch")
    if audited is None:
        return Outcome(NOT_RUN, "the restored copy was not audited")
    for name, title in (("sysid", "system identifier"), ("postmaster_start_utc", "start time")):
        if not get(audited, name) or get(audited, name) != get(guarded, name):
            return Outcome(
                FAIL,
                f"audited was a server with {title} {get(audited, name)}, restored into one with {get(guarded, name)}",
            )
    return None
