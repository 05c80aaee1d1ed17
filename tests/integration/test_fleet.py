"""Several hosts over real SSH, several databases a host, and one summary of all of it."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ClusterFactory
from tests.integration.closeouts import local_variables
from tests.support import page
from tests.support.playbook import LOCAL, run_playbook
from tests.support.postgres import Cluster
from tests.support.sshd import Sshd, sshd

HERE = LOCAL.removeprefix("localhost ")
ROWS = "CREATE TABLE t AS SELECT g FROM generate_series(1, {rows}) g"


@pytest.fixture
def targets() -> Iterator[list[Sshd]]:
    """Three hosts, each with an sshd of its own."""
    if os.geteuid() != 0:
        pytest.skip("sshd needs root")
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(sshd()) for _ in range(3)]


def of_host(server: Cluster, root: Path, **other: Any) -> str:
    """The variables of a host, for its line in an inventory."""
    variables = local_variables(server, root, schema="public", **other)
    return " ".join(f"{name}='{json.dumps(value)}'" for name, value in variables.items() if value != "") + (
        " closeout_container=''"
    )


def test_one_play_over_hosts_and_databases(cluster: ClusterFactory, tmp_path: Path, targets: list[Sshd]) -> None:
    """Hosts with a server each: one with two databases of which one fails, one that passes, one that is not there."""
    first, second = cluster(16, ROWS.format(rows=3)), cluster(15, ROWS.format(rows=5))
    first.psql("CREATE DATABASE reports")
    first.psql(ROWS.format(rows=7), "reports")
    gone = targets[2]
    gone.stop()
    databases = [{"db": "directus", "expected_tables": ["t", "missing"]}, "reports"]
    inventory = (
        "[closeout]\n"
        f"h1 {targets[0].inventory} {of_host(first, tmp_path / 'h1', databases=databases)}\n"
        f"h2 {targets[1].inventory} {of_host(second, tmp_path / 'h2')}\n"
        f"h3 {gone.inventory} {of_host(second, tmp_path / 'h3')}\n"
    )
    result = run_playbook({"closeout_summary_dir": str(tmp_path / "summary")}, inventory=inventory, timeout_s=600)
    gone.start()
    Path("/tmp/fleet.out").write_text(result.stdout)
    assert result.rc not in (0, 1), result.stdout
    summary = json.loads((tmp_path / "summary" / "fleet.json").read_text())
    runs = {run["name"]: run for run in summary["runs"]}
    assert {name: run["result"] for name, run in runs.items()} == {
        "h1/directus": "FAIL",
        "h1/reports": "ALL_PASS",
        "h2/directus": "ALL_PASS",
        "h3/directus": "FAIL",
    }
    assert summary["result"] == "FAIL" and (summary["passed_total"], summary["runs_total"]) == (2, 4)
    # What it says is what lies there.
    for name, rows in (("h1/reports", 7), ("h2/directus", 5)):
        evidence = json.loads((Path(runs[name]["artefact"]) / "closeout.json").read_text())
        assert evidence["dump"]["sha256"] == runs[name]["sha256"]
        assert evidence["dump"]["manifest"]["rows"] == runs[name]["rows"] == rows
        assert evidence["result"]["closeout_result"] == "ALL_PASS"
    failed = json.loads((Path(runs["h1/directus"]["artefact"]) / "closeout.json").read_text())
    assert (
        failed["settings"]["expected_tables"] == ["missing", "t"] or "missing" in failed["settings"]["expected_tables"]
    )
    assert any("missing" in reason for reason in runs["h1/directus"]["failed"])
    # The host fails with its own database's words, and what AWX is told agrees.
    message = result.task("Fail unless everything passed")
    assert {one["host"] for one in result.tasks if "Fail unless" in one["name"]} == {"h1", "h2"} or message
    told = result.custom_stats["closeout_results"]
    assert {name: one["closeout_result"] for name, one in told.items()} == {
        name: run["result"] for name, run in runs.items()
    }
    assert result.custom_stats["closeout_result"] == "FAIL"
    text = (tmp_path / "summary" / "fleet.md").read_text()
    shown = page.texts((tmp_path / "summary" / "fleet.html").read_text())
    assert text.startswith("# Closeouts: FAIL")
    for name in runs:
        assert f"`{name}`" in text and name in shown
    assert "FAIL" in shown and "2 of 4 closeouts passed, on 3 hosts." in " ".join(shown)
    for path in (tmp_path / "summary").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
