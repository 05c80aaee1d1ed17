"""The plots of a database's runs: bars as high as their numbers, whatever a line of the history says."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._view_history import history
from ansible_collections.incomex.closeout.plugins.module_utils._view_text import MISSING, stamped
from hypothesis import given
from hypothesis import strategies as st

from tests.support import page
from tests.unit.evidence import Json, passing
from tests.unit.test_view import HOSTILE, judged, rendered


def line(day: int, size_bytes: Any, result: Any = "ALL_PASS") -> Json:
    """A run as `trend.recent` has it."""
    return {
        "run_id": f"{day:012d}",
        "stamp": f"202605{day:02d}T104634Z",
        "result": result,
        "size_bytes": size_bytes,
        "rows": 10,
        "durations_s": {"total": 60.5},
    }


def after(*lines: Any) -> Json:
    """A passing run after those."""
    evidence = passing()
    evidence["trend"].update(recent=list(lines), entries=len(lines), good=len(lines))
    return judged(evidence)


def test_bars_are_as_high_as_their_numbers() -> None:
    evidence = after(line(1, 0), line(2, 500, "FAIL"), line(3, None), line(4, 2000))
    evidence["dump"]["size_bytes"] = 1000
    plot = history(evidence)["plots"][0]
    assert [strip["height"] for strip in plot["bars"]] == [0, 25, 100, 50]
    assert [strip["top"] + strip["height"] for strip in plot["bars"]] == [100] * 4
    assert [strip["failed"] for strip in plot["bars"]] == [False, True, False, False]
    lefts = [strip["left"] for strip in plot["bars"]]
    # The third run has its place, and no bar.
    assert lefts == sorted(lefts) and lefts[2] - lefts[1] == pytest.approx(2 * (lefts[1] - lefts[0]), abs=0.01)
    assert (plot["first"], plot["now"], plot["range"]) == ("2026-05-01 10:46", "1.0 kB", "0 bytes to 2.0 kB")


def test_each_number_has_its_plot() -> None:
    plots = history(after(line(1, 700)))["plots"]
    assert [plot["title"] for plot in plots] == ["size of the dump", "rows of the database", "time taken"]
    assert all(len(plot["bars"]) == 2 and MISSING not in plot["now"] for plot in plots)
    shown = page.texts(rendered(after(line(1, 700))))
    assert {plot["now"] for plot in plots} <= set(shown)


def test_the_first_run_has_no_plot() -> None:
    evidence = after()
    assert history(evidence)["plots"] == []
    assert any(text.startswith("No other run of this database is in ") for text in page.texts(rendered(evidence)))


def test_a_run_that_did_not_pass_is_shown_as_such_when_it_is_this_one() -> None:
    evidence = after(line(1, 700))
    evidence["result"]["closeout_result"] = "FAIL"
    assert [strip["failed"] for strip in history(evidence)["plots"][0]["bars"]] == [False, True]


values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.integers(), max_size=2)
)


@given(st.lists(st.one_of(values, st.builds(line, st.integers(1, 28), values, values)), max_size=40))
def test_whatever_the_history_says_bars_stay_inside(lines: list[Any]) -> None:
    for plot in history(after(*lines))["plots"]:
        assert plot["bars"]
        for strip in plot["bars"]:
            assert strip["left"] >= 0 and strip["left"] + strip["width"] <= 100.01
            assert 0 <= strip["height"] <= 100 and strip["top"] + strip["height"] == pytest.approx(100)


def test_a_stamp_of_another_form_stays_as_it_is() -> None:
    assert stamped("20260516T104634Z") == "2026-05-16 10:46"
    assert stamped(None) == MISSING and stamped(HOSTILE).isprintable()
