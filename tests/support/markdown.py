"""A strict look at a record: whatever the names in it are, its Markdown is that of the template and nothing else."""

from __future__ import annotations

import re

_CODE = re.compile(r"`[^`]*`")


def skeleton(record: str) -> list[str]:
    """The record without what it quotes: code spans are emptied, numbers are N. AssertionError where a line is broken.

    What is left is the template's own text, so that the lines of one record are those of any other.
    """
    assert all(character.isprintable() or character == "\n" for character in record)
    assert "<" not in record
    lines = []
    for line in record.splitlines():
        assert line.count("`") % 2 == 0, line
        lines.append(re.sub(r"\d+(\.\d+)?", "N", _CODE.sub("``", line)))
    return lines


def headings(record: str) -> list[str]:
    """Its headings, in order, without what they quote."""
    return [line for line in skeleton(record) if line.startswith("#")]


def assert_tables_are_whole(record: str) -> None:
    """Every row of a table has as many cells as the line below its head, which has nothing but bars and dashes."""
    cells = 0
    for line in skeleton(record):
        if not line.startswith("|"):
            cells = 0
            continue
        count = line.count("|")
        assert line.endswith("|") and count == (cells or count), line
        cells = count
