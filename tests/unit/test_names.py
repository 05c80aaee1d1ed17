"""SQL names: whatever is written is read back as it was."""

from __future__ import annotations

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._names import (
    quote_identifier,
    quote_literal,
    quote_qualified,
    read_identifier,
    read_qualified,
)
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("name", "quoted"),
    [("a", '"a"'), ('a"b', '"a""b"'), ('"', '""""'), ("", '""'), ("A b;\n--", '"A b;\n--"'), ("größe", '"größe"')],
)
def test_an_identifier_is_quoted(name: str, quoted: str) -> None:
    assert quote_identifier(name) == quoted


@given(name=st.text(), behind=st.sampled_from(["", " ", ".", "(x)", ";"]))
def test_any_identifier_survives(name: str, behind: str) -> None:
    quoted = quote_identifier(name)
    assert read_identifier(quoted + behind) == (name, len(quoted))


@given(schema=st.text(), name=st.text(), before=st.sampled_from(["", "COPY "]))
def test_any_qualified_name_survives(schema: str, name: str, before: str) -> None:
    text = before + quote_qualified(schema, name)
    assert read_qualified(text + " (x)", len(before)) == (schema, name, len(text))


@pytest.mark.parametrize(
    ("text", "name", "end"),
    [("abc", "abc", 3), ("ABC def", "abc", 3), ("a_1$b.c", "a_1$b", 5), ("größe(", "größe", 5), ('"A"b', "A", 3)],
)
def test_a_bare_identifier_is_folded(text: str, name: str, end: int) -> None:
    assert read_identifier(text) == (name, end)


@pytest.mark.parametrize("text", ["", " a", "(", '"', '"a', '"a""', ";"])
def test_no_identifier_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        read_identifier(text)


@pytest.mark.parametrize("text", ["", "a", "a b", "a.", "a. b", '"a.b"', '"a" ."b"', ".a"])
def test_no_qualified_name_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="name|identifier"):
        read_qualified(text)


@pytest.mark.parametrize(
    ("text", "literal"),
    [("a", "'a'"), ("it's", "'it''s'"), ("", "''"), ("a\\", " E'a\\\\'"), ("\\'", " E'\\\\'''"), ("a\nb", "'a\nb'")],
)
def test_a_literal(text: str, literal: str) -> None:
    assert quote_literal(text) == literal


@given(text=st.text())
def test_a_literal_ends_where_it_should(text: str) -> None:
    """Read with the rules of its own kind, no text escapes from its quotes, and it is what it was."""
    literal = quote_literal(text).strip(" ")
    escapes = literal.startswith("E")
    inner = literal[2:-1] if escapes else literal[1:-1]
    assert escapes == ("\\" in text)
    assert "'" not in inner.replace("''", "")
    assert inner.replace("''", "'").replace("\\\\", "\\") == text if escapes else inner.replace("''", "'") == text
