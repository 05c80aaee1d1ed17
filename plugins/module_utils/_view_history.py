# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the runs of a database, this one the last, as small plots: size, rows, duration.

A bar is as high as its number, from zero: half as much looks like half.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ._history_line import ALL_PASS, line_of
from ._outcome import Evidence, get, is_duration
from ._view_text import duration, listed, number, of_percent, size, stamped, text

_PLOTS: tuple[tuple[str, tuple[str, ...], Callable[[Any], str]], ...] = (
    ("size of the dump", ("size_bytes",), size),
    ("rows of the database", ("rows",), number),
    ("time taken", ("durations_s", "total"), duration),
)
_FEWEST_SLOTS = 12
"""Two runs are two bars, not two halves of the page."""

_BAR = 0.7
"""The part of its slot that a bar takes."""


def history(evidence: Evidence) -> dict[str, Any]:
    """Return ``plots`` of the recent runs of the same database and this one, ``told`` (how many there are), ``path``.

    A plot has a title, ``bars`` (left, width, top and height in per cent, whether that run failed), and as texts when
    the first and the last run were, this run's number, and the range of all. Without a run before this one there are
    none.
    """
    recent = listed(get(evidence, "trend", "recent"))
    entries, good = get(evidence, "trend", "entries"), get(evidence, "trend", "good")
    told = f"{number(entries)} runs before this one, {number(good)} of them ALL_PASS"
    if not recent:
        return {"plots": [], "told": told, "path": text(get(evidence, "trend", "history"))}
    runs = [*recent, line_of(evidence)]
    return {
        "plots": [_plot(title, path, told_as, runs) for title, path, told_as in _PLOTS],
        "told": told,
        "path": text(get(evidence, "trend", "history")),
    }


def _plot(title: str, path: tuple[str, ...], told_as: Callable[[Any], str], runs: list[Any]) -> dict[str, Any]:
    values = [_value(get(run, *path)) for run in runs]
    known = [value for value in values if value is not None]
    most = max(known, default=0)
    slot = 100 / max(len(runs), _FEWEST_SLOTS)
    bars = []
    for place, (run, value) in enumerate(zip(runs, values)):
        if value is not None:
            height = of_percent(value, most)
            bars.append(
                {
                    "left": round(place * slot, 3),
                    "width": round(slot * _BAR, 3),
                    "top": round(100 - height, 2),
                    "height": height,
                    "failed": get(run, "result") != ALL_PASS,
                }
            )
    return {
        "title": title,
        "bars": bars,
        "first": stamped(get(runs[0], "stamp")),
        "last": stamped(get(runs[-1], "stamp")),
        "now": told_as(values[-1]),
        "range": f"{told_as(min(known, default=None))} to {told_as(max(known, default=None))}",
    }


def _value(value: Any) -> int | float | None:
    return value if is_duration(value) and math.isfinite(value) and value >= 0 else None
