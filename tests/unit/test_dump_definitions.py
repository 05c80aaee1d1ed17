"""A dump without its rows, and texts that must occur in the statement about their object."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils import _dump_definitions
from ansible_collections.incomex.closeout.plugins.module_utils._dump_definitions import (
    Texts,
    definitions_of,
    definitions_to_settle,
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
    assert occurring(path, blocks, "UTF8", {one, Texts("s", "none", ("x",))}) == ({one} if there else set())


def test_texts_are_looked_for_in_the_dumps_encoding(tmp_path: Path) -> None:
    path = tmp_path / "dump.sql"
    path.write_bytes(DUMP.encode("latin-1"))
    wanted = Texts("s", "t", ('"größe"',))
    blocks = manifest_of([DUMP.encode("latin-1")]).blocks
    assert occurring(DumpFile(str(path)), blocks, "LATIN1", {wanted}) == {wanted}
    assert occurring(DumpFile(str(path)), blocks, "UTF8", {wanted}) == set()


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
    "SET client_encoding = 'UTF8';",
    "CREATE FUNCTION s.f() RETURNS oid LANGUAGE sql AS $$\nSELECT pg_catalog.lo_create('7');\n$$;",
    "COMMENT ON TABLE s.t IS 'GRANT SELECT ON LARGE OBJECT 7 TO app;';",
    "BEGIN;",
    "COMMIT;",
    "SELECT pg_catalog.setval('s.q', 1, true);",
]


@pytest.mark.parametrize("piece_bytes", [7, 1000, 1 << 20])
def test_large_objects_are_left_out_where_texts_are_settled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece_bytes: int
) -> None:
    monkeypatch.setattr(_dump_definitions, "_READ_BYTES", piece_bytes)
    statements = [KEPT[0], *LARGE_OBJECTS[:3], KEPT[1], *LARGE_OBJECTS[3:6], *KEPT[2:4], *LARGE_OBJECTS[6:], *KEPT[4:]]
    path = tmp_path / "dump.sql"
    path.write_text("\n\n".join(statements) + "\n")
    found = b"".join(definitions_to_settle(DumpFile(str(path)), [])).decode()
    assert found.split() == "\n".join(KEPT).split()
    path.write_text("\n".join(KEPT))
    assert b"".join(definitions_to_settle(DumpFile(str(path)), [])).decode() == "\n".join(KEPT)
