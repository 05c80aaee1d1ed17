# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: size and digest of a dump on the disk, whether it is a file or a directory.

A directory's digest is that of the list of its files' digests, so that coreutils give it, too:
``LC_ALL=C sha256sum * | sha256sum`` in that directory.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import NamedTuple

from ._errors import CloseoutError
from ._files import assert_readable, pieces_of


class OnDisk(NamedTuple):
    """What was read. A directory's size is that of all its files."""

    size_bytes: int
    sha256: str


def read_dump(path: str, each: Callable[[int], None] = lambda _size_bytes: None) -> OnDisk:
    """Read a dump whole; ``each`` is told the size of every piece.

    Raises CloseoutError, also for a directory that holds anything but plain files.
    """
    if not os.path.isdir(path) or os.path.islink(path):
        return _of_file(path, each)
    lines, size_bytes = [], 0
    for name in file_names(path):
        one = _of_file(os.path.join(path, name), each)
        lines.append(f"{one.sha256}  {name}\n")
        size_bytes += one.size_bytes
    return OnDisk(size_bytes, hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest())


def assert_dump(path: str) -> None:
    """Raise CloseoutError unless ``path`` is a file or a directory that can be read."""
    if os.path.isdir(path):
        file_names(path)
    else:
        assert_readable(path)


def size_of(path: str) -> int:
    """Return the size of a dump in bytes; a directory's is that of all its files."""
    names = [os.path.join(path, name) for name in file_names(path)] if os.path.isdir(path) else [path]
    return sum(os.lstat(name).st_size for name in names)


def file_names(path: str) -> list[str]:
    """Return the names in a directory in the order of their bytes. Raises CloseoutError."""
    try:
        return sorted(os.listdir(path), key=os.fsencode)
    except OSError as error:
        raise CloseoutError(
            f"{path} cannot be read", wanted="a directory", found=error.strerror or str(error)
        ) from error


def _of_file(path: str, each: Callable[[int], None]) -> OnDisk:
    digest, size_bytes = hashlib.sha256(), 0
    for piece in pieces_of(path):
        digest.update(piece)
        size_bytes += len(piece)
        each(len(piece))
    return OnDisk(size_bytes, digest.hexdigest())
