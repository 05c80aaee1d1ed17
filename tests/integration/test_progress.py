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


@pytest.mark.parametrize(("form", "progress_s"), share([("plain", 1), ("custom", 1), ("plain", 0)], 3))
def test_a_long_dump_says_how_far_it_has_come(
    cluster: ClusterFactory, tmp_path: Path, form: str, progress_s: int
) -> None:
    """That short steps say nothing is seen in test_closeout_local.py."""
    server = cluster(16, BIG)
    variables = local_variables(
        server, tmp_path / "root", schema="public", format=form, progress_s=progress_s, bandwidth_limit_mb_s=1
    )
    result = run_playbook(variables)
    assert_all_pass(result)
    lines = [found[0] for found in LINE.finditer(result.stdout)]
    if not progress_s:
        assert lines == []
        return
    dumps = [line for line in lines if " dump: " in line]
    assert len(dumps) >= 2, result.stdout
    assert all(re.search(r"B, about \d+%, .*B/s, ", line) for line in dumps), dumps
    shares = [int(re.findall(r"(\d+)%", line)[0]) for line in dumps]
    assert shares == sorted(shares) and 0 < shares[-1] <= 100
