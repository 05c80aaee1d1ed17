"""What the collection promises, held against the figures: a pure function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tests.bench.data import MB
from tests.bench.measure import ratios
from tests.bench.results import Topic
from tests.bench.topics import chain, dump, restore, scale, sizes, throttle

_SPEED_OF_BARE = 0.80
_FASTER_THAN_BY_HAND = 2.5
_PEAK_MB = 150
_COMPARE = 1.2
_EMPTY_S = {"docker": 12.0, "local": 10.0}
# Four times as much may take four times as long, and a quarter more because nothing is exact.
_LINEAR = 5.0
_THROTTLE = 0.10
# What one of our own sessions and processes may be, whatever the number of objects.
_FEW = 25


class Target(NamedTuple):
    """One promise: what, what was wanted, what was found, and whether that is enough."""

    what: str
    wanted: str
    found: str
    met: bool


def targets(topics: Mapping[str, Topic]) -> list[Target]:
    """Every target that can be judged by these topics."""
    judges = {
        "dump": _dump,
        "restore": _restore,
        "chain": _chain,
        "closeout": _closeout,
        "sizes": _sizes,
        "scale": _scale,
        "throttle": _throttle,
    }
    found = [target for name, judge in judges.items() if name in topics for target in judge(topics[name])]
    return found + list(_memory(topics))


def _dump(topic: Topic) -> Iterator[Target]:
    """Against bare pg_dump, and against the script."""
    for case in topic.cases:
        for bare in (dump.BARE, dump.BARE_FSYNC):
            ratio = case.ratio(bare, dump.OURS)
            yield Target(
                f"Dump with sha256, manifest and fsync: speed of `{bare}`, {case.name}",
                f"at least {_SPEED_OF_BARE:.2f} of it",
                f"{ratio.median:.2f} ({ratio.low:.2f}–{ratio.high:.2f})",
                ratio.median >= _SPEED_OF_BARE,
            )
        if dump.BY_HAND in case.samples:
            ratio = case.ratio(dump.BY_HAND, dump.OURS)
            yield Target(
                f"The same against `{dump.BY_HAND}`",
                f"at least {_FASTER_THAN_BY_HAND} times as fast",
                f"{ratio.median:.2f} ({ratio.low:.2f}–{ratio.high:.2f})",
                ratio.median >= _FASTER_THAN_BY_HAND,
            )


def _restore(topic: Topic) -> Iterator[Target]:
    """Against the best of the others on the same server."""
    for case in topic.cases:
        best = min(restore.SAME_SERVER, key=lambda name: case.spread(name).median)
        ratio = case.ratio(best, restore.OURS)
        yield Target(
            f"Restore: speed of the best of {', '.join(f'`{name}`' for name in restore.SAME_SERVER)} (`{best}`)",
            "at least the same",
            f"{ratio.median:.2f} ({ratio.low:.2f}–{ratio.high:.2f})",
            ratio.median >= 1.0,
        )


def _chain(topic: Topic) -> Iterator[Target]:
    """The comparison against the dump, as the playbook's tasks."""
    for case in topic.cases:
        ratio = ratios(case.seconds(chain.OURS, "compare"), case.seconds(chain.OURS, "dump"))
        yield Target(
            f"Comparison against the dump's own time, tasks of the playbook, {case.name}",
            f"at most {_COMPARE} times as long",
            f"{ratio.median:.2f} ({ratio.low:.2f}–{ratio.high:.2f})",
            ratio.median <= _COMPARE,
        )


def _closeout(topic: Topic) -> Iterator[Target]:
    """An almost empty database."""
    for case in topic.cases:
        found = case.spread(chain.OURS)
        yield Target(
            f"Closeout of an almost empty database, driver {case.name}, playbook from start to end",
            f"at most {_EMPTY_S[case.name]:.0f} s",
            f"{found.median:.1f} s ({found.low:.1f}–{found.high:.1f})",
            found.median <= _EMPTY_S[case.name],
        )


def _sizes(topic: Topic) -> Iterator[Target]:
    """The comparison against the dump at the largest size, as modules."""
    case = topic.cases[-1]
    ratio = ratios(case.seconds(sizes.OURS, "compare"), case.seconds(sizes.OURS, "dump"))
    yield Target(
        f"Comparison against the dump's own time, modules, {case.title}",
        f"at most {_COMPARE} times as long",
        f"{ratio.median:.2f} ({ratio.low:.2f}–{ratio.high:.2f})",
        ratio.median <= _COMPARE,
    )


def _scale(topic: Topic) -> Iterator[Target]:
    """Linear, and no session or process for each object."""
    for case in topic.cases:
        ratio = case.ratio(scale.WHOLE, scale.QUARTER)
        yield Target(
            f"{case.title}: time of dump, restore and comparison against that of a quarter",
            f"linear: at most {_LINEAR:.0f} times as long",
            f"{ratio.median:.2f} ({ratio.low:.2f}–{ratio.high:.2f})",
            ratio.median <= _LINEAR,
        )
        counts = {name: case.fact(scale.WHOLE, name) for name in scale.COUNTS}
        yield Target(
            f"{case.title}: sessions and processes of any module",
            f"at most {_FEW}, whatever the number of objects",
            str(max(counts.values())),
            max(counts.values()) <= _FEW,
        )


def _throttle(topic: Topic) -> Iterator[Target]:
    """The speed that was asked for."""
    for case in topic.cases:
        limit = case.facts["limit_mb_s"]
        speeds = [sample.facts["speed_mb_s"] for sample in case.samples[throttle.OURS]]
        worst = max(speeds, key=lambda speed: abs(speed - limit))
        yield Target(
            f"Dump with `{throttle.VARIABLE}: {limit}`",
            f"{limit} MB/s ± {_THROTTLE:.0%}",
            f"{worst:.1f} MB/s (the worst of {len(speeds)})",
            abs(worst - limit) <= _THROTTLE * limit,
        )


def _memory(topics: Mapping[str, Topic]) -> Iterator[Target]:
    """The largest peak of any module, wherever it was measured."""
    peaks = [
        (peak, f"{stage}, {case.title}")
        for topic in topics.values()
        for case in topic.cases
        for many in case.samples.values()
        for sample in many
        for stage, peak in sample.peaks.items()
    ]
    if peaks:
        most, where = max(peaks)
        found = f"{most / MB:.0f} MB ({where})"
        yield Target(
            "Peak memory of a module, whatever the size", f"less than {_PEAK_MB} MB", found, most < _PEAK_MB * MB
        )
