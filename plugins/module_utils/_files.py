# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: private files that are either whole or not there."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import os
import stat
from collections.abc import Iterable, Iterator

from ._errors import CloseoutError

PARTIAL = ".partial"
_READ_BYTES = 1 << 20
# A pipe of that name must not make us wait for a writer.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class NewFile:
    """A file that gets its name only when it is complete: written as ``<path>.partial`` with mode 0600, then fsynced
    and renamed. Left without :meth:`complete`, the partial file is removed. ``partial`` is its path until then."""

    def __init__(self, path: str, *, replace: bool = False) -> None:
        self.path = path
        self.partial = path + PARTIAL
        if os.path.lexists(path) and not replace:
            raise CloseoutError(
                f"{path} exists already", wanted="a new file", do="nothing was overwritten; move it away"
            )
        try:
            descriptor = os.open(
                self.partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise _cannot_write(self.partial, error) from error
        hold(descriptor)
        self._file = os.fdopen(descriptor, "wb", buffering=0)

    def write(self, piece: bytes) -> None:
        """Append all of ``piece``. Raises CloseoutError, for a full disk above all."""
        view = memoryview(piece)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise _cannot_write(self.partial, error) from error

    def complete(self) -> None:
        """Bring the file to the disk and give it its name."""
        try:
            os.fsync(self._file.fileno())
            os.rename(self.partial, self.path)
            self._file.close()
            fsync_directory(os.path.dirname(self.path))
        except OSError as error:
            raise _cannot_write(self.path, error) from error

    def discard(self) -> None:
        """Remove the partial file, if it is still there; close what is open."""
        self._file.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.partial)


def hold(descriptor: int) -> None:
    """Show, until it is closed, that somebody writes what ``descriptor`` is open for; a file system without locks
    cannot show it.
    """
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Written:
    """A stream on its way into a file: how many bytes it has so far, and their sha256."""

    def __init__(self, file: NewFile) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size_bytes = 0

    def take(self, piece: bytes) -> None:
        """Write and hash the next piece. Raises CloseoutError."""
        self._file.write(piece)
        self._digest.update(piece)
        self.size_bytes += len(piece)

    def finish(self) -> None:
        """Nothing is held back here."""

    def stop(self) -> None:
        """Nothing goes on here."""

    @property
    def sha256(self) -> str:
        """The digest of what was written."""
        return self._digest.hexdigest()


@contextlib.contextmanager
def new_file(path: str, *, replace: bool = False) -> Iterator[NewFile]:
    """Give a :class:`NewFile`; whatever leaves the block without ``complete()`` leaves no file.

    ``replace`` allows a file of that name to exist; it stays until the new one is complete.
    """
    file = NewFile(path, replace=replace)
    try:
        yield file
    finally:
        file.discard()


def write_whole(path: str, content: bytes, *, replace: bool = False) -> None:
    """Write a small file at once, atomically, mode 0600. ``replace`` allows one that exists."""
    with new_file(path, replace=replace) as file:
        file.write(content)
        file.complete()


def write_pieces(path: str, pieces: Iterable[bytes], *, replace: bool = False) -> str:
    """Write a file piece by piece, atomically, mode 0600; return its sha256. ``replace`` allows one that exists."""
    with new_file(path, replace=replace) as file:
        written = Written(file)
        for piece in pieces:
            written.take(piece)
        file.complete()
    return written.sha256


def fsync_directory(path: str) -> None:
    """Bring the names in a directory to the disk."""
    descriptor = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def open_regular(path: str) -> Iterator[io.FileIO]:
    """Open a regular file for reading; an error of reading within the block too becomes a CloseoutError."""
    try:
        with io.FileIO(os.open(path, _READ)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError("not a regular file")
            yield file
    except OSError as error:
        raise _cannot_read(path, error) from error


def read_whole(path: str, limit_bytes: int = 64 << 20) -> bytes:
    """Return the content of a regular file of at most ``limit_bytes``. Raises CloseoutError."""
    with open_regular(path) as file:
        content = b"".join(iter(lambda: file.read(_READ_BYTES), b"")) if _size(file) <= limit_bytes else None
    if content is None or len(content) > limit_bytes:
        raise CloseoutError(f"{path} is too large to be what it should be", wanted=f"at most {limit_bytes} bytes")
    return content


def pieces_of(path: str) -> Iterator[bytes]:
    """Yield the content of a file in pieces; the file is opened once. Raises CloseoutError."""
    with open_regular(path) as file:
        yield from iter(lambda: file.read(_READ_BYTES), b"")


def assert_readable(path: str) -> None:
    """Raise CloseoutError unless ``path`` is a regular file that can be read."""
    with open_regular(path):
        pass


def assert_private(path: str, what: str, *, wanted: str, setting: str) -> None:
    """Raise CloseoutError unless ``path`` is a regular file that we can read and that is nobody else's to read.

    The message calls it ``what``, says what was ``wanted``, and which ``setting`` to correct.
    """
    try:
        # Neither waits for the writer of a pipe.
        status = os.stat(path)
        os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK))
    except OSError as error:
        raise CloseoutError(
            f"The {what} {path} cannot be read",
            wanted=f"{wanted} that the user who runs the task can read",
            found=error.strerror or str(error),
            do=f"correct {setting}, or the owner of that file",
        ) from error
    if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
        raise CloseoutError(
            f"The {what} {path} is not private",
            wanted="a regular file with mode 0600 or less",
            found=stat.filemode(status.st_mode),
            do=f"chmod 0600 {path}",
        )


def sha256_of(path: str) -> str:
    """Return the sha256 of a file, read whole."""
    digest = hashlib.sha256()
    for piece in pieces_of(path):
        digest.update(piece)
    return digest.hexdigest()


def pieces_with_digest(path: str, wanted: str) -> Iterator[bytes]:
    """Yield a file's content. Raises CloseoutError before it and after it, unless it has the digest that is wanted."""
    _refuse_other(path, sha256_of(path), wanted)
    digest = hashlib.sha256()
    for piece in pieces_of(path):
        digest.update(piece)
        yield piece
    _refuse_other(path, digest.hexdigest(), wanted)


def _refuse_other(path: str, found: str, wanted: str) -> None:
    if found != wanted:
        raise CloseoutError(
            f"{path} is not what was written with the dump",
            wanted=wanted or "its sha256",
            found=found,
            do="find out who changed it",
        )


def _size(file: io.FileIO) -> int:
    return os.fstat(file.fileno()).st_size


def _cannot_write(path: str, error: OSError) -> CloseoutError:
    return CloseoutError(
        f"{path} cannot be written",
        wanted="a complete file",
        found=error.strerror or str(error),
        do="make room or correct closeout_root; nothing half-written was left under a final name",
    )


def _cannot_read(path: str, error: OSError) -> CloseoutError:
    return CloseoutError(f"{path} cannot be read", wanted="a regular file", found=error.strerror or str(error))
