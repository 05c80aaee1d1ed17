"""How much processor time something took: figures that hardly depend on what else the machine is doing."""

from __future__ import annotations

import os
import resource
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def of_programs() -> float:
    """Seconds of all programs that this one has started, that have ended, and of those that they started."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def of_server(postmaster: int) -> float:
    """Seconds of a whole server: its postmaster, the backends that run, and those that have ended."""
    own, ended = _seconds(postmaster)
    running = 0.0
    for task in Path(f"/proc/{postmaster}/task").glob("*/children"):
        running += sum(_seconds(int(pid))[0] for pid in task.read_text().split())
    return own + ended + running


def _seconds(pid: int) -> tuple[float, float]:
    """Seconds of a process, and of its children that have ended (proc_pid_stat(5)); none once it is gone."""
    try:
        # The name in parentheses may hold blanks: the fields begin after the last ')'.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0, 0.0
    user, system, user_ended, system_ended = map(int, fields[11:15])
    return (user + system) * _TICK_S, (user_ended + system_ended) * _TICK_S
