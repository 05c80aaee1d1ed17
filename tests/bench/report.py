"""The figures in words: docs/benchmarks.md with its plots, and the summary that a run prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.bench import plots
from tests.bench.data import MB
from tests.bench.measure import Spread, spread
from tests.bench.results import Case, Topic
from tests.bench.targets import Target, targets
from tests.bench.topics import dump, fleet, restore, scale, sizes
from tests.support.places import ROOT

_DOCUMENT = ROOT / "docs" / "benchmarks.md"
_PLOTS = ROOT / "docs" / "benchmarks"
# Written by hand: figures do not say why they are what they are.
_MISSED = ROOT / "tests" / "bench" / "missed.md"
_PEAK_LIMIT = ("the limit, 150 MB", 150.0)
_HEAD = """\
# Benchmarks

Written by `make bench`; `make bench ARGS=--report` writes it again from the figures in `output/bench`. Other options:
`--quick` (small sizes, one round, nothing is written here), `--only dump,restore,…`, `--sizes 50,500,…`, `--main 500`,
`--repeats 3`. What runs is in [tests/bench](../tests/bench).

How it is measured:

- All contestants work on the same data on the same server, one after the other, in rounds; each round begins with
  another one. A figure is the median of the rounds, with the smallest and the largest. A ratio is the median of the
  ratios within each round.
- Seconds are those of the outside clock, from the start of a program to its end. For a module that includes the start
  of Python and Ansible's own part in it, for a playbook all of `ansible-playbook`.
- Before each run, what was written before is brought to the disk (`sync`), and the file is a new one. The database has
  been read once, so that it is in the page cache for all.
- `pg_dump > file` does not wait for the disk; our dump does (fsync of the file and its directory). So bare `pg_dump` is
  given twice, without and with an fsync of its file at the end.
- Peak memory is that of the module's own process as the kernel keeps it (VmHWM), helpers of the same program added.
  `pg_dump`, `psql` and the server are not in it.
- CPU seconds are processor time: of the programs of a contestant, and of the whole server meanwhile. They hardly depend
  on what else the machine does.
- MB are 1,000,000 bytes. Sizes are those of a plain dump.
"""


def summary(topics: Mapping[str, Topic]) -> str:
    """What a run prints at its end: every case, and the targets."""
    parts = []
    for topic in topics.values():
        parts.append(f"{topic.name}: {topic.skipped or f'{topic.repeats} rounds'}")
        for case in topic.cases:
            parts.append(f"  {case.title}")
            first = next(iter(case.samples))
            for name in case.samples:
                ratio = case.ratio(name, first).median
                parts.append(f"    {name:<55}{_seconds(case.spread(name)):>26}   {ratio:5.2f} x")
    parts.append("targets")
    for target in targets(topics):
        parts.append(f"  {'met   ' if target.met else 'MISSED'} {target.what}: {target.found}; {target.wanted}")
    return "\n".join(parts)


def write(topics: Mapping[str, Topic]) -> None:
    """Write the document and its plots."""
    _PLOTS.mkdir(exist_ok=True)
    sections = [_HEAD, _targets(targets(topics)), _MISSED.read_text(), _where(topics)]
    for name, section in _SECTIONS.items():
        if name in topics:
            sections.append(section(topics[name]))
    _DOCUMENT.write_text("\n".join(sections))


def _targets(found: Sequence[Target]) -> str:
    """Every target and whether it is met."""
    rows = [[one.what, one.wanted, one.found, "met" if one.met else "**missed**"] for one in found]
    return "## Targets\n\n" + _table(["what", "target", "measured", ""], rows)


def _where(topics: Mapping[str, Topic]) -> str:
    """Machine and versions, of each topic where they are not the same."""
    lines = ["## Machine and versions\n"]
    facts = {name: {**topic.machine, **topic.versions} for name, topic in topics.items()}
    keys = list(dict.fromkeys(key for one in facts.values() for key in one))
    rows = []
    for key in keys:
        values = list(dict.fromkeys(one[key] for one in facts.values() if key in one))
        rows.append([key, ", ".join(values)])
    rows.append(["Measured (UTC)", ", ".join(f"{name} {topic.taken_utc}" for name, topic in topics.items())])
    rows.append(["Rounds", ", ".join(f"{name} {topic.repeats}" for name, topic in topics.items())])
    lines.append(_table(["", ""], rows))
    return "\n".join(lines)


def _dump(topic: Topic) -> str:
    """The dump's tables."""
    parts = ["## The dump\n"]
    for case in topic.cases:
        parts.append(f"{_capital(case.title)}, {_size(case)}.\n")
        rows = []
        processor = {"cpu_s": "CPU of programs, s", "server_cpu_s": "CPU of the server, s"}
        known = {fact: title for fact, title in processor.items() if fact in case.samples[dump.OURS][0].facts}
        for name, samples in case.samples.items():
            seconds, ratio = case.spread(name), case.ratio(dump.BARE, name)
            speed = case.facts["dump_bytes"] / MB / seconds.median
            spent = [_seconds(spread([sample.facts[fact] for sample in samples])) for fact in known]
            rows.append([f"`{name}`", _seconds(seconds), f"{speed:.0f} MB/s", _ratio(ratio), *spent])
        parts.append(_table(["", "seconds", "speed", f"speed of `{dump.BARE}` = 1", *known.values()], rows))
        told = sorted(sample.facts["told_s"] for sample in case.samples[dump.OURS])
        parts.append(
            f"Within `{dump.OURS}`, from the start of `pg_dump` to the end of its own reading of production:"
            f" {told[len(told) // 2]:.2f} s; `pg_dump` was reached by `{case.fact(dump.OURS, 'transport')}`.\n"
        )
    return "\n".join(parts)


def _restore(topic: Topic) -> str:
    """The restore's table."""
    parts = ["## The restore\n"]
    for case in topic.cases:
        parts.append(
            f"{_capital(case.title)}, {_size(case)}. Each restore has a new server of the same settings (fsync off),"
            f" but for the one that says otherwise. `{restore.PG_RESTORE}` has {case.facts['jobs']} jobs and reads an"
            f" archive in custom format, whose dump took {case.facts['custom_dump_s']:.1f} s. Making the role and the"
            f" database is in the time of `{restore.OURS}` only.\n"
        )
        rows = [
            [f"`{name}`", _seconds(case.spread(name)), _ratio(case.ratio(name, restore.OURS))] for name in case.samples
        ]
        parts.append(_table(["", "seconds", f"seconds of `{restore.OURS}` = 1"], rows))
    return "\n".join(parts)


def _chain(topic: Topic) -> str:
    """Stages of the whole way, with the plot."""
    bars = {
        f"{name}, {case.name}": {stage: case.spread(name, stage).median for stage in case.samples[name][0].stages}
        for case in topic.cases
        for name in case.samples
    }
    _plot("stages", plots.stacked_bars("Time by stage", "seconds", bars))
    parts = ["## The whole way\n"]
    parts.append(
        "The chain by hand and the playbook with community.postgresql dump, hash, restore and hash again. They do not"
        " look at rows, definitions or production; `incomex.closeout` does, and that is in its time.\n"
    )
    parts.append("![Time by stage](benchmarks/stages.svg)\n")
    for case in topic.cases:
        parts += [f"{_capital(case.title)}, {_size(case)}.\n", _stages(case)]
    return "\n".join(parts)


def _closeout(topic: Topic) -> str:
    """Stages of an almost empty database."""
    parts = ["## A closeout of an almost empty database\n"]
    for case in topic.cases:
        parts += [f"{_capital(case.title)}.\n", _stages(case)]
    return "\n".join(parts)


def _stages(case: Case) -> str:
    """A table of all contestants' stages and the whole."""
    rows = []
    for name, samples in case.samples.items():
        for stage in samples[0].stages:
            rows.append([name, stage, _seconds(case.spread(name, stage))])
        rows.append([name, "**in all**", f"**{_seconds(case.spread(name))}**"])
    return _table(["", "stage", "seconds"], rows)


def _sizes(topic: Topic) -> str:
    """Time and memory over sizes, with both plots."""
    stages = list(topic.cases[0].samples[sizes.OURS][0].stages)
    seconds = {"bare pg_dump": [(_mb(case), case.spread(sizes.BARE).median) for case in topic.cases]}
    for stage in stages:
        seconds[stage] = [(_mb(case), case.spread(sizes.OURS, stage).median) for case in topic.cases]
    peaks = {
        stage: [(_mb(case), case.peak(sizes.OURS, stage) / MB) for case in topic.cases]
        for stage in topic.cases[0].samples[sizes.OURS][0].peaks
    }
    _plot("time", plots.lines("Time over the size of the dump", "MB of a plain dump", "seconds", seconds))
    _plot("memory", plots.lines("Peak memory of modules", "MB of a plain dump", "MB", peaks, _PEAK_LIMIT))
    rows = [
        [
            f"{_mb(case):,.0f} MB",
            _seconds(case.spread(sizes.BARE)),
            *(_seconds(case.spread(sizes.OURS, stage)) for stage in stages),
            ", ".join(f"{case.peak(sizes.OURS, stage) / MB:.0f}" for stage in peaks),
        ]
        for case in topic.cases
    ]
    head = ["dump", "bare pg_dump, s", *(f"{stage}, s" for stage in stages), f"peak of {', '.join(peaks)}, MB"]
    return "\n".join(
        [
            "## Time and memory over the size\n",
            "Modules outside containers, each from its start to its end.\n",
            "![Time over the size of the dump](benchmarks/time.svg)\n",
            "![Peak memory of modules](benchmarks/memory.svg)\n",
            _table(head, rows),
        ]
    )


def _scale(topic: Topic) -> str:
    """Many of a kind."""
    rows = []
    for case in topic.cases:
        for name in case.samples:
            stages = [_seconds(case.spread(name, stage)) for stage in case.samples[name][0].stages]
            counts = ", ".join(str(case.fact(name, count)) for count in scale.COUNTS)
            peaks = ", ".join(f"{case.peak(name, stage) / MB:.0f}" for stage in case.samples[name][0].peaks)
            rows.append([f"{name} of {case.title}", *stages, peaks, counts])
    head = ["", "dump, s", "restore, s", "compare, s", "peaks, MB", "sessions and processes"]
    return "\n".join(
        [
            "## Many of a kind\n",
            "Sessions are those that the server counted during the dump and during the comparison; processes are those"
            " that were seen below the modules of dump, restore and comparison.\n",
            _table(head, rows),
        ]
    )


def _throttle(topic: Topic) -> str:
    """The limit, or why it was not measured."""
    if topic.skipped:
        return f"## The limit of the bandwidth\n\nNot measured: {topic.skipped}.\n"
    rows = [
        [case.title, ", ".join(f"{sample.facts['speed_mb_s']:.1f} MB/s" for sample in samples)]
        for case in topic.cases
        for samples in case.samples.values()
    ]
    return "## The limit of the bandwidth\n\n" + _table(["", "speed of the dump"], rows)


def _fleet(topic: Topic) -> str:
    """Time over hosts."""
    parts = ["## One play over several hosts\n"]
    for case in topic.cases:
        one = fleet.name_of(1)
        parts.append(
            f"{_capital(case.title)}. All hosts are this one machine, each reached by an sshd of its own and closed out"
            " at the same time as the others: they share its processors, as hosts of their own do not.\n"
        )
        rows = [[name, _seconds(case.spread(name)), _ratio(case.ratio(name, one))] for name in case.samples]
        parts.append(_table(["", "seconds", f"seconds of {one} = 1"], rows))
    return "\n".join(parts)


_SECTIONS = {
    "dump": _dump,
    "restore": _restore,
    "chain": _chain,
    "closeout": _closeout,
    "sizes": _sizes,
    "scale": _scale,
    "throttle": _throttle,
    "fleet": _fleet,
}


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with its closing newline."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def _plot(name: str, svg: str) -> None:
    """Write a plot."""
    (_PLOTS / f"{name}.svg").write_text(svg)


def _seconds(found: Spread) -> str:
    """Median and spread."""
    return f"{found.median:.2f} ({found.low:.2f}–{found.high:.2f})"


def _ratio(found: Spread) -> str:
    """Median and spread."""
    return f"{found.median:.2f} ({found.low:.2f}–{found.high:.2f})"


def _mb(case: Case) -> float:
    """The size of a case's dump."""
    return float(case.facts["dump_bytes"]) / MB


def _size(case: Case) -> str:
    """The size in words."""
    return f"a plain dump of {_mb(case):,.0f} MB"


def _capital(text: str) -> str:
    """With a capital letter."""
    return text[:1].upper() + text[1:]
