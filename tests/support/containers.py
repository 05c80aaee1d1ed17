"""Production as the tests know it: a PostgreSQL server in a container, reached through its own Unix socket."""

from __future__ import annotations

import contextlib
import secrets
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import docker
import docker.errors
import docker.types
import psycopg2
import psycopg2.extensions
from docker.models.containers import Container

from tests.support import postgres, session
from tests.support.image import MAJOR
from tests.support.places import wait_until

LABEL = "closeout-test"
_READY_S = 60.0


@dataclass(frozen=True)
class Production:
    """A running production container, its first user and database."""

    container: Container
    user: str
    db: str

    @property
    def name(self) -> str:
        """The container's name."""
        return str(self.container.name)

    @property
    def id(self) -> str:
        """The container's full id."""
        return str(self.container.id)

    @property
    def pid(self) -> int:
        """The pid, on this host, of the container's first process (the postmaster)."""
        self.container.reload()
        return int(self.container.attrs["State"]["Pid"])

    @property
    def socket_dir(self) -> Path:
        """The server's socket directory, seen from the host. /run: /var/run is an absolute link and would lead out."""
        return Path(f"/proc/{self.pid}/root/run/postgresql")

    @property
    def sysid(self) -> str:
        """The system identifier, as a string."""
        return self.psql("SELECT system_identifier FROM pg_control_system()")

    def psql(self, sql: str, db: str = "") -> str:
        """Run statements as the first user with psql, stopping at the first error; what it printed, unaligned."""
        return postgres.run_psql(postgres.install(MAJOR).bin_dir, self.socket_dir, 5432, self.user, db or self.db, sql)

    def connect(self, db: str = "", *, user: str = "", autocommit: bool = True) -> psycopg2.extensions.connection:
        """A psycopg2 connection over the container's socket."""
        connection = psycopg2.connect(
            host=str(self.socket_dir), port=5432, user=user or self.user, dbname=db or self.db, connect_timeout=10
        )
        connection.autocommit = autocommit
        return connection

    def final_server_answers(self) -> bool:
        """Whether the server proper answers, not the temporary one of the first start; RuntimeError when it has ended.

        The server proper is the container's first process, and SO_PEERCRED (unix(7)) tells who listens.
        """
        self.container.reload()
        state = self.container.attrs["State"]
        if not state["Running"]:
            log = self.container.logs(tail=30).decode(errors="replace")
            raise RuntimeError(f"{self.name} ended with {state['ExitCode']}:\n{log}")
        path = f"/proc/{state['Pid']}/root/run/postgresql/.s.PGSQL.5432"
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(path)
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            credentials = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        if struct.unpack("3i", credentials)[0] != state["Pid"]:
            return False
        try:
            self.connect().close()
        except psycopg2.OperationalError:
            return False
        return True


@contextlib.contextmanager
def production(
    client: docker.DockerClient,
    image: str,
    *,
    user: str = "workflow_admin",
    db: str = "directus",
    network: str = "none",
    name: str | None = None,
    env: Mapping[str, str] | None = None,
    command: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    ulimits: Sequence[docker.types.Ulimit] = (),
) -> Iterator[Production]:
    """Run a production container for the time of the block; it and its anonymous volumes are removed afterwards.

    `env` adds to (or replaces) POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB and POSTGRES_INITDB_ARGS; `command` is a
    whole command, for example `["postgres", "-c", "max_locks_per_transaction=10"]`.
    """
    environment = {
        "POSTGRES_USER": user,
        "POSTGRES_PASSWORD": secrets.token_urlsafe(12),
        "POSTGRES_DB": db,
        "POSTGRES_INITDB_ARGS": "--no-sync",
        **(env or {}),
    }
    container = client.containers.create(
        image,
        list(command or ["postgres", "-c", "fsync=off"]),
        name=name or f"closeout-production-{session.ID}-{secrets.token_hex(3)}",
        environment=environment,
        labels={LABEL: session.ID, **(labels or {})},
        network_mode=network,
        ulimits=list(ulimits),
    )
    try:
        container.start()
        server = Production(container, user, db)
        try:
            wait_until(server.final_server_answers, _READY_S, f"the server in {server.name}")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; its log ends:\n{container.logs(tail=20).decode(errors='replace')}") from error
        yield server
    finally:
        # A drill may have done so.
        with contextlib.suppress(docker.errors.NotFound):
            container.remove(force=True, v=True)
