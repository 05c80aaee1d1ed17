# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a program of this host that a stream passes through on its way into a file: it
compresses, or it encrypts.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from ._errors import ProgramFailed
from ._labels import RUN_VARIABLE
from ._pipes import given
from ._program import CHUNK_BYTES, RC_WAIT_S, STOP_S
from ._program_host import HOST_PATH


class FilterProgram:
    """Takes a stream and gives what the program makes of it to ``taker``, which is called in a thread of its own.

    Call :meth:`finish` at the end, or :meth:`stop` at any time. What the taker raises is raised by the next call, and
    so is a CloseoutError where the program fails. ``taken_bytes`` is how much came in so far. ``run_id`` is the
    program's label: by it the reaper knows one whose module was killed.
    """

    def __init__(self, argv: list[str], taker: Callable[[bytes], object], run_id: str = "") -> None:
        self.taken_bytes = 0
        self._name = os.path.basename(argv[0])
        try:
            # A stream comes in and another goes out; run_command gives and takes everything at once.
            self._process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                argv,
                env={"PATH": HOST_PATH, "LC_ALL": "C", RUN_VARIABLE: run_id},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise ProgramFailed(f"{argv[0]} could not be started", found=error.strerror or str(error)) from error
        self._input, self._errors = given(self._process.stdin), given(self._process.stderr)
        self._pool = ThreadPoolExecutor(1)
        self._taking = self._pool.submit(self._take_all, taker)

    def _take_all(self, taker: Callable[[bytes], object]) -> None:
        # Closed whatever happens: the program ends by that, and so does the wait of who writes to it.
        with given(self._process.stdout) as made:
            for piece in iter(lambda: os.read(made.fileno(), CHUNK_BYTES), b""):
                taker(piece)

    def take(self, piece: bytes) -> None:
        """Give the program the next piece; wait where it is behind."""
        try:
            self._input.write(piece)
        except BrokenPipeError:
            self._refuse_ended()
        self.taken_bytes += len(piece)

    def finish(self) -> None:
        """The stream has ended: wait until all that the program makes of it was taken."""
        try:
            self._input.close()
        except BrokenPipeError:
            self._refuse_ended()
        self._finish()

    def _refuse_ended(self) -> None:
        self._finish()
        raise ProgramFailed(f"{self._name} failed", wanted="all of its input read", found="an end before that")

    def _finish(self) -> None:
        self._taking.result()
        try:
            code = self._process.wait(RC_WAIT_S)
        except subprocess.TimeoutExpired as error:
            raise ProgramFailed(f"{self._name} closed its output but does not end") from error
        said = self._errors.read().decode("utf-8", "replace").strip()
        if code != 0:
            raise ProgramFailed(f"{self._name} failed", wanted="return code 0", found=_ended(code, said))

    def stop(self) -> None:
        """End the program at once; nothing happens when it has ended. Of several that follow each other the last one
        is to be stopped first: then nobody waits for it any more.
        """
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(STOP_S)
        self._pool.shutdown()
        for pipe in (self._input, self._errors):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def _ended(code: int, said: str) -> str:
    if code >= 0:
        return f"return code {code}: {said}"
    return f"killed by signal {-code}" + (", as by the kernel where memory is short" if -code == signal.SIGKILL else "")
