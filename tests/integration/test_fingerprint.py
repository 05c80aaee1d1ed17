"""The fingerprint of the catalogues: a restored copy has production's, and every change of it is seen as its fact."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._catalogues import COMMENTED
from ansible_collections.incomex.closeout.plugins.module_utils._fingerprint import (
    Comparison,
    Fingerprint,
    compare_fingerprints,
    read_fingerprint,
)
from ansible_collections.incomex.closeout.plugins.module_utils._fingerprint_sql import fact_queries
from ansible_collections.incomex.closeout.plugins.module_utils._session import Session

from tests.integration.one_of_each import SUBSCRIPTION, fill, session_of
from tests.support import postgres
from tests.support.share import IN_FULL, share

VERSIONS = sorted(postgres.VERSIONS)
Factory = Callable[..., postgres.Cluster]

# What one_of_each has nothing of, in a form that is changed below.
MORE = """
CREATE ROLE app; CREATE ROLE other; CREATE DOMAIN s.word AS text DEFAULT 'w' CONSTRAINT short CHECK (length(VALUE) < 9);
CREATE VIEW s.kinds AS SELECT 1 AS one; GRANT SELECT ON s.kinds TO app; GRANT SELECT (a) ON s.t TO app;
GRANT EXECUTE ON FUNCTION s.add(int, int) TO app; GRANT ALL ON LARGE OBJECT 7 TO app; REVOKE ALL ON s.grouped FROM app;
CREATE FUNCTION s.later(x int DEFAULT 1) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT x + 1; END;
CREATE RULE log AS ON UPDATE TO s.ref WHERE NEW.u > 0 DO ALSO NOTHING;
CREATE INDEX grouped_b ON s.grouped (b) WHERE b > 0; CREATE STATISTICS s.of_grouped ON a, b FROM s.grouped;
CREATE TRIGGER when_big BEFORE INSERT ON s.grouped FOR EACH ROW WHEN (NEW.b > 5) EXECUTE FUNCTION s.trg();
ALTER PUBLICATION pub ADD TABLE s.grouped; CREATE INDEX ref_expression ON s.ref ((u + 1));
CREATE TABLE s.whole (x int); GRANT ALL ON s.whole TO app;
"""
MORE_FROM_15 = "ALTER PUBLICATION pub SET TABLE s.ref, s.grouped (a, b) WHERE (a > 0)"

# A change of the copy, and the sorts of facts that it must be seen as, and no other.
CHANGES: dict[str, tuple[str, set[str]]] = {
    "default": ("ALTER TABLE s.t ALTER b SET DEFAULT 'y'", {"default"}),
    "generated": ("UPDATE pg_attrdef SET adbin = (SELECT d.adbin FROM pg_attrdef d JOIN pg_attribute a ON"
                  " a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE d.adrelid = 's.far'::regclass)"
                  " WHERE adrelid = 's.t'::regclass AND adnum = 5", {"default"}),
    "partition key": ("UPDATE pg_partitioned_table SET partattrs = '2' WHERE partrelid = 's.part_2'::regclass",
                      {"partition key"}),
    "partition bound": ("UPDATE pg_class SET relpartbound = (SELECT relpartbound FROM pg_class"
                        " WHERE oid = 's.part_2'::regclass) WHERE oid = 's.part_1'::regclass", {"partition bound"}),
    "view": ("CREATE OR REPLACE VIEW s.kinds AS SELECT 2 AS one", {"query"}),
    "index's condition": ("DROP INDEX s.grouped_b; CREATE INDEX grouped_b ON s.grouped (b) WHERE b > 1",
                          {"index text"}),
    "index's expression": ("DROP INDEX s.ref_expression; CREATE INDEX ref_expression ON s.ref ((u + 2))",
                           {"index text"}),
    "index's column": ("DROP INDEX s.grouped_b; CREATE INDEX grouped_b ON s.grouped (a) WHERE b > 0",
                       {"index text", "index"}),
    "index's order": ("DROP INDEX s.grouped_b; CREATE INDEX grouped_b ON s.grouped (b DESC) WHERE b > 0",
                      {"index text", "index"}),
    "index's options": ("ALTER INDEX s.grouped_b SET (fillfactor = 50)", {"index text", "index"}),
    "index that clusters": ("ALTER TABLE s.grouped CLUSTER ON grouped_pkey", {"index"}),
    "unique on another column": ("ALTER TABLE s.t DROP CONSTRAINT t_a_key; ALTER TABLE s.t ADD CONSTRAINT t_a_key"
                                 " UNIQUE (c); COMMENT ON CONSTRAINT t_a_key ON s.t IS 'c'", {"constraint", "index"}),
    "check": ("ALTER TABLE s.ref DROP CONSTRAINT late; ALTER TABLE s.ref ADD CONSTRAINT late CHECK (u > 1) NOT VALID",
              {"constraint"}),
    "check is valid": ("ALTER TABLE s.ref VALIDATE CONSTRAINT late", {"constraint"}),
    "domain's check": ("ALTER DOMAIN s.word DROP CONSTRAINT short;"
                       " ALTER DOMAIN s.word ADD CONSTRAINT short CHECK (length(VALUE) < 8)", {"domain constraint"}),
    "domain's default": ("ALTER DOMAIN s.word SET DEFAULT 'v'", {"domain default"}),
    "domain without default": ("ALTER DOMAIN s.word DROP DEFAULT", {"domain default", "type"}),
    "enum label": ("ALTER TYPE s.mood RENAME VALUE 'a' TO 'z'", {"type"}),
    "trigger's condition": ("CREATE OR REPLACE TRIGGER when_big BEFORE INSERT ON s.grouped FOR EACH ROW"
                            " WHEN (NEW.b > 6) EXECUTE FUNCTION s.trg()", {"trigger text"}),
    "trigger's time": ("CREATE OR REPLACE TRIGGER when_big AFTER INSERT ON s.grouped FOR EACH ROW"
                       " WHEN (NEW.b > 5) EXECUTE FUNCTION s.trg()", {"trigger text", "trigger"}),
    "trigger is off": ("ALTER TABLE s.grouped DISABLE TRIGGER when_big", {"trigger"}),
    "rule's condition": ("CREATE OR REPLACE RULE log AS ON UPDATE TO s.ref WHERE NEW.u > 1 DO ALSO NOTHING",
                         {"rule text"}),
    "rule instead": ("CREATE OR REPLACE RULE log AS ON UPDATE TO s.ref WHERE NEW.u > 0 DO INSTEAD NOTHING",
                     {"rule text", "rule"}),
    "rule is on": ("ALTER TABLE s.ref ENABLE RULE nothing", {"rule"}),
    "policy's condition": ("ALTER POLICY mine ON s.t USING (false)", {"policy conditions"}),
    "policy's role": ("ALTER POLICY mine ON s.t TO app", {"policy"}),
    "statistics' column": ("DROP STATISTICS s.of_grouped; CREATE STATISTICS s.of_grouped ON a, (b + 1) FROM s.grouped",
                           {"statistics text", "statistics"}),
    "statistics' target": ("ALTER STATISTICS s.of_grouped SET STATISTICS 7", {"statistics"}),
    "function's default": ("CREATE OR REPLACE FUNCTION s.later(x int DEFAULT 2) RETURNS int LANGUAGE sql"
                           " BEGIN ATOMIC SELECT x + 1; END", {"function text"}),
    "function's body in SQL": ("CREATE OR REPLACE FUNCTION s.later(x int DEFAULT 1) RETURNS int LANGUAGE sql"
                               " BEGIN ATOMIC SELECT x + 2; END", {"function text"}),
    "function's body": ("CREATE OR REPLACE FUNCTION s.add(int, int) RETURNS int LANGUAGE sql IMMUTABLE"
                        " AS 'SELECT $1 - $2'", {"function"}),
    "function's rights": ("ALTER FUNCTION s.add(int, int) SECURITY DEFINER", {"function"}),
    "function's setting": ("ALTER FUNCTION s.add(int, int) SET work_mem = '1MB'", {"function"}),
    "publication's filter": ("ALTER PUBLICATION pub SET TABLE s.ref, s.grouped (a, b) WHERE (a > 1)",
                             {"publication filter"}),
    "publication's columns": ("ALTER PUBLICATION pub SET TABLE s.ref, s.grouped (a) WHERE (a > 0)",
                              {"publication table"}),
    "publication's table": ("ALTER PUBLICATION pub DROP TABLE s.ref", {"publication table", "publication filter"}),
    "publication's schema": ("ALTER PUBLICATION of_schema DROP TABLES IN SCHEMA public", {"publication schema"}),
    "publication": ("ALTER PUBLICATION pub SET (publish = 'insert')", {"publication"}),
    "sequence": ("ALTER SEQUENCE s.seq INCREMENT 2", {"sequence"}),
    "column's type": ("ALTER TABLE s.ref ALTER t_id TYPE bigint", {"column"}),
    "column's not null": ("ALTER TABLE s.ref ALTER u SET NOT NULL", {"column"}),
    "column's storage": ("ALTER TABLE s.part_1 ALTER v SET STORAGE MAIN", {"column"}),
    "relation": ("ALTER TABLE s.grouped SET (fillfactor = 40)", {"relation"}),
    "row-level security": ("ALTER TABLE s.t DISABLE ROW LEVEL SECURITY", {"relation"}),
    "foreign table": ("ALTER FOREIGN TABLE s.far OPTIONS (ADD x 'y')", {"foreign table"}),
    "aggregate": ("CREATE OR REPLACE AGGREGATE s.total(int) (SFUNC = s.add, STYPE = int, INITCOND = '1')",
                  {"aggregate"}),
    "operator": ("UPDATE pg_operator SET oprcanhash = true WHERE oprname = '##'", {"operator"}),
    "operator class": ("UPDATE pg_opclass SET opcdefault = true WHERE opcname = 'alone_ops'",
                       {"operator class", "index text"}),
    "operator family": ("ALTER OPERATOR FAMILY s.loose USING hash ADD FUNCTION 1 (s.mood, s.mood) hashenum(anyenum)",
                        {"operator family"}),
    "collation": ("UPDATE pg_collation SET collcollate = 'POSIX' WHERE collname = 'german'", {"collation"}),
    "conversion": ("UPDATE pg_conversion SET condefault = true WHERE conname = 'conv'", {"conversion"}),
    "cast": ("UPDATE pg_cast SET castcontext = 'i' WHERE casttarget = 's.mood'::regtype", {"cast"}),
    "transform": ("UPDATE pg_transform SET trffromsql = 0 WHERE trftype = 's.mood'::regtype", {"transform"}),
    "text search parser": ("UPDATE pg_ts_parser SET prsheadline = 'prsd_headline'::regproc WHERE prsname = 'parser'",
                           {"text search parser"}),
    "text search template": ("UPDATE pg_ts_template SET tmplinit = 0 WHERE tmplname = 'template'",
                             {"text search template"}),
    "text search dictionary": ("ALTER TEXT SEARCH DICTIONARY s.dict (accept = false)", {"text search dictionary"}),
    "text search configuration": ("ALTER TEXT SEARCH CONFIGURATION s.conf ALTER MAPPING FOR word WITH s.dict",
                                  {"text search configuration"}),
    "foreign data wrapper": ("ALTER FOREIGN DATA WRAPPER wrapper OPTIONS (a 'b')", {"foreign data wrapper"}),
    "server": ("ALTER SERVER server VERSION '2'", {"server"}),
    "user mapping": ("ALTER USER MAPPING FOR PUBLIC SERVER server OPTIONS (a 'b')", {"user mapping"}),
    "event trigger": ("ALTER EVENT TRIGGER watch ENABLE", {"event trigger"}),
    "extension": ("ALTER EXTENSION hstore SET SCHEMA public", {"extension"}),
    "access method": ("UPDATE pg_am SET amhandler = 'bthandler'::regproc WHERE amname = 'heap2'", {"access method"}),
    "language": ("UPDATE pg_language SET lanpltrusted = true WHERE lanname = 'tongue'", {"language"}),
    "comment": ("COMMENT ON COLUMN s.t.a IS 'd'", {"comment"}),
    "comment lost": ("COMMENT ON COLUMN s.t.a IS NULL", {"comment"}),
    "owner": ("ALTER TABLE s.grouped OWNER TO app", {"owner"}),
    "owner of a large object": ("ALTER LARGE OBJECT 424242 OWNER TO app", {"owner"}),
    "privilege lost": ("REVOKE SELECT ON s.kinds FROM app", {"privileges"}),
    "privilege to another": ("REVOKE SELECT (a) ON s.t FROM app; GRANT SELECT (a) ON s.t TO other", {"privileges"}),
    "privilege with grant option": ("GRANT SELECT ON s.kinds TO app WITH GRANT OPTION", {"privileges"}),
    "maintenance alone": ("GRANT MAINTAIN ON s.kinds TO app", {"privileges"}),
    "all but maintenance": ("REVOKE MAINTAIN ON s.whole FROM app", {"privileges"}),
    "all but another": ("REVOKE TRIGGER ON s.whole FROM app", {"privileges"}),
    "default privileges": ("ALTER DEFAULT PRIVILEGES IN SCHEMA s REVOKE SELECT ON TABLES FROM PUBLIC",
                           {"default privileges"}),
    "an extension's privileges": ("REVOKE EXECUTE ON FUNCTION s.hstore(text, text) FROM PUBLIC",
                                  {"extension privileges"}),
    "subscription": ("UPDATE pg_subscription SET subbinary = true", {"subscription"}),
}  # fmt: skip
_FROM_17 = {"maintenance alone", "all but maintenance"}
_FROM_15 = {"publication's filter", "publication's columns", "publication's schema"}
# There is no label provider in these servers.
_CANNOT_BE_HAD = {"security label"}


def compared(production: Fingerprint, copy: Fingerprint) -> Comparison:
    return compare_fingerprints(
        production, copy, redeparsed=(), occurring=lambda texts: set(), same_extensions=True
    )  # fmt: skip


def facts_of(comparison: Comparison) -> set[str]:
    return {difference.kind.removeprefix("catalogue: ") for difference in comparison.differences}


def filled(server: postgres.Cluster) -> None:
    fill(server)
    server.psql(MORE + (MORE_FROM_15 if server.installation.major >= 15 else ""), "directus")
    server.psql(SUBSCRIPTION, "directus")


@pytest.mark.parametrize("version", share(VERSIONS, 4))
def test_a_copy_has_productions_fingerprint_and_every_change_is_seen(cluster: Factory, version: int) -> None:
    server = cluster(version, settings={"wal_level": "logical"})
    filled(server)
    with session_of(server) as session:
        production = read_fingerprint(session)
    server.psql("CREATE DATABASE copy")
    dump = subprocess.run(
        [server.bin_dir / "pg_dump", "-h", server.socket_dir, "-p", str(server.port), "-U", server.user, "directus"],
        check=True, capture_output=True, timeout=60, text=True,
    ).stdout  # fmt: skip
    server.psql(dump, "copy")
    parameters = {"host": str(server.socket_dir), "port": server.port, "user": server.user, "dbname": "copy"}
    copy = Session(parameters, run_id="", read_only=False)
    try:
        same = compared(production, read_fingerprint(copy))
        assert (same.differences, same.equal, same.not_compared) == ([], len(production), 0)
        later = (_FROM_15 if version < 15 else set()) | (_FROM_17 if version < 17 else set())
        wanted = {name: sorts for name, (_sql, sorts) in CHANGES.items() if name not in later}
        if version < 15:
            wanted["publication's table"] = {"publication table"}
        every_change = IN_FULL or version == VERSIONS[-1]
        if not every_change:
            wanted = {name: wanted[name] for name in share(list(wanted), 4)}
        found = {}
        for name in wanted:
            copy.rows("BEGIN")
            copy.rows(CHANGES[name][0])
            found[name] = facts_of(compared(production, read_fingerprint(copy)))
            copy.rows("ROLLBACK")
        assert found == wanted
        # Every sort of fact was changed, else the test would prove less than it says.
        if every_change:
            assert set().union(*found.values()) == set(fact_queries(version * 10000, COMMENTED)) - _CANNOT_BE_HAD
    finally:
        copy.close()
        for db in ("directus", "copy"):
            server.psql("ALTER SUBSCRIPTION nightly SET (slot_name = NONE); DROP SUBSCRIPTION nightly", db)


@pytest.mark.parametrize("version", [VERSIONS[0], VERSIONS[-1]])
def test_a_restricted_role_reads_the_same_fingerprint(cluster: Factory, version: int) -> None:
    server = cluster(version, settings={"wal_level": "logical"})
    filled(server)
    server.psql("CREATE ROLE closeout LOGIN BYPASSRLS; GRANT pg_read_all_data TO closeout", "directus")
    with session_of(server) as session:
        whole = read_fingerprint(session)
    with session_of(server, user="closeout") as session:
        assert read_fingerprint(session) == whole
    server.psql("DROP SUBSCRIPTION nightly", "directus")


def test_nothing_that_we_ask_is_compiled_first(cluster: Factory) -> None:
    """Whatever the database says: with 3,000 tables one fingerprint would take the server four seconds, and not one."""
    server = cluster(16)
    server.psql("ALTER DATABASE directus SET jit = on")
    with session_of(server) as session:
        assert session.rows("SELECT pg_catalog.current_setting('jit')") == [("off",)]
