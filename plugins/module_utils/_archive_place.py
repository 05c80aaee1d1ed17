# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: an archive where the programs of a scratch server can read it by its path.

A container has it as a read-only mount; a program of this host inherits a descriptor of it, for the way to it is closed
to everybody but root. In either case its files belong to root and are private, so the server's group may read them for
as long as that is needed.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import Iterator

from ._docker import ContainerFacts
from ._errors import CloseoutError, NotOurs
from ._peer import credentials_of
from ._session import Session

MOUNT_POINT = "/closeout-dump"
"""Where a scratch container has the archive that it was made for."""
_OWN, _OWN_AND_GROUP = {False: 0o600, True: 0o700}, {False: 0o640, True: 0o750}


def mounted(container: ContainerFacts, path: str) -> str:
    """Return the path by which programs of a scratch container read the archive ``path``. Raises NotOurs."""
    source = container.mounts.get(MOUNT_POINT, "")
    if source != path:
        raise NotOurs(
            f"The scratch container {container.name!r} was not made for this archive",
            wanted=f"{path} mounted at {MOUNT_POINT}",
            found=source or "no such mount",
            do="give pg_scratch_server the archive's path as dump",
        )
    return MOUNT_POINT


@contextlib.contextmanager
def inherited(path: str) -> Iterator[tuple[str, int]]:
    """Open the archive; give the path by which a child that inherits the descriptor reads it, and the descriptor."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise _cannot(path, error) from error
    try:
        yield f"/proc/self/fd/{descriptor}", descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def lent(path: str, session: Session) -> Iterator[None]:
    """Let the programs of the scratch server that ``session`` is open to read an archive as long as the block lasts.

    They are of the server's own user: its group is given the files, unless they are the user's already. Raises
    CloseoutError.
    """
    with socket.socket(fileno=os.dup(session.descriptor())) as connected:
        reader = credentials_of(connected)
    if os.lstat(path).st_uid == reader.uid:
        yield
        return
    _give(path, reader.gid, _OWN_AND_GROUP)
    try:
        yield
    finally:
        take_back(path)


def take_back(path: str) -> None:
    """Make an archive that was lent this user's alone again. Raises CloseoutError."""
    _give(path, os.getegid(), _OWN)


def _give(path: str, gid: int, modes: dict[bool, int]) -> None:
    """Set group and mode of an archive: of its file, or of its directory and all files in it."""
    try:
        files = _files(path)
        for one in files:
            if not stat.S_ISREG(os.lstat(one).st_mode):
                raise OSError(f"{one} is not a regular file")
        for one in [path, *files]:
            descriptor = os.open(one, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                os.fchown(descriptor, -1, gid)
                os.fchmod(descriptor, modes[stat.S_ISDIR(os.fstat(descriptor).st_mode)])
            finally:
                os.close(descriptor)
    except OSError as error:
        raise _cannot(path, error) from error


def _files(path: str) -> list[str]:
    return [entry.path for entry in os.scandir(path)] if os.path.isdir(path) and not os.path.islink(path) else []


def _cannot(path: str, error: OSError) -> CloseoutError:
    return CloseoutError(
        f"The archive {path} cannot be given to the scratch server",
        wanted="a file or a directory of files that root may give",
        found=error.strerror or str(error),
    )
