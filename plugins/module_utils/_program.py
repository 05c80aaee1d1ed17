# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a client program (pg_dump, psql) that was started for a server.

Wherever it runs, it is the same :class:`Program`: its output as a stream, its messages kept within a bound, its input
fed from an iterator, its return code, and a way to stop it. The environment of a program is built from nothing: an
image's ENV, or root's, can carry PGOPTIONS.
"""

from __future__ import annotations

import contextlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Mapping

from ._errors import CloseoutError, ProgramFailed

PASSWORD = "PGPASSWORD"  # noqa: S105 - the variable's name
CHUNK_BYTES = 1 << 20
MAX_MESSAGE_BYTES = 8 << 20
STOP_S = 10.0
"""How long a program that was killed may take to be gone."""
RC_WAIT_S = 30.0
"""How long a program that has closed its output may take to end."""
_RUN_S = 60.0
_PAUSE_S = 0.02


class Program(ABC):
    """A started program. Read :meth:`output` to its end, then call :meth:`finish`; or :meth:`stop` at any time."""

    def __init__(self, argv: list[str], environment: Mapping[str, str]) -> None:
        self.argv = argv
        self._password = environment.get(PASSWORD, "")
        self.fed_all = False
        self._messages = bytearray()
        self._messages_lost = 0
        self._feeder: threading.Thread | None = None
        self._feed_error: Exception | None = None

    @abstractmethod
    def output(self) -> Iterator[bytes]:
        """Yield standard output in pieces until the program closes it."""

    @abstractmethod
    def finish(self) -> int:
        """Return the return code of a program whose output has been read; raises ProgramFailed if it goes on."""

    @abstractmethod
    def kill(self) -> None:
        """Send the program its end, wherever it runs, and wait for nothing: :meth:`output` ends by it. One that must be
        spared (_first_process.py) goes on; what it does on a server has to be ended there."""

    def abandon(self) -> None:
        """Kill the program, and hear no more of it: :meth:`output` ends also where it must be spared."""
        self.kill()

    @abstractmethod
    def stop(self) -> None:
        """End the program at once, wherever it runs, and see it gone; nothing happens when it has ended."""

    @abstractmethod
    def _write_input(self, piece: bytes) -> None:
        """Write a piece of standard input."""

    @abstractmethod
    def _close_input(self) -> None:
        """Tell the program that its input has ended."""

    @property
    def messages(self) -> str:
        """What it wrote to standard error, without the password that it was given; where that was more than 8 MiB, a
        last line says how much is missing."""
        text = self._messages.decode("utf-8", "replace")
        if self._password:
            text = text.replace(self._password, "***")
        return text + f"\n[{self._messages_lost} bytes more]" if self._messages_lost else text

    def _keep_message(self, piece: bytes) -> None:
        room = MAX_MESSAGE_BYTES - len(self._messages)
        self._messages += piece[:room]
        self._messages_lost += max(0, len(piece) - room)

    def _start_feeding(self, pieces: Iterable[bytes]) -> None:
        self._feeder = threading.Thread(target=self._feed, args=(pieces,), daemon=True)
        self._feeder.start()

    def _feed(self, pieces: Iterable[bytes]) -> None:
        """Give the program its input. A program that ends early is no error here: its return code tells."""
        try:
            for piece in pieces:
                self._write_input(piece)
            self.fed_all = True
        except (BrokenPipeError, ConnectionResetError):
            pass
        except (OSError, ValueError, CloseoutError) as error:
            self._feed_error = error
        finally:
            with contextlib.suppress(OSError):
                self._close_input()

    def _end_feeding(self) -> None:
        if self._feeder is not None:
            self._feeder.join(STOP_S)
            if self._feeder.is_alive():
                raise ProgramFailed(f"{self.argv[0]} ended, but its input is still being read")
        if isinstance(self._feed_error, CloseoutError):
            raise self._feed_error
        if self._feed_error is not None:
            raise ProgramFailed(f"The input of {self.argv[0]} could not be read", found=str(self._feed_error))


def pauses() -> Iterator[float]:
    """Yield seconds to wait between looks at what should come about at once: first a moment, later a little longer."""
    pause = _PAUSE_S / 16
    while True:
        yield pause
        pause = min(2 * pause, _PAUSE_S)


def whole_output(program: Program) -> Generator[bytes, None, int]:
    """Yield a program's output to its end and return its return code; it is stopped where that does not come about."""
    try:
        yield from program.output()
        return program.finish()
    except BaseException:
        program.stop()
        raise


def run(program: Program) -> tuple[int, str]:
    """Read a short program to its end; return its return code and its standard output as text.

    One that takes longer than a minute is abandoned.
    """
    too_late = threading.Timer(_RUN_S, program.abandon)
    too_late.daemon = True
    too_late.start()
    try:
        text = b"".join(program.output()).decode("utf-8", "replace")
        return program.finish(), text
    except BaseException:
        program.stop()
        raise
    finally:
        too_late.cancel()
