-- Publications, subscriptions and event triggers. The last ones: they act on what is done after them.
-- Publications publish inserts only: an update of a table without replica identity is refused otherwise.

CREATE SCHEMA replication;
SET search_path = replication;

CREATE TABLE published (id integer PRIMARY KEY, t text, n integer);
INSERT INTO published VALUES (1, 'a', 1);
CREATE PUBLICATION of_tables FOR TABLE published, ONLY partitions.parent, partitions.sales WITH (publish = 'insert', publish_via_partition_root = true);
CREATE PUBLICATION "of all; ""tables""" FOR ALL TABLES WITH (publish = 'insert, truncate');
CREATE PUBLICATION of_nothing WITH (publish = '');
ALTER PUBLICATION of_tables OWNER TO zoo_superuser;
COMMENT ON PUBLICATION of_tables IS 'CREATE PUBLICATION fake FOR ALL TABLES;';
CREATE SUBSCRIPTION "sub; scription" CONNECTION 'host=nowhere.invalid dbname=x password=''it\''s''' PUBLICATION a, "b; c"
    WITH (connect = false, enabled = false, create_slot = false, slot_name = NONE, synchronous_commit = remote_apply, binary = true);
CREATE SUBSCRIPTION with_slot CONNECTION 'host=nowhere.invalid dbname=x' PUBLICATION a WITH (connect = false, slot_name = 'a_slot');
COMMENT ON SUBSCRIPTION with_slot IS 'never connected';

-- One that writes: a restore that lets it fire has rows that production has not.
CREATE TABLE ddl_log (id serial PRIMARY KEY, tag text);
CREATE FUNCTION log_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO replication.ddl_log (tag) VALUES (TG_TAG); END $$;
CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused: %', TG_TAG; END $$;
CREATE FUNCTION look() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM 1; END $$;
CREATE EVENT TRIGGER disabled ON ddl_command_start EXECUTE FUNCTION refuse();
ALTER EVENT TRIGGER disabled DISABLE;
CREATE EVENT TRIGGER "writes; ""rows""" ON ddl_command_end EXECUTE FUNCTION log_ddl();
COMMENT ON EVENT TRIGGER "writes; ""rows""" IS 'and its own comment is a command, too';
CREATE EVENT TRIGGER tagged ON sql_drop WHEN TAG IN ('DROP TABLE', 'DROP VIEW') EXECUTE FUNCTION refuse();
CREATE EVENT TRIGGER rewritten ON table_rewrite EXECUTE FUNCTION look();
ALTER EVENT TRIGGER rewritten ENABLE REPLICA;
-- Not even session_replication_role stops it; it does nothing.
CREATE EVENT TRIGGER always ON ddl_command_end EXECUTE FUNCTION look();
ALTER EVENT TRIGGER always ENABLE ALWAYS;
