"""The history over several closeouts of one database: each has its line, and what shrank fails."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

from ansible_collections.incomex.closeout.plugins.module_utils._history import SCHEMA

from tests.conftest import ClusterFactory
from tests.integration.closeouts import (
    as_soon_as,
    assert_all_pass,
    assert_failed,
    assert_sealed,
    last_message,
    local_variables,
    statuses,
)
from tests.support.modules import run_module
from tests.support.playbook import run_playbook
from tests.support.postgres import Cluster


def lines(root: Path) -> list[dict[str, Any]]:
    """The lines of the history, the oldest first."""
    return [json.loads(one) for one in (root / "history.jsonl").read_text().splitlines()]


def test_each_run_has_a_line_and_is_held_against_the_last_good_one(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path
) -> None:
    """First, smaller, told to be right, checked, not started."""
    server, root = cluster(16, cutter_governance), tmp_path / "root"
    server.psql(
        "CREATE TABLE public.much AS SELECT g, repeat('x', 100) AS t FROM generate_series(1, 5000) g", "directus"
    )

    first = run_playbook(local_variables(server, root))
    evidence = assert_all_pass(first)
    assert statuses(first)["trend.shrink"] == "INFO"
    (line,) = lines(root)
    assert (line["run_id"], line["result"], line["host"]) == (evidence["run"]["id"], "ALL_PASS", "localhost")
    assert (line["size_bytes"], line["sha256"]) == (evidence["dump"]["size_bytes"], evidence["dump"]["sha256"])
    assert line["rows"] == evidence["dump"]["manifest"]["rows"] >= 5000
    assert set(line["durations_s"]) == {"dump", "restore", "restore_test", "confirm", "total"}
    assert stat.S_IMODE((root / "history.jsonl").stat().st_mode) == 0o600

    server.psql("DELETE FROM public.much WHERE g > 2500", "directus")
    smaller = run_playbook(local_variables(server, root, label="other", compression="gzip"))
    assert_failed(smaller, "trend.shrink")
    assert smaller.evidence is not None
    assert smaller.evidence["result"]["failed"] == ["trend.shrink"]
    assert f"rows of the database: {line['rows']}, now {line['rows'] - 2500}" in last_message(smaller)
    assert "bytes of the dump's text" in last_message(smaller)

    checked = run_playbook(local_variables(server, root), check=True)
    assert checked.rc == 0, checked.stdout
    assert [one["result"] for one in lines(root)] == ["ALL_PASS", "FAIL"]

    told = run_playbook(local_variables(server, root, shrink_limit_percent="0"))
    assert assert_all_pass(told)["trend"]["entries"] == 2
    again = run_playbook(local_variables(server, root))
    assert statuses(again)["trend.shrink"] == "PASS"
    assert assert_all_pass(again)["trend"]["previous"]["run_id"] == lines(root)[2]["run_id"]

    nobody = run_playbook(local_variables(server, root, user="nobody_there", fail=False))
    assert nobody.rc == 0 and nobody.custom_stats["closeout_result"] == "FAIL"
    unread = run_playbook(local_variables(server, root, compare_jobs="many"))
    assert unread.rc != 0
    assert [one["result"] for one in lines(root)] == ["ALL_PASS", "FAIL", "ALL_PASS", "ALL_PASS", "FAIL"]
    assert lines(root)[-1]["size_bytes"] is None and "plan.ready" in lines(root)[-1]["failed"]


def test_a_run_without_its_line_says_fail(production_cluster: Cluster, tmp_path: Path) -> None:
    """A history that somebody else may write to: found by the plan. One that becomes so: told by the record."""
    root = tmp_path / "root"
    root.mkdir(mode=0o700)
    (root / "history.jsonl").touch()
    (root / "history.jsonl").chmod(0o666)
    refused = run_playbook(local_variables(production_cluster, root))
    assert refused.rc != 0
    assert "is not ours alone" in last_message(refused)
    assert [path.name for path in root.iterdir()] == ["history.jsonl"]

    (root / "history.jsonl").unlink()
    with as_soon_as(lambda: any(root.glob("*/SHA256SUMS")), (root / "history.jsonl").mkdir):
        spoiled = run_playbook(local_variables(production_cluster, root))
    assert spoiled.rc != 0, spoiled.stdout
    assert spoiled.custom_stats["closeout_result"] == "FAIL"
    assert "line in the history could not be written" in last_message(spoiled)
    assert spoiled.evidence is not None and spoiled.artefact is not None
    assert spoiled.evidence["result"]["failed"] == ["evidence.whole"]
    assert_sealed(spoiled.artefact)
    assert "ALL_PASS" not in (spoiled.artefact / "closeout.md").read_text()


def test_check_mode_writes_no_line(tmp_path: Path) -> None:
    line = {"schema": SCHEMA, "run_id": "a", "result": "FAIL"}
    found = run_module(
        "closeout_history", {"state": "added", "root": str(tmp_path), "run_id": "a", "line": line}, check=True
    )
    assert found.data["changed"] and list(tmp_path.iterdir()) == []
    other = run_module("closeout_history", {"state": "added", "root": str(tmp_path), "run_id": "b", "line": line})
    assert other.failed and "belongs to a run" in other.msg and list(tmp_path.iterdir()) == []
    unread = {"state": "added", "root": str(tmp_path), "run_id": "a", "line": {"run_id": "a"}}
    assert run_module("closeout_history", unread).failed and list(tmp_path.iterdir()) == []
    for changed in (True, False):
        added = run_module("closeout_history", {"state": "added", "root": str(tmp_path), "run_id": "a", "line": line})
        assert added.data["changed"] is changed
    assert len(lines(tmp_path)) == 1
