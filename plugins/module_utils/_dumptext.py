# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the plain text of a dump, whether it lies in a file as it is, compressed, or in an
archive of pg_dump's custom or directory format; a file of any of these may be encrypted.

Offsets are those of the text, as the manifest has them. What is not plain can only be read forwards: whoever reads
parts of it does so in their order, and in one go. An archive is read by the pg_restore of a scratch server: it may come
from who knows where. Only while it is made it is read by the pg_restore beside the pg_dump that makes it.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
from collections.abc import Generator, Iterable, Iterator
from typing import Protocol

from ._age import assert_identity_for, assert_size, decrypted, is_encrypted
from ._compression import MAGIC_BYTES, NONE, compression_of, decompressed
from ._errors import CloseoutError, ProgramFailed
from ._files import open_regular, pieces_of
from ._formats import CUSTOM, DIRECTORY
from ._program import Program, whole_output

UNPACK = ["pg_restore", "--file=-"]
_ARCHIVE = b"PGDMP"
_BEGINNING_BYTES = max(MAGIC_BYTES, len(_ARCHIVE))


class DumpText(Protocol):
    """A text that is read forwards."""

    def read(self, size: int) -> bytes:
        """Return at most ``size`` bytes, b"" at the end only. Raises CloseoutError."""

    def skip_to(self, offset: int) -> None:
        """Go on at ``offset``, which has not been passed yet. Raises CloseoutError."""


class Programs(Protocol):
    """Where a pg_restore can be started that may read the archive: a scratch server."""

    def start(self, argv: list[str], *, pieces: Iterable[bytes] | None = None, archive: str = "") -> Program:
        """Start it, with ``pieces`` as its input or the path of an ``archive`` as its last argument."""


class DumpFile:
    """A dump's file or directory. ``programs`` has the pg_restore that reads it, if it is an archive.

    If it is encrypted, ``identity_file`` opens it; ``run_id`` labels the program that does, and ``size_bytes`` is what
    was written, 0 where that is not known: it tells a file that was cut off from one that was changed.
    """

    def __init__(
        self,
        path: str,
        programs: Programs | None = None,
        *,
        identity_file: str = "",
        run_id: str = "",
        size_bytes: int = 0,
    ) -> None:
        self.path = path
        self._programs = programs
        self._identity_file = identity_file
        self._run_id = run_id
        self._size_bytes = size_bytes

    def is_encrypted(self) -> bool:
        """Tell whether it is encrypted. Raises CloseoutError."""
        return is_encrypted(self.path)

    def assert_openable(self) -> None:
        """Raise CloseoutError for an encrypted one that has no identity, or another size than it was written with.

        Whether the identity is the right one is not tried.
        """
        if self.is_encrypted():
            assert_identity_for(self.path, self._identity_file)
            if self._size_bytes:
                assert_size(self.path, self._size_bytes)

    def kind(self) -> str:
        """Return how its text lies in it: none (plain), gzip, zstd, lz4, custom or directory; of an encrypted one how
        it lies in what is decrypted. Raises CloseoutError, also where it cannot be decrypted.
        """
        if os.path.isdir(self.path):
            return DIRECTORY
        with contextlib.closing(self.clear()) as pieces:
            return _begun(pieces)[0]

    def text(self, file: Iterable[bytes] | None = None) -> Generator[bytes, None, None]:
        """Yield its text in pieces; ``file`` are the file's own, where somebody wants to see them: a directory has
        none.

        Raises CloseoutError, also for a damaged file.
        """
        if os.path.isdir(self.path):
            yield from unpacked(self._reader(DIRECTORY).start(UNPACK, archive=self.path))
            return
        with contextlib.closing(self.clear(file)) as clear:
            kind, pieces = _begun(clear)
            if kind == CUSTOM:
                yield from unpacked(self._reader(kind).start(UNPACK, pieces=pieces))
            else:
                yield from decompressed(pieces, kind)

    def clear(self, file: Iterable[bytes] | None = None) -> Generator[bytes, None, None]:
        """Yield the file's pieces, decrypted if it is encrypted; ``file`` are its own, as for :meth:`text`.

        Raises CloseoutError.
        """
        file = pieces_of(self.path) if file is None else file
        if self.is_encrypted():
            yield from decrypted(self.path, file, self._identity_file, self._run_id, self._size_bytes)
        else:
            yield from file

    @contextlib.contextmanager
    def open_text(self) -> Iterator[DumpText]:
        """Open its text. Raises CloseoutError."""
        if not self.is_encrypted() and self.kind() == NONE:
            with open_regular(self.path) as file:
                yield _Plain(self.path, file)
        else:
            with contextlib.closing(self.text()) as pieces:
                yield _Stream(pieces)

    def _reader(self, kind: str) -> Programs:
        if self._programs is None:
            raise CloseoutError(
                f"{self.path} is an archive of pg_dump's {kind} format",
                wanted="a plain dump, compressed or not",
                found=kind,
                do="restore it with pg_scratch_restore: its scratch server can read it, and it writes the manifest",
            )
        return self._programs


def _begun(pieces: Iterator[bytes]) -> tuple[str, Iterator[bytes]]:
    """Return how a text lies in a file by its first bytes, and all of its pieces."""
    beginning = b""
    for piece in pieces:
        beginning += piece
        if len(beginning) >= _BEGINNING_BYTES:
            break
    kind = CUSTOM if beginning.startswith(_ARCHIVE) else compression_of(beginning)
    return kind, itertools.chain([beginning] if beginning else [], pieces)


def unpacked(program: Program) -> Generator[bytes, None, None]:
    """Yield the text that a pg_restore prints which was started. Raises ProgramFailed unless its archive is whole."""
    code = yield from whole_output(program)
    if code != 0 or program.messages.strip():
        raise ProgramFailed(
            "An archive cannot be read by pg_restore",
            wanted="a whole archive, of that version or an earlier one",
            found=f"return code {code}: {program.messages.strip()[-300:]}",
            do="do not use it as a backup, unless this pg_restore is too old for it",
        )


class _Plain:
    def __init__(self, path: str, file: io.FileIO) -> None:
        self._path = path
        self._file = file

    def read(self, size: int) -> bytes:
        return self._file.read(size) or b""

    def skip_to(self, offset: int) -> None:
        if offset < self._file.tell():
            raise CloseoutError(f"{self._path} was read beyond {offset} bytes already")
        self._file.seek(offset)


class _Stream:
    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = memoryview(b"")
        self._offset = 0

    def read(self, size: int) -> bytes:
        while not self._held:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._held = memoryview(piece)
        part, self._held = self._held[:size], self._held[size:]
        self._offset += len(part)
        return bytes(part)

    def skip_to(self, offset: int) -> None:
        if offset < self._offset:
            raise CloseoutError(f"The dump's text was read beyond {offset} bytes already")
        while self._offset < offset and self.read(offset - self._offset):
            pass
