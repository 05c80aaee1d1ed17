-- Functions, procedures, aggregates, operators, casts, languages, conversions, text search, triggers, rules.

CREATE SCHEMA programs;
SET search_path = programs;

-- Bodies that read like a dump.
CREATE FUNCTION writes_a_dump() RETURNS text LANGUAGE plpgsql AS $body$
BEGIN
    -- Name: fake; Type: TABLE; Schema: public; Owner: postgres
    RETURN $q$
CREATE TABLE fake (a integer);
COPY public.fake (a) FROM stdin;
1
\.
SELECT pg_catalog.setval('public.fake_seq', 1, true);
--
-- PostgreSQL database dump complete
--

\connect template1
\! true
\unrestrict x
$q$;
END
$body$;
-- Not one that is named begin: see unrestorable.sql. A parameter and a column may be.
CREATE FUNCTION "Begin"(begin integer DEFAULT 1) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE TABLE begin (begin integer, "end" text, atomic text);
INSERT INTO begin VALUES (1, 'end;', 'begin atomic');
CREATE FUNCTION "end"() RETURNS integer LANGUAGE sql
BEGIN ATOMIC
    SELECT CASE WHEN programs."Begin"() = 1 THEN 2 ELSE 3 END;
END;
CREATE FUNCTION nested_case("select" integer) RETURNS text LANGUAGE sql
BEGIN ATOMIC
    SELECT ';' AS "end", '$$' AS "atomic";
    SELECT CASE "select" WHEN 1 THEN CASE WHEN true THEN 'begin; end;' ELSE 'END' END END;
END;
CREATE FUNCTION quoted_body() RETURNS text LANGUAGE sql AS 'SELECT ''it''''s $$ $_$ $body$ \\.''::text';
CREATE FUNCTION dollars(a text DEFAULT '$$', b text DEFAULT E'\\''') RETURNS text LANGUAGE sql AS $x$SELECT $1 || $2 || '$_$ $$ $a$'$x$;
CREATE FUNCTION empty_body() RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION carriage_returns() RETURNS integer LANGUAGE plpgsql AS E'BEGIN\r\n    RETURN 1; -- \\.\r\nEND\r\n';

CREATE FUNCTION arguments(
    a integer, INOUT b text, OUT "C c" numeric, d types.mood DEFAULT 'ok', e varchar[] DEFAULT '{a,b}', VARIADIC f integer[] DEFAULT '{}'
) LANGUAGE plpgsql AS $$ BEGIN "C c" := a; END $$;
CREATE FUNCTION arguments(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION settings(text) RETURNS text LANGUAGE sql
    IMMUTABLE STRICT LEAKPROOF SECURITY DEFINER PARALLEL SAFE COST 12.5
    SET search_path = pg_catalog, programs, "odd; schema" SET timezone = 'UTC' SET datestyle TO 'SQL, DMY' SET work_mem = '1MB'
    SET "zoo.custom" = 'it''s \ "x"'
    AS 'SELECT $1';
CREATE FUNCTION of_rows(n integer) RETURNS TABLE (a integer, "b b" text) LANGUAGE plpgsql ROWS 17 STABLE AS $$ BEGIN RETURN QUERY SELECT n, 'x'; END $$;
CREATE FUNCTION of_records() RETURNS SETOF record LANGUAGE sql AS 'SELECT 1, 2';
CREATE FUNCTION polymorphic(anyelement, anyarray, anycompatible DEFAULT NULL) RETURNS anyarray LANGUAGE sql AS 'SELECT $2 || $1';
CREATE FUNCTION supported(integer, integer) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT SUPPORT generate_series_int4_support AS 'int4eq';
CREATE FUNCTION my_row_number() RETURNS bigint LANGUAGE internal WINDOW IMMUTABLE AS 'window_row_number';
CREATE FUNCTION takes_row(tables.indexed) RETURNS text LANGUAGE sql AS 'SELECT $1.t';
CREATE PROCEDURE proc(IN a integer, OUT c text, INOUT b integer DEFAULT 2) LANGUAGE plpgsql AS $$ BEGIN c := a + b; COMMIT; END $$;
CREATE PROCEDURE proc_definer() LANGUAGE sql SECURITY DEFINER SET search_path = '' AS '';
-- A body whose statement groups by a primary key: it comes after the key in a dump.
CREATE FUNCTION after_the_key() RETURNS bigint LANGUAGE sql
BEGIN ATOMIC
    SELECT count(*) FROM (SELECT id, name FROM views.base GROUP BY id) AS g;
END;

-- Languages and transforms.
CREATE FUNCTION language_handler() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE FUNCTION language_inline(internal) RETURNS void LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_inline_handler';
CREATE FUNCTION language_validator(oid) RETURNS void LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_validator';
CREATE TRUSTED LANGUAGE "plpgsql; too" HANDLER language_handler INLINE language_inline VALIDATOR language_validator;
COMMENT ON LANGUAGE "plpgsql; too" IS 'plpgsql by another name';
GRANT USAGE ON LANGUAGE "plpgsql; too" TO zoo_reader;
CREATE FUNCTION in_other_language() RETURNS integer LANGUAGE "plpgsql; too" AS 'BEGIN RETURN 1; END';
CREATE TRANSFORM FOR integer LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal), TO SQL WITH FUNCTION int4recv(internal));
CREATE FUNCTION transformed(integer) RETURNS integer LANGUAGE sql TRANSFORM FOR TYPE integer AS 'SELECT $1';

-- Aggregates: plain, moving, parallel, ordered-set, hypothetical, variadic, without arguments.
CREATE AGGREGATE total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0', COMBINEFUNC = int4pl, PARALLEL = safe, SORTOP = >);
CREATE AGGREGATE moving(float8) (SFUNC = float8pl, STYPE = float8, MSFUNC = float8pl, MINVFUNC = float8mi, MSTYPE = float8, MINITCOND = '0', FINALFUNC = float8abs, FINALFUNC_MODIFY = read_only);
CREATE AGGREGATE middle(float8 ORDER BY anyelement) (SFUNC = ordered_set_transition, STYPE = internal, SSPACE = 64, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA, FINALFUNC_MODIFY = read_write);
CREATE AGGREGATE my_rank(VARIADIC "any" ORDER BY VARIADIC "any") (SFUNC = ordered_set_transition_multi, STYPE = internal, FINALFUNC = rank_final, FINALFUNC_EXTRA, HYPOTHETICAL);
CREATE AGGREGATE my_count(*) (SFUNC = int8inc, STYPE = bigint, INITCOND = '0');
CREATE AGGREGATE serialised(numeric) (SFUNC = numeric_avg_accum, STYPE = internal, FINALFUNC = numeric_avg, COMBINEFUNC = numeric_avg_combine, SERIALFUNC = numeric_avg_serialize, DESERIALFUNC = numeric_avg_deserialize);
COMMENT ON AGGREGATE total(integer) IS 'sum, by hand';

-- Operators, families and classes.
CREATE FUNCTION near(numeric, numeric) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT abs($1 - $2) < 1';
CREATE OPERATOR ~=~ (LEFTARG = numeric, RIGHTARG = numeric, FUNCTION = near, COMMUTATOR = ~=~, NEGATOR = !~=~, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES);
CREATE FUNCTION not_near(numeric, numeric) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT NOT abs($1 - $2) < 1';
CREATE OPERATOR !~=~ (LEFTARG = numeric, RIGHTARG = numeric, FUNCTION = not_near, COMMUTATOR = !~=~, NEGATOR = ~=~);
CREATE OPERATOR #! (RIGHTARG = bigint, FUNCTION = int8um);
COMMENT ON OPERATOR #! (NONE, bigint) IS 'a prefix operator';
COMMENT ON OPERATOR ~=~ (numeric, numeric) IS 'near; --';
CREATE OPERATOR FAMILY integers USING btree;
CREATE OPERATOR CLASS int8_down FOR TYPE bigint USING btree FAMILY integers AS
    OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 btint8cmp(bigint, bigint);
ALTER OPERATOR FAMILY integers USING btree ADD
    OPERATOR 1 > (integer, bigint), OPERATOR 3 = (integer, bigint), FUNCTION 1 (integer, bigint) btint48cmp(integer, bigint);
CREATE OPERATOR FAMILY loose USING gist;
CREATE OPERATOR CLASS int4_hashed FOR TYPE integer USING hash AS OPERATOR 1 =, FUNCTION 1 hashint4(integer), FUNCTION 2 hashint4extended(integer, bigint);
CREATE OPERATOR CLASS int4_in_gin FOR TYPE integer[] USING gin AS OPERATOR 1 &&(anyarray, anyarray), FUNCTION 1 (integer[], integer[]) btint4cmp(integer, integer), FUNCTION 2 ginarrayextract(anyarray, internal, internal), FUNCTION 3 ginqueryarrayextract(anyarray, internal, smallint, internal, internal, internal, internal), FUNCTION 4 ginarrayconsistent(internal, smallint, anyarray, integer, internal, internal, internal, internal), STORAGE integer;
CREATE TABLE uses_classes (b bigint, i integer, a integer[]);
INSERT INTO uses_classes SELECT n, n, ARRAY[n] FROM generate_series(1, 30) AS n;
CREATE INDEX uses_down ON uses_classes (b int8_down);
CREATE INDEX uses_hashed ON uses_classes USING hash (i int4_hashed);
CREATE INDEX uses_gin ON uses_classes USING gin (a int4_in_gin);
CREATE TABLE hashed (i integer) PARTITION BY HASH (i int4_hashed);
CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 1, REMAINDER 0);
INSERT INTO hashed SELECT generate_series(1, 5);

-- Casts.
CREATE FUNCTION mood_number(types.mood) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT CASE $1::text WHEN 'sad' THEN 1 ELSE 2 END $$;
CREATE CAST (types.mood AS integer) WITH FUNCTION mood_number(types.mood) AS ASSIGNMENT;
CREATE CAST (types.int42 AS integer) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (types.mood AS json) WITH INOUT;
CREATE FUNCTION pair_text(types.pair, integer, boolean) RETURNS varchar LANGUAGE sql IMMUTABLE AS 'SELECT ''pair''';
CREATE CAST (types.pair AS varchar) WITH FUNCTION pair_text(types.pair, integer, boolean);
COMMENT ON CAST (types.mood AS json) IS 'through text';

-- Conversions and collations.
CREATE CONVERSION latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE DEFAULT CONVERSION "latin; default" FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1;
COMMENT ON CONVERSION latin IS 'not the default one';
CREATE COLLATION posix (LOCALE = 'POSIX');
CREATE COLLATION c_and_posix (LC_COLLATE = 'C', LC_CTYPE = 'POSIX');
CREATE COLLATION "copy; of C" FROM "C";
CREATE TABLE collated (a text COLLATE posix, b text COLLATE "copy; of C", c varchar(5) COLLATE c_and_posix);
INSERT INTO collated VALUES ('a', 'B', 'c');
CREATE INDEX collated_index ON collated (a COLLATE "C", b);

-- Text search.
CREATE TEXT SEARCH PARSER parser (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype, HEADLINE = prsd_headline);
CREATE TEXT SEARCH TEMPLATE template (INIT = dsimple_init, LEXIZE = dsimple_lexize);
CREATE TEXT SEARCH DICTIONARY plain (TEMPLATE = template, ACCEPT = false);
CREATE TEXT SEARCH DICTIONARY "stem; english" (TEMPLATE = pg_catalog.snowball, LANGUAGE = english, STOPWORDS = english);
CREATE TEXT SEARCH DICTIONARY synonyms (TEMPLATE = pg_catalog.synonym, SYNONYMS = synonym_sample, CASESENSITIVE = true);
CREATE TEXT SEARCH CONFIGURATION of_parser (PARSER = parser);
CREATE TEXT SEARCH CONFIGURATION "english; too" (COPY = english);
ALTER TEXT SEARCH CONFIGURATION "english; too" ALTER MAPPING FOR asciiword, word WITH synonyms, plain, "stem; english", simple;
ALTER TEXT SEARCH CONFIGURATION "english; too" DROP MAPPING FOR email, url;
ALTER TEXT SEARCH CONFIGURATION of_parser ADD MAPPING FOR asciiword WITH simple;
COMMENT ON TEXT SEARCH CONFIGURATION of_parser IS 'c';
COMMENT ON TEXT SEARCH DICTIONARY plain IS 'd';
COMMENT ON TEXT SEARCH PARSER parser IS 'p';
COMMENT ON TEXT SEARCH TEMPLATE template IS 't';
CREATE TABLE searched (t text, v tsvector GENERATED ALWAYS AS (to_tsvector('programs."english; too"'::regconfig, t)) STORED);
INSERT INTO searched (t) VALUES ('postgres the cats postgresql');
CREATE INDEX searched_index ON searched USING gin (to_tsvector('programs."english; too"'::regconfig, t));

-- Triggers of every kind.
CREATE TABLE watched (id integer PRIMARY KEY, t text, n integer);
CREATE TABLE watch_log (id serial, what text, who text);
CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO programs.watch_log (what, who) VALUES (TG_OP || ' ' || TG_NAME, COALESCE(TG_ARGV[0], '-'));
    RETURN COALESCE(NEW, OLD);
END $$;
CREATE FUNCTION watch_statement() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER plain AFTER INSERT OR DELETE ON watched FOR EACH ROW EXECUTE FUNCTION watch();
CREATE TRIGGER disabled BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION watch('disabled');
ALTER TABLE watched DISABLE TRIGGER disabled;
CREATE TRIGGER always AFTER UPDATE ON watched FOR EACH ROW EXECUTE FUNCTION watch('always', '', E'it''s \\ \n\ttab \\.');
ALTER TABLE watched ENABLE ALWAYS TRIGGER always;
CREATE TRIGGER replica AFTER UPDATE ON watched FOR EACH ROW EXECUTE FUNCTION watch();
ALTER TABLE watched ENABLE REPLICA TRIGGER replica;
CREATE TRIGGER of_columns BEFORE UPDATE OF t, n ON watched FOR EACH ROW WHEN (OLD.t IS DISTINCT FROM NEW.t OR NEW.n > 3) EXECUTE FUNCTION watch();
CREATE CONSTRAINT TRIGGER deferred AFTER INSERT OR UPDATE ON watched FROM tables.indexed DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.n < 0) EXECUTE FUNCTION watch();
CREATE TRIGGER transition AFTER UPDATE ON watched REFERENCING OLD TABLE AS old_rows NEW TABLE AS "new; rows" FOR EACH STATEMENT EXECUTE FUNCTION watch_statement();
CREATE TRIGGER truncated BEFORE TRUNCATE ON watched FOR EACH STATEMENT EXECUTE FUNCTION watch_statement();
CREATE TRIGGER "odd; ""name""" AFTER INSERT ON watched FOR EACH ROW EXECUTE FUNCTION watch();
CREATE TRIGGER touches BEFORE UPDATE ON watched FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
COMMENT ON TRIGGER plain ON watched IS 'CREATE TRIGGER fake';
INSERT INTO watched VALUES (1, 'a', 1), (2, 'b', 2);
UPDATE watched SET t = t || 'x';
DELETE FROM watched WHERE id = 2;
CREATE TRIGGER on_parts AFTER INSERT ON tables.parts FOR EACH ROW EXECUTE FUNCTION watch('parts');
CREATE TRIGGER on_parts_too AFTER UPDATE ON tables.parts FOR EACH ROW EXECUTE FUNCTION watch('parts');
ALTER TABLE tables.parts_1 DISABLE TRIGGER on_parts;
ALTER TABLE tables.parts_2 ENABLE ALWAYS TRIGGER on_parts_too;
CREATE VIEW watched_view AS SELECT * FROM watched;
CREATE TRIGGER instead INSTEAD OF INSERT OR UPDATE OR DELETE ON watched_view FOR EACH ROW EXECUTE FUNCTION watch('view');

-- Rules.
CREATE TABLE ruled (id integer, t text);
CREATE RULE nothing AS ON DELETE TO ruled DO INSTEAD NOTHING;
CREATE RULE several AS ON INSERT TO ruled WHERE NEW.id > 100 DO ALSO (
    INSERT INTO watch_log (what) VALUES (NEW.t || '; '); UPDATE watched SET n = NEW.id WHERE watched.id = NEW.id
);
CREATE RULE disabled AS ON UPDATE TO ruled DO ALSO NOTIFY "odd; channel", 'it''s';
ALTER TABLE ruled DISABLE RULE disabled;
CREATE RULE always AS ON UPDATE TO ruled WHERE OLD.t <> NEW.t DO INSTEAD SELECT OLD.*, NEW.t;
ALTER TABLE ruled ENABLE ALWAYS RULE always;
COMMENT ON RULE nothing ON ruled IS 'CREATE RULE fake AS';
INSERT INTO ruled VALUES (1, 'a'), (101, 'b');
CREATE VIEW ruled_view AS SELECT id, t FROM ruled;
CREATE RULE ruled_insert AS ON INSERT TO ruled_view DO INSTEAD INSERT INTO ruled VALUES (NEW.id, NEW.t) RETURNING ruled.id, upper(ruled.t);
CREATE RULE "_RETURN_not" AS ON DELETE TO ruled_view DO INSTEAD DELETE FROM ruled WHERE ruled.id = OLD.id;
