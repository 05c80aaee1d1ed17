"""Digests of rows: the same in any order and however the stream is cut, another for any other rows."""

from __future__ import annotations

import hashlib
import random
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._dumptext import DumpFile
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError
from ansible_collections.incomex.closeout.plugins.module_utils._rowdigest import (
    NO_ROWS,
    RowReader,
    Unordered,
    unordered_of_dump,
)
from hypothesis import example, given
from hypothesis import strategies as st

# Few different bytes, so that lines are often alike; \r, \v and the like must not end one.
LINE = st.lists(st.sampled_from(b"ab\t\r\v\x1c\x85\\"), max_size=4).map(lambda text: bytes(text) + b"\n")
LINES = st.lists(LINE, max_size=12)
ONE, OTHER = ("s", "one"), ("s", "other")


@dataclass
class About:
    """Where a table's rows are."""

    blocks: list[list[int]]
    orders: list[list[int]] = field(default_factory=list)


def digest_of(lines: Sequence[bytes]) -> str:
    """Return the digest of whole lines, added one by one."""
    found = Unordered()
    for line in lines:
        found.add(line)
    assert found.rows == len(lines)
    digest: str = found.digest()
    return digest


def plainly(lines: Sequence[bytes]) -> str:
    """The definition, written out."""
    total = sum(int(hashlib.sha256(line).hexdigest(), 16) for line in lines) % 2**256
    return hashlib.sha256(f"{len(lines)}:{total:064x}".encode()).hexdigest()


@given(LINES)
@example([b"x\n"] * 50)
def test_it_is_what_it_is_defined_to_be(lines: list[bytes]) -> None:
    assert digest_of(lines) == plainly(lines)


@given(LINES, st.randoms())
def test_order_does_not_matter(lines: list[bytes], chance: random.Random) -> None:
    shuffled = list(lines)
    chance.shuffle(shuffled)
    assert digest_of(shuffled) == digest_of(lines)


@given(LINES, st.data())
def test_how_the_stream_is_cut_does_not_matter(lines: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    found = Unordered()
    for start, end in zip([0, *cuts], [*cuts, len(stream)]):
        found.feed(stream[start:end])
    assert (found.rows, found.digest()) == (len(lines), digest_of(lines))


@given(LINES, LINES)
def test_other_rows_give_another_digest(lines: list[bytes], others: list[bytes]) -> None:
    assert (digest_of(lines) == digest_of(others)) == (sorted(lines) == sorted(others))


@given(LINES, LINE, st.data())
def test_a_row_changed_doubled_or_removed_gives_another_digest(
    lines: list[bytes], line: bytes, data: st.DataObject
) -> None:
    position = data.draw(st.integers(0, len(lines)))
    with_it = [*lines[:position], line, *lines[position:]]
    changed = [*lines[:position], line[:-1] + b"x\n", *lines[position:]]
    doubled = [*with_it, line]
    tripled = [*doubled, line]
    assert len({digest_of(each) for each in (lines, with_it, changed, doubled, tripled)}) == 5


def test_lines_of_a_newline_only_are_rows() -> None:
    """A table without columns."""
    assert digest_of([b"\n"] * 3) != digest_of([b"\n"] * 2) != digest_of([])
    found = Unordered()
    found.feed(b"\n\n")
    found.feed(b"\n")
    assert (found.rows, found.digest()) == (3, digest_of([b"\n"] * 3))


def test_a_stream_that_ends_within_a_row_has_that_row() -> None:
    found = Unordered()
    found.feed(b"a\nb")
    assert found.rows == 2
    assert found.digest() not in (digest_of([b"a\n"]), digest_of([b"a\n", b"b\n"]))
    found.feed(b"\n")
    assert (found.rows, found.digest()) == (2, digest_of([b"a\n", b"b\n"]))


def test_no_rows() -> None:
    assert hashlib.sha256(b"").hexdigest() == NO_ROWS
    assert Unordered().digest() == plainly([])


def test_a_row_of_100_megabytes_is_not_kept() -> None:
    piece = b"x" * (1 << 20)
    found = Unordered()
    tracemalloc.start()
    for _turn in range(100):
        found.feed(piece)
    found.feed(b"\nshort\n")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.rows == 2
    assert found.digest() == digest_of([piece * 100 + b"\n", b"short\n"])
    assert peak < 8 << 20


@given(st.lists(st.tuples(LINES, LINES), max_size=4))
def test_only_the_blocks_of_a_file_are_read(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[list[bytes], list[bytes]]]
) -> None:
    """Between the blocks there is something else; a block may be empty."""
    path = tmp_path_factory.mktemp("dump") / "dump.sql"
    content, blocks = b"", []
    for between, rows in parts:
        content += b"".join(between)
        blocks.append([len(content), len(b"".join(rows))])
        content += b"".join(rows)
    path.write_bytes(content + b"\\.\n")
    lines = [row for _between, rows in parts for row in rows]
    assert unordered_of_dump(DumpFile(str(path)), {ONE: About(blocks)}) == {ONE: (len(lines), digest_of(lines))}
    with DumpFile(str(path)).open_text() as text:
        reader = RowReader(text, blocks)
        assert [reader.read(len(line)) for line in lines] == lines
        assert reader.read(1) == b""


def test_columns_of_a_block_are_put_in_order(tmp_path: Path) -> None:
    """A partition may have the columns of its root in another order; \\t is a tab within a value."""
    path = tmp_path / "dump.sql"
    path.write_bytes(b"1\ta\t\n" + b"\\N\tb\\t\t2\n")
    lines = [b"1\ta\t\n", b"2\t\\N\tb\\t\n"]
    found = unordered_of_dump(DumpFile(str(path)), {ONE: About([[0, 5], [5, 9]], [[], [2, 0, 1]])})
    assert found == {ONE: (2, digest_of(lines))}


def test_several_tables_are_read_at_once_whatever_the_order_of_their_blocks(tmp_path: Path) -> None:
    path = tmp_path / "dump.sql"
    path.write_bytes(b"a\nb\nc\nd\n")
    found = unordered_of_dump(
        DumpFile(str(path)), {ONE: About([[6, 2], [0, 2]]), OTHER: About([[2, 4]]), ("s", "empty"): About([[4, 0]])}
    )
    assert found == {
        ONE: (2, digest_of([b"a\n", b"d\n"])),
        OTHER: (2, digest_of([b"b\n", b"c\n"])),
        ("s", "empty"): (0, digest_of([])),
    }


def test_a_file_that_is_too_short_is_told(tmp_path: Path) -> None:
    path = tmp_path / "dump.sql"
    path.write_bytes(b"a\nb\n")
    with pytest.raises(CloseoutError, match="it ends 2 bytes before the end of a table's rows"):
        unordered_of_dump(DumpFile(str(path)), {ONE: About([[0, 2], [2, 4]])})


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CloseoutError, match="No such file"):
        unordered_of_dump(DumpFile(str(tmp_path / "none")), {ONE: About([[0, 2]])})
    # Nothing to read is no reason to overlook it.
    with pytest.raises(CloseoutError, match="No such file"):
        unordered_of_dump(DumpFile(str(tmp_path / "none")), {})
