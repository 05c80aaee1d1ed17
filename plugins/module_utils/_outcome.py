# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what a check finds, and the comparisons that several checks make.

Whatever is missing is None, and None is never equal, never counted, never a pass.
"""

from __future__ import annotations

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
    if not isinstance(expected, list) or not expected:
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
    for name in expected:
        left, right = one.get(name), other.get(name)
        if name in beyond:
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
    if len(beyond) >= len(expected):
        return Outcome(FAIL, "not one table could be counted")
    beside = f"; a standby cannot read its unlogged tables: {some(sorted(beyond))}" if beyond else ""
    return Outcome(PASS, f"{total} rows in {len(expected) - len(beyond)} tables, equal table by table{beside}")


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


def is_count(value: Any) -> TypeGuard[int]:
    """Tell whether ``value`` is a number that was counted: True is none, and neither is None."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
