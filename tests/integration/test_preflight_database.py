"""What production's database would do to a dump is told by the plan, before anything starts."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._preflight_database import notes_of
from ansible_collections.incomex.closeout.plugins.module_utils._session import Session

from tests.conftest import ClusterFactory
from tests.integration.module_options import succeeds
from tests.integration.test_closeout_standby import as_standby
from tests.integration.test_module_closeout_plan import local, problems
from tests.support.places import wait_until
from tests.support.postgres import Cluster

VERSIONS = pytest.mark.parametrize("version", [14, 18])


def planned(server: Cluster, root: Path, **more: Any) -> dict[str, Any]:
    """The plan of a run on a server."""
    return succeeds("closeout_plan", local(server, root, **more))


@VERSIONS
def test_a_lock_table_without_room(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path, version: int
) -> None:
    server = cluster(version, cutter_governance, settings={"max_locks_per_transaction": 10, "max_connections": 10})
    assert planned(server, tmp_path)["problems"] == []
    server.psql("SELECT format('CREATE TABLE public.t%s ()', g) FROM generate_series(1, 80) g \\gexec", "directus")
    (problem,) = problems(planned(server, tmp_path), "locks")
    assert problem["object"] == "max_locks_per_transaction"
    assert "room for a lock on each of" in problem["wanted"] and problem["found"].startswith("100 in all")


@VERSIONS
def test_a_prepared_transaction_and_a_lock_that_is_held(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path, version: int
) -> None:
    server = cluster(version, cutter_governance, settings={"max_prepared_transactions": 5})
    with contextlib.closing(server.connect("directus", autocommit=False)) as own, own.cursor() as cursor:
        cursor.execute("LOCK TABLE public.directus_users IN ACCESS EXCLUSIVE MODE")
        plan = planned(server, tmp_path)
        assert plan["problems"] == []
        (note,) = [note for note in plan["notes"] if "is locked since" in note]
        assert note.startswith("public.directus_users") and f"of {server.user}" in note and "at most 60 s" in note
        cursor.execute("PREPARE TRANSACTION 'forgotten'")
    (problem,) = problems(planned(server, tmp_path), "locks")
    assert problem["object"] == "public.directus_users" and "'forgotten'" in problem["found"]
    server.psql("ROLLBACK PREPARED 'forgotten'", "directus")
    plan = planned(server, tmp_path)
    assert plan["problems"] == [] and not [note for note in plan["notes"] if "is locked" in note]


@VERSIONS
def test_large_objects_that_the_user_may_not_read(cluster: ClusterFactory, tmp_path: Path, version: int) -> None:
    """All of them are named; the owner's own, the public's and a group's can be read."""
    server = cluster(
        version,
        "CREATE ROLE clerk LOGIN; CREATE ROLE office; GRANT office TO clerk; GRANT pg_read_all_data TO clerk;"
        "SELECT lo_create(n) FROM generate_series(101, 106) n;"
        "ALTER LARGE OBJECT 101 OWNER TO clerk; ALTER LARGE OBJECT 102 OWNER TO office;"
        "GRANT SELECT ON LARGE OBJECT 103 TO PUBLIC; GRANT SELECT ON LARGE OBJECT 104 TO office;"
        "GRANT UPDATE ON LARGE OBJECT 105 TO clerk;",
    )
    (problem,) = problems(planned(server, tmp_path, user="clerk"), "permission")
    assert problem["object"] == "105, 106" and "GRANT SELECT ON LARGE OBJECT" in problem["do"]
    server.psql("GRANT SELECT ON LARGE OBJECT 105, 106 TO clerk", "directus")
    assert planned(server, tmp_path, user="clerk")["problems"] == []
    assert planned(server, tmp_path)["problems"] == []


def test_every_sequence_that_the_user_may_not_read_is_named(cluster: ClusterFactory, tmp_path: Path) -> None:
    """Beside the tables; one that can be read, and one in a schema that cannot be used, are told apart."""
    server = cluster(
        16,
        "CREATE ROLE clerk LOGIN; CREATE SCHEMA closed; CREATE SEQUENCE closed.hidden;"
        "CREATE TABLE public.t (n serial); CREATE SEQUENCE public.open;"
        "GRANT SELECT ON public.open, closed.hidden, public.t TO clerk;",
    )
    (problem,) = problems(planned(server, tmp_path, user="clerk"), "permission")
    assert problem["object"] == "closed.hidden, public.t_n_seq"
    server.psql("GRANT USAGE ON SCHEMA closed TO clerk; GRANT USAGE ON SEQUENCE public.t_n_seq TO clerk", "directus")
    (problem,) = problems(planned(server, tmp_path, user="clerk"), "permission")
    assert problem["object"] == "public.t_n_seq"
    server.psql("GRANT SELECT ON SEQUENCE public.t_n_seq TO clerk", "directus")
    assert planned(server, tmp_path, user="clerk")["problems"] == []


@VERSIONS
def test_subscriptions_are_a_superusers(cluster: ClusterFactory, tmp_path: Path, version: int) -> None:
    """pg_dump leaves them out for anybody else, and the closeout would fail for it."""
    server = cluster(version, "CREATE ROLE clerk LOGIN; GRANT pg_read_all_data TO clerk")
    server.psql(
        "CREATE SUBSCRIPTION news CONNECTION 'dbname=elsewhere' PUBLICATION p WITH (connect = false, slot_name = NONE)",
        "directus",
    )
    assert planned(server, tmp_path)["problems"] == []
    (problem,) = problems(planned(server, tmp_path, user="clerk"), "permission")
    assert problem["object"] == "news" and "superuser" in problem["do"]
    # Another database's is not in the dump.
    server.psql("CREATE DATABASE other")
    assert planned(server, tmp_path, user="clerk", db="other")["problems"] == []


def test_who_waits_for_a_lock_stops_the_dump_too(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path
) -> None:
    """A reader that is idle in its transaction, an ALTER behind it, an index that is made concurrently."""
    server = cluster(16, cutter_governance)
    reader, alterer, indexer = (server.connect("directus", autocommit=how) for how in (False, True, True))
    with contextlib.closing(reader), contextlib.closing(alterer), contextlib.closing(indexer):
        reader.cursor().execute("INSERT INTO public.directus_users SELECT * FROM public.directus_users LIMIT 0")
        statements = (
            (alterer, "ALTER TABLE public.directus_users ADD COLUMN extra int", "NOT granted"),
            (indexer, "CREATE INDEX CONCURRENTLY extra ON cutter_governance.verify_result ((1))", ""),
        )
        threads = []
        for connection, statement, _state in statements:
            threads.append(threading.Thread(target=connection.cursor().execute, args=[statement]))
            threads[-1].start()
            waiting = f"SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = {connection.info.backend_pid}"
            wait_until(lambda query=waiting: server.psql(query) != "0", 20, "a lock that is waited for")  # type: ignore[misc]
        plan = planned(server, tmp_path)
        reader.rollback()
        for thread in threads:
            thread.join()
    assert plan["problems"] == []
    (queued,) = [note for note in plan["notes"] if "is about to be locked" in note]
    assert queued.startswith("public.directus_users") and "at most 60 s" in queued and "idle" not in queued
    assert [
        note for note in plan["notes"] if note.startswith("An index of cutter_governance.verify_result is being made")
    ]


def test_a_prepared_transaction_that_holds_a_view_or_another_database(cluster: ClusterFactory, tmp_path: Path) -> None:
    """What pg_dump does not lock itself it waits for without a limit. What is elsewhere, or only read, is nothing."""
    server = cluster(16, "CREATE TABLE t (); CREATE VIEW v AS SELECT 1 AS n", settings={"max_prepared_transactions": 5})
    server.psql("CREATE DATABASE other")
    server.psql("CREATE TABLE t (); BEGIN; LOCK TABLE t; PREPARE TRANSACTION 'elsewhere'", "other")
    server.psql("BEGIN; LOCK TABLE t IN ACCESS SHARE MODE; PREPARE TRANSACTION 'harmless'", "directus")
    assert planned(server, tmp_path)["problems"] == []
    server.psql("BEGIN; ALTER VIEW v RENAME COLUMN n TO m; PREPARE TRANSACTION 'view'", "directus")
    (problem,) = problems(planned(server, tmp_path), "locks")
    assert problem["object"] == "public.v" and "'view'" in problem["found"]
    for db, name in (("other", "elsewhere"), ("directus", "harmless"), ("directus", "view")):
        server.psql(f"ROLLBACK PREPARED '{name}'", db)


def test_a_lock_that_is_held_does_not_hold_the_plan(cluster: ClusterFactory, tmp_path: Path) -> None:
    """The size of a table that is locked is not asked for; who is idle with it is told."""
    server = cluster(16, "CREATE TABLE t AS SELECT generate_series(1, 10000) AS n; CREATE TABLE other AS TABLE t")
    with contextlib.closing(server.connect("directus", autocommit=False)) as own:
        own.cursor().execute("LOCK TABLE t")
        facts = planned(server, tmp_path)
    (note,) = [note for note in facts["notes"] if note.startswith("public.t is locked")]
    assert f"of {server.user}, idle" in note
    size = int(server.psql("SELECT pg_table_size('other')", "directus"))
    assert facts["facts"]["database"]["tables_bytes"] - size == int(
        server.psql("SELECT pg_table_size('pg_largeobject')", "directus")
    )


def test_a_standby_that_would_cancel_the_dump(cluster: ClusterFactory, tmp_path: Path) -> None:
    """Only where it waits for less than the dump takes."""
    server = cluster(16, settings={"max_standby_streaming_delay": "500ms"})
    as_standby(server)
    told = [note for note in planned(server, tmp_path)["notes"] if "Replay on this standby" in note]
    assert len(told) == 1 and "waits 500ms for a query" in told[0] and "Set it to -1" in told[0]
    for delay in ("-1", "30s"):
        server.settings["max_standby_streaming_delay"] = delay
        as_standby(server)
        facts = planned(server, tmp_path)
        assert not [note for note in facts["notes"] if "Replay" in note]
        assert [note for note in facts["notes"] if "holds no data of unlogged tables" in note]
        assert "a standby" in facts["lines"][0]


def test_a_dump_that_takes_long_is_told(cluster: ClusterFactory) -> None:
    server = cluster(16)
    with contextlib.closing(
        Session({"host": str(server.socket_dir), "user": server.user, "dbname": "directus"}, run_id="0a")
    ) as session:
        assert list(notes_of(session, 600)) == []
        assert list(notes_of(session, 1200)) == [
            "The dump may take 20 minutes; so long VACUUM keeps the rows that others delete or replace."
        ]


def test_preloaded_libraries_are_told(cluster: ClusterFactory, tmp_path: Path) -> None:
    """And whose they are, where an extension of the database has one."""
    settings = {"shared_preload_libraries": "auto_explain, $libdir/pg_stat_statements"}
    server = cluster(16, "CREATE TABLE public.t ()", settings=settings)
    (note,) = planned(server, tmp_path, schema="public")["notes"]
    assert note.startswith("The server preloads auto_explain, pg_stat_statements; the scratch server does not. An ext")
    server.psql("CREATE EXTENSION pg_stat_statements", "directus")
    plan = planned(server, tmp_path, schema="public")
    assert plan["problems"] == []
    assert "Extensions of this database are among them: pg_stat_statements." in plan["notes"][0]


def test_production_without_an_expected_table(cluster: ClusterFactory, cutter_governance: str, tmp_path: Path) -> None:
    """It is told before an hour of dumping, and does not keep a backup from being taken."""
    server = cluster(16, cutter_governance)
    assert not [note for note in planned(server, tmp_path)["notes"] if "expected tables" in note]
    server.psql("ALTER TABLE cutter_governance.verify_result RENAME TO verify_results", "directus")
    plan = planned(server, tmp_path)
    assert plan["ready"] and plan["problems"] == []
    (note,) = [note for note in plan["notes"] if "expected tables" in note]
    assert "missing: verify_result; unexpected: verify_results" in note and "cutter_governance" in note
    assert plan["lines"][-1] == "Ready: yes, but it will FAIL, see the notes"
    others = planned(server, tmp_path, schema="public")
    assert not [note for note in others["notes"] if "expected tables" in note]
    assert others["lines"][-1] == "Ready: yes"


def test_a_schema_without_tables_is_a_problem(cluster: ClusterFactory, tmp_path: Path) -> None:
    """Unless it is told which tables it must have: then the dump is a backup all the same, of a run that fails."""
    server = cluster(
        16,
        "CREATE SCHEMA sales; CREATE TABLE sales.customer (); CREATE TABLE public.t (n int) PARTITION BY LIST (n);"
        "CREATE SCHEMA views; CREATE VIEW views.v AS SELECT 1 AS n;",
    )
    for schema, found in (("slaes", "no such schema"), ("views", "no table in it")):
        plan = planned(server, tmp_path, schema=schema)
        (problem,) = plan["problems"]
        assert problems(plan, "tables") == [problem]
        assert problem["object"] == f"schema {schema}"
        assert problem["found"] == f"{found}; schemas with tables: public, sales"
        assert "closeout_schema" in problem["do"] and "closeout_expected_tables" in problem["do"]
        assert plan["lines"][-1] == "Ready: no, see the problems"
        plan = planned(server, tmp_path, schema=schema, expected_tables=["customer"])
        assert plan["problems"] == []
        (note,) = [note for note in plan["notes"] if "expected tables" in note]
        assert note.startswith(f"Schema {schema} of production has not exactly the expected tables (missing: customer)")
        assert plan["lines"][-1] == "Ready: yes, but it will FAIL, see the notes"
    server.psql("DROP TABLE sales.customer, public.t", "directus")
    (problem,) = problems(planned(server, tmp_path, schema="sales"), "tables")
    assert problem["found"] == "no table in it; schemas with tables: none"
    server.psql("CREATE TABLE sales.customer ()", "directus")
    assert planned(server, tmp_path, schema="sales")["problems"] == []
