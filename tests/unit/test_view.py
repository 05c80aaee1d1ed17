"""What a record's page shows, and that whatever stands in the evidence stays text in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import jinja2
import pytest
from ansible_collections.incomex.closeout.plugins.filter.closeout import closeout_view
from ansible_collections.incomex.closeout.plugins.module_utils._evidence import STEPS
from ansible_collections.incomex.closeout.plugins.module_utils._verdict import verdict
from ansible_collections.incomex.closeout.plugins.module_utils._view import view
from ansible_collections.incomex.closeout.plugins.module_utils._view_limits import limits
from ansible_collections.incomex.closeout.plugins.module_utils._view_text import (
    MISSING,
    counts,
    duration,
    moment,
    number,
    of_percent,
    size,
    size_and_bytes,
    text,
)
from ansible_collections.incomex.closeout.plugins.module_utils._view_timeline import timeline

from tests.support import page
from tests.support.places import ROOT
from tests.unit.evidence import Json, collected, passing, results

TEMPLATES = ROOT / "roles" / "closeout" / "templates"
HOSTILE = "\"'><script>alert(1)</script></title></style></p><!-- & &lt; {{ 1/0 }} ` \x1b[31m \u202e \n"


def judged(evidence: Json) -> Json:
    """Evidence with checks and result, as closeout.json has it."""
    return {**evidence, **verdict(evidence)}


def rendered(evidence: Json, outcome: Json | None = None) -> str:
    """The page, from Jinja alone, which escapes nothing by itself, as in Ansible."""
    loader = jinja2.FileSystemLoader(TEMPLATES)
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined, loader=loader)
    environment.filters["combine"] = lambda one, other: {**one, **other}
    environment.filters["incomex.closeout.closeout_view"] = closeout_view
    template = environment.get_template("closeout.html.j2")
    return template.render(_closeout_evidence=evidence, _closeout_verdict=outcome or verdict(evidence))


def changed(value: Any, change: Callable[[str], str]) -> Any:
    """`value` with every text in it changed, names of mappings too where they are names of tables and the like."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [changed(one, change) for one in value]
    if isinstance(value, dict):
        return {name: changed(one, change) for name, one in value.items()}
    return value


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, MISSING),
        ("", MISSING),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        ([], "none"),
        (["a", "b\n"], "a, b\\n"),
        ({"a": 1}, '{"a": 1}'),
        ("\x1b[31m\u202e", "\\x1b[31m\\u202e"),
        ("<b>", "<b>"),
    ],
)
def test_text(value: Any, wanted: str) -> None:
    assert text(value) == wanted


def test_moment() -> None:
    assert moment("2026-05-16T10:46:34.999999Z") == "2026-05-16 10:46:34 UTC"
    assert moment("2026-04-18T08:00:00.123456789Z") == "2026-04-18 08:00:00 UTC"
    assert moment(None) == moment("") == moment(5) == MISSING
    assert moment("yester\nday") == "yester\\nday"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, MISSING),
        (True, MISSING),
        (-1, MISSING),
        ("5", MISSING),
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (655_400_000, "655.4 MB"),
        (7_000_000_000_000_000, "7000.0 TB"),
    ],
)
def test_size(value: Any, wanted: str) -> None:
    assert size(value) == wanted


def test_size_and_number_exactly() -> None:
    assert size_and_bytes(655_400_001) == "655.4 MB (655,400,001 bytes)"
    assert size_and_bytes(12) == "12 bytes"
    assert size_and_bytes(None) == number(None) == number(True) == MISSING
    assert counts({"owner": 3, "a\n": 0}) == "owner: 3, a\\n: 0" and counts({}) == "none" and counts(None) == MISSING
    assert number(1234567) == "1,234,567" and number(0) == "0"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, MISSING),
        (True, MISSING),
        (-0.1, MISSING),
        (0, "0.00 s"),
        (9.994, "9.99 s"),
        (9.996, "10.0 s"),
        (59.96, "1 min 00 s"),
        (245, "4 min 05 s"),
        (3599.7, "1 h 00 min"),
        (7380, "2 h 03 min"),
    ],
)
def test_duration(value: Any, wanted: str) -> None:
    assert duration(value) == wanted


def test_per_cent() -> None:
    assert [of_percent(1, 4), of_percent(5, 4), of_percent(-1, 4)] == [25.0, 100.0, 0.0]
    assert [of_percent(1, 0), of_percent(None, 4), of_percent(1, None)] == [0.0] * 3


def stages(*parts: tuple[str, str, float]) -> Json:
    return {
        "run": {
            "stages": [
                {"step": step, "started_utc": f"2026-05-16T10:{minute}Z", "duration_s": took}
                for step, minute, took in parts
            ]
        },
        "failures": [{"step": "restore", "task": "x", "message": "y"}],
    }


def test_the_timeline_is_on_one_axis() -> None:
    found = timeline(stages(("plan", "00:00.5", 10), ("dump", "00:20.5", 60), ("restore", "01:30.5", 10)))
    assert found["total"] == "1 min 40 s" and found["total_s"] == 100
    assert [(strip["left"], strip["width"]) for strip in found["bars"]] == [(0, 10), (20, 60), (90, 10)]
    assert [strip["failed"] for strip in found["bars"]] == [False, False, True]
    assert [strip["kind"] for strip in found["bars"]] == ["production", "production", "scratch"]
    assert found["bars"][2]["begins"] == "1 min 30 s" and found["bars"][2]["duration"] == "10.0 s"


def test_a_short_stage_is_seen_and_stays_inside() -> None:
    bars = timeline(stages(("dump", "00:00.0", 1000), ("after", "16:40.0", 0.001)))["bars"]
    assert bars[1]["width"] > 0 and bars[1]["left"] + bars[1]["width"] <= 100


@pytest.mark.parametrize(
    "stage",
    [
        None,
        {"step": "elsewhere", "started_utc": "2026-05-16T10:00:00.0Z", "duration_s": 1},
        {"step": "dump", "started_utc": "yesterday", "duration_s": 1},
        {"step": "dump", "started_utc": "2026-05-16T10:00:00.0Z", "duration_s": -1},
        {"step": "dump", "started_utc": "2026-05-16T10:00:00.0Z", "duration_s": True},
        {"step": ["dump"], "started_utc": "2026-05-16T10:00:00.0Z", "duration_s": 1},
    ],
)
def test_a_stage_without_times_has_no_bar(stage: Any) -> None:
    assert timeline({"run": {"stages": [stage]}})["bars"] == []


def test_every_step_has_its_bar() -> None:
    assert len(view(judged(passing()))["timeline"]["bars"]) == len(STEPS)


def test_a_passing_record() -> None:
    shown = view(judged(passing()))
    assert shown["verdict"]["passed"] is True and shown["verdict"]["result"] == "ALL_PASS"
    assert shown["verdict"]["sentence"].startswith("All ") and "not counted" not in shown["verdict"]["sentence"]
    assert [claim["good"] for claim in shown["verdict"]["claims"]] == [True] * 4
    assert "VERIFY_restore_test: PASS" in shown["verdict"]["lines"]
    assert shown["problems"] == []
    assert {one["same"] for one in shown["witnesses"]} == {"", "same"}
    assert {one["content"] for one in shown["audited"]["tables"]} == {"equal"}
    assert shown["biggest"][0]["width"] == 100 > shown["biggest"][1]["width"] > 0
    assert {one["label"]: one["value"] for one in shown["isolation"]}["network"] == "none"
    assert {one["label"]: one["value"] for one in shown["isolation"]}["privileged"] == "no"
    assert {one["label"]: one["value"] for one in shown["isolation"]}["memory limit"] == "1.1 GB"
    assert {one["value"] for one in shown["teardown"] if one["label"] != "removed"} == {"none"}


def test_what_was_not_inspected_is_not_none() -> None:
    shown = view(judged(collected({})))
    assert {one["value"] for one in shown["isolation"]} == {MISSING}
    assert {one["value"] for one in shown["teardown"]} == {MISSING}
    assert {one["same"] for one in shown["witnesses"]} == {""}


def test_a_failure_comes_first_with_its_reason() -> None:
    steps = results()
    steps["restore"] = {"failed": True, "msg": "no room", "changed": False}
    steps["restored_audit"] = steps["compare"] = None
    shown = view(judged(collected(steps)))
    assert shown["verdict"]["result"] == "FAIL" and "did not pass" in shown["verdict"]["sentence"]
    assert shown["problems"][0] == {"label": "Restore the dump", "value": "no room"}
    assert not shown["compared"]["done"]


def test_a_change_of_production_is_seen() -> None:
    evidence = passing()
    evidence["production"]["after"]["postmaster_start_utc"] = "2026-05-16T10:46:40.000001Z"
    evidence["production"]["after"]["checkpointer_start_utc"] = "2026-05-16T10:46:40.000002Z"
    evidence["production"]["after"]["statistics_reset_utc"]["pg_stat_wal"] = "2026-05-16T10:46:40.000003Z"
    evidence["dump"]["content"]["verify_result"] = "00" * 32
    shown = view(judged(evidence))
    labels = ["server started", "checkpointer started", "pg_stat_wal counts since"]
    assert [one["label"] for one in shown["witnesses"] if one["same"] == "changed"] == labels
    assert [one["name"] for one in shown["audited"]["tables"] if one["content"] == "different"] == ["verify_result"]


def test_a_schema_of_many_tables_stays_readable() -> None:
    evidence = passing()
    evidence["settings"]["expected_tables"] = [f"t{number}" for number in range(1000)]
    shown = view(judged(evidence))["audited"]
    assert len(shown["tables"]) == 200 and shown["left_out"] == 1012 - 200
    assert len(rendered(evidence).encode()) < 300_000


def test_what_it_does_not_prove_is_what_the_document_says() -> None:
    document = (ROOT / "docs" / "what-a-pass-proves.md").read_text()
    section = document.partition("\n## It does not prove\n")[2].partition("\n## ")[0]
    claims = [claim.rstrip(".") for claim in re.findall(r"^- \*\*(.*?)\*\*", section, re.MULTILINE)]
    assert [one["claim"] for one in limits({})] == claims
    everything = [one["claim"] for one in limits({"settings": {"production_content": "all"}})]
    assert everything == claims[1:]


def test_the_page_is_whole_and_needs_nothing_else() -> None:
    html = rendered(passing())
    found = page.elements(html)
    assert html.startswith("<!DOCTYPE html>\n")
    assert {one.tag for one in found} & {"script", "link", "img", "iframe", "object", "a", "form", "base"} == set()
    assert not {name for one in found for name in one.attributes} & {"src", "href", "style", "action"}
    assert not [name for one in found for name in one.attributes if name.startswith("on")]
    assert "url(" not in html and "@import" not in html and "http://" not in html and "https://" not in html
    identifiers = [one.attributes["id"] for one in found if "id" in one.attributes]
    assert len(identifiers) == len(set(identifiers))
    assert len(html.encode()) < 100_000


def test_every_check_stands_in_the_page() -> None:
    evidence = passing()
    shown = page.texts(rendered(evidence))
    for check in verdict(evidence)["checks"]:
        for name in ("id", "title", "status", "detail"):
            assert check[name] in shown


def test_every_text_of_the_evidence_stays_text() -> None:
    """The page of evidence whose every text is hostile has the elements of the ordinary one, one by one."""
    evidence = passing()
    evidence["settings"]["attestations"] = ["stated"]
    ordinary = rendered(evidence)
    outcome = verdict(evidence)
    fixed = {evidence["run"]["stages"][0]["started_utc"], *STEPS}
    kept = {"PASS", "INFO", "FAIL", "NOT_RUN", "ALL_PASS"}

    def change(value: str) -> str:
        return value if value in kept or value in fixed or re.match(r"\d{4}-", value) else HOSTILE + value

    def all_changed(value: Any) -> Any:
        return changed(value, change)

    hostile = rendered(all_changed(evidence), all_changed(outcome))
    assert [one.kind for one in page.elements(hostile)] == [one.kind for one in page.elements(ordinary)]
    assert "alert(1)" in hostile and "<script" not in hostile
    assert sum("<script>alert(1)</script>" in one for one in page.texts(hostile)) > 100


@pytest.mark.parametrize(("name", "least"), [("closeout.html.j2", 80), ("fleet.html.j2", 10)])
def test_every_place_of_the_template_is_escaped(name: str, least: int) -> None:
    """Whatever is printed goes through `e`, or is a macro's, in which it does."""
    template = (TEMPLATES / name).read_text()
    macros = set(re.findall(r"\{% macro (\w+)\(", template))
    places = re.findall(r"\{\{ (.*?) \}\}", template)
    assert macros and len(places) > least
    unescaped = [place for place in places if not place.endswith(" | e") and place.split("(")[0] not in macros]
    assert unescaped == []


@pytest.mark.parametrize("count", range(len(STEPS) + 1))
def test_a_run_that_stopped_anywhere_has_its_page(count: int) -> None:
    steps = results()
    names = list(steps)
    evidence = collected({name: steps[name] for name in names[:count]})
    shown = page.texts(rendered(evidence))
    assert ("ALL_PASS" if count == len(names) else "FAIL") in shown


@pytest.mark.parametrize("odd", ["x", 5, [1], {"a": {}}, None, True])
def test_evidence_of_another_form_is_shown_all_the_same(odd: Any) -> None:
    """Nothing that a module could answer keeps the page from being written."""
    evidence = passing()
    for part in ("settings", "plan", "production", "dump", "restore", "teardown", "trend", "failures"):
        page.elements(rendered({**evidence, part: odd}, verdict(evidence)))
        if not isinstance(evidence[part], dict):
            continue
        for name in evidence[part]:
            view({**judged(evidence), part: {**evidence[part], name: odd}})
