# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the run's stages as bars on one axis of time, from ``run.stages`` of the evidence."""

from __future__ import annotations

import datetime as dt
from typing import Any

from ._clock import from_text
from ._outcome import Evidence, get, is_duration
from ._view_text import duration, listed, of_percent

PRODUCTION, SCRATCH, FILES = "production", "scratch", "files"
_STAGES = {
    "reaped": ("remove what others left", FILES),
    "plan": ("plan", PRODUCTION),
    "begun": ("artefact directory", FILES),
    "before": ("witness before", PRODUCTION),
    "dump": ("dump", PRODUCTION),
    "dump_audit": ("audit of the dump", FILES),
    "there": ("directory elsewhere", FILES),
    "lent": ("copy elsewhere", FILES),
    "scratch": ("scratch server", SCRATCH),
    "restore": ("restore", SCRATCH),
    "restored_audit": ("audit of the copy", SCRATCH),
    "compare": ("comparison", SCRATCH),
    "fetched": ("report brought back", FILES),
    "teardown": ("teardown", SCRATCH),
    "teardown_here": ("teardown here", PRODUCTION),
    "after": ("witness after", PRODUCTION),
    "confirmed": ("checksum once more", FILES),
    "history": ("history", FILES),
    # Of a verification.
    "subject": ("read what is verified", FILES),
    "inventory": ("inventory of the dump", SCRATCH),
    "guarded": ("guard", SCRATCH),
    "again": ("read once more", FILES),
}
"""What a reader calls each step, and what it works on."""

_NARROWEST = 0.6


def timeline(evidence: Evidence) -> dict[str, Any]:
    """Return ``bars`` (label, kind, duration, begins, left and width in per cent) and ``total``, how long all took.

    Times are the target's. A stage whose times cannot be read has no bar.
    """
    stages = [one for one in map(_read, listed(get(evidence, "run", "stages"))) if one is not None]
    if not stages:
        return {"bars": [], "total": duration(None), "total_s": None}
    first = min(begin for _step, begin, _took in stages)
    total = max((begin - first).total_seconds() + took for _step, begin, took in stages)
    failed = [get(one, "step") for one in listed(get(evidence, "failures"))]
    bars = []
    for step, begin, took in stages:
        label, kind = _STAGES[step]
        since = (begin - first).total_seconds()
        width = max(of_percent(took, total), _NARROWEST)
        bars.append(
            {
                "label": label,
                "kind": kind,
                "failed": step in failed,
                "begins": duration(since),
                "duration": duration(took),
                "left": min(of_percent(since, total), 100 - width),
                "width": width,
            }
        )
    return {"bars": bars, "total": duration(total), "total_s": round(total, 3)}


def _read(stage: Any) -> tuple[str, dt.datetime, float] | None:
    step, took = get(stage, "step"), get(stage, "duration_s")
    if not isinstance(step, str) or step not in _STAGES or not is_duration(took) or took < 0:
        return None
    try:
        return step, from_text(str(get(stage, "started_utc"))), float(took)
    except ValueError:
        return None
