"""The summary: a run in a few lines, whatever came of it."""

from __future__ import annotations

import re

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._summary import summary
from ansible_collections.incomex.closeout.plugins.module_utils._verdict import verdict
from ansible_collections.incomex.closeout.plugins.module_utils._verification_verdict import verification_verdict
from ansible_collections.incomex.closeout.plugins.module_utils._verification_view import verification_summary

from tests.unit import verification
from tests.unit.evidence import ARTEFACT, DUMP, DUMP_SHA256, RUN_ID, Json, collected, passing, results

IN_ANY_CASE = ("teardown", "after", "confirmed", "history")
"""The steps that are done whatever became of the backup and the restore test."""
THERE_ALREADY = f"The artefact directory {ARTEFACT} exists already. Wanted: a new directory."


def told(evidence: Json) -> list[str]:
    """The lines of a run."""
    lines: list[str] = summary({**evidence, **verdict(evidence)})
    assert all(line.isprintable() and len(line) < 530 for line in lines)
    return lines


def stopped(name: str, result: Json | None, *, cleaned_up: bool) -> Json:
    """The evidence of a run whose step `name` came to `result`; `cleaned_up` if what is done in any case was done."""
    steps = results()
    before = list(steps)[: list(steps).index(name)]
    after = IN_ANY_CASE if cleaned_up and "plan" in before else ()
    return collected({**{one: steps[one] for one in (*before, *after)}, name: result})


def failed(message: str, **facts: Json) -> Json:
    """What a step registers whose module failed."""
    error = {"wanted": "one thing", "found": "another", "do": "something"}
    return {"failed": True, "changed": False, "msg": message, "error": error, "run_id": RUN_ID, **facts}


def not_begun() -> Json:
    """The evidence of a run whose directory was there already: another run's, with that one's record in it."""
    return stopped("begun", failed(THERE_ALREADY), cleaned_up=True)


def without_dump(**facts: object) -> Json:
    """The evidence of a run whose dump failed, with what was known of it until then."""
    dump = {"path": DUMP, "format": "plain", "compression": "none", "encryption": None, "command": [], **facts}
    return stopped("dump", failed("pg_dump failed; no dump was kept", dump=dump), cleaned_up=True)


def test_a_run_that_passed() -> None:
    assert told(passing()) == [
        "CLOSEOUT_RESULT: ALL_PASS",
        f"database    directus on prod1, label closeout, run {RUN_ID}",
        f"dump        {DUMP}",
        "            4.1 kB, 15 tables with 810 rows",
        "            schema cutter_governance: 12 tables with 780 rows",
        f"            sha256 {DUMP_SHA256}",
        "time taken  dump 1.5 s, restore 0.7 s, restore_test 5.5 s, confirm 1.0 s, total 33.0 s",
        f"checks      {len(verdict(passing())['checks'])} PASS",
        "backup_verified: yes",
        "restore_tested: yes",
        "restore_env_torn_down: yes",
        "production_state: SAFE and UNCHANGED",
        f"record      {ARTEFACT}/closeout.md",
        "            beside it: closeout.html, closeout.json, RESTORE.md",
    ]


def test_a_run_that_failed_says_why_first_and_what_was_not_done() -> None:
    steps = results()
    steps["restore"] = {"failed": True, "msg": "The restore failed: \x1b[31mno\nroom"}
    steps["restored_audit"] = steps["compare"] = None
    lines = told(collected(steps))
    assert lines[0] == "CLOSEOUT_RESULT: FAIL"
    assert "failed      Restore the dump: The restore failed: \\x1b[31mno\\nroom" in lines
    assert any(line.startswith("FAIL        evidence.whole: missing: ") for line in lines)
    assert any(line.startswith("NOT_RUN     ") and "restore.clean" in line for line in lines)
    assert "restore_tested: no" in lines


def test_what_is_told_and_does_not_count_is_there() -> None:
    evidence = passing()
    evidence["trend"].update(previous=None, good=0)
    assert any(line.startswith("INFO        trend.shrink: the first good run") for line in told(evidence))


def test_a_run_that_did_not_begin() -> None:
    for steps in ({}, {"plan": results()["plan"]}, {"plan": {"failed": True, "msg": "x" * 5000}}):
        lines = told(collected(steps))
        assert lines[0] == "CLOSEOUT_RESULT: FAIL"
        assert "dump        none" in lines
        assert lines[-1] == "record      none: the run did not begin"


def test_a_run_whose_directory_was_there_already_names_no_record() -> None:
    """What lies there is another run's, and must not be taken for what is told."""
    lines = told(not_begun())
    assert f"failed      Make the artefact directory: {THERE_ALREADY}" in lines
    assert lines[-1] == "record      none: the run did not begin"
    assert not [line for line in lines if "closeout.md" in line or "beside it" in line]


@pytest.mark.parametrize("facts", [{}, {"rc": 1}, {"rc": 0, "sha256": DUMP_SHA256, "size_bytes": 9, "complete": False}])
def test_a_dump_that_was_not_kept_is_not_named(facts: Json) -> None:
    lines = told(without_dump(**facts))
    assert "dump        none" in lines
    assert not [line for line in lines if DUMP in line or DUMP_SHA256 in line or "None" in line]
    assert lines[-2] == f"record      {ARTEFACT}/closeout.md"


def test_a_record_that_could_not_be_written_is_none_to_rely_on() -> None:
    evidence = passing()
    evidence["failures"] = [{"step": "record", "task": "Write the record", "message": "No space left on device"}]
    lines = told(evidence)
    assert lines[0] == "CLOSEOUT_RESULT: FAIL"
    assert lines[-1] == f"record      {ARTEFACT}/closeout.md could not be written whole"
    assert not [line for line in lines if "beside it" in line]


@pytest.mark.parametrize("length", [3, 500, 501, 20_000])
def test_the_end_of_a_long_message_says_what_to_do(length: int) -> None:
    task = "Take the dump"
    message = "pg_dump failed: ".ljust(length - len(task) - len(": do it again"), "x") + "do it again"
    evidence = passing()
    evidence["failures"] = [{"step": "compare", "task": task, "message": message}]
    (line,) = [line for line in told(evidence) if line.startswith("failed ")]
    assert line.startswith("failed      Take the dump: pg_dump failed: ") and line.endswith("do it again")
    assert ("[...]" in line) is (length > 500)


@pytest.mark.parametrize("cleaned_up", [True, False])
@pytest.mark.parametrize("result", [None, failed("no")], ids=["not run", "failed"])
@pytest.mark.parametrize("name", list(results()))
def test_no_line_says_none_wherever_a_run_stopped(name: str, result: Json | None, cleaned_up: bool) -> None:
    lines = told(stopped(name, result, cleaned_up=cleaned_up))
    assert lines[0] == "CLOSEOUT_RESULT: FAIL"
    assert [line for line in lines if re.search(r"\bNone\b", line)] == []


def told_of_a_verification(name: str, result: Json | None, kind: str = "artefact") -> list[str]:
    """The lines of a verification whose step `name` came to `result`."""
    steps = verification.results(kind)
    done = {one: steps[one] for one in list(steps)[: list(steps).index(name)]}
    evidence = verification.collected({**done, name: result})
    lines: list[str] = verification_summary({**evidence, **verification_verdict(evidence)})
    assert lines[0] == "VERIFICATION_RESULT: FAIL"
    return lines


@pytest.mark.parametrize("kind", ["artefact", "dump"])
def test_a_verification_tells_no_inventory_that_was_not_taken(kind: str) -> None:
    lines = told_of_a_verification("inventory", failed("The dump is cut off"), kind)
    assert f"dump        {DUMP}" in lines and f"            sha256 {DUMP_SHA256}" in lines
    assert not [line for line in lines if "tables with" in line]
    assert lines[-1] == f"record      {verification.RECORD}/verification.md"


def test_a_verification_whose_directory_was_there_already_names_no_record() -> None:
    assert told_of_a_verification("begun", failed(THERE_ALREADY))[-1] == "record      none: the run did not begin"


@pytest.mark.parametrize("result", [None, failed("no")], ids=["not run", "failed"])
@pytest.mark.parametrize("name", list(verification.results()))
@pytest.mark.parametrize("kind", ["artefact", "dump"])
def test_no_line_says_none_wherever_a_verification_stopped(kind: str, name: str, result: Json | None) -> None:
    assert [line for line in told_of_a_verification(name, result, kind) if re.search(r"\bNone\b", line)] == []
