# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: points in time as text, always UTC."""

from __future__ import annotations

import datetime as dt


def utc_now() -> str:
    """Return this moment as ``2026-05-16T10:46:34.123456Z``."""
    return to_text(dt.datetime.now(dt.timezone.utc))


def to_text(moment: dt.datetime) -> str:
    """Return an aware ``moment`` as ISO 8601 in UTC with microseconds and a final Z."""
    return moment.astimezone(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_text(text: str) -> dt.datetime:
    """Read what :func:`to_text` wrote, or the nanosecond form of Docker; raises ValueError."""
    base, dot, fraction = text.rstrip("Z").partition(".")
    microseconds = (fraction[:6]).ljust(6, "0") if dot else "000000"
    return dt.datetime.strptime(f"{base}.{microseconds}", "%Y-%m-%dT%H:%M:%S.%f").replace(tzinfo=dt.timezone.utc)


def stamp(moment: dt.datetime) -> str:
    """Return ``moment`` as the compact stamp of file names, ``20260516T104634Z``."""
    return moment.astimezone(dt.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
