"""Rows of a restored copy against the dump: equal rows are found equal, and no changed row goes unseen."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._content import (
    DIFFERENT,
    EQUAL,
    EQUAL_OTHER_ORDER,
    NOT_READABLE,
    TableResult,
    compare_tables,
    configuration_conditions,
    digest_in_snapshot,
)
from ansible_collections.incomex.closeout.plugins.module_utils._dumptext import DumpFile
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError
from ansible_collections.incomex.closeout.plugins.module_utils._manifest import Manifest, manifest_of
from ansible_collections.incomex.closeout.plugins.module_utils._rowdigest import unordered_of_dump
from ansible_collections.incomex.closeout.plugins.module_utils._session import Session, SqlError, program_options

from tests.conftest import ClusterFactory
from tests.support import postgres
from tests.support.places import wait_until

PRODUCTION, COPY = "directus", "directus_restoretest"
COLOURS = "'red', 'orange', 'yellow', 'green', 'blue', 'indigo', 'violet'"

# What prints differently from one database to the next, unless both sides pin it.
OTHER_SETTINGS = {
    "timezone": "'Asia/Ho_Chi_Minh'",
    "datestyle": "'SQL, DMY'",
    "intervalstyle": "sql_standard",
    "bytea_output": "escape",
    "extra_float_digits": "-5",
    "search_path": "kinds",
    "xmloption": "document",
    "quote_all_identifiers": "on",
}
KINDS = r"""
CREATE SCHEMA kinds;
CREATE TABLE kinds.plain (id int PRIMARY KEY, at timestamptz, day date, span interval, real8 float8, real4 float4,
    raw bytea, doc jsonb, words text[], class regclass, bits bit varying, "quote""d ý" text);
INSERT INTO kinds.plain SELECT g, timestamptz '1999-12-31 23:59:59.999999+07' + g * interval '1 hour',
    date '2026-03-29', g * interval '-1 day 1.5 sec', 0.1::float8 + g / 3.0::float8, g / 7.0,
    decode(md5(g::text), 'hex'), jsonb_build_object('n', g), ARRAY['a "b"', NULL, g::text], 'kinds.plain', g::bit(9),
    E'tab\t nl\n cr\r bs\\ \\. é' || g
    FROM generate_series(1, 500) g;
INSERT INTO kinds.plain (id, "quote""d ý") VALUES (9001, ''), (9002, NULL), (9003, E'\\N'),
    (9004, E'\\.'), (9005, E'\n');
CREATE TABLE kinds.empty (id int);
CREATE TABLE kinds.no_columns ();
INSERT INTO kinds.no_columns DEFAULT VALUES;
INSERT INTO kinds.no_columns DEFAULT VALUES;
CREATE TABLE kinds.generated_only (twice int GENERATED ALWAYS AS (2) STORED);
INSERT INTO kinds.generated_only DEFAULT VALUES;
CREATE TABLE kinds.generated (id int, twice int GENERATED ALWAYS AS (id * 2) STORED, dropped int, word text);
INSERT INTO kinds.generated (id, word) VALUES (1, 'one'), (2, 'two');
ALTER TABLE kinds.generated DROP COLUMN dropped;
CREATE UNLOGGED TABLE kinds.unlogged AS SELECT 1 AS one;
CREATE TABLE kinds.parent (b text, a int);
INSERT INTO kinds.parent VALUES ('own row', 1);
CREATE TABLE kinds.child (a int, c int, b text);
ALTER TABLE kinds.child INHERIT kinds.parent;
INSERT INTO kinds.child VALUES (2, 3, 'row of the child');
CREATE TABLE kinds.ranges (at int, word text) PARTITION BY RANGE (at);
CREATE TABLE kinds.ranges_low (word text, at int);
ALTER TABLE kinds.ranges ATTACH PARTITION kinds.ranges_low FOR VALUES FROM (0) TO (10);
CREATE TABLE kinds.ranges_rest PARTITION OF kinds.ranges DEFAULT;
INSERT INTO kinds.ranges SELECT g, 'w' || g FROM generate_series(1, 20) g;
CREATE TABLE kinds.nobodys (at int) PARTITION BY RANGE (at);
CREATE TABLE kinds."odd; -- ""name
" (a int);
INSERT INTO kinds."odd; -- ""name
" VALUES (1);
DO $$ BEGIN EXECUTE 'CREATE TABLE kinds.wide (' || (SELECT string_agg('c' || g || ' bool', ', ')
    FROM generate_series(1, 1600) g) || ')'; END $$;
INSERT INTO kinds.wide (c1, c800, c1600) VALUES (true, false, NULL), (NULL, NULL, true);
CREATE MATERIALIZED VIEW kinds.seen AS SELECT 1 AS one;
"""


@dataclass
class Copied:
    """A dump of PRODUCTION that was restored as COPY, on the same server."""

    server: postgres.Cluster
    dump: Path
    manifest: Manifest

    def session(self, db: str = COPY, user: str = "") -> contextlib.closing[Session]:
        """Open a session, as the collection does."""
        return contextlib.closing(session_of(self.server, db, user))

    def compare(
        self,
        *,
        jobs: int = 2,
        show_differences: bool = False,
        open_session: Callable[[], contextlib.AbstractContextManager[Session]] | None = None,
    ) -> dict[str, TableResult]:
        """Compare the copy with the dump; return the results by table, names without their schema."""
        results = compare_tables(
            open_session or self.session,
            self.manifest.tables.values(),
            DumpFile(str(self.dump)),
            encoding=self.manifest.encoding,
            jobs=jobs,
            show_differences=show_differences,
        )
        found = {result.name: result for result in results}
        assert len(found) == len(results)
        return found

    def outcomes(self) -> dict[str, str]:
        """Compare; return the outcomes."""
        return {name: result.outcome for name, result in self.compare().items()}


def session_of(server: postgres.Cluster, db: str, user: str = "") -> Session:
    return Session({"host": str(server.socket_dir), "user": user or server.user, "dbname": db}, run_id="test")


def copied(server: postgres.Cluster, directory: Path, encoding: str = "UTF8", before: str = "") -> Copied:
    """Dump and restore. `before` is run in the copy first."""
    dump = directory / "dump.sql"
    where = ["--host", str(server.socket_dir), "--username", server.user, "--dbname"]
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    with contextlib.closing(session_of(server, "postgres")) as session:
        options = program_options(session.server_version_num, on_linux=True)
    with dump.open("wb") as file:
        subprocess.run(
            [str(server.bin_dir / "pg_dump"), "--encoding", encoding, *where, PRODUCTION],
            stdout=file, check=True, timeout=120, env={**environment, "PGOPTIONS": options},
        )  # fmt: skip
    server.psql(f"CREATE DATABASE {COPY} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'")
    if before:
        server.psql(before, COPY)
    with dump.open("rb") as file:
        subprocess.run(
            [str(server.bin_dir / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", *where, COPY],
            stdin=file, stdout=subprocess.DEVNULL, check=True, timeout=120, env=environment,
        )  # fmt: skip
    manifest = manifest_of([dump.read_bytes()])
    assert manifest.complete and manifest.encoding == encoding
    return Copied(server, dump, manifest)


@pytest.mark.parametrize("version", [14, 16, 18])
def test_every_kind_of_table_is_equal(cluster: ClusterFactory, tmp_path: Path, version: int) -> None:
    server = cluster(version, KINDS)
    for name, value in OTHER_SETTINGS.items():
        server.psql(f"ALTER DATABASE {PRODUCTION} SET {name} = {value}")
    copy = copied(server, tmp_path)
    results = copy.compare()
    assert {result.outcome for result in results.values()} == {EQUAL}
    dumped = [name for (_schema, name), table in copy.manifest.tables.items() if not table.partitioned]
    assert list(results) == dumped
    tables = server.psql(
        "SELECT json_agg(relname) FROM pg_class WHERE relnamespace = 'kinds'::regnamespace AND relkind = 'r'",
        PRODUCTION,
    )
    assert len(results) == 12
    for name, result in results.items():
        assert result.schema == "kinds"
        quoted = '"' + name.replace('"', '""') + '"'
        assert result.rows_found == int(server.psql(f"SELECT count(*) FROM ONLY kinds.{quoted}", PRODUCTION))
        assert result.rows_found == result.rows_expected
        assert result.detail == "" and result.first_difference is None
    assert "nobodys" not in results and tables.count(",") == 11
    assert results["plain"].rows_found == 505
    assert results["no_columns"].rows_found == 2


CHANGES = {
    "a bit": ("UPDATE kinds.plain SET real8 = real8 + 1e-13 WHERE id = 77", {"plain"}),
    "an empty text for NULL": ('UPDATE kinds.plain SET "quote""d ý" = \'\' WHERE id = 9002', {"plain"}),
    "NULL for an empty text": ('UPDATE kinds.plain SET "quote""d ý" = NULL WHERE id = 9001', {"plain"}),
    "NULL for its own spelling": ('UPDATE kinds.plain SET "quote""d ý" = NULL WHERE id = 9003', {"plain"}),
    "a value in the next column": ("UPDATE kinds.wide SET c800 = NULL, c801 = false WHERE c1", {"wide"}),
    "a row less": ("DELETE FROM ONLY kinds.parent", {"parent"}),
    "a row of nothing less": ("DELETE FROM kinds.no_columns WHERE ctid = '(0,1)'", {"no_columns"}),
    "a row more": ("INSERT INTO kinds.empty VALUES (NULL)", {"empty"}),
    "a row twice, another gone": ("UPDATE kinds.generated SET id = 1, word = 'one'", {"generated"}),
    "rows swapped between two tables": (
        "ALTER TABLE kinds.ranges_low RENAME TO other; ALTER TABLE kinds.ranges_rest RENAME TO ranges_low;"
        "ALTER TABLE kinds.other RENAME TO ranges_rest",
        {"ranges_low", "ranges_rest"},
    ),
    "a row of the parent in its child": (
        "INSERT INTO kinds.child (a, b) SELECT a, b FROM ONLY kinds.parent; DELETE FROM ONLY kinds.parent",
        {"child", "parent"},
    ),
    "a microsecond": ("UPDATE kinds.plain SET at = at - interval '1 us' WHERE id = 500", {"plain"}),
    "the last column's name": ("ALTER TABLE kinds.wide RENAME c1600 TO c1601", {"wide"}),
    "two columns' names": (
        "ALTER TABLE kinds.wide RENAME c1 TO x; ALTER TABLE kinds.wide RENAME c2 TO c1;"
        "ALTER TABLE kinds.wide RENAME x TO c2",
        {"wide"},
    ),
    "a table less": ("DROP TABLE kinds.empty", {"empty"}),
    "a view for a table": ("DROP TABLE kinds.empty; CREATE VIEW kinds.empty AS SELECT 1 AS id LIMIT 0", {"empty"}),
    "a column that was not there": ("ALTER TABLE kinds.no_columns ADD a int", {"no_columns"}),
}


def test_every_change_is_seen_and_only_where_it_is(cluster: ClusterFactory, tmp_path: Path) -> None:
    """Each in a copy of the copy; the session that looks does not see the others."""
    server = cluster(16, KINDS)
    copy = copied(server, tmp_path)
    server.psql(f"ALTER DATABASE {COPY} RENAME TO pristine")
    for what, (sql, tables) in CHANGES.items():
        server.psql(f"DROP DATABASE IF EXISTS {COPY}; CREATE DATABASE {COPY} TEMPLATE pristine")
        server.psql(sql, COPY)
        results = copy.compare(show_differences=True)
        assert {name for name, one in results.items() if one.outcome != EQUAL} == tables, what
        for name in tables:
            assert results[name].outcome == DIFFERENT, what
            assert results[name].detail, what


def test_another_order_is_equal_and_says_so(cluster: ClusterFactory, tmp_path: Path) -> None:
    server = cluster(
        16,
        "CREATE TABLE moved (id int PRIMARY KEY, word text) WITH (fillfactor = 10, autovacuum_enabled = off);"
        "INSERT INTO moved SELECT g, repeat('x', g % 90) FROM generate_series(1, 5000) g;"
        "DELETE FROM moved WHERE id % 3 = 0; UPDATE moved SET word = word || 'y' WHERE id % 5 = 0;"
        "CREATE TABLE still AS SELECT id FROM moved",
    )
    copy = copied(server, tmp_path)
    # What a restore may do: the rows as they were, stored elsewhere.
    server.psql(
        "CREATE TEMP TABLE aside AS SELECT * FROM moved WHERE id < 100;"
        "DELETE FROM moved WHERE id < 100; INSERT INTO moved SELECT * FROM aside",
        COPY,
    )
    found = copy.compare(show_differences=True)
    assert found["moved"] == TableResult("public", "moved", EQUAL_OTHER_ORDER, 3334, 3334)
    assert found["still"].outcome == EQUAL
    server.psql("UPDATE moved SET word = 'z' WHERE id = 4000", COPY)
    assert copy.outcomes() == {"moved": DIFFERENT, "still": EQUAL}


@pytest.mark.parametrize("version", [14, 16, 18])
def test_the_order_that_a_restore_gives(cluster: ClusterFactory, tmp_path: Path, version: int) -> None:
    """Nobody touched the copy: rows of different lengths come back in another order, on version 16 even in a plain
    table."""
    rows = "SELECT g AS id, repeat('x', g * 37 % 151) AS word FROM generate_series(1, 100000) g"
    server = cluster(version, f"CREATE TABLE even AS SELECT id FROM ({rows}) r; CREATE TABLE odd AS {rows}")
    copy = copied(server, tmp_path)
    stored = "SELECT bool_and(id > before) FROM (SELECT id, lag(id, 1, 0) OVER (ORDER BY ctid) AS before FROM odd) o"
    in_order = server.psql(stored, COPY) == "t"
    assert copy.outcomes() == {"even": EQUAL, "odd": EQUAL if in_order else EQUAL_OTHER_ORDER}
    assert not (in_order and version == 16)


def test_the_first_difference_is_a_position_and_never_the_row(cluster: ClusterFactory, tmp_path: Path) -> None:
    server = cluster(
        16,
        "CREATE TABLE first (word text); CREATE TABLE fewer (word text); CREATE TABLE more (word text);"
        "CREATE TABLE equal (word text);"
        "INSERT INTO first SELECT 'secret' || g FROM generate_series(1, 1000) g;"
        "INSERT INTO fewer TABLE first; INSERT INTO more TABLE first; INSERT INTO equal TABLE first",
    )
    copy = copied(server, tmp_path)
    server.psql(
        "CREATE TABLE new AS SELECT CASE word WHEN 'secret700' THEN 'secreT700' ELSE word END AS word FROM first;"
        "DROP TABLE first; ALTER TABLE new RENAME TO first;"
        "DELETE FROM fewer WHERE word = 'secret1000'; INSERT INTO more VALUES ('secret1001')",
        COPY,
    )
    results = copy.compare(show_differences=True)
    assert {name: one.first_difference for name, one in results.items()} == {
        "first": 700,
        "fewer": 1000,
        "more": 1001,
        "equal": None,
    }
    assert results["first"].detail == "1000 rows, as in the dump, but not the same ones"
    assert results["fewer"].detail == "999 rows; the dump has 1000"
    assert "secre" not in repr(results)
    assert all(one.first_difference is None for one in copy.compare().values())


PARTITIONS = f"""
CREATE FOREIGN DATA WRAPPER unreadable;
CREATE SERVER nowhere FOREIGN DATA WRAPPER unreadable;
CREATE TYPE colour AS ENUM ({COLOURS});
CREATE TABLE hashed (c colour, n int) PARTITION BY HASH (c);
CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE hashed_1 (n int, c colour);
ALTER TABLE hashed ATTACH PARTITION hashed_1 FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE hashed_2 PARTITION OF hashed FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO hashed SELECT c, g FROM unnest(enum_range(NULL::colour)) c, generate_series(1, 100) g;
CREATE TABLE mixed (k int, c colour) PARTITION BY LIST (k);
CREATE TABLE mixed_plain PARTITION OF mixed FOR VALUES IN (1);
CREATE TABLE mixed_hashed PARTITION OF mixed FOR VALUES IN (2) PARTITION BY HASH (c);
CREATE TABLE mixed_hashed_0 PARTITION OF mixed_hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE mixed_hashed_1 PARTITION OF mixed_hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE FOREIGN TABLE mixed_foreign PARTITION OF mixed FOR VALUES IN (3) SERVER nowhere;
INSERT INTO mixed SELECT k, c FROM unnest(enum_range(NULL::colour)) c, generate_series(1, 2) k;
"""


@pytest.mark.parametrize("version", [14, 16, 18])
def test_partitions_that_are_loaded_through_their_root(cluster: ClusterFactory, tmp_path: Path, version: int) -> None:
    """An enum's hash is another in another database: rows change partition, even to one with another order of columns.
    A foreign partition is not read."""
    server = cluster(version, PARTITIONS)
    copy = copied(server, tmp_path)
    results = copy.compare(show_differences=True)
    assert {name: (one.outcome, one.rows_found) for name, one in results.items()} == {
        "hashed": (EQUAL_OTHER_ORDER, 700),
        "mixed": (EQUAL_OTHER_ORDER, 7),
        "mixed_plain": (EQUAL, 7),
    }
    server.psql(
        "UPDATE hashed SET n = 0 WHERE n = 50 AND c = 'green'; DELETE FROM mixed WHERE k = 2 AND c = 'red'", COPY
    )
    results = copy.compare(show_differences=True)
    assert {name: (one.outcome, one.rows_found) for name, one in results.items()} == {
        "hashed": (DIFFERENT, 700),
        "mixed": (DIFFERENT, 6),
        "mixed_plain": (EQUAL, 7),
    }


def test_a_root_without_rows_must_be_there_all_the_same(cluster: ClusterFactory, tmp_path: Path) -> None:
    server = cluster(16, PARTITIONS + "TRUNCATE hashed")
    copy = copied(server, tmp_path)
    assert copy.outcomes()["hashed"] == EQUAL_OTHER_ORDER
    server.psql("DROP TABLE hashed", COPY)
    result = copy.compare()["hashed"]
    assert (result.outcome, result.rows_found) == (DIFFERENT, None)
    assert 'relation "public.hashed" does not exist' in result.detail


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_JP"])
def test_a_database_of_another_encoding(cluster: ClusterFactory, tmp_path: Path, encoding: str) -> None:
    """Its dump is in its own encoding; for SQL_ASCII that is any bytes."""
    server = cluster(16)
    server.psql(
        f"DROP DATABASE {PRODUCTION};CREATE DATABASE {PRODUCTION} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'"
    )
    text = {"LATIN1": "'né'", "SQL_ASCII": r"E'\xff\xfe'", "EUC_JP": "'日本語'"}[encoding]
    name = {"LATIN1": "tête", "SQL_ASCII": "tête", "EUC_JP": "日本"}[encoding]
    server.psql(f'SET client_encoding = \'UTF8\'; CREATE TABLE "{name}" ("{name}" text)', PRODUCTION)
    fill = f'INSERT INTO "{name}" SELECT {text} || g FROM generate_series(1, 10) g'
    server.psql(f"SET client_encoding = '{'SQL_ASCII' if encoding == 'SQL_ASCII' else 'UTF8'}'; {fill}", PRODUCTION)
    copy = copied(server, tmp_path, encoding)
    assert copy.outcomes() == {name: EQUAL}
    server.psql(f"SET client_encoding = 'UTF8'; UPDATE \"{name}\" SET \"{name}\" = 'x' WHERE ctid = '(0,3)'", COPY)
    assert copy.compare(show_differences=True)[name].first_difference == 3


# No extension of the wheels has a configuration table: hstore is given one.
CONFIGURATION = """
CREATE EXTENSION hstore;
CREATE TABLE conf (id int, mine bool, word text);
CREATE TABLE conf_all (id int);
ALTER EXTENSION hstore ADD TABLE conf;
ALTER EXTENSION hstore ADD TABLE conf_all;
UPDATE pg_extension SET extconfig = ARRAY['conf', 'conf_all']::regclass[]::oid[],
    extcondition = ARRAY['WHERE mine AND word LIKE ''%%w''', ''] WHERE extname = 'hstore';
"""


def test_configuration_tables_of_an_extension(cluster: ClusterFactory, tmp_path: Path) -> None:
    server = cluster(
        16, CONFIGURATION + "INSERT INTO conf VALUES (1, true, 'w'), (2, false, 'w'), (3, true, '%w'), (4, true, 'x');"
    )
    server.psql("INSERT INTO conf_all VALUES (1), (2)", PRODUCTION)
    # A new extension brings rows of its own, and these the dump does not have.
    copy = copied(server, tmp_path, before=CONFIGURATION + "INSERT INTO conf VALUES (5, false, 'of the extension')")
    with copy.session() as session:
        assert configuration_conditions(session) == {
            ("public", "conf"): "WHERE mine AND word LIKE '%%w'",
            ("public", "conf_all"): "",
        }
    results = copy.compare()
    assert {name: (one.outcome, one.rows_found) for name, one in results.items()} == {
        "conf": (EQUAL, 2),
        "conf_all": (EQUAL, 2),
    }
    server.psql("UPDATE conf SET id = 7 WHERE id = 3; DELETE FROM conf_all WHERE id = 1", COPY)
    assert copy.outcomes() == {"conf": DIFFERENT, "conf_all": DIFFERENT}


def test_what_cannot_be_read_is_told_and_stops_nothing(cluster: ClusterFactory, tmp_path: Path) -> None:
    server = cluster(16, "CREATE TABLE closed (a int); CREATE TABLE here (a int); CREATE TABLE there (a int)")
    copy = copied(server, tmp_path)
    server.psql("CREATE ROLE reader LOGIN; GRANT SELECT ON here, there TO reader", COPY)
    for jobs in (1, 2, 9):
        results = copy.compare(jobs=jobs, open_session=lambda: copy.session(user="reader"))
        assert list(results) == ["closed", "here", "there"]
        assert {name: one.outcome for name, one in results.items()} == {
            "closed": NOT_READABLE,
            "here": EQUAL,
            "there": EQUAL,
        }
        assert "permission denied" in results["closed"].detail


def test_a_table_that_the_dump_fills_with_nothing_must_be_empty(cluster: ClusterFactory, tmp_path: Path) -> None:
    server = cluster(16, "CREATE TABLE filled (a int); CREATE TABLE other (a int)")
    copy = copied(server, tmp_path)
    for table in copy.manifest.tables.values():
        # As in the dump of a standby, which has no rows of unlogged tables.
        table.rows, table.sha256, table.columns, table.blocks = None, None, None, []
    server.psql("INSERT INTO filled VALUES (1)", COPY)
    assert copy.outcomes() == {"filled": DIFFERENT, "other": EQUAL}


@pytest.mark.parametrize("end", ["pg_terminate_backend", "pg_cancel_backend"])
def test_a_broken_connection_is_an_error(cluster: ClusterFactory, tmp_path: Path, end: str) -> None:
    """So is somebody's interruption: it says nothing of the table."""
    server = cluster(16, "CREATE TABLE one (a int); CREATE TABLE two (a int)")
    copy = copied(server, tmp_path)
    with contextlib.closing(server.connect(COPY, autocommit=False)) as holder, contextlib.ExitStack() as stack:
        with holder.cursor() as cursor:
            cursor.execute("LOCK TABLE one, two")
        errors: list[CloseoutError] = []

        def compare() -> None:
            try:
                copy.compare()
            except CloseoutError as error:
                errors.append(error)

        comparing = threading.Thread(target=compare)
        comparing.start()
        stack.callback(comparing.join)
        waiting = "FROM pg_stat_activity WHERE query LIKE 'COPY%' AND wait_event_type = 'Lock'"
        wait_until(lambda: server.psql(f"SELECT count(*) {waiting}") == "2", 30, "two sessions that wait")
        server.psql(f"SELECT {end}(pid) {waiting}")
    assert len(errors) == 1
    assert isinstance(errors[0], SqlError)
    assert errors[0].sqlstate[:2] in ("57", "")


def test_a_dump_that_is_not_the_manifests_is_an_error(cluster: ClusterFactory, tmp_path: Path) -> None:
    copy = copied(cluster(16, "CREATE TABLE one AS SELECT 1 AS a"), tmp_path)
    copy.server.psql("UPDATE one SET a = 2", COPY)
    os.truncate(copy.dump, 100)
    with pytest.raises(CloseoutError, match="before the end of a table's rows"):
        copy.compare()


def test_nothing_to_compare_gives_no_result(cluster: ClusterFactory, tmp_path: Path) -> None:
    assert copied(cluster(16), tmp_path).compare() == {}


def test_production_in_its_snapshot(cluster: ClusterFactory, tmp_path: Path) -> None:
    """What was committed after the snapshot is not in it."""
    server = cluster(16, KINDS + PARTITIONS)
    with contextlib.closing(session_of(server, PRODUCTION)) as session:
        session.begin_snapshot()
        snapshot = session.value("SELECT pg_export_snapshot()")
        copy = copied(server, tmp_path)
        server.psql("UPDATE kinds.plain SET day = day + 1; INSERT INTO hashed VALUES ('red', 1)", PRODUCTION)
        with contextlib.closing(session_of(server, PRODUCTION)) as other:
            other.begin_snapshot()
            other.rows(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
            found = digest_in_snapshot(other, copy.manifest.tables.values(), encoding="UTF8")
            assert other.transaction_id() is None
    dumped = {
        key: unordered_of_dump(DumpFile(str(copy.dump)), {key: table})[key]
        if table.partitioned
        else (table.rows, table.sha256)
        for key, table in copy.manifest.tables.items()
        if table.rows is not None
    }
    assert found == dumped
    assert ("public", "hashed") in found and ("kinds", "plain") in found and len(found) == 15


def test_a_row_of_100_megabytes(cluster: ClusterFactory, tmp_path: Path) -> None:
    server = cluster(
        16, "CREATE TABLE long AS SELECT g, repeat(chr(64 + g), 100 << 20) AS word FROM generate_series(1, 2) g"
    )
    copy = copied(server, tmp_path)
    assert copy.outcomes() == {"long": EQUAL}
    server.psql("UPDATE long SET g = 3 WHERE g = 1", COPY)
    assert copy.compare(show_differences=True)["long"].first_difference == 1
    server.psql("UPDATE long SET g = 1 WHERE g = 3", COPY)
    assert copy.outcomes() == {"long": EQUAL_OTHER_ORDER}


@pytest.fixture
def session(cluster: ClusterFactory) -> Iterator[Session]:
    with contextlib.closing(session_of(cluster(16), PRODUCTION)) as session:
        yield session


def test_copy_out_gives_row_by_row(session: Session) -> None:
    rows: list[bytes] = []
    query = r"COPY (SELECT g, E'a\nb' FROM generate_series(1, 3) g) TO STDOUT"
    assert session.copy_out(query, rows.append) == 3
    assert rows == [rb"%d" % number + b"\ta\\nb\n" for number in (1, 2, 3)]
    assert session.copy_out("COPY (SELECT 1 LIMIT 0) TO STDOUT", rows.append) == 0
    assert len(rows) == 3


def test_copy_out_tells_the_servers_error_and_goes_on(session: Session) -> None:
    rows: list[bytes] = []
    query = "COPY (SELECT 1 / (g - 3) FROM generate_series(1, 9) g) TO STDOUT"
    with pytest.raises(SqlError, match="division by zero") as caught:
        session.copy_out(query, rows.append)
    assert caught.value.sqlstate == "22012"
    assert len(rows) == 2
    assert session.value("SELECT 1") == 1


def test_copy_out_lets_through_what_its_reader_raises(session: Session) -> None:
    def refuse(line: bytes) -> None:
        raise CloseoutError(f"no {line!r}")

    with pytest.raises(CloseoutError, match=re.escape(r"no b'1\n'")):
        session.copy_out("COPY (SELECT 1) TO STDOUT", refuse)
