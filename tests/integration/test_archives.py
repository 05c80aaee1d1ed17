"""The manifest of an archive: what pg_restore makes of a custom or directory dump is scanned as a plain dump is."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._manifest import Manifest, manifest_of

from tests.conftest import ClusterFactory
from tests.support.postgres import Cluster

SQL = """
SELECT lo_from_bytea(4242, 'large');
CREATE MATERIALIZED VIEW public.seen AS SELECT count(*) FROM cutter_governance.verify_result;
CREATE TABLE public.odd ("a;
b" text, c int GENERATED ALWAYS AS (1) STORED);
INSERT INTO public.odd VALUES (E'\\\\.'), (NULL), (''), (E'a\\tb\\nc');
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
    return manifest.complete, manifest.entries, tables, manifest.sequences, manifest.large_objects


@pytest.mark.parametrize("version", [14, 15, 16, 17, 18])
def test_every_format_has_the_same_manifest(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path, version: int
) -> None:
    server = cluster(version, cutter_governance + SQL)
    where = ["-h", str(server.socket_dir), "-p", str(server.port), "-U", server.user, "directus"]
    plain = manifest_of([output(server, "pg_dump", *where)])
    assert plain.complete and plain.large_objects[4242].bytes == 5
    assert plain.tables["public", "odd"].rows == 4
    for form in ("custom", "directory"):
        archive = str(tmp_path / form)
        output(server, "pg_dump", f"--format={form}", f"--file={archive}", *where)
        restored = manifest_of([output(server, "pg_restore", "--file=-", archive)])
        assert described(restored) == described(plain)
