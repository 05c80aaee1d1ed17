"""Two fingerprints, held against each other: what is excused by another way of printing, and what is not."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._dump_definitions import Texts
from ansible_collections.incomex.closeout.plugins.module_utils._fingerprint import (
    Comparison,
    Fingerprint,
    Key,
    Mark,
    compare_fingerprints,
    count_facts,
)
from ansible_collections.incomex.closeout.plugins.module_utils._fingerprint_sql import (
    EXTENSION_PRIVILEGES,
    OWNER,
    PRIVILEGES,
)

CHECK = Key("constraint", "table constraint", "kind_known on s.t")
TRIGGER = Key("trigger", "trigger", "touch on s.t")
OWNED = Key(OWNER, "table", "s.t")
OF_EXTENSION = Key(EXTENSION_PRIVILEGES, "function", "s.f(integer)")
TEXT = "CONSTRAINT kind_known CHECK (kind = ANY (ARRAY['a']))"
Facts = dict[Key, Mark]
PRODUCTION: Facts = {
    CHECK: Mark("c0", "s", "t", (TEXT,)),
    TRIGGER: Mark("d0", "s", "t"),
    OWNED: Mark("e0", "s", "t"),
    OF_EXTENSION: Mark("f0", "s", "f"),
}
ALL = {("s", "t"), ("s", "f")}


def compare(
    copy: Facts,
    *,
    redeparsed: Collection[tuple[str, str]] = (),
    dumped: Collection[Texts] = (),
    same_extensions: bool = True,
) -> Comparison:
    return compare_fingerprints(
        Fingerprint(PRODUCTION),
        Fingerprint(copy),
        redeparsed=redeparsed,
        occurring=lambda texts: {one for one in texts if one in dumped},
        same_extensions=same_extensions,
    )


def with_digest(key: Key, digest: str) -> Facts:
    return {**PRODUCTION, key: PRODUCTION[key]._replace(digest=digest)}


def without(*keys: Key) -> Facts:
    return {key: mark for key, mark in PRODUCTION.items() if key not in keys}


def test_the_same_is_equal() -> None:
    found = compare(dict(PRODUCTION))
    assert (found.equal, found.equal_after_redeparse, found.not_compared, found.differences) == (4, 0, 0, [])
    assert found.kinds == count_facts(Fingerprint(PRODUCTION)) == {
        "constraint": 1, EXTENSION_PRIVILEGES: 1, OWNER: 1, "trigger": 1,
    }  # fmt: skip


@pytest.mark.parametrize("key", PRODUCTION)
def test_another_fact_is_a_difference_of_its_sort(key: Key) -> None:
    (one,) = compare(with_digest(key, "00")).differences
    assert (one.about, one.kind) == ("objects", f"catalogue: {key.fact}")
    assert key.identity in one.object
    assert one.object.startswith({OWNER: "OWNER ", EXTENSION_PRIVILEGES: "ACL "}.get(key.fact, key.type.upper()))


def test_a_text_is_excused_where_its_definition_is_and_the_dump_has_productions() -> None:
    there = Texts("s", "t", (TEXT,))
    found = compare(with_digest(CHECK, "00"), redeparsed=ALL, dumped={there})
    assert (found.equal, found.equal_after_redeparse, found.differences) == (3, 1, [])


@pytest.mark.parametrize(
    ("redeparsed", "dumped"),
    [
        ((), {Texts("s", "t", (TEXT,))}),
        ({("s", "u"), ("u", "t")}, {Texts("s", "t", (TEXT,))}),
        (ALL, ()),
        (ALL, {Texts("s", "u", (TEXT,))}),
        (ALL, {Texts("s", "t", (TEXT + " ",))}),
        (ALL, {Texts("s", "t", ())}),
    ],
)
def test_a_text_is_not_excused_otherwise(redeparsed: Collection[tuple[str, str]], dumped: Collection[Texts]) -> None:
    found = compare(with_digest(CHECK, "00"), redeparsed=redeparsed, dumped=dumped)
    assert found.equal_after_redeparse == 0
    assert [one.kind for one in found.differences] == ["catalogue: constraint"]


@pytest.mark.parametrize("key", [TRIGGER, OWNED, OF_EXTENSION])
def test_nothing_but_a_text_is_excused(key: Key) -> None:
    found = compare(with_digest(key, "00"), redeparsed=ALL, dumped={Texts("s", "t", ()), Texts("s", "f", ())})
    assert len(found.differences) == 1 and found.equal_after_redeparse == 0


def test_a_text_that_is_in_no_dump_is_not_excused() -> None:
    bare: Facts = {CHECK: Mark("c0", "s", "t", ())}
    found = compare_fingerprints(
        Fingerprint(bare),
        Fingerprint({CHECK: Mark("c1", "s", "t", ())}),
        redeparsed=ALL,
        occurring=set,
        same_extensions=True,
    )
    assert len(found.differences) == 1


def test_an_object_that_is_lost_is_told_once_and_a_lost_part_of_one_that_is_there_each_time() -> None:
    (one,) = compare(without(CHECK, TRIGGER, OWNED)).differences
    assert one.found == "not restored"
    found = compare(without(CHECK, TRIGGER)).differences
    assert [difference.found for difference in found] == ["not restored"] * 2


def test_what_production_has_not_is_told() -> None:
    more = Key(PRIVILEGES, "table", "s.u")
    (one,) = compare({**PRODUCTION, more: Mark("a0", "s", "u")}).differences
    assert (one.object, one.wanted, one.found) == ("ACL TABLE s.u", "not in production", "there")


def test_privileges_of_an_extension_are_compared_in_the_same_version_only() -> None:
    found = compare(with_digest(OF_EXTENSION, "00"), same_extensions=False)
    assert (found.differences, found.equal, found.not_compared) == ([], 3, 1)
    more = {**PRODUCTION, OF_EXTENSION._replace(identity="s.g()"): Mark("a0", "s", "g")}
    assert compare(more, same_extensions=False).differences == []
    assert len(compare(more).differences) == 1


OIDS = range(1, 20_001)


def of_large_objects(owners: dict[int, str], comments: dict[int, str]) -> Fingerprint:
    return Fingerprint(dict(PRODUCTION), {OWNER: owners, "comment": comments})


def compare_large(copy: Fingerprint) -> Comparison:
    production = of_large_objects(dict.fromkeys(OIDS, "a0"), {7: "b0"})
    return compare_fingerprints(
        production, copy, redeparsed=(), occurring=lambda texts: set(), same_extensions=True
    )  # fmt: skip


def test_large_objects_that_are_the_same_are_equal() -> None:
    found = compare_large(of_large_objects(dict.fromkeys(OIDS, "a0"), {7: "b0"}))
    assert (found.equal, found.differences) == (len(PRODUCTION) + len(OIDS) + 1, [])
    assert (found.kinds[OWNER], found.kinds["comment"]) == (len(OIDS) + 1, 1)


@pytest.mark.parametrize(
    ("owners", "comments", "wanted"),
    [
        ({9_999: "a1"}, {7: "b0"}, [("OWNER LARGE OBJECT 9999", "catalogue: owner", "otherwise")]),
        ({20_001: "a0"}, {7: "b0"}, [("OWNER LARGE OBJECT 20001", "catalogue: owner", "there")]),
        ({}, {7: "b1"}, [("LARGE OBJECT 7", "catalogue: comment", "otherwise")]),
        ({}, {7: "b0", 8: "b0"}, [("LARGE OBJECT 8", "catalogue: comment", "there")]),
        ({}, {}, [("LARGE OBJECT 7", "catalogue: comment", "not restored")]),
        # One line for one that is not there with all that belongs to it.
        ({7: None}, {}, [("LARGE OBJECT 7", "catalogue: comment", "not restored")]),
        ({5: None}, {7: "b0"}, [("OWNER LARGE OBJECT 5", "catalogue: owner", "not restored")]),
    ],
)
def test_one_of_many_large_objects_that_differs_is_named(
    owners: dict[int, str | None], comments: dict[int, str], wanted: list[tuple[str, str, str]]
) -> None:
    changed = {**dict.fromkeys(OIDS, "a0"), **owners}
    copy = of_large_objects({oid: owner for oid, owner in changed.items() if owner is not None}, comments)
    found = compare_large(copy)
    assert [(one.object, one.kind, one.found) for one in found.differences] == wanted
