"""One run of the tests: its id, its temporary directory, and a parent that plays init for it.

What a test leaves running loses its parent and is then hard to tell from everybody else's processes. So the session
runs under a small supervisor that adopts orphans (prctl(2), PR_SET_CHILD_SUBREAPER) and reaps them as init would: all
that descends from it is ours, whatever environment or session it made for itself, and nothing else is.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import shutil
import signal
import tempfile
import time
from pathlib import Path

ID = secrets.token_hex(4)
PREFIX = "closeout-test-"
# Short, because the path of a Unix socket has room for 107 bytes; not $TMPDIR, which may be long.
TMP = Path("/tmp") / f"{PREFIX}{ID}"

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_GRACE_S = 20.0


def _prctl(option: int, value: int) -> None:
    """prctl(2) with one argument; OSError when it fails."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def begin() -> int:
    """Put this process under a supervisor and make the session's directory the default one for temporary files.

    Returns the supervisor's pid: below it is all that this session starts.
    """
    supervisor = _supervise()
    TMP.mkdir(mode=0o700)
    # Like /tmp itself: servers run as an unprivileged user and must be able to get to their directories.
    TMP.chmod(0o1777)
    os.environ["TMPDIR"] = str(TMP)
    tempfile.tempdir = None
    return supervisor


def end(ignore_errors: bool = False) -> None:
    """Remove the session's directory (CLOSEOUT_TEST_KEEP=1 keeps it for a look)."""
    if os.environ.get("CLOSEOUT_TEST_KEEP") != "1":
        shutil.rmtree(TMP, ignore_errors=ignore_errors)


def _supervise() -> int:
    """Fork: the child is the session and returns the parent's pid; the parent stays until all below it are gone."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    supervisor = os.getpid()
    child = os.fork()
    if child == 0:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        # As after ^C: pytest tears its fixtures down, and with them what they started.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        return supervisor
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to both; pytest knows what to do
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: os.kill(child, received))
    status = 0
    pid = 0
    while pid != child:
        pid, status = os.wait()
    code = os.waitstatus_to_exitcode(status)
    _end_orphans()
    # A session that was killed could not do it.
    if TMP.exists():
        end(ignore_errors=True)
    os._exit(code if code >= 0 else 128 - code)


def _end_orphans() -> None:
    """End what a killed session left behind, politely at first; reap all of it."""
    _signal_all(signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_S
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                if time.monotonic() > deadline:
                    _signal_all(signal.SIGKILL)
                time.sleep(0.05)
        except ChildProcessError:
            return


def _signal_all(number: signal.Signals) -> None:
    """Send a signal to everything below this process."""
    for pid in descendants(os.getpid()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def descendants(ancestor: int) -> dict[int, str]:
    """The living processes below `ancestor`: pid -> command line (zombies do not count)."""
    children: dict[int, list[int]] = {}
    alive: set[int] = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # The name in parentheses may hold blanks: the fields begin after the last ')'.
            state, parent = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(int(parent), []).append(int(entry.name))
        if state not in "ZX":
            alive.add(int(entry.name))
    found: dict[int, str] = {}
    queue = list(children.get(ancestor, []))
    while queue:
        pid = queue.pop()
        queue.extend(children.get(pid, []))
        if pid in alive:
            found[pid] = command_line(pid)
    return found


def command_line(pid: int) -> str:
    """The command line of a process as one string, "" once it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""
