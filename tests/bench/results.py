"""Raw figures, kept as JSON in output/bench: documents can be made from them again without measuring."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.measure import Sample, Spread, ratios, spread
from tests.support.places import ROOT

SCHEMA = "incomex.closeout/benchmark/1"
OUTPUT = ROOT / "output" / "bench"


@dataclass(frozen=True)
class Case:
    """Some contestants on the same data: `title` says which, `samples` are those of each contestant by round."""

    name: str
    title: str
    samples: dict[str, list[Sample]]
    facts: dict[str, Any] = field(default_factory=dict)

    def seconds(self, contestant: str, stage: str = "") -> list[float]:
        """The seconds of each round, of one stage or of the whole."""
        return [sample.stages[stage] if stage else sample.seconds for sample in self.samples[contestant]]

    def spread(self, contestant: str, stage: str = "") -> Spread:
        """Median and spread of the seconds."""
        return spread(self.seconds(contestant, stage))

    def ratio(self, above: str, below: str) -> Spread:
        """The ratio of two contestants' seconds, round by round."""
        return ratios(self.seconds(above), self.seconds(below))

    def peak(self, contestant: str, stage: str) -> int:
        """The largest peak memory of a module in all rounds, in bytes."""
        return max(sample.peaks[stage] for sample in self.samples[contestant])

    def fact(self, contestant: str, name: str) -> Any:
        """A fact of the last round."""
        return self.samples[contestant][-1].facts[name]


@dataclass(frozen=True)
class Topic:
    """What one topic gave: when and where it was measured, its cases, and why it was left out, if it was."""

    name: str
    taken_utc: str
    repeats: int
    machine: dict[str, str]
    versions: dict[str, str]
    cases: list[Case]
    skipped: str = ""

    def case(self, name: str) -> Case | None:
        """A case by its name."""
        return next((case for case in self.cases if case.name == name), None)


def save(topic: Topic, *, quick: bool) -> Path:
    """Write a topic's figures; those of a quick run apart. Return the path."""
    path = (OUTPUT / "quick" if quick else OUTPUT) / f"{topic.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"schema": SCHEMA, **asdict(topic)}, indent=1) + "\n")
    return path


def load() -> dict[str, Topic]:
    """Read the figures of all topics that were measured."""
    return {path.stem: _read(path) for path in sorted(OUTPUT.glob("*.json"))}


def _read(path: Path) -> Topic:
    """Read one file; ValueError when another program, or another version of this one, wrote it."""
    document = json.loads(path.read_text())
    if document.pop("schema") != SCHEMA:
        raise ValueError(f"{path} is not of schema {SCHEMA}")
    cases = []
    for case in document.pop("cases"):
        samples = {name: [Sample(**one) for one in many] for name, many in case.pop("samples").items()}
        cases.append(Case(samples=samples, **case))
    return Topic(cases=cases, **document)
