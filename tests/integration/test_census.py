"""The census of the catalogues: it counts what a dump has a statement for, in every version, and names what is lost."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._census import (
    KINDS,
    Census,
    differences,
    left_out,
    read_census,
)
from ansible_collections.incomex.closeout.plugins.module_utils._dump_warnings import read_messages
from ansible_collections.incomex.closeout.plugins.module_utils._entries import Entry
from ansible_collections.incomex.closeout.plugins.module_utils._manifest import manifest_of

from tests.integration.one_of_each import SUBSCRIPTION, fill, session_of
from tests.support import postgres
from tests.support.share import IN_FULL, share

VERSIONS = sorted(postgres.VERSIONS)


def census_of(server: postgres.Cluster, db: str = "directus", user: str = "") -> Census:
    with session_of(server, db, user) as session:
        return read_census(session)


def run_pg_dump(server: postgres.Cluster, user: str = "", *options: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [server.bin_dir / "pg_dump", "-h", server.socket_dir, "-p", str(server.port), "-U", user or server.user,
         "-d", "directus", *options], check=True, capture_output=True, timeout=60, env={"LC_ALL": "C"},
    )  # fmt: skip


def dump_of(server: postgres.Cluster, user: str = "") -> bytes:
    return run_pg_dump(server, user).stdout


def by_comments(dump: bytes) -> list[Entry]:
    """The entries as pg_dump's comments tell them: independent of what the collection reads from the statements."""
    head = r"^-- (?:Data for )?Name: (.*); Type: ([A-Z ]*); Schema: (.*); Owner: .*$"
    pieces = re.split(head, dump.decode(), flags=re.MULTILINE)
    found = []
    for name, kind, schema, body in zip(pieces[1::4], pieces[2::4], pieces[3::4], pieces[4::4]):
        schema = "" if schema == "-" else schema
        of = ""
        if kind.startswith("BLOB"):
            found += [Entry("LARGE OBJECT", "", oid) for oid in re.findall(r"lo_create\('(\d+)'\)", body)]
            continue
        if kind in ("FUNCTION", "PROCEDURE", "AGGREGATE"):
            name = name.partition("(")[0]
        elif kind in ("CONSTRAINT", "FK CONSTRAINT", "POLICY", "RULE", "TRIGGER"):
            of, name = name.split(" ")
        elif kind == "SEQUENCE" and "ADD GENERATED" in body:
            column = re.search(r'ALTER COLUMN (?:"([^"]+)"|(\S+)) ADD GENERATED', body)
            assert column is not None
            kind, name = "IDENTITY", column[1] or column[2]
        elif kind == "PROCEDURAL LANGUAGE":
            kind = "LANGUAGE"
        if kind == "CONSTRAINT" and re.search(r"ADD CONSTRAINT \S+ NOT NULL", body):
            kind = "NOT NULL CONSTRAINT"
        if (kind == "RULE" and name == "_RETURN") or (kind == "TRIGGER" and "CREATE" not in body):
            continue
        found.append(Entry(kind, schema, name, of))
    return found


Factory = Callable[..., postgres.Cluster]
FOR_SUBSCRIPTIONS = {"settings": {"wal_level": "logical"}}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_whole_dump_has_everything_and_nothing_else(cluster: Factory, version: int) -> None:
    """So has the copy restored from it; and what a dump lacks is named, whatever it is."""
    server = cluster(version, **FOR_SUBSCRIPTIONS)
    fill(server)
    server.psql(SUBSCRIPTION, "directus")
    census = census_of(server)
    dump = dump_of(server)
    entries = list(manifest_of([dump]).all_entries())
    for told in (by_comments(dump), entries):
        found = left_out(census, told)
        assert (found["left_out"], found["unexplained"]) == ([], [])
        assert (found["left_out_total"], found["unexplained_total"]) == (0, 0)
        assert all(kind["production"] == kind["dump"] for kind in found["kinds"].values())
        # One of each kind is there, else the test would prove less than it says.
        assert set(found["kinds"]) == KINDS - (set() if version >= 18 else {"NOT NULL CONSTRAINT"})
    assert all(number for name, number in census.counts.items() if not name.startswith(("extension", "security")))
    assert (census.lost, census.told) == ([], [])

    server.psql("CREATE DATABASE copy")
    server.psql("DROP SUBSCRIPTION nightly", "directus")
    server.psql(dump.decode(), "copy")
    copy = census_of(server, "copy")
    assert differences(census, copy) == []
    assert copy.extensions == census.extensions

    # Two statements make one base type or one view: to lose one of two is for the comparison of definitions to find.
    twice = [(entry.type.replace("SHELL ", ""), entry.schema, entry.name) for entry in entries]
    for index, entry in enumerate(entries):
        kind = entry.type.replace("SHELL ", "")
        if kind in KINDS and entry[:3] != ("SCHEMA", "", "public") and twice.count((kind, *entry[1:3])) == 1:
            found = left_out(census, entries[:index] + entries[index + 1 :])
            assert (found["left_out_total"], found["unexplained_total"]) == (1, 0)
            (named,) = found["left_out"]
            assert named.startswith(kind) and (kind in ("CAST", "TRANSFORM", "USER MAPPING") or entry.name in named)


def test_a_lost_part_of_a_table_is_named_with_its_table() -> None:
    census = Census()
    for table in ("a", "b", "c"):
        census.objects["TRIGGER", "s", "touch"] += 1
        census.tables.setdefault(("TRIGGER", "s", "touch"), []).append(table)
    found = left_out(census, [Entry("TRIGGER", "s", "touch", "a"), Entry("TRIGGER", "s", "touch", "c")])
    assert found["left_out"] == ["TRIGGER s.touch on b"]
    # Tables that do not fit give no certainty; the trigger is missing all the same.
    found = left_out(census, [Entry("TRIGGER", "s", "touch", "x"), Entry("TRIGGER", "s", "touch", "y")])
    assert found["left_out"] == ["TRIGGER s.touch"]


def test_the_first_twenty_are_named_and_all_are_counted() -> None:
    census = Census()
    census.objects.update(("TABLE", "s", f"t{number}") for number in range(50))
    found = left_out(census, [Entry("VIEW", "s", f"v{number}") for number in range(30)])
    assert (len(found["left_out"]), found["left_out_total"]) == (20, 50)
    assert (len(found["unexplained"]), found["unexplained_total"]) == (20, 30)
    assert found["unexplained"][0] == "VIEW s.v0"
    assert found["kinds"] == {"TABLE": {"production": 50, "dump": 0}, "VIEW": {"production": 0, "dump": 30}}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_restricted_role_reads_the_same_census(cluster: Factory, version: int) -> None:
    """pg_dump leaves out, for it, subscriptions (with a warning) and options of user mappings (without one)."""
    server = cluster(version, **FOR_SUBSCRIPTIONS)
    fill(server)
    server.psql(SUBSCRIPTION, "directus")
    server.psql("SELECT lo_unlink(oid) FROM pg_largeobject_metadata; DROP USER MAPPING FOR PUBLIC SERVER server;"
                " CREATE ROLE closeout LOGIN BYPASSRLS; GRANT pg_read_all_data TO closeout;"
                " CREATE ROLE app; CREATE USER MAPPING FOR app SERVER server OPTIONS (password 'secret')",
                "directus")  # fmt: skip
    whole, restricted = census_of(server), census_of(server, user="closeout")
    assert (restricted.objects, restricted.counts, restricted.told) == (whole.objects, whole.counts, whole.told)
    assert whole.lost == []
    assert restricted.lost == ["USER MAPPING for app on server: this role cannot read its options"]
    dump = dump_of(server, "closeout")
    assert b"CREATE USER MAPPING FOR app SERVER server;" in dump and b"secret" not in dump
    found = left_out(restricted, list(manifest_of([dump]).all_entries()))
    assert found["left_out"] == ["SUBSCRIPTION nightly", *restricted.lost]
    assert found["left_out_total"] == 2
    assert found["kinds"]["SUBSCRIPTION"] == {"production": 1, "dump": 0}
    server.psql("DROP SUBSCRIPTION nightly", "directus")


# What, and: the names that are left out, and how told and lost begin.
LEFT_OUT = {
    "an invalid index": (
        "CREATE TABLE s.d (x int); CREATE INDEX bad ON s.d (x); COMMENT ON INDEX s.bad IS 'c';"
        " UPDATE pg_index SET indisvalid = false WHERE indexrelid = 's.bad'::regclass",
        [], ["INDEX s.bad is invalid"],
    ),
    "something in pg_catalog": (
        "CREATE FUNCTION pg_catalog.sneaky() RETURNS int LANGUAGE sql AS 'SELECT 1';"
        " CREATE COLLATION pg_catalog.imported (LOCALE = 'C')",
        ["FUNCTION pg_catalog.sneaky"], [],
    ),
    "a materialized view that reads from an empty one": (
        "CREATE MATERIALIZED VIEW s.first AS SELECT 1 AS x; CREATE VIEW s.between AS SELECT x FROM s.first;"
        " CREATE MATERIALIZED VIEW s.second AS SELECT x FROM s.between;"
        " CREATE MATERIALIZED VIEW s.third AS SELECT x FROM s.second; REFRESH MATERIALIZED VIEW s.first WITH NO DATA",
        [], ["MATERIALIZED VIEW s.second has rows", "MATERIALIZED VIEW s.third has rows"],
    ),
    "columns, defaults and constraints that are inherited": (
        "CREATE TABLE s.p (a int DEFAULT 1, b int CONSTRAINT c CHECK (b > 0), d int, e int CHECK (e > 0) NO INHERIT);"
        " CREATE TABLE s.k (d int, own int) INHERITS (s.p);"
        " ALTER TABLE s.k ALTER a DROP DEFAULT, ALTER b SET DEFAULT 5;"
        " ALTER TABLE ONLY s.k ALTER d SET NOT NULL;"
        " CREATE TABLE s.k2 (a int, b int CONSTRAINT c CHECK (b > 0), d int, e int); ALTER TABLE s.k2 INHERIT s.p;"
        " CREATE TYPE s.y AS (x int, z text); CREATE TABLE s.typed OF s.y (x NOT NULL, z DEFAULT 'q');"
        " CREATE TABLE s.q (x int DEFAULT 1, z int NOT NULL) PARTITION BY LIST (x); CREATE TABLE s.q1 PARTITION OF s.q"
        " (z DEFAULT 4, CHECK (z > 2)) FOR VALUES IN (1); CREATE TABLE s.q2 (x int, z int NOT NULL, gone int);"
        " ALTER TABLE s.q2 DROP gone; ALTER TABLE s.q ATTACH PARTITION s.q2 DEFAULT; COMMENT ON COLUMN s.y.x IS 'c';"
        " CREATE DOMAIN s.dom AS int DEFAULT 3 CONSTRAINT pos CHECK (VALUE > 0) NOT NULL;"
        " COMMENT ON CONSTRAINT pos ON DOMAIN s.dom IS 'c'; "
        " CREATE TABLE s.u (x s.dom DEFAULT NULL, y int DEFAULT NULL);"
        " CREATE VIEW s.v AS SELECT 1 AS x; ALTER VIEW s.v ALTER x SET DEFAULT 7; COMMENT ON COLUMN s.v.x IS 'c'",
        [], [],
    ),
    "comments on what has no statement": (
        "CREATE TABLE s.t (b int CONSTRAINT c CHECK (b > 0), x int PRIMARY KEY);"
        " CREATE TABLE s.k () INHERITS (s.t); CREATE TYPE s.r AS RANGE (subtype = int);"
        " CREATE FUNCTION s.g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        " CREATE TABLE s.p (k int PRIMARY KEY, f int CONSTRAINT fk REFERENCES s.t) PARTITION BY RANGE (k);"
        " CREATE TABLE s.p1 PARTITION OF s.p FOR VALUES FROM (0) TO (10); CREATE INDEX i ON s.p (f);"
        " CREATE TRIGGER t AFTER INSERT ON s.p FOR EACH ROW EXECUTE FUNCTION s.g(); CREATE VIEW s.v AS SELECT 1 AS x;"
        " COMMENT ON RULE \"_RETURN\" ON s.v IS 'c'; COMMENT ON TYPE s.r_multirange IS 'c';"
        " COMMENT ON FUNCTION s.r(int, int) IS 'c'; COMMENT ON TYPE s.t IS 'c'; COMMENT ON TYPE s._r IS 'c';"
        " COMMENT ON CONSTRAINT c ON s.k IS 'c'; COMMENT ON CONSTRAINT fk ON s.p1 IS 'c';"
        " COMMENT ON TRIGGER t ON s.p1 IS 'c';"
        # These have one.
        " COMMENT ON CONSTRAINT p1_pkey ON s.p1 IS 'c'; COMMENT ON INDEX s.p1_f_idx IS 'c'; COMMENT ON TYPE s.r IS 'c'",
        [],
        [
            f"COMMENT ON {what}: not in the dump"
            for what in (
                "CONSTRAINT s.c on k", "CONSTRAINT s.fk on p1", "FUNCTION s.r", "RULE s._RETURN on v",
                "TRIGGER s.t on p1", "TYPE s._r", "TYPE s.r_multirange", "TYPE s.t",
            )
        ],
    ),
    "foreign keys that are switched off": (
        "CREATE TABLE s.a (x int PRIMARY KEY); CREATE TABLE s.b (x int REFERENCES s.a);"
        " ALTER TABLE s.b DISABLE TRIGGER ALL",
        [], ["FK CONSTRAINT s.b_x_fkey on b is not enforced"],
    ),
    "settings of the database": (
        "ALTER DATABASE directus SET work_mem = '5MB'; ALTER ROLE ALL IN DATABASE directus SET jit = off", [],
        ["DATABASE settings (ALTER DATABASE or ALTER ROLE IN DATABASE) are not in the dump: jit, work_mem"],
    ),
    "an old version of an extension": (
        "CREATE EXTENSION pg_trgm SCHEMA s VERSION '1.3'", [], ["EXTENSION pg_trgm 1.3 comes back as 1.6"],
    ),
    "members of an extension": (
        "CREATE TABLE s.t (id serial PRIMARY KEY, g int GENERATED ALWAYS AS IDENTITY, v text CHECK (v <> ''));"
        " CREATE VIEW s.v AS SELECT 1 AS x; CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS 'SELECT 1';"
        " CREATE TYPE s.y AS (x int); CREATE SEQUENCE s.q; CREATE SERVER f FOREIGN DATA WRAPPER w;"
        " COMMENT ON TABLE s.t IS 'c'; COMMENT ON COLUMN s.t.v IS 'c'; COMMENT ON CONSTRAINT t_pkey ON s.t IS 'c';"
        " ALTER EXTENSION hstore ADD TABLE s.t; ALTER EXTENSION hstore ADD VIEW s.v;"
        " ALTER EXTENSION hstore ADD TYPE s.y;"
        " ALTER EXTENSION hstore ADD FUNCTION s.f(); ALTER EXTENSION hstore ADD SEQUENCE s.q;"
        " ALTER EXTENSION hstore ADD SERVER f; ALTER EXTENSION hstore ADD SEQUENCE s.t_id_seq;"
        " CREATE INDEX i ON s.t (v); CREATE RULE r AS ON DELETE TO s.t DO INSTEAD NOTHING;"
        " CREATE POLICY p ON s.t USING (true); CREATE STATISTICS s.z ON id, v FROM s.t;"
        " ALTER TABLE s.t ENABLE ROW LEVEL SECURITY;"
        " CREATE SCHEMA e; ALTER EXTENSION hstore ADD SCHEMA e;"
        " CREATE TABLE e.own (x serial); CREATE TABLE s.own (x int)",
        [], ["EXTENSION hstore has tables whose rows are not in the dump: s.t"],
    ),
    "a user mapping for an extension's server": (
        "CREATE SERVER f FOREIGN DATA WRAPPER w; ALTER EXTENSION hstore ADD SERVER f;"
        " CREATE USER MAPPING FOR PUBLIC SERVER f",
        ["USER MAPPING"], [],
    ),
    "configuration of an extension": (
        "CREATE TABLE s.c (x int); CREATE SEQUENCE s.q; ALTER EXTENSION hstore ADD TABLE s.c;"
        " ALTER EXTENSION hstore ADD SEQUENCE s.q; UPDATE pg_extension SET"
        " extconfig = ARRAY['s.c'::regclass::oid, 's.q'::regclass::oid], extcondition = ARRAY['WHERE x > 1', '']"
        " WHERE extname = 'hstore'",
        [], ["EXTENSION hstore: of the table s.c the dump has the rows WHERE x > 1"],
    ),
    "a serial column over a sequence of an extension": (
        "CREATE TABLE s.own (x serial); ALTER EXTENSION hstore ADD SEQUENCE s.own_x_seq", [], [],
    ),
    "plpgsql, made anew": ("DROP EXTENSION plpgsql; CREATE EXTENSION plpgsql", [], []),
    "no plpgsql": ("DROP EXTENSION plpgsql", [], []),
    "temporary tables": ("CREATE TEMP TABLE t (x serial)", [], []),
    "the schema public, made anew": ("DROP SCHEMA public; CREATE SCHEMA public; CREATE TABLE public.t (x int)", [], []),
}  # fmt: skip


@pytest.mark.parametrize("version", share(VERSIONS, 4))
def test_what_pg_dump_leaves_out_by_design_is_named_or_not_counted(cluster: Factory, version: int) -> None:
    server = cluster(version)
    for what, (sql, lost, told) in LEFT_OUT.items():
        server.psql("DROP DATABASE directus; CREATE DATABASE directus".replace("; ", ";\n"))
        server.psql("CREATE SCHEMA s; CREATE EXTENSION hstore SCHEMA s; CREATE FOREIGN DATA WRAPPER w;"
                    " SET allow_system_table_mods = on; " + sql, "directus")  # fmt: skip
        dump = dump_of(server)
        census = census_of(server)
        for entries in (by_comments(dump), list(manifest_of([dump]).all_entries())):
            found = left_out(census, entries)
            assert (what, found["left_out"], found["unexplained"]) == (what, lost, [])
        assert (what, len(census.told)) == (what, len(told))
        assert all(line.startswith(begins) for line, begins in zip(census.told, told)), census.told
        counts = census.counts
        if what == "configuration of an extension":
            continue
        server.psql("DROP DATABASE IF EXISTS copy;\nCREATE DATABASE copy")
        # What the tests make a member of an extension does not come with it.
        server.psql(("CREATE SCHEMA e;\n" if "SCHEMA e" in sql else "") + dump.decode(), "copy")
        copy = census_of(server, "copy")
        if "ALTER EXTENSION" not in sql and not lost:
            assert (what, differences(census, copy)) == (what, [])
        # The extension of the copy has no tables: theirs are the only counts that differ.
        assert (what, {k: v for k, v in copy.counts.items() if not k.startswith("extension")}) == (
            what, {k: v for k, v in counts.items() if not k.startswith("extension")})  # fmt: skip
        if what == "members of an extension":
            assert {name: number for name, number in counts.items() if name.startswith("extension")} == {
                "extension columns": 4, "extension indexes": 2, "extension constraints": 2, "extension triggers": 0,
                "extension rules": 1, "extension policies": 1, "extension statistics": 1,
            }  # fmt: skip
            assert "extension indexes: 2 in production, 0 restored" in differences(census, copy)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_table_of_an_extension_is_left_out_of_its_publication(cluster: Factory, version: int) -> None:
    server = cluster(version, "CREATE EXTENSION hstore; CREATE TABLE t (x int); CREATE PUBLICATION p FOR TABLE t;"
                     " ALTER EXTENSION hstore ADD TABLE t")  # fmt: skip
    dump = dump_of(server)
    assert (b"ADD TABLE ONLY public.t" in dump) == (version >= 18)
    found = left_out(census_of(server), list(manifest_of([dump]).all_entries()))["left_out"]
    assert found == ([] if version >= 18 else ["PUBLICATION TABLE public.t of p (an extension's table)"])


@pytest.mark.parametrize("version", [14, 18])
def test_a_partition_that_is_being_detached_is_told(cluster: Factory, version: int) -> None:
    server = cluster(version, "CREATE TABLE p (k int) PARTITION BY RANGE (k);"
                     " CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (2)")  # fmt: skip
    with closing(server.connect("directus", autocommit=False)) as reader:
        reader.cursor().execute("SELECT * FROM p")
        with pytest.raises(RuntimeError, match="statement timeout"):
            server.psql("SET statement_timeout = '500ms';\nALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;", "directus")
    census = census_of(server)
    assert census.told == ["TABLE public.p1 is being detached here and is a partition after a restore"]
    assert left_out(census, manifest_of([dump_of(server)]).all_entries())["left_out_total"] == 0


def test_a_lost_comment_or_an_added_column_shows_in_the_counts(cluster: Factory) -> None:
    server = cluster(16, "CREATE TABLE t (x int); CREATE TABLE u (x int); COMMENT ON TABLE u IS 'c'")
    server.psql("CREATE DATABASE copy")
    server.psql(dump_of(server).decode(), "copy")
    server.psql("ALTER TABLE u ADD y int; COMMENT ON TABLE u IS NULL; CREATE TABLE w ()", "copy")
    assert differences(census_of(server), census_of(server, "copy")) == [
        "TABLE public.w: not in production",
        "columns: 2 in production, 3 restored",
        "comments: 1 in production, 0 restored",
    ]


def test_many_objects_are_all_counted(cluster: Factory) -> None:
    """Sixty thousand, or a share of them."""
    tables = 750 if IN_FULL else 75
    server = cluster(16, settings={"max_locks_per_transaction": "2000", "max_wal_size": "4GB"})
    server.psql("DO $$BEGIN FOR i IN 1..20 LOOP EXECUTE format('CREATE SCHEMA s%s', i);"
                f" FOR j IN 1..{tables} LOOP EXECUTE"
                " format('CREATE TABLE s%s.t%s (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text)', i, j);"
                " END LOOP; END LOOP; END$$", "directus")  # fmt: skip
    assert sum(census_of(server).objects.values()) == 20 + 20 * tables * 4


@pytest.mark.parametrize("version", [14, 15, 18])
def test_a_standby_has_no_unlogged_data(cluster: Factory, version: int) -> None:
    """From 15 on a sequence may be unlogged, too; then pg_dump leaves its value out."""
    unlogged = "UNLOGGED" if version >= 15 else ""
    server = cluster(version, f"CREATE UNLOGGED TABLE t (x int); CREATE {unlogged} SEQUENCE q; CREATE SEQUENCE r")
    server.stop()
    (server.data_dir / "standby.signal").touch()
    server.start()
    census = census_of(server)
    found = left_out(census, manifest_of([dump_of(server)]).all_entries())
    assert (found["left_out"], found["unexplained"]) == ([], [])
    assert found["kinds"]["SEQUENCE SET"]["dump"] == (1 if version >= 15 else 2)
    assert census.told == ["SEQUENCE public.q is unlogged: a standby does not have its data"] * (version >= 15) + [
        "TABLE public.t is unlogged: a standby does not have its data"
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_pg_dump_really_says_is_classified(cluster: Factory, version: int) -> None:
    server = cluster(version, "CREATE TABLE a (x int PRIMARY KEY, y int);"
                     " CREATE TABLE b (x int PRIMARY KEY REFERENCES a); ALTER TABLE a ADD FOREIGN KEY (y) REFERENCES b;"
                     " ALTER TABLE a ADD FOREIGN KEY (y) REFERENCES a;"
                     " CREATE ROLE closeout LOGIN BYPASSRLS; GRANT pg_read_all_data TO closeout;"
                     " CREATE PUBLICATION p FOR ALL TABLES;", settings={"wal_level": "logical"})  # fmt: skip

    def said(user: str = "", *options: str) -> dict[str, Any]:
        found: dict[str, Any] = read_messages(run_pg_dump(server, user, *options).stderr.decode())
        return found

    # That foreign keys are circular matters to a dump of data only.
    nothing: dict[str, Any] = {"told": {}, "unclassified": [], "unclassified_total": 0}
    assert said() == nothing
    circular = said("", "--data-only")
    assert circular["unclassified_total"] and "circular foreign-key constraints" in circular["unclassified"][0]
    server.psql(SUBSCRIPTION.replace("pub", "p"), "directus")
    assert said() == nothing
    assert said("closeout")["unclassified"] == [
        "pg_dump: warning: subscriptions not dumped because current user is not a superuser"
    ]
    server.psql("DROP SUBSCRIPTION nightly", "directus")
    if version >= 15:
        server.psql("UPDATE pg_database SET datcollversion = '1' WHERE datname = 'directus'")
        assert said() == {**nothing, "told": {"collation_version": 1}}
    server.psql("SET allow_system_table_mods = on; CREATE TYPE m AS (x int);"
                " UPDATE pg_type SET typtype = 'z' WHERE typname = 'm'", "directus")  # fmt: skip
    assert "appears to be invalid" in said()["unclassified"][0]
