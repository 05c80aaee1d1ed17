-- New in 18.

CREATE SCHEMA v18;
SET search_path = v18;

CREATE TABLE virtual (
    id integer, v varchar(5), g integer GENERATED ALWAYS AS (id * 2) VIRTUAL, ab boolean GENERATED ALWAYS AS (v IN ('a', 'b')) VIRTUAL,
    plain integer GENERATED ALWAYS AS (id + 1), CHECK (g < 1000), s integer GENERATED ALWAYS AS (id * 3) STORED
);
INSERT INTO virtual (id, v) VALUES (1, 'a'), (NULL, NULL);
CREATE TABLE virtual_only (g integer GENERATED ALWAYS AS (1) VIRTUAL);
INSERT INTO virtual_only DEFAULT VALUES;
CREATE TABLE room (id integer, during daterange, PRIMARY KEY (id, during WITHOUT OVERLAPS));
CREATE TABLE booking (id integer, room integer, during daterange, UNIQUE (id, during WITHOUT OVERLAPS),
    FOREIGN KEY (room, PERIOD during) REFERENCES room (id, PERIOD during));
INSERT INTO room VALUES (1, '[2024-01-01,2025-01-01)'), (1, '[2025-01-01,)');
INSERT INTO booking VALUES (1, 1, '[2024-06-01,2025-06-01)');
CREATE TABLE loose (
    id integer CONSTRAINT named_not_null NOT NULL, a integer, b integer CHECK (b > 0) NOT ENFORCED,
    room integer, during daterange, up integer
);
INSERT INTO loose VALUES (1, NULL, -1), (2, 2, 2);
ALTER TABLE loose ADD CONSTRAINT a_later NOT NULL a NOT VALID;
ALTER TABLE loose ADD PRIMARY KEY (id);
ALTER TABLE loose ADD CONSTRAINT up_loose FOREIGN KEY (up) REFERENCES loose NOT ENFORCED;
COMMENT ON CONSTRAINT named_not_null ON loose IS 'a constraint of its own since 18';
-- A copy of a table takes the names of its constraints along. Restored first, it takes them from the original, whose
-- constraints then get other names: pg_dump leaves names that PostgreSQL would give out.
CREATE TABLE named_by_server (id integer NOT NULL, t text NOT NULL);
CREATE TABLE a_copy (LIKE named_by_server INCLUDING ALL);
CREATE TABLE parent (a integer CONSTRAINT here_only NOT NULL NO INHERIT, b integer CONSTRAINT below_too NOT NULL);
CREATE TABLE child (c integer) INHERITS (parent);
CREATE TABLE child_renamed (b integer CONSTRAINT other_name NOT NULL) INHERITS (parent);
INSERT INTO child VALUES (NULL, 1, 1);
CREATE FUNCTION returns_old() RETURNS SETOF text LANGUAGE sql
BEGIN ATOMIC
    UPDATE loose SET a = 1 WHERE id = 1 RETURNING WITH (OLD AS o, NEW AS n) o.a::text || n.a;
END;
CREATE FUNCTION returns_new() RETURNS integer LANGUAGE sql BEGIN ATOMIC INSERT INTO loose (id, a) VALUES (9, 9) RETURNING new.id; END;
CREATE COLLATION builtin_unicode (PROVIDER = builtin, LOCALE = 'PG_UNICODE_FAST');
CREATE TABLE uuids (u uuid DEFAULT uuidv7(), c text COLLATE builtin_unicode DEFAULT casefold('Straße'));
INSERT INTO uuids VALUES ('01890000-0000-7000-8000-000000000000', DEFAULT);
CREATE PUBLICATION v18_generated FOR TABLE virtual WITH (publish_generated_columns = stored, publish = 'insert');
CREATE VIEW group_of AS SELECT id, a, count(*) FROM loose GROUP BY id;
CREATE VIEW any_varchar AS SELECT v IN ('a', 'b') AS ab, array_sort(ARRAY[v, 'x']) AS s FROM virtual;
GRANT SELECT ON LARGE OBJECT 4000001 TO zoo_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE zoo_owner GRANT SELECT ON LARGE OBJECTS TO zoo_reader;
