# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: which artefacts of a database need not be kept any longer.

Pure functions. What is an artefact at all, and whose, is read elsewhere; what is not listed here is never removed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from ._clock import from_text

_DAY_S = 86400.0


@dataclass(frozen=True)
class Rules:
    """What is to stay: that many good artefacts (``last``), good ones of that many ``days``, that many ``failed`` ones.

    0 is no rule, None no rule for failed ones; where there is no rule, everything stays.
    """

    last: int = 0
    days: int = 0
    failed: int | None = None

    @property
    def are_given(self) -> bool:
        """Whether anything may be removed at all."""
        return bool(self.last or self.days or self.failed is not None)

    def __str__(self) -> str:
        given = {"closeout_keep_last": self.last, "closeout_keep_days": self.days}
        parts = [f"{name}: {number}" for name, number in given.items() if number]
        parts += [] if self.failed is None else [f"closeout_keep_failed: {self.failed}"]
        return ", ".join(parts)


class When(NamedTuple):
    """When a run was: seconds since 1970, and the place of its line in the history (-1 for none)."""

    moment_s: float
    place: int


@dataclass(frozen=True)
class Artefact:
    """One artefact of the database: the ``name`` of its directory, its run, whether it is a verified backup or one of a
    run that failed, and when it was begun.
    """

    name: str
    run_id: str
    is_good: bool
    when: When
    size_bytes: int = 0


def moments(lines: Iterable[dict[str, Any]], now_s: float) -> dict[str, When]:
    """Return when the runs of these lines of the history were, by run id. They are of one database, the oldest first.

    Lines are only ever added, so no run is older than the one before it, whatever its clock said: a clock that was slow
    makes nothing old. What is said to be in the future says nothing of those after it.
    """
    found: dict[str, When] = {}
    latest = 0.0
    for place, line in enumerate(lines):
        began = seconds(line.get("started_utc"))
        if began is not None and began <= now_s:
            latest = max(latest, began)
        found[str(line.get("run_id"))] = When(latest, place)
    return found


def seconds(text: Any) -> float | None:
    """Return the seconds since 1970 of a moment as our files have it; None for anything else."""
    try:
        return from_text(text).timestamp() if isinstance(text, str) else None
    except (ValueError, OverflowError):
        return None


def choose(artefacts: Iterable[Artefact], rules: Rules, own: str, now_s: float) -> list[tuple[Artefact, str]]:
    """Return each artefact with the reason for which it stays, "" for one that may go; the newest first.

    ``own`` is the run that asks. Its artefact stays, and so does the newest good one, whatever the numbers. Unless its
    own is good, nothing good goes.
    """
    ordered = sorted(artefacts, key=lambda one: (one.when, one.name), reverse=True)
    good = [one for one in ordered if one.is_good]
    failed = [one for one in ordered if not one.is_good]
    passed = any(one.run_id == own for one in good)
    reasons = {
        **{one.name: _good(one, rank, rules, now_s, passed=passed) for rank, one in enumerate(good)},
        **{one.name: _failed(rank, rules) for rank, one in enumerate(failed)},
        **{one.name: "of this run" for one in ordered if one.run_id == own},
    }
    return [(one, reasons[one.name]) for one in ordered]


def _good(one: Artefact, rank: int, rules: Rules, now_s: float, *, passed: bool) -> str:
    if rank == 0:
        return "the newest good one"
    if not passed:
        return "good, and this run is not"
    if not (rules.last or rules.days):
        return "good, and good ones are kept"
    if rank < rules.last:
        return f"one of the {rules.last} newest good ones"
    if rules.days and now_s - one.when.moment_s < rules.days * _DAY_S:
        return f"good, and younger than {rules.days} days"
    return ""


def _failed(rank: int, rules: Rules) -> str:
    if rules.failed is None:
        return "failed, and failed ones are kept"
    return f"one of the {rules.failed} newest failed ones" if rank < rules.failed else ""
