# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the plain text of a dump's file, whether it lies there as it is, compressed, or in an
archive of pg_dump's custom format.

Offsets are those of the text, as the manifest has them. What is not plain can only be read forwards: whoever reads
parts of it does so in their order, and in one go. An archive is read by the pg_restore of a scratch server, and by no
other: it comes from who knows where.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Generator, Iterable, Iterator
from typing import Protocol

from ._compression import MAGIC_BYTES, NONE, compression_of, decompressed
from ._errors import CloseoutError, ProgramFailed
from ._files import open_regular, pieces_of
from ._program import whole_output
from ._server import Server

CUSTOM = "custom"
_ARCHIVE = b"PGDMP"


class DumpText(Protocol):
    """A text that is read forwards."""

    def read(self, size: int) -> bytes:
        """Return at most ``size`` bytes, b"" at the end only. Raises CloseoutError."""

    def skip_to(self, offset: int) -> None:
        """Go on at ``offset``, which has not been passed yet. Raises CloseoutError."""


class DumpFile:
    """A dump's file. ``scratch`` is the scratch server whose pg_restore reads it, if it is an archive."""

    def __init__(self, path: str, scratch: Server | None = None) -> None:
        self.path = path
        self._scratch = scratch

    def kind(self) -> str:
        """Return how its text lies in it: none (plain), gzip, zstd, lz4 or custom. Raises CloseoutError."""
        with open_regular(self.path) as file:
            beginning = file.read(max(MAGIC_BYTES, len(_ARCHIVE)))
        return CUSTOM if beginning.startswith(_ARCHIVE) else compression_of(beginning)

    def text(self, file: Iterable[bytes] | None = None) -> Generator[bytes, None, None]:
        """Yield its text in pieces; ``file`` are the file's own, where somebody wants to see them.

        Raises CloseoutError, also for a damaged file.
        """
        kind = self.kind()
        pieces = pieces_of(self.path) if file is None else file
        yield from self._unpacked(pieces) if kind == CUSTOM else decompressed(pieces, kind)

    @contextlib.contextmanager
    def open_text(self) -> Iterator[DumpText]:
        """Open its text. Raises CloseoutError."""
        if self.kind() == NONE:
            with open_regular(self.path) as file:
                yield _Plain(self.path, file)
        else:
            with contextlib.closing(self.text()) as pieces:
                yield _Stream(pieces)

    def _unpacked(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        if self._scratch is None:
            raise CloseoutError(
                f"{self.path} is an archive of pg_dump's custom format",
                wanted="a plain dump, compressed or not",
                found=CUSTOM,
                do="restore it with pg_scratch_restore: its scratch server can read it, and it writes the manifest",
            )
        program = self._scratch.start(["pg_restore", "--file=-"], pieces=pieces)
        code = yield from whole_output(program)
        if code != 0 or program.messages.strip():
            raise ProgramFailed(
                "An archive cannot be read by pg_restore of the scratch server",
                wanted="a whole archive, of that version or an earlier one",
                found=f"return code {code}: {program.messages.strip()[-300:]}",
                do="do not use this file as a backup, unless the scratch server is too old for it",
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
