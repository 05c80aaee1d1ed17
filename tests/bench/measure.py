"""Repeated and interleaved measuring, and what is said of the figures: medians with their spread."""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.bench import cpu


@dataclass(frozen=True)
class Sample:
    """One measured run: seconds by the outside clock, seconds by stage, peak memory (bytes) by module, other facts."""

    seconds: float
    stages: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of some figures."""

    median: float
    low: float
    high: float


Contestant = Callable[[], Sample]


def spread(figures: Sequence[float]) -> Spread:
    """The spread of at least one figure."""
    return Spread(statistics.median(figures), min(figures), max(figures))


def ratios(above: Sequence[float], below: Sequence[float]) -> Spread:
    """The spread of quotients, each of two figures of the same round: what slowed a round down slowed both."""
    return spread([one / other for one, other in zip(above, below, strict=True)])


def interleaved(
    case: str, contestants: Mapping[str, Contestant], repeats: int, postmaster: int = 0
) -> dict[str, list[Sample]]:
    """Run all contestants once a round, `repeats` rounds; every round begins with another one.

    Before each run what was written before is brought to the disk, so that nobody pays for his predecessor. With the
    pid of production's `postmaster` the facts get the processor time of the programs and of the server.
    """
    names = list(contestants)
    samples: dict[str, list[Sample]] = {name: [] for name in names}
    for number in range(repeats):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            os.sync()
            programs, server = cpu.of_programs(), cpu.of_server(postmaster) if postmaster else 0.0
            sample = contestants[name]()
            if postmaster:
                sample.facts["cpu_s"] = cpu.of_programs() - programs
                sample.facts["server_cpu_s"] = cpu.of_server(postmaster) - server
            samples[name].append(sample)
            say(f"{case} [{number + 1}/{repeats}] {name}: {sample.seconds:.2f} s")
    return samples


def say(text: str) -> None:
    """Tell what is going on."""
    print(f"bench: {text}", file=sys.stderr, flush=True)
