# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: whether a program in a container may be killed, which PostgreSQL there decides.

Whoever loses its parent is given to the first process of its PID namespace. In a container that is often PostgreSQL,
which takes a child that it does not know for a server process that crashed, where a signal or another return code than
0 and 1 ends it: it ends all sessions and recovers (measured with a signal, 14 to 18). So nothing is killed there that
the server may be given when its parent ends, or has been given, and nothing that would leave it one. What was started
from outside, and alone, may be killed.
Source: pid_namespaces(7); PostgreSQL, postmaster.c, process_pm_child_exit and CleanupBackend.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

# Also .postgres-wrapped, of Nix, and edb-postgres.
_POSTGRESQL = ("postgres", "postmaster")


def why_spared(pid: int) -> str:
    """Return why process ``pid`` must not be killed, "" where it may be."""
    try:
        namespace, parent = _namespace(pid), _parent(pid)
    except OSError:
        # It has ended.
        return ""
    there = [one for one in _processes() if _is_in(one, namespace)]
    server = next((one for one in there if _number_inside(one) == 1 and _is_postgresql(one)), 0)
    if server in (0, pid):
        return ""
    if parent in there:
        return f"its parent is in the container, whose first process is PostgreSQL ({server})"
    if any(_parent_or_none(one) == pid for one in there):
        return f"it has started others in the container, whose first process is PostgreSQL ({server})"
    return ""


def _processes() -> Iterator[int]:
    return (int(entry) for entry in os.listdir("/proc") if entry.isdigit())


def _namespace(pid: int) -> tuple[int, int]:
    status = os.stat(f"/proc/{pid}/ns/pid")
    return status.st_dev, status.st_ino


def _is_in(pid: int, namespace: tuple[int, int]) -> bool:
    try:
        return _namespace(pid) == namespace
    except OSError:
        return False


def _number_inside(pid: int) -> int:
    """Return the process id in its own namespace, 0 where it has ended."""
    try:
        return int(_status(pid).get("NSpid", "0").split()[-1])
    except OSError:
        return 0


def _parent(pid: int) -> int:
    return int(_status(pid)["PPid"])


def _parent_or_none(pid: int) -> int | None:
    try:
        return _parent(pid)
    except OSError:
        return None


def _is_postgresql(pid: int) -> bool:
    try:
        name = _status(pid)["Name"]
    except OSError:
        return False
    return any(word in name for word in _POSTGRESQL)


def _status(pid: int) -> dict[str, str]:
    """Return what proc(5) says of a process. Raises OSError where it is gone."""
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        return {name: value.strip() for name, _colon, value in (line.partition(":") for line in file)}
