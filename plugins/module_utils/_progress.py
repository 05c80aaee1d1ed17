# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: how far a long step of this process has come. Numbers only: no name, no secret.

The step counts; whoever renews the lease asks for it (plugins/action/closeout_module.py), by way of a file beside the
lease.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any


class Meter:
    """The step that this process is at. Each step begins it anew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.begin("")

    def begin(self, stage: str, *, total_bytes: int = 0, share: Callable[[int], float] | None = None) -> None:
        """Begin a step. It is ``total_bytes`` long, or ``share`` estimates from the bytes that are done how much
        that is (0 to 1); with neither nobody knows.
        """
        with self._lock:
            self._stage, self._total_bytes, self._share = stage, total_bytes, share
            self._done_bytes, self._began = 0, time.monotonic()

    def add(self, size_bytes: int) -> None:
        """Count bytes that are done."""
        with self._lock:
            self._done_bytes += size_bytes

    def as_facts(self) -> dict[str, Any] | None:
        """Return the step's name, bytes, seconds and share (None where it is not known), or None for no step."""
        with self._lock:
            if not self._stage:
                return None
            share = self._done_bytes / self._total_bytes if self._total_bytes else None
            if self._share is not None:
                share = self._share(self._done_bytes)
            return {
                "stage": self._stage,
                "bytes": self._done_bytes,
                "seconds": round(time.monotonic() - self._began, 1),
                "share": None if share is None else round(min(1.0, max(0.0, share)), 4),
                "estimated": self._share is not None,
            }


meter = Meter()
"""This process's own."""


def told(facts: dict[str, Any]) -> str:
    """Return what :meth:`Meter.as_facts` returned as a line to read: size, per cent, rate and time left."""
    count, seconds, share = int(facts["bytes"]), float(facts["seconds"]), facts["share"]
    parts = [_size(count)] if count else []
    about = "about " if facts["estimated"] else ""
    if share is not None:
        parts.append(f"{about}{float(share):.0%}")
    if count and seconds:
        parts.append(f"{_size(count / seconds)}/s")
    if share:
        parts.append(f"about {_time(seconds / float(share) - seconds)} left")
    else:
        parts.append(f"since {_time(seconds)}")
    return f"{facts['stage']}: {', '.join(parts)}"


def _size(count: float) -> str:
    for unit, step in (("GB", 1e9), ("MB", 1e6)):
        if count >= step:
            return f"{count / step:.1f} {unit}"
    return f"{count / 1e3:.1f} kB"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
