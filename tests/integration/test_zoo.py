"""The zoo itself: on every version it can be built, dumped without a word, and restored without an error."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ClusterFactory
from tests.support import zoo
from tests.support.postgres import VERSIONS, Cluster
from tests.support.share import share

# What a restore may say. Nothing connects to a publisher, and the file of a foreign table is not there.
_EXPECTED_WARNINGS = (
    "is insufficient to publish logical changes",
    "tables were not subscribed",
    "subscription was created, but is not connected",
)
_RELATIONS = """
SELECT nspname, relname, relkind, relispopulated, relpersistence, relhasrules, relrowsecurity, relreplident
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE (n.oid >= 16384 AND nspname NOT LIKE 'pg\\_toast%' OR nspname = 'public') AND relname <> 'left_invalid'
ORDER BY 1, 2, 3
"""
_ROWS = """
SELECT format('SELECT %L, count(*) FROM ONLY %I.%I', c.oid::regclass, n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE relkind = 'r' AND (n.oid >= 16384 OR nspname = 'public')
"""
# Rows move to another leaf, because the labels of an enum have other numbers in the copy.
_HASHED_BY_ENUM = ("partitions.by_mood_", "partitions.by_list_and_mood_a")


def _run(server: Cluster, program: str, *arguments: str, options: str = "") -> subprocess.CompletedProcess[str]:
    """Run a client program of the server."""
    return subprocess.run(
        [str(server.bin_dir / program), "-h", str(server.socket_dir), "-U", server.user, *arguments],
        capture_output=True, encoding="utf-8", timeout=300, check=False, stdin=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PGOPTIONS": options},
    )  # fmt: skip


def _rows(server: Cluster, db: str) -> dict[str, int]:
    """The number of rows by table, without those whose rows move."""
    counts = {}
    with server.connect(db) as connection, connection.cursor() as cursor:
        cursor.execute("SET search_path = ''; SET quote_all_identifiers = off")
        cursor.execute(_ROWS)
        for (statement,) in cursor.fetchall():
            cursor.execute(statement)
            ((name, count),) = cursor.fetchall()
            counts[name] = count
    return {name: n for name, n in counts.items() if not name.startswith(_HASHED_BY_ENUM)}


@pytest.mark.parametrize("version", share(sorted(VERSIONS), 4))
def test_the_zoo_can_be_dumped_and_restored(version: int, cluster: ClusterFactory, tmp_path: Path) -> None:
    server = cluster(version, db="zoo")
    zoo.build(server, "zoo", big_value=False)
    tables = "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'cutter_governance'::regnamespace"
    assert server.psql(tables, "zoo") == "12"
    assert ("xml" in server.psql("SELECT nspname FROM pg_namespace", "zoo").split()) == zoo.has_xml(server)

    dump = tmp_path / "zoo.sql"
    dumped = _run(server, "pg_dump", "-f", str(dump), "zoo", options="-c timezone=UTC -c bytea_output=hex")
    assert (dumped.returncode, dumped.stderr) == (0, "")
    os.chmod(dump, 0o644)

    server.psql("CREATE DATABASE copy TEMPLATE template0")
    restored = _run(
        server, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "copy", "-f", str(dump),
        options="-c session_replication_role=replica",
    )  # fmt: skip
    warnings = [line for line in restored.stderr.splitlines() if "WARNING" in line or "ERROR" in line]
    assert restored.returncode == 0, restored.stderr
    assert not [line for line in warnings if not any(known in line for known in _EXPECTED_WARNINGS)]
    before, after = _rows(server, "zoo"), _rows(server, "copy")
    assert len(before) > 130 and sum(count > 0 for count in before.values()) > 80
    assert server.psql(_RELATIONS, "copy") == server.psql(_RELATIONS, "zoo")
    # The rows that a firing event trigger would add are among what is compared.
    assert after == before


def test_what_is_kept_out_of_the_zoo_cannot_be_restored(cluster: ClusterFactory, tmp_path: Path) -> None:
    """The day this fails, it belongs into the zoo."""
    server = cluster(16, db="beyond")
    server.psql("CREATE TABLE public.rows AS SELECT 1 AS one", "beyond")
    server.psql((zoo.ZOO / "unrestorable.sql").read_text(), "beyond")

    def errors(*what: str) -> str:
        """What psql says about a dump of a part."""
        dump = tmp_path / "beyond.sql"
        assert _run(server, "pg_dump", "-f", str(dump), *what, "beyond").returncode == 0
        server.psql("DROP DATABASE IF EXISTS copy")
        server.psql("CREATE DATABASE copy TEMPLATE template0")
        return _run(server, "psql", "-X", "-q", "-d", "copy", "-f", str(dump)).stderr

    assert "backslash commands are restricted" in errors("--exclude-table=unrestorable.cycle_marks")
    said = errors("--quote-all-identifiers")
    assert "backslash" not in said and "syntax error" in said
