# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: how production's pg_dump is started; the one place that chooses.

``namespace`` enters the container's namespaces, and its output comes through a plain pipe; ``exec`` is ``docker exec``;
``host`` is a program of this host. Nothing else is ever started in one of these ways: a scratch server's programs stay
inside all limits of its container.
"""

from __future__ import annotations

import contextlib
import copy
import os
import socket
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

from ._containersocket import assert_peer, open_socket_directory
from ._errors import CloseoutError, ProgramFailed
from ._labels import RUN_LABEL
from ._namespaces import Namespaces, cannot_enter
from ._peer import user_inside
from ._program import Program
from ._program_host import HostProgram
from ._server import ContainerServer, Server, on_this_host, read_version
from ._session import Session

_ASKED = "asked for by name"
_WRITES_ITSELF = "pg_dump writes a directory of this host itself"
_MAX_REASON = 200
_NO_CONTAINER = "the server runs in no container"


class Transport(ABC):
    """A way to start pg_dump that was tried. ``reason`` says why this one; ``major`` and ``version`` are pg_dump's."""

    name: str

    def __init__(self, server: Server, reason: str) -> None:
        self.server = server
        self.reason = reason
        self.major, self.version = read_version(self.start(["pg_dump", "--version"]), "pg_dump")

    @abstractmethod
    def start(
        self,
        argv: list[str],
        *,
        password: str = "",
        options: str = "",
        pieces: Iterable[bytes] | None = None,
        archive: str = "",
    ) -> Program:
        """Start pg_dump, or the pg_restore beside it; argv[0] is its plain name. ``options`` becomes PGOPTIONS.

        ``pieces`` are its input; ``archive`` is the path of one that it reads, its last argument: a program of this
        host can. Raises CloseoutError.
        """

    def connection_arguments(self) -> list[str]:
        """Return the arguments that lead pg_dump to the server."""
        return self.server.connection_arguments()


class ServersOwn(Transport):
    """As any program of that server is started: by ``docker exec``, or on this host for a server outside containers."""

    def __init__(self, server: Server, reason: str) -> None:
        self.name = "exec" if isinstance(server, ContainerServer) else "host"
        super().__init__(server, reason)

    def start(
        self,
        argv: list[str],
        *,
        password: str = "",
        options: str = "",
        pieces: Iterable[bytes] | None = None,
        archive: str = "",
    ) -> Program:
        return self.server.start(argv, password=password, options=options, pieces=pieces, archive=archive)


class Entered(Transport):
    """The container's own pg_dump, in the container's namespaces but for a PID namespace of its own, as the server's
    user, without any capability."""

    name = "namespace"

    def __init__(self, server: ContainerServer, session: Session, reason: str) -> None:
        container = server.container()
        with _connected(session) as connected:
            user = assert_peer(connected, container)
        self._path = {"PATH": container.environment["PATH"]} if container.environment.get("PATH") else {}
        self._namespaces = Namespaces(container)
        try:
            server.assert_same(container)
            self._before = self._namespaces.words(user)
            try:
                super().__init__(server, reason)
            except ProgramFailed as error:
                raise cannot_enter("pg_dump --version to run there", error.found or error.message) from error
        except BaseException:
            self.close()
            raise

    def start(
        self,
        argv: list[str],
        *,
        password: str = "",
        options: str = "",
        pieces: Iterable[bytes] | None = None,
        archive: str = "",
    ) -> Program:
        # A descriptor of this host's directories is never handed into a container: there it would be a way out.
        if archive:
            raise ValueError("a program in the container's namespaces is given no archive of this host")
        environment = {**self.server.environment(password, options), **self._path}
        return HostProgram(argv, environment, pieces, before=self._before, alone=True)

    def close(self) -> None:
        """Let go of the container's namespaces."""
        self._namespaces.close()


class FromOutside(Transport):
    """This host's pg_dump, over the socket of a server in a container."""

    name = "host"

    def __init__(self, server: ContainerServer, reason: str) -> None:
        given = server.address
        self._bin_dir = given.bin_dir
        self._directory, _path = open_socket_directory(server.daemon, server.container(), given.login_port)
        try:
            super().__init__(server, reason)
        except BaseException:
            self.close()
            raise

    def start(
        self,
        argv: list[str],
        *,
        password: str = "",
        options: str = "",
        pieces: Iterable[bytes] | None = None,
        archive: str = "",
    ) -> Program:
        environment = self.server.environment(password, options)
        words = [*on_this_host(argv, self._bin_dir), *([archive] if archive else [])]
        return HostProgram(words, environment, pieces, descriptors=[self._directory])

    def connection_arguments(self) -> list[str]:
        given = self.server.address
        # libpq reaches the directory inside the container's root by the descriptor that pg_dump inherits.
        return [
            *("--host", f"/proc/self/fd/{self._directory}"),
            *("--port", str(given.login_port)),
            *("--username", given.login_user),
            "--no-password",
        ]

    def close(self) -> None:
        """Let go of the socket's directory."""
        os.close(self._directory)


@contextlib.contextmanager
def chosen_transport(
    server: Server, session: Session, wanted: str, *, writes_itself: bool = False
) -> Iterator[Transport]:
    """Give the way to start pg_dump for ``server``, to which ``session`` is open; what it holds open lasts as long.

    ``wanted`` is auto, namespace, exec or host. ``auto`` is for a container the first that works of namespace and exec,
    else host; one that was asked for by name is that one or an error. A pg_dump that ``writes_itself``, to a directory
    of this host, is one of this host. Raises CloseoutError, also for a pg_dump that is older than the server.
    """
    with contextlib.ExitStack() as stack:
        if isinstance(server, ContainerServer):
            transport = _for_container(server, session, wanted, stack, writes_itself=writes_itself)
        elif wanted in ("auto", "host"):
            transport = ServersOwn(server, _NO_CONTAINER if wanted == "auto" else _ASKED)
        else:
            raise CloseoutError(
                f"The transport {wanted} needs a container",
                wanted="auto or host for a server outside containers",
                found=wanted,
                do="set closeout_transport: auto, or closeout_container",
            )
        _refuse_older(transport, session)
        yield transport


def _for_container(
    server: ContainerServer, session: Session, wanted: str, stack: contextlib.ExitStack, *, writes_itself: bool
) -> Transport:
    if RUN_LABEL in server.container().labels:
        if wanted in ("namespace", "host"):
            raise CloseoutError(
                f"The transport {wanted} is not for a scratch server",
                wanted="auto or exec: its programs stay inside the limits of its container",
                found=f"{wanted}, for container {server.address.container!r}",
                do="correct closeout_container",
            )
        return ServersOwn(server, "the container is a scratch server")
    if writes_itself and wanted not in ("auto", "host"):
        raise CloseoutError(
            f"The transport {wanted} cannot write a directory of this host",
            wanted="auto or host for the format directory, which pg_dump writes itself",
            found=wanted,
            do="set closeout_transport: host, or closeout_format: custom",
        )
    if writes_itself or wanted == "host":
        outside = FromOutside(server, _ASKED if wanted == "host" else _WRITES_ITSELF)
        stack.callback(outside.close)
        return outside
    reason = _ASKED
    if wanted != "exec":
        try:
            entered = Entered(server, session, _ASKED if wanted == "namespace" else "root on the container's host")
        except CloseoutError as error:
            if wanted == "namespace":
                raise
            reason = f"{' '.join((error.found or error.message).split())[:_MAX_REASON]}; docker exec instead"
        else:
            stack.callback(entered.close)
            return entered
    try:
        return ServersOwn(_as_its_own_user(server, session), reason)
    except ProgramFailed as error:
        error.do = "install them there, or set closeout_transport: host for those of this host"
        raise


def _as_its_own_user(server: ContainerServer, session: Session) -> ContainerServer:
    """Return the server with programs that run as the server does: the image's own user is often root."""
    container, same = server.container(), copy.copy(server)
    with _connected(session) as connected:
        same.user = user_inside(assert_peer(connected, container), container.pid)
    return same


def _refuse_older(transport: Transport, session: Session) -> None:
    major = session.server_version_num // 10000
    if transport.major < major:
        raise ProgramFailed(
            "pg_dump is older than the server",
            wanted=f"version {major} or later, the server's",
            found=transport.version,
            do="set closeout_bin_dir to newer client programs"
            + ("" if transport.name == "host" else ", and closeout_transport: host"),
        )


@contextlib.contextmanager
def _connected(session: Session) -> Iterator[socket.socket]:
    with socket.socket(fileno=os.dup(session.descriptor())) as connected:
        yield connected
