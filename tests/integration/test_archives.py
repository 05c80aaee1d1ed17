"""The manifest of an archive: what pg_restore makes of a custom or directory dump is scanned as a plain dump is."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._manifest import Manifest, manifest_of, read_manifest

from tests.conftest import ClusterFactory
from tests.integration.module_options import fails, on_socket, private_directory, sha256sum, succeeds
from tests.integration.test_module_pg_scratch_restore import RESTORED, scratch_server, take
from tests.support.postgres import Cluster

SQL = """
SELECT lo_from_bytea(4242, 'large');
CREATE MATERIALIZED VIEW public.seen AS SELECT count(*) FROM cutter_governance.verify_result;
CREATE TABLE public.odd ("a;
b" text, c int GENERATED ALWAYS AS (1) STORED);
INSERT INTO public.odd VALUES (E'\\\\.'), (NULL), (''), (E'a\\tb\\nc');
"""
ANOTHER_ORDER = """
CREATE TABLE public.moved AS SELECT g AS id, repeat('x', g) AS word FROM generate_series(1, 2000) g;
UPDATE public.moved SET id = id WHERE id % 7 = 0;
UPDATE public.moved SET word = word || 'z' WHERE id % 5 = 0;
CREATE VIEW public.some AS SELECT id FROM public.moved WHERE word::varchar IN ('x', 'xx');
"""


def output(server: Cluster, program: str, *arguments: str) -> bytes:
    """What a client program prints."""
    command = [str(server.bin_dir / program), *arguments]
    done = subprocess.run(command, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def described(manifest: Manifest) -> tuple[object, ...]:
    """All that a manifest says but where in the file the blocks are."""
    tables = {key: replace(table, blocks=[]) for key, table in manifest.tables.items()}
    large_objects = list(manifest.large_objects.sorted_data())
    return manifest.complete, sorted(manifest.all_entries()), tables, manifest.sequences, large_objects


@pytest.mark.parametrize("version", [14, 15, 16, 17, 18])
def test_every_format_has_the_same_manifest(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path, version: int
) -> None:
    server = cluster(version, cutter_governance + SQL)
    where = ["-h", str(server.socket_dir), "-p", str(server.port), "-U", server.user, "directus"]
    plain = manifest_of([output(server, "pg_dump", *where)])
    assert plain.complete and [(one.oid, one.bytes) for one in plain.large_objects.data()] == [(4242, 5)]
    assert plain.tables["public", "odd"].rows == 4
    for form in ("custom", "directory"):
        archive = str(tmp_path / form)
        output(server, "pg_dump", f"--format={form}", f"--file={archive}", *where)
        restored = manifest_of([output(server, "pg_restore", "--file=-", archive)])
        assert described(restored) == described(plain)


@pytest.mark.parametrize("version", [14, 18])
def test_an_archive_is_restored_and_compared_by_a_scratch_server_that_reads_it(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path, version: int
) -> None:
    """Its manifest is made meanwhile; the rows of a table in another order are read from the archive once more."""
    server = cluster(version, cutter_governance + SQL + ANOTHER_ORDER)
    dump = take(private_directory(tmp_path / "dump"), on_socket(server))
    where = ["-h", str(server.socket_dir), "-p", str(server.port), "-U", server.user, "directus"]
    archive = dump.directory / "prod.pgc"
    output(server, "pg_dump", "--format=custom", f"--file={archive}", *where)
    archive.chmod(0o600)
    manifest = dump.directory / "archive.json"
    with scratch_server(dump.globals, server.bin_dir) as scratch:
        asked = {**scratch.asked(dump), "path": str(archive), "manifest": str(manifest)}
        restored = succeeds("pg_scratch_restore", asked)["restore"]
        assert (restored["rc"], restored["errors"]["total"]) == (0, 0)
        assert restored["input_sha256"] == sha256sum(archive)
        assert restored["manifest"]["path"] == str(manifest)
        assert restored["manifest"]["sha256"] == sha256sum(manifest)
        document = json.loads(manifest.read_text())
        plain = read_manifest((dump.directory / "manifest.json").read_bytes())[0]
        assert described(read_manifest(manifest.read_bytes())[0]) == described(plain)
        assert document["run_id"] == asked["run_id"]
        assert document["dump"] == {
            "name": "prod.pgc",
            "format": "custom",
            "compression": "none",
            "encryption": "none",
            "size_bytes": archive.stat().st_size,
            "sha256": sha256sum(archive),
        }
        census = dump.directory / "census.json"
        compared = succeeds(
            "pg_dump_compare",
            {
                **scratch.arguments,
                "db": RESTORED,
                "dump": str(archive),
                "globals": str(dump.globals),
                "manifest": str(manifest),
                "manifest_sha256": sha256sum(manifest),
                "census": str(census),
                "census_sha256": sha256sum(census),
            },
        )["compare"]
        assert compared["differences"] == [] and compared["differences_total"] == 0
        assert compared["objects_equal_after_redeparse"] >= 1
        # A restore on 18 keeps the order of this table.
        assert compared["equal_other_order"] >= 1 or version == 18

        scratch.psql("UPDATE public.moved SET word = 'other' WHERE id = 7", RESTORED)
        found = succeeds(
            "pg_dump_compare",
            {
                **scratch.arguments,
                "db": RESTORED,
                "dump": str(archive),
                "globals": str(dump.globals),
                "show_differences": True,
                "manifest": str(manifest),
                "manifest_sha256": sha256sum(manifest),
                "census": str(census),
                "census_sha256": sha256sum(census),
            },
        )["compare"]
        assert [one["object"] for one in found["differences"]] == ["TABLE public.moved"]


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_a_damaged_archive_is_not_restored_for_whole(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path, damage: str
) -> None:
    server = cluster(16, cutter_governance + ANOTHER_ORDER)
    dump = take(private_directory(tmp_path / "dump"), on_socket(server))
    archive = dump.directory / "prod.pgc"
    where = ["-h", str(server.socket_dir), "-p", str(server.port), "-U", server.user, "directus"]
    output(server, "pg_dump", "--format=custom", f"--file={archive}", *where)
    whole = archive.read_bytes()
    middle = len(whole) * 3 // 4
    archive.write_bytes(whole[:middle] if damage == "cut" else whole[:middle] + b"\xff" * 64 + whole[middle + 64 :])
    manifest = dump.directory / "archive.json"
    with scratch_server(dump.globals, server.bin_dir) as scratch:
        refused = fails("pg_scratch_restore", {**scratch.asked(dump), "path": str(archive), "manifest": str(manifest)})
        assert "pg_restore" in refused.msg
        assert "input_sha256" not in refused.data["restore"]
    assert not manifest.exists()


def test_an_archive_is_read_by_no_other_server(cluster: ClusterFactory, cutter_governance: str, tmp_path: Path) -> None:
    server = cluster(16, cutter_governance)
    archive = tmp_path / "prod.pgc"
    where = ["-h", str(server.socket_dir), "-p", str(server.port), "-U", server.user, "directus"]
    output(server, "pg_dump", "--format=custom", f"--file={archive}", *where)
    refused = fails("cg_table_audit", {"dump": str(archive), "schema": "cutter_governance", "expected_tables": ["a"]})
    assert "is an archive of pg_dump's custom format" in refused.msg and "pg_scratch_restore" in refused.msg
