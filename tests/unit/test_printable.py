"""Text that others wrote: on one line, or as lines of a log, without anything that a terminal would act on."""

from __future__ import annotations

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError
from ansible_collections.incomex.closeout.plugins.module_utils._printable import printable, printable_lines
from hypothesis import given
from hypothesis import strategies as st

_ANY = st.text(st.characters())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("größe 表 `|<", "größe 表 `|<"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("\x9b31m\u202e\u2028\u00a0", "\\x9b31m\\u202e\\u2028\\xa0"),
        ("\udcff", "\\udcff"),
    ],
)
def test_a_line(text: str, line: str) -> None:
    assert printable(text) == line


@given(text=_ANY)
def test_anything_is_one_line(text: str) -> None:
    assert printable(text).isprintable()
    assert printable(printable(text)) == printable(text)


@given(text=_ANY)
def test_a_log_keeps_its_lines_and_tabs(text: str) -> None:
    log = printable_lines(text)
    assert [line.count("\t") for line in log.split("\n")] == [line.count("\t") for line in text.split("\n")]
    assert log.replace("\n", "").replace("\t", "").isprintable()


def test_an_error_is_one_line() -> None:
    error = CloseoutError("No table 'a\nb'", wanted="\x1b[31m", found="\u202e", do="x\r")
    assert str(error) == "No table 'a\\nb'. Wanted: \\x1b[31m. Found: \\u202e. What to do: x\\r."
