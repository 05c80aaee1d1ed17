# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: files that a killed module left: half-written ones, ones it had lent, copies, its own
directory.

Only what lies in an artefact directory with our mark, made on this host by a run that has no module at work, and what
nobody holds a lock on.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import shutil
import stat
import time
from collections.abc import Iterator

from ._artefact import COPY as COPY_OF_ARTEFACT
from ._artefact import MARKER, VERIFICATION, host_name, is_marked
from ._deadline import is_past
from ._errors import CloseoutError
from ._files import PARTIAL, read_whole
from ._running import JOB, PAYLOAD, directory, entries, is_at_work, is_free

COPY, COPY_EXPIRES = "copy", "copy.json"
"""The copy of an archive in the directory of a verification, and the file that says until when it may be needed."""
_UNFETCHED_S = 60.0
"""How long the result of a module that has ended is kept for a controller whose connection is cut."""
_ANSIBLES_DIRECTORY = "ansible-tmp-"


def half_written(root: str) -> Iterator[tuple[str, str]]:
    """Yield path and run id of every file or directory below ``root`` that a module which is gone was writing."""
    for path, owner in _artefacts(root):
        for partial in _partials(path):
            if not is_at_work(owner) and _is_free(partial):
                yield partial, owner


def half_written_by(root: str, run_id: str) -> list[str]:
    """Return the path of all below ``root`` that run ``run_id`` has not finished, and of its copies."""
    own = [path for path, owner in _artefacts(root) if owner == run_id]
    copies = [path for path in own if is_marked(path, COPY_OF_ARTEFACT)]
    return copies + [found for path in own if path not in copies for found in (*_partials(path), *_copy_in(path))]


def expired_copies(root: str) -> Iterator[tuple[str, str]]:
    """Yield path and run id of every copy of an artefact, or of an archive, below ``root`` whose time is up: it is used
    by one module after the other, and has a deadline as the scratch server has that it is for.
    """
    for path, owner in _artefacts(root):
        if is_marked(path, COPY_OF_ARTEFACT) and _is_past(os.path.join(path, MARKER)):
            yield path, owner
        copy = _copy_in(path)
        if copy and _is_past(os.path.join(path, COPY_EXPIRES)):
            yield from ((one, owner) for one in copy)


def lent(root: str) -> Iterator[tuple[str, str]]:
    """Yield path and run id of every archive below ``root`` that a module had lent to a scratch server when it went."""
    for path, owner in _artefacts(root):
        for name, status in _inside(path):
            archive = os.path.join(path, name)
            is_lent = status.st_mode & 0o077 and not stat.S_ISLNK(status.st_mode) and not name.endswith(PARTIAL)
            if is_lent and not is_at_work(owner):
                yield archive, owner


def jobs() -> Iterator[str]:
    """Yield the directory of every long module of this user that is gone, and whose result nobody will fetch."""
    for path in entries(JOB):
        with contextlib.suppress(OSError):
            has_result = os.path.exists(os.path.join(path, "rc"))
            old = abs(time.time() - os.stat(path).st_mtime) > _UNFETCHED_S
            begun = os.path.exists(os.path.join(path, "alive"))
            if old if has_result or not begun else _is_free(os.path.join(path, "alive")):
                yield path


def remove(path: str) -> None:
    """Remove a file, or a directory with all that is in it. Raises CloseoutError."""
    try:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise CloseoutError(f"{path} cannot be removed", found=error.strerror or str(error)) from error


def remove_job(path: str) -> None:
    """Remove a long module's own directory, and what Ansible had unpacked for it. Raises CloseoutError."""
    with contextlib.suppress(CloseoutError):
        payload = read_whole(os.path.join(path, PAYLOAD), 1 << 12).decode("utf-8", "surrogateescape")
        if os.path.basename(payload).startswith(_ANSIBLES_DIRECTORY):
            remove(payload)
    remove(path)
    with contextlib.suppress(OSError):
        os.rmdir(directory())


def _artefacts(root: str) -> Iterator[tuple[str, str]]:
    """Yield path and run id of the artefact directories below ``root`` that this user began on this host."""
    for marker in sorted(glob.glob(os.path.join(glob.escape(root), "*", MARKER))) if root else []:
        path = os.path.dirname(marker)
        try:
            mark = json.loads(read_whole(marker, 1 << 16))
            owner, host = str(mark["run_id"]), str(mark["host"])
        except (CloseoutError, ValueError, KeyError, TypeError):
            continue
        if is_private(path) and host == host_name():
            yield path, owner


def is_private(path: str) -> bool:
    """Whether ``path`` is a directory that this user alone can look into."""
    with contextlib.suppress(FileNotFoundError):
        status = os.lstat(path)
        return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077
    return False


def _inside(path: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield name and status of what is in a directory; another run may just be removing it."""
    with contextlib.suppress(FileNotFoundError):
        for name in sorted(os.listdir(path)):
            yield name, os.lstat(os.path.join(path, name))


def _copy_in(path: str) -> list[str]:
    """Return a verification's copy of an archive, and the file that says until when it is needed, as far as there; in
    no other directory, for there a dump may have that name.
    """
    if not is_marked(path, VERIFICATION):
        return []
    names = [os.path.join(path, name) for name in (COPY, COPY_EXPIRES)]
    return [name for name in names if os.path.lexists(name)]


def _is_past(expires: str) -> bool:
    """Whether that moment is past; one that cannot be read is not."""
    try:
        mark = json.loads(read_whole(expires, 1 << 16))
        return is_past(str(mark["expires_utc"]), str(mark["expires_boot"]))
    except (CloseoutError, ValueError, KeyError, TypeError):
        return False


def _partials(path: str) -> list[str]:
    return sorted(found for place in (path, os.path.join(path, "logs")) for found in _ending(place, PARTIAL))


def _ending(directory_path: str, ending: str) -> list[str]:
    return glob.glob(os.path.join(glob.escape(directory_path), "*" + ending))


def _is_free(path: str) -> bool:
    """Whether nobody writes to ``path``: who does holds a lock on it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return is_free(descriptor)
    finally:
        os.close(descriptor)
