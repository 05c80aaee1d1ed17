"""The restore: psql and pg_restore, community.postgresql, ours; each into a scratch server of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench import alternatives, ours, programs
from tests.bench.bench import Bench
from tests.bench.measure import Contestant, Sample, interleaved
from tests.bench.results import Case
from tests.bench.servers import Server
from tests.support import postgres

PIPE = "psql from a pipe"
FILE = "psql -f"
PG_RESTORE = "pg_restore -j"
COMMUNITY = "postgresql_db"
DEFAULTS = "psql from a pipe, server with PostgreSQL's defaults"
OURS = "pg_scratch_restore"
SAME_SERVER = (PIPE, FILE, PG_RESTORE)
_DB = "by_others"
# What our scratch server does without; a server of the tests does so too.
_SAFE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "shared_buffers": "128MB"}


def measure(bench: Bench) -> Iterator[Case]:
    """The main size, outside containers."""
    server, shape = bench.local, bench.options.main
    db = bench.database(server, shape)
    production = ours.identity(server, db)
    with alternatives.directory() as own:
        taken = ours.take(server, db, own)
        custom = own / "prod.pgc"
        seconds = programs.run([*server.client("pg_dump", db), "-Fc", "-f", custom])

        def scratch(restore: Callable[[Server], float]) -> Sample:
            """Measure a restore into a new scratch server of ours that has the role and an empty database."""
            with ours.scratch(server, taken.globals_path) as there:
                _prepare(there.server)
                return Sample(restore(there.server))

        def own_restore() -> Sample:
            """Ours makes role and database itself, within its time."""
            with ours.scratch(server, taken.globals_path) as there:
                run = ours.restore(there, taken, production)
                return Sample(run.seconds, peaks={"restore": run.peak_bytes})

        contestants: dict[str, Contestant] = {
            PIPE: lambda: scratch(lambda there: programs.run_from_pipe(taken.path, _psql(there))),
            FILE: lambda: scratch(lambda there: programs.run([*_psql(there), "-f", taken.path])),
            PG_RESTORE: lambda: scratch(lambda there: _pg_restore(there, custom)),
            COMMUNITY: lambda: scratch(lambda there: alternatives.community_restore(there, _DB, taken.path).seconds),
            DEFAULTS: lambda: _with_defaults(taken.path),
            OURS: own_restore,
        }
        samples = interleaved("restore", contestants, bench.options.repeats)
        facts = {"dump_bytes": taken.facts["dump"]["size_bytes"], "jobs": _jobs(), "custom_dump_s": seconds}
        yield Case("local", "a scratch server outside containers", samples, facts)


def _jobs() -> int:
    """As many as there are cores."""
    return len(os.sched_getaffinity(0))


def _prepare(server: Server) -> None:
    """Make what a restore by others needs: the role that the dump names, an empty database."""
    connection = server.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute("CREATE ROLE directus")
            cursor.execute(f"CREATE DATABASE {_DB} TEMPLATE template0")
    finally:
        connection.close()


def _psql(server: Server) -> list[str]:
    """psql that stops at the first error."""
    return [*server.client("psql", _DB), "-X", "-q", "-v", "ON_ERROR_STOP=1"]


def _pg_restore(server: Server, custom: Path) -> float:
    """pg_restore of a custom archive, with jobs."""
    return programs.run([*server.client("pg_restore", _DB), "--exit-on-error", "-j", str(_jobs()), custom])


def _with_defaults(dump: Path) -> Sample:
    """psql from a pipe into a server that cares for its data."""
    with postgres.Cluster(postgres.install(16), settings=_SAFE) as cluster:
        server = Server(cluster.socket_dir, cluster.port, cluster.user, cluster.bin_dir, {}, {})
        _prepare(server)
        return Sample(programs.run_from_pipe(dump, _psql(server)))
