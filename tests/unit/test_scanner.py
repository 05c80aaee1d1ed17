"""The scanner: statements and COPY blocks as psql sees them, in bounded memory, however the stream is cut."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Iterable, Iterator

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._scanner import (
    MAX_STATEMENT_BYTES,
    Scanner,
    Statement,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

MARKER = b"--\n-- PostgreSQL database dump complete\n--\n\n"
Event = tuple[object, ...]


class Recorder:
    """A sink that keeps everything, and sees to it that what it is told about a thing agrees."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.digests_of_long_ones: list[str] = []
        self.places: list[tuple[int, int]] = []
        self.blocks: list[tuple[int, bytes]] = []
        self._data = bytearray()

    def statement(self, statement: Statement) -> None:
        """Keep it."""
        self.events.append(("statement", *statement[:4]))
        self.places.append((statement.start, statement.end))
        if statement.whole:
            assert statement.sha256 == hashlib.sha256(statement.text).hexdigest()
        else:
            self.digests_of_long_ones.append(statement.sha256)

    def copy_data(self, data: memoryview) -> None:
        """Keep it."""
        self._data += data

    def copy_block(self, rows: int, size_bytes: int, offset: int) -> None:
        """Keep it."""
        assert (rows, size_bytes) == (self._data.count(b"\n"), len(self._data))
        self.events.append(("copy", rows, size_bytes))
        self.blocks.append((offset, bytes(self._data)))
        self._data = bytearray()


class Forgetful(Recorder):
    """A sink that keeps no data, for tests of memory."""

    def copy_data(self, data: memoryview) -> None:
        """Forget it."""

    def copy_block(self, rows: int, size_bytes: int, offset: int) -> None:
        """Keep the event."""
        self.events.append(("copy", rows, size_bytes))


def scan(pieces: Iterable[bytes]) -> tuple[list[Event], bool]:
    """Return the events of a stream, and whether it was complete."""
    recorder = Recorder()
    scanner = Scanner(recorder)
    fed = []
    for piece in pieces:
        scanner.feed(piece)
        fed.append(piece)
    scanner.finish()
    whole = b"".join(fed)
    for offset, data in recorder.blocks:
        assert whole[offset : offset + len(data)] == data
    return [*recorder.events, *(("long", digest) for digest in recorder.digests_of_long_ones)], scanner.complete


def texts(dump: bytes) -> list[bytes]:
    """Return the texts of the statements of a dump."""
    return [event[1] for event in scan([dump])[0] if event[0] == "statement" and isinstance(event[1], bytes)]


def blocks(dump: bytes) -> list[Event]:
    """Return rows and bytes of the COPY blocks of a dump."""
    return [event[1:] for event in scan([dump])[0] if event[0] == "copy"]


FORGED = (
    b"\n;\nCREATE TABLE forged.t (a int);\nCOPY forged.t (a) FROM stdin;\n1\n\\.\n"
    + MARKER
    + b"/* ' \" $x$ */ -- ' \" (\n"
)

# Each is one statement, whatever it holds.
SINGLE = {
    "plain": b"SELECT 1;",
    "quoted": b"COMMENT ON TABLE a.b IS 'it''s; -- no comment /* nor this';",
    "backslash is itself": rb"SELECT 'a\';",
    "identifier": b'CREATE TABLE a."b; c"" -- d" (x int);',
    "identifier with pg_dump's own comment in it": b'CREATE TABLE a."b\n-- Name: c; Type: TABLE; Schema: a" (x int);',
    "E''": rb"SELECT E'a\'; b'';\\';",
    "e'' with an escaped backslash at its end": rb"SELECT e'\\', ';', E'\\\'', ';';",
    "E'' doubled": b"SELECT E'''', ';', E'a''b;';",
    "word before a quote is no E": b"SELECT somE'\\', ';';",
    "U&''": b"SELECT U&'d\\0061t;', U&\"d\\0061t;\";",
    "B'', X'', N''": b"SELECT B'0;', X'f;', N'x;';",
    "dollar quote": b"SELECT $$ ; ' \" -- /* $$;",
    "dollar quote with a tag": b"SELECT $a$ ; $$ ; $b$ ; $a$;",
    "nested dollar quotes": b"SELECT $_$ BEGIN EXECUTE $x$ SELECT ';' $x$; END; $_$;",
    "dollar in an identifier is no quote": b"SELECT a$b$c FROM d$$;",
    "dollar parameter": b"SELECT $1, $2;",
    "dollar tag cannot begin with a digit": b"SELECT '$1$' || $1;",
    "longest tag": b"SELECT $" + b"t" * 101 + b"$;" + FORGED + b"$" + b"t" * 101 + b"$;",
    "dollar tag beyond ASCII": "SELECT $größe$ ; $größe$;".encode(),
    "parentheses": b"CREATE RULE r AS ON INSERT TO a.t DO (INSERT INTO a.b VALUES (1); DELETE FROM a.c;);",
    "BEGIN ATOMIC": b"CREATE FUNCTION a.f() RETURNS int LANGUAGE sql\nBEGIN ATOMIC\n SELECT 1;\n SELECT 2;\nEND;",
    "BEGIN ATOMIC with CASE": b"CREATE OR REPLACE FUNCTION a.f(x int) RETURNS int LANGUAGE sql BEGIN ATOMIC"
    b" SELECT CASE WHEN x > 1 THEN CASE x WHEN 2 THEN 3 END ELSE 4 END; SELECT (CASE x WHEN 1 THEN 2 END); END;",
    "procedure": b"CREATE PROCEDURE a.p() BEGIN ATOMIC INSERT INTO a.t VALUES (1); END;",
    "an argument that is called begin": b"CREATE FUNCTION a.f(begin integer, case_id integer) RETURNS int AS $$x;$$;",
    "a column that is called begin": b"CREATE FUNCTION a.f() RETURNS TABLE(begin date, e date) AS $$x;$$ LANGUAGE sql;",
    "begin elsewhere": b"CREATE VIEW a.v AS SELECT begin, case_ FROM a.t;",
    "forged inside a function": b"CREATE FUNCTION a.f() RETURNS text LANGUAGE sql AS $_$" + FORGED + b"$_$;",
    "forged inside a string": b"SELECT '" + FORGED.replace(b"'", b"''") + b"';",
    "forged inside an E string": b"SELECT E'" + FORGED.replace(b"\\", b"\\\\").replace(b"'", b"\\'") + b"';",
    "forged inside an identifier": b'CREATE TABLE a."' + FORGED.replace(b'"', b'""') + b'" (x int);',
}


@pytest.mark.parametrize("statement", SINGLE.values(), ids=SINGLE.keys())
def test_a_statement_is_one(statement: bytes) -> None:
    """It comes out as it went in, alone, and what follows it is read as what follows."""
    events, complete = scan([statement, b"\nSELECT 'next';\n", MARKER])
    assert [event[1] for event in events] == [statement, b"SELECT 'next';"]
    assert all(event[2] is True for event in events)
    assert complete


@pytest.mark.parametrize("statement", SINGLE.values(), ids=SINGLE.keys())
def test_a_comment_may_hold_anything(statement: bytes) -> None:
    """Comments, nested ones too, are nobody's text: neither their quotes nor their semicolons count."""
    inner = statement.replace(b"*/", b"").replace(b"/*", b"/* /* */ */")
    assert texts(b"/* " + inner + b" */ SELECT 1;") == [b"SELECT 1;"]
    line = statement.replace(b"\n", b" ")
    assert texts(b"-- " + line + b"\nSELECT 1;") == [b"SELECT 1;"]


@pytest.mark.parametrize(
    ("dump", "expected"),
    [
        (b"", []),
        (b";;;", []),
        (b" \n\t;\n", []),
        (b"SELECT 1; SELECT 2;SELECT 3;", [b"SELECT 1;", b"SELECT 2;", b"SELECT 3;"]),
        (b"SELECT 1 -- ; one\n;", [b"SELECT 1 ;"]),
        (b"/* a /* b */ ; */SELECT 1;/**/", [b"SELECT 1;"]),
        (b"/*/ ; */SELECT 1;", [b"SELECT 1;"]),
        (b"/***/SELECT 1;", [b"SELECT 1;"]),
        (b"SELECT 1 - -1;", [b"SELECT 1 - -1;"]),
        (b"SELECT 1", []),
        (b"SELECT (1;", []),
        (b"SELECT 1);SELECT 2;", [b"SELECT 1);", b"SELECT 2;"]),
        (b"\\restrict abc;'\"\nSELECT 1;\n\\unrestrict abc\n", [b"SELECT 1;"]),
        (b"\\connect directus\n\nSELECT 1;", [b"SELECT 1;"]),
        (b"SELECT 1;\\restrict a\nSELECT 2;", [b"SELECT 1;", b"SELECT 2;"]),
    ],
)
def test_statements(dump: bytes, expected: list[bytes]) -> None:
    assert texts(dump) == expected


@pytest.mark.parametrize("number", [0, 1, 5, 300])
def test_words_are_the_first_outside_quotes_and_parentheses(number: int) -> None:
    events, _scanner = scan([b"create Unlogged table a.\"select\" (b int) 'x' $$y$$ with " + b"w " * number + b";"])
    words = events[0][3]
    assert isinstance(words, tuple)
    assert words[:5] == (b"CREATE", b"UNLOGGED", b"TABLE", b"A", b"WITH")
    assert len(words) == min(8, 5 + number)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (b"CREATE TABLE a.t (x int) PARTITION BY RANGE (x);", True),
        (b"CREATE TABLE a.t (x int)\npartition\n  by LIST (x);", True),
        (b"CREATE TABLE a.t (x int);", False),
        (b'CREATE TABLE a."PARTITION BY" (x int);', False),
        (b"CREATE TABLE a.t (x text DEFAULT 'PARTITION BY');", False),
        (b"CREATE TABLE a.t (x int GENERATED ALWAYS AS (rank() OVER (PARTITION BY y)) STORED);", False),
        (b"CREATE TABLE a.partition (x int) WITH (fillfactor='70');", False),
        (b"CREATE TABLE a.t (x int) /* PARTITION BY */;", False),
    ],
)
def test_partition_by(statement: bytes, expected: bool) -> None:
    events, _scanner = scan([statement])
    assert events[0][4] is expected


def test_a_backslash_escapes_where_standard_conforming_strings_is_off() -> None:
    on, off = b"SET standard_conforming_strings = on;\n", b"SET standard_conforming_strings = off;\n"
    statement = rb"COMMENT ON TABLE a.b IS 'it\'s; ''\\';"
    assert texts(off + statement + on + rb"SELECT '\';SELECT 2;") == [
        off.strip(),
        statement,
        on.strip(),
        rb"SELECT '\';",
        b"SELECT 2;",
    ]


# ---- COPY


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (b"", 0),
        (b"1\n", 1),
        (b"\n", 1),
        (b"\n\n\n", 3),
        (b"1\ta\n2\tb\n", 2),
        (b"\\\\.\n", 1),
        (b"\\\\.\n\\\\.\n\\N\n", 3),
        (b"a\\\\.\n", 1),
        (b"\\.x\n", 1),
        (b"x\\.\n", 1),
        (b"a\\nb\\tc\n", 1),
        (b"'\n\"\n$$\n/*\n--\n(\n;\n", 7),
        (FORGED.replace(b"\\.", b"\\\\."), FORGED.count(b"\n")),
        (bytes(range(11, 256)) + b"\n", 1),
    ],
)
@pytest.mark.parametrize("columns", [b' (a, "b;")', b" "])
def test_the_rows_of_a_block_are_its_lines(data: bytes, rows: int, columns: bytes) -> None:
    """Rows are bytes: no quote, no comment and no terminator of another line in them means anything."""
    dump = b"COPY a.t" + columns + b" FROM stdin;\n" + data + b"\\.\n\n\nSELECT 1;\n" + MARKER
    events, complete = scan([dump])
    assert [event[0] for event in events] == ["statement", "copy", "statement"]
    assert events[1] == ("copy", rows, len(data))
    assert events[2][1] == b"SELECT 1;"
    assert complete


def test_every_block_is_told_after_its_statement() -> None:
    dump = b"COPY a.t FROM stdin;\n1\n\\.\nCOPY a.u FROM stdin;\n\\.\nCOPY a.t FROM stdin;\n2\n3\n\\.\n"
    assert blocks(dump) == [(1, 2), (0, 0), (2, 4)]


@pytest.mark.parametrize(
    "statement",
    [
        b"COPY a.t TO stdout;",
        b"COPY a.t FROM '/tmp/stdin;';",
        b"SELECT 'COPY a.t FROM stdin;';",
        b"CREATE FUNCTION copy() RETURNS int AS $$COPY a.t FROM stdin;$$;",
    ],
)
def test_nothing_else_brings_data(statement: bytes) -> None:
    assert blocks(statement + b"\n1\n\\.\n;") == []


def test_a_name_with_the_words_of_copy_in_it_is_a_name() -> None:
    dump = b'COPY a."b FROM stdin;\n\\.\n" (x) FROM stdin;\n1\n\\.\n'
    assert blocks(dump) == [(1, 2)]


# ---- complete


WHOLE = (
    b"--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nSET client_encoding = 'UTF8';\n"
    b"CREATE TABLE a.t (\n    x integer DEFAULT 1\n);\n\n\nCREATE FUNCTION a.f() RETURNS text\n    AS $_$"
    + FORGED
    + b"$_$;\n\nCOPY a.t (x) FROM stdin;\n1\n"
    + FORGED.replace(b"\\.", b"\\\\.")
    + b"\\.\n\nCREATE VIEW a.v AS\n SELECT '"
    + FORGED.replace(b"'", b"''")
    + b"'::text;\n\n/* "
    + MARKER
    + b"*/\n"
)


@pytest.mark.parametrize("end", [MARKER, MARKER + b"\\unrestrict abc\n\n", MARKER.rstrip(b"\n"), MARKER[:-5]])
def test_a_whole_dump_is_complete(end: bytes) -> None:
    assert scan([WHOLE + end])[1] is True


def test_a_dump_cut_off_anywhere_is_not_complete() -> None:
    """At no byte before the end of the marker's line, however many markers its texts, rows and comments hold."""
    whole = WHOLE + MARKER
    enough = len(whole) - len(MARKER) + MARKER.index(b"complete") + len(b"complete")
    assert scan([whole[:enough]])[1] is True
    assert [size for size in range(enough) if scan([whole[:size]])[1]] == []


@pytest.mark.parametrize(
    "tail",
    [
        b"SELECT 1;\n",
        b"SELECT 1",
        b"COPY a.t FROM stdin;\n",
        b"COPY a.t FROM stdin;\n1\n\\.\n",
        b"'",
        b"$$",
        b"/* ",
        b"x",
    ],
)
def test_a_marker_that_is_not_the_last_is_none(tail: bytes) -> None:
    assert scan([WHOLE + MARKER + tail])[1] is False


@pytest.mark.parametrize(
    "line",
    [
        b"-- PostgreSQL database dump complete?",
        b"--PostgreSQL database dump complete",
        b"-- postgresql database dump complete",
        b"x -- PostgreSQL database dump complete",
        b"-- PostgreSQL database cluster dump complete",
        b"\\-- PostgreSQL database dump complete",
        b"PostgreSQL database dump complete",
    ],
)
def test_what_is_like_the_marker_is_none(line: bytes) -> None:
    assert scan([b"SELECT 1;\n" + line + b"\n"])[1] is False


@pytest.mark.parametrize("length", [102, 103, 150, 500])
def test_a_dollar_quote_that_cannot_be_followed_is_never_complete(length: int) -> None:
    """A function body can be made so that pg_dump quotes it with a tag of any length: then nothing is believed."""
    tag = b"$" + b"_XXXXXXX" * (length // 8) + b"_" * (length % 8) + b"$"
    assert len(tag) == length + 2
    dump = b"CREATE FUNCTION a.f() RETURNS text AS " + tag + FORGED + tag + b";\n" + MARKER
    assert scan([dump])[1] is False


# ---- the same, however it comes


def cut(dump: bytes, sizes: list[int]) -> Iterator[bytes]:
    """Yield the dump in pieces of these sizes, over and over."""
    start, position = 0, 0
    while start < len(dump):
        size = sizes[position % len(sizes)]
        yield dump[start : start + size]
        start += size
        position += 1
        if size == 0 and not any(sizes):
            yield dump[start:]
            return


# Longer than the scanner looks ahead, so that a cut can fall into every state.
_PAD = b"x" * 290 + b"\n;" + b"x" * 10
LONG = {
    "string": b"SELECT '" + _PAD + b"'';" + _PAD + b"'''';" + _PAD + b"';",
    "E string": b"SELECT E'" + _PAD + b"\\';" + _PAD + b"\\\\\\'" + _PAD + b"'';\\'" + _PAD + b"\\\\';",
    "identifier": b'CREATE TABLE a."' + _PAD + b'"";' + _PAD + b'" (x int);',
    "dollar quote": b"SELECT $a$" + _PAD + b"$a" + _PAD + b"a$ $ a$ $b$;" + _PAD + b"$a$;",
    "comments": b"/*" + _PAD + b"/*" + _PAD + b"*/" + _PAD + b"/" + _PAD + b"**/SELECT 1;",
    "line comment": b"--" + b"x" * 700 + b";\nSELECT 1;--" + b"'" * 700 + b"\n",
    "psql command": b"\\restrict " + b"x" * 700 + b";\nSELECT 1;",
    "rows": b"COPY a.t FROM stdin;\n" + b"12\n" * 300 + b"\\\\.\n" + _PAD + b"\n\\.\n\nSELECT 1;" + b" " * 300,
    "a long row": b"COPY a.t FROM stdin;\n" + b"x" * 700 + b"\\.\n\\.\nSELECT 1;" + b" " * 300,
    "rows after a long line": b"COPY a.t FROM stdin;" + b" " * 300 + b"\n\\.x\n\\.\n" + b" " * 300,
    "no rows": b"COPY a.t FROM stdin;\n\\.\n" + b"\n" * 300 + b"COPY a.u FROM stdin;\n\n\\.\n" + b" " * 300,
    "words": b"w" * 199 + b" " + b"w" * 200 + b"E'\\';" + b"9" * 199 + b"$a$ SELECT $1$a$;" + b" " * 300,
    "a marker and comments behind it": b"SELECT 1;\n-- PostgreSQL database dump complete\n" + b"-- x\n" * 100,
    "a marker far behind": b"SELECT 1;\n" + b" " * 300 + b"-- PostgreSQL database dump complete" + b" " * 400,
}


@pytest.mark.parametrize("dump", LONG.values(), ids=LONG.keys())
def test_a_cut_may_fall_anywhere(dump: bytes) -> None:
    """Into every state of the scanner, and into every mark that begins or ends one."""
    whole = scan([dump])
    assert [at for at in range(len(dump) + 1) if scan([dump[:at], dump[at:]]) != whole] == []
    assert [size for size in range(1, 9) if scan(cut(dump, [size])) != whole] == []


def test_the_long_ones_are_read_as_the_short_ones() -> None:
    for name in ("string", "E string", "identifier", "dollar quote"):
        assert texts(LONG[name] + b"SELECT 2;") == [LONG[name], b"SELECT 2;"]
    for name in ("comments", "line comment", "psql command"):
        assert texts(LONG[name] + b"SELECT 2;") == [b"SELECT 1;", b"SELECT 2;"]
    assert blocks(LONG["rows"]) == [(303, 900 + 4 + len(_PAD) + 1)]
    assert blocks(LONG["a long row"]) == [(1, 703)]
    assert blocks(LONG["rows after a long line"]) == [(1, 4)]
    assert blocks(LONG["no rows"]) == [(0, 0), (1, 1)]
    assert scan([LONG["a marker far behind"]])[1] is True
    assert scan([LONG["a marker and comments behind it"]])[1] is True


FRAGMENTS = [
    *SINGLE.values(),
    b"COPY a.t (a) FROM stdin;\n",
    b"COPY a.t FROM stdin; -- x\n",
    b"1\n2\n",
    b"\\.\n",
    b"\n\\.\n",
    b"\\\\.\n",
    b"\n",
    b"'",
    b'"',
    b"$",
    b"$$",
    b"$_$",
    b"E'",
    b"\\",
    b"\\'",
    b"''",
    b"U&'",
    b"/*",
    b"*/",
    b"/",
    b"*",
    b"--",
    b"-",
    b"(",
    b")",
    b";",
    b" ",
    b"w" * 205,
    b"$" + b"t" * 101 + b"$",
    b"$" + b"t" * 103,
    b"9" * 300,
    b" " * 300,
    b"BEGIN ",
    b"CASE ",
    b"END ",
    b"CREATE FUNCTION ",
    b"PARTITION ",
    b"BY ",
    b"SET standard_conforming_strings = off;\n",
    b"SET standard_conforming_strings = on;\n",
    b"-- PostgreSQL database dump complete",
    b"\\restrict x\n",
    MARKER,
    "größe".encode(),
    b"\xff\xfe\x00",
]
DUMPS = st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=40), max_size=30).map(b"".join)


@settings(max_examples=300)
@given(dump=DUMPS, sizes=st.lists(st.integers(0, 400), min_size=1, max_size=8))
@example(dump=WHOLE + MARKER, sizes=[1])
@example(dump=WHOLE + MARKER, sizes=[2, 1, 3])
def test_how_the_stream_is_cut_changes_nothing(dump: bytes, sizes: list[int]) -> None:
    assert scan(cut(dump, sizes)) == scan([dump])


@settings(max_examples=150)
@given(dump=DUMPS)
def test_single_bytes_are_as_good(dump: bytes) -> None:
    assert scan(dump[at : at + 1] for at in range(len(dump))) == scan([dump])


@settings(max_examples=500)
@given(dump=st.binary(max_size=2000))
def test_bytes_of_any_kind_are_scanned(dump: bytes) -> None:
    """Never a crash; what is told is of the right form, and rows and bytes cannot be more than there were."""
    for kind, *facts in scan([dump])[0]:
        if kind == "copy":
            rows, size = facts
            assert isinstance(rows, int) and isinstance(size, int)
            assert 0 <= rows <= size <= len(dump)
        else:
            assert isinstance(facts[0], bytes) and facts[0].endswith(b";") and facts[1] is True


_NAME = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)


@settings(max_examples=200)
@given(
    tables=st.lists(
        st.tuples(_NAME, st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10))),
        max_size=5,
    ),
    text=st.text(st.characters(codec="utf-8", exclude_characters="\0")),
)
def test_what_is_written_is_what_is_read(tables: list[tuple[str, list[str]]], text: str) -> None:
    """Names, texts and rows of any kind, written as pg_dump writes them, come back one by one."""
    expected: list[object] = []
    dump = b""
    comment = f"COMMENT ON TABLE a.b IS '{text.replace(chr(39), chr(39) * 2)}';".encode()
    for name, values in tables:
        quoted = '"' + name.replace('"', '""') + '"'
        create = f"CREATE TABLE a.{quoted} (x text);".encode()
        copy = f"COPY a.{quoted} (x) FROM stdin;".encode()
        escaped = (
            value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
            for value in values
        )
        rows = "".join(f"{value}\n" for value in escaped).encode()
        dump += create + b"\n" + copy + b"\n" + rows + b"\\.\n\n" + comment + b"\n"
        expected += [create, copy, (len(values), len(rows)), comment]
    events, complete = scan([dump + MARKER])
    assert [event[1] if event[0] == "statement" else event[1:] for event in events] == expected
    assert complete


# ---- bounded memory


MIB = 1 << 20
_ENDLESS = {
    "a string": (b"SELECT '", b"x;y" * 99 + b"'';", 64),
    "an E string": (b"SELECT E'", b"x" * 99 + b"\\'y", 64),
    "an E string of doubled quotes": (b"SELECT E'", b"''", 4),
    "an identifier": (b'SELECT "', b"x;y", 64),
    "a dollar quote": (b"SELECT $_$", b"$ $x$;", 64),
    "a block comment": (b"/*", b"x;y" * 99 + b"/**/", 64),
    "a line comment": (b"--", b"x;y", 64),
    "a psql command": (b"\\", b"x;y", 64),
    "a row": (b"COPY a.t FROM stdin;\n", b"x\\ty", 64),
    "rows": (b"COPY a.t FROM stdin;\n", b"x\n", 64),
    "the line of COPY": (b"COPY a.t FROM stdin;", b"x", 64),
    "white space": (b"", b" \n", 16),
    # Token by token: less of it, and still more than is ever held.
    "a statement": (b"INSERT INTO a.t VALUES (", b"(1, 2), ", 3),
    "a statement of one word": (b"SELECT ", b"w", 3),
    "semicolons": (b"", b";", 1.25),
}


def _held(scanner: Scanner) -> int:
    """Return how many bytes a scanner keeps, in whatever attribute."""
    return sum(len(value) for value in vars(scanner).values() if isinstance(value, (bytes, bytearray, list)))


@pytest.mark.parametrize(("begin", "more", "size_mib"), _ENDLESS.values(), ids=_ENDLESS.keys())
def test_memory_is_bounded(begin: bytes, more: bytes, size_mib: float) -> None:
    """64 MB of one thing in pieces of 64 kB: never more than a statement's and a piece's limit is held."""
    recorder = Forgetful()
    scanner = Scanner(recorder)
    piece = (more * (65536 // len(more) + 1))[: 65536 - 65536 % len(more)]
    scanner.feed(begin)
    most = 0
    for _turn in range(int(size_mib * MIB) // len(piece)):
        scanner.feed(piece)
        most = max(most, _held(scanner))
    scanner.finish()
    assert most <= MAX_STATEMENT_BYTES + len(piece) + 4096
    assert len(recorder.events) <= 1
    assert scanner.complete is False


@pytest.mark.parametrize("begin", [b"SELECT '", b"SELECT $_$", b"COPY a.t FROM stdin;\n", b"/*"])
def test_a_large_piece_is_not_copied_whole(begin: bytes) -> None:
    scanner = Scanner(Forgetful())
    piece = bytes(32 * MIB)
    tracemalloc.start()
    try:
        scanner.feed(begin)
        scanner.feed(piece)
        scanner.finish()
        assert tracemalloc.get_traced_memory()[1] < 8 * MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("size", [MAX_STATEMENT_BYTES - 1, MAX_STATEMENT_BYTES, MAX_STATEMENT_BYTES + 1, 3 * MIB])
@pytest.mark.parametrize("piece", [1 << 12, 1 << 22])
def test_a_statement_that_is_too_long_is_told_cut(size: int, piece: int) -> None:
    """The beginning is kept, the statement says that it is not whole, and the next one is not affected."""
    statement = b"SELECT '" + b"x" * (size - len(b"SELECT '';")) + b"';"
    assert len(statement) == size
    events, complete = scan(cut(statement + b"SELECT 2;" + MARKER, [piece]))
    assert events[0][1] == statement[:MAX_STATEMENT_BYTES]
    assert events[0][2] is (size <= MAX_STATEMENT_BYTES)
    assert events[1][1:3] == (b"SELECT 2;", True)
    assert complete


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_statement_says_where_it_lies(size: int) -> None:
    statements = [
        b"SELECT 1;",
        b"CREATE TABLE a.t (\n    x integer, -- a comment;\n    y text DEFAULT ';'\n);",
        b"CREATE FUNCTION a.f() RETURNS int LANGUAGE sql AS $$\nSELECT 1;\n$$;",
    ]
    dump = (
        b"--\n-- one; two\n--\n\n" + b"\n\n /* between; */ ".join(statements) + b"\nCOPY a.t FROM stdin;\n1\t;\n\\.\n;"
    )
    dump += b"\nSELECT 2;\n"
    recorder = Recorder()
    scanner = Scanner(recorder)
    for start in range(0, len(dump), size):
        scanner.feed(dump[start : start + size])
    scanner.finish()
    assert [dump[start:end] for start, end in recorder.places] == [*statements, b"COPY a.t FROM stdin;", b"SELECT 2;"]
