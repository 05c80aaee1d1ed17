# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: one psql that executes a dump's text part by part, and says when it is done with each.

It says so by a statement of ours behind each part: its answer is a random word, printed to standard output.
"""

from __future__ import annotations

import queue
import secrets
from collections.abc import Iterator

from ._program import Program
from ._psql import psql_arguments
from ._server import Server

_PIECE_BYTES = 1 << 20
# A newline first: the part may end within a line.
_MARK = "\nSELECT 'closeout {}';\n"


class PsqlEnded(Exception):
    """psql ended before it was through with a part: its messages tell why."""


class PsqlText:
    """A psql that waits for text. :meth:`finish` or :meth:`stop` ends it."""

    def __init__(self, server: Server, db: str, *, options: str, guard: str) -> None:
        """Start it; ``guard`` is a statement that comes before anything else."""
        self._pieces: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        argv = [*psql_arguments(server, db, output=""), "--command", guard, "--file", "-"]
        self._program: Program = server.start(argv, options=options, pieces=iter(self._pieces.get, None))
        self._output: Iterator[bytes] = self._program.output()
        self._read = b""

    @property
    def messages(self) -> str:
        """What psql said."""
        return self._program.messages

    def execute(self, text: bytes | bytearray) -> None:
        """Execute whole statements; come back when they are done. Raises PsqlEnded."""
        word = secrets.token_hex(16)
        for start in range(0, len(text), _PIECE_BYTES):
            self._pieces.put(bytes(text[start : start + _PIECE_BYTES]))
        self._pieces.put(_MARK.format(word).encode("ascii"))
        wanted = f"closeout {word}\n".encode("ascii")
        for piece in self._output:
            self._read += piece
            if wanted in self._read:
                self._read = b""
                return
            # What the dump's own statements return is of no interest.
            self._read = self._read[-len(wanted) :]
        raise PsqlEnded

    def finish(self) -> int:
        """There is no more text: return psql's return code when it has ended. Raises ProgramFailed."""
        self._pieces.put(None)
        for _piece in self._output:
            pass
        return self._program.finish()

    def kill(self) -> None:
        """End psql, and wait for nothing: who reads from it comes back."""
        self._pieces.put(None)
        self._program.kill()

    def stop(self) -> None:
        """End psql and see it gone; nobody may be in :meth:`execute` any more."""
        self._pieces.put(None)
        self._program.stop()
