"""docs/example shows what a closeout writes today: its checks, its page, evidence that its schema describes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._files import sha256_of
from ansible_collections.incomex.closeout.plugins.module_utils._sums import read_sums

from tests.support.described import faults
from tests.support.places import ROOT
from tests.unit.test_verdict import CHECKS
from tests.unit.test_view import rendered

EXAMPLE = ROOT / "docs" / "example"
AGAIN = "make it anew: see `make example`"


@pytest.fixture(scope="module")
def evidence() -> Any:
    """The evidence of the example."""
    return json.loads((EXAMPLE / "closeout.json").read_text())


def test_it_passed_with_the_checks_of_today(evidence: Any) -> None:
    assert evidence["result"]["closeout_result"] == "ALL_PASS"
    assert [check["id"] for check in evidence["checks"]] == CHECKS, AGAIN
    assert faults(evidence) == [], AGAIN


def test_its_page_is_the_page_of_its_evidence(evidence: Any) -> None:
    page = rendered(evidence, {"checks": evidence["checks"], "result": evidence["result"]})
    assert (EXAMPLE / "closeout.html").read_text().splitlines() == page.splitlines(), AGAIN


def test_its_files_are_those_that_were_sealed() -> None:
    sealed = read_sums((EXAMPLE / "SHA256SUMS").read_bytes())
    shown = [path for path in EXAMPLE.iterdir() if path.name in sealed]
    assert len(shown) == 4
    assert {path.name: sha256_of(str(path)) for path in shown} == {path.name: sealed[path.name] for path in shown}


def test_every_file_is_described() -> None:
    described = (EXAMPLE / "README.md").read_text()
    names = {path.name for path in EXAMPLE.iterdir()} - {"README.md"}
    assert len(names) > 10 and all(f"]({name})" in described for name in names)
