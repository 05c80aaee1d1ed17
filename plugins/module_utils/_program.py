# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a client program (pg_dump, psql), started for a server. The one place that starts one.

Two ways: on this host, or by ``docker exec`` in the server's container. Both give the same :class:`Program`: its output
as a stream, its messages kept within a bound, its input fed from an iterator, its return code, and a way to stop it.
The environment of a program is built from nothing: an image's ENV, or root's, can carry PGOPTIONS.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

from ._docker import ContainerFacts, Daemon
from ._errors import CloseoutError, ProgramFailed

CHUNK_BYTES = 1 << 20
MAX_MESSAGE_BYTES = 8 << 20
_STOP_S = 10.0
_RC_WAIT_S = 30.0
_HEADER = struct.Struct(">BxxxL")
_STDOUT, _STDERR = 1, 2
_NOT_FOUND_RCS = (126, 127)


class Program(ABC):
    """A started program. Read :meth:`output` to its end, then call :meth:`finish`; or :meth:`stop` at any time."""

    def __init__(self, argv: list[str]) -> None:
        self.argv = argv
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
    def stop(self) -> None:
        """End the program at once, wherever it runs; nothing happens when it has ended."""

    @abstractmethod
    def _write_input(self, piece: bytes) -> None:
        """Write a piece of standard input."""

    @abstractmethod
    def _close_input(self) -> None:
        """Tell the program that its input has ended."""

    @property
    def messages(self) -> str:
        """What it wrote to standard error; where that was more than 8 MiB, a last line says how much is missing."""
        text = self._messages.decode("utf-8", "replace")
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
            self._feeder.join(_STOP_S)
            if self._feeder.is_alive():
                raise ProgramFailed(f"{self.argv[0]} ended, but its input is still being read")
        if self._feed_error is not None:
            raise ProgramFailed(f"The input of {self.argv[0]} could not be read", found=str(self._feed_error))


class HostProgram(Program):
    """A program of this host, in a process group of its own."""

    def __init__(
        self,
        argv: list[str],
        environment: dict[str, str],
        pieces: Iterable[bytes] | None = None,
    ) -> None:
        super().__init__(argv)
        try:
            self._process = subprocess.Popen(
                argv,
                env={
                    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                    "LC_ALL": "C",
                    **environment,
                },
                stdin=subprocess.DEVNULL if pieces is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise ProgramFailed(
                f"{argv[0]} could not be started",
                wanted="a client program on this host",
                found=error.strerror or str(error),
                do="correct closeout_bin_dir, or install the PostgreSQL client programs",
            ) from error
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        if pieces is not None:
            self._start_feeding(pieces)

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for piece in iter(lambda: os.read(self._process.stderr.fileno(), 65536), b""):  # type: ignore[union-attr]
            self._keep_message(piece)

    def output(self) -> Iterator[bytes]:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        yield from iter(lambda: os.read(descriptor, CHUNK_BYTES), b"")

    def finish(self) -> int:
        try:
            code = self._process.wait(_RC_WAIT_S)
        except subprocess.TimeoutExpired as error:
            self.stop()
            raise ProgramFailed(f"{self.argv[0]} closed its output but does not end") from error
        self._listener.join(_STOP_S)
        self._end_feeding()
        self._close_pipes()
        return code

    def stop(self) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(_STOP_S)
        self._listener.join(_STOP_S)
        if self._feeder is not None:
            self._feeder.join(_STOP_S)
        self._close_pipes()

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _write_input(self, piece: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(piece)

    def _close_input(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()


class ContainerProgram(Program):
    """A program inside a container, by ``docker exec``. Source: Docker Engine API, ContainerAttach, Stream format."""

    def __init__(
        self,
        daemon: Daemon,
        container: ContainerFacts,
        argv: list[str],
        environment: dict[str, str],
        pieces: Iterable[bytes] | None = None,
    ) -> None:
        super().__init__(argv)
        self._daemon = daemon
        self._container = container
        unset = [part for name in sorted(_inherited(container) - set(environment)) for part in ("-u", name)]
        self._exec_id = daemon.call(
            f"start {argv[0]} in container {container.name!r}",
            daemon.client.api.exec_create,
            container.id,
            ["env", *unset, *argv],
            stdin=pieces is not None,
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
        deadline = time.monotonic() + _RC_WAIT_S
        while True:
            state = self._inspect()
            if not state["Running"] and state["ExitCode"] is not None:
                break
            if time.monotonic() > deadline:
                self.stop()
                raise ProgramFailed(f"{self.argv[0]} closed its output but does not end")
            time.sleep(0.02)
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

    def stop(self) -> None:
        # Closing the connection would leave the program running: it is a child of the daemon.
        state = self._inspect()
        pid = int(state.get("Pid") or 0)
        if state["Running"] and pid > 0 and self._daemon.is_local:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        self._close()
        if self._feeder is not None:
            self._feeder.join(_STOP_S)

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


def run(program: Program) -> tuple[int, str]:
    """Read a short program to its end; return its return code and its standard output as text."""
    try:
        text = b"".join(program.output()).decode("utf-8", "replace")
        return program.finish(), text
    except BaseException:
        program.stop()
        raise


def _inherited(container: ContainerFacts) -> set[str]:
    """Names of the variables that a program in the container would inherit, without those it needs to be found."""
    return set(container.environment) - {"PATH"} | {"HOME"}
