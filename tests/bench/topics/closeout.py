"""A closeout of an almost empty database: what a run costs before there is any data."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench import alternatives, ours
from tests.bench.bench import Bench
from tests.bench.data import Shape
from tests.bench.measure import Contestant, interleaved
from tests.bench.results import Case
from tests.bench.topics.chain import BY_HAND, COMMUNITY, OURS

PIPELINED = f"{OURS}, pipelining"
_EMPTY = Shape("shop", 0)


def measure(bench: Bench) -> Iterator[Case]:
    """In a container beside the alternatives, and outside containers."""
    server = bench.docker
    if server is not None:
        production, db = server, bench.database(server, _EMPTY)
        contestants: dict[str, Contestant] = {
            BY_HAND: lambda: alternatives.by_hand(production, db, "all"),
            COMMUNITY: lambda: alternatives.community_chain(production, db),
            OURS: lambda: ours.closeout(production, db),
            PIPELINED: lambda: ours.pipelined(production, db),
        }
        samples = interleaved("almost empty, docker", contestants, bench.options.repeats)
        yield Case("docker", "production and scratch server in containers", samples)
    local = bench.local
    empty = bench.database(local, _EMPTY)
    both = {OURS: lambda: ours.closeout(local, empty), PIPELINED: lambda: ours.pipelined(local, empty)}
    samples = interleaved("almost empty, local", both, bench.options.repeats)
    yield Case("local", "production and scratch server outside containers", samples)
