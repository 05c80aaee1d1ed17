"""A database with one object of each kind that pg_dump knows, and what comes with them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from ansible_collections.incomex.closeout.plugins.module_utils._session import Session

from tests.support import postgres

# With partitions, clones, implied types, circles of views.
FULL = """
CREATE SCHEMA s; CREATE SCHEMA "pg"; COMMENT ON SCHEMA s IS 'c'; CREATE EXTENSION hstore SCHEMA s;
CREATE TYPE s.mood AS ENUM ('a', 'b'); CREATE TYPE s.pair AS (x int, y text);
CREATE TYPE s.span AS RANGE (subtype = float8); CREATE TYPE s.shell;
CREATE TYPE s.base; CREATE FUNCTION s.base_in(cstring) RETURNS s.base LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION s.base_out(s.base) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE s.base (INPUT = s.base_in, OUTPUT = s.base_out, LIKE = int4);
CREATE DOMAIN s.positive AS int CHECK (VALUE > 0);
CREATE FUNCTION s.add(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + $2';
CREATE FUNCTION s.add(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1 || $2';
CREATE FUNCTION s.nth() RETURNS bigint LANGUAGE internal WINDOW AS 'window_row_number';
CREATE PROCEDURE s.proc() LANGUAGE sql AS 'SELECT 1'; CREATE AGGREGATE s.total(int) (SFUNC = s.add, STYPE = int);
CREATE OPERATOR s.## (FUNCTION = s.add, LEFTARG = int, RIGHTARG = int, COMMUTATOR = OPERATOR(s.@#@));
CREATE FUNCTION s.mood_cmp(s.mood, s.mood) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 0';
CREATE OPERATOR CLASS s.alone_ops FOR TYPE s.mood USING btree AS FUNCTION 1 s.mood_cmp(s.mood, s.mood);
CREATE OPERATOR FAMILY s.loose USING hash; CREATE OPERATOR FAMILY s.fam USING btree;
CREATE OPERATOR CLASS s.fam_ops FOR TYPE s.mood USING btree FAMILY s.fam AS FUNCTION 1 s.mood_cmp(s.mood, s.mood);
CREATE COLLATION s.german (LOCALE = 'C'); CREATE CONVERSION s.conv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE FUNCTION s.to_mood(int) RETURNS s.mood LANGUAGE sql AS $$SELECT 'a'::s.mood$$;
CREATE CAST (int AS s.mood) WITH FUNCTION s.to_mood(int);
CREATE TRANSFORM FOR s.mood LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal));
CREATE TABLE s.t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, serial serial, a int CHECK (a > 0),
  b text DEFAULT 'x', c int GENERATED ALWAYS AS (a + 1) STORED, m s.mood, UNIQUE (a), EXCLUDE USING btree (b WITH =));
INSERT INTO s.t (a, b) VALUES (1, 'q');
CREATE TABLE s.child (extra int) INHERITS (s.t);
CREATE TABLE s.ref (t_id int REFERENCES s.t (id), u int); ALTER TABLE s.ref ADD CONSTRAINT late CHECK (u > 0) NOT VALID;
CREATE TABLE s.part (k int NOT NULL, v text, PRIMARY KEY (k)) PARTITION BY RANGE (k);
CREATE TABLE s.part_1 PARTITION OF s.part FOR VALUES FROM (0) TO (10);
CREATE TABLE s.part_2 PARTITION OF s.part FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (k);
CREATE TABLE s.part_2_1 PARTITION OF s.part_2 FOR VALUES FROM (10) TO (20);
CREATE INDEX part_v ON s.part (v); CREATE INDEX only_idx ON ONLY s.part (v, k);
ALTER TABLE s.part ADD CONSTRAINT part_fk FOREIGN KEY (k) REFERENCES s.t (id);
CREATE TABLE s.to_part (k int REFERENCES s.part (k)); CREATE UNLOGGED TABLE s.quick (x int); CREATE INDEX t_m ON s.t (m);
CREATE FUNCTION s.trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touch BEFORE INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION s.trg();
CREATE CONSTRAINT TRIGGER deferred AFTER INSERT ON s.t DEFERRABLE FOR EACH ROW EXECUTE FUNCTION s.trg();
CREATE TRIGGER touch AFTER INSERT ON s.part FOR EACH ROW EXECUTE FUNCTION s.trg();
ALTER TABLE s.part_1 DISABLE TRIGGER touch; ALTER TABLE s.t DISABLE TRIGGER touch;
CREATE RULE nothing AS ON DELETE TO s.ref DO INSTEAD NOTHING; ALTER TABLE s.ref DISABLE RULE nothing;
CREATE VIEW s.v AS SELECT id FROM s.t;
CREATE VIEW s.circle AS SELECT 1 AS x;
CREATE FUNCTION s.of_circle() RETURNS SETOF s.circle LANGUAGE sql BEGIN ATOMIC SELECT x FROM s.circle; END;
CREATE OR REPLACE VIEW s.circle AS SELECT count(*)::int AS x FROM s.of_circle();
CREATE TABLE s.grouped (a int PRIMARY KEY, b int); CREATE VIEW s.late AS SELECT a, b FROM s.grouped GROUP BY a;
CREATE MATERIALIZED VIEW s.mv AS SELECT id FROM s.t; CREATE INDEX mv_id ON s.mv (id);
CREATE MATERIALIZED VIEW s.mv_empty AS SELECT id FROM s.t WITH NO DATA;
CREATE SEQUENCE s.seq; CREATE POLICY mine ON s.t USING (true);
ALTER TABLE s.t ENABLE ROW LEVEL SECURITY; ALTER TABLE s.ref FORCE ROW LEVEL SECURITY;
CREATE FUNCTION s.evt() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER watch ON ddl_command_end WHEN TAG IN ('CREATE SERVER') EXECUTE FUNCTION s.evt();
ALTER EVENT TRIGGER watch DISABLE; CREATE PUBLICATION pub FOR TABLE s.ref; CREATE PUBLICATION everything FOR ALL TABLES;
CREATE STATISTICS s.stats ON a, b FROM s.t;
CREATE TEXT SEARCH PARSER s.parser
  (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
CREATE TEXT SEARCH TEMPLATE s.template (LEXIZE = dsimple_lexize, INIT = dsimple_init);
CREATE TEXT SEARCH DICTIONARY s.dict (TEMPLATE = simple); CREATE TEXT SEARCH CONFIGURATION s.conf (COPY = simple);
CREATE FOREIGN DATA WRAPPER wrapper; CREATE SERVER server FOREIGN DATA WRAPPER wrapper;
CREATE USER MAPPING FOR PUBLIC SERVER server; CREATE FOREIGN TABLE s.far (x int DEFAULT 1) SERVER server;
CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;
CREATE FUNCTION s.handler() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE LANGUAGE tongue HANDLER s.handler;
SELECT lo_create(424242), lo_create(7); COMMENT ON LARGE OBJECT 7 IS 'seven';
COMMENT ON COLUMN s.t.a IS 'c'; COMMENT ON INDEX s.t_m IS 'c'; COMMENT ON INDEX s.t_pkey IS 'c';
COMMENT ON CONSTRAINT t_a_key ON s.t IS 'c'; COMMENT ON TRIGGER touch ON s.t IS 'c'; COMMENT ON RULE nothing ON s.ref IS 'c';
COMMENT ON POLICY mine ON s.t IS 'c'; COMMENT ON FUNCTION s.add(int, int) IS 'c'; COMMENT ON STATISTICS s.stats IS 'c';
CREATE TABLE public.here (x int); CREATE TABLE "pg"."odd name; Type: TABLE" ("c d" int GENERATED BY DEFAULT AS IDENTITY);
ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO PUBLIC;
CREATE TABLE "pg".touched (x int); CREATE TRIGGER touch BEFORE INSERT ON "pg".touched FOR EACH ROW EXECUTE FUNCTION s.trg();
"""  # noqa: E501
SUBSCRIPTION = """CREATE SUBSCRIPTION nightly CONNECTION 'host=nowhere' PUBLICATION pub
WITH (connect = false, slot_name = NONE)"""
FROM_15 = """CREATE PUBLICATION of_schema FOR TABLES IN SCHEMA s, public; CREATE UNLOGGED SEQUENCE s.quick_seq;
CREATE VIEW s.as_invoker WITH (security_invoker) AS SELECT 1 AS x;
CREATE TABLE s.nn (x int UNIQUE NULLS NOT DISTINCT)"""
FROM_17 = """CREATE TABLE s.idp (a int GENERATED ALWAYS AS IDENTITY, k int) PARTITION BY RANGE (k);
CREATE TABLE s.idp_1 PARTITION OF s.idp FOR VALUES FROM (0) TO (10)"""
FROM_18 = """CREATE TABLE s.ne (x int REFERENCES s.t (id) NOT ENFORCED, y int CHECK (y > 0) NOT ENFORCED);
CREATE TABLE s.nv (x int); ALTER TABLE s.nv ADD CONSTRAINT x_there NOT NULL x NOT VALID;
CREATE TABLE s.vg (a int, b int GENERATED ALWAYS AS (a + 1) VIRTUAL);
CREATE TABLE s.tmp (id int4range, during daterange, PRIMARY KEY (id, during WITHOUT OVERLAPS))"""


def fill(server: postgres.Cluster) -> None:
    server.psql(FULL, "directus")
    for version, sql in ((15, FROM_15), (17, FROM_17), (18, FROM_18)):
        if server.installation.major >= version:
            server.psql(sql, "directus")


@contextmanager
def session_of(server: postgres.Cluster, db: str = "directus", user: str = "") -> Iterator[Session]:
    parameters = {"host": str(server.socket_dir), "port": server.port, "user": user or server.user, "dbname": db}
    session = Session(parameters, run_id="")
    with closing(session):
        session.begin_snapshot()
        yield session
