-- Names and types on which a dump, a scanner of dumps or a comparison may stumble. All of it restores without an error.
\set ON_ERROR_STOP 1
SET client_min_messages = warning;
SELECT current_setting('server_version_num')::int >= 170000 AS v17,
       current_setting('server_version_num')::int >= 180000 AS v18 \gset

CREATE SCHEMA "Ärende ""x""; Type: SCHEMA; 'y'" AUTHORIZATION directus;
SET search_path = "Ärende ""x""; Type: SCHEMA; 'y'", pg_catalog;

-- Names ------------------------------------------------------------------------------------------------------------
CREATE TABLE "table" ("select" integer PRIMARY KEY, "from" text, "end" boolean DEFAULT true);
INSERT INTO "table" SELECT i, 'row ' || i FROM generate_series(1, 10) AS i;
CREATE TABLE "t1; Type: TABLE; Schema: cutter_governance; Owner: -" (id integer, "x; Type: COLUMN" text);
INSERT INTO "t1; Type: TABLE; Schema: cutter_governance; Owner: -" VALUES (1, 'a; Type: TABLE DATA;');
CREATE TABLE "two
CREATE TABLE cutter_governance.fake1 (id integer);
lines" ("column
-- with a comment" integer);
INSERT INTO "two
CREATE TABLE cutter_governance.fake1 (id integer);
lines" VALUES (1), (2);
CREATE TABLE "COPY fake (id) FROM stdin;" (id integer);
INSERT INTO "COPY fake (id) FROM stdin;" VALUES (7);
CREATE TABLE "quo""te'back\slash%s $1 $$" ("""" integer, "'" integer, "\" integer, " " integer, "." integer);
INSERT INTO "quo""te'back\slash%s $1 $$" VALUES (1, 2, 3, 4, 5);
CREATE TABLE "таблица 表 🐘" ("ключ" integer, U&"e\0301" text, U&"\00e9" text);
INSERT INTO "таблица 表 🐘" VALUES (1, 'decomposed', 'composed');
CREATE TABLE "Upper.Case" (id integer);
CREATE TABLE "upper.case" (id integer);
INSERT INTO "Upper.Case" VALUES (1);
CREATE TABLE "63 bytes: 0123456789012345678901234567890123456789012345678901_" (id integer);
CREATE TABLE no_columns ();
INSERT INTO no_columns SELECT FROM generate_series(1, 3);
CREATE TABLE dropped_columns (a integer, b text, c integer, d text);
INSERT INTO dropped_columns VALUES (1, 'b', 3, 'd');
ALTER TABLE dropped_columns DROP COLUMN a, DROP COLUMN c;
ALTER TABLE dropped_columns ADD COLUMN added_later text DEFAULT 'filled without a rewrite';

-- Functions and comments that look like a dump -----------------------------------------------------------------------
CREATE FUNCTION "looks like a dump"() RETURNS text LANGUAGE plpgsql AS $function$
BEGIN
    RETURN $text$
--
-- Name: fake2; Type: TABLE; Schema: cutter_governance; Owner: workflow_admin
--

CREATE TABLE cutter_governance.fake2 (
    id integer
);

COPY cutter_governance.fake2 (id) FROM stdin;
1
2
\.

--
-- PostgreSQL database dump complete
--
$text$;
END
$function$;
CREATE FUNCTION atomic_body(n integer) RETURNS bigint LANGUAGE sql IMMUTABLE
    BEGIN ATOMIC
        SELECT sum(i) FROM generate_series(1, n) AS i;
    END;
CREATE PROCEDURE do_nothing(INOUT n integer DEFAULT 1) LANGUAGE plpgsql AS 'BEGIN n := n + 1; END';
CREATE AGGREGATE product(numeric) (SFUNC = numeric_mul, STYPE = numeric, INITCOND = '1');
CREATE OPERATOR === (LEFTARG = integer, RIGHTARG = integer, FUNCTION = pg_catalog.int4eq, COMMUTATOR = ===);
COMMENT ON FUNCTION "looks like a dump"() IS E'\\connect elsewhere\nDROP TABLE public.articles; -- ''quoted''';
COMMENT ON COLUMN "table"."select" IS E'-- Data for Name: fake3; Type: TABLE DATA\n\\.\n';

-- Types --------------------------------------------------------------------------------------------------------------
CREATE TYPE mood AS ENUM ('it''s "fine"', 'Zürich', '', 'a,b{c}');
ALTER TYPE mood ADD VALUE 'late' BEFORE 'Zürich';
CREATE DOMAIN plz AS varchar(5) DEFAULT '00000' NOT NULL CHECK (VALUE IN ('00000', '10115', '80331'));
CREATE DOMAIN plz_list AS text[] CHECK (cardinality(VALUE) < 5);
CREATE TYPE pair AS (a integer, b text);
CREATE TYPE nested AS (p pair, list pair[], note text COLLATE "C");
CREATE TYPE float_range AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE COLLATION "own C" (provider = libc, locale = 'C');

CREATE TABLE texts (id integer PRIMARY KEY, t text COLLATE "own C", c char(5), n name, k "char");
INSERT INTO texts VALUES
    (1, NULL, NULL, NULL, NULL), (2, '', '', '', ''), (3, '\N', 'ab', 'name', 'x'), (4, '\.', '\.', 'n', '\'),
    (5, E'\b\f\n\r\t\v', E'\t', 'tab', 'z'), (6, E'\x01\x02\x1f\x7f', 'é', 'ctl', '1'), (7, 'null', 'null', 'null', 'n'),
    (8, E'COPY cutter_governance.fake4 (id) FROM stdin;\n1\n\\.\n\nCREATE TABLE cutter_governance.fake4 (id integer);', 'sql', 's', 's'),
    (9, E'e\u0301 vs. \u00e9, \u202eright to left\u202c, 👩‍👩‍👧', '👍', 'ẞ', 'e'),
    (10, E'--\n-- PostgreSQL database dump complete\n--\n', 'end', 'e', 'e'), (11, E'\r\n', E'\r', 'cr', 'r'),
    (12, repeat('0123456789abcdef', 131072), 'long', 'toast', 't');

CREATE TABLE numbers (id integer PRIMARY KEY, n numeric, f8 float8, f4 real, i8 bigint, m money);
INSERT INTO numbers VALUES
    (1, 'NaN', 'NaN', 'NaN', -9223372036854775808, '-92233720368547758.08'),
    (2, 'Infinity', 'Infinity', 'Infinity', 9223372036854775807, '92233720368547758.07'),
    (3, '-Infinity', '-Infinity', '-Infinity', 0, '0'),
    (4, ('1' || repeat('0', 1000) || '.' || repeat('1', 500))::numeric, 5e-324, 1e-45, -1, '12.34'),
    (5, '0.00000000000000000000000000000000001', 1.7976931348623157e308, 3.4028235e38, 1, NULL),
    (6, 1.10, 0.1::float8 + 0.2, 0.1, NULL, '1,000'), (7, 1.1, '-0', '-0', NULL, '-0.01');

CREATE TABLE times (id integer PRIMARY KEY, d date, ts timestamp, tz timestamptz, t time, ttz timetz, i interval);
INSERT INTO times VALUES
    (1, 'infinity', 'infinity', 'infinity', '24:00', '24:00-15:59', '178000000 years'),
    (2, '-infinity', '-infinity', '-infinity', '00:00', '00:00+15:59', '-178000000 years'),
    (3, '4713-01-01 BC', '4713-01-01 00:00:00 BC', '4713-01-02 00:00:00+00 BC', '23:59:59.999999', '12:00+05:45', '-1 month +1 day -00:00:00.000001'),
    (4, '5874897-12-31', '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00', '12:00', '12:00+00', '1 year -2 months 3 days'),
    (5, '0001-01-01 BC', '0044-03-15 12:00:00 BC', '1900-01-01 00:00:00+00', NULL, NULL, '0'),
    (6, '2026-02-28', '2026-03-29 02:30', '2026-10-25 01:30:00+00', '02:30', '02:30+02', '@ 1 week ago');
\if :v17
INSERT INTO times (id, i) VALUES (7, 'infinity'), (8, '-infinity');
\endif

CREATE TABLE containers (id integer PRIMARY KEY, a2 integer[][], low integer[], ta text[], j json, jb jsonb, jp jsonpath,
    r int4range, mr nummultirange, fr float_range, e mood, ea mood[], p plz, pl plz_list, ct pair, n nested, h extensions.hstore);
INSERT INTO containers VALUES
    (1, '{{1,NULL},{3,4}}', '[-2:0]={7,8,9}', ARRAY['', NULL, 'NULL', '"', '\', '{}', ',', E'\n'], ' { "b":1, "a":2,"a":3 } ',
     '{"a": {"€": [1.0, 1.00, 1e2, null]}}', '$.a[*] ? (@.b > 1)', '[1,10)', '{[1,2),(5,)}', '[0.5,1.5)', 'it''s "fine"',
     ARRAY['', 'a,b{c}']::mood[], '10115', '{10115,"a b"}', ROW(1, 'x,"y"'),
     ROW(ROW(NULL, ''), ARRAY[ROW(1, 'a')::pair, ROW(2, NULL)::pair], '( , )'), 'a=>NULL, "b c"=>"=>"'),
    (2, '{}', '{}', '{}', 'null', 'null', '$', 'empty', '{}', '(,)', '', '{}', '00000', '{}', ROW(NULL, NULL), ROW(NULL, '{}', NULL), ''),
    (3, NULL, NULL, NULL, '"\u00e9"', '"\u00e9"', 'strict $', '(,)', '{(,)}', NULL, 'late', NULL, '80331', NULL, NULL, NULL, NULL);

CREATE TABLE others (id integer PRIMARY KEY, b bytea, bt bit(5), vb bit varying, u uuid, ip inet, net cidr, mac macaddr8, po point,
    ln line, bx box, pa path, pg polygon, ci circle, ts tsvector, tq tsquery, lsn pg_lsn, o oid, rc regclass, x xid8);
INSERT INTO others VALUES
    (1, (SELECT string_agg(decode(lpad(to_hex(i), 2, '0'), 'hex'), '' ORDER BY i) FROM generate_series(0, 255) AS i), B'10101', B'',
     '00000000-0000-0000-0000-000000000000', '::ffff:1.2.3.4/96', '10/8', '08:00:2b:01:02:03:04:05', '(1e-300,-0)', '{1,-1,0}', '(1,1),(0,0)',
     '[(0,0),(1,1)]', '((0,0),(1,1),(2,0))', '<(0,0),0.1>', $$'it''s':1A 'b':2,3$$, '!a & (b <-> c:*)', 'FFFFFFFF/FFFFFFFF', 4294967295,
     'public.articles', '18446744073709551615'),
    (2, '', B'00000', B'1', NULL, '::', '::/0', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', '', '0/0', 0, NULL, '0');

-- Columns the database fills in, constraints of every kind -------------------------------------------------------------
CREATE TABLE filled_in (
    id     bigint GENERATED ALWAYS AS IDENTITY (START -5 INCREMENT -5 MINVALUE -9223372036854775808 CACHE 3),
    width  numeric NOT NULL, height numeric DEFAULT 2,
    area   numeric GENERATED ALWAYS AS (width * height) STORED,
    stamp  text DEFAULT ('x' || md5('x')),
    kind   varchar(8) CHECK (kind IN ('a', 'b') AND kind <> ALL (ARRAY['c', 'd'])),
    parent bigint,
    PRIMARY KEY (id) DEFERRABLE,
    UNIQUE NULLS NOT DISTINCT (parent, stamp, width)
) WITH (autovacuum_enabled = false);
INSERT INTO filled_in (width, kind) SELECT i, 'a' FROM generate_series(1, 20) AS i;
ALTER TABLE filled_in ADD CONSTRAINT not_checked_yet CHECK (width < 10) NOT VALID;
ALTER TABLE filled_in ALTER width SET STATISTICS 500, ALTER stamp SET STORAGE EXTERNAL, REPLICA IDENTITY FULL;
\if :v18
ALTER TABLE filled_in ADD COLUMN half numeric GENERATED ALWAYS AS (width / 2) VIRTUAL;
CREATE TABLE without_overlaps (room integer, during daterange, PRIMARY KEY (room, during WITHOUT OVERLAPS));
INSERT INTO without_overlaps VALUES (1, '[2026-01-01,2026-02-01)'), (1, '[2026-02-01,2026-03-01)');
\endif
CREATE TABLE hen (id integer PRIMARY KEY, egg integer NOT NULL);
CREATE TABLE egg (id integer PRIMARY KEY, hen integer NOT NULL REFERENCES hen DEFERRABLE INITIALLY DEFERRED);
ALTER TABLE hen ADD FOREIGN KEY (egg) REFERENCES egg DEFERRABLE INITIALLY DEFERRED;
BEGIN;
INSERT INTO hen VALUES (1, 1), (2, 2);
INSERT INTO egg VALUES (1, 2), (2, 1);
COMMIT;
CREATE RULE keep_eggs AS ON DELETE TO egg WHERE old.id = 1 DO INSTEAD NOTHING;

-- Partitions, inheritance, other storage -------------------------------------------------------------------------------
CREATE TABLE by_range (id bigint GENERATED BY DEFAULT AS IDENTITY, at date NOT NULL, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE by_range_2025 PARTITION OF by_range FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY LIST (at);
CREATE TABLE by_range_2025_x PARTITION OF by_range_2025 FOR VALUES IN ('2025-01-03', '2025-01-06');
CREATE TABLE by_range_2025_rest PARTITION OF by_range_2025 DEFAULT;
-- attached: its own column order differs from the root's
CREATE TABLE by_range_2026 (note text, at date NOT NULL, id bigint NOT NULL);
ALTER TABLE by_range ATTACH PARTITION by_range_2026 FOR VALUES FROM ('2026-01-01') TO (MAXVALUE);
CREATE TABLE by_range_default PARTITION OF by_range DEFAULT;
INSERT INTO by_range (at, note)
SELECT date '2024-11-01' + i * 3, CASE i % 3 WHEN 0 THEN 'x' WHEN 1 THEN 'y' END FROM generate_series(1, 300) AS i;
CREATE INDEX by_range_note_idx ON by_range (note);
CREATE TABLE by_hash (id integer, payload text) PARTITION BY HASH (id);
CREATE TABLE by_hash_0 PARTITION OF by_hash FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE by_hash_1 PARTITION OF by_hash FOR VALUES WITH (MODULUS 2, REMAINDER 1) TABLESPACE "slow disk";
INSERT INTO by_hash SELECT i, 'p' || i FROM generate_series(1, 200) AS i;
-- hashed by an enum: a restore may put a row into another leaf, so only the root can be compared
CREATE TABLE by_enum (m mood, id integer) PARTITION BY HASH (m);
CREATE TABLE by_enum_0 PARTITION OF by_enum FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE by_enum_1 PARTITION OF by_enum FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO by_enum SELECT (enum_range(NULL::mood))[i % 5 + 1], i FROM generate_series(1, 50) AS i;

CREATE TABLE parent (id integer PRIMARY KEY, what text DEFAULT 'p');
CREATE TABLE child (extra integer, CHECK (id > 100)) INHERITS (parent);
ALTER TABLE parent ADD COLUMN added_later integer DEFAULT 9;
INSERT INTO parent SELECT i FROM generate_series(1, 5) AS i;
INSERT INTO child (id, what, extra) VALUES (101, 'c', 1), (102, NULL, 2);
CREATE TABLE on_slow_disk (id integer PRIMARY KEY USING INDEX TABLESPACE "slow disk", t text) TABLESPACE "slow disk";
INSERT INTO on_slow_disk SELECT i, 't' || i FROM generate_series(1, 30) AS i;
CREATE UNLOGGED TABLE not_logged AS SELECT i AS id FROM generate_series(1, 40) AS i;
CREATE TABLE row_order (id integer PRIMARY KEY, n integer NOT NULL) WITH (fillfactor = 50);
INSERT INTO row_order SELECT i, 0 FROM generate_series(1, 500) AS i;
UPDATE row_order SET n = id WHERE id % 3 = 0;

CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (dbname 'none', "use_remote_estimate" 'false');
CREATE FOREIGN TABLE remote_rows (id integer, t text OPTIONS (column_name 'T')) SERVER elsewhere;

-- Sequences, materialized views, policies, rights ------------------------------------------------------------------------
CREATE SEQUENCE "never ""called""" AS smallint MINVALUE -5 MAXVALUE 5 START 5 INCREMENT -1 CYCLE;
CREATE SEQUENCE called_once;
SELECT FROM nextval('called_once');
CREATE MATERIALIZED VIEW filled AS SELECT id, "from" FROM "table" JOIN by_hash ON "select" = id;
CREATE MATERIALIZED VIEW "not filled" AS SELECT count(*) AS n FROM filled WITH NO DATA;
CREATE VIEW updatable AS SELECT id, t FROM on_slow_disk WHERE id > 5 WITH LOCAL CHECK OPTION;
CREATE STATISTICS by_expression ON (id % 7), (n + 1) FROM row_order;
ALTER TABLE row_order ENABLE ROW LEVEL SECURITY;
CREATE POLICY "only; even" ON row_order AS RESTRICTIVE FOR UPDATE TO directus USING (id % 2 = 0);
GRANT SELECT, INSERT ON "table" TO "Läsare ""Nord""" WITH GRANT OPTION;
GRANT SELECT ("from") ON "table" TO PUBLIC;
ALTER TABLE "таблица 表 🐘" OWNER TO directus;
CREATE TEXT SEARCH CONFIGURATION own_words (COPY = pg_catalog.simple);

-- Large objects: content, owner, rights, comment
SELECT FROM lo_from_bytea(424242, convert_to(repeat('large object ', 20000), 'UTF8'));
SELECT FROM lo_create(424243);
ALTER LARGE OBJECT 424242 OWNER TO directus;
GRANT SELECT ON LARGE OBJECT 424242 TO cut_auditor;
COMMENT ON LARGE OBJECT 424242 IS 'a picture, let us say';

RESET search_path;
ANALYZE;
