"""The plan of a restore test on another host: what both hosts said is one plan, and silence is a problem."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._plan_elsewhere import joined
from ansible_collections.incomex.closeout.plugins.module_utils._settings import read_settings

PROBLEM = {"id": "scratch", "object": "postgres:16", "wanted": "an image", "found": "none", "do": "docker pull"}
SPACE = {"paths": ["/b"], "needed_bytes": 1, "free_bytes": 2, "for": "the dump"}


def plan(**other: Any) -> dict[str, Any]:
    """Production's plan, ready."""
    given = {"scratch_host": "there", "db": "d", "container": "c"}
    settings, problems = read_settings(given, run_id="0123456789ab", stamp="20260516T104634Z", date="2026-05-16")
    assert not problems
    settings["notify_to"] = ""
    facts = {"space": [SPACE], "for_elsewhere": {"needs": None}}
    return {
        "settings": settings,
        "problems": [],
        "notes": ["here"],
        "ready": True,
        "facts": facts,
        "retention": [],
        **other,
    }


def there(**other: Any) -> dict[str, Any]:
    """What the scratch host said: nothing is in the way."""
    scratch = {"image": "sha256:1", "where": "a container of image x", "version": "16.4"}
    return {"problems": [], "notes": ["a note"], "facts": {"scratch": scratch, "space": [SPACE]}, **other}


def test_both_say_that_nothing_is_in_the_way() -> None:
    whole = joined(plan(), there())
    assert whole["ready"] and whole["problems"] == []
    assert whole["notes"] == ["here", "there: a note"]
    assert whole["settings"]["scratch_image"] == "sha256:1"
    lines = "\n".join(whole["lines"])
    assert "Scratch server: on there: a container of image x, PostgreSQL 16.4" in lines and "Ready: yes" in lines
    assert "Room at there:/b" in lines and "Room at /b" in lines
    assert "for_elsewhere" not in whole["facts"]


def test_a_problem_of_either_keeps_the_run_from_starting() -> None:
    whole = joined(plan(), there(problems=[PROBLEM]))
    assert not whole["ready"] and whole["problems"] == [{**PROBLEM, "object": "there: postgres:16"}]
    assert "Ready: no, see the problems" in whole["lines"]
    whole = joined(plan(problems=[PROBLEM], ready=False), there())
    assert not whole["ready"] and whole["problems"] == [PROBLEM]
    # Nothing is made ready by having no problem there.
    assert not joined(plan(ready=False), there())["ready"]


@pytest.mark.parametrize(
    "silent",
    [None, {}, {"skipped": True}, {"unreachable": True, "msg": "no route"}, {"failed": True, "msg": "no python"}],
)
def test_a_host_that_said_nothing_is_a_problem(silent: dict[str, Any] | None) -> None:
    whole = joined(plan(), silent)
    assert not whole["ready"]
    (problem,) = whole["problems"]
    assert problem["object"] == "there: closeout_scratch_host" and "inventory" in problem["wanted"]
    assert problem["found"] == ((silent or {}).get("msg") or "it is no host of the inventory")


def test_production_that_could_not_be_asked_comes_first() -> None:
    """The other host would have to know of it: one problem, not two."""
    found = joined(plan(problems=[PROBLEM], ready=False, facts={}), None)
    assert not found["ready"] and found["problems"] == [PROBLEM] and "was not looked at" in found["notes"][-1]
    assert not joined(plan(facts={}), there())["ready"]
