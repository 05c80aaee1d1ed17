"""What a statement of a dump defines: every form that pg_dump writes, odd names, and anything else without a crash."""

from __future__ import annotations

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._entries import (
    Entry,
    is_stored,
    name_statement,
    owner_of,
)
from ansible_collections.incomex.closeout.plugins.module_utils._names import quote_identifier
from hypothesis import given, settings
from hypothesis import strategies as st

Named = tuple[str, str, str, str]
"""Type, schema, name, of."""

CREATED: list[tuple[str, Named]] = [
    ("CREATE SCHEMA s;", ("SCHEMA", "", "s", "")),
    ("CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA public;", ("EXTENSION", "", "hstore", "")),
    ('CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA s;', ("EXTENSION", "", "uuid-ossp", "")),
    ("CREATE TYPE s.mood AS ENUM (\n    'a',\n    'b'\n);", ("TYPE", "s", "mood", "")),
    ("CREATE TYPE s.pair AS (\n\tx integer,\n\ty text\n);", ("TYPE", "s", "pair", "")),
    ("CREATE TYPE s.span AS RANGE (\n    subtype = double precision\n);", ("TYPE", "s", "span", "")),
    ("CREATE TYPE s.shell;", ("TYPE", "s", "shell", "")),
    ("CREATE DOMAIN s.d AS integer\n\tCONSTRAINT d_check CHECK ((VALUE > 0));", ("DOMAIN", "s", "d", "")),
    ("CREATE PROCEDURE s.p(IN a integer)\n    LANGUAGE sql\n    AS $$SELECT 1$$;",
     ("PROCEDURE", "s", "p", "(IN a integer)")),
    ("CREATE AGGREGATE s.total(integer) (\n    SFUNC = s.add,\n    STYPE = integer\n);",
     ("AGGREGATE", "s", "total", "(integer)")),
    ("CREATE AGGREGATE s.rows(*) (\n    SFUNC = s.inc,\n    STYPE = integer\n);", ("AGGREGATE", "s", "rows", "(*)")),
    ("CREATE AGGREGATE s.pct(double precision ORDER BY anyelement) (\n    SFUNC = s.f,\n    STYPE = internal\n);",
     ("AGGREGATE", "s", "pct", "(double precision ORDER BY anyelement)")),
    ("CREATE OPERATOR FAMILY s.fam USING btree;", ("OPERATOR FAMILY", "s", "fam", "btree")),
    ("CREATE OPERATOR CLASS s.ops\n    DEFAULT FOR TYPE s.mood USING btree FAMILY s.fam AS\n"
     "    OPERATOR 1 s.<(s.mood,s.mood);", ("OPERATOR CLASS", "s", "ops", "btree")),
    ("CREATE OPERATOR CLASS s.ops\n    FOR TYPE s.mood USING hash AS\n    FUNCTION 1 (s.mood, s.mood) s.h(s.mood);",
     ("OPERATOR CLASS", "s", "ops", "hash")),
    ("CREATE COLLATION s.german (provider = icu, locale = 'de');", ("COLLATION", "s", "german", "")),
    ("CREATE CONVERSION s.c FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;", ("CONVERSION", "s", "c", "")),
    ("CREATE DEFAULT CONVERSION s.c FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;", ("CONVERSION", "s", "c", "")),
    ("CREATE CAST (integer AS s.mood) WITH FUNCTION s.to_mood(integer);", ("CAST", "", "(integer AS s.mood)", "")),
    ('CREATE CAST (s."a)" AS text) WITHOUT FUNCTION AS ASSIGNMENT;', ("CAST", "", '(s."a)" AS text)', "")),
    ("CREATE CAST (character varying(5) AS s.mood) WITH INOUT;",
     ("CAST", "", "(character varying(5) AS s.mood)", "")),
    ("CREATE TRANSFORM FOR s.mood LANGUAGE sql (FROM SQL WITH FUNCTION pg_catalog.f(internal));",
     ("TRANSFORM", "", "s.mood", "sql")),
    ("CREATE TABLE s.t (\n    id integer NOT NULL\n);", ("TABLE", "s", "t", "")),
    ("CREATE TABLE s.p (\n    id integer\n)\nPARTITION BY RANGE (id);", ("TABLE", "s", "p", "")),
    ("CREATE UNLOGGED TABLE s.t (\n    id integer\n);", ("TABLE", "s", "t", "")),
    ("CREATE TABLE s.t OF s.pair (\n    PRIMARY KEY (x)\n);", ("TABLE", "s", "t", "")),
    ("CREATE FOREIGN TABLE s.ft (\n    id integer\n)\nSERVER srv;", ("FOREIGN TABLE", "s", "ft", "")),
    ("CREATE VIEW s.v AS\n SELECT 1 AS x;", ("VIEW", "s", "v", "")),
    ("CREATE VIEW s.v WITH (security_barrier='true') AS\n SELECT 1 AS x;", ("VIEW", "s", "v", "")),
    ("CREATE OR REPLACE VIEW s.v AS\n SELECT 1 AS x;", ("VIEW DEFINITION", "s", "v", "")),
    ("CREATE MATERIALIZED VIEW s.mv AS\n SELECT 1 AS x\n  WITH NO DATA;", ("MATERIALIZED VIEW", "s", "mv", "")),
    ("CREATE SEQUENCE s.q\n    AS integer\n    START WITH 1\n    CACHE 1;", ("SEQUENCE", "s", "q", "")),
    ("CREATE UNLOGGED SEQUENCE s.q\n    START WITH 1;", ("SEQUENCE", "s", "q", "")),
    ("CREATE INDEX i ON s.t USING btree (m);", ("INDEX", "s", "i", "t")),
    ("CREATE UNIQUE INDEX i ON ONLY s.t USING btree (m);", ("INDEX", "s", "i", "t")),
    ("CREATE TRIGGER g BEFORE INSERT OR DELETE ON s.t FOR EACH ROW EXECUTE FUNCTION s.f();",
     ("TRIGGER", "s", "g", "t")),
    ("CREATE TRIGGER g INSTEAD OF UPDATE ON s.v FOR EACH ROW EXECUTE FUNCTION s.f();", ("TRIGGER", "s", "g", "v")),
    ("CREATE CONSTRAINT TRIGGER g AFTER INSERT ON s.t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
     " EXECUTE FUNCTION s.f();", ("TRIGGER", "s", "g", "t")),
    ("CREATE RULE r AS\n    ON DELETE TO s.t DO INSTEAD NOTHING;", ("RULE", "s", "r", "t")),
    ("CREATE RULE r AS\n    ON UPDATE TO s.t\n   WHERE (new.x = 1) DO ALSO  NOTHING;", ("RULE", "s", "r", "t")),
    ('CREATE OR REPLACE RULE "_RETURN" AS\n    ON SELECT TO s.v DO INSTEAD  SELECT 1;', ("RULE", "s", "_RETURN", "v")),
    ("CREATE POLICY p ON s.t USING (true);", ("POLICY", "s", "p", "t")),
    ("CREATE POLICY p ON s.t AS RESTRICTIVE FOR SELECT TO bob USING (true);", ("POLICY", "s", "p", "t")),
    ("CREATE PUBLICATION p FOR ALL TABLES WITH (publish = 'insert');", ("PUBLICATION", "", "p", "")),
    ("CREATE SUBSCRIPTION u CONNECTION 'host=x' PUBLICATION p WITH (connect = false);", ("SUBSCRIPTION", "", "u", "")),
    ("CREATE STATISTICS s.z (ndistinct) ON a, b FROM s.t;", ("STATISTICS", "s", "z", "")),
    ("CREATE EVENT TRIGGER e ON ddl_command_end\n         WHEN TAG IN ('CREATE SERVER')\n   EXECUTE FUNCTION s.f();",
     ("EVENT TRIGGER", "", "e", "")),
    ("CREATE TEXT SEARCH PARSER s.x (\n    START = prsd_start\n);", ("TEXT SEARCH PARSER", "s", "x", "")),
    ("CREATE TEXT SEARCH DICTIONARY s.x (\n    TEMPLATE = simple\n);", ("TEXT SEARCH DICTIONARY", "s", "x", "")),
    ("CREATE TEXT SEARCH TEMPLATE s.x (\n    LEXIZE = dsimple_lexize\n);", ("TEXT SEARCH TEMPLATE", "s", "x", "")),
    ("CREATE TEXT SEARCH CONFIGURATION s.x (\n    PARSER = s.y\n);", ("TEXT SEARCH CONFIGURATION", "s", "x", "")),
    ("CREATE FOREIGN DATA WRAPPER w HANDLER s.h;", ("FOREIGN DATA WRAPPER", "", "w", "")),
    ("CREATE SERVER srv FOREIGN DATA WRAPPER w OPTIONS (\n    host 'x'\n);", ("SERVER", "", "srv", "")),
    ('CREATE USER MAPPING FOR "bob x" SERVER srv OPTIONS (\n    "user" \'x\'\n);',
     ("USER MAPPING", "", "bob x", "srv")),
    ("CREATE USER MAPPING FOR PUBLIC SERVER srv;", ("USER MAPPING", "", "public", "srv")),
    ("CREATE ACCESS METHOD am TYPE TABLE HANDLER heap_tableam_handler;", ("ACCESS METHOD", "", "am", "")),
    ("CREATE PROCEDURAL LANGUAGE l;", ("LANGUAGE", "", "l", "")),
    ("CREATE OR REPLACE TRUSTED PROCEDURAL LANGUAGE l HANDLER s.h;", ("LANGUAGE", "", "l", "")),
    ("REFRESH MATERIALIZED VIEW s.mv;", ("MATERIALIZED VIEW DATA", "s", "mv", "")),
]  # fmt: skip

FUNCTIONS: list[tuple[str, str]] = [
    ("()", "()"),
    ("(integer, text)", "(integer, text)"),
    ("(a numeric(10,2), VARIADIC b text[])", "(a numeric(10,2), VARIADIC b text[])"),
    ('(a integer, "x)" text)', '(a integer, "x)" text)'),
    ("(a integer DEFAULT 1)", "(a integer)"),
    ("(a integer DEFAULT 1, b text DEFAULT ')'::text)", "(a integer, b text)"),
    ("(a text DEFAULT 'it''s (, '::text, b integer)", "(a text, b integer)"),
    ("(a integer DEFAULT (1 + (2 * 3)), b integer[] DEFAULT ARRAY[1, 2], c text)",
     "(a integer, b integer[], c text)"),
    ('("a DEFAULT b" integer DEFAULT 1)', '("a DEFAULT b" integer)'),
    ('(a integer DEFAULT 1, OUT "b, c" text)', '(a integer, OUT "b, c" text)'),
]  # fmt: skip

ALTERED: list[tuple[str, Named]] = [
    ("ALTER TABLE ONLY s.t\n    ADD CONSTRAINT k PRIMARY KEY (id);", ("CONSTRAINT", "s", "k", "t")),
    ("ALTER TABLE ONLY s.t\n    ADD CONSTRAINT k UNIQUE (id);", ("CONSTRAINT", "s", "k", "t")),
    ("ALTER TABLE ONLY s.t\n    ADD CONSTRAINT k EXCLUDE USING gist (x WITH &&);", ("CONSTRAINT", "s", "k", "t")),
    ("ALTER TABLE ONLY s.t\n    ADD CONSTRAINT k FOREIGN KEY (x) REFERENCES s.u(id);",
     ("FK CONSTRAINT", "s", "k", "t")),
    ("ALTER TABLE s.t\n    ADD CONSTRAINT k CHECK ((u > 0)) NOT VALID;", ("CHECK CONSTRAINT", "s", "k", "t")),
    ("ALTER TABLE s.t\n    ADD CONSTRAINT k NOT NULL x NOT VALID;", ("NOT NULL CONSTRAINT", "s", "k", "t")),
    ("ALTER TABLE ONLY s.t ALTER COLUMN a SET DEFAULT nextval('s.q'::regclass);", ("DEFAULT", "s", "a", "t")),
    ("ALTER TABLE s.t ALTER COLUMN a ADD GENERATED ALWAYS AS IDENTITY (\n    SEQUENCE NAME s.q\n);",
     ("IDENTITY", "s", "a", "t")),
    ("ALTER TABLE ONLY s.t ALTER COLUMN a SET STATISTICS 100;", ("COLUMN SETTING", "s", "a", "t")),
    ("ALTER TABLE ONLY s.t ALTER COLUMN a SET STORAGE EXTERNAL;", ("COLUMN SETTING", "s", "a", "t")),
    ("ALTER TABLE ONLY s.t ALTER COLUMN a SET (n_distinct=5);", ("COLUMN SETTING", "s", "a", "t")),
    ("ALTER FOREIGN TABLE ONLY s.f ALTER COLUMN a OPTIONS (\n    x 'y'\n);", ("COLUMN SETTING", "s", "a", "f")),
    ("ALTER TABLE ONLY s.p ATTACH PARTITION s.c FOR VALUES FROM (0) TO (10);", ("TABLE ATTACH", "s", "c", "s.p")),
    ("ALTER INDEX s.i ATTACH PARTITION s.j;", ("INDEX ATTACH", "s", "j", "i")),
    ("ALTER INDEX s.i ALTER COLUMN 1 SET STATISTICS 100;", ("INDEX SETTING", "s", "i", "")),
    ("ALTER TABLE s.t CLUSTER ON i;", ("TABLE SETTING", "s", "t", "")),
    ("ALTER TABLE ONLY s.t REPLICA IDENTITY USING INDEX i;", ("TABLE SETTING", "s", "t", "")),
    ("ALTER TABLE ONLY s.t FORCE ROW LEVEL SECURITY;", ("ROW SECURITY", "s", "t", "")),
    ("ALTER TABLE s.t ENABLE ROW LEVEL SECURITY;", ("ROW SECURITY", "s", "t", "")),
    ("ALTER TABLE s.t DISABLE TRIGGER g;", ("TRIGGER STATE", "s", "g", "t")),
    ("ALTER TABLE s.t ENABLE ALWAYS TRIGGER g;", ("TRIGGER STATE", "s", "g", "t")),
    ("ALTER TABLE s.t ENABLE REPLICA RULE r;", ("RULE STATE", "s", "r", "t")),
    ("ALTER TABLE s.t DISABLE RULE r;", ("RULE STATE", "s", "r", "t")),
    ("ALTER SEQUENCE s.q OWNED BY s.t.id;", ("SEQUENCE OWNED BY", "s", "q", "")),
    ("ALTER SEQUENCE s.q SET UNLOGGED;", ("SEQUENCE SETTING", "s", "q", "")),
    ("ALTER STATISTICS s.z SET STATISTICS 100;", ("STATISTICS SETTING", "s", "z", "")),
    ("ALTER PUBLICATION p ADD TABLE ONLY s.t WHERE ((x > 0));", ("PUBLICATION TABLE", "s", "t", "p")),
    ("ALTER PUBLICATION p ADD TABLES IN SCHEMA s;", ("PUBLICATION SCHEMA", "", "s", "p")),
    ("ALTER EVENT TRIGGER e DISABLE;", ("EVENT TRIGGER SETTING", "", "e", "")),
    ("ALTER OPERATOR FAMILY s.f USING btree ADD\n    OPERATOR 1 s.<(s.mood,s.mood);",
     ("OPERATOR FAMILY SETTING", "s", "f", "btree")),
    ("ALTER TEXT SEARCH CONFIGURATION s.x\n    ADD MAPPING FOR asciiword WITH english_stem;",
     ("TEXT SEARCH CONFIGURATION SETTING", "s", "x", "")),
    ("ALTER DOMAIN s.d\n    ADD CONSTRAINT k CHECK ((VALUE > 0)) NOT VALID;", ("DOMAIN SETTING", "s", "d", "")),
    ("ALTER DEFAULT PRIVILEGES FOR ROLE bob IN SCHEMA s GRANT SELECT ON TABLES TO a;",
     ("DEFAULT ACL", "s", "bob", "")),
    ('ALTER DEFAULT PRIVILEGES FOR ROLE "bob x" REVOKE ALL ON FUNCTIONS FROM PUBLIC;',
     ("DEFAULT ACL", "", "bob x", "")),
]  # fmt: skip

ABOUT: list[tuple[str, tuple[str, str, str]]] = [
    # What stands behind ON; the schema, the name with its kind, and what it is of.
    ("SCHEMA s", ("", "SCHEMA s", "")),
    ("TABLE s.t", ("s", "TABLE t", "")),
    ("COLUMN s.t.a", ("s", "COLUMN a", "t")),
    ('COLUMN s."a.b"."c ON d"', ("s", "COLUMN c ON d", "a.b")),
    ("VIEW s.v", ("s", "VIEW v", "")),
    ("MATERIALIZED VIEW s.v", ("s", "MATERIALIZED VIEW v", "")),
    ("FOREIGN TABLE s.f", ("s", "FOREIGN TABLE f", "")),
    ("SEQUENCE s.q", ("s", "SEQUENCE q", "")),
    ("INDEX s.i", ("s", "INDEX i", "")),
    ("TYPE s.mood", ("s", "TYPE mood", "")),
    ("DOMAIN s.d", ("s", "DOMAIN d", "")),
    ("FUNCTION s.f(a integer, b text)", ("s", "FUNCTION f", "(a integer, b text)")),
    ('FUNCTION s.f("x)" text)', ("s", "FUNCTION f", '("x)" text)')),
    ("PROCEDURE s.p(IN a integer)", ("s", "PROCEDURE p", "(IN a integer)")),
    ("AGGREGATE s.total(*)", ("s", "AGGREGATE total", "(*)")),
    ("OPERATOR s.## (integer, integer)", ("s", "OPERATOR ##", "(integer, integer)")),
    ("OPERATOR s.@ (NONE, integer)", ("s", "OPERATOR @", "(NONE, integer)")),
    ("OPERATOR CLASS s.o USING btree", ("s", "OPERATOR CLASS o", "btree")),
    ("OPERATOR FAMILY s.o USING hash", ("s", "OPERATOR FAMILY o", "hash")),
    ("CONSTRAINT c ON s.t", ("s", "CONSTRAINT c", "t")),
    ("CONSTRAINT c ON DOMAIN s.d", ("s", "CONSTRAINT c", "d")),
    ("TRIGGER g ON s.t", ("s", "TRIGGER g", "t")),
    ("RULE r ON s.t", ("s", "RULE r", "t")),
    ("POLICY p ON s.t", ("s", "POLICY p", "t")),
    ("CAST (integer AS s.mood)", ("", "CAST (integer AS s.mood)", "")),
    ("TRANSFORM FOR s.mood LANGUAGE sql", ("", "TRANSFORM s.mood", "sql")),
    ("EXTENSION hstore", ("", "EXTENSION hstore", "")),
    ("LARGE OBJECT 123", ("", "LARGE OBJECT 123", "")),
    ("EVENT TRIGGER e", ("", "EVENT TRIGGER e", "")),
    ("SERVER srv", ("", "SERVER srv", "")),
    ("FOREIGN SERVER srv", ("", "SERVER srv", "")),
    ("FOREIGN DATA WRAPPER w", ("", "FOREIGN DATA WRAPPER w", "")),
    ("LANGUAGE l", ("", "LANGUAGE l", "")),
    ("STATISTICS s.z", ("s", "STATISTICS z", "")),
    ("TEXT SEARCH CONFIGURATION s.x", ("s", "TEXT SEARCH CONFIGURATION x", "")),
    ("PUBLICATION p", ("", "PUBLICATION p", "")),
    ("SUBSCRIPTION u", ("", "SUBSCRIPTION u", "")),
    ("COLLATION s.c", ("s", "COLLATION c", "")),
    ("CONVERSION s.c", ("s", "CONVERSION c", "")),
    ("ACCESS METHOD am", ("", "ACCESS METHOD am", "")),
    ("DATABASE d", ("", "DATABASE d", "")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "named"), [*CREATED, *ALTERED], ids=lambda value: str(value)[:60])
def test_a_statement_is_named(text: str, named: Named) -> None:
    assert name_statement(text) == Entry(*named)


@pytest.mark.parametrize(("written", "of"), FUNCTIONS)
def test_a_function_has_its_arguments_without_their_defaults(written: str, of: str) -> None:
    """A default is an expression that may be printed in another way after a restore; the body is not looked at."""
    text = f"CREATE FUNCTION s.f{written} RETURNS integer\n    LANGUAGE sql\n    AS $$SELECT (1$$;"
    assert name_statement(text) == Entry("FUNCTION", "s", "f", of)
    assert name_statement(text.replace("FUNCTION", "OR REPLACE FUNCTION", 1)) == Entry("FUNCTION", "s", "f", of)


@pytest.mark.parametrize("operator", ["##", "<>", "@-@", "!~~*", "=", "->>", "|/", "`"])
def test_an_operator_is_named_and_told_apart_by_what_it_takes(operator: str) -> None:
    text = f"CREATE OPERATOR s.{operator} (\n    FUNCTION = s.f,\n    LEFTARG = %s,\n    RIGHTARG = integer\n);"
    one, other = (name_statement(text % left) for left in ("integer", "text"))
    assert (one.type, one.schema, one.name) == (other.type, other.schema, other.name) == ("OPERATOR", "s", operator)
    assert one.of != other.of


@pytest.mark.parametrize(("what", "named"), ABOUT)
def test_a_statement_about_another_object_is_named_after_it(what: str, named: tuple[str, str, str]) -> None:
    for kind, text in (
        ("COMMENT", f"COMMENT ON {what} IS 'about ON TABLE x.y IS it';"),
        ("SECURITY LABEL", f"SECURITY LABEL FOR dummy ON {what} IS 'secret';"),
        ("ACL", f"GRANT ALL ON {what} TO bob;"),
        ("ACL", f'REVOKE ALL ON {what} FROM " ON x";'),
        ("ACL", f'GRANT SELECT("x ON y"),UPDATE(b) ON {what} TO bob WITH GRANT OPTION;'),
    ):
        assert name_statement(text) == Entry(kind, *named)


def test_a_privilege_on_a_name_alone_is_one_on_a_table() -> None:
    assert name_statement("GRANT SELECT ON s.t TO bob;") == Entry("ACL", "s", "TABLE t")


OWNED = [
    ("TABLE s.t", ("TABLE", "s", "t", "")),
    ("VIEW s.v", ("VIEW", "s", "v", "")),
    ("MATERIALIZED VIEW s.v", ("MATERIALIZED VIEW", "s", "v", "")),
    ("FOREIGN TABLE s.f", ("FOREIGN TABLE", "s", "f", "")),
    ("SEQUENCE s.q", ("SEQUENCE", "s", "q", "")),
    ("SCHEMA s", ("SCHEMA", "", "s", "")),
    ("TYPE s.mood", ("TYPE", "s", "mood", "")),
    ("DOMAIN s.d", ("DOMAIN", "s", "d", "")),
    ("FUNCTION s.f(a integer, b text)", ("FUNCTION", "s", "f", "(a integer, b text)")),
    ("PROCEDURE s.p(IN a integer)", ("PROCEDURE", "s", "p", "(IN a integer)")),
    ("AGGREGATE s.total(*)", ("AGGREGATE", "s", "total", "(*)")),
    ("OPERATOR s.## (integer, integer)", ("OPERATOR", "s", "##", "(integer, integer)")),
    ("OPERATOR CLASS s.o USING btree", ("OPERATOR CLASS", "s", "o", "btree")),
    ("OPERATOR FAMILY s.o USING btree", ("OPERATOR FAMILY", "s", "o", "btree")),
    ("COLLATION s.c", ("COLLATION", "s", "c", "")),
    ("CONVERSION s.c", ("CONVERSION", "s", "c", "")),
    ("STATISTICS s.z", ("STATISTICS", "s", "z", "")),
    ("TEXT SEARCH DICTIONARY s.x", ("TEXT SEARCH DICTIONARY", "s", "x", "")),
    ("TEXT SEARCH CONFIGURATION s.x", ("TEXT SEARCH CONFIGURATION", "s", "x", "")),
    ("EVENT TRIGGER e", ("EVENT TRIGGER", "", "e", "")),
    ("PUBLICATION p", ("PUBLICATION", "", "p", "")),
    ("SUBSCRIPTION u", ("SUBSCRIPTION", "", "u", "")),
    ("FOREIGN DATA WRAPPER w", ("FOREIGN DATA WRAPPER", "", "w", "")),
    ("SERVER srv", ("SERVER", "", "srv", "")),
    ("LARGE OBJECT 123", ("LARGE OBJECT", "", "123", "")),
    # pg_dump 14 to 18: _getObjectDescription in pg_backup_archiver.c takes the type of the table of contents.
    ("PROCEDURAL LANGUAGE l", ("LANGUAGE", "", "l", "")),
]
OWNERS = [
    ("bob", "bob"),
    ('"bob x"', "bob x"),
    ('"a""b"', 'a"b'),
    ('"a; OWNER TO b"', "a; OWNER TO b"),
    ('"A\nb"', "A\nb"),
]


@pytest.mark.parametrize(("what", "named"), OWNED)
@pytest.mark.parametrize(("written", "owner"), OWNERS)
def test_an_owner_is_read_with_what_it_owns(what: str, named: Named, written: str, owner: str) -> None:
    assert owner_of(f"ALTER {what} OWNER TO {written};") == (Entry(*named), owner)


@pytest.mark.parametrize(
    "text",
    [
        "ALTER TABLE ONLY s.t ALTER COLUMN a SET DEFAULT ' OWNER TO bob;';",
        "ALTER TABLE ONLY s.t ALTER COLUMN a SET DEFAULT 'x OWNER TO bob';",
        "ALTER TABLE ONLY s.t\n    ADD CONSTRAINT c CHECK ((a <> 'x OWNER TO bob'::text));",
        "COMMENT ON TABLE s.t IS 'ALTER TABLE s.t OWNER TO bob;';",
        "CREATE FUNCTION s.f() RETURNS integer\n    LANGUAGE sql\n    BEGIN ATOMIC\n SELECT 1 AS x OWNER TO bob;",
        "ALTER TABLE s.t CLUSTER ON i;",
        "ALTER NONSENSE s.t OWNER TO bob;",
        "OWNER TO bob;",
        "",
    ],
)
def test_nothing_else_gives_an_owner(text: str) -> None:
    assert owner_of(text) is None


ODD = [
    'a"b', "a\nb", "a.b", " ON ", "x ON y", "ON", "DOMAIN", "ONLY", "IF NOT EXISTS", "a;b", "'", "it's", "$$", "--",
    "/*", "größe", "表", "TO", "IS", "OWNER TO x", "(", ")", "USING", "Ünder Score", "\\", "\t", " lead", "trail ",
    "a' ON 'b",
]  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_an_odd_name_is_read_as_the_catalogue_holds_it(name: str) -> None:
    """As a schema's, a table's, and as the name of what is the table's."""
    odd = quote_identifier(name)
    for text, named in (
        (f"CREATE SCHEMA {odd};", ("SCHEMA", "", name, "")),
        (f"CREATE TABLE {odd}.{odd} (\n    {odd} integer\n);", ("TABLE", name, name, "")),
        (f"CREATE VIEW {odd}.{odd} AS\n SELECT 1;", ("VIEW", name, name, "")),
        (f"CREATE UNIQUE INDEX {odd} ON ONLY {odd}.{odd} USING btree ({odd});", ("INDEX", name, name, name)),
        (f"CREATE TRIGGER {odd} BEFORE UPDATE OF {odd} ON {odd}.{odd} FOR EACH ROW EXECUTE FUNCTION s.f();",
         ("TRIGGER", name, name, name)),
        (f"CREATE RULE {odd} AS\n    ON DELETE TO {odd}.{odd} DO INSTEAD NOTHING;", ("RULE", name, name, name)),
        (f"CREATE POLICY {odd} ON {odd}.{odd} USING (true);", ("POLICY", name, name, name)),
        (f"CREATE FUNCTION {odd}.{odd}({odd} integer) RETURNS integer\n    LANGUAGE sql\n    AS $$SELECT 1$$;",
         ("FUNCTION", name, name, f"({odd} integer)")),
        (f"CREATE USER MAPPING FOR {odd} SERVER {odd};", ("USER MAPPING", "", name, name)),
        (f"ALTER TABLE ONLY {odd}.{odd}\n    ADD CONSTRAINT {odd} FOREIGN KEY ({odd}) REFERENCES s.t(id);",
         ("FK CONSTRAINT", name, name, name)),
        (f"ALTER TABLE ONLY {odd}.{odd} ALTER COLUMN {odd} SET DEFAULT 1;", ("DEFAULT", name, name, name)),
        (f"ALTER PUBLICATION {odd} ADD TABLE ONLY {odd}.{odd};", ("PUBLICATION TABLE", name, name, name)),
        (f"COMMENT ON COLUMN {odd}.{odd}.{odd} IS 'c';", ("COMMENT", name, f"COLUMN {name}", name)),
        (f"COMMENT ON CONSTRAINT {odd} ON {odd}.{odd} IS 'c';", ("COMMENT", name, f"CONSTRAINT {name}", name)),
        (f"GRANT SELECT({odd}) ON TABLE {odd}.{odd} TO {odd};", ("ACL", name, f"TABLE {name}", "")),
        (f"SECURITY LABEL FOR {odd} ON TABLE {odd}.{odd} IS 'x';", ("SECURITY LABEL", name, f"TABLE {name}", "")),
        (f"REFRESH MATERIALIZED VIEW {odd}.{odd};", ("MATERIALIZED VIEW DATA", name, name, "")),
    ):  # fmt: skip
        assert name_statement(text) == Entry(*named), text
    assert owner_of(f"ALTER TABLE {odd}.{odd} OWNER TO {odd};") == (Entry("TABLE", name, name), name)


# Not reserved, so pg_dump does not quote them.
@pytest.mark.parametrize(
    "word", ["domain", "if", "view", "class", "family", "type", "index", "server", "sequence", "data"]
)
def test_a_name_that_is_a_word_of_the_language_is_a_name(word: str) -> None:
    for text, named in (
        (f"CREATE SCHEMA {word};", ("SCHEMA", "", word, "")),
        (f"CREATE TABLE {word}.{word} (\n);", ("TABLE", word, word, "")),
        (f"CREATE POLICY {word} ON {word}.{word} USING (true);", ("POLICY", word, word, word)),
        (f"CREATE SERVER {word} FOREIGN DATA WRAPPER {word};", ("SERVER", "", word, "")),
        (f"CREATE USER MAPPING FOR {word} SERVER {word};", ("USER MAPPING", "", word, word)),
        (f"ALTER TABLE ONLY {word}.{word} ALTER COLUMN {word} SET DEFAULT 1;", ("DEFAULT", word, word, word)),
        (f"COMMENT ON CONSTRAINT {word} ON {word}.{word} IS 'c';", ("COMMENT", word, f"CONSTRAINT {word}", word)),
        (f"GRANT ALL ON SCHEMA {word} TO {word};", ("ACL", "", f"SCHEMA {word}", "")),
    ):
        assert name_statement(text) == Entry(*named), text
    operator = name_statement(f"CREATE OPERATOR {word}.## (\n    FUNCTION = {word}.f,\n    RIGHTARG = integer\n);")
    assert operator[:3] == ("OPERATOR", word, "##")


def test_a_transform_of_a_type_of_several_words_has_its_language() -> None:
    named = [
        name_statement(
            f"CREATE TRANSFORM FOR timestamp with time zone LANGUAGE {one} (FROM SQL WITH FUNCTION f(internal));"
        )
        for one in ("sql", "plpgsql")
    ]
    assert [(one.name, one.of) for one in named] == [
        ("timestamp with time zone", "sql"),
        ("timestamp with time zone", "plpgsql"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "DROP SCHEMA public;",
        "DO $$BEGIN END$$;",
        "CREATE NONSENSE s.t;",
        "CREATE TABLE",
        "CREATE INDEX i;",
        "CREATE FUNCTION s.f(a integer;",
        "ALTER TABLE",
        "COMMENT ON",
        "REFRESH",
        '"CREATE" TABLE s.t ();',
        "",
        ";",
    ],
)
def test_what_is_not_understood_is_an_entry_all_the_same(text: str) -> None:
    """Of a type of its own, with its text as its name: it takes part in the comparison."""
    found = name_statement(text)
    assert found == Entry("OTHER", "", text)


def test_a_name_is_kept_at_a_length_that_can_be_printed() -> None:
    found = name_statement(f"DO '{'x' * 5000}';")
    assert (found.type, len(found.name)) == ("OTHER", 200)
    many = ", ".join(f"argument_{number} integer" for number in range(100))
    assert len(name_statement(f"CREATE FUNCTION s.f({many}) RETURNS integer;").of) == 200


@pytest.mark.parametrize(
    ("entry", "title"),
    [
        (Entry("TABLE", "s", "t"), "TABLE s.t"),
        (Entry("SCHEMA", "", "s"), "SCHEMA s"),
        (Entry("INDEX", "s", "i", "t"), "INDEX s.i of t"),
        (Entry("FUNCTION", "s", "f", "(integer)"), "FUNCTION s.f(integer)"),
    ],
)
def test_a_title_is_how_a_person_would_call_it(entry: Entry, title: str) -> None:
    assert entry.title == title


def test_what_has_storage_has_a_place_and_a_form() -> None:
    stored = {named[0] for _text, named in [*CREATED, *ALTERED] if is_stored(Entry(*named))}
    assert stored == {"TABLE", "MATERIALIZED VIEW", "INDEX", "CONSTRAINT"}


_WORDS = sorted(
    {word for text, _named in [*CREATED, *ALTERED] for word in text.split()} | set(ODD) | {"USING", "(", '"'}
)


@settings(max_examples=500)
@given(text=st.one_of(st.text(), st.lists(st.sampled_from(_WORDS)).map(" ".join)))
def test_any_text_gives_an_entry(text: str) -> None:
    """Cut off, put together at random, or nonsense: never an exception."""
    for one in (text, f"CREATE {text}", f"ALTER {text} OWNER TO x;", f"COMMENT ON {text}", f"GRANT {text}"):
        found = name_statement(one)
        assert isinstance(found, Entry) and found.type
        assert max(len(found.name), len(found.of)) <= 200
        assert owner_of(one) is None or isinstance(owner_of(one), tuple)


@pytest.mark.parametrize("statement", [text for text, _named in [*CREATED, *ALTERED]], ids=lambda text: text[:60])
def test_a_statement_that_is_cut_off_anywhere_gives_an_entry(statement: str) -> None:
    for end in range(len(statement)):
        assert name_statement(statement[:end]).type


@given(schema=st.text(min_size=1, max_size=60), name=st.text(min_size=1, max_size=60))
def test_any_name_is_read_back(schema: str, name: str) -> None:
    qualified = f"{quote_identifier(schema)}.{quote_identifier(name)}"
    assert name_statement(f"CREATE TABLE {qualified} (\n);") == Entry("TABLE", schema, name)
    assert name_statement(f"COMMENT ON TABLE {qualified} IS 'x';") == Entry("COMMENT", schema, f"TABLE {name}")
    assert owner_of(f"ALTER TABLE {qualified} OWNER TO {quote_identifier(name)};") == (
        Entry("TABLE", schema, name),
        name,
    )
