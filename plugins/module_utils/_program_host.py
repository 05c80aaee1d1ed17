# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a program that this host starts: its own child, in a process group of its own."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Sequence

from ._errors import ProgramFailed
from ._pid_namespace import started_in_one
from ._pipes import given
from ._program import CHUNK_BYTES, RC_WAIT_S, STOP_S, Program, pauses

HOST_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_F_SETPIPE_SZ = 1031  # fcntl has the name from Python 3.10 on
_PIPE_BYTES = 1 << 20
_WORTH_READING_BYTES = 1 << 18
# The pipe is full after this at 2 GB/s.
_GATHER_S = 0.0005


def _widened(descriptor: int) -> bool:
    """Make a pipe hold more, for fewer changes between the two processes; whether that was possible.

    The pages of all pipes of a user have a limit: pipe(7).
    """
    try:
        fcntl.fcntl(descriptor, _F_SETPIPE_SZ, _PIPE_BYTES)
    except OSError:
        return False
    return True


class HostProgram(Program):
    """A child of this process. ``argv`` is the program's own, ``before`` are the words that lead to it, such as nsenter
    and what follows it. ``environment`` may hold another PATH. The open ``descriptors`` are inherited, by number. With
    ``alone`` it has a PID namespace of its own, and nothing that it starts outlives it."""

    def __init__(
        self,
        argv: list[str],
        environment: dict[str, str],
        pieces: Iterable[bytes] | None = None,
        *,
        before: Sequence[str] = (),
        descriptors: Sequence[int] = (),
        alone: bool = False,
    ) -> None:
        super().__init__(argv, environment)

        def start() -> subprocess.Popen[bytes]:
            # What goes in and comes out is a stream; run_command gives and takes everything at once.
            return subprocess.Popen(  # pylint: disable=ansible-bad-function
                [*before, *argv],
                env={"PATH": HOST_PATH, "LC_ALL": "C", **environment},
                stdin=subprocess.DEVNULL if pieces is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd="/",
                start_new_session=True,
                umask=0o077,
                pass_fds=descriptors,
            )

        try:
            self._process = started_in_one(start) if alone else start()
        except OSError as error:
            raise ProgramFailed(
                f"{argv[0]} could not be started",
                wanted="a client program on this host",
                found=error.strerror or str(error),
                do="correct closeout_bin_dir, or install the PostgreSQL client programs",
            ) from error
        self._output, self._errors = given(self._process.stdout), given(self._process.stderr)
        self._has_wide_pipe = _widened(self._output.fileno())
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        if pieces is not None:
            self._start_feeding(pieces)

    def _listen(self) -> None:
        for piece in iter(lambda: os.read(self._errors.fileno(), 65536), b""):
            self._keep_message(piece)

    def output(self) -> Iterator[bytes]:
        descriptor = self._output.fileno()
        while True:
            piece = os.read(descriptor, CHUNK_BYTES)
            if not piece:
                return
            yield piece
            # Programs write 4 or 8 kB at a time. To be woken for each of them costs more than all the rest of reading.
            if self._has_wide_pipe and len(piece) < _WORTH_READING_BYTES:
                time.sleep(_GATHER_S)

    def finish(self) -> int:
        deadline = time.monotonic() + RC_WAIT_S
        for pause in pauses():
            if self._has_ended():
                break
            if time.monotonic() > deadline:
                self.stop()
                raise ProgramFailed(f"{self.argv[0]} closed its output but does not end")
            time.sleep(pause)
        self._end()
        self._end_feeding()
        self._close_pipes()
        return self._process.returncode

    def kill(self) -> None:
        # The leader of the group may have died before the others. As long as nobody has waited for it, its number is
        # nobody else's.
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def stop(self) -> None:
        self._end()
        if self._feeder is not None:
            self._feeder.join(STOP_S)
        self._close_pipes()

    def _has_ended(self) -> bool:
        """Whether the leader of the group has ended; it is not waited for yet."""
        if self._process.returncode is not None:
            return True
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _end(self) -> None:
        """Let nothing of the group go on, and hear the last messages."""
        self.kill()
        self._process.wait(STOP_S)
        self._listener.join(STOP_S)

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._output, self._errors):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _write_input(self, piece: bytes) -> None:
        pipe = given(self._process.stdin)
        pipe.write(piece)
        # Who gives the pieces may wait for what the program makes of them.
        pipe.flush()

    def _close_input(self) -> None:
        given(self._process.stdin).close()
