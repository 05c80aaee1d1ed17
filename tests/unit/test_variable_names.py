"""A variable that nobody reads is found; one that is documented, or handed on by a workflow, is none of these."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from ansible_collections.incomex.closeout.plugins.module_utils._settings import read_settings
from ansible_collections.incomex.closeout.plugins.module_utils._statistics import statistics
from ansible_collections.incomex.closeout.plugins.module_utils._variable_names import OTHERS, unknown

from tests.support.places import ROOT

_RUN = {"run_id": "0123456789ab", "stamp": "20260516T104634Z", "date": "2026-05-16"}


def options(role: str) -> set[str]:
    specified = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text())
    return set(specified["argument_specs"]["main"]["options"])


def test_every_variable_that_is_documented_is_known() -> None:
    documents = [ROOT / "docs" / name for name in ("variables.md", "verifying.md", "fleets.md")]
    tables = {name for path in documents for name in re.findall(r"^\| `(closeout_\w+)` \|", path.read_text(), re.M)}
    assert len(tables) > 50
    assert unknown({*options("closeout"), *options("verify"), *tables}) == {}


def test_every_variable_that_is_known_is_documented() -> None:
    text = "".join(path.read_text() for path in [*(ROOT / "docs").glob("*.md"), *(ROOT / "playbooks").glob("*.yml")])
    assert {name for name in OTHERS if f"closeout_{name}" not in text} == set()


def test_what_a_workflow_hands_on_is_known() -> None:
    one: dict[str, Any] = {"closeout_result": "FAIL", "closeout_artifact": "", "closeout_sha256": ""}
    for told in ({"a": {"a/b": one}}, {"a": {"a/b": one}, "c": {"c/d": one}}):
        assert unknown(statistics(told, list(told))) == {}


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("expected_table", "closeout_expected_tables that is meant"),
        ("protected_container", "closeout_protected_containers that is meant"),
        ("production_quite", "closeout_production_quiet that is meant"),
        ("xyzzy", "correct its name, or remove it"),
    ],
)
def test_what_nobody_reads_is_a_problem_with_a_name(name: str, advice: str) -> None:
    given = unknown([f"closeout_{name}", "closeout_db", "other", "_closeout_plan"])
    assert list(given) == [name]
    _settings, (problem,) = read_settings(dict(given), **_RUN)
    assert problem.object == f"closeout_{name}"
    assert advice in problem.do
