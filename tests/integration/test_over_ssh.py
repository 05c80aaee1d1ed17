"""A closeout of another host, over a real sshd: what becomes of a long module when the connection does not hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ClusterFactory
from tests.integration.closeouts import assert_all_pass, local_variables
from tests.support.places import wait_until
from tests.support.playbook import PlaybookResult, run_playbook
from tests.support.postgres import Cluster
from tests.support.share import share
from tests.support.sshd import Sshd, sshd

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="sshd needs root")
# At 1 MB/s the dump takes some seconds.
BIG = "CREATE TABLE big AS SELECT g, repeat('x', 1000) FROM generate_series(1, {rows}) g"
_OURS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'incomex.closeout/%'"


@pytest.fixture
def target() -> Iterator[Sshd]:
    """The host that the closeout works on."""
    with sshd() as server:
        yield server


def begun(
    server: Cluster, root: Path, target: Sshd, pool: ThreadPoolExecutor, **options: Any
) -> Future[PlaybookResult]:
    """A closeout that is dumping by now. (The artefact's mark is a partial file for a moment, too.)"""
    variables = local_variables(server, root, schema="public", bandwidth_limit_mb_s=1)
    inventory = f"[closeout]\nproduction {target.inventory}\n"
    run = pool.submit(run_playbook, variables, inventory=inventory, **options)
    wait_until(lambda: any(path.stat().st_size for path in root.glob("*/*.sql.partial")), 90, "the dump to begin")
    return run


@pytest.mark.parametrize("pipelining", share(["0", "1"], 2))
def test_a_connection_that_is_cut_does_a_dump_no_harm(
    cluster: ClusterFactory, tmp_path: Path, target: Sshd, pipelining: str
) -> None:
    server = cluster(16, BIG.format(rows=6000))
    with ThreadPoolExecutor(1) as pool:
        run = begun(server, tmp_path / "root", target, pool, env={"ANSIBLE_PIPELINING": pipelining})
        target.cut()
        result = run.result()
    evidence = assert_all_pass(result)
    assert evidence["dump"]["rows"] == {"big": 6000}


def test_a_host_that_is_lost_stops_by_itself(cluster: ClusterFactory, tmp_path: Path, target: Sshd) -> None:
    """No connection any more: the controller gives up, and on the target nothing goes on."""
    server = cluster(16, BIG.format(rows=60000))
    root = tmp_path / "root"
    with ThreadPoolExecutor(1) as pool:
        run = begun(server, root, target, pool)
        target.stop()
        try:
            wait_until(lambda: not list(root.glob("*/*.partial")), 30, "the half-written dump to go")
            wait_until(lambda: server.psql(_OURS, "directus") == "0", 10, "our sessions to end")
            result = run.result()
        finally:
            target.start()
    assert result.rc != 0 and result.stats["production"]["unreachable"] == 1
    assert result.evidence is None and "ALL_PASS" not in result.stdout.replace("is not ALL_PASS", "")
