-- Tables and what hangs on them: settings, constraints, indexes, statistics.

CREATE SCHEMA tables;
SET search_path = tables;

CREATE UNLOGGED TABLE unlogged (id serial PRIMARY KEY, t text);
INSERT INTO unlogged (t) VALUES ('kept'), ('too');
CREATE TABLE was_unlogged (id integer);
ALTER TABLE was_unlogged SET UNLOGGED;
ALTER TABLE was_unlogged SET LOGGED;

CREATE TABLE settings (
    id integer PRIMARY KEY, plain text, extended text, pglz text COMPRESSION pglz, m text, e bytea, n integer,
    never_analysed integer
) WITH (fillfactor = 70, autovacuum_enabled = off, toast.autovacuum_vacuum_threshold = 100, parallel_workers = 2, user_catalog_table = true);
ALTER TABLE settings ALTER plain SET STORAGE PLAIN, ALTER extended SET STORAGE EXTENDED, ALTER m SET STORAGE MAIN,
    ALTER e SET STORAGE EXTERNAL, ALTER n SET STATISTICS 500, ALTER n SET (n_distinct = -0.5, n_distinct_inherited = 20),
    ALTER never_analysed SET STATISTICS 0;
INSERT INTO settings SELECT n, 'p', repeat('e', 5000), repeat('z', 5000), repeat('m', 3000), decode(repeat('00', 4000), 'hex'), n FROM generate_series(1, 5) AS n;
ALTER TABLE settings CLUSTER ON settings_pkey;
CREATE TABLE identity_full (a integer, b text);
ALTER TABLE identity_full REPLICA IDENTITY FULL;
CREATE TABLE identity_nothing (a integer);
ALTER TABLE identity_nothing REPLICA IDENTITY NOTHING;
CREATE TABLE identity_index (a integer NOT NULL, b text);
CREATE UNIQUE INDEX identity_index_a ON identity_index (a);
ALTER TABLE identity_index REPLICA IDENTITY USING INDEX identity_index_a;
INSERT INTO identity_index VALUES (1, NULL), (2, '');

-- Indexes of every kind.
CREATE TABLE indexed (
    id integer, t text, v varchar(20), n numeric, a integer[], j jsonb, p point, r int4range, ts timestamptz, b boolean,
    i inet, tv tsvector
);
INSERT INTO indexed SELECT n, 't' || n, CASE WHEN n % 3 = 0 THEN 'active' ELSE 'draft' END, n, ARRAY[n, NULL], jsonb_build_object('k', n),
    point(n, -n), int4range(n, n + 5), '2024-01-01 00:00+00'::timestamptz + n * interval '1 hour', n % 2 = 0, ('10.0.0.' || n % 255)::inet,
    to_tsvector('simple', 'word' || n) FROM generate_series(1, 300) AS n;
CREATE UNIQUE INDEX indexed_id ON indexed (id DESC NULLS LAST) INCLUDE (t, n) WITH (fillfactor = 50);
CREATE INDEX indexed_partial ON indexed (id) WHERE v IN ('active', 'draft') AND NOT b;
CREATE INDEX indexed_expression ON indexed (lower(t) text_pattern_ops, (n + 1), (t || v) COLLATE "C");
CREATE INDEX indexed_hash ON indexed USING hash (t);
CREATE INDEX indexed_gin ON indexed USING gin (j jsonb_path_ops, a) WITH (fastupdate = off);
CREATE INDEX indexed_brin ON indexed USING brin (ts timestamptz_minmax_multi_ops(values_per_range = 16), id int4_bloom_ops(false_positive_rate = 0.05)) WITH (pages_per_range = 4, autosummarize = on);
CREATE INDEX indexed_gist ON indexed USING gist (p, r, tv tsvector_ops(siglen = 100));
CREATE INDEX indexed_spgist ON indexed USING spgist (t);
CREATE INDEX "indexed; odd ""name""" ON indexed ((j ->> 'it''s'), (id IS NULL), ((a)[1]));
ALTER INDEX indexed_expression ALTER COLUMN 2 SET STATISTICS 77;
CREATE INDEX indexed_when ON indexed ((ts AT TIME ZONE 'UTC')) WHERE ts > '2024-01-02 03:04:05+00';
CREATE STATISTICS indexed_all (ndistinct, dependencies, mcv) ON id, v, b FROM indexed;
CREATE STATISTICS "of an; expression" ON (v || t), (id % 10), b FROM indexed;
CREATE STATISTICS of_one ON (CASE WHEN v IN ('active', 'draft') THEN 1 ELSE 0 END) FROM indexed;
ALTER STATISTICS indexed_all SET STATISTICS 1234;
ALTER STATISTICS indexed_all OWNER TO zoo_owner;
ANALYZE indexed;
-- An index that a failed CREATE INDEX CONCURRENTLY left: pg_dump omits it, rightly.
CREATE INDEX left_invalid ON indexed (n);
UPDATE pg_catalog.pg_index SET indisvalid = false WHERE indexrelid = 'tables.left_invalid'::regclass;

-- Constraints.
CREATE SCHEMA elsewhere;
CREATE TABLE elsewhere.target (a integer, b integer, PRIMARY KEY (b, a), UNIQUE (a) DEFERRABLE INITIALLY DEFERRED);
INSERT INTO elsewhere.target VALUES (1, 1), (2, 1);
CREATE TABLE constrained (
    id integer CONSTRAINT "primary; key" PRIMARY KEY,
    a integer, b integer, up integer, state varchar(10) DEFAULT 'open', t text,
    CONSTRAINT far FOREIGN KEY (a, b) REFERENCES elsewhere.target (a, b) MATCH FULL ON DELETE CASCADE ON UPDATE SET NULL DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT self FOREIGN KEY (up) REFERENCES constrained ON DELETE SET DEFAULT,
    CONSTRAINT one_of CHECK (state IN ('open', 'closed', 'it''s; -- ')),
    CONSTRAINT not_both CHECK ((a IS NULL) = (b IS NULL)),
    CONSTRAINT "odd ""name""
with a line" CHECK (t <> E'\\.' AND t NOT LIKE 'COPY %;'),
    EXCLUDE USING btree (t WITH =) WHERE (state = 'open') DEFERRABLE
);
INSERT INTO constrained (id, a, b, up) VALUES (1, 1, 1, NULL), (2, NULL, NULL, 1), (3, 2, 1, 3);
INSERT INTO constrained (id, t) VALUES (4, 'COPY ;x');
ALTER TABLE constrained ADD CONSTRAINT not_valid CHECK (id > 2) NOT VALID;
ALTER TABLE constrained ADD CONSTRAINT far_not_valid FOREIGN KEY (b, a) REFERENCES elsewhere.target (a, b) NOT VALID;
COMMENT ON CONSTRAINT one_of ON constrained IS 'ALTER TABLE ONLY fake ADD CONSTRAINT one_of';
CREATE TABLE ring_a (id integer PRIMARY KEY, b integer);
CREATE TABLE ring_b (id integer PRIMARY KEY, a integer REFERENCES ring_a DEFERRABLE INITIALLY DEFERRED);
ALTER TABLE ring_a ADD FOREIGN KEY (b) REFERENCES ring_b DEFERRABLE INITIALLY DEFERRED;
BEGIN;
INSERT INTO ring_a VALUES (1, 2);
INSERT INTO ring_b VALUES (2, 1);
COMMIT;
-- Foreign keys from and to partitioned tables.
CREATE TABLE parts (id integer, k integer, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (100);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (100) TO (200);
CREATE TABLE refers (id integer REFERENCES parts, up integer) PARTITION BY HASH (id);
CREATE TABLE refers_0 PARTITION OF refers FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE refers_1 PARTITION OF refers FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parts SELECT n, n FROM generate_series(1, 199) AS n;
INSERT INTO refers SELECT n, n FROM generate_series(1, 50) AS n;
ALTER TABLE parts ADD CONSTRAINT small CHECK (k < 1000), ADD CONSTRAINT parts_unique UNIQUE (id, k);
-- A constraint on an index that was there before, and one renamed.
CREATE TABLE from_index (a integer, b integer NOT NULL);
CREATE UNIQUE INDEX from_index_b ON from_index (b) INCLUDE (a);
ALTER TABLE from_index ADD CONSTRAINT taken_over UNIQUE USING INDEX from_index_b;
ALTER TABLE from_index RENAME CONSTRAINT taken_over TO renamed;
ALTER TABLE from_index ALTER b DROP NOT NULL;
