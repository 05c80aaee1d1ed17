"""The dump: bare pg_dump, the script, community.postgresql, ours."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench import alternatives, ours
from tests.bench.bench import Bench
from tests.bench.errors import BenchError
from tests.bench.measure import Contestant, interleaved
from tests.bench.results import Case
from tests.bench.servers import Server

BARE = "pg_dump to a file"
BARE_FSYNC = "pg_dump to a file, fsync"
BY_HAND = "docker exec to a file, sha256sum, grep"
COMMUNITY = "postgresql_db, sha256sum"
OURS = "pg_dump_readonly"
# Two dumps of the same data differ by the comment with the time of a dump, if at all.
_SAME_BYTES = 1000


def measure(bench: Bench) -> Iterator[Case]:
    """Outside containers, and in one."""
    yield _case(bench, bench.local, "local", "a server outside containers, over its Unix socket")
    if bench.docker is not None:
        yield _case(bench, bench.docker, "docker", "a server in a container; bare pg_dump over its Unix socket")


def _case(bench: Bench, server: Server, name: str, title: str) -> Case:
    """All contestants on one server."""
    shape = bench.options.main
    db = bench.database(server, shape)
    contestants: dict[str, Contestant] = {
        BARE: lambda: alternatives.pg_dump(server, db),
        BARE_FSYNC: lambda: alternatives.pg_dump(server, db, fsync=True),
        COMMUNITY: lambda: alternatives.community_dump(server, db),
        OURS: lambda: ours.dump(server, db),
    }
    if server.container:
        contestants[BY_HAND] = lambda: alternatives.by_hand(server, db, "dump")
    # Of what `docker exec` starts nobody here can tell the time.
    postmaster = 0 if server.container else server.postmaster
    samples = interleaved(f"dump, {name}", contestants, bench.options.repeats, postmaster)
    sizes = {one.facts["dump_bytes"] for many in samples.values() for one in many}
    if max(sizes) - min(sizes) > _SAME_BYTES:
        raise BenchError(f"dumps of the same data have different sizes: {sorted(sizes)}")
    return Case(name, title, samples, {"dump_bytes": max(sizes)})
