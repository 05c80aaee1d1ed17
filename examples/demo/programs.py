# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that the demo starts: with which environment, as whom, and how whole families of them are ended."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from told import DemoError

if TYPE_CHECKING:
    import pwd
    from collections.abc import Sequence

START_TIMEOUT_S, STOP_TIMEOUT_S = 60.0, 20.0


def clean_environment() -> dict[str, str]:
    """This environment without PG* (PGOPTIONS and its like would reach every session) and with a UTF-8 locale."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    locale = kept.get("LC_ALL") or kept.get("LC_CTYPE") or kept.get("LANG") or ""
    if "utf" not in locale.lower():
        kept["LC_ALL"] = "C.UTF-8"  # ansible-core refuses to start in any other encoding
    return kept


def process_prefix(account: pwd.struct_passwd | None) -> tuple[str, ...]:
    """The setpriv(1) call for ``account``, with a fast shutdown (SIGINT) of the server if this program is killed."""
    call = [shutil.which("setpriv") or "setpriv", "--no-new-privs", "--pdeathsig", "INT"]
    if account is not None:
        call += ["--reuid", str(account.pw_uid), "--regid", str(account.pw_gid), "--clear-groups"]
    with contextlib.suppress(FileNotFoundError):
        if subprocess.run([*call, "true"], cwd="/", capture_output=True, timeout=10, check=False).returncode == 0:
            return tuple(call)
    if account is not None:
        raise DemoError("setpriv of util-linux 2.33 or later is missing or not permitted: run as an ordinary user")
    return ()


def run_group(command: list[str], environment: dict[str, str], output: IO[bytes]) -> int:
    """Run ``command`` to its end in a process group of its own; an interruption leaves none of the group behind."""
    process = subprocess.Popen(
        command,
        cwd="/",
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    try:
        return process.wait(START_TIMEOUT_S)
    finally:
        # initdb's own child outlives it for a moment and would write into a directory that is being removed.
        deadline = time.monotonic() + 5.0
        with contextlib.suppress(ProcessLookupError):
            while time.monotonic() < deadline:
                os.killpg(process.pid, signal.SIGKILL)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(5.0)
                time.sleep(0.01)  # for members that are not our children


def end(process: subprocess.Popen[Any], signals: Sequence[int], each_s: float) -> None:
    """Send ``signals`` one after the other, waiting ``each_s`` seconds after each, until ``process`` has ended."""
    for number in signals:
        if process.poll() is not None:
            return
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(each_s)


def end_playbook(process: subprocess.Popen[Any]) -> None:
    """End ansible-playbook before its time, and its modules: those have sessions of their own and would live on."""
    if process.poll() is not None:
        return
    below = descendants(process.pid)

    def alive() -> list[int]:
        return [pid for pid, started in below.items() if start_time(pid) == started]

    for number, patience_s in ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0)):
        deadline = time.monotonic() + patience_s
        for pid in alive():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        end(process, (number,), patience_s)
        while alive() and time.monotonic() < deadline:
            time.sleep(0.1)  # not our children: there is nothing to wait on


def descendants(root: int) -> dict[int, str]:
    """Every process below ``root`` with its start time (field 22 of proc_pid_stat(5)): a reused id has another."""
    found: dict[int, str] = {}
    parents: dict[int, tuple[int, str]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = entry.read_text(errors="replace").rpartition(")")[2].split()
            parents[int(entry.parent.name)] = (int(fields[1]), fields[19])
    level = {root}
    while level:
        level = {pid for pid, (parent, _command) in parents.items() if parent in level and pid not in found}
        found.update((pid, parents[pid][1]) for pid in level)
    return found


def start_time(pid: int) -> str:
    """Start time of a living process; empty for one that is gone or only waits to be collected."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
