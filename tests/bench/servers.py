"""Production as it is measured: one server outside containers, one in a container, with the same settings."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions

from tests.support import containers, docker, image, postgres

# fsync is off because it makes only the loading of data faster: nothing that is measured writes to production.
# Nothing runs in the background while others are measured.
_SETTINGS = {
    "fsync": "off",
    "shared_buffers": "256MB",
    "max_locks_per_transaction": "256",
    "max_wal_size": "4GB",
    "autovacuum": "off",
    # Its shared memory would not fit into the 64 MB that a container has.
    "max_parallel_maintenance_workers": "0",
}


@dataclass(frozen=True)
class Server:
    """A running server: how this host's programs, the modules and the role reach it.

    `connection` are options of our modules, `variables` of the role, both without the database. `container`, `image`
    and `docker_host` are "" for a server outside containers. `postmaster` is the pid of its first process here.
    """

    socket_dir: Path
    port: int
    user: str
    bin_dir: Path
    connection: dict[str, Any]
    variables: dict[str, Any]
    postmaster: int = 0
    container: str = ""
    image: str = ""
    docker_host: str = ""
    versions: dict[str, str] = field(default_factory=dict)

    def client(self, program: str, db: str) -> list[str]:
        """A client program of this host and the arguments that lead it to a database."""
        where = ["-h", str(self.socket_dir), "-p", str(self.port), "-U", self.user, "-d", db, "--no-password"]
        return [str(self.bin_dir / program), *where]

    def connect(self, db: str = "postgres") -> psycopg2.extensions.connection:
        """A connection in autocommit mode."""
        connection = psycopg2.connect(
            host=str(self.socket_dir), port=self.port, user=self.user, dbname=db, connect_timeout=10
        )
        connection.autocommit = True
        return connection


@contextlib.contextmanager
def local() -> Iterator[Server]:
    """A server outside containers for the time of the block."""
    with postgres.Cluster(postgres.install(image.MAJOR), settings=_SETTINGS) as cluster:
        where = {"login_unix_socket": str(cluster.socket_dir), "login_port": cluster.port}
        yield Server(
            cluster.socket_dir,
            cluster.port,
            cluster.user,
            cluster.bin_dir,
            {**where, "login_user": cluster.user, "bin_dir": str(cluster.bin_dir)},
            {
                "closeout_container": "",
                "closeout_login_unix_socket": str(cluster.socket_dir),
                "closeout_login_port": cluster.port,
                "closeout_user": cluster.user,
                "closeout_bin_dir": str(cluster.bin_dir),
                "closeout_scratch_driver": "local",
            },
            cluster.pid,
        )


@contextlib.contextmanager
def in_container() -> Iterator[Server]:
    """A server in a container without network for the time of the block; docker.Unavailable without a daemon."""
    with contextlib.ExitStack() as stack:
        daemon = stack.enter_context(docker.daemon())
        client = stack.enter_context(contextlib.closing(daemon.client()))
        name = image.provide(daemon)
        command = ["postgres", *(word for key, value in _SETTINGS.items() for word in ("-c", f"{key}={value}"))]
        with containers.production(client, name, command=command) as production:
            yield Server(
                production.socket_dir,
                5432,
                production.user,
                postgres.install(image.MAJOR).bin_dir,
                {"container": production.name, "docker_host": daemon.url, "login_user": production.user},
                {
                    "closeout_container": production.name,
                    "closeout_docker_host": daemon.url,
                    "closeout_user": production.user,
                    "closeout_scratch_driver": "docker",
                },
                production.pid,
                container=production.name,
                image=name,
                docker_host=daemon.url,
                versions={"Docker": str(client.version()["Version"])},
            )
