"""Many large objects: in little memory, and still each of them is told apart."""

from __future__ import annotations

import gc
import hashlib
import tracemalloc

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._beside_tables import compare_large_objects
from ansible_collections.incomex.closeout.plugins.module_utils._definitions import Definitions, compare_one_by_one
from ansible_collections.incomex.closeout.plugins.module_utils._entries import Entry
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError
from ansible_collections.incomex.closeout.plugins.module_utils._large_objects import (
    Data,
    LargeObjects,
    entry_of,
    statement_of,
)
from ansible_collections.incomex.closeout.plugins.module_utils._manifest import Manifest, manifest_of, read_manifest

MANY = range(1, 5_001)
MARKER = b"--\n-- PostgreSQL database dump complete\n--\n\n"


def dump_of(oids: range, changes: dict[int, bytes] | None = None, owners: dict[int, str] | None = None) -> list[bytes]:
    """A dump of large objects in pieces: all are made first, as pg_dump 17 does it, and then get their owners."""
    made = [b"-- Name: %d; Type: BLOB\n\n%s\n\n" % (oid, statement_of(oid)) for oid in oids]
    owned = [b"ALTER LARGE OBJECT %d OWNER TO %s;\n" % (oid, (owners or {}).get(oid, "app").encode()) for oid in oids]
    filled = [
        b"SELECT pg_catalog.lo_open('%d', 131072);\nSELECT pg_catalog.lowrite(0, '\\x%s');\n"
        b"SELECT pg_catalog.lo_close(0);\n\n" % (oid, (changes or {}).get(oid, b"%d" % oid).hex().encode())
        for oid in oids
    ]  # fmt: skip
    return [*made, *owned, b"BEGIN;\n\n", *filled, b"COMMIT;\n", MARKER]


def definitions(expected: Manifest, found: Manifest) -> Definitions:
    return compare_one_by_one(expected.large_objects.sorted_entries(), found.large_objects.sorted_entries())


def test_a_manifest_of_many_takes_little_memory() -> None:
    """While the dump is scanned, while the manifest is written and read, and while two are compared."""
    # What is made once, however many there are, and what other tests left to be collected, does not count.
    _compared_with_itself(dump_of(MANY[:10]))
    pieces = dump_of(MANY)
    gc.collect()
    tracemalloc.start()
    try:
        read = _compared_with_itself(pieces)
        assert tracemalloc.get_traced_memory()[1] < 500 * len(MANY)
    finally:
        tracemalloc.stop()
    assert (read.number_of_entries, read.large_objects.filled) == (len(MANY), len(MANY))


def _compared_with_itself(pieces: list[bytes]) -> Manifest:
    """Make a manifest, write it, read it and compare the two; the one that was read."""
    manifest = manifest_of(pieces)
    read, _document = read_manifest(manifest.json_pieces(run_id="", dump={}))
    assert not list(compare_large_objects(manifest, read))
    assert definitions(manifest, read).equal == manifest.number_of_entries
    return read


def test_what_is_written_of_them_is_read_again() -> None:
    manifest = manifest_of(dump_of(range(7, 12), owners={8: '"O""ne"', 9: "other"}))
    read = read_manifest(manifest.as_json())[0]
    assert [(entry.name, entry.owner) for entry in read.all_entries()] == [
        ("7", "app"), ("8", 'O"ne'), ("9", "other"), ("10", "app"), ("11", "app"),
    ]  # fmt: skip
    assert list(read.all_entries()) == list(manifest.all_entries())
    assert list(read.large_objects.data()) == list(manifest.large_objects.data())
    assert next(read.large_objects.data()) == Data(7, 1, hashlib.sha256(b"7").hexdigest())
    assert next(read.all_entries()).sha256 == hashlib.sha256(statement_of(7)).hexdigest()


def test_one_of_many_whose_data_differ_is_named() -> None:
    found = list(compare_large_objects(manifest_of(dump_of(MANY)), manifest_of(dump_of(MANY, {4_999: b"other"}))))
    assert [(one.object, one.kind) for one in found] == [("LARGE OBJECT 4999", "data")]
    assert "4 bytes" in found[0].wanted and "5 bytes" in found[0].found


@pytest.mark.parametrize(("here", "there"), [(range(1, 2_000), MANY), (MANY, range(1, 2_000))])
def test_each_that_is_only_on_one_side_is_named(here: range, there: range) -> None:
    one, other = manifest_of(dump_of(here)), manifest_of(dump_of(there))
    titles = [f"LARGE OBJECT {oid}" for oid in MANY if oid >= 2_000]
    data = list(compare_large_objects(one, other))
    assert [difference.object for difference in data] == titles
    found = definitions(one, other)
    kind = "unexpected" if len(here) < len(there) else "missing"
    assert [(difference.object, difference.kind) for difference in found.differences] == [
        (title, kind) for title in titles
    ]  # fmt: skip
    assert (found.equal, found.different) == (1_999, 0 if kind == "unexpected" else len(titles))


def test_one_of_many_with_another_owner_is_named() -> None:
    found = definitions(manifest_of(dump_of(MANY)), manifest_of(dump_of(MANY, owners={12: "other"})))
    assert [(one.object, one.kind, one.wanted, one.found) for one in found.differences] == [
        ("LARGE OBJECT 12", "owner", "app", "other")
    ]  # fmt: skip
    assert (found.equal, found.different, found.changed) == (len(MANY) - 1, 1, {})


def test_one_that_is_there_twice_is_a_difference() -> None:
    once, twice = manifest_of(dump_of(range(1, 5))), manifest_of([*dump_of(range(1, 5)), *dump_of(range(3, 4))])
    assert [one.object for one in compare_large_objects(once, twice)] == ["LARGE OBJECT 3"]
    # To be settled, which fails: large objects are in no restore that settles texts.
    assert list(definitions(once, twice).changed) == [("LARGE OBJECT", "", "3", "")]


def test_owners_come_in_any_order_and_only_once() -> None:
    found = LargeObjects()
    for oid in (5, 3, 9):
        assert found.make(entry_of(oid, ""))
    assert found.own(9, "a") and found.own(5, "b") and not found.own(5, "c") and not found.own(4, "a")
    assert not found.own(1 << 40, "a")
    assert [(entry.name, entry.owner) for entry in found.entries()] == [("5", "b"), ("3", ""), ("9", "a")]


@pytest.mark.parametrize(
    "changes", [{"name": "007"}, {"name": "x"}, {"name": "4294967296"}, {"of": "t"}, {"schema": "s"}, {"sha256": "ab"}]
)
def test_an_entry_that_says_more_is_not_taken_in(changes: dict[str, str]) -> None:
    found = LargeObjects()
    assert not found.make(entry_of(7, "app")._replace(**changes))
    assert (found.made, list(found.entries())) == (0, [])


def test_one_that_is_made_in_another_way_is_an_entry_like_others() -> None:
    manifest = manifest_of([b"SELECT pg_catalog.lo_create('7') ;ALTER LARGE OBJECT 7 OWNER TO app;", MARKER])
    assert [(entry.type, entry.owner) for entry in manifest.all_entries()] == [("OTHER", ""), ("OWNER", "app")]


@pytest.mark.parametrize(
    "statement",
    [
        b"SELECT pg_catalog.lo_open('4294967296', 131072);",
        b"SELECT pg_catalog.lowrite(0, '\\x00');",
        b"SELECT pg_catalog.lo_open('7', 131072);SELECT pg_catalog.lowrite(0, '\\x0');",
        b"SELECT pg_catalog.lo_open('7', 1);SELECT pg_catalog.lo_close(0);SELECT pg_catalog.lowrite(0, '\\x00');",
    ],
)
def test_data_that_cannot_be_understood_are_refused(statement: bytes) -> None:
    with pytest.raises(CloseoutError, match="cannot be understood"):
        manifest_of([statement, MARKER])


@pytest.mark.parametrize(
    "changes", [{"oid": -1}, {"oid": 1 << 32}, {"oid": "7"}, {"bytes": -1}, {"bytes": 1 << 64}, {"sha256": "ab"}]
)
def test_a_manifest_with_impossible_data_is_refused(changes: dict[str, object]) -> None:
    data = {"oid": 7, "bytes": 1, "sha256": "ab" * 32, **changes}
    manifest = manifest_of(dump_of(range(7, 8)))
    text = manifest.as_json().replace(
        str(next(manifest.large_objects.data())._asdict()).replace("'", '"').encode(),
        str(data).replace("'", '"').encode(),
    )
    assert text != manifest.as_json()
    with pytest.raises(CloseoutError, match="manifest cannot be read"):
        read_manifest(text)


def test_entries_are_as_they_always_were() -> None:
    assert entry_of(7, "app") == Entry(
        "LARGE OBJECT", "", "7", owner="app", sha256=hashlib.sha256(b"SELECT pg_catalog.lo_create('7');").hexdigest()
    )  # fmt: skip
