-- Types of one's own: enums, domains, composites, ranges, base and shell types.

CREATE SCHEMA types;
SET search_path = types;

CREATE TYPE mood AS ENUM ('sad', 'happy');
ALTER TYPE mood ADD VALUE 'ok' BEFORE 'happy';
ALTER TYPE mood ADD VALUE 'wretched' BEFORE 'sad';
ALTER TYPE mood ADD VALUE '{{ 1/0 }}';
ALTER TYPE mood ADD VALUE 'it''s \ "so"; -- ' AFTER 'ok';
ALTER TYPE mood RENAME VALUE 'happy' TO 'Happy';
CREATE TYPE nothing AS ENUM ();

CREATE DOMAIN positive AS integer DEFAULT 1 NOT NULL CONSTRAINT "is > 0" CHECK (VALUE > 0);
CREATE DOMAIN small_positive AS positive CHECK (VALUE < 1000) CHECK (VALUE <> 13);
CREATE DOMAIN state AS varchar(20) DEFAULT 'open' CHECK (VALUE IN ('open', 'closed', 'it''s'));
CREATE DOMAIN code AS char(4) CHECK (VALUE IN ('ab', 'cd  '));
CREATE DOMAIN in_c AS text COLLATE "C";
CREATE DOMAIN several AS integer[] CHECK (array_length(VALUE, 1) < 5);
CREATE DOMAIN unchecked AS integer;
ALTER DOMAIN unchecked ADD CONSTRAINT later CHECK (VALUE <> 7) NOT VALID;

CREATE TYPE pair AS (a integer, dropped text, "B b" text COLLATE "C", m mood);
ALTER TYPE pair DROP ATTRIBUTE dropped;
ALTER TYPE pair ADD ATTRIBUTE added numeric(6, 2);
CREATE TYPE empty_pair AS ();
CREATE TYPE nest AS (p pair, ps pair[], d positive, at timestamptz);
COMMENT ON COLUMN pair."B b" IS E'line one\nline two; \\.';
CREATE DOMAIN good_pair AS pair CHECK ((VALUE).a > 0);

CREATE TYPE float_range AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = float8mi);
CREATE TYPE text_range AS RANGE (SUBTYPE = text, COLLATION = "C", MULTIRANGE_TYPE_NAME = many_texts);
CREATE TYPE mood_range AS RANGE (SUBTYPE = mood);

CREATE TYPE shell;

-- A base type on functions that the server has already.
CREATE TYPE int42;
CREATE FUNCTION int42_in(cstring) RETURNS int42 LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION int42_out(int42) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE int42 (
    INPUT = int42_in, OUTPUT = int42_out, ALIGNMENT = int4, DEFAULT = '42', PASSEDBYVALUE, INTERNALLENGTH = 4,
    CATEGORY = 'N', DELIMITER = ';'
);

CREATE TYPE used_by AS (i integer, t text);
CREATE TABLE typed OF used_by (PRIMARY KEY (i), t WITH OPTIONS DEFAULT 'of a type' NOT NULL);
INSERT INTO typed VALUES (1, DEFAULT), (2, '');

CREATE TABLE of_own (
    id integer GENERATED ALWAYS AS IDENTITY,
    gone integer,
    m mood DEFAULT 'ok',
    ms mood[],
    d positive,
    s small_positive,
    st state,
    co code,
    several several,
    p pair,
    ps pair[],
    n nest,
    gp good_pair,
    fr float_range,
    tr text_range,
    mt many_texts,
    mr mood_range,
    i42 int42,
    i42s int42[],
    PRIMARY KEY (id)
);
INSERT INTO of_own (m, ms, p, ps, gp) VALUES
    ('wretched', '{sad,NULL,"{{ 1/0 }}"}', '(1,"a ""quote""",sad,1.50)', '{"(,,,)",NULL,"(2,\"\",Happy,)"}', '(1,,,)');
ALTER TABLE of_own DROP COLUMN gone;
INSERT INTO of_own (m, d, s, st, co, several, n, fr, tr, mt, mr, i42, i42s) VALUES
    (E'it''s \\ "so"; -- ', 5, 12, 'it''s', 'ab', '{1,NULL,3}',
     ROW(ROW(1, E'tab\tline\nback\\slash', 'ok', NULL), ARRAY[ROW(2, NULL, NULL, 3)::pair], 4,
         '2024-02-29 12:00:00+00'),
     '[-infinity,1e-300]', '["a, b",c)', '{["",a),[b,)}', '[sad,Happy)', DEFAULT, '{1;2}'),
    (NULL, 1, 2, NULL, NULL, '{}', NULL, 'empty', '(,)', '{}', NULL, '-1', NULL);
