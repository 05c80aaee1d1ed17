"""One run of the tests: its id, its temporary directory, and a parent that plays init for it.

What a test leaves running loses its parent and is then hard to tell from everybody else's processes. So the session
runs under a small supervisor that adopts orphans (prctl(2), PR_SET_CHILD_SUBREAPER) and reaps them as init would: all
that descends from it is ours, whatever environment or session it made for itself, and nothing else is.

For root the session has a mount namespace of its own (mount_namespaces(7)): what is mounted in it, by a private daemon
for example, is never mounted on the host, and goes with the last process. In it /var/tmp is a directory of the session,
because the collection looks at all that is there. Where that works a session can have workers (pytest-xdist), which run
side by side: to each of them the session's directories are its own, and it sees nobody else's files and sockets.
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
from types import FrameType

PREFIX = "closeout-test-"
# How workers know their session: the pid of its supervisor, its own pid, its id.
_SESSION = "CLOSEOUT_TEST_SESSION"
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_CLONE_NEWNS = 0x00020000
_MS_BIND, _MS_REC, _MS_PRIVATE, _MNT_DETACH = 4096, 16384, 1 << 18, 2
_KEEP = "CLOSEOUT_TEST_KEEP"
# Half of it is for the files of the tests: a few GB at most.
_LEAST_MEMORY_BYTES = 12 << 30
_GRACE_S = 20.0


def _worker() -> str:
    """The name of this worker, "" in a session: also in one that a worker's test starts, whose parent is another."""
    said = os.environ.get(_SESSION, "0 0 -").split()
    return os.environ.get("PYTEST_XDIST_WORKER", "") if int(said[1]) == os.getppid() else ""


WORKER = _worker()
# All workers have the id of their session, and each sees a directory of its own there.
ID = os.environ[_SESSION].split()[2] if WORKER else secrets.token_hex(4)
# Short, because the path of a Unix socket has room for 107 bytes; not $TMPDIR, which may be long.
TMP = Path("/tmp") / f"{PREFIX}{ID}"
# Where a worker says that it is there, for its session.
_WORKERS = "workers"


def _checked(result: int) -> None:
    """OSError when a function of the C library said so."""
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _prctl(option: int, value: int) -> None:
    """prctl(2) with one argument; OSError when it fails."""
    _checked(ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0))


def _own_mounts() -> bool:
    """Give this process a mount namespace of its own; whether that was possible."""
    if os.geteuid() != 0:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        _checked(libc.unshare(_CLONE_NEWNS))
    except PermissionError:  # root in a container
        return False
    _checked(libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None))
    return True


def _bind(source: Path, target: Path) -> None:
    """mount --bind (mount(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    _checked(libc.mount(os.fsencode(source), os.fsencode(target), None, _MS_BIND, None))


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _in_memory(target: Path) -> None:
    """Put a file system in memory there: databases come and go all the time, and to find numbers for their new files
    took a disk's file system (ext4) a quarter of the tests' processor time.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    _checked(libc.mount(b"tmpfs", os.fsencode(target), b"tmpfs", 0, b"mode=1777"))


def in_memory() -> bool:
    """Whether the session's directory lies in memory."""
    return TMP.stat().st_dev != TMP.parent.stat().st_dev


def begin() -> tuple[int, bool]:
    """Put this process under a supervisor and make the session's directory the default one for temporary files.

    Returns the supervisor's pid (below it is all that this session starts), and whether the session may have workers.
    """
    if WORKER:
        return _begin_worker(), False
    private = _own_mounts()
    parent = _supervise()
    _make(TMP)
    if private and os.environ.get(_KEEP) != "1" and _memory_bytes() >= _LEAST_MEMORY_BYTES:
        _in_memory(TMP)
    _make(TMP / _WORKERS)
    if private:
        _own_var_tmp(TMP)
    os.environ[_SESSION] = f"{parent} {os.getpid()} {ID}"
    os.environ["TMPDIR"] = str(TMP)
    tempfile.tempdir = None
    return parent, private


def _begin_worker() -> int:
    """Put directories of our own in the place of the session's one and of /var/tmp; returns the supervisor's pid."""
    (TMP / _WORKERS / str(os.getpid())).touch()
    if not _own_mounts():
        raise RuntimeError("workers need a mount namespace each: run pytest with -n0")
    own = TMP / WORKER
    _make(own)
    _own_var_tmp(own)
    _bind(own, TMP)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    tempfile.tempdir = None
    return supervisor()


def supervisor() -> int:
    """The pid below which is all that the session starts, its workers' orphans included."""
    return int(os.environ[_SESSION].split()[0])


def _own_var_tmp(directory: Path) -> None:
    """Put a directory below `directory` in the place of /var/tmp, in this mount namespace."""
    _make(directory / "var-tmp")
    _bind(directory / "var-tmp", Path("/var/tmp"))


def _make(directory: Path) -> None:
    """Make a directory like /tmp itself: servers run as an unprivileged user and must get to their directories."""
    directory.mkdir(mode=0o700)
    directory.chmod(0o1777)


def end(ignore_errors: bool = False) -> None:
    """Remove the session's directory (CLOSEOUT_TEST_KEEP=1 keeps it for a look); a worker's goes with it."""
    if not WORKER and os.environ.get(_KEEP) != "1":
        # What was mounted goes with the last that holds it; without a mount this does nothing.
        ctypes.CDLL(None, use_errno=True).umount2(os.fsencode(TMP), _MNT_DETACH)
        shutil.rmtree(TMP, ignore_errors=ignore_errors)


def _supervise() -> int:
    """Fork: the child is the session and returns the parent's pid; the parent stays until all below it are gone."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        signal.signal(signal.SIGTERM, _interrupted)
        return parent
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to both; pytest knows what to do
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: _end(child))
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


def _end(child: int) -> None:
    """SIGTERM for the session."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGTERM)


def _interrupted(number: int, frame: FrameType | None) -> None:
    """As after ^C, which the workers get, too: pytest tears its fixtures down, and with them what they started."""
    below = descendants(os.getpid())
    for worker in (int(path.name) for path in (TMP / _WORKERS).glob("*")):
        if worker in below:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGTERM)
    signal.default_int_handler(number, frame)


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
