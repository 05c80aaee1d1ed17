"""Points in time: text in UTC, there and back."""

from __future__ import annotations

import datetime as dt

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._clock import from_text, stamp, to_text, utc_now
from hypothesis import given
from hypothesis import strategies as st

_ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
_MOMENTS = st.datetimes(dt.datetime(1970, 1, 2), dt.datetime(9990, 1, 1), timezones=_ZONES)


@given(moment=_MOMENTS)
def test_any_moment_survives(moment: dt.datetime) -> None:
    text = to_text(moment)
    assert from_text(text) == moment
    assert text.endswith("Z") and len(text) == 27


@given(one=_MOMENTS, other=_MOMENTS)
def test_texts_sort_as_the_moments_do(one: dt.datetime, other: dt.datetime) -> None:
    """The evidence takes the last moment as the greatest text."""
    assert (to_text(one) < to_text(other)) == (one < other)


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [
        ("2026-05-16T10:46:34.123456Z", 123456),
        ("2026-05-16T10:46:34.123456789Z", 123456),
        ("2026-05-16T10:46:34.1Z", 100000),
        ("2026-05-16T10:46:34Z", 0),
    ],
)
def test_docker_s_forms_are_read(text: str, microsecond: int) -> None:
    assert from_text(text) == dt.datetime(2026, 5, 16, 10, 46, 34, microsecond, dt.timezone.utc)


@pytest.mark.parametrize("text", ["", "now", "2026-05-16", "2026-13-16T10:46:34Z", "2026-05-16T10:46:34.xZ"])
def test_what_is_no_moment_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        from_text(text)


def test_a_stamp_is_in_utc_and_has_no_colon() -> None:
    moment = dt.datetime(2026, 5, 16, 12, 46, 34, 999999, dt.timezone(dt.timedelta(hours=2)))
    assert stamp(moment) == "20260516T104634Z"


def test_now_is_now() -> None:
    before = dt.datetime.now(dt.timezone.utc)
    assert before <= from_text(utc_now()) <= dt.datetime.now(dt.timezone.utc)
