"""All closeouts of a play in one document: it passes only when each is known to have passed."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._fleet import CUT_OFF, SILENT, fleet, fleet_view
from ansible_collections.incomex.closeout.plugins.module_utils._notification import notification
from ansible_collections.incomex.closeout.plugins.module_utils._verdict import verdict

from tests.unit.evidence import passing

MOMENT = "2026-05-16T10:46:34Z"
PASSED = {"closeout_result": "ALL_PASS", "closeout_artifact": "/a", "closeout_sha256": "ab"}
FAILED = {"closeout_result": "FAIL", "closeout_artifact": "/b", "closeout_sha256": ""}


def reported(**changes: Any) -> dict[str, Any]:
    """What a run that passed reports."""
    evidence = passing()
    return {**notification({**evidence, **verdict(evidence)}), **changes}


def test_a_fleet_that_passed() -> None:
    document = fleet({"h": {"h/d": PASSED}}, {"h": {"h/d": reported()}}, ["h"], MOMENT, "42")
    assert document["result"] == "ALL_PASS" and document["job"] == "42" and document["written_utc"] == MOMENT
    assert (document["hosts_total"], document["runs_total"], document["passed_total"]) == (1, 1, 1)
    run = document["runs"][0]
    assert (
        run["failed"] == [] and run["sha256"] == reported()["sha256"] and run["size_bytes"] == reported()["size_bytes"]
    )
    assert document["size_bytes_total"] == run["size_bytes"] > 0
    view = fleet_view(document)
    assert (view["sentence"], view["written"]) == ("1 of 1 closeouts passed, on 1 host.", "2026-05-16 10:46:34 UTC")


@pytest.mark.parametrize(
    ("told", "said", "hosts", "why"),
    [
        ({}, {}, [], None),
        ({}, {}, ["h"], SILENT),
        ({"h": {}}, {}, ["h"], SILENT),
        ({"h": {"h/d": PASSED}}, {}, ["h"], CUT_OFF),
        ({"h": {"h/d": FAILED}}, {}, ["h"], CUT_OFF),
        ({"h": {"h/d": FAILED}}, {"h": {"h/d": reported()}}, ["h"], "told in two ways"),
        ({"h": {"h/d": PASSED}}, {"h": {"h/d": reported(result="FAIL")}}, ["h"], "told in two ways"),
        ({"h": {"h/d": {}}}, {"h": {"h/d": reported(result=None)}}, ["h"], CUT_OFF),
    ],
)
def test_what_is_not_known_to_have_passed_has_failed(
    told: dict[str, Any], said: dict[str, Any], hosts: list[str], why: str | None
) -> None:
    document = fleet(told, said, hosts, MOMENT)
    assert document["result"] == "FAIL" and document["passed_total"] == 0
    assert not fleet_view(document)["passed"]
    if why is not None:
        assert why in document["runs"][0]["failed"][0]
    # Beside one that passed it is no better.
    beside = fleet({"g": {"g/d": PASSED}, **told}, {"g": {"g/d": reported()}, **said}, ["g", *hosts], MOMENT)
    assert beside["passed_total"] == 1 and beside["result"] == ("FAIL" if hosts else "ALL_PASS")


def test_hosts_of_the_play_come_first_and_failures_are_shown_first() -> None:
    told = {"other": {"other/d": PASSED}, "h2": {"h2/d": PASSED}, "h1": {"h1/d": FAILED}}
    said = {
        "other": {"other/d": reported()},
        "h2": {"h2/d": reported()},
        "h1": {"h1/d": reported(result="FAIL", failed=[{"what": "dump.rows", "detail": "3, not 4"}], failed_total=3)},
    }
    document = fleet(told, said, ["h2", "h1"], MOMENT)
    assert [run["name"] for run in document["runs"]] == ["h2/d", "h1/d", "other/d"]
    view = fleet_view(document)
    assert [run["name"] for run in view["runs"]] == ["h1/d", "h2/d", "other/d"]
    assert view["runs"][0]["reasons"] == ["dump.rows: 3, not 4", "and 2 more"]
    assert view["sentence"] == "2 of 3 closeouts passed, on 3 hosts."


def test_names_are_one_line() -> None:
    document = fleet({"h\n| x": {"h\n| x/d": PASSED}}, {}, ["h\n| x"], MOMENT)
    assert "\n" not in document["runs"][0]["name"] + document["runs"][0]["host"]
