"""The filters: one printable line of anything; evidence and verdict by their names."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.incomex.closeout.plugins.filter.closeout import FilterModule, closeout_line
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.evidence import RUN_ID, passing, results

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("plain text", "plain text"),
        ("größe 表", "größe 表"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("`x`|<b>", "\\x60x\\x60\\x7c\\x3cb>"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("a\u2028b\x85c\u00a0", "a\\u2028b\\x85c\\xa0"),
        ("\udcff", "\\udcff"),
        (7, "7"),
        (None, "null"),
        (True, "true"),
        ([], "[]"),
        (["a", {"b": "ü"}], '["a", {"b": "ü"}]'),
        (["a`\n"], '["a\\x60\\n"]'),
    ],
)
def test_a_line(value: Any, line: str) -> None:
    assert closeout_line(value) == line


@given(value=_JSON)
def test_anything_is_one_printable_line(value: Any) -> None:
    """Neither Markdown's code, tables and tags nor a terminal can be broken by it."""
    line = closeout_line(value)
    assert line.isprintable()
    assert not set(line) & set("`|<")
    assert len(line.splitlines()) <= 1


@given(text=st.text(st.characters(categories=["L", "Nd"])))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert closeout_line(text) == text


def test_the_filters_by_name() -> None:
    filters = FilterModule().filters()
    assert set(filters) == {
        "closeout_evidence",
        "closeout_verdict",
        "closeout_view",
        "closeout_line",
        "closeout_unrecorded",
        "closeout_history_line",
        "closeout_summary",
        "closeout_notification",
        "closeout_webhook",
        "closeout_foreign",
        "closeout_key",
        "closeout_statistics",
        "closeout_unknown",
    }
    unrecorded = filters["closeout_unrecorded"](passing(), "Write the record", "no space left")
    judged = filters["closeout_verdict"](unrecorded)["result"]
    assert judged["closeout_result"] == "FAIL" and "no space left" in judged["message"]
    assert filters["closeout_foreign"]({"_closeout_a": None}) is True
    with pytest.raises(AnsibleFilterError, match="FAIL. Set from outside: _closeout_a, _closeout_b. Variables"):
        filters["closeout_foreign"]({"_closeout_b": {}, "_closeout_a": "x", "_closeout_c": None})
    assert filters["closeout_verdict"](passing())["result"]["closeout_result"] == "ALL_PASS"
    evidence = filters["closeout_evidence"](results(), "prod1", 42)
    assert evidence["run"]["id"] == RUN_ID
    assert evidence["run"]["host"] == "prod1"
    assert evidence["run"]["orchestrator"]["awx_job_id"] == 42
    assert len(evidence["run"]["collection"]["sha256"]) == 64
    assert filters["closeout_verdict"](evidence)["result"]["closeout_result"] == "ALL_PASS"
