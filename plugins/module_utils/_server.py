# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a PostgreSQL server, in a container or not: how to talk to it, how to run its
programs.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import socket
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ._archive_place import inherited, mounted
from ._confined import confined
from ._containersocket import assert_peer, open_socket_directory
from ._docker import ContainerFacts, Daemon
from ._errors import CloseoutError, NotOurs, ProgramFailed
from ._labels import RUN_VARIABLE
from ._network import client_side
from ._passfile import password_from
from ._program import PASSWORD, Program, run
from ._program_container import ContainerProgram
from ._program_host import HostProgram
from ._session import Session, application_name, program_options

_VERSION = re.compile(r"\) (\d+)(?:\.(\d+))?")


@dataclass(frozen=True)
class Address:
    """Where a server is and who we are there: the connection options of every module, as plain values.

    With ``program_user`` the programs of this host are confined as that user: they serve a scratch server.
    """

    container: str = ""
    docker_host: str = ""
    login_host: str = ""
    login_port: int = 5432
    login_unix_socket: str = ""
    login_user: str = ""
    login_password: str = ""
    login_passfile: str = ""
    login_db: str = ""
    ssl_mode: str = "prefer"
    ca_cert: str = ""
    bin_dir: str = ""
    program_user: str = ""
    run_id: str = ""

    def __post_init__(self) -> None:
        if self.container and (self.login_host or self.login_unix_socket):
            raise CloseoutError(
                "A server is given twice",
                wanted="either container, or login_host or login_unix_socket",
                found=f"container {self.container!r} and {self.login_host or self.login_unix_socket!r}",
                do='empty one of them: closeout_container: "" for a server outside containers',
            )
        if self.login_host and self.login_unix_socket:
            raise CloseoutError(
                "A server is given twice",
                wanted="either login_host or login_unix_socket",
                found=f"{self.login_host!r} and {self.login_unix_socket!r}",
                do="empty one of them",
            )

    def password(self, hosts: list[str], db: str) -> str:
        """Return the password to use for ``db``: as given, else from the password file, else ""."""
        if self.login_password or not self.login_passfile:
            return self.login_password
        return password_from(self.login_passfile, hosts=hosts, port=self.login_port, db=db, user=self.login_user)


class Server(ABC):
    """One server. Sessions and programs carry the run id in their application_name and the pinned settings."""

    def __init__(self, address: Address) -> None:
        self.address = address

    @abstractmethod
    def session(self, db: str = "", *, read_only: bool = True) -> contextlib.AbstractContextManager[Session]:
        """Return a context with a session in ``db`` (the address's own database where it is "")."""

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
        """Start a client program; argv[0] is its plain name.

        ``options`` becomes PGOPTIONS, ``pieces`` its input. ``archive`` is the path of one that it reads, and becomes
        its last argument. Raises CloseoutError.
        """

    @abstractmethod
    def connection_arguments(self) -> list[str]:
        """Return the arguments that lead a client program to this server."""

    @abstractmethod
    def container(self) -> ContainerFacts | None:
        """Return the container as it is now, or None for a server outside containers."""

    def public_container(self) -> dict[str, Any] | None:
        """Return what a record may show of the container, or None for a server outside containers."""
        return None

    @property
    def where(self) -> str:
        """A short name of the server for messages."""
        given = self.address
        if given.container:
            return f"container {given.container}"
        return f"{given.login_host or given.login_unix_socket or 'local socket'}:{given.login_port}"

    def environment(self, password: str, options: str) -> dict[str, str]:
        """Return the environment of a client program, but for PATH and locale."""
        run_id = self.address.run_id
        variables = {"PGAPPNAME": application_name(run_id), "PGOPTIONS": options, RUN_VARIABLE: run_id}
        if password:
            variables[PASSWORD] = password
        return variables

    def program_version(self, name: str) -> tuple[int, str]:
        """Return major version and full version text of the client program ``name``. Raises ProgramFailed."""
        return read_version(self.start([name, "--version"]), name)

    def read_options(self, session: Session) -> str:
        """Return PGOPTIONS for a program that reads from this server."""
        return program_options(session.server_version_num, on_linux=session.is_on_linux)


class ContainerServer(Server):
    """A server in a container of this host: SQL over the container's own socket, programs by ``docker exec``, which is
    inside all of its limits. Only production's pg_dump may be started otherwise: see _transport.py."""

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self.daemon = Daemon(address.docker_host)
        self.user = ""
        """Who its programs run as, ``id:group`` in the container; "" for the container's own user."""
        self._socket_path = ""

    def container(self) -> ContainerFacts:
        return self.daemon.running(self.address.container)

    def public_container(self) -> dict[str, Any]:
        container = self.container()
        return container.public(self.daemon.status_text(container.id))

    @contextlib.contextmanager
    def session(self, db: str = "", *, read_only: bool = True) -> Iterator[Session]:
        container = self.container()
        db = db or self.address.login_db
        directory, self._socket_path = open_socket_directory(self.daemon, container, self.address.login_port)
        try:
            session = Session(
                {
                    "host": f"/proc/self/fd/{directory}",
                    "port": self.address.login_port,
                    "user": self.address.login_user,
                    "password": self.address.password(["localhost"], db),
                    "dbname": db,
                    "sslmode": "disable",
                },
                run_id=self.address.run_id,
                read_only=read_only,
            )
        except BaseException:
            os.close(directory)
            raise
        try:
            with socket.socket(fileno=os.dup(session.descriptor())) as connected:
                assert_peer(connected, container)
            self.assert_same(container)
            yield session
        finally:
            session.close()
            # Open until now: a request to cancel connects by the same path.
            os.close(directory)

    def assert_same(self, container: ContainerFacts) -> None:
        """See that the container that was looked at is still the one that runs: a process id can be used again.

        Raises NotOurs.
        """
        now = self.container()
        if (now.id, now.pid, now.started_utc) != (container.id, container.pid, container.started_utc):
            raise NotOurs(
                f"Container {self.address.container!r} was restarted or replaced while we connected to it",
                wanted=f"{container.id[:12]} started {container.started_utc}",
                found=f"{now.id[:12]} started {now.started_utc}",
                do="run the closeout again when the container is at rest",
            )

    def start(
        self,
        argv: list[str],
        *,
        password: str = "",
        options: str = "",
        pieces: Iterable[bytes] | None = None,
        archive: str = "",
    ) -> Program:
        container = self.container()
        words = [*argv, mounted(container, archive)] if archive else argv
        environment = self.environment(password, options)
        return ContainerProgram(self.daemon, container, words, environment, pieces, user=self.user)

    def connection_arguments(self) -> list[str]:
        if not self._socket_path:
            directory, self._socket_path = open_socket_directory(self.daemon, self.container(), self.address.login_port)
            os.close(directory)
        return [
            *("--host", self._socket_path),
            *("--port", str(self.address.login_port)),
            *("--username", self.address.login_user),
            "--no-password",
        ]


class HostServer(Server):
    """A server reached from this host, by Unix socket or TCP, with this host's client programs."""

    def container(self) -> None:
        return None

    @contextlib.contextmanager
    def session(self, db: str = "", *, read_only: bool = True) -> Iterator[Session]:
        given = self.address
        db = db or given.login_db
        session = Session(
            {
                "host": given.login_unix_socket or given.login_host,
                "port": given.login_port,
                "user": given.login_user,
                "password": given.password(self._password_hosts(), db),
                "dbname": db,
                "sslmode": given.ssl_mode if given.login_host else "",
                "sslrootcert": given.ca_cert,
                **client_side(given.login_host),
            },
            run_id=given.run_id,
            read_only=read_only,
        )
        try:
            yield session
        finally:
            session.close()

    def _password_hosts(self) -> list[str]:
        given = self.address
        return [given.login_host] if given.login_host else ["localhost", given.login_unix_socket]

    def environment(self, password: str, options: str) -> dict[str, str]:
        variables = super().environment(password, options)
        if self.address.login_host:
            variables["PGSSLMODE"] = self.address.ssl_mode
            if self.address.ca_cert:
                variables["PGSSLROOTCERT"] = self.address.ca_cert
        return variables

    def start(
        self,
        argv: list[str],
        *,
        password: str = "",
        options: str = "",
        pieces: Iterable[bytes] | None = None,
        archive: str = "",
    ) -> Program:
        before = []
        if self.address.program_user:
            own = os.path.dirname(self.address.login_unix_socket)
            before = confined(pwd.getpwnam(self.address.program_user), own=own)
        words, environment = on_this_host(argv, self.address.bin_dir), self.environment(password, options)
        if not archive:
            return HostProgram(words, environment, pieces, before=before)
        with inherited(archive) as (path, descriptor):
            return HostProgram([*words, path], environment, pieces, before=before, descriptors=[descriptor])

    def connection_arguments(self) -> list[str]:
        given = self.address
        host = given.login_host or given.login_unix_socket
        where = ["--host", host] if host else []
        return [*where, "--port", str(given.login_port), "--username", given.login_user, "--no-password"]


def on_this_host(argv: list[str], bin_dir: str) -> list[str]:
    """Return ``argv`` with the program of ``bin_dir``; where that is "", it is looked for on PATH."""
    return [os.path.join(bin_dir, argv[0]), *argv[1:]] if bin_dir else argv


def read_version(program: Program, name: str) -> tuple[int, str]:
    """Return major version and full version text of ``name --version``, which was started. Raises ProgramFailed."""
    code, text = run(program)
    found = _VERSION.search(text)
    if code != 0 or found is None:
        raise ProgramFailed(
            f"{name} does not tell its version",
            wanted=f"{name} (PostgreSQL) <version>",
            found=(text + program.messages).strip()[:300] or f"return code {code}",
            do="correct closeout_bin_dir, or choose the container that has PostgreSQL's client programs",
        )
    return int(found.group(1)), text.strip()


def database_argument(db: str, parameters: Mapping[str, int] | None = None) -> str:
    """Return ``db``, and more of libpq's ``parameters``, for a program's --dbname, which takes a connection string too:
    a plain name alone stays one.

    Source: PostgreSQL manual, 34.1.1 Connection Strings.
    """
    if not parameters and "=" not in db and "://" not in db:
        return db
    quoted = db.replace("\\", "\\\\").replace("'", "\\'")
    return " ".join([f"dbname='{quoted}'", *(f"{name}={value}" for name, value in (parameters or {}).items())])


def server_at(address: Address) -> Server:
    """Return the server that ``address`` leads to; nothing is contacted but, for a container, the Docker daemon."""
    return ContainerServer(address) if address.container else HostServer(address)


def address_from(parameters: dict[str, Any]) -> Address:
    """Build an Address from a module's parameters; what a module does not have stays at its default."""
    names = Address.__dataclass_fields__
    return Address(**{name: value for name, value in parameters.items() if name in names and value is not None})
