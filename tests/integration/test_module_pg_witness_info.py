"""pg_witness_info: production as it is at one moment, read without a trace."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator

import docker
import pytest

from tests.integration.module_options import (
    LONG_AGO,
    RUN_LABEL,
    TABLES,
    column,
    count_query,
    fails,
    in_container,
    new_run_id,
    on_socket,
    shipped,
    succeeds,
)
from tests.support import containers, postgres, session

HORIZON = "SELECT pg_snapshot_xmax(pg_current_snapshot())"
WRITTEN = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_all_tables"
MOMENTS = ("took", "taken_utc", "own_sessions", "invocation")

# Tables are b, c, e, f, g, h and the partitions; nothing else is one.
_ALL_KINDS = """
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE SCHEMA mixed;
SET search_path = mixed;
CREATE TABLE b (n int);
INSERT INTO b SELECT generate_series(1, 3);
CREATE UNLOGGED TABLE c AS SELECT generate_series(1, 4) AS n;
CREATE TABLE e (n int);
CREATE TABLE f () INHERITS (e);
INSERT INTO e VALUES (1), (2);
INSERT INTO f VALUES (1), (2), (3), (4), (5);
CREATE TABLE g (n int) PARTITION BY RANGE (n);
CREATE TABLE g_low PARTITION OF g FOR VALUES FROM (0) TO (10);
CREATE TABLE g_high PARTITION OF g FOR VALUES FROM (10) TO (20) PARTITION BY LIST (n);
CREATE TABLE g_high_12 PARTITION OF g_high FOR VALUES IN (12);
INSERT INTO g VALUES (1), (2), (12);
CREATE TABLE h ();
INSERT INTO h DEFAULT VALUES;
CREATE FOREIGN TABLE foreign_one (line text) SERVER files OPTIONS (filename '/nowhere/at/all');
CREATE VIEW a_view AS SELECT * FROM b;
CREATE MATERIALIZED VIEW a_matview AS SELECT * FROM b;
CREATE SEQUENCE a_sequence;
CREATE TYPE a_type AS (n int);
CREATE TABLE member (n int);
INSERT INTO member VALUES (1);
ALTER EXTENSION file_fdw ADD TABLE member;
"""
_ROWS = {"b": 3, "c": 4, "e": 2, "f": 5, "g": 0, "g_high": 0, "g_high_12": 1, "g_low": 2, "h": 1}


@pytest.fixture(scope="module")
def server(pg_install: Callable[[int], postgres.Installation], cutter_governance: str) -> Iterator[postgres.Cluster]:
    """A cluster with the sample and a schema of every kind of relation; nothing else is at work in it."""
    with postgres.Cluster(pg_install(16), settings={"autovacuum": "off"}) as running:
        running.psql("CREATE DATABASE directus")
        running.psql(cutter_governance, "directus")
        running.psql(_ALL_KINDS, "directus")
        yield running


def test_cluster_read_without_a_trace(server: postgres.Cluster) -> None:
    asked = on_socket(server, schema="cutter_governance", run_id="abc123")
    before = server.psql(HORIZON), server.psql(WRITTEN, "directus")
    checked = succeeds("pg_witness_info", asked, check=True)
    facts = succeeds("pg_witness_info", asked)
    again = succeeds("pg_witness_info", asked)
    assert (server.psql(HORIZON), server.psql(WRITTEN, "directus")) == before
    assert (facts["changed"], facts["run_id"], facts["sysid"]) == (False, "abc123", server.sysid)
    assert facts["tables"] == TABLES
    assert facts["rows"] == column(server.psql(count_query(TABLES), "directus"))
    assert facts["rows_total"] == 58
    assert facts["xid"] is None
    (own,) = facts["own_sessions"]
    assert (own["application_name"], own["xid"]) == ("incomex.closeout/abc123", None)
    assert (facts["container"], facts["neighbours"]) == (None, [])
    for other in (checked, again):
        assert {k: v for k, v in other.items() if k not in MOMENTS} == {
            k: v for k, v in facts.items() if k not in MOMENTS
        }
    taken = dt.datetime.fromisoformat(facts["taken_utc"].replace("Z", "+00:00"))
    assert abs((dt.datetime.now(dt.timezone.utc) - taken).total_seconds()) < 120
    ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'incomex.closeout%'"
    assert server.psql(ours) == "0"


def test_as_ansible_ships_it(server: postgres.Cluster) -> None:
    assert shipped("pg_witness_info", on_socket(server, schema="cutter_governance"))["tables"] == TABLES


def test_every_kind_of_relation(server: postgres.Cluster) -> None:
    facts = succeeds("pg_witness_info", on_socket(server, schema="mixed"))
    assert facts["tables"] == sorted(_ROWS)
    assert facts["rows"] == _ROWS
    assert facts["rows_total"] == sum(_ROWS.values())


@pytest.mark.parametrize("version", [14, 18])
def test_every_kind_of_relation_of_other_versions(version: int, cluster: Callable[..., postgres.Cluster]) -> None:
    own = cluster(version, sql=_ALL_KINDS)
    facts = succeeds("pg_witness_info", on_socket(own, schema="mixed"))
    assert facts["rows"] == _ROWS


def test_odd_names(server: postgres.Cluster) -> None:
    schema = "odd \"schema\";\n'x' %s %(y)s"
    names = sorted(['a"b', "new\nline", "Điều 2", "%s", "back\\slash", "UPPER", "x; DROP TABLE b", "a.b", "'", " "])
    quoted = '"' + schema.replace('"', '""') + '"'
    with contextlib.closing(server.connect("directus")) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {quoted}")
        try:
            for number, name in enumerate(names):
                table = f"{quoted}." + '"' + name.replace('"', '""') + '"'
                cursor.execute(f"CREATE TABLE {table} AS SELECT n FROM generate_series(1, {number}) n")
            facts = succeeds("pg_witness_info", on_socket(server, schema=schema))
        finally:
            cursor.execute(f"DROP SCHEMA {quoted} CASCADE")
    assert facts["tables"] == names
    assert facts["rows"] == {name: number for number, name in enumerate(names)}


def test_a_schema_that_is_not_there_has_no_tables(server: postgres.Cluster) -> None:
    facts = succeeds("pg_witness_info", on_socket(server, schema="CUTTER_governance"))
    assert (facts["tables"], facts["rows"], facts["rows_total"]) == ([], {}, 0)


def test_rows_of_one_snapshot_only(server: postgres.Cluster) -> None:
    """What is not committed is not counted, and does not keep the witness waiting."""
    with contextlib.closing(server.connect("directus", autocommit=False)) as other, other.cursor() as cursor:
        cursor.execute("INSERT INTO mixed.b SELECT generate_series(1, 1000)")
        assert succeeds("pg_witness_info", on_socket(server, schema="mixed"))["rows"] == _ROWS
        other.rollback()


def test_container_with_its_neighbours(
    production_container: containers.Production,
    docker_client: docker.DockerClient,
    docker_host: str,
    production_image: str,
) -> None:
    marks = {containers.LABEL: session.ID}
    started = docker_client.containers.create(production_image, ["sleep", "600"], network_mode="none", labels=marks)
    never = docker_client.containers.create(production_image, ["sleep", "600"], network_mode="none", labels=marks)
    ours = docker_client.containers.create(
        production_image, ["sleep", "600"], network_mode="none",
        labels={**marks, RUN_LABEL: new_run_id(), "incomex.closeout.expires": LONG_AGO},
    )  # fmt: skip
    try:
        started.start()
        started.reload()
        asked = in_container(production_container, docker_host, schema="cutter_governance", run_id="abc123")
        before = production_container.psql(HORIZON)
        facts = succeeds("pg_witness_info", asked)
        again = succeeds("pg_witness_info", asked, check=True)
        assert int(production_container.psql(HORIZON)) - int(before) in (0, 1)  # autovacuum may be at work here
    finally:
        for container in (started, never, ours):
            container.remove(force=True, v=True)
    found = {one["id"]: one for one in facts["neighbours"]}
    assert {str(started.id), str(never.id)} <= set(found)
    assert not {production_container.id, str(ours.id)} & set(found)
    assert found[str(started.id)] == {
        "id": started.id, "name": started.name, "state": "running", "restart_count": 0,
        "started_utc": started.attrs["State"]["StartedAt"],
    }  # fmt: skip
    assert found[str(never.id)]["state"] == "created"
    assert facts["neighbours"] == again["neighbours"]
    assert facts["container"]["id"] == production_container.id
    assert facts["rows"] == column(production_container.psql(count_query(TABLES)))
    assert {one["xid"] for one in facts["own_sessions"]} == {None}


def test_a_table_without_permission_is_named_and_the_identity_is_kept(server: postgres.Cluster) -> None:
    server.psql(
        "CREATE ROLE clerk LOGIN; GRANT USAGE ON SCHEMA cutter_governance TO clerk;"
        "GRANT SELECT ON ALL TABLES IN SCHEMA cutter_governance TO clerk;"
        "REVOKE ALL ON cutter_governance.verify_result FROM clerk",
        "directus",
    )
    refused = fails("pg_witness_info", on_socket(server, schema="cutter_governance", login_user="clerk"))
    assert "permission denied" in refused.msg and "verify_result" in refused.msg
    assert refused.data["sysid"] == server.sysid and refused.data["taken_utc"]
    assert "rows" not in refused.data


@pytest.mark.parametrize(
    ("change", "words"),
    [({"login_db": "nowhere_at_all"}, "nowhere_at_all"), ({"login_port": 1}, "PGSQL.1")],
)
def test_what_cannot_be_read(change: dict[str, object], words: str, server: postgres.Cluster) -> None:
    refused = fails("pg_witness_info", {**on_socket(server, schema="mixed"), **change})
    assert words in refused.msg
    assert "rows" not in refused.data


def test_schema_has_to_be_given(server: postgres.Cluster) -> None:
    assert "schema" in fails("pg_witness_info", on_socket(server)).msg
