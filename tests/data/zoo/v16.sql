-- New in 16.

CREATE SCHEMA v16;
SET search_path = v16;

CREATE TABLE t (id integer PRIMARY KEY, j jsonb, v varchar(5), s text STORAGE EXTERNAL COMPRESSION pglz);
INSERT INTO t VALUES (1, '{"a": 1}', 'a', repeat('x', 3000)), (2, NULL, NULL, NULL);
CREATE VIEW json_made AS
    SELECT JSON_OBJECT('k' VALUE v, 'it''s': j NULL ON NULL WITH UNIQUE KEYS RETURNING jsonb) AS o, JSON_ARRAY(v, id, 'x' ABSENT ON NULL) AS a,
           JSON_ARRAY(SELECT id FROM t ORDER BY id RETURNING text) AS aq, v IS JSON AS ij, v IS NOT JSON OBJECT WITH UNIQUE KEYS AS ijo,
           j::text IS JSON ARRAY AS ija, JSON_OBJECT() AS e
    FROM t;
CREATE VIEW json_aggregated AS
    SELECT JSON_OBJECTAGG(id: v ABSENT ON NULL WITH UNIQUE KEYS) FILTER (WHERE v IN ('a', 'b')) AS o,
           JSON_ARRAYAGG(v ORDER BY id DESC NULL ON NULL RETURNING jsonb) AS a, any_value(id) AS av
    FROM t;
CREATE TABLE checked (t text CHECK (t IS JSON OBJECT), n integer DEFAULT 0x1F, u integer DEFAULT 1_000_000);
INSERT INTO checked VALUES ('{}'), ('{ "a" : 1 }');
CREATE VIEW literals AS SELECT 0xFF AS h, 0o17 AS o, 0b101 AS b, 1_000.5 AS u, system_user AS su;
CREATE VIEW unnamed_subquery AS SELECT * FROM (SELECT id, v IN ('a', 'b') AS ab FROM t);
CREATE STATISTICS ON id, v FROM t;
CREATE SUBSCRIPTION v16_subscription CONNECTION 'host=nowhere.invalid' PUBLICATION a
    WITH (connect = false, slot_name = NONE, streaming = parallel, origin = none, password_required = false, run_as_owner = true);
