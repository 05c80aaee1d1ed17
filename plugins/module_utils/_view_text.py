# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: values of the evidence as text for a reader: sizes, durations, numbers, names."""

from __future__ import annotations

import json
import re
from typing import Any

from ._clock import from_text
from ._outcome import is_count, is_duration
from ._printable import printable

MISSING = "—"
_STAMP = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)\d\dZ", re.ASCII)
_UNITS = ("kB", "MB", "GB", "TB")


def listed(value: Any) -> list[Any]:
    """Return a list as it is, and no entries for anything else."""
    return value if isinstance(value, list) else []


def text(value: Any) -> str:
    """Return any value on one printable line; what is missing as a dash, a list with commas, a mapping as JSON."""
    if value is None or value == "":
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(map(printable, value)) or "none"
    return printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def moment(value: Any) -> str:
    """Return a point in time for a reader, to the second: ``2026-05-16 10:46:34 UTC``."""
    try:
        return from_text(value).strftime("%Y-%m-%d %H:%M:%S UTC") if isinstance(value, str) and value else MISSING
    except ValueError:
        return text(value)


def stamped(value: Any) -> str:
    """Return a run's stamp for a reader, to the minute: ``20260516T104634Z`` is ``2026-05-16 10:46``."""
    found = _STAMP.fullmatch(value) if isinstance(value, str) else None
    return "{}-{}-{} {}:{}".format(*found.groups()) if found else text(value)


def size(value: Any) -> str:
    """Return a number of bytes for a reader: ``655.4 MB``, of 1000 kB."""
    if not is_count(value):
        return MISSING
    if value < 1000:
        return f"{value} bytes"
    scaled = float(value)
    for unit in _UNITS:
        scaled /= 1000
        if scaled < 999.95 or unit == _UNITS[-1]:
            return f"{scaled:.1f} {unit}"
    raise AssertionError("there is a last unit")


def size_and_bytes(value: Any) -> str:
    """Return a number of bytes for a reader, and exactly."""
    return size(value) if not is_count(value) or value < 1000 else f"{size(value)} ({number(value)} bytes)"


def number(value: Any) -> str:
    """Return a whole number with its thousands apart, a dash for what was not counted."""
    return f"{value:,}" if is_count(value) else MISSING


def counts(value: Any) -> str:
    """Return a mapping of numbers: ``owner: 3, acl: 0``."""
    if not isinstance(value, dict):
        return MISSING
    return ", ".join(f"{text(str(name))}: {number(one)}" for name, one in value.items()) or "none"


def duration(value: Any) -> str:
    """Return a number of seconds for a reader: ``0.25 s``, ``12.3 s``, ``4 min 05 s``, ``2 h 03 min``."""
    if not is_duration(value) or value < 0:
        return MISSING
    if value < 9.995:
        return f"{value:.2f} s"
    if value < 59.95:
        return f"{value:.1f} s"
    minutes, seconds = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def of_percent(part: Any, whole: Any) -> float:
    """Return how much of ``whole`` ``part`` is, in per cent from 0 to 100; 0 where it cannot be said."""
    if not is_duration(part) or not is_duration(whole) or whole <= 0:
        return 0.0
    return round(min(max(100.0 * part / whole, 0.0), 100.0), 2)
