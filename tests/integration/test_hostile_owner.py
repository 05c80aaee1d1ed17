"""Who owns a table of production must not get its functions run with our rights, which may be a superuser's.

To plan a query, the server evaluates what it takes for constant in a table's indexes. `COPY` of a table plans nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ClusterFactory
from tests.integration.module_options import new_run_id
from tests.support.modules import ModuleResult, run_module
from tests.support.postgres import Cluster

# Read-only as our sessions are, they let a superuser run a program.
SQL = r"""
CREATE ROLE mallory LOGIN; CREATE SCHEMA app AUTHORIZATION mallory; SET ROLE mallory;
CREATE FUNCTION app.really() RETURNS int LANGUAGE plpgsql VOLATILE AS $$ BEGIN
    IF current_user <> 'mallory' THEN
        EXECUTE format('COPY (SELECT current_query()) TO PROGRAM %L', 'cat >> @MARK@');
    END IF; RETURN 1; END $$;
CREATE FUNCTION app.harmless() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN app.really(); END $$;
CREATE TABLE app.t (id int, note text); INSERT INTO app.t VALUES (1, 'one'), (2, 'two');
CREATE INDEX ON app.t ((id + app.harmless()));
CREATE STATISTICS app.s ON (id + app.harmless()), note FROM app.t;
CREATE TYPE app.mood AS ENUM ('good', 'bad');
CREATE TABLE app.p (m app.mood, id int) PARTITION BY HASH (m);
CREATE TABLE app.p0 PARTITION OF app.p FOR VALUES WITH (MODULUS 1, REMAINDER 0);
INSERT INTO app.p VALUES ('good', 1); CREATE INDEX ON app.p ((id + app.harmless()));
CREATE SEQUENCE app.q; SELECT nextval('app.q');
"""


def of(server: Cluster, **more: Any) -> dict[str, Any]:
    return {
        "login_unix_socket": str(server.socket_dir), "login_port": server.port, "login_user": server.user,
        "login_db": "directus", "bin_dir": str(server.bin_dir), "schema": "app", "run_id": new_run_id(), **more,
    }  # fmt: skip


def untouched(result: ModuleResult, mark: Path) -> ModuleResult:
    assert not result.failed, result.msg
    assert not mark.exists(), mark.read_text()
    return result


@pytest.mark.parametrize("version", [14, 18])
def test_nobody_s_function_is_run_in_production(cluster: ClusterFactory, tmp_path: Path, version: int) -> None:
    production = cluster(version, "SELECT 1")
    mark = production.directory / "mark"
    production.psql(SQL.replace("@MARK@", str(mark)), "directus")
    tmp_path.chmod(0o700)
    untouched(run_module("pg_witness_info", of(production)), mark)
    untouched(run_module("cg_table_audit", of(production, expected_tables=["p", "p0", "t"])), mark)
    dumped = untouched(
        run_module("pg_dump_readonly", of(production, directory=str(tmp_path), name="prod.sql", content="all")), mark
    )
    snapshot = dumped.data["production_snapshot"]
    assert {name: one["rows"] for name, one in snapshot["tables"].items()} == {"p": 0, "p0": 1, "t": 2}
    assert snapshot["content"]["different"] == [] and snapshot["content"]["tables"] == 2
    assert snapshot["sequences"] == {
        "sequences": 1, "at_rest": 1, "moved": 0, "different": [], "different_total": 0,
    }  # fmt: skip
    # Else nothing was shown.
    production.psql("SELECT count(*) FROM app.t", "directus")
    assert "app.t" in mark.read_text()
