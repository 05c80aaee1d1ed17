"""The manifest: which tables a dump creates and which rows it brings; written, and read again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError
from ansible_collections.incomex.closeout.plugins.module_utils._manifest import (
    SCHEMA,
    Manifest,
    manifest_of,
    read_manifest,
)
from hypothesis import given, settings
from hypothesis import strategies as st

MARKER = b"--\n-- PostgreSQL database dump complete\n--\n\n"


def of(dump: bytes) -> Manifest:
    """Return the manifest of one piece of dump."""
    manifest: Manifest = manifest_of([dump])
    return manifest


def copy(name: str, *rows: str, columns: str = " (x)") -> bytes:
    """Return a data block."""
    return f"COPY {name}{columns} FROM stdin;\n{''.join(row + chr(10) for row in rows)}\\.\n\n".encode()


def test_tables_and_rows_by_schema() -> None:
    manifest = of(
        b"CREATE TABLE a.t (x int);\nCREATE TABLE a.u (x int);\nCREATE TABLE b.t (x int);\nCREATE TABLE a.none ();\n"
        + copy("a.t", "1", "2")
        + copy("a.u")
        + copy("b.t", "1")
        + copy("a.none", "", "", columns=" ")
        + MARKER
    )
    assert manifest.complete
    assert manifest.names("a") == ["none", "t", "u"]
    assert manifest.rows("a") == {"none": 2, "t": 2, "u": 0}
    assert manifest.rows("b") == {"t": 1}
    assert manifest.names("c") == []


def test_several_blocks_of_one_table_are_added() -> None:
    manifest = of(b"CREATE TABLE a.t (x int);\n" + copy("a.t", "1", "22") + copy("a.t", "3"))
    assert manifest.rows("a") == {"t": 3}
    assert manifest.tables["a", "t"].bytes == 7


@pytest.mark.parametrize(
    ("create", "name", "partitioned", "unlogged"),
    [
        ("CREATE TABLE a.t (x int);", "t", False, False),
        ("CREATE UNLOGGED TABLE a.t (x int);", "t", False, True),
        ("CREATE TABLE IF NOT EXISTS a.t (x int);", "t", False, False),
        ("CREATE TABLE a.t (x int)\nPARTITION BY RANGE (x);", "t", True, False),
        ('CREATE TABLE a."T; x" (x int);', "T; x", False, False),
        ('CREATE TABLE "a"."a ""b"" c" (x int);', 'a "b" c', False, False),
        ('CREATE TABLE a."b\n-- Name: c; Type: TABLE;" (x int);', "b\n-- Name: c; Type: TABLE;", False, False),
        ('CREATE TABLE a."größe" (x int);', "größe", False, False),
        ("CREATE TABLE a.t (\n    x integer,\n    CONSTRAINT c CHECK ((x > 0))\n)\nINHERITS (a.u);", "t", False, False),
        ("CREATE TABLE a.t OF a.type_;", "t", False, False),
        ("CREATE TABLE a.t (x int)\nWITH (fillfactor='70');", "t", False, False),
    ],
)  # fmt: skip
def test_a_created_table(create: str, name: str, partitioned: bool, unlogged: bool) -> None:
    entry = of(create.encode()).tables["a", name]
    assert (entry.created, entry.partitioned, entry.unlogged) == (True, partitioned, unlogged)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE FOREIGN TABLE a.t (x int) SERVER s;",
        "CREATE VIEW a.t AS SELECT 1;",
        "CREATE MATERIALIZED VIEW a.t AS SELECT 1 WITH NO DATA;",
        "CREATE SEQUENCE a.t;",
        "COMMENT ON TABLE a.t IS 'CREATE TABLE a.t (x int);';",
        "ALTER TABLE a.t OWNER TO b;",
        "ALTER TABLE ONLY a.t ATTACH PARTITION a.u DEFAULT;",
        "CREATE FUNCTION a.f() RETURNS int AS $$CREATE TABLE a.t (x int);$$ LANGUAGE sql;",
        "-- CREATE TABLE a.t (x int);\n",
        "/* CREATE TABLE a.t (x int); */",
        "--\n-- Name: t; Type: TABLE; Schema: a; Owner: o\n--\n",
        "SELECT 1; -- CREATE TABLE a.t (x int);\n",
    ],
)
def test_nothing_else_is_a_table(statement: str) -> None:
    """Names of entries in comments, texts of functions, views and foreign tables are none."""
    assert of(statement.encode()).names("a") == []


def test_data_of_a_table_that_the_dump_does_not_create_count_for_none() -> None:
    """As of an extension's configuration table."""
    manifest = of(copy("a.t", "1"))
    assert (manifest.names("a"), manifest.rows("a")) == ([], {})


def test_a_table_without_data_is_uncounted_and_a_partitioned_one_has_none() -> None:
    """Not in the dump is not zero; a partitioned table itself never has rows."""
    manifest = of(
        b"CREATE TABLE a.p (x int) PARTITION BY LIST (x);\n"
        b"CREATE UNLOGGED TABLE a.u (x int);\nCREATE TABLE a.t (x int);\n"
    )
    assert manifest.names("a") == ["p", "t", "u"]
    assert manifest.rows("a") == {"p": 0}


def test_a_data_block_that_is_cut_off_counts_for_nothing() -> None:
    manifest = of(b"CREATE TABLE a.t (x int);\nCOPY a.t (x) FROM stdin;\n1\n2\n")
    assert (manifest.rows("a"), manifest.complete) == ({}, False)


def test_a_table_created_twice_is_refused() -> None:
    with pytest.raises(CloseoutError, match=r"a\.t twice"):
        of(b"CREATE TABLE a.t (x int);CREATE TABLE a.t (y int);")


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE t (x int);", "CREATE TABLE (x int);", "COPY t FROM stdin;", "COPY a. FROM stdin;"]
)
def test_a_statement_that_cannot_be_understood_is_refused(statement: str) -> None:
    """Better no manifest than one that lacks a table."""
    with pytest.raises(CloseoutError, match="cannot be understood"):
        of(statement.encode())


@pytest.mark.parametrize(
    ("encoding", "codec", "name"),
    [
        ("UTF8", "utf-8", "größe 表"),
        ("SQL_ASCII", "utf-8", "größe"),
        ("LATIN1", "latin-1", "größe"),
        ("LATIN2", "iso8859-2", "łódź"),
        ("LATIN5", "latin5", "ığdır"),
        ("LATIN9", "iso8859-15", "€uro"),
        ("LATIN10", "iso8859-16", "ș"),
        ("WIN1251", "cp1251", "таблица"),
        ("WIN1252", "cp1252", "größe€"),
        ("WIN866", "cp866", "таблица"),
        ("WIN874", "cp874", "ตาราง"),
        ("KOI8R", "koi8-r", "таблица"),
        ("KOI8U", "koi8-u", "їжак"),
        ("ISO_8859_5", "iso8859-5", "таблица"),
        ("EUC_JP", "euc-jp", "表"),
        ("EUC_KR", "euc-kr", "표"),
        ("EUC_CN", "gb2312", "表"),
    ],
)
def test_names_are_read_in_the_dump_s_encoding(encoding: str, codec: str, name: str) -> None:
    dump = f"SET client_encoding = '{encoding}';\nCREATE TABLE a.\"{name}\" (x int);\n".encode(codec)
    assert of(dump + f'COPY a."{name}" (x) FROM stdin;\n'.encode(codec) + b"1\n\\.\n").rows("a") == {name: 1}


def test_a_name_that_is_no_text_is_still_a_name() -> None:
    """SQL_ASCII promises nothing; the bytes survive the way into the file and back."""
    manifest = of(b"SET client_encoding = 'SQL_ASCII';\nCREATE TABLE a.\"x\xff\" (y int);\n")
    assert manifest.names("a") == ["x\udcff"]
    assert read_manifest(manifest.as_json())[0].names("a") == ["x\udcff"]


def test_an_encoding_that_is_not_known_is_refused_at_the_first_name() -> None:
    with pytest.raises(CloseoutError, match="cannot be understood"):
        of(b"SET client_encoding = 'MULE_INTERNAL';\nCREATE TABLE a.t (x int);\n")


def test_what_was_written_is_read_again() -> None:
    dump = b"CREATE UNLOGGED TABLE a.t (x int);\nCREATE TABLE b.p (x int) PARTITION BY LIST (x);\n" + copy("a.t", "1")
    manifest = of(dump + MARKER)
    read, document = read_manifest(manifest.as_json(run_id="r", dump={"name": "d.sql"}))
    assert (read.tables, read.complete) == (manifest.tables, True)
    assert (document["schema"], document["run_id"], document["dump"]) == (SCHEMA, "r", {"name": "d.sql"})
    assert read_manifest(of(dump).as_json())[0].complete is False


def _document(**changes: Any) -> bytes:
    document = {**json.loads(of(b"CREATE TABLE a.t (x int);" + MARKER).as_json()), **changes}
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        _document(schema="incomex.closeout/manifest/2"),
        _document(tables=None),
        _document(tables=[{"schema": "a"}]),
        _document(tables=[{"schema": "a", "name": "b", "more": 1}]),
        _document(tables=["a"]),
        b'{"schema": "incomex.closeout/manifest/1", "tables": []}',
    ],
)
def test_another_document_is_refused(content: bytes) -> None:
    with pytest.raises(CloseoutError, match="manifest cannot be read"):
        read_manifest(content)


@pytest.mark.parametrize("value", [1, "true", None, False])
def test_complete_is_true_or_it_is_not(value: object) -> None:
    assert read_manifest(_document(complete=value))[0].complete is False


_NAME = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=63)


@settings(max_examples=200)
@given(names=st.sets(_NAME, max_size=6), sizes=st.lists(st.integers(1, 50), min_size=1, max_size=4))
def test_any_name_survives(names: set[str], sizes: list[int]) -> None:
    """From the catalogue through dump, scanner, manifest and file: the same set of names, however the stream is cut."""
    dump = b"".join(
        b"CREATE TABLE %s (x int);\n%s" % (quoted.encode(), copy(quoted, "1"))
        for quoted in ('"s ""1"""."' + name.replace('"', '""') + '"' for name in names)
    )
    pieces: list[bytes] = []
    start = 0
    while start < len(dump):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(dump[start : start + size])
        start += size
    manifest = read_manifest(manifest_of(pieces).as_json())[0]
    assert manifest.rows('s "1"') == dict.fromkeys(names, 1)
    assert manifest.names('s "1"') == sorted(names)
