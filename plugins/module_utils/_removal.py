# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the removal of an artefact: under another name first, then file by file.

By its name it is on its way out, so that a crash in the middle leaves nothing that looks whole; the reaper finishes it.
Only files that the artefact's own run wrote are unlinked, each by the descriptor of its directory: what somebody puts
beside them meanwhile keeps the directory there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from ._abandoned import is_private
from ._artefact import MARKER, SUMS, host_name
from ._artefact_read import GOING, Content, LeftAlone, content_of, read_mark, remover_of, strangers
from ._errors import CloseoutError
from ._outcome import some
from ._retention import Artefact
from ._running import is_at_work
from ._signature import SIGNATURE

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_LAST = (SIGNATURE, SUMS, MARKER)
"""Unlinked after everything else, in this order: they say what else is ours to remove."""


def remove(root: str, artefact: Artefact, run_id: str) -> int:
    """Remove an artefact below ``root`` on behalf of run ``run_id``; return how many bytes that freed.

    Raises CloseoutError where it cannot be removed, FileNotFoundError where it is gone, LeftAlone where it is not what
    it was; then it has its name again.
    """
    going = f"{artefact.name}{GOING}{run_id}"
    with _opened(root) as parent:
        try:
            _rename(artefact.name, going, parent)
            try:
                # Looked at again: nobody comes to it by its old name now, but may have done so until now.
                content = _removable(os.path.join(root, going), artefact.run_id)
            except LeftAlone:
                _rename(going, artefact.name, parent)
                raise
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _cannot(artefact.name, error) from error
        return _empty(parent, going, content)


def half_removed(root: str) -> Iterator[tuple[str, str]]:
    """Yield path and remover of every artefact below ``root`` whose removal was cut off, and that is nobody else's."""
    for name in _names(root):
        remover = remover_of(name)
        path = os.path.join(root, name)
        if remover and is_private(path) and not is_at_work(remover):
            with contextlib.suppress(LeftAlone):
                _removable(path)
                yield path, remover


def finish(path: str) -> None:
    """Remove what is left of such an artefact. Raises CloseoutError."""
    root, name = os.path.split(path)
    try:
        content = _removable(path)
    except LeftAlone as error:
        raise CloseoutError(f"{path} cannot be removed", found=str(error)) from error
    with _opened(root) as parent:
        _empty(parent, name, content)


def _removable(path: str, run_id: str = "") -> Content:
    """Return what is in an artefact that is on its way out. Raises LeftAlone unless all of it is its own run's."""
    content = content_of(path)
    if not (run_id or content.files or content.directories):
        # The mark goes last; without it there is nothing else.
        return content
    mark = read_mark(path)
    found = strangers(path, content, mark)
    if found or mark["host"] != host_name() or mark["run_id"] != (run_id or mark["run_id"]):
        raise LeftAlone(f"it changed just when it was to be removed: {some(found) or 'it is another one'}")
    return content


def _empty(parent: int, name: str, content: Content) -> int:
    """Unlink the files of a directory, and it; return how many bytes that freed. Raises CloseoutError."""
    freed = 0
    try:
        with _opened(name, parent) as top:
            status = os.fstat(top)
            if (status.st_dev, status.st_ino) != content.inode:
                raise CloseoutError(f"{name} cannot be removed", found="another directory of that name")
            for place in sorted(content.directories, reverse=True):
                inside = {one: status for one, status in content.files.items() if os.path.dirname(one) == place}
                with _opened(place, top) as directory:
                    freed += sum(_unlink(os.path.basename(one), directory, inside[one]) for one in inside)
                _rmdir(place, top)
            own = {one: status for one, status in content.files.items() if not os.path.dirname(one)}
            for one in sorted(own, key=lambda one: _LAST.index(one) if one in _LAST else -1):
                freed += _unlink(one, top, own[one])
        _rmdir(name, parent)
        os.fsync(parent)
    except FileNotFoundError:
        # Another run's reaper was faster.
        return freed
    except OSError as error:
        raise _cannot(name, error) from error
    return freed


def _rename(name: str, other: str, parent: int) -> None:
    os.rename(name, other, src_dir_fd=parent, dst_dir_fd=parent)
    os.fsync(parent)


def _unlink(name: str, directory: int, status: os.stat_result) -> int:
    """Unlink a file; return how many bytes that frees: none where it has another name elsewhere."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=directory)
        return status.st_size if status.st_nlink == 1 else 0
    return 0


def _rmdir(name: str, parent: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.rmdir(name, dir_fd=parent)


@contextlib.contextmanager
def _opened(name: str, parent: int | None = None) -> Iterator[int]:
    """Give a descriptor of a directory; below another one no link is followed."""
    descriptor = os.open(name, _DIRECTORY | (0 if parent is None else os.O_NOFOLLOW), dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _names(root: str) -> list[str]:
    with contextlib.suppress(OSError):
        return sorted(os.listdir(root)) if root else []
    return []


def _cannot(path: str, error: OSError) -> CloseoutError:
    return CloseoutError(
        f"{path} cannot be removed",
        wanted="a directory that nobody else writes to, on a file system that can be written to",
        found=error.strerror or str(error),
        do=f"the next run tries again; a name with {GOING} in it is that of an artefact that is partly gone",
    )
