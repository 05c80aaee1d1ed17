-- Owners, privileges, default privileges, row security.
-- Left out: security labels. They need a provider, and the only ones are SELinux's and a test module.

CREATE SCHEMA security AUTHORIZATION zoo_owner;
SET search_path = security;

CREATE TABLE granted (id integer, a text, b text, c text);
ALTER TABLE granted OWNER TO zoo_owner;
INSERT INTO granted VALUES (1, 'a', 'b', 'c');
GRANT SELECT ON granted TO PUBLIC;
GRANT ALL ON granted TO zoo_writer WITH GRANT OPTION;
GRANT SELECT (a), UPDATE (b, c), INSERT (id), REFERENCES (id) ON granted TO zoo_reader;
GRANT SELECT (c) ON granted TO zoo_reader WITH GRANT OPTION;
GRANT UPDATE (a) ON granted TO "zoo ""odd; role"" -- ", "{{ zoo }}";
GRANT USAGE, CREATE ON SCHEMA security TO zoo_writer WITH GRANT OPTION;
-- Grants of grants, by somebody who is not the owner.
SET ROLE zoo_writer;
GRANT SELECT, TRIGGER ON security.granted TO zoo_reader;
GRANT USAGE ON SCHEMA security TO zoo_reader;
RESET ROLE;
SET ROLE zoo_reader;
GRANT SELECT (c) ON security.granted TO "{{ zoo }}";
RESET ROLE;

-- The owner without rights, nobody with rights, and what is the same as the default.
CREATE TABLE owner_revoked (a integer);
ALTER TABLE owner_revoked OWNER TO zoo_owner;
REVOKE ALL ON owner_revoked FROM zoo_owner;
CREATE TABLE all_revoked (a integer);
REVOKE ALL ON all_revoked FROM PUBLIC, CURRENT_USER;
CREATE TABLE granted_and_revoked (a integer);
GRANT SELECT ON granted_and_revoked TO zoo_reader;
REVOKE SELECT ON granted_and_revoked FROM zoo_reader;
CREATE FUNCTION revoked() RETURNS integer LANGUAGE sql AS 'SELECT 1';
REVOKE EXECUTE ON FUNCTION revoked() FROM PUBLIC;
CREATE PROCEDURE granted_procedure() LANGUAGE sql AS '';
ALTER PROCEDURE granted_procedure() OWNER TO zoo_owner;
GRANT EXECUTE ON PROCEDURE granted_procedure() TO zoo_reader WITH GRANT OPTION;
CREATE TYPE granted_type AS ENUM ('a');
REVOKE USAGE ON TYPE granted_type FROM PUBLIC;
GRANT USAGE ON TYPE granted_type TO zoo_reader;
CREATE DOMAIN granted_domain AS integer;
REVOKE ALL ON DOMAIN granted_domain FROM PUBLIC;
ALTER DOMAIN granted_domain OWNER TO zoo_owner;
CREATE SEQUENCE granted_sequence;
GRANT SELECT, UPDATE ON SEQUENCE granted_sequence TO zoo_reader;
CREATE VIEW granted_view AS SELECT a FROM granted;
ALTER VIEW granted_view OWNER TO "zoo ""odd; role"" -- ";
GRANT SELECT (a) ON granted_view TO zoo_reader;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO zoo_writer;
COMMENT ON SCHEMA public IS E'not the standard comment;\n-- Name: fake';
-- A change of what the system's own catalogues grant.
GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_tmpdir() TO zoo_reader;
REVOKE SELECT ON pg_catalog.pg_stat_activity FROM PUBLIC;
GRANT SELECT (usename) ON pg_catalog.pg_stat_activity TO zoo_reader;

ALTER DEFAULT PRIVILEGES FOR ROLE zoo_owner GRANT SELECT ON TABLES TO PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE zoo_owner IN SCHEMA security GRANT INSERT, UPDATE ON TABLES TO zoo_writer WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES FOR ROLE zoo_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE zoo_owner REVOKE USAGE ON TYPES FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE zoo_writer IN SCHEMA security GRANT ALL ON SEQUENCES TO zoo_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE "zoo ""odd; role"" -- " GRANT USAGE ON SCHEMAS TO "{{ zoo }}";
ALTER DEFAULT PRIVILEGES IN SCHEMA security REVOKE ALL ON TABLES FROM CURRENT_USER;
SET ROLE zoo_owner;
CREATE TABLE security.made_under_defaults (a integer);
CREATE FUNCTION security.made_under_defaults() RETURNS integer LANGUAGE sql AS 'SELECT 1';
RESET ROLE;
CREATE TABLE made_by_superuser_under_defaults (a integer);

-- Row security.
CREATE TABLE guarded (id integer, who name DEFAULT CURRENT_USER, level varchar(5));
INSERT INTO guarded VALUES (1, 'zoo_owner', 'low'), (2, 'zoo_reader', 'high'), (3, 'nobody', NULL);
ALTER TABLE guarded OWNER TO zoo_owner;
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
ALTER TABLE guarded FORCE ROW LEVEL SECURITY;
CREATE POLICY permissive ON guarded FOR SELECT TO zoo_reader, zoo_writer USING (who = CURRENT_USER);
CREATE POLICY restrictive ON guarded AS RESTRICTIVE FOR ALL USING (level IN ('low', 'high')) WITH CHECK (id > 0);
CREATE POLICY "odd; ""policy"" -- " ON guarded FOR UPDATE TO "zoo ""odd; role"" -- " USING (id IN (SELECT id FROM security.granted)) WITH CHECK (true);
CREATE POLICY for_insert ON guarded FOR INSERT WITH CHECK (who <> 'x');
CREATE POLICY for_delete ON guarded FOR DELETE TO CURRENT_USER USING (false);
COMMENT ON POLICY permissive ON guarded IS 'CREATE POLICY fake ON guarded;';
CREATE TABLE guarded_but_off (id integer);
CREATE POLICY unused ON guarded_but_off USING (true);
CREATE TABLE enabled_without_policy (id integer);
INSERT INTO enabled_without_policy VALUES (1);
ALTER TABLE enabled_without_policy ENABLE ROW LEVEL SECURITY;
CREATE TABLE forced_but_off (id integer);
ALTER TABLE forced_but_off FORCE ROW LEVEL SECURITY;
