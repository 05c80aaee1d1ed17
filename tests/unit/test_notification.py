"""What is told elsewhere: small, whole, and nothing in it that a name could break."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._notification import MOST_BYTES, SCHEMA, notification
from ansible_collections.incomex.closeout.plugins.module_utils._verdict import verdict
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.evidence import ARTEFACT, DUMP_SHA256, RUN_ID, Json, collected, passing, results
from tests.unit.test_summary import THERE_ALREADY, failed, not_begun, stopped

FIELDS = {
    "schema", "result", "host", "db", "label", "run_id", "stamp", "artefact", "sha256", "size_bytes", "rows",
    "duration_s", "failed", "failed_total", "not_run_total", "collection", "subject", "text",
}  # fmt: skip


def told(evidence: dict[str, Any]) -> dict[str, Any]:
    """What is told of evidence, after its verdict."""
    found: dict[str, Any] = notification({**evidence, **verdict(evidence)})
    return found


def strings(value: Any) -> list[str]:
    """Every text in a document."""
    if isinstance(value, dict):
        return [text for inner in value.values() for text in strings(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in strings(inner)]
    return [value] if isinstance(value, str) else []


def test_a_run_that_passed() -> None:
    evidence = passing()
    found = told(evidence)
    assert set(found) == FIELDS
    assert (found["schema"], found["result"], found["run_id"]) == (SCHEMA, "ALL_PASS", RUN_ID)
    assert (found["artefact"], found["sha256"]) == (ARTEFACT, DUMP_SHA256)
    assert (found["size_bytes"], found["rows"]) == (
        evidence["dump"]["size_bytes"],
        evidence["dump"]["manifest"]["rows"],
    )
    assert (found["failed"], found["failed_total"], found["not_run_total"]) == ([], 0, 0)
    assert found["subject"] == f"closeout ALL_PASS: directus on {found['host']}"
    lines = found["text"].splitlines()
    assert lines[0] == f"CLOSEOUT_RESULT: ALL_PASS: database `directus` on `{found['host']}`"
    assert lines[-1] == f"record: `{ARTEFACT}/closeout.md`"


def test_a_run_that_failed_says_why() -> None:
    evidence = passing()
    evidence["dump"]["tables"] = evidence["dump"]["tables"][1:]
    evidence["failures"] = [{"step": "compare", "task": "Compare", "message": "The disk is full"}]
    found = told(evidence)
    assert found["result"] == "FAIL"
    assert found["failed"][0] == {"what": "Compare", "detail": "The disk is full"}
    assert "dump.tables" in {one["what"] for one in found["failed"]}
    assert "`dump.tables`: `missing: " in found["text"] and "`Compare`: `The disk is full`" in found["text"]


def test_a_run_that_did_not_start() -> None:
    problem = {"id": "settings", "object": "closeout_label", "wanted": "w", "found": "f", "do": "d"}
    steps = {**dict.fromkeys(results()), "plan": {**results()["plan"], "problems": [problem], "ready": False}}
    found = told(collected(steps))
    assert (found["result"], found["artefact"], found["size_bytes"]) == ("FAIL", "", None)
    assert found["failed"][0]["what"] == "plan.ready" and "closeout_label: wanted w" in found["failed"][0]["detail"]
    assert "no artefact: it did not begin" in found["text"]


def test_a_run_whose_directory_was_there_already_has_no_artefact() -> None:
    found = told(not_begun())
    assert (found["result"], found["artefact"]) == ("FAIL", "")
    assert found["failed"][0] == {"what": "Make the artefact directory", "detail": THERE_ALREADY}
    assert found["text"].endswith("\nno artefact: it did not begin")


@pytest.mark.parametrize("cleaned_up", [True, False])
@pytest.mark.parametrize("result", [None, failed("no")], ids=["not run", "failed"])
@pytest.mark.parametrize("name", list(results()))
def test_nothing_is_told_of_a_none_wherever_a_run_stopped(name: str, result: Json | None, cleaned_up: bool) -> None:
    found = told(stopped(name, result, cleaned_up=cleaned_up))
    assert found["result"] == "FAIL"
    assert [text for text in strings(found) if re.search(r"\bNone\b", text)] == []


@pytest.mark.parametrize("evidence", [{}, {"checks": None, "failures": 7}, {"run": [], "checks": [7], "result": "x"}])
def test_what_is_no_evidence_is_a_failure(evidence: dict[str, Any]) -> None:
    found = notification(evidence)
    assert set(found) == FIELDS and found["result"] == "FAIL"


_TEXT = st.text(max_size=60) | st.text("`<|>&@\r\n\t\x1b\u202e😀'\"\\", max_size=400) | st.just("😀" * 3000)


@given(
    names=st.fixed_dictionaries(dict.fromkeys(("host", "db", "label", "id", "stamp"), _TEXT)),
    artefact=_TEXT,
    failures=st.lists(st.fixed_dictionaries({"task": _TEXT, "message": _TEXT}), max_size=40),
    result=st.sampled_from(["ALL_PASS", "FAIL"]),
)
def test_whatever_the_names_are(
    names: dict[str, str], artefact: str, failures: list[dict[str, str]], result: str
) -> None:
    """It is small; every field is one printable line; no line of the text is anybody else's, no code span is ended."""
    found = notification(
        {
            "run": {**names, "parts": {"begun": "x"}},
            "settings": {"artefact": artefact},
            "failures": failures,
            "result": {"closeout_result": result},
        }
    )
    assert len(json.dumps(found)) <= MOST_BYTES
    text = found.pop("text")
    assert all(one.isprintable() for one in strings(found))
    assert re.fullmatch(r"[ -~]*", found["subject"])
    assert found["failed_total"] == len(failures)
    code = r"`[^`<|]+`"
    line = rf"CLOSEOUT_RESULT: {result}: database {code} on {code}|label {code}, run {code}|{code}: {code}|and \d+ more"
    for one in text.split("\n"):
        assert re.fullmatch(rf"{line}|record: {code}|no artefact: it did not begin", one), one
        assert one.isprintable()


def test_details_are_cut_and_counted() -> None:
    failures = [{"task": f"Task {number}", "message": "x" * 1000} for number in range(30)]
    found = notification({"failures": failures})
    assert 3 <= len(found["failed"]) < 30 and found["failed_total"] == 30
    assert all(one["detail"].endswith("x [...]") for one in found["failed"])
    assert f"and {30 - len(found['failed'])} more" in found["text"]
