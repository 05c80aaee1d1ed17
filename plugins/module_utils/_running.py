# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: which runs have a module at work on this host just now.

A module holds a lock on a file of its run for as long as it works. Whatever ends it, the kernel lets go of the lock: no
clock, no process id, and no reboot can make a dead run look alive, or a living one dead. Source: flock(2).
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import stat
from collections.abc import Iterator

from ._errors import CloseoutError

ROOTS_DIRECTORY = "/run/incomex.closeout"
OTHERS_DIRECTORY = "/tmp/incomex.closeout-{uid}"  # noqa: S108 - it must be the user's own, and private
JOB, PAYLOAD = "job-", "payload"
"""A long module's own directory beside them (plugin_utils/_detached.py), and the file that names its payload's."""
_RUN = "run-"
_ATTEMPTS = 100


def directory() -> str:
    """Return the private directory in which this user's modules say that they are at work; it need not be there."""
    uid = os.geteuid()
    return ROOTS_DIRECTORY if uid == 0 else OTHERS_DIRECTORY.format(uid=uid)


@contextlib.contextmanager
def at_work(run_id: str) -> Iterator[None]:
    """Hold the lock of run ``run_id`` for as long as the block lasts; nothing for an empty one. Several may hold it.

    Raises CloseoutError where the directory cannot be made, or is somebody else's.
    """
    if not run_id.isalnum():
        yield
        return
    descriptor = _locked(run_id)
    try:
        yield
    finally:
        _let_go(_path(run_id), descriptor)


def is_at_work(run_id: str) -> bool:
    """Whether a module of run ``run_id`` is at work on this host: as this user, or, asked by root, as any."""
    others = glob.glob(OTHERS_DIRECTORY.format(uid="*")) if os.geteuid() == 0 else []
    return any(_is_held(os.path.join(one, _RUN + run_id)) for one in [directory(), *others])


def _is_held(path: str) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not is_free(descriptor)
    finally:
        os.close(descriptor)


def entries(beginning: str) -> list[str]:
    """Return the paths in :func:`directory` whose names begin like that; none where it is somebody else's."""
    with contextlib.suppress(OSError):
        status = os.lstat(directory())
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077:
            return sorted(glob.glob(os.path.join(directory(), beginning + "*")))
    return []


def locks_left() -> list[str]:
    """Return the files of this user's runs that have no module at work any more: those of modules that were killed."""
    return [path for path in entries(_RUN) if not _is_held(path)]


def remove_lock(path: str) -> None:
    """Remove such a file, unless a module of the run is at work again; the directory, too, where it is empty."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        _let_go(path, descriptor)


def is_free(descriptor: int) -> bool:
    """Whether nobody else holds a lock on what ``descriptor`` is open for; if so, it is ours from now on."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        # Held, or on a file system without locks: nobody can say that it is free.
        return False
    return True


def _path(run_id: str) -> str:
    return os.path.join(directory(), _RUN + run_id)


def _locked(run_id: str) -> int:
    """Return a descriptor of the run's file, with the lock. Who held it before may just be removing the file."""
    for _turn in range(_ATTEMPTS):
        try:
            _make_directory()
            descriptor = os.open(_path(run_id), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _unusable(error.strerror or str(error)) from error
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(_path(run_id))):
                return descriptor
        os.close(descriptor)
    raise _unusable(f"{_RUN}{run_id} in it goes whenever it is made")


def _let_go(path: str, descriptor: int) -> None:
    """Give the lock back; the last one removes the file, and the directory where it is empty."""
    if is_free(descriptor):
        with contextlib.suppress(OSError):
            os.unlink(path)
            os.rmdir(directory())
    os.close(descriptor)


def _make_directory() -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(directory(), 0o700)
    status = os.lstat(directory())
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise _unusable(f"{stat.filemode(status.st_mode)}, user id {status.st_uid}")
    if status.st_mode & 0o077:
        os.chmod(directory(), 0o700)


def _unusable(found: str) -> CloseoutError:
    return CloseoutError(
        f"The directory {directory()} cannot be used",
        wanted="a directory of this user, in which its modules say that they are at work",
        found=found,
        do="remove what is there under that name",
    )
