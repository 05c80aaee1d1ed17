-- A comment on everything that did not get one where it was made.

COMMENT ON TABLE tables.settings IS E'-- Name: fake; Type: TABLE; Schema: public; Owner: x\n--\n\nCREATE TABLE fake (a integer);\n\nCOPY public.fake (a) FROM stdin;\n1\n\\.\n';
COMMENT ON COLUMN tables.settings.id IS '\connect template1';
COMMENT ON COLUMN tables.indexed.t IS '{{ 1/0 }}';
COMMENT ON INDEX tables.indexed_id IS 'CREATE INDEX fake ON x;';
COMMENT ON CONSTRAINT "is > 0" ON DOMAIN types.positive IS 'of a domain';
COMMENT ON DOMAIN types.state IS 'Điều';
COMMENT ON TYPE types.mood IS '$$';
COMMENT ON TYPE types.pair IS E'a\r\nb';
COMMENT ON TYPE types.int42 IS 'a base type';
COMMENT ON TYPE types.float_range IS 'a range';
COMMENT ON TYPE types.shell IS 'only a shell';
COMMENT ON STATISTICS tables.indexed_all IS 'it''s';
COMMENT ON FUNCTION programs.writes_a_dump() IS E'\\.';
COMMENT ON PROCEDURE programs.proc_definer() IS '/* never closed';
COMMENT ON OPERATOR CLASS programs.int8_down USING btree IS 'c';
COMMENT ON OPERATOR FAMILY programs.integers USING btree IS 'f';
COMMENT ON OPERATOR FAMILY programs.loose USING gist IS 'nothing in it';
COMMENT ON COLLATION programs.posix IS 'a collation';
COMMENT ON TRANSFORM FOR integer LANGUAGE sql IS 'a transform';
COMMENT ON VIEW views.plain IS 'SELECT 1; --';
COMMENT ON SCHEMA "line
break; -- Name: x; Type: SCHEMA; Schema: -; Owner: -
\.
" IS E'\n\\.\n';
COMMENT ON TABLE partitions.sales IS 'a partitioned table';
COMMENT ON TABLE partitions.sales_2024_us_1 IS 'a leaf';
COMMENT ON INDEX partitions.sales_region IS 'a partitioned index';
COMMENT ON INDEX tables.parts_pkey IS 'of a constraint';
COMMENT ON CONSTRAINT far ON tables.constrained IS 'a foreign key';
COMMENT ON CONSTRAINT "primary; key" ON tables.constrained IS 'a primary key';
COMMENT ON COLUMN types.typed.i IS 'of a typed table';
COMMENT ON TABLE limits.no_columns IS '';
COMMENT ON FUNCTION names.same(integer) IS 'one';
COMMENT ON FUNCTION names.same(text) IS 'the other';
COMMENT ON LANGUAGE plpgsql IS 'an extension''s member';
