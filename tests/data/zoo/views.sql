-- Views and materialized views.

CREATE SCHEMA views;
SET search_path = views;

CREATE TABLE base (id integer PRIMARY KEY, name varchar(30), status varchar(10), up integer, gone integer, at timestamptz);
INSERT INTO base SELECT n, 'name ' || n, (ARRAY['new', 'old'])[1 + n % 2], NULLIF(n / 2, 0), n, '2024-01-01 00:00+00' FROM generate_series(1, 20) AS n;
ALTER TABLE base DROP COLUMN gone;

CREATE VIEW plain (a, "b b") AS SELECT id, name FROM base;
ALTER VIEW plain ALTER COLUMN "b b" SET DEFAULT 'of the view';
COMMENT ON COLUMN plain."b b" IS 'a column of a view';
CREATE VIEW checked AS SELECT * FROM base WHERE status IN ('new', 'old') WITH CASCADED CHECK OPTION;
CREATE VIEW checked_local AS SELECT id, status FROM checked WHERE id > 3 WITH LOCAL CHECK OPTION;
CREATE VIEW barrier WITH (security_barrier) AS SELECT * FROM base WHERE id > 1;
CREATE RECURSIVE VIEW tree (id, depth) AS
    SELECT id, 0 FROM views.base WHERE up IS NULL UNION ALL SELECT b.id, depth + 1 FROM views.base b JOIN tree t ON b.up = t.id;
CREATE VIEW no_columns AS SELECT;
CREATE VIEW of_values (k, v) AS VALUES (1, 'a'), (2, E'\\.'), (3, NULL);
-- It needs the primary key: pg_dump makes it in two steps.
CREATE VIEW by_key AS SELECT id, name, count(*) AS n FROM base GROUP BY id;
CREATE VIEW on_by_key AS SELECT n FROM by_key;
CREATE MATERIALIZED VIEW of_by_key AS SELECT id, n FROM by_key;
-- Two views that need each other, through a function.
CREATE FUNCTION loops(integer) RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT count(*) FROM views.looped); END $$;
CREATE VIEW looped AS SELECT id FROM base WHERE id < 0;
CREATE VIEW looped_too AS SELECT views.loops(id) FROM base;
-- A view over a function's and a table's row types.
CREATE FUNCTION rows_of() RETURNS SETOF base LANGUAGE sql STABLE AS 'SELECT * FROM views.base WHERE id < 3';
CREATE VIEW of_function AS SELECT r.id, (r).name AS n, r AS whole FROM views.rows_of() AS r;

CREATE MATERIALIZED VIEW populated WITH (fillfactor = 80) AS SELECT id, name, random() < 2 AS yes FROM base WITH DATA;
CREATE UNIQUE INDEX populated_id ON populated (id);
REFRESH MATERIALIZED VIEW CONCURRENTLY populated;
CREATE MATERIALIZED VIEW not_populated AS SELECT count(*) AS n FROM base WITH NO DATA;
CREATE INDEX not_populated_n ON not_populated (n);
CREATE MATERIALIZED VIEW on_populated AS SELECT p.id, v.k FROM populated p LEFT JOIN of_values v ON v.k = p.id;
CREATE MATERIALIZED VIEW a_before_its_base AS SELECT count(*) AS n FROM on_populated;
-- What it shows is old: a restored copy is fresh.
CREATE MATERIALIZED VIEW stale AS SELECT max(id) AS newest FROM base;
INSERT INTO base (id, name, status) VALUES (21, 'after the refresh', 'new');
CREATE MATERIALIZED VIEW "odd; ""mat"" view" AS SELECT 1 AS "select";
ALTER MATERIALIZED VIEW populated ALTER COLUMN name SET STATISTICS 5, ALTER COLUMN name SET STORAGE PLAIN, CLUSTER ON populated_id;
-- Who owns it refreshes it, also in a copy.
GRANT USAGE ON SCHEMA views TO zoo_owner;
GRANT SELECT ON base TO zoo_owner;
ALTER MATERIALIZED VIEW populated OWNER TO zoo_owner;
COMMENT ON MATERIALIZED VIEW stale IS 'REFRESH MATERIALIZED VIEW fake;';
