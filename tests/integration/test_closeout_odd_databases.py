"""Ordinary databases with something odd about them: each passes, or is told before anything starts."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.conftest import ClusterFactory
from tests.integration.closeouts import assert_all_pass, assert_failed, last_message, local_variables, statuses
from tests.support.modules import finish, start_module
from tests.support.places import wait_until
from tests.support.playbook import run_playbook

OURS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'incomex.closeout%'"


def test_a_name_that_reads_like_a_connection_string(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path
) -> None:
    """pg_dump and psql take a connection string for a database's name; the role's own encoding must not matter."""
    name = "host=nowhere user='x' \\"
    server = cluster(17)
    server.psql(f'CREATE DATABASE "{name}"')
    there = "dbname='" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"
    server.psql(cutter_governance, there)
    server.psql("COMMENT ON TABLE cutter_governance.verify_result IS 'Điều 44'", there)
    server.psql(f"ALTER ROLE {server.user} SET client_encoding = 'LATIN1'")
    # An event trigger that not even session_replication_role stops would write a row more into the copy.
    server.psql(
        "CREATE FUNCTION public.log_ddl() RETURNS event_trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO cutter_governance.decision_backlog_sweep_log DEFAULT VALUES; END $$;"
        "CREATE MATERIALIZED VIEW public.seen AS SELECT 1 AS one;"
        "CREATE EVENT TRIGGER log_ddl ON ddl_command_end EXECUTE FUNCTION public.log_ddl();"
        "ALTER EVENT TRIGGER log_ddl ENABLE ALWAYS",
        there,
    )
    evidence = assert_all_pass(run_playbook(local_variables(server, tmp_path, db=name)))
    assert "Điều 44" in Path(evidence["dump"]["path"]).read_text(encoding="utf-8")
    assert evidence["run"]["db"] == name


def test_tables_of_an_extension_that_pg_dump_does_not_read(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path
) -> None:
    """A role that may not read them can make the dump all the same: they are not in it. The copy is without them, which
    no return code says."""
    server = cluster(16, cutter_governance)
    server.psql(
        "CREATE EXTENSION hstore; CREATE TABLE public.of_extension (id int);"
        "ALTER EXTENSION hstore ADD TABLE public.of_extension; CREATE ROLE reader LOGIN;"
        "GRANT USAGE ON SCHEMA public, cutter_governance TO reader;"
        "GRANT SELECT ON ALL TABLES IN SCHEMA public, cutter_governance TO reader;"
        "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public, cutter_governance TO reader;"
        "REVOKE ALL ON public.of_extension FROM reader",
        "directus",
    )
    result = run_playbook(local_variables(server, tmp_path, user="reader"))
    assert_failed(result, "restore.objects")
    assert "extension columns: 1 in production, 0 restored" in last_message(result)
    assert {name for name, status in statuses(result).items() if status == "FAIL"} == {"restore.objects"}


def test_a_name_that_is_no_text_is_told(cluster: ClusterFactory, cutter_governance: str, tmp_path: Path) -> None:
    """A role that was made from a SQL_ASCII database may bear any bytes."""
    server = cluster(16, cutter_governance)
    server.psql("CREATE DATABASE bytes TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'")
    server.psql("DO $$ BEGIN EXECUTE 'CREATE ROLE ' || quote_ident(E'caf\\351'); END $$", "bytes")
    result = run_playbook(local_variables(server, tmp_path))
    assert result.rc != 0
    assert "is not text in the database's encoding" in last_message(result)


def test_a_dump_that_is_told_to_stop_stops(cluster: ClusterFactory, tmp_path: Path) -> None:
    """SIGTERM of the module: pg_dump and our sessions end at once, and no file is left."""
    server = cluster(16, "CREATE TABLE public.held (id int)")
    with server.connect("directus") as holder, holder.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE public.held IN ACCESS EXCLUSIVE MODE")
        module = start_module(
            "pg_dump_readonly",
            {
                "login_unix_socket": str(server.socket_dir),
                "login_port": server.port,
                "login_user": server.user,
                "login_db": "directus",
                "bin_dir": str(server.bin_dir),
                "run_id": "0123456789ab",
                "directory": str(tmp_path),
                "name": "stopped.sql",
                "schema": "public",
            },
        )
        wait_until(lambda: int(server.psql(OURS)) >= 2, 30, "pg_dump waits for the lock")
        module.send_signal(signal.SIGTERM)
        result = finish(module, 30)
        assert result.failed and "Stopped by SIGTERM" in result.msg
        wait_until(lambda: server.psql(OURS) == "0", 10, "our sessions end")
    assert not list(tmp_path.glob("stopped.sql*"))
