"""Drill: TRUNCATE, table rewrites and renaming between the snapshot and pg_dump's locks, or under its hands.

The first two are not MVCC-safe: pg_dump then writes an empty table with return code 0, and a count in the same snapshot
agrees. With the third it reads what has the name now. The interleaving is made certain with a lock: pg_dump waits for
the first table while the last one is changed.
"""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg2.extensions
import pytest

from tests.conftest import ClusterFactory
from tests.support.modules import ModuleResult, run_module
from tests.support.places import wait_until
from tests.support.postgres import Cluster

SQL = """
CREATE SCHEMA cutter_governance;
CREATE TABLE cutter_governance.a_first (id int PRIMARY KEY);
CREATE TABLE cutter_governance.z_last (id int, note text, old text);
CREATE TABLE cutter_governance.z_new (LIKE cutter_governance.z_last);
CREATE MATERIALIZED VIEW cutter_governance.seen AS SELECT 1 AS one;
CREATE VIEW cutter_governance.looked AS SELECT 1 AS one;
INSERT INTO cutter_governance.a_first SELECT generate_series(1, 10);
INSERT INTO cutter_governance.z_last SELECT n, 'row', 'old' FROM generate_series(1, 500) n;
CREATE SCHEMA live;
CREATE TABLE live.price AS SELECT n, repeat('x', 1000) AS note FROM generate_series(1, 5000) AS n;
CREATE SCHEMA staging;
CREATE TABLE staging.price (LIKE live.price);
"""
EXCHANGE = """BEGIN; ALTER SCHEMA live RENAME TO t; ALTER SCHEMA staging RENAME TO live;
ALTER SCHEMA t RENAME TO staging; COMMIT"""


_OURS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'incomex.closeout/%'"
_ASKED_FOR = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"


def dump(server: Cluster, directory: Path, **more: Any) -> ModuleResult:
    """Take a dump of `server`."""
    return run_module(
        "pg_dump_readonly",
        {
            "login_unix_socket": str(server.socket_dir),
            "login_port": server.port,
            "login_user": server.user,
            "login_db": "directus",
            "bin_dir": str(server.bin_dir),
            "run_id": "0123456789ab",
            "directory": str(directory),
            "name": "drill.sql",
            "schema": "cutter_governance",
            **more,
        },
    )


def waits_for_us(session: psycopg2.extensions.connection) -> bool:
    """Tell whether a pg_dump of ours waits for a lock."""
    with session.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE application_name LIKE 'incomex.closeout/%' AND wait_event_type = 'Lock'"
        )
        row = cursor.fetchone()
        assert row is not None
        return bool(row[0])


def disturb(server: Cluster, statements: list[str], errors: list[BaseException], ready: threading.Event) -> None:
    """Run each statement between the snapshot and pg_dump's locks, one in each attempt."""
    try:
        holder, worker = server.connect("directus"), server.connect("directus")
        holder.autocommit, worker.autocommit = False, True
        with holder.cursor() as lock, worker.cursor() as work:
            for statement in statements:
                # Behind the pg_dump of the attempt before, this queues, and is granted before the next one's request.
                lock.execute("LOCK TABLE cutter_governance.a_first IN ACCESS EXCLUSIVE MODE")
                ready.set()
                wait_until(lambda: waits_for_us(worker), 30, "pg_dump waits for the first table")
                work.execute(statement)
                holder.commit()
        holder.close()
        worker.close()
    except BaseException as error:  # the test's own thread raises it again
        errors.append(error)
        ready.set()
        raise


def disturbed_dump(server: Cluster, directory: Path, statements: list[str]) -> ModuleResult:
    """Take a dump while `statements` disturb its attempts."""
    errors: list[BaseException] = []
    ready = threading.Event()
    thread = threading.Thread(target=disturb, args=(server, statements, errors, ready))
    thread.start()
    try:
        assert ready.wait(30)
        result = dump(server, directory)
    finally:
        thread.join(60)
    assert not errors, errors
    return result


@pytest.mark.parametrize(
    ("statement", "table", "rows"),
    [
        ("TRUNCATE cutter_governance.z_last", "cutter_governance.z_last", 0),
        ("ALTER TABLE cutter_governance.z_last ALTER note TYPE varchar(9)", "cutter_governance.z_last", 500),
        ("ALTER TABLE cutter_governance.z_last ALTER id TYPE bigint", "cutter_governance.z_last", 500),
        ("TRUNCATE cutter_governance.z_last; INSERT INTO cutter_governance.z_last VALUES (1)", "z_last", 1),
        (
            "BEGIN; INSERT INTO cutter_governance.z_new SELECT 1, 'new';"
            " ALTER TABLE cutter_governance.z_last RENAME TO t; ALTER TABLE cutter_governance.z_new RENAME TO z_last;"
            " ALTER TABLE cutter_governance.t RENAME TO z_new; COMMIT",
            "cutter_governance.z_last",
            1,
        ),
        (
            "BEGIN; ALTER TABLE cutter_governance.z_last RENAME note TO t;"
            " ALTER TABLE cutter_governance.z_last RENAME old TO note;"
            " ALTER TABLE cutter_governance.z_last RENAME t TO old; COMMIT",
            "cutter_governance.z_last",
            500,
        ),
        ("ALTER TABLE cutter_governance.z_last DROP old, ADD old text", "cutter_governance.z_last", 500),
        (EXCHANGE, "live.price", 500),
        ("DROP VIEW cutter_governance.looked", "could not open relation with OID", 500),
    ],
)
def test_a_dump_that_was_disturbed_is_discarded_and_taken_again(
    cluster: ClusterFactory, tmp_path: Path, statement: str, table: str, rows: int
) -> None:
    """The second attempt has what production has, and the record says why there was one."""
    server = cluster(16, SQL)
    result = disturbed_dump(server, tmp_path, [statement])
    assert result.rc == 0, result.msg
    assert len(result.data["discarded"]) == 1
    assert table in result.data["discarded"][0]
    dumped, counted = result.data["dump"]["rows"], result.data["production_snapshot"]["tables"]
    assert dumped["z_last"] == counted["z_last"]["rows"] == rows
    assert int(server.psql("SELECT count(*) FROM cutter_governance.z_last", "directus")) == rows
    assert not list(tmp_path.glob("*.partial"))
    assert server.psql("COPY cutter_governance.z_last TO STDOUT", "directus") in (tmp_path / "drill.sql").read_text()


def test_a_schema_that_is_exchanged_to_and_fro_while_tables_are_read(cluster: ClusterFactory, tmp_path: Path) -> None:
    """pg_dump's locks do not keep it from that; what was read in between is another schema's."""
    server = cluster(16, SQL)

    def to_and_fro() -> None:
        wait_until(lambda: any(one.stat().st_size > 1_000_000 for one in tmp_path.glob("*.partial")), 60, "a dump")
        server.psql(EXCHANGE, "directus")
        server.psql(EXCHANGE, "directus")

    thread = threading.Thread(target=to_and_fro)
    thread.start()
    result = dump(server, tmp_path, bandwidth_limit_mb_s=2)
    thread.join(60)
    assert result.rc == 0, result.msg
    (discarded,) = result.data["discarded"]
    assert "schema live" in discarded and "schema staging" in discarded


def test_what_is_dropped_before_we_have_read_it(cluster: ClusterFactory, tmp_path: Path) -> None:
    """pg_dump has come to its end; our own look at the catalogues has not begun, for the count before it waits."""
    server = cluster(16, SQL)
    locks = "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE"
    with (
        contextlib.closing(server.connect("directus", autocommit=False)) as last,
        contextlib.closing(server.connect("directus", autocommit=False)) as behind,
        contextlib.closing(server.connect("directus")) as worker,
        last.cursor() as holds, behind.cursor() as asks, worker.cursor() as work,
        ThreadPoolExecutor(2) as threads,
    ):  # fmt: skip
        holds.execute(locks.format("staging.price"))
        dumping = threads.submit(dump, server, tmp_path)
        wait_until(lambda: waits_for_us(worker), 30, "pg_dump waits for the last table")
        # Behind pg_dump, which has this lock by now; and before us, who have not.
        asking = threads.submit(asks.execute, locks.format("cutter_governance.z_last"))
        wait_until(lambda: server.psql(_ASKED_FOR) == "1", 30, "who waits for pg_dump")
        last.rollback()
        wait_until(
            lambda: server.psql(f"{_OURS} AND query LIKE 'COPY%STDOUT' AND wait_event_type = 'Lock'") == "1", 30, "us"
        )
        wait_until(lambda: server.psql(_OURS) == "2", 30, "pg_dump to end")
        work.execute("DROP VIEW cutter_governance.looked")
        asking.result()
        behind.rollback()
        result = dumping.result()
    assert result.rc == 0, result.msg
    (discarded,) = result.data["discarded"]
    assert "could not open relation with OID" in discarded


def test_a_materialized_view_may_be_refreshed(cluster: ClusterFactory, tmp_path: Path) -> None:
    """A dump has none of its rows."""
    server = cluster(16, SQL)
    result = disturbed_dump(server, tmp_path, ["REFRESH MATERIALIZED VIEW cutter_governance.seen"])
    assert result.rc == 0, result.msg
    assert result.data["discarded"] == []


def test_a_dump_that_is_disturbed_every_time_is_given_up(cluster: ClusterFactory, tmp_path: Path) -> None:
    """After three attempts the task fails, names the table, and leaves no dump under any name."""
    server = cluster(16, SQL)
    again = "TRUNCATE cutter_governance.z_last; INSERT INTO cutter_governance.z_last VALUES (1)"
    result = disturbed_dump(server, tmp_path, [again] * 3)
    assert result.failed
    assert "truncated, rewritten" in result.msg
    assert "cutter_governance.z_last" in result.msg
    assert len(result.data["discarded"]) == 3
    assert not list(tmp_path.glob("drill.sql*"))
    # Nothing of ours is left on the server.
    server_sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'incomex.closeout%'"
    wait_until(lambda: server.psql(server_sessions) == "0", 10, "our sessions end")


def test_what_happens_after_the_locks_is_no_disturbance(cluster: ClusterFactory, tmp_path: Path) -> None:
    """An undisturbed dump is taken once, whatever was rewritten long before."""
    server = cluster(16, SQL + "TRUNCATE cutter_governance.a_first; VACUUM FULL cutter_governance.z_last;")
    result = dump(server, tmp_path)
    assert result.rc == 0, result.msg
    assert result.data["discarded"] == []
    assert result.data["dump"]["rows"] == {"a_first": 0, "z_last": 500, "z_new": 0}
