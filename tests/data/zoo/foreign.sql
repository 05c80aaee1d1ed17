-- Foreign data: wrappers without a handler, and with the extensions that come with PostgreSQL.

CREATE SCHEMA "foreign";
SET search_path = "foreign";

CREATE FOREIGN DATA WRAPPER "wrapper; odd" OPTIONS (debug 'true', "it's" 'it''s \ "x"');
COMMENT ON FOREIGN DATA WRAPPER "wrapper; odd" IS 'without handler';
CREATE SERVER "server; odd" TYPE 'a ''type' VERSION '1''0' FOREIGN DATA WRAPPER "wrapper; odd" OPTIONS (host 'nowhere.invalid', "a b" E'\\.');
COMMENT ON SERVER "server; odd" IS 'CREATE SERVER fake;';
CREATE USER MAPPING FOR zoo_owner SERVER "server; odd" OPTIONS ("user" 'x', password 'it''s; secret');
CREATE USER MAPPING FOR PUBLIC SERVER "server; odd";
CREATE USER MAPPING FOR "zoo ""odd; role"" -- " SERVER "server; odd" OPTIONS ("user" '');
CREATE FOREIGN TABLE "table; odd" (
    id integer OPTIONS (column_name 'it''s', "x y" '1') NOT NULL, gone text, t text COLLATE "C" DEFAULT 'x', n integer CHECK (n > 0),
    g integer GENERATED ALWAYS AS (id * 2) STORED
) SERVER "server; odd" OPTIONS (schema_name 'public', table_name 'fake; -- ');
ALTER FOREIGN TABLE "table; odd" DROP COLUMN gone;
ALTER FOREIGN TABLE "table; odd" ALTER COLUMN t SET STATISTICS 5, ALTER COLUMN t SET (n_distinct = 7);
COMMENT ON FOREIGN TABLE "table; odd" IS 'nobody reads it';
COMMENT ON COLUMN "table; odd".t IS 'a column';
GRANT SELECT ON "table; odd" TO zoo_reader;
GRANT USAGE ON FOREIGN DATA WRAPPER "wrapper; odd" TO zoo_owner WITH GRANT OPTION;
GRANT USAGE ON FOREIGN SERVER "server; odd" TO zoo_reader;
ALTER SERVER "server; odd" OWNER TO zoo_owner;
CREATE VIEW on_foreign AS SELECT id, t FROM "table; odd";
CREATE MATERIALIZED VIEW on_foreign_not_populated AS SELECT id FROM "table; odd" WITH NO DATA;
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER on_foreign AFTER INSERT ON "table; odd" FOR EACH STATEMENT EXECUTE FUNCTION nothing();

-- Below a partitioned and an inherited table.
CREATE TABLE parted (k integer, t text) PARTITION BY LIST (k);
CREATE TABLE parted_here PARTITION OF parted FOR VALUES IN (1);
CREATE FOREIGN TABLE parted_there PARTITION OF parted FOR VALUES IN (2) SERVER "server; odd";
INSERT INTO parted VALUES (1, 'here');
CREATE TABLE parent (a integer);
INSERT INTO parent VALUES (1);
CREATE FOREIGN TABLE child_there (b integer) INHERITS (parent) SERVER "server; odd";

CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE no_file (line text) SERVER files OPTIONS (filename '/nonexistent/file', format 'csv', delimiter E';');

-- The library of postgres_fdw may not fit the machine's libpq.
DO $$ BEGIN
    CREATE EXTENSION postgres_fdw SCHEMA "foreign";
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'no postgres_fdw: %', SQLERRM;
END $$;
SELECT count(*) > 0 AS available FROM pg_extension WHERE extname = 'postgres_fdw' \gset
\if :available
CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'nowhere.invalid', dbname 'x', extensions 'hstore');
CREATE USER MAPPING FOR CURRENT_USER SERVER elsewhere OPTIONS (user 'x', password 'y');
CREATE FOREIGN TABLE far_away (id integer OPTIONS (column_name 'no'), t text) SERVER elsewhere OPTIONS (table_name 'far');
\endif
