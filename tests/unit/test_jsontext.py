"""A large JSON document, written element by element."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._jsontext import json_pieces, json_text, read_json
from hypothesis import given
from hypothesis import strategies as st

SIMPLE = st.none() | st.booleans() | st.integers() | st.text()
VALUES = st.recursive(SIMPLE, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(st.dictionaries(st.text(), VALUES), st.lists(VALUES))
def test_it_is_the_same_document(members: dict[str, object], elements: list[object]) -> None:
    text = json_text({**members, "elements": iter(elements), "last": 1})
    assert json.loads(text) == {**members, "elements": elements, "last": 1}
    assert text.isascii() and text.endswith(b"\n")


def test_an_element_has_a_line() -> None:
    assert json_text({"a": 1, "b": iter([{"x": "\n"}, 2]), "c": iter([])}).decode().splitlines() == [
        "{", ' "a": 1,', ' "b": [', '  {"x": "\\n"},', "  2", " ],", ' "c": [', " ]", "}",
    ]  # fmt: skip


def in_pieces(text: bytes, size: int) -> list[bytes]:
    return [text[start : start + size] for start in range(0, len(text), size)]


LONG = [1, [2, "]}"], {"x": None}, "\u00e9\n", -1.5e3]
DOCUMENT = {"a": 12, "long": LONG, "b": {"c": [1]}, "empty": [], "last": True}


@pytest.mark.parametrize("size", [1, 2, 3, 10, 1000])
@pytest.mark.parametrize("indent", [None, 1])
def test_elements_are_read_one_by_one_however_the_text_is_cut(size: int, indent: int | None) -> None:
    elements: list[object] = []
    empty: list[object] = []
    text = json.dumps(DOCUMENT, indent=indent, ensure_ascii=False).encode()
    found = read_json(in_pieces(text, size), {"long": elements.append, "empty": empty.append})
    assert (elements, empty) == (LONG, [])
    assert found == {name: value for name, value in DOCUMENT.items() if name not in ("long", "empty")}


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "{", "[]", "null", "1", '{"a": 1', '{"a": 1,}', '{"a" 1}', "{1: 2}", '{"a": 1} x', '{"a": 1}{}',
        '{"long": [1, 2', '{"long": [1 2]}', '{"long": [1,]}', '{"long": [}', '{"long": []', '{"long": [1], }', "{,}",
    ],
)  # fmt: skip
def test_what_is_no_object_is_refused(text: str) -> None:
    for size in (1, 1000):
        with pytest.raises(ValueError, match=r"line 1|Expecting"):
            read_json(in_pieces(text.encode(), size), {"long": lambda element: None})


@pytest.mark.parametrize(
    ("text", "error"), [("{}", KeyError), ('{"long": {}}', TypeError), ('{"long": null}', TypeError)]
)
def test_an_array_to_read_must_be_there(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_json([text.encode()], {"long": lambda element: None})


def test_no_document_is_whole_in_memory() -> None:
    """Neither where it is written nor where it is read."""
    number = 100_000
    tracemalloc.start()
    try:
        read = read_json(json_pieces({"long": ({"n": n, "x": "x" * 64} for n in range(number))}), {"long": id})
        assert read == {}
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
