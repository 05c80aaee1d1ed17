"""Time and memory over the size of a database."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.bench import alternatives, ours
from tests.bench.bench import Bench
from tests.bench.data import Shape
from tests.bench.measure import Contestant, interleaved
from tests.bench.results import Case

BARE = "pg_dump to a file"
OURS = "modules"


def measure(bench: Bench) -> Iterator[Case]:
    """One case a size, outside containers."""
    server = bench.local
    for size in bench.options.sizes:
        shape = Shape("shop", size)
        db = bench.database(server, shape)
        contestants: dict[str, Contestant] = {
            BARE: partial(alternatives.pg_dump, server, db),
            OURS: partial(ours.chain, server, db),
        }
        samples = interleaved(f"sizes, {shape.title}", contestants, bench.options.repeats)
        yield Case(shape.db, shape.title, samples, {"dump_bytes": samples[BARE][-1].facts["dump_bytes"]})
        if shape != bench.options.main:
            bench.forget(server, shape)
