-- New in 17.

CREATE SCHEMA v17;
SET search_path = v17;

CREATE TABLE t (id integer PRIMARY KEY, j jsonb, v varchar(5), i interval);
INSERT INTO t VALUES (1, '{"a": [1, 2], "b": "x"}', 'a', 'infinity'), (2, '[]', 'b', '-infinity');
CREATE VIEW json_asked AS
    SELECT JSON_EXISTS(j, '$.a[*] ? (@ > $x)' PASSING id AS x TRUE ON ERROR) AS e, JSON_VALUE(j, 'strict $.b' RETURNING varchar(3) DEFAULT 'it''s' ON EMPTY NULL ON ERROR) AS v,
           JSON_QUERY(j, '$.a' WITH CONDITIONAL WRAPPER EMPTY OBJECT ON EMPTY ERROR ON ERROR) AS q, JSON_QUERY(j, '$.b' RETURNING text OMIT QUOTES) AS o,
           JSON_SCALAR(id) AS s, JSON_SERIALIZE(j RETURNING bytea) AS z, JSON(v WITH UNIQUE KEYS) AS js
    FROM t;
CREATE VIEW json_rows AS
    SELECT r.* FROM t, JSON_TABLE(j, '$' AS root PASSING id AS x COLUMNS (
        n FOR ORDINALITY, "b b" text PATH '$.b' DEFAULT 'none' ON EMPTY, has boolean EXISTS PATH '$.a' FALSE ON ERROR,
        NESTED PATH '$.a[*]' AS inner_path COLUMNS (a integer PATH '$', q jsonb FORMAT JSON PATH '$' WITH UNCONDITIONAL WRAPPER, k text FORMAT JSON PATH '$' KEEP QUOTES)
    ) EMPTY ON ERROR) AS r;
CREATE FUNCTION merges() RETURNS SETOF text LANGUAGE sql
BEGIN ATOMIC
    MERGE INTO t USING (VALUES (1)) AS y (k) ON t.id = y.k
        WHEN MATCHED THEN UPDATE SET v = 'a'
        WHEN NOT MATCHED BY SOURCE AND t.v IN ('a', 'b') THEN DELETE
        WHEN NOT MATCHED BY TARGET THEN INSERT (id) VALUES (y.k)
        RETURNING merge_action() || t.v;
END;
CREATE TABLE identity_parted (id bigint GENERATED ALWAYS AS IDENTITY, k integer) PARTITION BY LIST (k);
CREATE TABLE identity_parted_1 PARTITION OF identity_parted FOR VALUES IN (1);
CREATE TABLE identity_parted_2 (k integer, id bigint NOT NULL);
ALTER TABLE identity_parted ATTACH PARTITION identity_parted_2 FOR VALUES IN (2);
INSERT INTO identity_parted (k) VALUES (1), (2), (2);
CREATE TABLE excluded_parted (k integer, r int4range, EXCLUDE USING gist (k WITH =, r WITH &&)) PARTITION BY LIST (k);
CREATE TABLE excluded_parted_1 PARTITION OF excluded_parted FOR VALUES IN (1);
INSERT INTO excluded_parted VALUES (1, '[1,3)'), (1, '[3,5)');
CREATE TABLE method_parted (k integer) PARTITION BY LIST (k) USING heap2;
CREATE TABLE method_parted_1 PARTITION OF method_parted FOR VALUES IN (1);
CREATE TABLE method_parted_2 PARTITION OF method_parted FOR VALUES IN (2) USING heap;
CREATE COLLATION builtin (PROVIDER = builtin, LOCALE = 'C.UTF-8');
CREATE COLLATION builtin_c (PROVIDER = builtin, LOCALE = 'C');
CREATE TABLE collated (t text COLLATE builtin, u text COLLATE builtin_c);
INSERT INTO collated VALUES ('Điều', 'x');
CREATE INDEX collated_upper ON collated (upper(t), u);
GRANT MAINTAIN ON TABLE t TO zoo_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE zoo_owner IN SCHEMA v17 GRANT MAINTAIN ON TABLES TO zoo_writer;
CREATE STATISTICS reset ON id, v FROM t;
ALTER STATISTICS reset SET STATISTICS DEFAULT;
CREATE SUBSCRIPTION v17_subscription CONNECTION 'host=nowhere.invalid' PUBLICATION a WITH (connect = false, slot_name = NONE, failover = true);
CREATE VIEW at_local AS SELECT timestamp '2024-01-01 00:00' AT LOCAL AS l FROM t;
-- It fires at every connection, and does nothing.
CREATE FUNCTION at_login() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM 1; END';
CREATE EVENT TRIGGER at_login ON login EXECUTE FUNCTION at_login();
