"""The limit of the dump's bandwidth: whether the speed is the one that was asked for."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from tests.bench import ours
from tests.bench.bench import Bench
from tests.bench.data import MB
from tests.bench.measure import Contestant, Sample, interleaved
from tests.bench.results import Case
from tests.support.places import ROOT

VARIABLE = "closeout_bandwidth_limit_mb_s"
OURS = "incomex.closeout"
# Of the size of the dump: it should take some 10 s.
_SECONDS = 10


def skipped() -> str:
    """Why there is nothing to measure, "" where there is."""
    specs = yaml.safe_load((ROOT / "roles" / "closeout" / "meta" / "argument_specs.yml").read_text())
    return "" if VARIABLE in specs["argument_specs"]["main"]["options"] else f"the role has no {VARIABLE}"


def measure(bench: Bench) -> Iterator[Case]:
    """The main size, outside containers."""
    server, shape = bench.local, bench.options.main
    db = bench.database(server, shape)
    limit = max(1, shape.count // _SECONDS)

    def limited() -> Sample:
        """The playbook with the limit; the seconds are those that the record gives for the dump."""
        sample = ours.closeout(server, db, bandwidth_limit_mb_s=limit)
        speed = sample.facts["dump_bytes"] / MB / sample.facts["told_s"]
        return Sample(sample.facts["told_s"], facts={**sample.facts, "speed_mb_s": speed})

    contestants: dict[str, Contestant] = {OURS: limited}
    samples = interleaved(f"throttle, {limit} MB/s", contestants, bench.options.repeats)
    yield Case("local", f"limit {limit} MB/s", samples, {"limit_mb_s": limit})
