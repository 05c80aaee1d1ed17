"""One run of the benchmarks: servers that are started when they are first needed, databases that are made once."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType

from tests.bench import data, servers
from tests.bench.data import Shape
from tests.bench.measure import say
from tests.bench.options import Options
from tests.bench.programs import run
from tests.bench.servers import Server
from tests.support import docker


class Bench:
    """`with Bench(options) as bench: bench.local, bench.docker, bench.database(server, shape)`."""

    def __init__(self, options: Options) -> None:
        """Start nothing yet."""
        self.options = options
        self.versions: dict[str, str] = {}
        self._stack = ExitStack()
        self._local: Server | None = None
        self._docker: Server | None = None
        self._built: dict[tuple[str, str], tuple[Server, Shape]] = {}

    def __enter__(self) -> Bench:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop what was started."""
        self._stack.close()

    @property
    def local(self) -> Server:
        """Production outside containers."""
        if self._local is None:
            self._local = self._stack.enter_context(servers.local())
        return self._local

    @property
    def docker(self) -> Server | None:
        """Production in a container; None where there is no Docker daemon."""
        if self._docker is None:
            try:
                self._docker = self._stack.enter_context(servers.in_container())
            except docker.Unavailable as error:
                say(f"without containers: {error}")
                return None
            self.versions.update(self._docker.versions)
        return self._docker

    def database(self, server: Server, shape: Shape) -> str:
        """The name of the database of a shape, made the first time, and read once so that the cache is warm."""
        key = (server.container, shape.db)
        if key not in self._built:
            data.build(server, shape)
            self._built[key] = (server, shape)
        run(server.client("pg_dump", shape.db))
        return shape.db

    def forget(self, server: Server, shape: Shape) -> None:
        """Remove a database that is not needed any more."""
        del self._built[server.container, shape.db]
        data.drop(server, shape)
