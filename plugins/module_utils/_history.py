# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the history below closeout_root: one file, one line a run, only ever added to.

Two closeouts that end at the same time lose no line: each is added under a lock, whole, and brought to the disk. What a
crashed host left of a line is skipped when it is read. What a run may read is bounded, however old the file is.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import json
import os
import stat
import time
from collections.abc import Iterator
from typing import Any

from ._errors import CloseoutError, NotOurs
from ._files import fsync_directory

FILE = "history.jsonl"
SCHEMA = "incomex.closeout/history/1"
LINE_BYTES = 64 << 10
"""No line is longer; a longer one is none of ours."""
READ_BYTES = 8 << 20
"""That much is read, from the end: some thousands of runs."""
_LOCK_S = 30.0
_PAUSE_S = 0.02
_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)
_OPEN = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def path_below(root: str) -> str:
    """Return the path of the history of ``root``."""
    return os.path.join(root, FILE)


def read_back(path: str) -> list[dict[str, Any]]:
    """Return the lines of the last :data:`READ_BYTES` of a history, the newest first; none where there is no file.

    Raises CloseoutError where it cannot be read, NotOurs where another user could have written it.
    """
    try:
        with _opened(path, os.O_RDONLY, "r") as file:
            return list(_lines_from_the_end(file))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _cannot("be read", path, error) from error


def add(path: str, line: dict[str, Any]) -> bool:
    """Add a run's line, brought to the disk, and return True; False where the run has one already.

    The file (mode 0600) and its directory (0700) are made where they are missing. Raises CloseoutError, and then
    nothing of the line is there.
    """
    content = json.dumps(line, separators=(",", ":")).encode("ascii") + b"\n"
    if len(content) > LINE_BYTES:
        raise CloseoutError(
            f"A line of {path} is too long", wanted=f"at most {LINE_BYTES} bytes", found=f"{len(content)}"
        )
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        is_new = not os.path.lexists(path)
        with _opened(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, "a+") as file:
            _lock(file.fileno(), path)
            if any(one.get("run_id") == line.get("run_id") for one in _lines_from_the_end(file)):
                return False
            _add(file, content)
        if is_new:
            fsync_directory(os.path.dirname(path))
    except OSError as error:
        raise _cannot("be added to", path, error) from error
    return True


def assert_usable(path: str) -> None:
    """Raise CloseoutError where a history is there to which no line could be added. Nothing is changed."""
    if not os.path.lexists(path):
        return
    try:
        with _opened(path, os.O_RDWR, "r+"):
            pass
    except OSError as error:
        raise _cannot("be added to", path, error) from error


@contextlib.contextmanager
def _opened(path: str, flags: int, mode: str) -> Iterator[io.FileIO]:
    descriptor = os.open(path, flags | _OPEN, 0o600)
    try:
        _assert_ours(descriptor, path)
    except CloseoutError:
        os.close(descriptor)
        raise
    with io.FileIO(descriptor, mode) as file:
        yield file


def _add(file: io.FileIO, content: bytes) -> None:
    before = os.fstat(file.fileno()).st_size
    # A crashed host may have left half a line: it stays a line of its own.
    start = b"\n" if before and os.pread(file.fileno(), 1, before - 1) != b"\n" else b""
    try:
        view = memoryview(start + content)
        while view:
            view = view[file.write(view) :]
        os.fsync(file.fileno())
    except BaseException:
        # A full disk, or a signal: half a line is none.
        with contextlib.suppress(OSError):
            os.ftruncate(file.fileno(), before)
        raise


def _lock(descriptor: int, path: str) -> None:
    deadline = time.monotonic() + _LOCK_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise CloseoutError(
                    f"{path} cannot be added to",
                    wanted=f"its lock within {_LOCK_S:.0f} s",
                    found="somebody who holds it",
                    do="find out who has it open (fuser -v) and run again",
                ) from error
            time.sleep(_PAUSE_S)
        except OSError as error:
            # Some file systems have no locks; a line is one write to its end there, too.
            if error.errno not in _WITHOUT_LOCKS:
                raise
            return


def _lines_from_the_end(file: io.FileIO) -> Iterator[dict[str, Any]]:
    size = os.fstat(file.fileno()).st_size
    start = max(0, size - READ_BYTES)
    file.seek(start)
    content = b"".join(iter(lambda: file.read(1 << 20), b""))
    lines = content.split(b"\n")
    for line in reversed(lines[1:] if start else lines):
        if line and len(line) <= LINE_BYTES:
            with contextlib.suppress(ValueError, RecursionError):
                found = json.loads(line)
                if isinstance(found, dict) and found.get("schema") == SCHEMA:
                    yield found


def _assert_ours(descriptor: int, path: str) -> None:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        kind = "a regular file" if stat.S_ISREG(status.st_mode) else "no regular file"
        raise NotOurs(
            f"The history {path} is not ours alone",
            wanted=f"a regular file of user {os.geteuid()} that nobody else may write to",
            found=f"{kind} of user {status.st_uid}, mode {stat.S_IMODE(status.st_mode):04o}",
            do="find out who changed it; correct owner and mode, or move it away: then a new one begins",
        )


def _cannot(what: str, path: str, error: OSError) -> CloseoutError:
    return CloseoutError(
        f"The history {path} cannot {what}",
        wanted="a regular file, and room on its file system",
        found=error.strerror or str(error),
        do="make room, correct closeout_root, or move the file away: then a new one begins",
    )
