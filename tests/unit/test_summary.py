"""The summary: a run in a few lines, whatever came of it."""

from __future__ import annotations

from ansible_collections.incomex.closeout.plugins.module_utils._summary import summary
from ansible_collections.incomex.closeout.plugins.module_utils._verdict import verdict

from tests.unit.evidence import ARTEFACT, DUMP, DUMP_SHA256, RUN_ID, Json, collected, passing, results


def told(evidence: Json) -> list[str]:
    """The lines of a run."""
    lines: list[str] = summary({**evidence, **verdict(evidence)})
    assert all(line.isprintable() and len(line) < 530 for line in lines)
    return lines


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
