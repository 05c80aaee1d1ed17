-- New in 15.

CREATE SCHEMA v15;
SET search_path = v15;

CREATE TABLE t (id integer PRIMARY KEY, a integer, b varchar(5), n numeric(2, -3), m numeric(3, 5), ch "char");
INSERT INTO t VALUES (1, NULL, 'a', 12345, 0.00123, E'\\377'), (2, 2, NULL, NULL, NULL, E'\\200');
CREATE UNIQUE INDEX t_not_distinct ON t (a, b) NULLS NOT DISTINCT;
ALTER TABLE t ADD CONSTRAINT t_unique_nulls UNIQUE NULLS NOT DISTINCT (b);
CREATE TABLE refers (a integer, b integer, x integer REFERENCES t, FOREIGN KEY (a) REFERENCES t (id) ON DELETE SET NULL (a));
CREATE TABLE refers_two (tenant integer, id integer, PRIMARY KEY (tenant, id));
CREATE TABLE refers_some (tenant integer, id integer, FOREIGN KEY (tenant, id) REFERENCES refers_two ON DELETE SET DEFAULT (id));
CREATE VIEW invoker WITH (security_invoker = true, security_barrier = false) AS SELECT id FROM t;
CREATE UNLOGGED SEQUENCE unlogged_sequence;
SELECT nextval('unlogged_sequence');
CREATE UNLOGGED TABLE unlogged_identity (id integer GENERATED ALWAYS AS IDENTITY, s serial);
ALTER SEQUENCE unlogged_identity_s_seq SET LOGGED;
INSERT INTO unlogged_identity DEFAULT VALUES;
CREATE FUNCTION merges(integer) RETURNS void LANGUAGE sql
BEGIN ATOMIC
    MERGE INTO t AS x USING (VALUES ($1, 'a'::varchar), (2, 'b'::varchar)) AS y (k, v) ON x.id = y.k AND y.v IN ('a', 'b')
        WHEN MATCHED AND x.b IN ('a', 'b') THEN UPDATE SET a = y.k, b = y.v
        WHEN MATCHED AND x.id < 0 THEN DELETE
        WHEN MATCHED THEN DO NOTHING
        WHEN NOT MATCHED AND y.k > 5 THEN INSERT (id, b) VALUES (y.k, y.v)
        WHEN NOT MATCHED THEN INSERT DEFAULT VALUES;
END;
CREATE PUBLICATION v15_filtered FOR TABLE t WHERE (id > 1 AND (b = 'a' OR b LIKE 'b%')), refers (b, a), refers_two (tenant, id) WHERE (tenant <> 3)
    WITH (publish = 'insert');
CREATE PUBLICATION v15_schemas FOR TABLES IN SCHEMA v15, "line
break; -- Name: x; Type: SCHEMA; Schema: -; Owner: -
\.
", TABLE partitions.sales WITH (publish = 'insert');
CREATE SUBSCRIPTION v15_subscription CONNECTION 'host=nowhere.invalid' PUBLICATION a
    WITH (connect = false, slot_name = NONE, two_phase = true, disable_on_error = true, streaming = true);
CREATE VIEW regexps AS SELECT regexp_like(b, 'a', 'i') AS l, regexp_count(b, 'x') AS c, b IN ('a', 'b') AS i FROM t;
