-- Expressions that come back with another text after one restore, in every place that can hold one; and other
-- expressions whose text depends on names, settings or on what was renamed since.

CREATE SCHEMA deparse;
SET search_path = deparse;

-- `varchar IN (…)` everywhere.
CREATE DOMAIN level AS varchar(10) CHECK (VALUE IN ('low', 'high'));
CREATE DOMAIN level_default AS varchar(10) DEFAULT CASE WHEN 'a'::varchar IN ('a', 'b') THEN 'low' ELSE 'high' END;
CREATE TABLE t (
    id integer PRIMARY KEY,
    status varchar(16) DEFAULT CASE WHEN 'x'::varchar(3) IN ('a', 'b') THEN 'a' ELSE 'b' END CHECK (status IN ('a', 'b', 'c')),
    c char(3) CHECK (c IN ('a', 'bc')),
    kind text,
    amount numeric(10, 2),
    active boolean GENERATED ALWAYS AS (status IN ('a', 'b')) STORED,
    short text GENERATED ALWAYS AS (kind::varchar(5)) STORED,
    CONSTRAINT not_these CHECK (status NOT IN ('x', 'y') AND kind::varchar(5) = ANY (ARRAY['k', 'l']::varchar[])),
    CONSTRAINT rows_compared CHECK ((id, amount) > (0, -1.5) AND ROW(id, kind) IS DISTINCT FROM ROW(1, 'x'::text)),
    CONSTRAINT at_most CHECK (amount BETWEEN SYMMETRIC 100 AND -100),
    EXCLUDE USING btree (id WITH =) WHERE (status IN ('a', 'c'))
);
INSERT INTO t (id, status, c, kind, amount) SELECT n, (ARRAY['a', 'b', 'c'])[1 + n % 3], 'bc', (ARRAY['k', 'l'])[1 + n % 2], n FROM generate_series(2, 20) AS n;
CREATE INDEX t_partial ON t (id) WHERE status IN ('a', 'b');
CREATE INDEX t_expression ON t ((status IN ('a', 'b')), (CASE status WHEN 'a' THEN 1 WHEN 'b' THEN 2 END));
CREATE STATISTICS t_statistics ON (status IN ('a', 'b')), id FROM t;
CREATE TABLE log (id integer, what varchar(10), at timestamptz DEFAULT '2024-07-01 12:00:00+02');
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER t_when AFTER UPDATE OF status, "amount" ON t FOR EACH ROW
    WHEN (NEW.status IN ('a', 'b') AND OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION nothing('arg', 'it''s', E'\\.');
CREATE RULE t_rule AS ON UPDATE TO t WHERE NEW.status IN ('a', 'b') AND OLD.status NOT IN ('c', 'd')
    DO ALSO INSERT INTO log VALUES (NEW.id, CASE WHEN NEW.status IN ('a') THEN 'one' ELSE 'other' END);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY t_policy ON t FOR ALL USING (status IN ('a', 'b')) WITH CHECK (status::varchar(5) IN ('a', 'b'));
CREATE VIEW v AS SELECT id, status IN ('a', 'b') AS ab, c IN ('a', 'bc') AS c FROM t WHERE status IN ('a', 'b') OR status LIKE 'c%';
CREATE MATERIALIZED VIEW mv AS SELECT id FROM t WHERE status IN ('a', 'b') GROUP BY id HAVING max(status) IN ('a', 'b');
CREATE FUNCTION atomic(s varchar DEFAULT CASE WHEN 'a'::varchar IN ('a', 'b') THEN 'a' END) RETURNS bigint LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT 1;
    SELECT count(*) FROM t WHERE status IN ('a', 'b') AND t.status = s;
END;
CREATE FUNCTION atomic_return(s varchar) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN s IN ('a', 'b');
CREATE PROCEDURE atomic_procedure(INOUT n integer) LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO log AS l (id, what) VALUES (n, 'x'), (n + 1, 'y') ON CONFLICT DO NOTHING;
    UPDATE log AS x SET (what, at) = (SELECT 'a', now()), id = DEFAULT FROM t AS y WHERE x.id = y.id AND y.status IN ('a', 'b');
    DELETE FROM log USING t WHERE log.id = t.id AND t.status IN ('a', 'b');
    WITH gone AS (DELETE FROM log WHERE id < 0 RETURNING *) SELECT count(*)::integer FROM gone;
END;
CREATE TABLE parted (status varchar(5), n integer) PARTITION BY LIST ((status IN ('a', 'b')));
CREATE TABLE parted_t PARTITION OF parted FOR VALUES IN (true);
CREATE TABLE parted_f PARTITION OF parted DEFAULT;
INSERT INTO parted VALUES ('a', 1), ('z', 2), (NULL, 3);

-- Joins whose columns were renamed, added or dropped since.
CREATE TABLE ja (k integer, a text, x integer);
CREATE TABLE jb (k integer, b text, y integer);
CREATE TABLE jc (k integer, c text);
CREATE VIEW j_using AS SELECT * FROM ja JOIN jb USING (k);
CREATE VIEW j_natural AS SELECT * FROM ja NATURAL LEFT JOIN jb NATURAL FULL JOIN jc;
CREATE VIEW j_full AS SELECT k, a, b FROM ja FULL JOIN jb USING (k) WHERE k > 0;
CREATE VIEW j_alias AS SELECT j.k, s.* FROM (ja JOIN jb USING (k) AS j) AS s (k1, a1, x1, b1, y1), ja AS j;
CREATE VIEW j_alias_using AS SELECT u.k, ja.a FROM ja JOIN jb USING (k) AS u;
CREATE VIEW j_nested AS SELECT * FROM (ja CROSS JOIN jb jb2 (k2, b2)) JOIN (jc LEFT JOIN jb ON jc.k = jb.k) AS n (n1, n2, n3, n4, n5) ON n1 = k2;
CREATE VIEW j_whole AS SELECT ja, ja.*::text AS t, (ja).x FROM ja;
ALTER TABLE jb RENAME COLUMN k TO renamed;
ALTER TABLE ja RENAME COLUMN a TO "A ""new""";
ALTER TABLE jb ADD COLUMN x integer;
ALTER TABLE jb ADD COLUMN a text;
ALTER TABLE jc ADD COLUMN b text;
ALTER TABLE ja RENAME TO "renamed; table";
INSERT INTO "renamed; table" VALUES (1, 'a', 1);
INSERT INTO jb VALUES (1, 'b', 1, 2, 'a');

-- Syntax that SQL has and a function call would be.
CREATE VIEW special AS SELECT
    EXTRACT(epoch FROM at) AS e, at AT TIME ZONE 'Asia/Ho_Chi_Minh' AS z, OVERLAY(what PLACING 'x' FROM 1 FOR 2) AS o,
    POSITION('a' IN what) AS p, SUBSTRING(what FROM 2 FOR 3) AS s, SUBSTRING(what SIMILAR 'a#"b#"c' ESCAPE '#') AS ss,
    TRIM(BOTH 'x' FROM what) AS tb, TRIM(LEADING FROM what) AS tl, COLLATION FOR (what) AS cf, NORMALIZE(what, NFKC) AS nf,
    what IS NFC NORMALIZED AS isn, CURRENT_DATE AS cd, CURRENT_TIMESTAMP(3) AS ct, LOCALTIME AS lt, CURRENT_USER AS cu,
    CURRENT_SCHEMA AS cs, (at, at) OVERLAPS (at, interval '1 day') AS ov, NULLIF(what, '') AS ni, COALESCE(what, 'z') AS co,
    GREATEST(id, 1) AS g, CAST(what AS char(3)) AS c3, what::varchar(4)::text AS v4, what COLLATE "C" < 'b' AS lc,
    what SIMILAR TO '(a|b)%' AS si, what ILIKE 'a\_%' ESCAPE '!' AS il, what !~* '^a' AS nr, id IS NOT DISTINCT FROM 3 AS nd,
    (id > 3) IS NOT UNKNOWN AS nu, what IS NULL AS isnull, id BETWEEN 1 AND 3 AS bt, id NOT BETWEEN SYMMETRIC 3 AND 1 AS bs
FROM log;
CREATE VIEW literals AS SELECT
    interval '1 day' AS i1, interval '1-2' YEAR TO MONTH AS i2, interval '-1 year -2 mons +3 days' AS i3,
    interval(3) '1.23456 seconds' AS i4, -1 AS m, -9223372036854775808 AS b, '-2147483648'::integer AS im, 1e-300::float8 AS f,
    'NaN'::float4 AS nan, '-0'::float8 AS mz, 1.10 AS n, 1.5::numeric(4, 2) AS n42, B'101' AS bit, X'1F' AS hex, '\x5c00'::bytea AS by,
    E'it''s \\ \t\n "x"' AS s, U&'\0110i\1EC1u' AS u, date '2024-12-31' AS d, timestamp '2024-12-31 01:02:03.000004' AS ts,
    timestamptz '2024-07-01 12:00:00+02' AS tz, time with time zone '12:00+05:30' AS ttz, 'infinity'::timestamptz AS inf,
    '0001-01-01 BC'::date IS NULL AS never, '12.34'::money AS mo, ARRAY[]::integer[] AS ea, ARRAY[[1, 2], [3, NULL]] AS aa, '{"a": [1]}'::jsonb AS jb,
    ROW(1, 'a', NULL)::text AS r, ROW()::text AS r0, NULL AS un, true AS y, 'types.mood'::regtype AS rt, 'deparse.t'::regclass AS rc,
    'ok'::types.mood AS md, '[1,2)'::int4range AS ra, 4::types.positive AS dom, 'x'::"char" AS ch, 'abc'::char(5) AS bp, '1'::bit(3) AS b3;
CREATE VIEW sub AS
    SELECT id, (SELECT count(*) FROM log l WHERE l.id = t.id) AS n, ARRAY(SELECT what FROM log ORDER BY 1 DESC NULLS LAST) AS a,
           EXISTS (SELECT FROM log WHERE log.id = t.id) AS e, id = ANY (SELECT id FROM log) AS i, (id, kind) NOT IN (SELECT id, what FROM log) AS ni,
           id <> ALL (ARRAY[1, 2, NULL]) AS na, (t.*)::text AS whole, t IS NOT NULL AS nn
    FROM t WHERE (id, status) IN ((1, 'a'), (2, 'b'))
    ORDER BY status USING >, id DESC NULLS LAST OFFSET 1 FETCH FIRST 3 ROWS WITH TIES;
CREATE VIEW sets AS
    (SELECT id, status FROM t UNION ALL SELECT id, what FROM log) INTERSECT (SELECT 1, 'x' EXCEPT ALL SELECT 2, 'y') ORDER BY 1 LIMIT 5;
CREATE VIEW ctes AS
    WITH RECURSIVE m AS MATERIALIZED (SELECT 1 AS a), n (b) AS NOT MATERIALIZED (SELECT 2), r (id, up) AS (
        SELECT id, 0 FROM t UNION SELECT r.id + 100, r.id FROM r WHERE r.id < 50
    ) SEARCH DEPTH FIRST BY id SET ord CYCLE id SET is_cycle USING path
    SELECT m.a, n.b, r.id, r.ord::text, r.is_cycle FROM m, n, r;
CREATE VIEW grouped AS
    SELECT status, kind, GROUPING(status, kind) AS g, count(*) FILTER (WHERE id > 3) AS f, array_agg(DISTINCT kind ORDER BY kind DESC) AS ag,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY amount) AS pc, rank(3) WITHIN GROUP (ORDER BY id NULLS FIRST) AS rk,
           string_agg(kind, E',\n' ORDER BY id) AS sa
    FROM t GROUP BY DISTINCT GROUPING SETS ((status, kind), ROLLUP (status), CUBE (kind, status), ()) HAVING count(*) > 0;
CREATE VIEW windows AS
    SELECT sum(amount) OVER w AS s, lag(id, 2, -1) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING EXCLUDE TIES) AS l,
           first_value(id) OVER (PARTITION BY status ORDER BY amount RANGE BETWEEN 1.5 PRECEDING AND CURRENT ROW) AS fv,
           ntile(4) OVER (ORDER BY id GROUPS 2 PRECEDING) AS nt, count(*) FILTER (WHERE id > 1) OVER () AS c
    FROM t WINDOW w AS (PARTITION BY status ORDER BY id DESC);
CREATE VIEW from_items AS
    SELECT f.*, g.n, l.x, s.id AS sid, u.a, u.b, u.ordinality FROM generate_series(1, 3) WITH ORDINALITY AS f (v, o)
    CROSS JOIN LATERAL (SELECT f.v * 2 AS x) AS l
    LEFT JOIN ROWS FROM (generate_series(1, 2), json_to_recordset('[{"a":1}]') AS (a integer, b text COLLATE "C")) WITH ORDINALITY AS u (n, a, b, ordinality) ON true
    CROSS JOIN (VALUES (1, 'a'::varchar), (2, NULL)) AS g (n, s)
    JOIN t s TABLESAMPLE BERNOULLI (50) REPEATABLE (7) ON s.id = f.v, ONLY parted;
CREATE VIEW fields AS
    SELECT (p).a, (n).p."B b", (n).ps[1].added, ps[1:2] AS slice, ps[:1] AS upto, (ARRAY[1, 2, 3])[2] AS el, (types.of_own.*) IS NULL AS w,
           (SELECT p).m AS sm
    FROM types.of_own;
CREATE VIEW locked AS SELECT DISTINCT ON (id, status) id, status FROM (SELECT * FROM t FOR UPDATE OF t SKIP LOCKED) AS x ORDER BY id, status, kind;
CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq, COMMUTATOR = ===);
CREATE VIEW operators AS SELECT status OPERATOR(deparse.===) kind AS own, id OPERATOR(pg_catalog.+) 1 AS plus, - (- id) AS mm, @ (- id) AS ab, NOT (NOT id > 1) AS nn, (id + 1) * 2 - (3 - (4 - id)) AS paren FROM t;
CREATE VIEW named_arguments AS SELECT make_interval(days => 3, hours => id) AS i, concat_ws(',', VARIADIC ARRAY['a', kind]) AS v, jsonb_build_object(VARIADIC ARRAY[kind, 'x']) AS j FROM t;
CREATE TABLE defaults (
    id integer DEFAULT (random() * 10)::integer, a integer[] DEFAULT '{1,2}', i interval DEFAULT '1 day 02:03:04', at timestamptz DEFAULT (now() AT TIME ZONE 'utc'),
    j jsonb DEFAULT '{"a": "it''s"}', s text DEFAULT E'\\.\n', b bytea DEFAULT '\x00ff', d date DEFAULT '2024-02-03', u text DEFAULT SESSION_USER,
    v varchar(5) DEFAULT 'abc'::varchar(2), n numeric DEFAULT - 1.0, e types.mood DEFAULT 'ok', r types.pair DEFAULT ROW(1, 'a', 'sad', 2)::types.pair,
    ts timestamp(0) DEFAULT localtimestamp(0), f float8 DEFAULT 0.1::float4, c text COLLATE "POSIX" DEFAULT current_setting('server_version')
);
INSERT INTO defaults (id, at, u, c, ts) VALUES (1, '2024-01-01 00:00+00', 'u', 'c', '2024-01-01');
