-- Names that read like something else.

CREATE SCHEMA "select";
CREATE TABLE "select"."table" ("from" integer PRIMARY KEY, "where" text DEFAULT 'order by', "order" integer REFERENCES "select"."table");
INSERT INTO "select"."table" VALUES (1, DEFAULT, NULL), (2, 'x', 1);
CREATE TABLE "select"."order" (LIKE "select"."table" INCLUDING ALL);
CREATE VIEW "select"."view" AS SELECT "from", "where" FROM "select"."table" AS "as" WHERE "as"."order" IS NULL;
CREATE INDEX "index" ON "select"."table" ("where");
CREATE SEQUENCE "select"."sequence";

CREATE SCHEMA "odd; schema";
CREATE SCHEMA "a.b";
CREATE SCHEMA "UPPER ""quoted""";
CREATE SCHEMA E_name;
CREATE SCHEMA "line
break; -- Name: x; Type: SCHEMA; Schema: -; Owner: -
\.
";
CREATE SCHEMA " ";
CREATE SCHEMA "{{ 1/0 }}";
CREATE SCHEMA "Điều 44 😀";
CREATE SCHEMA "*";
CREATE SCHEMA "$user";
CREATE SCHEMA "pg""_x";

CREATE TABLE "a.b"."c.d" ("e.f" integer, "g" text);
INSERT INTO "a.b"."c.d" VALUES (1, 'x');
CREATE TABLE "odd; schema"."t" (a integer);
INSERT INTO "odd; schema"."t" VALUES (1);
CREATE TABLE " "." " (" " integer, "  " text);
INSERT INTO " "." " VALUES (1, ' ');
CREATE TABLE "{{ 1/0 }}"."{{ lookup('pipe', 'false') }}" ("{{ a }}" integer, "{% b %}" text, "{# c #}" text DEFAULT '{{ 1/0 }}');
INSERT INTO "{{ 1/0 }}"."{{ lookup('pipe', 'false') }}" VALUES (1, '{{ 1/0 }}');
CREATE TABLE "Điều 44 😀"."Khoản" ("số" integer, "nội dung" text);
INSERT INTO "Điều 44 😀"."Khoản" VALUES (1, 'Điều');
CREATE TABLE "*"."*" ("*" integer, "?" text, "!" text, "[a-z]" text);
INSERT INTO "*"."*" VALUES (1);
CREATE TABLE "line
break; -- Name: x; Type: SCHEMA; Schema: -; Owner: -
\.
"."
" ("
" integer, "a
\.
b" text);
INSERT INTO "line
break; -- Name: x; Type: SCHEMA; Schema: -; Owner: -
\.
"."
" VALUES (1, E'\n\\.\n');

CREATE SCHEMA names;
SET search_path = names;
CREATE TABLE "partition.by" (a integer);
CREATE TABLE "t; Type: TABLE; Schema: names; Owner: x" (a integer);
INSERT INTO "t; Type: TABLE; Schema: names; Owner: x" VALUES (1);
CREATE TABLE "t -- ; Type: TABLE; Schema: x" (a integer, "b -- ; Type: x" text);
INSERT INTO "t -- ; Type: TABLE; Schema: x" VALUES (1, '--');
CREATE TABLE "quote "" and ' and ` and $$ and \ and /* and */ and %s %" ("q "" '" integer, "\\" text, "$$" text, "%" text, "/*" text);
INSERT INTO "quote "" and ' and ` and $$ and \ and /* and */ and %s %" VALUES (1, '\', '$$', '%s', '*/');
CREATE TABLE "t (a, b) FROM stdin;" ("a) FROM stdin;" integer, "b, c" integer);
INSERT INTO "t (a, b) FROM stdin;" VALUES (1, 2);
CREATE TABLE "COPY x FROM stdin;
1
\.
" (a integer);
INSERT INTO "COPY x FROM stdin;
1
\.
" VALUES (1), (2);
CREATE TABLE "	tab	" ("	" integer);
INSERT INTO "	tab	" VALUES (1);
CREATE TABLE "trailing " (a integer);
CREATE TABLE " leading" (a integer);
CREATE TABLE "case" (a integer);
CREATE TABLE "CASE" (a integer, "A" integer, "Á" integer);
INSERT INTO "CASE" VALUES (1, 2, 3);
CREATE TABLE "123" ("456" integer);
CREATE TABLE "a_name_of_63_bytes_____________________________________________x" (a integer);
CREATE TABLE "ĐĐĐĐĐĐĐĐĐĐĐĐĐĐĐĐĐĐĐĐĐĐĐĐĐĐĐĐĐĐx" (a integer);
CREATE TABLE "composed é" (a integer);
INSERT INTO "composed é" VALUES (1);
DO $$ BEGIN
    EXECUTE format('CREATE TABLE names.%I (a integer)', E'composed e\u0301');
    EXECUTE format('CREATE TABLE names.%I (%I integer, b text)', E'carriage\rreturn', E'a\r\nb');
    EXECUTE format('INSERT INTO names.%I VALUES (1, %L)', E'carriage\rreturn', E'\r\n');
    EXECUTE format('CREATE TABLE names.%I (%I integer)', E'bell\u0007 escape\u001b[31m nbsp\u00a0 rtl\u202e zero\u200b', E'\u0001');
    EXECUTE format('COMMENT ON TABLE names.%I IS %L', E'carriage\rreturn', E'a\rb\r\nc');
END $$;
CREATE TABLE "xmin too" ("Ctid" integer, "oid" integer, "tableoid " integer);
INSERT INTO "xmin too" VALUES (1, 2, 3);
CREATE TABLE "null" ("null" integer, "true" boolean, "default" text DEFAULT NULL, "user" text, "end" integer, "column" integer, "only" integer);
INSERT INTO "null" VALUES (NULL, true, NULL, 'u', 1, 2, 3);
CREATE INDEX "index; odd
name -- " ON "null" ("null") WHERE "true";
ALTER TABLE "null" ADD CONSTRAINT "constraint; odd
name \. """ CHECK ("end" > 0);
CREATE FUNCTION "function; ""odd""
-- name"("a;b" integer DEFAULT 1, "c
d" text DEFAULT ';') RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION ":psql"() RETURNS text LANGUAGE sql AS $$ SELECT ':psql :''psql'' :"psql" \gset \if'::text $$;
CREATE TYPE "type; ""odd""" AS ENUM ('a;b', E'c\nd', '\.', '');
CREATE TYPE "composite; odd" AS ("a;b" integer, "line
break" text);
CREATE TABLE of_odd_types (a "type; ""odd""", b "composite; odd", c "type; ""odd"""[]);
INSERT INTO of_odd_types VALUES (E'c\nd', ROW(1, E'\n\\.'), ARRAY['', 'a;b', '\.']::"type; ""odd"""[]);
CREATE DOMAIN "domain; odd" AS "type; ""odd""" CHECK (VALUE <> '\.');
CREATE VIEW "view; ""odd""
\." AS SELECT a AS "a;b", (b)."line
break" FROM of_odd_types WHERE a = ';'::text::"type; ""odd""" OR a = 'a;b';
CREATE SEQUENCE "sequence; ""odd"" '";
SELECT nextval('"sequence; ""odd"" ''"');
CREATE TABLE uses_odd_sequence (id integer DEFAULT nextval('"sequence; ""odd"" ''"'), s serial);
CREATE TABLE "serial; table" ("id; col" serial PRIMARY KEY);
INSERT INTO "serial; table" DEFAULT VALUES;

-- The same name for everything.
CREATE TABLE same (same integer CONSTRAINT same CHECK (same > 0));
INSERT INTO same VALUES (1);
CREATE FUNCTION same(same integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION same(same text) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE RULE same AS ON UPDATE TO same DO ALSO NOTIFY same;
CREATE POLICY same ON same USING (true);
CREATE STATISTICS same ON same, (same + 1) FROM same;
CREATE COLLATION same FROM "C";
CREATE CONVERSION same FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;

-- Tables that differ in their schema only.
CREATE TABLE public.same (a text);
INSERT INTO public.same VALUES ('public');
CREATE TABLE "select".same (a text);
