"""The evidence: what the steps registered, put in its places; what did not run is null, and nothing is judged."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._evidence import SCHEMA, STEPS
from ansible_collections.incomex.closeout.plugins.module_utils._verdict import verdict

from tests.unit.evidence import RUN_ID, TABLES, Json, collected, results

PART = {
    "plan": ("plan",),
    "before": ("production", "before"),
    "dump": ("dump",),
    "scratch": ("restore",),
    "teardown": ("teardown",),
    "after": ("production", "after"),
}


def at(document: Any, *path: str) -> Any:
    """Return what is at `path`."""
    for name in path:
        document = document[name]
    return document


def test_the_document_of_a_whole_run() -> None:
    evidence = collected(results())
    assert evidence["schema"] == SCHEMA
    assert evidence["run"]["id"] == RUN_ID
    assert evidence["run"]["parts"] == dict.fromkeys(set(STEPS) - {"reaped"}, RUN_ID)
    assert evidence["run"]["started_utc"] == "2026-05-16T10:46:34.000001Z"
    assert evidence["run"]["finished_utc"] == "2026-05-16T10:47:07.000001Z"
    assert (evidence["settings"]["expected_tables"], evidence["settings"]["expected_source"]) == (TABLES, "given")
    assert evidence["run"]["reaped"] == evidence["run"]["spared"] == []
    assert evidence["failures"] == []
    assert "checks" not in evidence and "result" not in evidence


def test_what_the_dump_took_for_expected_is_what_counts() -> None:
    """An empty list means what production has in the snapshot; the dump says which tables these are."""
    steps = results()
    steps["plan"]["settings"]["expected_tables"] = []
    steps["dump"]["expected_source"] = "production_snapshot"
    found = collected(steps)["settings"]
    assert (found["expected_tables"], found["expected_source"]) == (TABLES, "production_snapshot")


@pytest.mark.parametrize(
    "state",
    [
        None,
        {"skipped": True, "changed": False},
        {"unreachable": True, "msg": "no route"},
        {"failed": True, "msg": "no"},
    ],
)
@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_did_not_run_has_no_part(step: str, state: Json | None) -> None:
    """And the run does not pass, except where reaping others' leftovers was not possible."""
    steps = results()
    steps[step] = state
    evidence = collected(steps)
    assert step not in evidence["run"]["parts"]
    if step in PART:
        assert at(evidence, *PART[step]) is None
    assert [one["step"] for one in evidence["failures"]] == ([step] if state and not state.get("skipped") else [])
    passed = verdict(evidence)["result"]["closeout_result"] == "ALL_PASS"
    assert passed == (step == "reaped" and not evidence["failures"])


def test_nothing_ran() -> None:
    evidence = collected({})
    assert evidence["plan"] is evidence["dump"] is evidence["restore"] is evidence["teardown"] is None
    assert evidence["run"]["parts"] == {}
    found = verdict(evidence)
    assert found["result"]["closeout_result"] == "FAIL"
    assert not {one["status"] for one in found["checks"]} & {"PASS", "INFO"}


def test_a_failed_step_brings_the_facts_that_it_had() -> None:
    steps = results()
    steps["restore"].update(failed=True, msg="The restore failed")
    steps["restore"]["restore"]["rc"] = 3
    evidence = collected(steps)
    assert evidence["restore"]["rc"] == 3
    assert evidence["run"]["parts"]["restore"] == RUN_ID
    assert evidence["failures"] == [{"step": "restore", "task": STEPS["restore"], "message": "The restore failed"}]


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"failed": True, "msg": "one"}, "one"),
        ({"failed": True, "exception": "Traceback\n  File x\nValueError: two\n"}, "ValueError: two"),
        ({"failed": True}, "no message"),
        ({"failed": True, "msg": "", "exception": " \n"}, "no message"),
        ({"unreachable": True, "msg": "three"}, "The host could not be reached: three"),
    ],
)
def test_a_failure_is_told(result: Json, message: str) -> None:
    assert [one["message"] for one in collected({"plan": result})["failures"]] == [message]


def test_a_part_of_another_run_keeps_its_owner() -> None:
    """What a loop over databases left in a variable must not pass for this run's."""
    steps = results()
    steps["restored_audit"]["run_id"] = "another"
    evidence = collected(steps)
    assert evidence["run"]["parts"]["restored_audit"] == "another"
    assert "evidence.whole" in verdict(evidence)["result"]["failed"]


def test_the_tables_of_the_record_are_the_audits() -> None:
    """What the dump said of itself is not what counts: the audit of manifest and copy is."""
    steps = results()
    steps["dump"]["dump"].update(tables=["x"], rows={"x": 1}, rows_total=1)
    evidence = collected(steps)
    assert (evidence["dump"]["tables"], sorted(evidence["dump"]["rows"])) == (TABLES, TABLES)
    steps["dump_audit"] = None
    assert collected(steps)["dump"]["tables"] is None


def test_without_confirmation_there_is_no_second_checksum() -> None:
    steps = results()
    steps["confirmed"] = None
    dump = collected(steps)["dump"]
    assert (dump["sha256_confirmed"], dump["confirmed_utc"], dump["directory"]) == ("", "", [])


def elsewhere() -> Json:
    """The results of a run whose restore was tested on another host."""
    steps = results()
    settings = steps["plan"]["settings"]
    settings["scratch_host"], settings["copy_path"] = "there", f"{settings['artefact']}.copy"
    steps["teardown_here"] = {**steps["teardown"], "teardown": {**steps["teardown"]["teardown"]}}
    return steps


def test_both_hosts_must_have_nothing_left() -> None:
    """What is left on either is in the evidence; one that did not look makes it null."""
    steps = elsewhere()
    assert collected(steps)["teardown"]["processes"] == []
    steps["teardown_here"]["teardown"]["processes"] = ["4711"]
    steps["teardown"]["teardown"]["paths"] = ["/b/x.copy"]
    found = collected(steps)["teardown"]
    assert (found["processes"], found["paths"]) == (["4711"], ["/b/x.copy"])
    for name in ("teardown", "teardown_here"):
        steps = elsewhere()
        steps[name] = None
        evidence = collected(steps)
        assert evidence["teardown"] is None
        checks = {check["id"]: check["status"] for check in verdict(evidence)["checks"]}
        assert (checks["teardown.absent"], checks["teardown.storage"]) == ("NOT_RUN", "NOT_RUN")
    # Without a scratch host nobody else is asked.
    steps = results()
    steps["teardown_here"] = None
    assert collected(steps)["teardown"] is not None


def test_the_report_of_another_host_is_where_it_was_brought_to() -> None:
    steps = elsewhere()
    settings = steps["plan"]["settings"]
    steps["compare"]["compare"]["path"] = f"{settings['copy_path']}/comparison.json"
    assert collected(steps)["restore"]["compare"]["path"] == f"{settings['artefact']}/comparison.json"
