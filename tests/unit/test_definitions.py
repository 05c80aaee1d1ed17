"""Two sets of definitions: compared as multisets, whatever their order; owners, column order, and what is settled."""

from __future__ import annotations

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._definitions import (
    DATA_TYPES,
    Definitions,
    Difference,
    comparable,
    compare_definitions,
    settle,
)
from ansible_collections.incomex.closeout.plugins.module_utils._entries import Entry
from hypothesis import given
from hypothesis import strategies as st


def entry(
    name: str, text: str = "x", owner: str = "bob", *, kind: str = "TABLE", of: str = "", lines: str = ""
) -> Entry:
    """Return an entry; `text` stands for the digest of its text, `lines` for that of its lines in any order."""
    return Entry(kind, "s", name, of, owner, text, lines)


def summary(found: Definitions) -> list[tuple[str, str, str, str]]:
    """Return what differs: object, kind, wanted, found."""
    assert all(one.about == "objects" for one in found.differences)
    return [one[1:] for one in found.differences]


def test_equal_sets_are_equal_whatever_their_order() -> None:
    one = [entry("a"), entry("b", kind="VIEW"), entry("f", of="(integer)", kind="FUNCTION"), entry("f", of="(text)")]
    assert compare_definitions(one, reversed(one)) == Definitions(equal=4)


def test_nothing_is_equal_to_nothing() -> None:
    assert compare_definitions([], []) == Definitions()


def test_what_is_on_one_side_only_is_named_with_its_side() -> None:
    found = compare_definitions([entry("a"), entry("b")], [entry("b"), entry("c")])
    assert found.equal == 1 and not found.changed
    assert summary(found) == [
        ("TABLE s.a", "missing", "in the dump", "not there"),
        ("TABLE s.c", "unexpected", "not in the dump", "there"),
    ]


def test_each_of_several_missing_statements_is_a_difference() -> None:
    """As of the privileges of one object, which have one name."""
    found = compare_definitions([entry("t", "1", kind="ACL"), entry("t", "2", kind="ACL")], [])
    assert [one.kind for one in found.differences] == ["missing", "missing"]
    assert len(compare_definitions([], [entry("t", "1"), entry("t", "2")]).differences) == 2


@pytest.mark.parametrize("field", ["kind", "of", "name"])
def test_another_type_name_or_table_is_another_object(field: str) -> None:
    values = {"name": "a", "kind": "INDEX", "of": "t", field: "other"}
    one = entry("a", kind="INDEX", of="t")
    other = entry(values["name"], kind=values["kind"], of=values["of"])
    assert [difference.kind for difference in compare_definitions([one], [other]).differences] == [
        "missing",
        "unexpected",
    ]
    schema = one._replace(schema="other")
    assert len(compare_definitions([one], [schema]).differences) == 2


def test_another_text_is_kept_to_be_settled() -> None:
    found = compare_definitions([entry("a", "1"), entry("b")], [entry("a", "2"), entry("b")])
    assert (found.equal, found.differences, found.other_column_order) == (1, [], [])
    assert found.changed == {("TABLE", "s", "a", ""): [entry("a", "1")]}


@pytest.mark.parametrize(
    ("expected", "there"),
    [
        (["1", "1"], ["1"]),
        (["1"], ["1", "1"]),
        (["1", "1", "2"], ["1", "2", "2"]),
        (["1", "2"], ["1", "3"]),
        (["1", "2"], ["1"]),
    ],
)
def test_definitions_of_one_name_are_compared_as_a_multiset(expected: list[str], there: list[str]) -> None:
    found = compare_definitions(
        [entry("t", one, kind="ACL") for one in expected], [entry("t", one, kind="ACL") for one in there]
    )
    assert (found.equal, found.differences) == (0, [])
    assert [len(entries) for entries in found.changed.values()] == [len(expected)]


def test_definitions_of_one_name_may_come_in_any_order() -> None:
    texts = ["1", "2", "2", "3"]
    one = [entry("t", text, kind="ACL") for text in texts]
    assert compare_definitions(one, one[::-1]) == Definitions(equal=4)


def test_another_owner_is_a_difference_of_its_own() -> None:
    """It is no matter of how an expression is printed, so nothing is settled."""
    found = compare_definitions([entry("a", owner="bob")], [entry("a", owner="alice")])
    assert summary(found) == [("TABLE s.a", "owner", "bob", "alice")]
    assert not found.changed and not found.equal
    found = compare_definitions([entry("a", owner="bob")], [entry("a", owner="")])
    assert summary(found) == [("TABLE s.a", "owner", "bob", "nobody")]


def test_owners_that_changed_places_are_a_difference() -> None:
    one = [entry("f", "1", "a"), entry("f", "2", "b")]
    other = [entry("f", "1", "b"), entry("f", "2", "a")]
    assert [difference.kind for difference in compare_definitions(one, other).differences] == ["owner"]


def test_another_text_and_another_owner_are_not_settled_as_equal() -> None:
    found = compare_definitions([entry("a", "1", "bob")], [entry("a", "2", "alice")])
    assert list(found.changed) == [("TABLE", "s", "a", "")]
    settled = settle(found.changed, [entry("a", "3", "bob")], [entry("a", "3", "alice")])
    assert settled.equal == 0 and len(settled.differences) == 1


def test_the_same_lines_in_another_order_are_told_of_inheriting_tables() -> None:
    found = compare_definitions([entry("a", "1", lines="l")], [entry("a", "2", lines="l")])
    assert found == Definitions(other_column_order=["TABLE s.a"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (entry("a", "1", lines="l"), entry("a", "2", lines="m")),
        (entry("a", "1", lines="l"), entry("a", "2", lines="")),
        (entry("a", "1", lines=""), entry("a", "2", lines="l")),
        (entry("a", "1", lines=""), entry("a", "2", lines="")),
        (entry("a", "1", "bob", lines="l"), entry("a", "2", "alice", lines="l")),
    ],
)
def test_other_lines_another_owner_or_no_such_table_are_no_other_order(one: Entry, other: Entry) -> None:
    found = compare_definitions([one], [other])
    assert (found.other_column_order, list(found.changed)) == ([], [("TABLE", "s", "a", "")])
    settled = settle(found.changed, [one], [other])
    assert (settled.other_column_order, settled.equal, len(settled.differences)) == ([], 0, 1)


# ---- settled by one more restore

CHANGED = {("TABLE", "s", "a", ""): [entry("a", "1" * 64)]}


def test_what_is_equal_after_one_more_restore_says_the_same() -> None:
    assert settle(CHANGED, [entry("a", "2"), entry("b", "1")], [entry("b", "2"), entry("a", "2")]) == Definitions(
        equal=1
    )


def test_each_of_several_definitions_of_one_name_is_counted() -> None:
    changed = {("ACL", "s", "a", ""): [entry("a", "1", kind="ACL"), entry("a", "2", kind="ACL")]}
    again = [entry("a", "3", kind="ACL"), entry("a", "4", kind="ACL")]
    assert settle(changed, again, again[::-1]) == Definitions(equal=2)


def test_what_differs_after_one_more_restore_is_a_difference() -> None:
    found = settle(CHANGED, [entry("a", "2" * 64)], [entry("a", "3" * 64)])
    assert (found.equal, found.other_column_order) == (0, [])
    assert summary(found) == [("TABLE s.a", "changed", f"definition {'2' * 12}", f"definition {'3' * 12}")]


@pytest.mark.parametrize("again", [[], [entry("a", "2")]], ids=["the dump's", "the copy's"])
def test_what_cannot_be_restored_once_more_is_a_difference(again: list[Entry]) -> None:
    """On either side, and on both: nothing is never equal to nothing."""
    found = settle(CHANGED, again, [] if again else [entry("a", "2")])
    assert (found.equal, [one.kind for one in found.differences]) == (0, ["changed"])
    both = settle(CHANGED, [], [])
    assert (both.equal, [one.kind for one in both.differences]) == (0, ["changed"])
    assert both.differences[0].found == "definition cannot be restored once more"


def test_a_statement_that_both_second_restores_lose_is_not_equal() -> None:
    """As of two privileges on one table, one of them for a role that is not there: the copy lacks it, and so does each
    of the two further databases.
    """
    changed = {("ACL", "s", "a", ""): [entry("a", "1", kind="ACL"), entry("a", "2", kind="ACL")]}
    found = settle(changed, [entry("a", "1", kind="ACL")], [entry("a", "1", kind="ACL")])
    assert (found.equal, [one.kind for one in found.differences]) == (0, ["changed"])


def test_only_what_differed_is_settled() -> None:
    """Other definitions of the two further databases are nobody's matter: they were equal before."""
    assert settle({}, [entry("a", "1")], [entry("a", "2"), entry("b")]) == Definitions()


def test_column_order_can_be_found_at_the_second_restore_too() -> None:
    found = settle(CHANGED, [entry("a", "2", lines="l")], [entry("a", "3", lines="l")])
    assert found == Definitions(other_column_order=["TABLE s.a"])


def test_what_a_dump_without_rows_does_not_have_is_not_compared_here() -> None:
    entries = [entry("a"), *(entry("a", kind=kind) for kind in DATA_TYPES)]
    assert comparable(entries) == [entry("a")]
    assert set(DATA_TYPES) == {"SEQUENCE SET", "MATERIALIZED VIEW DATA"}


_ENTRIES = st.lists(
    st.builds(
        entry,
        st.sampled_from("ab"),
        st.sampled_from("12"),
        st.sampled_from(["x", ""]),
        lines=st.sampled_from(["", "l"]),
    ),
    max_size=6,
)


@given(expected=_ENTRIES, there=_ENTRIES)
def test_every_definition_is_equal_or_told(expected: list[Entry], there: list[Entry]) -> None:
    """Equal only where both sides are the same multiset; nothing is lost on the way."""
    found = compare_definitions(expected, there)
    same = sorted((one.name, one.sha256, one.owner) for one in expected) == sorted(
        (one.name, one.sha256, one.owner) for one in there
    )
    quiet = not found.differences and not found.changed and not found.other_column_order
    assert quiet == same
    assert found.equal <= len(expected)
    if same:
        assert found.equal == len(expected)
    named = {one.object for one in found.differences} | set(found.other_column_order)
    named |= {entries[0].title for entries in found.changed.values()}
    for name in "ab":
        one, other = ([e for e in side if e.name == name] for side in (expected, there))
        equal = sorted(one) == sorted(other) or sorted(e[:6] for e in one) == sorted(e[:6] for e in other)
        assert (f"TABLE s.{name}" in named) == (not equal)


@given(expected=_ENTRIES, there=_ENTRIES, again=_ENTRIES, others=_ENTRIES)
def test_whatever_changed_is_settled_one_way_or_told(
    expected: list[Entry], there: list[Entry], again: list[Entry], others: list[Entry]
) -> None:
    changed = compare_definitions(expected, there).changed
    found = settle(changed, again, others)
    titles = {entries[0].title for entries in changed.values()}
    told = [one.object for one in found.differences] + found.other_column_order
    assert set(told) <= titles and len(told) == len(set(told))
    settled = sum(len(entries) for entries in changed.values() if entries[0].title not in told)
    assert found.equal == settled


def test_a_difference_can_be_written_as_json() -> None:
    one = Difference("objects", "TABLE s.a", "missing", "in the dump", "not there")
    assert list(one._asdict()) == ["about", "object", "kind", "wanted", "found"]
