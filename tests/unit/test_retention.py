"""Which artefacts go: never the newest good one, never this run's, nothing that a rule keeps."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._clock import to_text
from ansible_collections.incomex.closeout.plugins.module_utils._retention import (
    Artefact,
    Rules,
    When,
    choose,
    moments,
    seconds,
)
from hypothesis import given
from hypothesis import strategies as st

DAY = 86400.0
NOW = 1_800_000_000.0


@st.composite
def artefacts(draw: st.DrawFn) -> list[Artefact]:
    """Artefacts of a database, in any order; some at the same moment, some without a line in the history."""
    count = draw(st.integers(0, 12))
    return [
        Artefact(
            name=f"closeout_{number}",
            run_id=f"run{number}",
            is_good=draw(st.booleans()),
            when=When(NOW - draw(st.integers(0, 8)) * DAY / 2, draw(st.integers(-1, 5))),
        )
        for number in draw(st.permutations(range(count)))
    ]


OWN = st.integers(0, 14).map(lambda number: f"run{number}")
RULES = st.builds(
    Rules, last=st.integers(0, 4), days=st.integers(0, 4), failed=st.none() | st.integers(0, 4)
)  # fmt: skip


def gone(found: list[Artefact], rules: Rules, own: str) -> set[str]:
    """The names of those that go."""
    return {one.name for one, why in choose(found, rules, own, NOW) if not why}


def newest_first(found: list[Artefact], *, good: bool) -> list[Artefact]:
    """Those of one sort."""
    chosen = [one for one in found if one.is_good is good]
    return sorted(chosen, key=lambda one: (one.when, one.name), reverse=True)


@given(found=artefacts(), rules=RULES, own=OWN)
def test_what_goes(found: list[Artefact], rules: Rules, own: str) -> None:
    """Said once more, one condition after the other."""
    good, failed = newest_first(found, good=True), newest_first(found, good=False)
    passed = own in {one.run_id for one in good}
    expected = set()
    for rank, one in enumerate(good):
        by_number = bool(rules.last) and rank < rules.last
        by_age = bool(rules.days) and NOW - one.when.moment_s < rules.days * DAY
        asked = bool(rules.last or rules.days)
        if asked and passed and rank > 0 and one.run_id != own and not by_number and not by_age:
            expected.add(one.name)
    for rank, one in enumerate(failed):
        if rules.failed is not None and rank >= rules.failed and one.run_id != own:
            expected.add(one.name)
    assert gone(found, rules, own) == expected


@given(found=artefacts(), rules=RULES, own=OWN)
def test_what_never_goes(found: list[Artefact], rules: Rules, own: str) -> None:
    told = choose(found, rules, own, NOW)
    assert sorted(one.name for one, _why in told) == sorted(one.name for one in found)
    going = {one.run_id: one for one, why in told if not why}
    assert own not in going
    good = newest_first(found, good=True)
    assert not good or good[0].run_id not in going
    if own not in {one.run_id for one in good}:
        assert not [one for one in going.values() if one.is_good]
    assert gone(found, Rules(), own) == set()


@given(found=artefacts(), rules=RULES, own=OWN, more=st.sampled_from(["last", "days", "failed"]))
def test_a_larger_number_removes_nothing_more(found: list[Artefact], rules: Rules, own: str, more: str) -> None:
    if getattr(rules, more):
        larger = replace(rules, **{more: getattr(rules, more) + 1})
        assert gone(found, larger, own) <= gone(found, rules, own)


@given(found=artefacts(), rules=RULES, own=OWN)
def test_two_rules_together_remove_what_both_would(found: list[Artefact], rules: Rules, own: str) -> None:
    if rules.last and rules.days:
        alone = [gone(found, replace(rules, **{name: 0}), own) for name in ("last", "days")]
        good = {one.name for one in found if one.is_good}
        assert gone(found, rules, own) & good == alone[0] & alone[1] & good


@given(found=artefacts(), rules=RULES, own=OWN)
def test_what_is_older_than_all_changes_nothing_for_the_others(found: list[Artefact], rules: Rules, own: str) -> None:
    older = Artefact("older", "older", True, When(0.0, -1))
    if [one for one in found if one.is_good]:
        assert gone([*found, older], rules, own) - {"older"} == gone(found, rules, own)


@given(found=artefacts(), rules=RULES, own=OWN)
def test_once_is_enough(found: list[Artefact], rules: Rules, own: str) -> None:
    """What a run leaves, the same run would not remove either."""
    going = gone(found, rules, own)
    assert gone([one for one in found if one.name not in going], rules, own) == set()


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        (Rules(), ""),
        (Rules(last=3), "closeout_keep_last: 3"),
        (Rules(days=7, failed=0), "closeout_keep_days: 7, closeout_keep_failed: 0"),
    ],
)
def test_the_rules_in_words(rules: Rules, text: str) -> None:
    assert str(rules) == text
    assert rules.are_given is bool(text)


def test_the_edge_of_a_day() -> None:
    own = Artefact("own", "own", True, When(NOW, 9))
    for age, goes in ((DAY * 2 - 1, set()), (DAY * 2, {"old"}), (DAY * 2 + 1, {"old"})):
        old = Artefact("old", "old", True, When(NOW - age, 1))
        assert gone([own, old], Rules(days=2), "own") == goes


# ---- when a run was


def line(run_id: str, moment_s: float | None) -> dict[str, Any]:
    """A line of the history."""
    return {"run_id": run_id, "started_utc": None if moment_s is None else _text(moment_s)}


def _text(moment_s: float) -> str:
    found: str = to_text(dt.datetime.fromtimestamp(moment_s, dt.timezone.utc))
    return found


def test_a_slow_clock_makes_nothing_old() -> None:
    """The host booted with the year 2001, for one run; another time it was ahead."""
    lines = [line("a", NOW - 3 * DAY), line("b", 1e9), line("c", NOW + DAY), line("d", NOW - DAY), line("e", None)]
    assert moments(lines, NOW) == {
        "a": When(NOW - 3 * DAY, 0),
        "b": When(NOW - 3 * DAY, 1),
        "c": When(NOW - 3 * DAY, 2),
        "d": When(NOW - DAY, 3),
        "e": When(NOW - DAY, 4),
    }


@given(st.lists(st.none() | st.floats(0, 2 * NOW), max_size=12))
def test_no_run_is_older_than_the_one_before_it(clocks: list[float | None]) -> None:
    found = list(moments([line(str(number), clock) for number, clock in enumerate(clocks)], NOW).values())
    assert found == sorted(found)
    assert all(one.moment_s <= NOW for one in found)


@pytest.mark.parametrize("text", [None, "", 7, "yesterday", "2026-05-16", "2026-13-01T00:00:00Z", ["a"]])
def test_what_is_no_moment_is_none(text: Any) -> None:
    assert seconds(text) is None
