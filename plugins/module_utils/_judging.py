# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: how checks are judged, whatever they are about, and the sentence that ends a play."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ._outcome import FAIL, INFO, NOT_RUN, PASS, Evidence, Outcome, get
from ._printable import printable

ALL_PASS = "ALL_PASS"


class Check(NamedTuple):
    """A check: its id, the section of the record it stands in, its title and the function that judges it."""

    id: str
    section: int
    title: str
    judge: Callable[[Evidence], Outcome]


def judged(checks: Iterable[Check], evidence: Evidence) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return what became of each check, as the record has it, and the statuses by their ids."""
    found: list[dict[str, Any]] = []
    statuses: dict[str, str] = {}
    for check in checks:
        status, detail = _judged(check, evidence)
        statuses[check.id] = status
        found.append(
            {"id": check.id, "section": check.section, "title": check.title, "status": status, "detail": detail}
        )
    return found, statuses


def _judged(check: Check, evidence: Evidence) -> Outcome:
    """Judge; evidence of a form that no module of ours writes is a FAIL that says so, never the end of the record."""
    try:
        return check.judge(evidence)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return Outcome(FAIL, f"the evidence cannot be read: {error!r}")


def all_pass(statuses: dict[str, str], *prefixes: str) -> bool:
    """Tell whether every check whose id begins so, and that counts, is a pass; there must be one."""
    found = [status for check_id, status in statuses.items() if check_id.startswith(prefixes) and status != INFO]
    return bool(found) and all(status == PASS for status in found)


def message(title: str, checks: list[dict[str, Any]], evidence: Evidence, *, passed: bool) -> str:
    """Return the sentence with which the play ends: each failed check, and what could not be done."""
    if passed:
        return f"{title}: {ALL_PASS}"
    lines = [f"{title}: {FAIL}"]
    failures = evidence.get("failures")
    # What could not be done comes first: it is why the checks after it did not pass.
    for one in failures if isinstance(failures, list) else []:
        lines.append(f"{get(one, 'task')}: {get(one, 'message')}")
    lines += [f"{one['id']}: {one['detail']}" for one in checks if one["status"] == FAIL]
    skipped = [one["id"] for one in checks if one["status"] == NOT_RUN]
    if skipped:
        lines.append(f"not run: {', '.join(skipped)}")
    # A name with a line end in it must not look like a line of ours.
    return "\n".join(map(printable, lines))
