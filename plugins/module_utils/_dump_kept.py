# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: how pg_dump's output is kept, format by format: written, hashed, and its text scanned.

An archive's text is what the pg_restore beside that pg_dump makes of it: of the format custom while it passes by, of a
directory, which pg_dump writes itself, as soon as it is there. That pg_restore prints and executes nothing.
"""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from ._age import encryptor
from ._compression import NONE, Compressor
from ._dumpdigest import OnDisk, read_dump
from ._dumptext import UNPACK, unpacked
from ._errors import CloseoutError
from ._files import PARTIAL, NewFile, Written, fsync_directory, hold, new_file
from ._filter_program import FilterProgram
from ._formats import CUSTOM, DIRECTORY, PLAIN, Format
from ._program import Program
from ._scanner import Scanner
from ._transport import Transport

_PIECES_AHEAD = 4
_LOOK_S = 0.1


class Kept(ABC):
    """A dump that is being kept. Give it pg_dump's output by :meth:`take`; then :meth:`finish` and :meth:`complete`, or
    :meth:`stop` at any time. ``partial`` is its path until it is complete, ``text_bytes`` the length of its text,
    ``clear_bytes`` the length of what was encrypted, None where nothing is."""

    partial: str
    text_bytes = 0

    @property
    def clear_bytes(self) -> int | None:
        """See above."""
        return None

    @abstractmethod
    def take(self, piece: bytes) -> None:
        """Take the next piece of pg_dump's output. Raises CloseoutError."""

    @abstractmethod
    def finish(self) -> OnDisk:
        """pg_dump has ended well: return size and digest of what is kept, all of which has been scanned now.

        Raises CloseoutError.
        """

    @abstractmethod
    def complete(self) -> None:
        """Bring it to the disk and give it its name. Raises CloseoutError."""

    @abstractmethod
    def stop(self) -> None:
        """End at once what goes on for it."""

    def arguments(self) -> list[str]:
        """Return what pg_dump has to be told besides the format."""
        return []


@contextlib.contextmanager
def keeping(
    path: str, wanted: Format, scanner: Scanner, transport: Transport, recipients: Sequence[str] = ()
) -> Iterator[Kept]:
    """Give the way to keep a dump as ``path``; whatever leaves the block without ``complete()`` leaves nothing of it.

    ``scanner`` gets its text. With ``recipients`` it is encrypted to them before it comes to the disk; a directory
    cannot be. Raises CloseoutError.
    """
    with contextlib.ExitStack() as opened:
        kept: Kept
        if wanted.name == DIRECTORY:
            if recipients:
                raise ValueError("a directory cannot be encrypted")
            kept = _Directory(path, scanner, transport)
            opened.callback(kept.discard)
        else:
            file = opened.enter_context(new_file(path))
            way = _Way(file, wanted, recipients, transport.server.address.run_id)
            opened.callback(way.stop)
            kept = _Custom(way, scanner, transport) if wanted.name == CUSTOM else _Plain(way, scanner)
        opened.callback(kept.stop)
        yield kept


class _Way:
    """The way of a stream into its file: by a compressor, where a plain dump is to be compressed, and by an encryptor,
    if there are ``recipients``.
    """

    def __init__(self, file: NewFile, wanted: Format, recipients: Sequence[str], run_id: str) -> None:
        self.file = file
        self._written = Written(file)
        self._programs: list[FilterProgram] = []
        self._encryptor: FilterProgram | None = None
        self.take = self._written.take
        # From its end to its beginning: each hands on to the one before it in this list.
        if recipients:
            self._encryptor = self._begin_with(encryptor(recipients, self.take, run_id))
        if wanted.name == PLAIN and wanted.compression != NONE:
            try:
                self._begin_with(Compressor(wanted.compression, wanted.level, self.take, run_id))
            except BaseException:
                self.stop()
                raise

    def _begin_with(self, program: FilterProgram) -> FilterProgram:
        self._programs.append(program)
        self.take = program.take
        return program

    @property
    def clear_bytes(self) -> int | None:
        """How much was encrypted so far, None where nothing is."""
        return None if self._encryptor is None else self._encryptor.taken_bytes

    def finish(self) -> OnDisk:
        """The stream has ended. Raises CloseoutError."""
        for program in reversed(self._programs):
            program.finish()
        return OnDisk(self._written.size_bytes, self._written.sha256)

    def stop(self) -> None:
        """End the programs at once."""
        for program in self._programs:
            program.stop()


class _Plain(Kept):
    """The text itself, scanned before it may be compressed or encrypted."""

    def __init__(self, way: _Way, scanner: Scanner) -> None:
        self.partial = way.file.partial
        self._way, self._scanner = way, scanner

    @property
    def clear_bytes(self) -> int | None:
        return self._way.clear_bytes

    def take(self, piece: bytes) -> None:
        self._way.take(piece)
        self._scanner.feed(piece)
        self.text_bytes += len(piece)

    def finish(self) -> OnDisk:
        self._scanner.finish()
        return self._way.finish()

    def complete(self) -> None:
        self._way.file.complete()

    def stop(self) -> None:
        self._way.stop()


class _Custom(Kept):
    """An archive that comes as a stream, and passes through pg_restore at the same time, before it may be encrypted."""

    def __init__(self, way: _Way, scanner: Scanner, transport: Transport) -> None:
        self.partial = way.file.partial
        self._way, self._scanner = way, scanner
        self._ahead: queue.Queue[bytes | None] = queue.Queue(_PIECES_AHEAD)
        self._program = transport.start(UNPACK, pieces=iter(self._ahead.get, None))
        self._pool = ThreadPoolExecutor(1)
        self._scanning = self._pool.submit(self._scan, self._program)

    def _scan(self, program: Program) -> None:
        for piece in unpacked(program):
            self._scanner.feed(piece)
            self.text_bytes += len(piece)

    @property
    def clear_bytes(self) -> int | None:
        return self._way.clear_bytes

    def take(self, piece: bytes) -> None:
        self._way.take(piece)
        self._hand_on(piece)

    def _hand_on(self, piece: bytes | None) -> None:
        while not self._scanning.done():
            with contextlib.suppress(queue.Full):
                self._ahead.put(piece, timeout=_LOOK_S)
                return
        # It has read all that it needs, or has failed.
        self._scanning.result()

    def finish(self) -> OnDisk:
        self._hand_on(None)
        self._scanning.result()
        self._scanner.finish()
        return self._way.finish()

    def complete(self) -> None:
        self._way.file.complete()

    def stop(self) -> None:
        self._way.stop()
        # Who waits for the next piece is told that there is none.
        while not self._scanning.done():
            self._program.abandon()
            with contextlib.suppress(queue.Empty):
                self._ahead.get_nowait()
            with contextlib.suppress(queue.Full):
                self._ahead.put(None, timeout=_LOOK_S)
        self._pool.shutdown()


class _Directory(Kept):
    """An archive that pg_dump writes itself."""

    def __init__(self, path: str, scanner: Scanner, transport: Transport) -> None:
        self._path, self._scanner, self._transport = path, scanner, transport
        self.partial = path + PARTIAL
        if os.path.lexists(path):
            raise CloseoutError(
                f"{path} exists already", wanted="a new directory", do="nothing was overwritten; move it away"
            )
        try:
            os.mkdir(self.partial, 0o700)
            self._descriptor = os.open(self.partial, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            hold(self._descriptor)
        except OSError as error:
            raise _cannot_write(self.partial, error) from error

    def arguments(self) -> list[str]:
        return ["--file", self.partial]

    def take(self, piece: bytes) -> None:
        """There is none."""

    def finish(self) -> OnDisk:
        for piece in unpacked(self._transport.start(UNPACK, archive=self.partial)):
            self._scanner.feed(piece)
            self.text_bytes += len(piece)
        self._scanner.finish()
        return read_dump(self.partial)

    def complete(self) -> None:
        # pg_dump has brought its files to the disk itself.
        try:
            os.rename(self.partial, self._path)
            fsync_directory(os.path.dirname(self._path))
        except OSError as error:
            raise _cannot_write(self._path, error) from error

    def stop(self) -> None:
        """Nothing goes on here."""

    def discard(self) -> None:
        """Remove what is still partial, and let go of it."""
        if os.path.isdir(self.partial):
            shutil.rmtree(self.partial)
        os.close(self._descriptor)


def _cannot_write(path: str, error: OSError) -> CloseoutError:
    return CloseoutError(
        f"{path} cannot be written",
        wanted="a complete directory",
        found=error.strerror or str(error),
        do="make room or correct closeout_root; nothing half-written was left under a final name",
    )
