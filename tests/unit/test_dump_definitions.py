"""A dump without its rows, and texts that must occur in the statement about their object."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._dump_definitions import (
    DumpDefinitions,
    Texts,
    definitions_of,
    definitions_to_settle,
    not_needed,
    occurring,
)
from ansible_collections.incomex.closeout.plugins.module_utils._dumptext import DumpFile
from ansible_collections.incomex.closeout.plugins.module_utils._manifest import manifest_of

CHECK = "CHECK ((kind)::text = 'a'::text)"
DUMP = f"""\
CREATE TABLE s.t (
    kind character varying CONSTRAINT known {CHECK},
    "größe" integer DEFAULT (1 + 1)
);
CREATE TABLE s.u (
    kind text
);
COMMENT ON TABLE s.u IS '{CHECK.replace("'", "''")} $tag$ CONSTRAINT known';
-- CREATE TABLE s.u ({CHECK});
CREATE INDEX of_t ON s.t USING btree (((kind)::text));
CREATE FUNCTION s.f(x integer DEFAULT 1) RETURNS integer LANGUAGE sql AS $$
CREATE TABLE s.u (CONSTRAINT known {CHECK});
$$;
ALTER TABLE ONLY s.t ALTER COLUMN kind SET DEFAULT 'x'::text;
COPY s.u (kind) FROM stdin;
CREATE TABLE s.u (CONSTRAINT known {CHECK});
\\.

COPY s.t (kind) FROM stdin;
\\.

--
-- PostgreSQL database dump complete
--
"""


@pytest.fixture
def dump(tmp_path: Path) -> tuple[DumpFile, list[tuple[int, int]]]:
    path = tmp_path / "dump.sql"
    path.write_text(DUMP)
    return DumpFile(str(path)), manifest_of([DUMP.encode()]).blocks


def test_definitions_are_the_dump_without_its_rows(dump: tuple[DumpFile, list[tuple[int, int]]]) -> None:
    row = f"CREATE TABLE s.u (CONSTRAINT known {CHECK});\n\\."
    assert b"".join(definitions_of(*dump)).decode() == DUMP.replace(row, "\\.")


@pytest.mark.parametrize(
    ("one", "there"),
    [
        (Texts("s", "t", (CHECK,)), True),
        (Texts("s", "t", (f"CONSTRAINT known {CHECK}",)), True),
        (Texts("s", "t", ('"größe"', "DEFAULT (1 + 1)")), True),
        # A part of the table has a statement of its own, too.
        (Texts("s", "t", ("kind", "DEFAULT 'x'::text")), True),
        (Texts("s", "t", ("CREATE INDEX of_t ON s.t USING btree (((kind)::text))",)), True),
        (Texts("s", "f", ("f(x integer DEFAULT 1)",)), True),
        # Not in one statement.
        (Texts("s", "t", (CHECK, "DEFAULT 'x'::text")), False),
        # In a comment, in a function's body, in a row, on another object.
        (Texts("s", "u", (CHECK,)), False),
        (Texts("s", "u", ("CONSTRAINT known",)), False),
        (Texts("u", "t", (CHECK,)), False),
        (Texts("s", "t", (CHECK + " ",)), False),
    ],
)
def test_texts_occur_together_in_a_statement_of_their_object(
    dump: tuple[DumpFile, list[tuple[int, int]]], one: Texts, there: bool
) -> None:
    path, blocks = dump
    found = occurring(DumpDefinitions(path, blocks, "UTF8"), {one, Texts("s", "none", ("x",))})
    assert found == ({one} if there else set())


def test_texts_are_looked_for_in_the_dumps_encoding(tmp_path: Path) -> None:
    path = tmp_path / "dump.sql"
    path.write_bytes(DUMP.encode("latin-1"))
    wanted = Texts("s", "t", ('"größe"',))
    blocks = manifest_of([DUMP.encode("latin-1")]).blocks
    assert occurring(DumpDefinitions(DumpFile(str(path)), blocks, "LATIN1"), {wanted}) == {wanted}
    assert occurring(DumpDefinitions(DumpFile(str(path)), blocks, "UTF8"), {wanted}) == set()


LARGE_OBJECTS = [
    "SELECT pg_catalog.lo_create('7');",
    "ALTER LARGE OBJECT 7 OWNER TO app;",
    "COMMENT ON LARGE OBJECT 7 IS 'two\nlines; of it';",
    "GRANT SELECT,UPDATE ON LARGE OBJECT 7 TO app;",
    "REVOKE ALL ON LARGE OBJECT 7 FROM app;",
    "SECURITY LABEL FOR dummy ON LARGE OBJECT 7 IS 'secret';",
    "SELECT pg_catalog.lo_open('7', 131072);",
    "SELECT pg_catalog.lowrite(0, '\\x" + "ab" * 3000 + "');",
    "SELECT pg_catalog.lo_close(0);",
]
KEPT = [
    "\\restrict abc",
    "SET client_encoding = 'UTF8';",
    "CREATE FUNCTION s.f() RETURNS oid LANGUAGE sql AS $$\nSELECT pg_catalog.lo_create('7');\n$$;",
    "COMMENT ON TABLE s.t IS 'GRANT SELECT ON LARGE OBJECT 7 TO app;';",
    "BEGIN;",
    "COMMIT;",
]
DATA = [
    "SELECT pg_catalog.setval('s.q', 1, true);",
    "COPY s.t (x) FROM stdin;\n1\nCREATE TABLE s.row (x int);\n\\.",
    "COPY s.t FROM stdin;\n\\.",
    "REFRESH MATERIALIZED VIEW s.m;",
]


@pytest.mark.parametrize("piece_bytes", [1, 7, 1000, 1 << 20])
def test_what_has_no_text_is_left_out_where_texts_are_settled(piece_bytes: int) -> None:
    statements = [
        *KEPT[:2], *LARGE_OBJECTS[:3], KEPT[2], *LARGE_OBJECTS[3:6], *DATA[:2], *KEPT[3:5], *LARGE_OBJECTS[6:],
        KEPT[5], *DATA[2:],
    ]  # fmt: skip
    for text, wanted in (("\n\n".join(statements) + "\n", KEPT), ("\n".join(KEPT), KEPT)):
        raw = text.encode()
        pieces = [raw[start : start + piece_bytes] for start in range(0, len(raw), piece_bytes)]
        found = b"".join(definitions_to_settle(pieces, "UTF8", ())).decode()
        assert found.split() == "\n".join(wanted).split()


def test_definitions_are_the_same_however_often_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "dump.sql"
    many = [f"CREATE TABLE s.t{number} (x integer);" for number in range(5_000)]
    path.write_text("\n\n".join([*LARGE_OBJECTS, *many, *LARGE_OBJECTS]) + "\n")
    definitions = DumpDefinitions(DumpFile(str(path)), [], "UTF8")
    first = b"".join(definitions)
    path.unlink()
    assert first.decode().split() == "\n".join(many).split()
    assert b"".join(definitions) == first


# One statement a line.
SELECTED = """\
CREATE TYPE s.kind AS ENUM ('a');
CREATE FUNCTION s.of(s.argument) RETURNS text LANGUAGE sql AS $$SELECT 'body'$$;
CREATE TABLE s.t (x integer DEFAULT nextval('s.counter'::regclass), CHECK (s.is_good(x)));
ALTER TABLE s.t OWNER TO app;
CREATE VIEW s.over AS SELECT x FROM s.t JOIN s.joined USING (x);
CREATE TABLE s.joined (x integer);
ALTER TABLE s.joined OWNER TO app;
CREATE TABLE s.argument (x integer);
CREATE TABLE s.body (x integer);
CREATE SEQUENCE s.counter;
ALTER SEQUENCE s.counter OWNED BY s.owning.x;
CREATE TABLE s.owning (x integer);
CREATE TABLE s.other (x integer, CONSTRAINT other_check CHECK (x > 0));
ALTER TABLE s.other OWNER TO app;
COMMENT ON TABLE s.other IS 'other';
COMMENT ON COLUMN s.other.x IS 'other';
ALTER TABLE ONLY s.other ADD CONSTRAINT other_pkey PRIMARY KEY (x);
CREATE INDEX other_index ON s.other USING btree (x);
COMMENT ON INDEX s.other_index IS 'other';
ALTER TABLE ONLY s.other ADD CONSTRAINT other_fkey FOREIGN KEY (x) REFERENCES s.t (x);
CREATE TRIGGER other_trigger AFTER INSERT ON s.other FOR EACH ROW EXECUTE FUNCTION s.f();
CREATE POLICY other_policy ON s.other;
ALTER TABLE s.other ENABLE ROW LEVEL SECURITY;
CREATE VIEW s.another AS SELECT x FROM s.other;
GRANT SELECT ON TABLE s.another TO app;
CREATE TABLE s."odd name" (x s."odd type", y s.named_by_it);
CREATE TABLE s.named_by_it (x integer);
CREATE TABLE s.child (x integer) INHERITS (s.t);
ALTER TABLE ONLY s.joined ADD CONSTRAINT joined_fkey FOREIGN KEY (x) REFERENCES s.referenced (x);
CREATE TABLE s.referenced (x integer);
CREATE PUBLICATION p;
ALTER PUBLICATION p ADD TABLE ONLY s.other;
"""
ALWAYS = {"argument", "body", "named_by_it", "odd name"}
RELATIONS = {
    "t", "over", "joined", "argument", "body", "counter", "owning", "other", "another", "named_by_it", "child",
    "referenced", "other_pkey", "other_index",
}  # fmt: skip


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("TABLE s.t", {"t", "counter", "owning"}),
        ("VIEW s.over", {"over", "t", "counter", "owning", "joined", "referenced"}),
        ("SEQUENCE s.counter", {"counter", "owning"}),
        ("TABLE s.child", {"child", "t", "counter", "owning"}),
        ("INDEX s.other_index of other", {"other", "other_pkey", "other_index", "t", "counter", "owning"}),
        ("COMMENT s.INDEX other_index", {"other", "other_pkey", "other_index", "t", "counter", "owning"}),
        ("VIEW s.another", {"another", "other", "other_pkey", "other_index", "t", "counter", "owning"}),
        ("FUNCTION s.of(s.argument)", set()),
        ("TABLE s.odd name", set()),
    ],
)
def test_a_relation_is_left_out_unless_its_name_occurs_in_what_is_kept(
    tmp_path: Path, title: str, kept: set[str]
) -> None:
    path = tmp_path / "dump.sql"
    path.write_text(SELECTED)
    manifest = manifest_of([SELECTED.encode()])
    wanted = [entry for entry in manifest.entries if entry.title == title]
    assert len(wanted) == 1
    definitions = DumpDefinitions(DumpFile(str(path)), [], "UTF8")
    left_out = not_needed(definitions, manifest.entries, wanted)
    assert left_out == RELATIONS - kept - ALWAYS
    found = b"".join(definitions_to_settle(definitions, "UTF8", left_out)).decode()
    assert found.splitlines() == [
        line for line in SELECTED.splitlines() if left_out.isdisjoint(re.findall(r"\w+", line))
    ]  # fmt: skip


@pytest.mark.parametrize(
    "statement",
    ["CREATE FUNCTION s.long() RETURNS text AS $$" + "x " * (1 << 20) + "$$;", 'CREATE TYPE s.c AS (x s.U&"\\006f");'],
)
def test_nothing_is_left_out_where_a_statement_cannot_be_read_for_names(tmp_path: Path, statement: str) -> None:
    text = SELECTED + statement + "\n"
    path = tmp_path / "dump.sql"
    path.write_text(text)
    manifest = manifest_of([text.encode()])
    assert not_needed(DumpDefinitions(DumpFile(str(path)), [], "UTF8"), manifest.entries, manifest.entries[:1]) == set()
