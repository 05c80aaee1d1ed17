-- Tables at the limits: no columns, all columns, generated columns only, and one of many pages.

CREATE SCHEMA limits;
SET search_path = limits;

CREATE TABLE no_columns ();
INSERT INTO no_columns SELECT FROM generate_series(1, 3);
CREATE TABLE no_columns_no_rows ();
CREATE TABLE all_dropped (a integer, b text);
INSERT INTO all_dropped VALUES (1, 'x'), (2, NULL);
ALTER TABLE all_dropped DROP COLUMN a, DROP COLUMN b;
CREATE TABLE dropped_and_added (a integer, b text, c integer DEFAULT 3, d numeric);
INSERT INTO dropped_and_added SELECT n, 'b' || n, n, n / 3.0 FROM generate_series(1, 100) AS n;
ALTER TABLE dropped_and_added DROP COLUMN a, DROP COLUMN c;
ALTER TABLE dropped_and_added ADD COLUMN a bigint NOT NULL DEFAULT 12, ADD COLUMN e text DEFAULT E'a fast default\t\\.';
ALTER TABLE dropped_and_added ALTER COLUMN e SET DEFAULT 'another', ALTER COLUMN b TYPE varchar(10);
INSERT INTO dropped_and_added (b) VALUES ('late');

CREATE TABLE generated_only (g integer GENERATED ALWAYS AS (1) STORED);
INSERT INTO generated_only DEFAULT VALUES;
INSERT INTO generated_only DEFAULT VALUES;
CREATE TABLE generated_some (
    g1 text GENERATED ALWAYS AS (upper(t)) STORED, t text, g2 integer GENERATED ALWAYS AS (n * 2) STORED, n integer,
    gone integer, g3 tsvector GENERATED ALWAYS AS (to_tsvector('english'::regconfig, t)) STORED
);
INSERT INTO generated_some (t, n) VALUES ('one two', 1), (NULL, NULL), ('', 3);
ALTER TABLE generated_some DROP COLUMN gone;
ALTER TABLE generated_some ALTER COLUMN g2 DROP EXPRESSION;

-- 1,600 columns, the most there can be.
DO $$ BEGIN
    EXECUTE 'CREATE TABLE limits.wide (' || (SELECT string_agg(format('c%s smallint', n), ', ' ORDER BY n) FROM generate_series(1, 1600) AS n) || ')';
END $$;
INSERT INTO wide (c1, c2, c1600) VALUES (1, 2, 1600), (NULL, NULL, NULL);
DO $$ BEGIN
    EXECUTE 'INSERT INTO limits.wide VALUES (' || (SELECT string_agg(n::text, ', ' ORDER BY n) FROM generate_series(1, 1600) AS n) || ')';
END $$;

-- An index of 32 columns, a function of 100 arguments, an array of 6 dimensions (values.sql has one with values).
DO $$ BEGIN
    EXECUTE 'CREATE INDEX wide_32 ON limits.wide (' || (SELECT string_agg('c' || n, ', ' ORDER BY n) FROM generate_series(1, 32) AS n) || ')';
    EXECUTE 'CREATE FUNCTION limits.hundred(' || (SELECT string_agg(format('a%s integer DEFAULT %s', n, n), ', ' ORDER BY n) FROM generate_series(1, 100) AS n)
        || ') RETURNS integer LANGUAGE sql AS ''SELECT $100''';
END $$;

CREATE TABLE many_rows (id bigint PRIMARY KEY, a integer, t text);
INSERT INTO many_rows SELECT n, n % 100, md5(n::text) FROM generate_series(1, 20000) AS n;
DELETE FROM many_rows WHERE id % 10 = 3;
