-- Large objects: empty, small, with a hole, with owner, privileges and comment.

SELECT lo_create(4000001);
SELECT lo_from_bytea(4000002, decode('00ff5c2e0a', 'hex'));
SELECT lo_create(4000003);
SELECT lo_put(4000003, 0, 'start');
SELECT lo_put(4000003, 3 * 1024 * 1024 - 1, '\x01');
SELECT lo_from_bytea(4000004, convert_to(E'COPY fake FROM stdin;\n\\.\nSELECT pg_catalog.lo_create(''1'');\n', 'UTF8'));
SELECT lo_from_bytea(4294967295, 'the last one');
ALTER LARGE OBJECT 4000002 OWNER TO zoo_owner;
GRANT SELECT ON LARGE OBJECT 4000002 TO zoo_reader;
GRANT SELECT, UPDATE ON LARGE OBJECT 4000003 TO zoo_owner WITH GRANT OPTION;
REVOKE ALL ON LARGE OBJECT 4000004 FROM CURRENT_USER;
COMMENT ON LARGE OBJECT 4000001 IS E'empty; ''really''\n\\.';
COMMENT ON LARGE OBJECT 4000002 IS '{{ 1/0 }}';
