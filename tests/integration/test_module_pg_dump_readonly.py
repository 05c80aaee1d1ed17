"""pg_dump_readonly: the file is whole or not there, production is not written to, and its rows are the snapshot's."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.module_options import (
    TABLES,
    column,
    count_query,
    fails,
    in_container,
    on_socket,
    private_directory,
    sha256sum,
    shipped,
    succeeds,
)
from tests.support import containers, modules, postgres
from tests.support.places import wait_until

NAME = "prod.sql"
# A random word in each dump.
RESTRICT = (b"\\restrict ", b"\\unrestrict ")
END = "-- PostgreSQL database dump complete"
OURS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'incomex.closeout%'"
SECRET = "Geheim-4711-wort"
ClusterFactory = Callable[..., postgres.Cluster]


@pytest.fixture(scope="module")
def server(pg_install: Callable[[int], postgres.Installation], cutter_governance: str) -> Iterator[postgres.Cluster]:
    """A cluster with the sample, and nothing at work in it but what the tests do."""
    with postgres.Cluster(pg_install(16), settings={"autovacuum": "off"}) as running:
        running.psql("CREATE DATABASE directus")
        running.psql(cutter_governance, "directus")
        yield running


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """An empty artefact directory."""
    return private_directory(tmp_path / "artefact")


def asked(directory: Path, connection: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Arguments for a dump into `directory`."""
    return {
        **connection,
        "directory": str(directory),
        "name": NAME,
        "schema": "cutter_governance",
        "run_id": "d0d0d0d0d0d0",
        **more,
    }


def names_in(directory: Path) -> set[str]:
    """Every file below a directory."""
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir()}


def assert_nothing_final(directory: Path) -> None:
    """No dump, no manifest, no globals, no partial file: at most pg_dump's messages."""
    assert names_in(directory) <= {"logs/pg_dump.log"}


def restored_elsewhere(dump: Path, server: postgres.Cluster, db: str) -> None:
    """Run a dump by psql into a new database of a server that has the roles."""
    server.psql(f'CREATE DATABASE "{db}" TEMPLATE template0')
    server.psql(dump.read_text(), db)


def test_of_a_container_checked_taken_and_not_overwritten(
    production_container: containers.Production, docker_host: str, directory: Path
) -> None:
    arguments = asked(directory, in_container(production_container, docker_host), expected_tables=TABLES)

    said = succeeds("pg_dump_readonly", arguments, check=True)
    assert said["changed"] is True
    assert "16" in said["dump"]["client_version"]
    assert names_in(directory) == set()

    facts = succeeds("pg_dump_readonly", arguments)
    path = directory / NAME
    dump = facts["dump"]
    assert (facts["changed"], facts["run_id"]) == (True, "d0d0d0d0d0d0")
    assert names_in(directory) == {NAME, "manifest.json", "globals.json", "census.json", "logs/pg_dump.log"}
    assert {stat.S_IMODE(one.stat().st_mode) for one in directory.rglob("*") if one.is_file()} == {0o600}
    assert (dump["path"], dump["rc"], dump["complete"], dump["transport"]) == (str(path), 0, True, "namespace")
    assert (dump["sha256"], dump["size_bytes"]) == (sha256sum(path), path.stat().st_size)
    assert path.read_text().count(END) == 1
    assert dump["tables"] == TABLES == facts["expected_tables_effective"]
    assert facts["expected_source"] == "given"
    counted = column(production_container.psql(count_query(TABLES)))
    assert dump["rows"] == counted and dump["rows_total"] == sum(counted.values()) == 58
    assert {name: one["rows"] for name, one in facts["production_snapshot"]["tables"].items()} == counted
    manifest = directory / "manifest.json"
    assert dump["manifest"]["sha256"] == sha256sum(manifest)
    document = json.loads(manifest.read_text())
    assert document["dump"] == {
        "name": NAME,
        "format": "plain",
        "compression": "none",
        "encryption": "none",
        "size_bytes": dump["size_bytes"],
        "sha256": dump["sha256"],
    }
    assert dump["compression"] == "none" and dump["text_bytes"] == dump["size_bytes"]
    assert document["run_id"] == "d0d0d0d0d0d0"
    assert {one["xid"] for one in facts["own_sessions"]} == {None}
    assert production_container.psql(OURS) == "0"

    before = {name: sha256sum(directory / name) for name in names_in(directory)}
    refused = fails("pg_dump_readonly", arguments)
    assert "exists already" in refused.msg and str(path) in refused.msg
    assert {name: sha256sum(directory / name) for name in names_in(directory)} == before
    refused = fails("pg_dump_readonly", arguments, check=True)
    assert str(path) in refused.msg


def test_assigns_no_transaction_id_and_restores_elsewhere(
    server: postgres.Cluster, directory: Path, cluster: ClusterFactory
) -> None:
    horizon = "SELECT pg_snapshot_xmax(pg_current_snapshot())"
    before = server.psql(horizon)
    facts = succeeds("pg_dump_readonly", asked(directory, on_socket(server)))
    assert server.psql(horizon) == before
    assert (facts["expected_source"], facts["expected_tables_effective"]) == ("production_snapshot", TABLES)
    assert facts["dump"]["transport"] == "host"
    other = cluster(db="unused", sql="CREATE ROLE directus")
    restored_elsewhere(directory / NAME, other, "copy")
    assert column(other.psql(count_query(TABLES), "copy")) == facts["dump"]["rows"]


@pytest.mark.usefixtures("compressors")
@pytest.mark.parametrize(("compression", "level"), [("gzip", 1), ("zstd", 0), ("zstd", 19), ("lz4", 12)])
def test_a_compressed_dump_has_the_same_text_and_manifest(
    server: postgres.Cluster, tmp_path: Path, compression: str, level: int
) -> None:
    plain, small = private_directory(tmp_path / "plain"), private_directory(tmp_path / "small")
    wanted = succeeds("pg_dump_readonly", asked(plain, on_socket(server)))["dump"]
    options = {"compression": compression, "compression_level": level}
    found = succeeds("pg_dump_readonly", asked(small, on_socket(server), **options))["dump"]
    path = small / NAME
    assert (found["sha256"], found["size_bytes"]) == (sha256sum(path), path.stat().st_size)
    assert found["compression"] == compression and found["size_bytes"] < found["text_bytes"]
    program = subprocess.run([compression, "-dc"], stdin=path.open("rb"), capture_output=True, check=True)
    text = b"\n".join(line for line in program.stdout.splitlines() if not line.startswith(RESTRICT))
    assert text == b"\n".join(
        line for line in (plain / NAME).read_bytes().splitlines() if not line.startswith(RESTRICT)
    )
    assert found["text_bytes"] == len(program.stdout) == wanted["text_bytes"]
    documents = [json.loads((where / "manifest.json").read_text()) for where in (plain, small)]
    assert documents[1]["dump"]["compression"] == compression
    assert documents[0]["tables"] == documents[1]["tables"] and documents[0]["entries"] == documents[1]["entries"]
    audit = {"dump": str(path), "schema": "cutter_governance", "expected_tables": TABLES}
    assert succeeds("cg_table_audit", audit)["rows"] == found["rows"]
    assert not list(tmp_path.rglob("*.partial"))


def test_as_ansible_ships_it(server: postgres.Cluster, directory: Path) -> None:
    facts = shipped("pg_dump_readonly", asked(directory, on_socket(server)))
    assert facts["dump"]["sha256"] == sha256sum(directory / NAME)


@pytest.mark.parametrize("version", sorted(postgres.VERSIONS))
def test_every_version(version: int, cluster: ClusterFactory, cutter_governance: str, directory: Path) -> None:
    own = cluster(version, sql=cutter_governance)
    facts = succeeds("pg_dump_readonly", asked(directory, on_socket(own)))
    assert facts["dump"]["client_version"].split()[2].startswith(f"{version}.")
    assert (facts["dump"]["tables"], facts["dump"]["rows_total"]) == (TABLES, 58)
    assert {one["xid"] for one in facts["own_sessions"]} == {None}
    restored_elsewhere(directory / NAME, own, "copy")
    assert column(own.psql(count_query(TABLES), "copy")) == facts["dump"]["rows"]


def test_no_password_anywhere(cluster: ClusterFactory, cutter_governance: str, directory: Path) -> None:
    own = cluster(sql=cutter_governance, tcp=True, password=SECRET)
    own.psql("CREATE ROLE keeper LOGIN PASSWORD 'Noch-ein-Wort-4712'")
    connection = {
        "login_host": "127.0.0.1",
        "login_port": own.port,
        "login_user": own.user,
        "login_db": "directus",
        "bin_dir": str(own.bin_dir),
    }
    refused = fails("pg_dump_readonly", asked(directory, connection, login_password="wrong-4713"))
    assert "password" in refused.msg and "wrong-4713" not in json.dumps(_without_invocation(refused.data))
    assert_nothing_final(directory)

    facts = succeeds("pg_dump_readonly", asked(directory, connection, login_password=SECRET))
    assert SECRET not in json.dumps(_without_invocation(facts))
    assert "--no-password" in facts["dump"]["command"]
    for name in names_in(directory):
        text = (directory / name).read_text()
        assert not [word for word in (SECRET, "Noch-ein-Wort-4712", "SCRAM-SHA-256") if word in text], name
    roles = {role["name"] for role in json.loads((directory / "globals.json").read_text())["roles"]}
    assert roles == {own.user, "directus", "keeper"}


def _without_invocation(data: dict[str, Any]) -> dict[str, Any]:
    """A result as Ansible shows it: module_args of a no_log option are masked, so they must not hold it either."""
    assert SECRET not in json.dumps(data.get("invocation", {}))
    return {name: value for name, value in data.items() if name != "invocation"}


_HOSTILE = """
ALTER ROLE {user} SET statement_timeout = '1ms';
ALTER ROLE {user} SET lock_timeout = '1ms';
ALTER DATABASE directus SET default_transaction_read_only = off;
ALTER DATABASE directus SET idle_in_transaction_session_timeout = '20ms';
ALTER DATABASE directus SET search_path = evil, cutter_governance, pg_catalog;
ALTER DATABASE directus SET bytea_output = 'escape';
ALTER DATABASE directus SET "DateStyle" = 'German';
ALTER DATABASE directus SET "TimeZone" = 'Asia/Tokyo';
ALTER DATABASE directus SET extra_float_digits = -10;
ALTER DATABASE directus SET default_transaction_isolation = 'serializable';
ALTER ROLE {user} SET row_security = on;
"""


def test_hostile_defaults_of_role_and_database_change_nothing(
    cluster: ClusterFactory, cutter_governance: str, directory: Path
) -> None:
    own = cluster(sql=cutter_governance)
    # What search_path would find first, and something that takes pg_dump longer than the timeouts.
    own.psql(
        "CREATE SCHEMA evil;"
        "CREATE FUNCTION evil.pg_export_snapshot() RETURNS text LANGUAGE sql AS $$SELECT 'evil'$$;"
        "CREATE FUNCTION evil.current_setting(text) RETURNS text LANGUAGE sql AS $$SELECT 'evil'$$;"
        "CREATE TABLE evil.pg_class (relname text); CREATE TABLE evil.pg_roles (rolname text);"
        "CREATE TABLE public.wide AS SELECT n, repeat(md5(n::text), 20) AS text FROM generate_series(1, 60000) n;"
        "CREATE TABLE public.moments AS SELECT timestamptz '2026-05-16 10:46:34+00' AS moment, 0.1::float8 + 0.2 AS f",
        "directus",
    )
    own.psql(_HOSTILE.format(user=own.user))
    for number in range(3):
        facts = succeeds("pg_dump_readonly", asked(directory, on_socket(own), name=f"{number}.sql"))
        assert (facts["dump"]["tables"], facts["dump"]["rows_total"]) == (TABLES, 58)
        assert facts["discarded"] == []
        assert {one["xid"] for one in facts["own_sessions"]} == {None}
    text = (directory / "2.sql").read_text()
    assert "2026-05-16 10:46:34+00\t0.30000000000000004\n" in text
    assert "\\\\x0001ff5c2e" in text


def test_variables_of_the_image_do_not_reach_pg_dump(
    start_production: Callable[..., containers.Production], docker_host: str, cutter_governance: str, directory: Path
) -> None:
    own = start_production(
        cutter_governance,
        env={"PGOPTIONS": "-c bytea_output=escape -c timezone=Asia/Tokyo", "PGAPPNAME": "somebody"},
    )
    # Large enough that pg_dump's own session is still there when it is looked for.
    own.psql("CREATE TABLE wide AS SELECT n, repeat(md5(n::text), 20) AS text FROM generate_series(1, 60000) n")
    facts = succeeds("pg_dump_readonly", asked(directory, in_container(own, docker_host)))
    text = (directory / NAME).read_text()
    assert "\\\\x0001ff5c2e" in text
    assert "+00\t" in text and "+09\t" not in text
    assert {one["application_name"] for one in facts["own_sessions"]} == {"incomex.closeout/d0d0d0d0d0d0"}
    assert len(facts["own_sessions"]) >= 2


def test_rows_of_snapshot_and_dump_agree_while_production_is_written_to(
    server: postgres.Cluster, directory: Path
) -> None:
    stop = threading.Event()
    written = []

    def write() -> None:
        """Insert and commit until told to stop."""
        with contextlib.closing(server.connect("directus")) as connection, connection.cursor() as cursor:
            while not stop.is_set():
                cursor.execute(
                    "INSERT INTO cutter_governance.verify_result (check_name, passed)"
                    " SELECT 'busy', true FROM generate_series(1, 20)"
                )
                written.append(20)
                stop.wait(0.002)

    count = "SELECT count(*) FROM cutter_governance.verify_result"
    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_until(lambda: len(written) > 3, 10, "the writer")
        before = int(server.psql(count, "directus"))
        facts = succeeds("pg_dump_readonly", asked(directory, on_socket(server)))
        after = int(server.psql(count, "directus"))
    finally:
        stop.set()
        writer.join(30)
    rows = facts["dump"]["rows"]
    assert before <= rows["verify_result"] < after
    assert {name: one["rows"] for name, one in facts["production_snapshot"]["tables"].items()} == rows
    restored_elsewhere(directory / NAME, server, "busy_copy")
    assert column(server.psql(count_query(TABLES), "busy_copy")) == rows


@pytest.mark.parametrize("where", ["while it waits for a lock", "in the middle of its output"])
def test_a_pg_dump_that_is_killed_leaves_nothing(where: str, server: postgres.Cluster, directory: Path) -> None:
    table = "public.large_for_killing"
    server.psql(
        f"DROP TABLE IF EXISTS {table};"
        f"CREATE TABLE {table} AS SELECT n, repeat(md5(n::text), 30) AS text FROM generate_series(1, 80000) n",
        "directus",
    )
    with contextlib.closing(server.connect("directus")) as own, own.cursor() as cursor:
        if "lock" in where:
            cursor.execute(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            victim = "wait_event_type = 'Lock'"
        else:
            victim = "query LIKE 'COPY%large_for_killing%' AND state = 'active'"
        find = f"SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'incomex.closeout%' AND {victim}"
        found: list[tuple[int]] = []

        def dumping() -> bool:
            """Whether pg_dump's session is where it is to be killed."""
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(find)
            found[:] = cursor.fetchall()
            return bool(found)

        module = modules.start_module("pg_dump_readonly", asked(directory, on_socket(server)))
        wait_until(dumping, 30, "pg_dump's session", poll_s=0.001)
        # Nobody reads pg_dump's output now: it cannot end before its session does.
        os.kill(module.pid, signal.SIGSTOP)
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", found[0])
        assert cursor.fetchone() == (True,)
        if "lock" in where:
            cursor.execute("ROLLBACK")
        os.kill(module.pid, signal.SIGCONT)
        result = modules.finish(module)
    assert (result.failed, result.rc) == (True, 1), result
    # The server's last words may be lost with the connection; what pg_dump was at is told in any case.
    assert "pg_dump failed" in result.msg and "large_for_killing" in result.msg
    assert result.data["dump"]["rc"] not in (0, None)
    assert_nothing_final(directory)
    assert server.psql(OURS) == "0"
    server.psql(f"DROP TABLE {table}", "directus")


def test_a_module_that_is_killed_leaves_nothing_under_a_final_name(server: postgres.Cluster, directory: Path) -> None:
    with contextlib.closing(server.connect("directus", autocommit=False)) as own, own.cursor() as cursor:
        cursor.execute("LOCK TABLE public.directus_users IN ACCESS EXCLUSIVE MODE")
        module = modules.start_module("pg_dump_readonly", asked(directory, on_socket(server)))
        waiting = f"{OURS} AND wait_event_type = 'Lock'"
        wait_until(lambda: server.psql(waiting) == "1", 30, "pg_dump to wait for the lock")
        module.kill()
        module.communicate(timeout=30)
    wait_until(lambda: server.psql(OURS) == "0", 30, "the end of pg_dump's session")
    assert names_in(directory) <= {NAME + ".partial", "logs/pg_dump.log"}


@pytest.fixture(scope="module")
def restricted(server: postgres.Cluster) -> str:
    """A user who may read all tables but one."""
    server.psql(
        "CREATE ROLE clerk LOGIN;"
        "GRANT USAGE ON SCHEMA cutter_governance TO clerk;"
        "GRANT SELECT ON ALL TABLES IN SCHEMA cutter_governance, public TO clerk;"
        "REVOKE ALL ON cutter_governance.review_decision FROM clerk",
        "directus",
    )
    return "clerk"


def test_a_table_without_permission_is_named(server: postgres.Cluster, restricted: str, directory: Path) -> None:
    refused = fails("pg_dump_readonly", asked(directory, on_socket(server, login_user=restricted)))
    assert "permission denied" in refused.msg and "review_decision" in refused.msg
    assert_nothing_final(directory)
    assert server.psql(OURS) == "0"


def test_wrong_database(server: postgres.Cluster, directory: Path) -> None:
    refused = fails("pg_dump_readonly", asked(directory, on_socket(server, "nowhere_at_all")))
    assert "nowhere_at_all" in refused.msg and "does not exist" in refused.msg
    assert_nothing_final(directory)


@pytest.mark.parametrize("check", [True, False])
def test_missing_directory(check: bool, server: postgres.Cluster, tmp_path: Path) -> None:
    refused = fails("pg_dump_readonly", asked(tmp_path / "absent", on_socket(server)), check=check)
    assert str(tmp_path / "absent") in refused.msg
    assert not (tmp_path / "absent").exists()
    assert server.psql(OURS) == "0"


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("name", ["../escaped.sql", "sub/x.sql", "", "..", "manifest.json", "globals.json"])
def test_a_name_that_is_no_file_name_of_its_own(
    name: str, check: bool, server: postgres.Cluster, directory: Path
) -> None:
    refused = fails("pg_dump_readonly", asked(directory, on_socket(server), name=name), check=check)
    assert "name" in refused.msg
    assert names_in(directory.parent) == set()
    assert not (directory / "logs").exists()


def test_no_pg_dump_in_bin_dir(server: postgres.Cluster, directory: Path, tmp_path: Path) -> None:
    refused = fails("pg_dump_readonly", asked(directory, on_socket(server, bin_dir=str(tmp_path))))
    assert "pg_dump" in refused.msg and "closeout_bin_dir" in refused.msg
    assert_nothing_final(directory)


def test_client_older_than_the_server(
    cluster: ClusterFactory, pg_install: Callable[[int], postgres.Installation], directory: Path
) -> None:
    own = cluster(17)
    older = str(pg_install(16).bin_dir)
    refused = fails("pg_dump_readonly", asked(directory, on_socket(own, bin_dir=older)))
    assert "pg_dump is older than the server" in refused.msg
    assert "version 17 or later" in refused.msg and "16." in refused.msg and "closeout_bin_dir" in refused.msg
    assert_nothing_final(directory)


def test_a_schema_without_tables_is_told_as_such(server: postgres.Cluster, directory: Path) -> None:
    facts = succeeds("pg_dump_readonly", asked(directory, on_socket(server), schema="no_such_schema"))
    assert (facts["dump"]["tables"], facts["dump"]["rows_total"]) == ([], 0)
    assert facts["expected_tables_effective"] == []
    assert facts["production_snapshot"]["tables"] == {}


def test_hostile_names_arrive_whole(server: postgres.Cluster, directory: Path) -> None:
    schema = 'odd "schema"\n; Type: TABLE;'
    names = [
        'quote"quote',
        "new\nline",
        "Điều; COPY x FROM stdin;",
        "\\.",
        "-- PostgreSQL database dump complete",
        "a.b",
    ]
    quoted = '"' + schema.replace('"', '""') + '"'
    with contextlib.closing(server.connect("directus")) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {quoted}")
        try:
            for number, name in enumerate(names):
                table = f"{quoted}." + '"' + name.replace('"', '""') + '"'
                cursor.execute(f"CREATE TABLE {table} AS SELECT n FROM generate_series(1, %s) n", [number])
            facts = succeeds("pg_dump_readonly", asked(directory, on_socket(server), schema=schema))
        finally:
            cursor.execute(f"DROP SCHEMA {quoted} CASCADE")
    assert facts["dump"]["tables"] == sorted(names)
    assert facts["dump"]["rows"] == {name: number for number, name in enumerate(names)}
    counted = {name: one["rows"] for name, one in facts["production_snapshot"]["tables"].items()}
    assert counted == facts["dump"]["rows"]


def test_a_client_cannot_be_told_to_write(server: postgres.Cluster, directory: Path) -> None:
    """PGOPTIONS of the target's user do not reach the sessions."""
    facts = succeeds(
        "pg_dump_readonly",
        asked(directory, on_socket(server)),
        env={"PGOPTIONS": "-c default_transaction_read_only=off -c bytea_output=escape", "PGAPPNAME": "x"},
    )
    assert {one["application_name"] for one in facts["own_sessions"]} == {"incomex.closeout/d0d0d0d0d0d0"}
    assert "\\\\x0001ff5c2e" in (directory / NAME).read_text()
