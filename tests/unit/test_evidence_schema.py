"""docs/closeout.schema.json describes closeout.json: every field, and nothing else.

Every record of the end-to-end tests is held against it, too (tests/integration/closeouts.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._evidence import SCHEMA
from ansible_collections.incomex.closeout.plugins.module_utils._verdict import verdict

from tests.support.described import DOCUMENT, faults
from tests.unit.evidence import Json, alone, collected, passing, results


def judged(evidence: Json) -> Json:
    """Evidence with checks and result, as closeout.json has it."""
    return alone({**evidence, **verdict(evidence)})


def objects(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every mapping in a document."""
    if isinstance(value, dict):
        yield path
        for name, inner in value.items():
            yield from objects(inner, (*path, name))
    if isinstance(value, list) and value:
        yield from objects(value[0], (*path, 0))


def at(document: Any, path: tuple[Any, ...]) -> Any:
    """What is there."""
    for name in path:
        document = document[name]
    return document


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(DOCUMENT)
    assert DOCUMENT["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert DOCUMENT["properties"]["schema"]["const"] == SCHEMA


@pytest.mark.parametrize("driver", ["docker", "local"])
def test_a_record_that_passes_is_described(driver: str) -> None:
    document = judged(passing(driver))
    assert document["result"]["closeout_result"] == "ALL_PASS"
    assert faults(document) == []


@pytest.mark.parametrize("count", range(2, len(results())))
def test_a_record_of_a_run_that_stopped_anywhere_is_described(count: int) -> None:
    steps = results()
    names = list(steps)
    stopped = {name: steps[name] for name in names[:count]}
    stopped[names[count]] = {"failed": True, "msg": "no", "changed": False, "took": steps["plan"]["took"]}
    document = judged(collected(stopped))
    assert document["result"]["closeout_result"] == "FAIL"
    assert faults(document) == []


def test_nothing_else_may_be_there() -> None:
    """A name that no one described is a fault, but for variables of the role, names of tables and kinds, and lines of
    the history, which another version may have written.
    """
    document = judged(passing())
    free = set()
    for path in objects(document):
        changed = alone(document)
        at(changed, path)["Not Described"] = {"odd": True}
        if not faults(changed):
            free.add(path)
    lines = {path for path in objects(document) if path[0:1] == ("trend",) and len(path) > 1}
    assert free == {("settings",), ("settings", "document")} & set(objects(document)) | lines


@pytest.mark.parametrize(
    "path",
    [
        (),
        ("run",),
        ("run", "collection"),
        ("run", "stages", 0),
        ("production",),
        ("production", "before"),
        ("production", "before", "own_sessions", 0),
        ("production", "snapshot"),
        ("production", "snapshot", "census"),
        ("dump", "manifest"),
        ("dump", "manifest", "biggest", 0),
        ("restore",),
        ("restore", "compare"),
        ("restore", "scratch", "isolation"),
        ("teardown",),
        ("teardown", "containers"),
        ("checks", 0),
        ("result",),
    ],
)
def test_nothing_may_be_missing(path: tuple[Any, ...]) -> None:
    document = judged(passing())
    for name in list(at(document, path)):
        changed = alone(document)
        del at(changed, path)[name]
        assert faults(changed), name


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), "incomex.closeout/evidence/2"),
        (("run", "id"), "x"),
        (("run", "started_utc"), "yesterday"),
        (("production", "before", "sysid"), 7301234567890123456),
        (("production", "before", "rows_total"), -1),
        (("production", "before", "rows_total"), True),
        (("dump", "sha256"), "ab"),
        (("dump", "rows"), {"t": "7"}),
        (("checks", 0, "status"), "OK"),
        (("result", "closeout_result"), "PASS"),
        (("result", "verify"), {"SOMETHING": "PASS"}),
    ],
)
def test_what_is_never_written_is_a_fault(path: tuple[Any, ...], value: Any) -> None:
    document = judged(passing())
    at(document, path[:-1])[path[-1]] = value
    assert faults(document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("plan",), None),
        (("plan", "problems"), [{"id": "i", "object": "o", "wanted": "w", "found": "f", "do": "d"}]),
        (("production", "before"), None),
        (("production", "after", "rows"), None),
        (("dump",), None),
        (("dump", "complete"), False),
        (("dump", "rc"), 1),
        (("dump", "size_bytes"), 0),
        (("dump", "tables"), []),
        (("dump", "sha256_confirmed"), ""),
        (("restore",), None),
        (("restore", "compare"), None),
        (("restore", "guard"), None),
        (("teardown",), None),
        (("teardown", "volumes"), ["v"]),
        (("teardown", "containers", "by_name"), ["c"]),
        (("failures",), [{"step": "dump", "task": "t", "message": "m"}]),
        (("checks", 0, "status"), "FAIL"),
        (("result", "failed"), ["dump.rows"]),
        (("result", "backup_verified"), False),
        (("result", "production_state"), "NOT PROVEN"),
    ],
)
def test_no_pass_is_described_without_its_evidence(path: tuple[Any, ...], value: Any) -> None:
    """The same is as it should be in a record that says FAIL."""
    document = judged(passing())
    at(document, path[:-1])[path[-1]] = value
    assert faults(document)
    document["result"]["closeout_result"] = "FAIL"
    assert faults(document) == []
