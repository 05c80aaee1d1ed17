"""A dump that production waits for: it is seen who waits and how long, and the dump gives way."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError
from ansible_collections.incomex.closeout.plugins.module_utils._server import Address, server_at
from ansible_collections.incomex.closeout.plugins.module_utils._snapshot import ProductionSnapshot
from ansible_collections.incomex.closeout.plugins.module_utils._waiting import watching

from tests.conftest import ClusterFactory
from tests.integration.closeouts import assert_failed, last_message, local_variables, statuses
from tests.integration.module_options import on_socket, private_directory
from tests.support import modules
from tests.support.places import wait_until
from tests.support.playbook import run_playbook
from tests.support.postgres import Cluster

# At the limit below the dump of it takes about ten seconds.
SLOW = "CREATE TABLE public.slow AS SELECT n, repeat(md5(n::text), 30) AS text FROM generate_series(1, 10000) n;"
OURS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'incomex.closeout%'"
DUMPING = f"{OURS} AND query LIKE 'COPY%slow%'"


@contextlib.contextmanager
def in_background(server: Cluster, *statements: str) -> Iterator[list[str]]:
    """Run each statement in a session of its own, one after the other begun; what came of those that have ended."""
    ended: list[str] = []

    def execute(statement: str) -> None:
        with contextlib.closing(server.connect("directus")) as own, own.cursor() as cursor:
            try:
                cursor.execute(statement)
                ended.append("done")
            except psycopg2.Error as error:
                ended.append(str(error.pgcode))

    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    threads = []
    for number, statement in enumerate(statements, 1):
        threads.append(threading.Thread(target=execute, args=[statement]))
        threads[-1].start()
        wait_until(lambda wanted=number: int(server.psql(waiting)) >= wanted, 30, "it to wait")  # type: ignore[misc]
    try:
        yield ended
    finally:
        for thread in threads:
            thread.join(60)


@pytest.fixture
def server(cluster: ClusterFactory, cutter_governance: str) -> Cluster:
    """Production, with a table that takes its time."""
    return cluster(16, cutter_governance + SLOW)


def dump(directory: Path, server: Cluster, **more: Any) -> Any:
    """Start a dump of about ten seconds; wait until it reads the slow table."""
    asked = {"directory": str(directory), "name": "prod.sql", "schema": "cutter_governance", "bandwidth_limit_mb_s": 1}
    module = modules.start_module("pg_dump_readonly", {**on_socket(server), "run_id": "d0d0d0d0d0d0", **asked, **more})
    wait_until(lambda: server.psql(DUMPING) == "1", 30, "the dump to read the table")
    return module


def test_it_gives_way_to_an_alter_and_to_the_select_behind_it(server: Cluster, tmp_path: Path) -> None:
    directory = private_directory(tmp_path / "dump")
    module = dump(directory, server, max_blocking_s=2)
    alter, select = "ALTER TABLE public.slow ADD COLUMN more int", "SELECT count(*) FROM public.slow"
    with in_background(server, alter, select) as ended:
        result = modules.finish(module)
    assert ended == ["done", "done"]
    assert result.failed and "Production waited for the dump, and the dump was ended" in result.msg
    assert "AccessExclusiveLock on public.slow" in result.msg and "closeout_max_blocking_s" in result.msg
    assert "behind one that waits for the dump: AccessShareLock on public.slow" in result.msg
    waits = result.data["waits"]
    assert 2 < waits["longest_s"] < 8 and waits["sessions_total"] == 2
    assert {one["behind"] for one in waits["sessions"]} == {True, False}
    assert {path.name for path in directory.iterdir()} <= {"logs"}
    assert server.psql(OURS) == "0"


def test_it_goes_on_where_that_is_allowed_and_says_how_long(server: Cluster, tmp_path: Path) -> None:
    module = dump(private_directory(tmp_path / "dump"), server, max_blocking_s=0)
    with in_background(server, "ALTER TABLE public.slow ADD COLUMN more int") as ended:
        result = modules.finish(module)
    assert not result.failed and ended == ["done"]
    assert result.data["waits"]["longest_s"] >= 2
    (one,) = result.data["waits"]["sessions"]
    assert (one["behind"], one["harmless"], one["waited_for"]) == (False, False, "AccessExclusiveLock on public.slow")


def test_an_index_that_is_built_concurrently_is_told_only(server: Cluster, tmp_path: Path) -> None:
    module = dump(private_directory(tmp_path / "dump"), server, max_blocking_s=1)
    with in_background(server, "CREATE INDEX CONCURRENTLY ON public.directus_users (id)") as ended:
        result = modules.finish(module)
    assert not result.failed, result.msg
    assert ended == ["done"] and result.data["waits"]["longest_s"] == 0.0
    assert [one["harmless"] for one in result.data["waits"]["sessions"]] == [True]


def test_who_waits_for_somebody_else_does_not_wait_for_us(server: Cluster, tmp_path: Path) -> None:
    with contextlib.closing(server.connect("directus", autocommit=False)) as other, other.cursor() as cursor:
        cursor.execute("UPDATE public.directus_users SET id = id")
        with in_background(server, "UPDATE public.directus_users SET id = id"):
            module = dump(private_directory(tmp_path / "dump"), server, max_blocking_s=1)
            result = modules.finish(module)
            other.rollback()
    assert not result.failed, result.msg
    waits = result.data["waits"]
    assert waits == {
        "longest_s": 0.0,
        "longest_unwatched_s": waits["longest_unwatched_s"],
        "sessions": [],
        "sessions_total": 0,
    }
    assert 0 < waits["longest_unwatched_s"] < 20


def test_the_record_of_a_run_that_gave_way_says_who_waited(server: Cluster, tmp_path: Path) -> None:
    found: list[Any] = []
    variables = local_variables(server, tmp_path, max_blocking_s="2", bandwidth_limit_mb_s="1")
    run = threading.Thread(target=lambda: found.append(run_playbook(variables)))
    run.start()
    wait_until(lambda: server.psql(DUMPING) == "1", 60, "the dump to read the table")
    with in_background(server, "ALTER TABLE public.slow ADD COLUMN more int"):
        run.join(120)
    (result,) = found
    assert_failed(result, "production.waits")
    assert statuses(result)["production.identity"] == "PASS"
    assert "Production waited for the dump" in last_message(result)
    assert "AccessExclusiveLock on public.slow" in (result.artefact / "closeout.md").read_text()


def test_programs_are_ended_and_who_watches_is_not(server: Cluster) -> None:
    """A dump that is taken again has lost its pg_dump, and still sees who waits."""
    address = Address(
        login_unix_socket=str(server.socket_dir), login_port=server.port, login_user=server.user, login_db="directus",
        run_id="0c0c0c0c0c0c",
    )  # fmt: skip
    reached = server_at(address)
    with reached.session() as session, reached.session() as program, watching(reached, 20) as waits:
        ProductionSnapshot(session, "public", beside=[waits.pid]).end_programs(reached)
        own = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'incomex.closeout/0c0c0c0c0c0c'"
        wait_until(lambda: server.psql(own) == "2", 10, "the program's session to end")
        with pytest.raises(CloseoutError):
            program.value("SELECT 1")
