-- Roles, a tablespace and extensions: what the other files build on. Run by psql as the bootstrap superuser
-- workflow_admin, in the empty database directus.
\set ON_ERROR_STOP 1
SET client_min_messages = warning;
SELECT current_setting('server_version_num')::int >= 160000 AS v16 \gset

CREATE ROLE directus LOGIN INHERIT;
CREATE ROLE directus_readers NOLOGIN;
CREATE ROLE cut_auditor NOLOGIN NOINHERIT BYPASSRLS;
CREATE ROLE "Läsare ""Nord""" NOLOGIN;
GRANT directus_readers TO directus WITH ADMIN OPTION;
\if :v16
GRANT directus_readers TO cut_auditor WITH INHERIT TRUE, SET FALSE;
\else
GRANT directus_readers TO cut_auditor;
\endif
GRANT "Läsare ""Nord""" TO cut_auditor;
COMMENT ON ROLE cut_auditor IS 'reads cutter_governance, owns nothing';

-- In place: no directory of the host is named.
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE "slow disk" OWNER directus LOCATION '';

CREATE SCHEMA extensions;
COMMENT ON SCHEMA extensions IS 'contrib, kept out of public';
CREATE EXTENSION pg_trgm SCHEMA extensions;
CREATE EXTENSION hstore SCHEMA extensions;
CREATE EXTENSION btree_gist SCHEMA extensions;
CREATE EXTENSION citext SCHEMA extensions;
CREATE EXTENSION postgres_fdw SCHEMA extensions;
GRANT USAGE ON SCHEMA extensions TO PUBLIC;

GRANT CREATE, USAGE ON SCHEMA public TO directus;
GRANT USAGE ON SCHEMA public TO directus_readers;
