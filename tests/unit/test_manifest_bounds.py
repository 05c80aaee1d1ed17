"""Scanner and manifest together: any bytes, cut anywhere, give one manifest or one refusal, in bounded memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterable, Iterator

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError
from ansible_collections.incomex.closeout.plugins.module_utils._manifest import manifest_of
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.test_scanner import DUMPS, cut

MIB = 1 << 20
# What makes entries, tables and values, put together at random with what makes none.
_STATEMENTS = st.sampled_from(
    [
        b'CREATE TABLE "a;\n"."b" (x int);\n',
        b'COPY "a;\n"."b" (x) FROM stdin;\n1\n2\n\\.\n',
        b'CREATE TABLE s.t (x int) PARTITION BY LIST (x);\nALTER TABLE s.t OWNER TO "r\n";\n',
        b"SELECT pg_catalog.setval('s.q', 7, true);\n",
        b"SELECT pg_catalog.lo_create('7');\n",
        b"CREATE FUNCTION s.f() RETURNS int LANGUAGE sql\nBEGIN ATOMIC SELECT 1; END;\n",
        b"COMMENT ON TABLE s.t IS 'x; -- ';\n",
        b'GRANT SELECT ON TABLE s.t TO "r\n";\n',
        b"SET default_tablespace = 'x';\n",
    ]
)
_RANDOM = st.lists(_STATEMENTS | DUMPS, max_size=8).map(b"".join)


def described(pieces: Iterable[bytes]) -> str:
    """All of a manifest, or why there is none."""
    try:
        return str(manifest_of(pieces).as_json(), "utf-8")
    except CloseoutError as error:
        assert len(str(error)) < 2000
        return str(error)


@settings(max_examples=150)
@given(dump=_RANDOM, sizes=st.lists(st.integers(1, 400), min_size=1, max_size=6))
def test_how_the_stream_is_cut_changes_no_manifest(dump: bytes, sizes: list[int]) -> None:
    assert described(cut(dump, sizes)) == described([dump])


@settings(max_examples=100)
@given(dump=st.binary(max_size=3000))
def test_bytes_of_any_kind_give_a_manifest(dump: bytes) -> None:
    assert '"complete": true' not in described([dump])


def _long_line() -> Iterator[bytes]:
    yield b"COPY s.t FROM stdin;\n"
    for _turn in range(48):
        yield bytes(MIB)


def _huge_statements() -> Iterator[bytes]:
    for number in range(6):
        yield b"CREATE TABLE s.t%d (x text DEFAULT '" % number
        yield from [b"x" * MIB] * 8
        yield b"');\n"


def _huge_names() -> Iterator[bytes]:
    for number in range(6):
        yield b'CREATE TABLE s."%d' % number
        yield from [b"x;\n" * (MIB // 3)] * 8
        yield b'" (x int);\nCOPY s."%d' % number
        yield from [b"x" * MIB] * 8
        yield b'" (x) FROM stdin;\n1\n\\.\n'


@pytest.mark.parametrize(("stream", "most_mib"), [(_long_line, 8), (_huge_statements, 12), (_huge_names, 32)])
def test_what_is_large_is_not_kept(stream: Callable[[], Iterator[bytes]], most_mib: int) -> None:
    """Some 50 MB without a line break, in statements of 8 MB, in names of 8 MB."""
    tracemalloc.start()
    try:
        said = described(stream())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # A statement is kept cut: what is named by more than that has no name that could be compared.
    assert ("cannot be understood" in said) is (stream is _huge_names)
    assert peak < most_mib * MIB


_TABLE = b"CREATE TABLE s.t%d (x int);\nCOPY s.t%d (x) FROM stdin;\n1\n\\.\n"


def test_many_names_cost_what_a_name_costs() -> None:
    """What is kept of a table does not grow with how many there are."""

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            kept = manifest_of(
                b"CREATE TABLE s.t%d (x int);\nCOPY s.t%d (x) FROM stdin;\n1\n\\.\n" % (n, n) for n in range(count)
            )
            assert len(kept.tables) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = peak(500), peak(5000)
    assert many < 12 * few
    assert many / 5000 < 4096
