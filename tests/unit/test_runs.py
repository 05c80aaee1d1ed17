"""The runs of a host: what its variable closeout_databases means, and what all of them came to."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._runs import (
    Run,
    announced,
    databases_of,
    outcome,
    runs_of,
)
from ansible_collections.incomex.closeout.plugins.module_utils._statistics import NOTHING, Told

PASSED = {"result": "ALL_PASS", "fail": True, "message": "CLOSEOUT_RESULT: ALL_PASS — /a/closeout.md"}
FAILED = {"result": "FAIL", "fail": True, "message": "CLOSEOUT_RESULT: FAIL. dump.tables: t is missing"}
PLANNED = {"result": "", "fail": True, "message": ""}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, [{}]),
        ("", [{}]),
        ([], [{}]),
        ([""], [{}]),
        ("\n", [{}]),
        ("directus", [{"db": "directus"}]),
        ([2024, {"db": " a ", "schema": "s"}], [{"db": "2024"}, {"db": "a", "schema": "s"}]),
        ("directus, reports\r\nthird\n", [{"db": "directus"}, {"db": "reports"}, {"db": "third"}]),
        (["a,b", " c "], [{"db": "a,b"}, {"db": "c"}]),
        ([{"db": "x", "schema": "s", "user": "u"}, "y"], [{"db": "x", "schema": "s", "user": "u"}, {"db": "y"}]),
    ],
)  # fmt: skip
def test_what_is_given_is_read(given: Any, expected: list[dict[str, Any]]) -> None:
    assert databases_of(given) == expected


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"db": "x"}, "found a dict"),
        (7, "found a int"),
        (["x", True], "found a bool"),
        (["x", ""], "found one without a name"),
        (["", ""], "found one without a name"),
        (["x", None], "found a NoneType"),
        ([["x"]], "found a list"),
        ([{"schema": "s"}], "found one without a name"),
        ([{"db": " "}], "found one without a name"),
        ([{"db": "x", "shema": "s"}], "x: shema: wanted settings"),
        ([{"db": "x", "password": "hush"}], "use closeout_passfile"),
        ([{"db": "x", "closeout_schema": "s"}], "without their prefix"),
        ([{"db": "x", "databases": ["y"]}], "x: databases: wanted settings"),
    ],
)
def test_what_cannot_be_read_is_told_without_its_value(given: Any, said: str) -> None:
    with pytest.raises(ValueError, match="closeout_databases: ") as raised:
        databases_of(given)
    assert said in str(raised.value) and "hush" not in str(raised.value)


def named(*databases: str) -> list[Run]:
    """The runs of some databases of host h."""
    runs: list[Run] = runs_of([{"db": db} for db in databases], {}, "h", "")
    return runs


def test_each_run_is_announced_as_failed_by_a_name_of_its_own() -> None:
    told: Told = {"h/directus": dict(NOTHING)}
    runs = runs_of(databases_of(["directus", "reports", "reports"]), told, "h", "other")
    assert [(run["key"], run["given"]["db"]) for run in runs] == [
        ("h/directus#2", "directus"),
        ("h/reports", "reports"),
        ("h/reports#2", "reports"),
    ]
    assert announced(runs) == {"h/directus#2": NOTHING, "h/reports": NOTHING, "h/reports#2": NOTHING}
    # Without a list there is one, of the host's own database.
    assert runs_of(databases_of(""), {}, "h", "directus") == [{"key": "h/directus", "given": {}}]


def test_all_pass_only_together() -> None:
    runs = named("a", "b")
    both = outcome(runs, {"h/a": PASSED, "h/b": PASSED})
    assert (both["passed"], both["fails"]) == (True, False)
    assert both["message"].startswith("CLOSEOUT_RESULT: ALL_PASS") and "h/b: " in both["message"]
    for ended in ({"h/a": PASSED, "h/b": FAILED}, {"h/a": FAILED, "h/b": PASSED}):
        one = outcome(runs, ended)
        assert (one["passed"], one["fails"]) == (False, True)
        assert one["message"].startswith("CLOSEOUT_RESULT: FAIL. 1 of 2 databases")
        assert "dump.tables: t is missing" in one["message"] and "closeout.md" not in one["message"]


def test_one_that_did_not_end_has_failed() -> None:
    runs = named("a", "b")
    lost = outcome(runs, {"h/a": PASSED})
    assert (lost["passed"], lost["fails"]) == (False, True)
    assert "h/b: CLOSEOUT_RESULT: FAIL. It did not come to its end." in lost["message"]
    assert outcome([], {})["fails"] and not outcome([], {})["passed"]


def test_one_alone_says_its_own_words() -> None:
    runs = named("a")
    assert outcome(runs, {"h/a": FAILED}) == {"passed": False, "fails": True, "message": FAILED["message"]}
    assert outcome(runs, {"h/a": PASSED}) == {"passed": True, "fails": False, "message": PASSED["message"]}


def test_a_failure_that_is_not_to_fail_and_a_plan_that_is_ready() -> None:
    runs = named("a", "b")
    mild = outcome(runs, {"h/a": {**FAILED, "fail": False}, "h/b": PASSED})
    assert (mild["passed"], mild["fails"]) == (False, False)
    planned = outcome(runs, {"h/a": PLANNED, "h/b": PLANNED})
    assert (planned["passed"], planned["fails"]) == (False, False)
    assert outcome(runs, {"h/a": PLANNED, "h/b": FAILED})["fails"]
