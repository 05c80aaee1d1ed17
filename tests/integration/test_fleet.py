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
from tests.integration.closeouts import (
    as_soon_as,
    assert_all_pass,
    assert_failed,
    last_message,
    local_variables,
    statuses,
)
from tests.support import disks, page
from tests.support.modules import run_module
from tests.support.places import ROOT
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
        yield [stack.enter_context(sshd()) for _number in range(3)]


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
    # A host that could not be reached, whatever else failed.
    assert result.rc == 4, result.stdout
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
    assert failed["settings"]["expected_tables"] == ["t", "missing"]
    assert any("missing" in reason for reason in runs["h1/directus"]["failed"])
    # What AWX is told agrees.
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


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[tuple[Path, Path, Sshd, str]]:
    """Production's root, the scratch host's own one in the same place, that host, and an inventory of both."""
    if os.geteuid() != 0:
        pytest.skip("sshd needs root")
    root, its_own = tmp_path / "root", tmp_path / "its_own"
    root.mkdir(0o700)
    its_own.mkdir(0o700)
    with sshd() as production, sshd({root: its_own}) as there:
        inventory = f"[closeout]\nproduction {production.inventory}\n[others]\nthere {there.inventory}\n"
        yield root, its_own, there, inventory


def test_the_restore_is_tested_on_another_host(
    cluster: ClusterFactory, elsewhere: tuple[Path, Path, Sshd, str]
) -> None:
    """Production is reached by one sshd, the scratch host by another one; the dump goes there and nothing stays."""
    server = cluster(16, ROWS.format(rows=20000))
    root, its_own, there, inventory = elsewhere
    variables = local_variables(server, root, schema="public", scratch_host="there", label="elsewhere")
    result = run_playbook(variables, inventory=inventory, timeout_s=600)
    evidence = assert_all_pass(result)
    assert result.artefact is not None
    assert evidence["settings"]["scratch_host"] == "there"
    assert evidence["settings"]["copy_path"] == f"{result.artefact}_{evidence['run']['id']}.copy"
    assert not [host for host in result.stats.values() if host["rescued"] or host["failures"]]
    assert [path.name for path in its_own.iterdir()] == [] and not list(root.glob("*.copy"))
    assert evidence["restore"]["rows"] == {"t": 20000}
    # Hashed where it was taken, where it was restored, and where it was taken again.
    assert (
        evidence["dump"]["sha256"] == evidence["restore"]["input_sha256"] == evidence["dump"]["sha256_confirmed"] != ""
    )
    # The report of the comparison was brought back, and is among what is sealed.
    assert evidence["restore"]["compare"]["path"] == str(result.artefact / "comparison.json")
    assert json.loads((result.artefact / "comparison.json").read_text())
    assert (result.artefact / "logs" / "restore.log").exists()
    assert "| host |" not in (result.artefact / "closeout.md").read_text()
    assert "`there`" in (result.artefact / "closeout.md").read_text()
    assert {one["name"] for one in result.tasks if "Make a directory on the scratch host" in one["name"]}
    # In check mode both hosts are looked at.
    planned = run_playbook(variables, inventory=inventory, check=True, timeout_s=600)
    assert planned.rc == 0, planned.stdout
    lines = " ".join(planned.task("Print the plan")["result"]["msg"]["plan"])
    assert "on there: processes of this host" in lines and f"there:{root}" in lines
    # One that is not there, or is none of the inventory's, is a problem of the plan.
    there.stop()
    for host in ("there", "nowhere"):
        refused = run_playbook(
            {**variables, "closeout_scratch_host": host}, inventory=inventory, check=True, timeout_s=600
        )
        assert refused.rc != 0
        assert f"{host}: closeout_scratch_host: wanted a host of the inventory" in last_message(refused)
    there.start()


def test_a_scratch_host_that_is_lost(cluster: ClusterFactory, elsewhere: tuple[Path, Path, Sshd, str]) -> None:
    """Lost after the dump: production is witnessed all the same, and what is left there goes when its time is up."""
    server = cluster(16, ROWS.format(rows=20))
    root, its_own, there, inventory = elsewhere
    variables = local_variables(server, root, schema="public", scratch_host="there", scratch_ttl_s=60)
    with as_soon_as(lambda: any(its_own.glob("*.copy/manifest.json")), there.stop):
        result = run_playbook(variables, inventory=inventory, timeout_s=600)
    there.start()
    assert_failed(result)
    assert result.evidence is not None and result.artefact is not None
    checks = statuses(result)
    assert checks["production.identity"] == checks["dump.complete"] == "PASS"
    assert checks["teardown.absent"] in ("NOT_RUN", "FAIL")
    copy = its_own / f"{result.artefact.name}_{result.evidence['run']['id']}.copy"
    assert copy.exists() and not list(root.glob("*.copy"))
    # Not before its time.
    reaped = run_module("pg_scratch_server", {"state": "reaped", "driver": "local", "root": str(its_own)})
    assert copy.exists() and not [one for one in reaped.data["reaped"] if one["kind"] == "copy"]
    mark = json.loads((copy / ".closeout.json").read_text())
    past = f"{mark['expires_boot'].split()[0]} 1.0"
    (copy / ".closeout.json").write_text(json.dumps({**mark, "expires_boot": past}))
    reaped = run_module("pg_scratch_server", {"state": "reaped", "driver": "local", "root": str(its_own)})
    assert [one for one in reaped.data["reaped"] if one["kind"] == "copy" and one["name"] == str(copy)]
    assert not copy.exists() and result.artefact.exists()
    run_module("pg_scratch_server", {"state": "absent", "driver": "local", "run_id": mark["run_id"], "name": "x"})


def test_hosts_that_go_on_at_their_own_pace(tmp_path: Path) -> None:
    """The strategy free knows no run_once: the summary of whoever ends last has all of them."""
    nobody = {"closeout_container": "", "closeout_login_unix_socket": str(tmp_path), "closeout_scratch_driver": "local"}
    variables = {
        **nobody,
        "closeout_root": str(tmp_path / "root"),
        "closeout_databases": "one\ntwo",
        "closeout_summary_dir": str(tmp_path / "summary"),
    }
    inventory = f"[closeout]\nh1 {HERE}\nh2 {HERE} closeout_container=none\n"
    result = run_playbook(variables, inventory=inventory, env={"ANSIBLE_STRATEGY": "free"}, timeout_s=600)
    assert result.rc == 2, result.stdout
    summary = json.loads((tmp_path / "summary" / "fleet.json").read_text())
    assert {run["name"]: run["result"] for run in summary["runs"]} == dict.fromkeys(
        ("h1/one", "h1/two", "h2/one", "h2/two"), "FAIL"
    )
    assert all("plan.ready" in run["failed"][0] for run in summary["runs"]), summary


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"closeout_databases": [{"schema": "x"}]}, "found one without a name"),
        ({"closeout_databases": [{"db": "x", "password": "hush"}]}, "use closeout_passfile"),
        ({"closeout_summary_dir": "relative"}, "wanted an absolute path on the controller"),
    ],
)
def test_bad_input_is_one_clear_message(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    result = run_playbook({"closeout_root": str(tmp_path / "root"), **given})
    assert result.rc == 2 and said in result.stdout and "hush" not in result.stdout
    assert not (tmp_path / "root").exists()
    # Nor was anything written beside the playbook, where a relative path would lead.
    assert not (ROOT / "playbooks" / "relative").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")
def test_no_summary_but_this_play_s_own_is_left(tmp_path: Path) -> None:
    """One that was brought along is refused; one that cannot be written leaves no earlier one; modes stay."""
    summary = tmp_path / "summary"
    summary.mkdir(0o755)
    variables = {
        "closeout_container": "",
        "closeout_login_unix_socket": str(tmp_path),
        "closeout_scratch_driver": "local",
        "closeout_root": str(tmp_path / "root"),
        "closeout_summary_dir": str(summary),
        "closeout_fail": False,
    }
    passed = {"result": "ALL_PASS", "runs": [], "runs_total": 0, "passed_total": 0, "hosts_total": 0}
    refused = run_playbook({**variables, "_closeout_fleet": passed, "_closeout_summary_hosts": []})
    assert refused.rc == 2, refused.stdout
    assert not any("ALL_PASS" in path.read_text() for path in summary.iterdir())
    assert stat.S_IMODE(summary.stat().st_mode) == 0o755
    with disks.small(summary, 1):
        (summary / "fleet.json").write_text(json.dumps(passed))
        disks.fill(summary / "fill")
        result = run_playbook(variables)
        assert result.rc == 0 and "Write the summary: " in result.stdout and "No space left" in result.stdout
        assert [path.name for path in summary.iterdir()] == ["fill"]
