-- Extensions: in public, in a schema of their own, at a version older than the default, with changed privileges.
-- Left out: one with a configuration table. pg_extension_config_dump() works only in an extension's own script, and no
-- extension of PostgreSQL's contrib calls it.

CREATE SCHEMA extensions;
COMMENT ON SCHEMA extensions IS 'Điều 1: not public';
CREATE EXTENSION hstore;
CREATE EXTENSION citext SCHEMA extensions;
CREATE EXTENSION btree_gist SCHEMA extensions;
CREATE EXTENSION pg_trgm SCHEMA extensions VERSION '1.3';
CREATE EXTENSION lo SCHEMA extensions;
CREATE EXTENSION tsm_system_rows SCHEMA extensions;
COMMENT ON EXTENSION hstore IS 'a comment that is not the one of the control file';

-- Not what the extension's script gave: pg_dump dumps the difference (pg_init_privs).
REVOKE EXECUTE ON FUNCTION extensions.similarity(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION extensions.similarity(text, text) TO zoo_reader;

CREATE TABLE extensions.uses (
    id integer PRIMARY KEY,
    pairs hstore,
    folded extensions.citext UNIQUE,
    during tstzrange,
    room integer,
    object extensions.lo,
    EXCLUDE USING gist (room WITH =, during WITH &&)
);
CREATE INDEX uses_pairs ON extensions.uses USING gin (pairs);
CREATE INDEX uses_folded_trgm ON extensions.uses USING gist ((folded::text) extensions.gist_trgm_ops);
CREATE INDEX uses_pairs_gist ON extensions.uses USING gist (pairs);
CREATE TRIGGER uses_object BEFORE UPDATE OR DELETE ON extensions.uses
    FOR EACH ROW EXECUTE FUNCTION extensions.lo_manage('object');
INSERT INTO extensions.uses VALUES
    (1, 'a=>1, b=>NULL, "c d"=>"NULL"', 'Straße', '[2024-01-01 00:00+00,2024-01-02 00:00+00)', 1, NULL),
    (2, '', 'ABC', '[2024-01-02 00:00+00,)', 1, NULL),
    (3, NULL, NULL, 'empty', NULL, NULL);
CREATE VIEW extensions.folded AS
    SELECT id FROM extensions.uses WHERE folded OPERATOR(extensions.=) 'abc' OR pairs OPERATOR(public.->) 'a' = '1';
CREATE VIEW extensions.sampled AS SELECT id FROM extensions.uses TABLESAMPLE extensions.system_rows(2);
