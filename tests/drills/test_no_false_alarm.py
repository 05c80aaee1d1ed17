"""Drill: untouched databases that hold one of everything pass, on every version; so does PostgreSQL's own regression
suite. Built by DDL and DML, never loaded from a dump."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ClusterFactory
from tests.integration.closeouts import assert_all_pass, local_variables
from tests.support import regression, zoo
from tests.support.playbook import run_playbook
from tests.support.share import share

VERSIONS = (18, 17, 16, 15, 14)
# One value of 100 MB is enough for all versions.
WITH_BIG_VALUE = 18


@pytest.mark.parametrize("version", share(VERSIONS, 5))
def test_one_of_everything(cluster: ClusterFactory, tmp_path: Path, version: int) -> None:
    server = cluster(version)
    zoo.build(server, "directus", big_value=version == WITH_BIG_VALUE)
    evidence = assert_all_pass(run_playbook(local_variables(server, tmp_path, production_content="all")))
    compared = evidence["restore"]["compare"]
    assert compared["tables"] > 140 and compared["rows"] > 20_000
    assert compared["objects"] > 850
    # What is told and no fault was really there.
    assert compared["equal_other_order"] >= 1
    assert compared["objects_equal_other_column_order"] >= 1
    assert compared["objects_equal_after_redeparse"] >= 20
    assert compared["sequences"] > 10 and compared["large_objects"] >= 3
    assert compared["differences"] == []


@pytest.mark.timeout(900)
def test_postgresqls_own_regression_suite(cluster: ClusterFactory, tmp_path: Path) -> None:
    """1,500 relations that were made to try everything; the statements that need its C library failed."""
    server = cluster(regression.MAJOR, settings={"max_locks_per_transaction": "256"})
    try:
        report = regression.build_regression(server, "directus")
    except regression.Unavailable as reason:
        pytest.skip(f"the suite's source: {reason}")
    assert report.relations > 1000 and report.dropped_columns > 50
    variables = {"schema": "public", "production_content": "all"}
    evidence = assert_all_pass(run_playbook(local_variables(server, tmp_path, **variables)))
    assert evidence["restore"]["compare"]["tables"] > 500
    assert len(evidence["settings"]["expected_tables"]) > 500
