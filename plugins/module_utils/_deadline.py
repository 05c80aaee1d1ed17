# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: when something of ours is past its time.

The time of day may be set while a run is at work. So a deadline is also kept on the clock that counts since this host
was booted, and that one decides; the time of day does where another boot, or another host, made the deadline. Source:
proc(5), /proc/uptime.
"""

from __future__ import annotations

import datetime as dt

from ._clock import from_text, to_text


def deadline(ttl_s: float) -> tuple[str, str]:
    """Return the moment ``ttl_s`` seconds from now twice: as UTC text, and on this boot's clock."""
    expires = to_text(dt.datetime.now(dt.timezone.utc) + dt.timedelta(seconds=ttl_s))
    return expires, f"{_boot()} {_uptime_s() + ttl_s:.2f}"


def is_past(expires_utc: str, on_boot_clock: str) -> bool:
    """Tell whether a deadline, as :func:`deadline` made it, is past; one that cannot be read is not."""
    boot, _mark, seconds = on_boot_clock.partition(" ")
    try:
        if boot == _boot():
            return float(seconds) <= _uptime_s()
        return from_text(expires_utc) <= dt.datetime.now(dt.timezone.utc)
    except ValueError:
        return False


def _boot() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def _uptime_s() -> float:
    with open("/proc/uptime", encoding="ascii") as file:
        return float(file.read().split()[0])
