"""The verdict of a verification: what passes, what each fact that is otherwise comes to, and that nobody can take it
for a closeout's, nor a closeout's for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._verdict import verdict
from ansible_collections.incomex.closeout.plugins.module_utils._verification import STEPS, as_restore_test
from ansible_collections.incomex.closeout.plugins.module_utils._verification_verdict import verification_verdict
from ansible_collections.incomex.closeout.plugins.module_utils._verification_view import (
    verification_summary,
    verification_view,
)

from tests.unit import evidence as closeout
from tests.unit.evidence import DUMP_SHA256, Json, alone
from tests.unit.verification import collected, passing, results

OTHER = "00" * 32
TOLD_OF_A_DUMP = {
    "artefact.sums",
    "artefact.signature",
    "recorded.result",
    "dump.sha256_confirmed",
    "dump.tables",
    "dump.rows",
}


def judged(evidence: Json) -> tuple[str, dict[str, str], dict[str, str]]:
    """The result, and statuses and details by check."""
    found = verification_verdict(evidence)
    checks = found["checks"]
    return (
        found["result"]["verification_result"],
        {one["id"]: one["status"] for one in checks},
        {one["id"]: one["detail"] for one in checks},
    )


def put(evidence: Json, path: tuple[Any, ...], value: Any) -> Json:
    """The evidence with another value at one place."""
    changed = alone(evidence)
    place = changed
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return changed


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a document."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield (*path, name)
            yield from places(inner, (*path, name))


@pytest.mark.parametrize("driver", ["docker", "local"])
def test_an_artefact_passes(driver: str) -> None:
    result, statuses, _details = judged(passing("artefact", driver))
    assert result == "ALL_PASS" and set(statuses.values()) == {"PASS"}


@pytest.mark.parametrize("driver", ["docker", "local"])
def test_a_dump_alone_passes_and_says_what_nobody_recorded(driver: str) -> None:
    result, statuses, details = judged(passing("dump", driver))
    assert result == "ALL_PASS"
    assert {name for name, status in statuses.items() if status == "INFO"} == TOLD_OF_A_DUMP
    assert "nothing was there to compare it with" in details["dump.sha256_confirmed"]
    assert "no identity of production was known" in details["scratch.guard"]
    assert verification_verdict(passing("dump", driver))["result"]["as_recorded"] is False


FAULTS: list[tuple[str, tuple[Any, ...], Any]] = [
    ("plan.ready", ("plan",), None),
    ("plan.ready", ("plan", "problems"), [{"id": "i", "object": "o", "wanted": "w", "found": "f", "do": "d"}]),
    ("evidence.whole", ("schema",), "incomex.closeout/evidence/1"),
    ("evidence.whole", ("run", "kind"), "closeout"),
    ("evidence.whole", ("run", "id"), ""),
    ("evidence.whole", ("run", "parts", "compare"), "another"),
    ("evidence.whole", ("failures",), [{"step": "restore", "task": "Restore the dump", "message": "no"}]),
    ("evidence.whole", ("subject", "kind"), "dump"),
    ("evidence.whole", ("recorded",), None),
    ("evidence.whole", ("dump", "rows_total"), 1),
    ("evidence.whole", ("settings", "scratch_driver"), "********"),
    ("artefact.sums", ("sums",), None),
    ("artefact.sums", ("sums", "listed"), 0),
    ("artefact.sums", ("sums", "files"), 17),
    ("artefact.sums", ("sums", "changed_total"), 1),
    ("artefact.sums", ("again", "sums"), None),
    ("artefact.sums", ("again", "sums", "missing_total"), 1),
    ("artefact.sums", ("again", "sums", "listed"), 17),
    ("artefact.signature", ("signature", "good"), False),
    ("artefact.signature", ("signature", "good"), None),
    ("artefact.signature", ("signature", "there"), False),
    ("artefact.signature", ("signature",), None),
    ("recorded.result", ("recorded", "result"), "FAIL"),
    ("recorded.result", ("recorded", "failed"), ["dump.rows"]),
    ("recorded.result", ("recorded", "checks", "dump.tables"), "FAIL"),
    ("recorded.result", ("recorded", "checks", "dump.tables"), "NOT_RUN"),
    ("recorded.result", ("recorded", "checks"), {}),
    ("dump.sha256_confirmed", ("subject", "sha256"), OTHER),
    ("dump.sha256_confirmed", ("subject", "sha256"), None),
    ("dump.sha256_confirmed", ("subject", "sha256_given"), OTHER),
    ("dump.sha256_confirmed", ("recorded", "dump", "sha256"), OTHER),
    ("dump.sha256_confirmed", ("restore", "input_sha256"), OTHER),
    ("dump.sha256_confirmed", ("restore", "input_sha256"), ""),
    ("dump.sha256_confirmed", ("again", "sha256"), OTHER),
    ("dump.tables", ("dump", "tables"), []),
    ("dump.tables", ("recorded", "expected_tables"), []),
    ("dump.tables", ("recorded", "expected_tables"), ["another"]),
    ("dump.rows", ("dump", "rows", "verify_result"), 1),
    ("dump.rows", ("dump", "data_missing_total"), 1),
    ("dump.rows", ("recorded", "snapshot", "tables", "verify_result", "rows"), 1),
    ("scratch.guard", ("restore", "nonce"), "another"),
    ("scratch.guard", ("restore", "guard"), None),
    ("scratch.guard", ("known",), None),
    ("scratch.guard", ("known", "unknown"), True),
    ("scratch.guard", ("known", "production"), {}),
    ("scratch.guard", ("known", "sysids"), ["7309999999999999999"]),
    ("scratch.guard", ("known", "production", "sysid"), "7309999999999999999"),
    ("scratch.guard", ("known", "production", "sysid"), "1"),
    ("scratch.guard", ("known", "production", "container", "id"), "5c" * 32),
    ("scratch.guard", ("known", "production", "data_directory"), "/scratch/data"),
    ("scratch.guard", ("restore", "scratch", "container_id"), "00" * 32),
    ("scratch.isolated", ("restore", "scratch", "isolation", "network_mode"), "bridge"),
    ("scratch.isolated", ("restore", "scratch", "isolation", "mounts"),
     [{"type": "bind", "path": "/x", "writable": False, "source": "/etc"}]),
    ("restore.clean", ("restore", "rc"), 3),
    ("restore.clean", ("restore", "errors", "fatal_total"), None),
    ("restore.tables", ("restore", "tables"), []),
    ("restore.rows", ("restore", "rows", "verify_result"), 1),
    ("restore.content", ("restore", "compare", "manifest_sha256"), OTHER),
    ("restore.content", ("restore", "compare", "content_differences"), 1),
    ("restore.objects", ("restore", "compare", "census_sha256"), ""),
    ("restore.objects", ("restore", "compare", "object_differences"), 1),
    ("restore.objects", ("restore", "compare", "catalogue"), None),
    ("restore.objects", ("recorded", "snapshot", "census", "facts", "column"), 1),
    ("teardown.absent", ("teardown", "processes"), ["7"]),
    ("teardown.absent", ("teardown",), None),
    ("teardown.storage", ("teardown", "paths"), ["/opt/copy"]),
    ("teardown.storage", ("teardown", "volumes"), None),
]  # fmt: skip


@pytest.mark.parametrize(("check", "path", "value"), FAULTS)
def test_what_is_otherwise_fails(check: str, path: tuple[Any, ...], value: Any) -> None:
    if (check, path[-1]) == ("restore.clean", "fatal_total"):
        path, value = ("restore", "errors", "total"), 1
    result, statuses, _details = judged(put(passing(), path, value))
    assert result == "FAIL"
    assert statuses[check] in ("FAIL", "NOT_RUN")


FAULTS_OF_A_DUMP: list[tuple[str, tuple[Any, ...], Any]] = [
    ("dump.sha256_confirmed", ("subject", "sha256_given"), OTHER),
    ("dump.sha256_confirmed", ("again", "sha256"), OTHER),
    ("dump.tables", ("dump", "tables"), []),
    ("dump.rows", ("dump", "data_missing_total"), 1),
    ("dump.rows", ("dump", "manifest", "tables_with_data"), 0),
    ("scratch.guard", ("known", "unknown"), False),
    ("restore.content", ("restore", "compare", "census_sha256"), "ce" * 32),
    ("restore.objects", ("restore", "compare", "object_differences"), 1),
    ("restore.objects", ("restore", "compare", "sequences"), 3),
    ("restore.objects", ("dump", "manifest", "large_objects"), 1),
    ("restore.objects", ("restore", "compare", "objects_equal"), 0),
]


@pytest.mark.parametrize(("check", "path", "value"), FAULTS_OF_A_DUMP)
def test_what_is_otherwise_in_a_dump_alone_fails(check: str, path: tuple[Any, ...], value: Any) -> None:
    result, statuses, _details = judged(put(passing("dump"), path, value))
    assert result == "FAIL"
    assert statuses[check] in ("FAIL", "NOT_RUN")


@pytest.mark.parametrize("kind", ["artefact", "dump"])
def test_nothing_that_is_missing_anywhere_makes_more_pass(kind: str) -> None:
    """Whatever is null, no check says PASS that did not before, and what is required makes the whole fail."""
    whole = passing(kind)
    before = judged(whole)[1]
    for path in places(whole):
        result, statuses, _details = judged(put(whole, path, None))
        better = {name for name, status in statuses.items() if status == "PASS" and before[name] != "PASS"}
        assert not better, (path, better)
        if path in (("restore",), ("teardown",), ("dump",), ("again",), ("subject",), ("known",), ("plan",), ("run",)):
            assert result == "FAIL", path


def test_a_given_digest_and_a_given_list_count() -> None:
    evidence = put(put(passing("dump"), ("subject", "sha256_given"), DUMP_SHA256), ("dump", "expected_source"), "given")
    result, statuses, _details = judged(evidence)
    assert result == "ALL_PASS"
    assert {statuses["dump.sha256_confirmed"], statuses["dump.tables"]} == {"PASS"}


def test_a_signature_that_nobody_can_check_is_told() -> None:
    for there, told in ((True, "was not checked"), (False, "is not signed")):
        evidence = put(passing(), ("signature",), {"there": there, "asked_for": False, "good": None})
        result, statuses, details = judged(evidence)
        assert (result, statuses["artefact.signature"]) == ("ALL_PASS", "INFO")
        assert told in details["artefact.signature"]


@pytest.mark.parametrize("kind", ["artefact", "dump"])
def test_a_verification_is_never_a_closeout(kind: str) -> None:
    """Neither its evidence, nor what its checks read, nor both put together passes as one; nor the other way round."""
    evidence = passing(kind)
    for document in (evidence, as_restore_test(evidence), {**closeout.passing(), **evidence}):
        assert verdict(document)["result"]["closeout_result"] == "FAIL"
    assert verification_verdict(closeout.passing())["result"]["verification_result"] == "FAIL"
    assert verification_verdict({**evidence, **closeout.passing()})["result"]["verification_result"] == "FAIL"
    assert "closeout_result" not in verification_verdict(evidence)["result"]
    assert verification_verdict({})["result"]["verification_result"] == "FAIL"


@pytest.mark.parametrize("count", range(len(STEPS) + 1))
@pytest.mark.parametrize("kind", ["artefact", "dump"])
def test_a_verification_that_stopped_anywhere_has_a_record(kind: str, count: int) -> None:
    steps = results(kind)
    stopped = {name: steps[name] for name in list(STEPS)[:count]}
    if count < len(STEPS):
        stopped[list(STEPS)[count]] = {"failed": True, "msg": "no\x1b[31m"}
    evidence = collected(stopped)
    found = verification_verdict(evidence)
    whole = count == len(STEPS)
    assert (found["result"]["verification_result"] == "ALL_PASS") is whole
    lines = verification_summary({**evidence, **found})
    assert lines[0] == f"VERIFICATION_RESULT: {'ALL_PASS' if whole else 'FAIL'}"
    assert all(line.isprintable() for line in lines)
    shown = verification_view({**evidence, **found})
    assert shown["passed"] is whole
    assert shown["line"] == lines[0]


def test_what_the_reaper_did_is_shown() -> None:
    steps = results("artefact")
    steps["reaped"] = {
        "changed": True,
        "reaped": [{"kind": "job", "name": "closeout-1", "run_id": ""}],
        "spared": [{"kind": "program", "name": "sh (17)", "run_id": "4711bb", "why": "its parent\n is there"}],
    }
    evidence = collected(steps)
    shown = verification_view({**evidence, **verification_verdict(evidence)})
    said = {one["label"]: one["value"] for one in shown["teardown"]}
    assert said["removed of runs that were gone"] == "job closeout-1 of run —"
    assert said["left of them, because its end could do harm"] == (
        "program sh (17) of run 4711bb: its parent\\n is there"
    )
