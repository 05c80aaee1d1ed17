"""A closeout of a standby: the dump is taken there, unlogged data is told as not covered, not failed."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.conftest import ClusterFactory
from tests.integration.closeouts import assert_all_pass, local_variables
from tests.support.playbook import run_playbook
from tests.support.postgres import Cluster


def as_standby(server: Cluster) -> None:
    """Turn a stopped server into a standby of nobody: it stays in recovery and answers read-only queries."""
    server.stop()
    signal = Path(server.data_dir) / "standby.signal"
    signal.touch()
    shutil.chown(signal, Path(server.data_dir).owner(), Path(server.data_dir).group())
    server.start()


def test_a_standby_passes_without_its_unlogged_rows(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path
) -> None:
    """Snapshot, dump and audit work there; an unlogged table is named, in the record and in the notes."""
    server = cluster(16, cutter_governance + "; ALTER TABLE cutter_governance.dot_pair_signature SET UNLOGGED")
    as_standby(server)
    assert server.psql("SELECT pg_is_in_recovery()") == "t"
    evidence = assert_all_pass(run_playbook(local_variables(server, tmp_path)))
    assert evidence["production"]["before"]["in_recovery"] is True
    assert "dot_pair_signature" not in evidence["dump"]["rows"]
    assert evidence["restore"]["rows"]["dot_pair_signature"] == 0
    details = {check["id"]: check["detail"] for check in evidence["checks"]}
    for check in ("dump.rows", "restore.rows"):
        assert "a standby cannot read its unlogged tables: dot_pair_signature" in details[check]
    assert any("standby" in note for note in evidence["plan"]["notes"])
    record = Path(evidence["dump"]["path"]).parent / "closeout.md"
    assert "The server is a standby" in record.read_text()
