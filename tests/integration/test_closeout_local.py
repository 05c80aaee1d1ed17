"""End to end with the local driver: a server outside containers, no Docker anywhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import ClusterFactory
from tests.integration.closeouts import (
    assert_all_pass,
    assert_failed,
    assert_no_process_left,
    local_variables,
)
from tests.integration.test_progress import LINE as PROGRESS
from tests.support.playbook import LOCAL, run_playbook
from tests.support.postgres import install
from tests.support.share import share


@pytest.mark.parametrize("version", share([14, 15, 17, 18], 4))
def test_every_version_passes(cluster: ClusterFactory, cutter_governance: str, version: int, tmp_path: Path) -> None:
    """The whole closeout on each supported major version, without an error in the restore."""
    server = cluster(version, cutter_governance)
    result = run_playbook(local_variables(server, tmp_path))
    evidence = assert_all_pass(result)
    assert evidence["restore"]["scratch"]["server_version"].split(".")[0] == str(version)
    # No step of it is so long that it would say how far it has come.
    assert not PROGRESS.search(result.stdout)
    assert evidence["restore"]["errors"]["total"] == 0
    # The local scratch server has no TCP, no privileges, and for root a network of its own.
    isolation = evidence["restore"]["scratch"]["isolation"]
    assert isolation["listen_addresses"] == ""
    assert isolation["capabilities"] == [] and isolation["no_new_privileges"]
    assert isolation["user"] != "root"
    if os.geteuid() == 0:
        assert isolation["network_mode"] == "none"
    assert_no_process_left(evidence["run"]["id"])


def test_a_later_version_of_the_scratch_server_passes(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path
) -> None:
    """The target's programs may be of a later version than production: what is new there is no difference."""
    server = cluster(16, cutter_governance)
    server.psql(
        "GRANT ALL ON public.directus_users TO directus; ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO directus;"
        " CREATE PUBLICATION everything FOR ALL TABLES; CREATE COLLATION public.german (LOCALE = 'C')",
        "directus",
    )
    variables = local_variables(server, tmp_path, bin_dir=str(install(18).bin_dir))
    evidence = assert_all_pass(run_playbook(variables))
    assert evidence["production"]["before"]["server_version"].startswith("16.")
    assert evidence["restore"]["scratch"]["server_version"].startswith("18.")


@pytest.mark.usefixtures("compressors")
@pytest.mark.parametrize("compression", share(["zstd", "lz4", "gzip"], 3))
def test_a_compressed_dump_passes(
    cluster: ClusterFactory, cutter_governance: str, compression: str, tmp_path: Path
) -> None:
    """Restored, and compared with rows that the restore stores in another order, from the compressed file alone."""
    server = cluster(16, cutter_governance)
    server.psql(
        "CREATE TABLE public.moved AS SELECT g AS id, repeat('x', g) AS word FROM generate_series(1, 2000) g;"
        " CREATE TABLE public.other AS SELECT g AS id, repeat('y', 2000 - g) AS word FROM generate_series(1, 2000) g;"
        " UPDATE public.moved SET id = id WHERE id % 7 = 0; UPDATE public.other SET id = id WHERE id % 3 = 0;"
        " VACUUM public.moved; UPDATE public.moved SET word = word || 'z' WHERE id % 5 = 0;"
        " CREATE VIEW public.some AS SELECT id FROM public.moved WHERE word::varchar IN ('x', 'xx')",
        "directus",
    )
    variables = local_variables(server, tmp_path, compression=compression, production_content="all")
    evidence = assert_all_pass(run_playbook(variables))
    dump = evidence["dump"]
    assert dump["compression"] == evidence["settings"]["compression"] == compression
    assert dump["path"].endswith({"gzip": ".sql.gz", "zstd": ".sql.zst", "lz4": ".sql.lz4"}[compression])
    assert dump["size_bytes"] < dump["text_bytes"] / 2
    assert evidence["restore"]["input_sha256"] == dump["sha256"] == dump["sha256_confirmed"]
    assert evidence["restore"]["compare"]["equal_other_order"] >= 1
    record = (Path(dump["path"]).parent / "closeout.md").read_text()
    assert f"{compression} of {dump['text_bytes']} bytes of text" in record


def test_twelve_empty_tables_pass(cluster: ClusterFactory, cutter_governance: str, tmp_path: Path) -> None:
    """A counted zero is evidence: the original run had 12 tables and no row. Asked for as a survey does it, by strings,
    and empty ones for what was not filled in."""
    server = cluster(16, cutter_governance)
    names = server.psql(
        "SELECT string_agg(format('cutter_governance.%I', tablename), ',') FROM pg_tables"
        " WHERE schemaname = 'cutter_governance'",
        "directus",
    )
    server.psql(f"TRUNCATE {names} CASCADE", "directus")
    survey = {
        "expected_tables": "",
        "login_port": str(server.port),
        "production_quiet": "true",
        "scratch_ttl_s": "600",
        "protected_containers": "",
        "label": "",
        "db": "",
        "fail": "",
    }
    evidence = assert_all_pass(run_playbook(local_variables(server, tmp_path, **survey)))
    assert evidence["settings"]["scratch_ttl_s"] == 600
    assert evidence["settings"]["label"] == "closeout"
    assert len(evidence["settings"]["expected_tables"]) == 12
    assert evidence["restore"]["rows_total"] == 0
    assert list(evidence["restore"]["rows"].values()) == [0] * 12
    assert evidence["result"]["production_state"] == "SAFE and UNCHANGED"


def test_a_list_that_is_not_given_means_what_production_has(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path
) -> None:
    """Another schema without a list: production's own tables in the snapshot; an empty schema proves nothing."""
    server = cluster(16, cutter_governance + "; CREATE SCHEMA empty;")
    result = run_playbook(local_variables(server, tmp_path, schema="public", schema_alias="pub", expected_tables=[""]))
    evidence = assert_all_pass(result)
    assert evidence["settings"]["expected_source"] == "production_snapshot"
    assert "directus_users" in evidence["settings"]["expected_tables"]
    assert "VERIFY_dump_contains_3_pub_tables" in evidence["result"]["verify"]
    nothing = run_playbook(local_variables(server, tmp_path / "empty", schema="empty", expected_tables=["t"]))
    assert_failed(nothing, "dump.tables", "dump.rows", "restore.tables", "restore.rows", "production.tables")


def test_a_play_that_matches_no_host_fails(tmp_path: Path) -> None:
    """Nothing to do is not well done."""
    for inventory, variables in (("[other]\n" + LOCAL + "\n", {}), ("[closeout]\n", {"closeout_hosts": "nowhere"})):
        result = run_playbook({"closeout_root": str(tmp_path), **variables}, inventory=inventory)
        assert result.rc != 0
        assert "No host matches" in result.stdout
    assert not list(tmp_path.iterdir())
