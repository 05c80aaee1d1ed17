# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a program in a container, by ``docker exec``: inside all of its limits."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

from ._docker import ContainerFacts, Daemon, reason_of
from ._errors import CloseoutError, ProgramFailed
from ._first_process import why_spared
from ._labels import RUN_LABEL
from ._program import CHUNK_BYTES, RC_WAIT_S, STOP_S, Program, pauses

_HEADER = struct.Struct(">BxxxL")
_STDOUT, _STDERR = 1, 2
_NOT_FOUND_RCS = (126, 127)
_KILLED_RC = 128 + signal.SIGKILL
# A program that ends with its container ends a moment before it.
_CONTAINER_S = 2


class ContainerProgram(Program):
    """A program inside a container, by ``docker exec``; as ``user`` (``id:group`` there), "" for the container's own.

    Source: Docker Engine API, ContainerAttach, Stream format.
    """

    def __init__(
        self,
        daemon: Daemon,
        container: ContainerFacts,
        argv: list[str],
        environment: dict[str, str],
        pieces: Iterable[bytes] | None = None,
        *,
        user: str = "",
    ) -> None:
        super().__init__(argv, environment)
        self._daemon = daemon
        self._container = container
        self._taker: threading.Thread | None = None
        unset = [part for name in sorted(_inherited(container) - set(environment)) for part in ("-u", name)]
        self._exec_id = daemon.call(
            f"start {argv[0]} in container {container.name!r}",
            daemon.client.api.exec_create,
            container.id,
            ["env", *unset, *argv],
            stdin=pieces is not None,
            user=user,
            environment={"LC_ALL": "C", **environment},
        )["Id"]
        raw: Any = daemon.call(
            f"start {argv[0]} in container {container.name!r}",
            daemon.client.api.exec_start,
            self._exec_id,
            socket=True,
        )
        # The SDK reads the answer's header through a buffer and then hands out the socket below it: whatever came
        # together with the header would be lost. So read through that same buffer.
        self._raw = raw
        self._socket: socket.socket = getattr(raw, "_sock", raw)
        self._socket.settimeout(None)
        self._reader = raw._response.raw._fp.fp
        if pieces is not None:
            self._start_feeding(pieces)

    def output(self) -> Iterator[bytes]:
        while True:
            header = self._read(_HEADER.size)
            if not header:
                return
            stream, size = _HEADER.unpack(header)
            piece = self._read(size)
            if len(piece) != size:
                raise ProgramFailed(f"The output of {self.argv[0]} was cut off by the Docker daemon")
            if stream == _STDOUT:
                yield piece
            elif stream == _STDERR:
                self._keep_message(piece)

    def _read(self, size: int) -> bytes:
        piece = self._reader.read(size)
        if piece and len(piece) < size and size == _HEADER.size:
            raise ProgramFailed(f"The output of {self.argv[0]} was cut off by the Docker daemon")
        return bytes(piece or b"")

    def finish(self) -> int:
        deadline = time.monotonic() + RC_WAIT_S
        for pause in pauses():
            state = self._inspect()
            if state is None or self._ended(state):
                break
            if time.monotonic() > deadline:
                self.stop()
                raise ProgramFailed(f"{self.argv[0]} closed its output but does not end")
            time.sleep(pause)
        # Nobody reads its input any more, and who still writes it must not wait for that.
        self._hang_up()
        self._end_feeding()
        self._close()
        if state is None or (int(state["ExitCode"]) == _KILLED_RC and self._container_ended()):
            raise ProgramFailed(
                f"{self.argv[0]} went with its container {self._container.name!r}",
                wanted="a container that runs as long as its programs",
                found="it was stopped or removed meanwhile",
                do="find out who or what did that, and run the closeout again",
            )
        code = int(state["ExitCode"])
        if code in _NOT_FOUND_RCS:
            raise ProgramFailed(
                f"{self.argv[0]} could not be started in container {self._container.name!r}",
                wanted="the client programs of PostgreSQL, and env, on the container's PATH",
                found=self.messages.strip() or f"return code {code}",
            )
        return code

    def kill(self) -> None:
        # Closing the connection would leave the program running: it is a child of the daemon.
        state = self._inspect() or {"Running": False}
        pid = int(state.get("Pid") or 0)
        if state["Running"] and pid > 0 and self._daemon.is_local and not self._is_spared(pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)

    def abandon(self) -> None:
        # Where the daemon does not answer, whoever reads the output is told so; but it must not wait for ever.
        with contextlib.suppress(CloseoutError):
            self.kill()
        self._hang_up()

    def _is_spared(self, pid: int) -> bool:
        """Whether production's server would suffer by the program's end; a scratch server may."""
        return RUN_LABEL not in self._container.labels and bool(why_spared(pid))

    def stop(self) -> None:
        deadline = time.monotonic() + STOP_S
        try:
            # The daemon answers before it has started the program: such a one has neither a process nor a return code.
            for pause in pauses():
                state = self._inspect()
                if state is None or self._ended(state) or time.monotonic() > deadline:
                    break
                self.kill()
                if self._taker is None:
                    # One that is spared ends with its session, but not before somebody took what it is about to write.
                    self._taker = threading.Thread(target=self._pass_over, daemon=True)
                    self._taker.start()
                time.sleep(pause)
        finally:
            self._close()
        if self._feeder is not None:
            self._feeder.join(STOP_S)

    def _pass_over(self) -> None:
        """Read the rest of the output, for nobody."""
        with contextlib.suppress(OSError, ValueError):
            while self._reader.read(CHUNK_BYTES):
                pass

    def _container_ended(self) -> bool:
        """Whether the container has ended, or is about to."""
        try:
            self._daemon.client.api.wait(self._container.id, timeout=_CONTAINER_S, condition="not-running")
        except self._daemon.not_found:
            return True
        except self._daemon.refusals:
            return False
        return True

    @staticmethod
    def _ended(state: dict[str, Any]) -> bool:
        return not state["Running"] and state["ExitCode"] is not None

    def _inspect(self) -> dict[str, Any] | None:
        """Return the program's state, None where the container is gone, and the program with it."""
        try:
            return dict(self._daemon.client.api.exec_inspect(self._exec_id))
        except self._daemon.not_found:
            return None
        except self._daemon.refusals as error:
            raise CloseoutError(
                f"Docker could not inspect {self.argv[0]} in container {self._container.name!r}",
                found=reason_of(error),
            ) from error

    def _hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _close(self) -> None:
        self._hang_up()
        self._raw._response.close()

    def _write_input(self, piece: bytes) -> None:
        self._socket.sendall(piece)

    def _close_input(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)


def _inherited(container: ContainerFacts) -> set[str]:
    """Names of the variables that a program in the container would inherit, without those it needs to be found."""
    return set(container.environment) - {"PATH"} | {"HOME"}
