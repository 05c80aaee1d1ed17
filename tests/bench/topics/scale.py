"""Many tables, many large objects, many narrow rows: a quarter and the whole, to see whether time grows with them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.bench import ours
from tests.bench.bench import Bench
from tests.bench.measure import Contestant, interleaved
from tests.bench.results import Case

QUARTER = "a quarter"
WHOLE = "the whole"
COUNTS = (
    "sessions_of_dump",
    "sessions_of_compare",
    "processes_of_dump",
    "processes_of_restore",
    "processes_of_compare",
)


def measure(bench: Bench) -> Iterator[Case]:
    """One case a kind, outside containers."""
    server = bench.local
    for quarter, whole in bench.options.scale:
        contestants: dict[str, Contestant] = {
            QUARTER: partial(ours.chain, server, bench.database(server, quarter)),
            WHOLE: partial(ours.chain, server, bench.database(server, whole)),
        }
        samples = interleaved(f"scale, {whole.title}", contestants, bench.options.repeats)
        facts = {"dump_bytes": samples[WHOLE][-1].facts["dump_bytes"], "count": whole.count}
        yield Case(whole.kind, whole.title, samples, facts)
        for shape in (quarter, whole):
            bench.forget(server, shape)
