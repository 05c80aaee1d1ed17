"""A large JSON document, written element by element."""

from __future__ import annotations

import json

from ansible_collections.incomex.closeout.plugins.module_utils._jsontext import json_text
from hypothesis import given
from hypothesis import strategies as st

SIMPLE = st.none() | st.booleans() | st.integers() | st.text()
VALUES = st.recursive(SIMPLE, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(st.dictionaries(st.text(), VALUES), st.lists(VALUES))
def test_it_is_the_same_document(members: dict[str, object], elements: list[object]) -> None:
    text = json_text({**members, "elements": iter(elements), "last": 1})
    assert json.loads(text) == {**members, "elements": elements, "last": 1}
    assert text.isascii() and text.endswith(b"\n")


def test_an_element_has_a_line() -> None:
    assert json_text({"a": 1, "b": iter([{"x": "\n"}, 2]), "c": iter([])}).decode().splitlines() == [
        "{", ' "a": 1,', ' "b": [', '  {"x": "\\n"},', "  2", " ],", ' "c": [', " ]", "}",
    ]  # fmt: skip
