"""`make bench`: measure topic by topic, keep the figures, say what they are, write docs/benchmarks.md."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timezone

from tests.bench import machine, options, report, results
from tests.bench.bench import Bench
from tests.bench.errors import BenchError
from tests.bench.measure import say
from tests.bench.options import Options
from tests.bench.results import Case, Topic
from tests.bench.topics import chain, closeout, dump, fleet, restore, scale, sizes, throttle
from tests.support import session
from tests.support.places import ROOT

_TOPICS: dict[str, Callable[[Bench], Iterator[Case]]] = {
    "dump": dump.measure,
    "restore": restore.measure,
    "chain": chain.measure,
    "closeout": closeout.measure,
    "sizes": sizes.measure,
    "scale": scale.measure,
    "throttle": throttle.measure,
    "fleet": fleet.measure,
}


def measure(asked: Options) -> dict[str, Topic]:
    """Measure what is asked for; each topic's figures are kept as soon as they are there."""
    found: dict[str, Topic] = {}
    with Bench(asked) as bench:
        for name in asked.topics:
            skipped = throttle.skipped() if name == "throttle" else ""
            if skipped:
                say(f"{name} is left out: {skipped}")
            taken = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            here = machine.machine()
            topic = Topic(name, taken, asked.repeats, here, machine.versions(), [], skipped)
            for case in () if skipped else _TOPICS[name](bench):
                topic.cases.append(case)
                topic.versions.update(bench.versions)
                results.save(topic, quick=asked.quick)
            path = results.save(topic, quick=asked.quick)
            say(f"figures in {path.relative_to(ROOT)}")
            found[name] = topic
    return found


def main() -> int:
    """Run; 0 unless something could not be measured. A missed target is a result, not an error."""
    asked = options.read()
    if asked.report_only:
        topics = results.load()
        if not topics:
            say("there are no figures in output/bench: run `make bench` first")
            return 1
        report.write(topics)
        print(report.summary(topics))
        return 0
    session.begin()
    try:
        topics = measure(asked)
    except (BenchError, TimeoutError) as error:
        say(f"stopped: {error}")
        return 1
    finally:
        session.end(ignore_errors=True)
    print(report.summary(topics))
    if asked.quick:
        say("sizes were small: the figures show that the bench works, and nothing else")
    else:
        report.write(results.load())
    return 0


if __name__ == "__main__":
    sys.exit(main())
