# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: client programs that a killed module left running, in a container or out of it.

Each that we start has its run in its environment: that is its label, which root can read of every process, whatever
container it is in. Source: proc(5).
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

from ._first_process import why_spared
from ._labels import RUN_VARIABLE

_LABEL = f"{RUN_VARIABLE}=".encode("ascii")


def programs() -> Iterator[tuple[int, str, str]]:
    """Yield process id, run id and name of every program of any run that this user may look at, but for ourselves."""
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            run_id = _run_id(int(entry))
            if run_id:
                yield int(entry), run_id, _name(int(entry))


def kill(pid: int, run_id: str) -> None:
    """Kill a program of run ``run_id``; nothing happens to another process that has its number by now, nor to one that
    must be spared.
    """
    if _run_id(pid) == run_id and not why_spared(pid):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _run_id(pid: int) -> str:
    """Return the run that process ``pid`` was started for, "" for none of ours."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            variables = file.read(1 << 20).split(b"\0")
    except OSError:
        return ""
    found = next((one for one in variables if one.startswith(_LABEL)), b"")
    run_id = found[len(_LABEL) :].decode("ascii", "replace")
    return run_id if run_id.isalnum() else ""


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""
