"""A long step says how far it has come; a short one says nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ClusterFactory
from tests.integration.closeouts import assert_all_pass, local_variables
from tests.support.playbook import run_playbook
from tests.support.share import share

LINE = re.compile(r"^\[localhost\] (dump|restore|comparison|checksum): .*$", re.MULTILINE)
# At 1 MB/s it takes some ten seconds.
BIG = """
CREATE TABLE small AS SELECT g FROM generate_series(1, 10) g;
CREATE TABLE big AS SELECT g, repeat('x', 1000) FROM generate_series(1, 10000) g;
CREATE TABLE small2 AS SELECT g FROM generate_series(1, 10) g;
ANALYZE;
"""


@pytest.mark.parametrize("form", share(["plain", "custom"], 2))
def test_a_long_dump_says_how_far_it_has_come(cluster: ClusterFactory, tmp_path: Path, form: str) -> None:
    server = cluster(16, BIG)
    variables = local_variables(
        server, tmp_path / "root", schema="public", format=form, progress_s=1, bandwidth_limit_mb_s=1
    )
    result = run_playbook(variables)
    assert_all_pass(result)
    lines = [found[0] for found in LINE.finditer(result.stdout)]
    dumps = [line for line in lines if " dump: " in line]
    assert len(dumps) >= 2, result.stdout
    assert all(re.search(r"B, about \d+%, .*B/s, ", line) for line in dumps), dumps
    shares = [int(re.findall(r"(\d+)%", line)[0]) for line in dumps]
    assert shares == sorted(shares) and 0 < shares[-1] <= 100


@pytest.mark.parametrize("progress_s", share(["", "0", "10"], 3))
def test_a_short_run_says_nothing(cluster: ClusterFactory, tmp_path: Path, progress_s: str) -> None:
    server = cluster(16, "CREATE TABLE small AS SELECT g FROM generate_series(1, 10) g")
    result = run_playbook(local_variables(server, tmp_path / "root", schema="public", progress_s=progress_s))
    assert_all_pass(result)
    assert not LINE.search(result.stdout)
