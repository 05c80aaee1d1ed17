"""What is asked on the command line, and the sizes that follow from it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.data import Shape

TOPICS = ("dump", "restore", "chain", "closeout", "sizes", "scale", "throttle", "fleet")
_SIZES = [50, 100, 200, 500, 1000, 2000]
_QUICK_SIZES = [4, 8, 16]
_SCALE = {"tables": 5_000, "large objects": 50_000, "narrow rows": 20_000_000}
_QUICK_SHARE = 100
_MAIN_MB = 500


@dataclass(frozen=True)
class Options:
    """What to measure: `topics` in order, `sizes` (MB of a plain dump), `main_mb` for topics of one size, `repeats`."""

    topics: list[str]
    sizes: list[int]
    main_mb: int
    repeats: int
    quick: bool
    report_only: bool

    @property
    def main(self) -> Shape:
        """The database of the topics that have one size."""
        return Shape("shop", self.main_mb)

    @property
    def scale(self) -> list[tuple[Shape, Shape]]:
        """What is counted in thousands, each as a quarter and whole."""
        share = _QUICK_SHARE if self.quick else 1
        return [(Shape(kind, count // share // 4), Shape(kind, count // share)) for kind, count in _SCALE.items()]


def read(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure the collection beside its alternatives.")
    add = parser.add_argument
    add("--quick", action="store_true", help="small sizes, one repeat; writes nothing to docs")
    add("--only", metavar="TOPICS", default=",".join(TOPICS), help=f"some of {','.join(TOPICS)}")
    add("--sizes", metavar="MB,…", help=f"sizes of the topic sizes (default: {','.join(map(str, _SIZES))})")
    add("--main", metavar="MB", type=int, help=f"size of the topics of one size (default: {_MAIN_MB})")
    add("--repeats", metavar="N", type=int, help="rounds (default: 3)")
    add("--report", action="store_true", help="measure nothing; write docs/benchmarks.md from output/bench")
    given = parser.parse_args(arguments)
    topics = given.only.split(",")
    if set(topics) - set(TOPICS):
        parser.error(f"--only: not a topic: {', '.join(sorted(set(topics) - set(TOPICS)))}")
    try:
        sizes = [int(word) for word in given.sizes.split(",")] if given.sizes else None
    except ValueError:
        parser.error("--sizes: whole numbers with commas between them")
    if given.quick and given.report:
        parser.error("--quick and --report exclude each other")
    return Options(
        topics=[topic for topic in TOPICS if topic in topics],
        sizes=sorted(sizes or (_QUICK_SIZES if given.quick else _SIZES)),
        main_mb=given.main or (_QUICK_SIZES[-1] if given.quick else _MAIN_MB),
        repeats=given.repeats or (1 if given.quick else 3),
        quick=given.quick,
        report_only=given.report,
    )
