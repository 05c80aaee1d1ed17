"""The whole way: the script, a playbook with community.postgresql, ours; by stage and in all."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench import alternatives, ours
from tests.bench.bench import Bench
from tests.bench.measure import Contestant, interleaved
from tests.bench.results import Case

BY_HAND = "by hand"
COMMUNITY = "community.postgresql"
OURS = "incomex.closeout"


def measure(bench: Bench) -> Iterator[Case]:
    """The main size: in a container all three, outside containers ours alone."""
    shape, server = bench.options.main, bench.docker
    if server is not None:
        production, db = server, bench.database(server, shape)
        contestants: dict[str, Contestant] = {
            BY_HAND: lambda: alternatives.by_hand(production, db, "all"),
            COMMUNITY: lambda: alternatives.community_chain(production, db),
            OURS: lambda: ours.closeout(production, db),
        }
        samples = interleaved("chain, docker", contestants, bench.options.repeats)
        facts = {"dump_bytes": samples[OURS][-1].facts["dump_bytes"]}
        yield Case("docker", "production and scratch server in containers", samples, facts)
    local = bench.local
    local_db = bench.database(local, shape)
    samples = interleaved("chain, local", {OURS: lambda: ours.closeout(local, local_db)}, bench.options.repeats)
    facts = {"dump_bytes": samples[OURS][-1].facts["dump_bytes"]}
    yield Case("local", "production and scratch server outside containers", samples, facts)
