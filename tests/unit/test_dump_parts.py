"""The cutting of a dump: what may be done side by side, what waits for what, and that nothing is lost or misread."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._dump_parts import (
    Build,
    Load,
    NotCut,
    OtherDump,
    Phase,
    cut,
    settings_to_make,
    text_ranges,
    waits_for,
)
from ansible_collections.incomex.closeout.plugins.module_utils._manifest import Manifest, manifest_of
from hypothesis import given
from hypothesis import strategies as st

HEAD = b"""--
-- PostgreSQL database dump
--

\\restrict abcDEF123

SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET row_security = off;
"""
TABLES = b"""
CREATE TABLE public.a (id integer, b integer);
CREATE TABLE public.b (id integer);
CREATE TABLE public."C; d" (id integer);
CREATE TABLE public.root (id integer) PARTITION BY LIST (id);
CREATE TABLE public.leaf (id integer);
ALTER TABLE ONLY public.root ATTACH PARTITION public.leaf FOR VALUES IN (1);
"""
ROWS = b"""
--
-- Data for Name: a; Type: TABLE DATA; Schema: public; Owner: me
--

COPY public.a (id, b) FROM stdin;
1\t1
2\t1
\\.


COPY public.b (id) FROM stdin;
1
\\.


COPY public."C; d" (id) FROM stdin;
\\.

"""
TAIL = b"""
--
-- PostgreSQL database dump complete
--

\\unrestrict abcDEF123

"""
KEY = b"\nALTER TABLE ONLY public.%s\n    ADD CONSTRAINT %s_pkey PRIMARY KEY (id);\n"
FOREIGN = b"\nALTER TABLE ONLY public.a\n    ADD CONSTRAINT a_b FOREIGN KEY (b) REFERENCES public.b(id);\n"
INDEX = b"\nCREATE INDEX a_%s ON public.a USING btree (id);\n"


def parts(dump: bytes, manifest: Manifest | None = None) -> list[Phase]:
    """Cut a dump with its own manifest, or another."""
    manifest = manifest or manifest_of([dump])
    ranges = text_ranges(manifest, len(dump))
    text = b"".join(dump[offset : offset + length] for offset, length in ranges)
    found: list[Phase] = cut(manifest, [length for _offset, length in ranges], text)
    return found


def whole(*middle: bytes) -> bytes:
    """A dump with something in the place of its post-data."""
    return b"".join([HEAD, TABLES, ROWS, *middle, TAIL])


def titles(phases: Sequence[Phase]) -> list[list[str]]:
    """What is worked at, phase by phase."""
    return [[one.title for one in phase.work] for phase in phases]


def test_rows_indexes_and_keys_are_work_and_wait_for_each_other() -> None:
    dump = whole(KEY % (b"a", b"a"), KEY % (b"b", b"b"), INDEX % b"1", INDEX % b"2", FOREIGN)
    first, last = parts(dump)
    assert [one.title for one in first.work] == [
        "COPY public.a", "COPY public.b", "COPY public.C; d",
        "PRIMARY KEY or UNIQUE of public.a", "PRIMARY KEY or UNIQUE of public.b",
        "CREATE INDEX public.a_1", "CREATE INDEX public.a_2", "FOREIGN KEY of public.a",
    ]  # fmt: skip
    assert waits_for(first.work) == [set(), set(), set(), {0}, {1}, {3}, {3}, {3, 4, 5, 6}]
    assert first.before.startswith(HEAD) and TABLES.strip() in first.before and first.beside == b""
    assert last.before.strip() == TAIL.strip() and last.work == []
    (load, *_others) = first.work
    assert isinstance(load, Load)
    (rows,) = load.copies
    assert dump[rows.offset : rows.offset + rows.size_bytes] == b"1\t1\n2\t1\n"
    assert rows.statement == b"COPY public.a (id, b) FROM stdin;"
    assert load.truncate == b'TRUNCATE TABLE ONLY "public"."a"'
    assert b"".join(load.settings.values()).count(b"SE") == 5


@pytest.mark.parametrize(
    "statement",
    [
        b"CREATE TRIGGER t BEFORE UPDATE ON public.leaf FOR EACH ROW EXECUTE FUNCTION f();",
        b"CREATE CONSTRAINT TRIGGER t AFTER UPDATE ON public.a FROM public.b FOR EACH ROW EXECUTE FUNCTION f();",
        b"CREATE RULE r AS ON DELETE TO public.a DO INSTEAD NOTHING;",
        b"COMMENT ON INDEX public.a_1 IS 'x';",
        b"CREATE INDEX a_2 ON public.a /* y */ USING btree (id);",
        b"CREATE INDEX r ON ONLY public.root USING btree (id);",
        b"ALTER TABLE ONLY public.root\n    ADD CONSTRAINT r PRIMARY KEY (id);",
        b"ALTER TABLE ONLY public.leaf\n    ADD CONSTRAINT l FOREIGN KEY (id) REFERENCES public.b(id);",
        b"ALTER TABLE ONLY public.b\n    ADD CONSTRAINT l FOREIGN KEY (id) REFERENCES public.root(id);",
        b"ALTER TABLE ONLY public.elsewhere\n    ADD CONSTRAINT e PRIMARY KEY (id);",
        b"ALTER TABLE ONLY public.a\n    ADD CONSTRAINT e EXCLUDE USING btree (id WITH =);",
        b"ALTER TABLE ONLY public.a\n    ADD CONSTRAINT e CHECK ((id > 0)) NOT VALID;",
        b"ALTER TABLE ONLY public.a REPLICA IDENTITY USING INDEX a_pkey;",
        b"ALTER TABLE public.a CLUSTER ON a_pkey;",
        b"REFRESH MATERIALIZED VIEW public.m;",
        b"SET SESSION AUTHORIZATION other;\nCREATE INDEX o ON public.b USING btree (id);\nRESET SESSION AUTHORIZATION;",
        b"DO $$ CREATE INDEX o ON public.b USING btree (id); $$;",
    ],
)
def test_what_is_none_of_them_is_psql_s_alone(statement: bytes) -> None:
    first, middle, last = parts(whole(INDEX % b"1", b"\n", statement, KEY % (b"b", b"b")))
    assert bytes(middle.before).strip() == statement
    assert titles([first, middle, last])[1:] == [["PRIMARY KEY or UNIQUE of public.b"], []]


def test_foreign_keys_wait_for_all_but_each_other() -> None:
    back = FOREIGN.replace(b"a_b", b"a_c").replace(b"public.b(id)", b'public."C; d"(id)')
    trigger = b"CREATE TRIGGER t BEFORE UPDATE ON public.a FOR EACH ROW EXECUTE FUNCTION f();"
    (first, _last) = parts(whole(KEY % (b"a", b"a"), FOREIGN, back, trigger))
    assert [one.title for one in first.work][3:] == [
        "PRIMARY KEY or UNIQUE of public.a", "FOREIGN KEY of public.a", "FOREIGN KEY of public.a",
        "CREATE TRIGGER of public.a",
    ]  # fmt: skip
    assert waits_for(first.work)[3:] == [{0}, {1, 3}, {2, 3}, {3, 4, 5}]


@pytest.mark.parametrize(
    "statement",
    [
        b"SELECT pg_catalog.setval('public.s', 3, true);",
        b"SET default_tablespace = '';",
        b'SET default_tablespace = "zoo space";',
        b"SET default_table_access_method = heap;",
        b"BEGIN;\n\nSELECT pg_catalog.lo_open('4711', 131072);\nSELECT pg_catalog.lowrite(0, '\\x00');\n"
        b"SELECT pg_catalog.lo_close(0);\n\nCOMMIT;",
    ],
)
def test_what_touches_no_table_is_psql_s_meanwhile(statement: bytes) -> None:
    first, last = parts(whole(statement, INDEX % b"1"))
    assert bytes(first.beside).strip() == statement
    assert len(first.work) == 4 and last.work == []


def test_settings_go_with_the_work_that_they_come_before() -> None:
    dump = whole(
        INDEX % b"1", b"SET default_tablespace = fast;\n", INDEX % b"2", b"SET default_tablespace = '';\n", INDEX % b"3"
    )
    (*_rows, one, two, three) = parts(dump)[0].work
    assert settings_to_make(one.settings, two.settings) == [b"SET default_tablespace = fast;"]
    assert settings_to_make(two.settings, three.settings) == [b"SET default_tablespace = '';"]
    # Another order is possible too.
    assert settings_to_make(three.settings, one.settings) == [b"RESET default_tablespace"]
    assert settings_to_make(two.settings, two.settings) == []


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (b"\\connect other\n", "between its statements"),
        (b"\\! id\n", "between its statements"),
        (b"-- a\rDROP TABLE public.a;\n", "between its statements"),
        (b"RESET ALL;\n", "changes its session"),
        (b"SET ROLE other;\n", "changes its session"),
        (b"SELECT pg_catalog.set_config('role', 'x'||'y', false);\n", "changes its session"),
        (b"BEGIN;\nDROP TABLE public.b;\nCOMMIT;\n", "transaction"),
        (b"BEGIN;\n", "transaction"),
        (b"SET SESSION AUTHORIZATION other;\nCOPY public.a (id, b) FROM stdin;\n\\.\n", "another role"),
        (b"CREATE VIEW v AS SELECT 1;\nCOPY public.a (id, b) FROM stdin;\n\\.\n", "in several places"),
        (b"SELECT $" + b"x" * 120 + b"$;\n", "does not end"),
    ],
)
def test_a_dump_with_more_than_pg_dump_writes_is_not_cut(odd: bytes, reason: str) -> None:
    with pytest.raises(NotCut, match=reason):
        parts(whole(odd, INDEX % b"1"))


def test_a_meta_command_behind_the_last_statement() -> None:
    with pytest.raises(NotCut, match="at its end"):
        parts(whole(INDEX % b"1").replace(b"\\unrestrict abcDEF123\n", b"\\unrestrict abcDEF123\n\\! id\n"))


def test_rows_that_are_loaded_through_a_root_are_one_load_and_never_truncate() -> None:
    through = b"COPY public.root (id) FROM stdin;\n1\n\\.\n"
    (first, _last) = parts(whole(through, b"\n", through, b"CREATE INDEX l ON public.leaf USING btree (id);\n"))
    (load,) = [one for one in first.work if one.title == "COPY public.root"]
    assert isinstance(load, Load)
    assert [rows.size_bytes for rows in load.copies] == [2, 2]
    assert load.truncate == b"" and load.owns == {("public", "root"), ("public", "leaf")}
    # The rows go into the leaf: its index comes after them.
    assert waits_for(first.work)[-1] == {first.work.index(load)}


def test_a_table_that_the_dump_does_not_make_is_not_truncated() -> None:
    (first, _last) = parts(whole(b"COPY public.of_an_extension (id) FROM stdin;\n7\n\\.\n"))
    load = first.work[-1]
    assert isinstance(load, Load) and load.title == "COPY public.of_an_extension" and load.truncate == b""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"COPY public.a (id, b) FROM stdin;", b"COPY public.e (id, b) FROM stdin;"),
        (b"COPY public.a (id, b) FROM stdin;", b"-- Y public.a (id, b) FROM stdin;"),
        (b"1\t1\n2\t1\n\\.\n", b"1\t1\n\\.\n2\t1\n"),
        (b"COPY public.b (id) FROM stdin;\n1\n\\.\n", b"COPY public.b (id) FROM stdin;\n\\.\n--"),
        (TAIL, b""),
    ],
)
def test_a_text_that_is_not_the_manifest_s(old: bytes, new: bytes) -> None:
    dump = whole(INDEX % b"1")
    assert dump.count(old) == 1
    with pytest.raises((OtherDump, NotCut)):
        parts(dump.replace(old, new), manifest_of([dump]))


def test_data_blocks_that_cannot_be() -> None:
    manifest = manifest_of([whole()])
    with pytest.raises(OtherDump, match="in a file of"):
        text_ranges(manifest, 10)
    manifest.tables["public", "b"].blocks[0][0] = manifest.tables["public", "a"].blocks[0][0] + 1
    with pytest.raises(OtherDump, match="within the one before"):
        text_ranges(manifest, 10_000)


def test_much_text_is_not_cut() -> None:
    with pytest.raises(NotCut, match="32 MB"):
        text_ranges(manifest_of([whole()]), 33 << 20)


_PIECES = st.sampled_from([
    KEY % (b"b", b"b"), INDEX % b"1", INDEX % b"2", FOREIGN,
    b"\nCREATE TRIGGER t BEFORE UPDATE ON public.a FOR EACH ROW EXECUTE FUNCTION f(';', $$\\.$$);\n",
    b"\n-- a comment; CREATE INDEX\nSELECT pg_catalog.setval('public.s', 3, true);\n",
    b"SET default_tablespace = fast;\n", b"SET default_tablespace = '';\n",
    b'COMMENT ON TABLE public.a IS \'\nCREATE INDEX x ON public.a USING btree (id);\n\';\n',
])  # fmt: skip


@given(st.lists(_PIECES, max_size=12))
def test_every_statement_is_executed_once_and_in_its_order(pieces: list[bytes]) -> None:
    dump = whole(*pieces)
    phases = parts(dump)
    # What is psql's, and what is work, is all that there is but comments.
    psql = b"".join(bytes(phase.before + phase.beside) for phase in phases)
    statements = [one.statement for phase in phases for one in phase.work if isinstance(one, Build)]
    assert [piece.strip() for piece in pieces if piece.strip() in statements] == statements
    for piece in set(pieces):
        count = psql.count(piece.strip()) + statements.count(piece.strip())
        assert count == pieces.count(piece)
    left = b"".join(piece for piece in pieces if piece.strip() not in statements)
    # Empty lines before work go with it.
    assert _words(psql) == _words(HEAD + TABLES + left + TAIL)
    # A phase begins where psql must be alone after work, and nowhere else.
    assert all(phase.before and phases[number].work for number, phase in enumerate(phases[1:]))


def _words(text: bytes) -> list[bytes]:
    return text.split()


_NAMES = st.sampled_from([("s", name) for name in "abcde"])
_WORK = st.builds(
    lambda owns, shares, any_order: Build("", frozenset(owns), {}, b"", 0, frozenset(shares - owns), any_order),
    st.sets(_NAMES, max_size=2),
    st.sets(_NAMES, max_size=2),
    st.booleans(),
)


@given(st.lists(_WORK, max_size=15))
def test_work_on_the_same_table_keeps_its_order(work: list[Build]) -> None:
    found = waits_for(work)
    reached: list[set[int]] = []
    for number, before in enumerate(found):
        assert all(earlier < number for earlier in before)
        reached.append(before.union(*(reached[earlier] for earlier in before)))
    for later, one in enumerate(work):
        for earlier, other in enumerate(work[:later]):
            if _must_wait(one, other):
                assert earlier in reached[later]
        # It waits for nothing that it need not wait for.
        for earlier in found[later]:
            assert _must_wait(one, work[earlier])


def _must_wait(one: Build, other: Build) -> bool:
    """Whether the other, which is earlier, must be done before the one."""
    if one.owns & other.owns and not (one.any_order and other.any_order):
        return True
    return bool(one.owns & other.shares or one.shares & other.owns)
