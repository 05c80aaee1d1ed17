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
import time
from collections.abc import Iterable, Iterator
from typing import Any

from ._docker import ContainerFacts, Daemon
from ._errors import ProgramFailed
from ._program import RC_WAIT_S, STOP_S, Program, pauses

_HEADER = struct.Struct(">BxxxL")
_STDOUT, _STDERR = 1, 2
_NOT_FOUND_RCS = (126, 127)


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
            if self._ended(state):
                break
            if time.monotonic() > deadline:
                self.stop()
                raise ProgramFailed(f"{self.argv[0]} closed its output but does not end")
            time.sleep(pause)
        self._end_feeding()
        self._close()
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
        state = self._inspect()
        pid = int(state.get("Pid") or 0)
        if state["Running"] and pid > 0 and self._daemon.is_local:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        deadline = time.monotonic() + STOP_S
        # The daemon answers before it has started the program: such a one has neither a process nor a return code.
        for pause in pauses():
            if self._ended(self._inspect()) or time.monotonic() > deadline:
                break
            self.kill()
            time.sleep(pause)
        self._close()
        if self._feeder is not None:
            self._feeder.join(STOP_S)

    @staticmethod
    def _ended(state: dict[str, Any]) -> bool:
        return not state["Running"] and state["ExitCode"] is not None

    def _inspect(self) -> dict[str, Any]:
        return self._daemon.call(
            f"inspect {self.argv[0]} in container {self._container.name!r}",
            self._daemon.client.api.exec_inspect,
            self._exec_id,
        )

    def _close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._raw._response.close()

    def _write_input(self, piece: bytes) -> None:
        self._socket.sendall(piece)

    def _close_input(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)


def _inherited(container: ContainerFacts) -> set[str]:
    """Names of the variables that a program in the container would inherit, without those it needs to be found."""
    return set(container.environment) - {"PATH"} | {"HOME"}
