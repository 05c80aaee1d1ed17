# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: SQL identifiers and literals, written and read.

Source: PostgreSQL manual, 4.1 Lexical Structure.
"""

from __future__ import annotations


def quote_identifier(name: str) -> str:
    """Return ``name`` as a quoted SQL identifier, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def quote_qualified(schema: str, name: str) -> str:
    """Return ``schema.name`` with both parts quoted."""
    return f"{quote_identifier(schema)}.{quote_identifier(name)}"


def quote_literal(text: str) -> str:
    """Return ``text`` as a SQL string literal that reads the same with any standard_conforming_strings."""
    quoted = "'" + text.replace("'", "''").replace("\\", "\\\\") + "'"
    return " E" + quoted if "\\" in text else quoted


def read_identifier(text: str, start: int = 0) -> tuple[str, int]:
    """Read one identifier of ``text`` at ``start``; return it as the catalogue holds it, and where it ends.

    A quoted one is unquoted, a bare one is folded to lower case. Raises ValueError where there is none.
    """
    if text[start : start + 1] == '"':
        end = start + 1
        parts = []
        while True:
            quote = text.find('"', end)
            if quote < 0:
                raise ValueError("quoted identifier without an end")
            parts.append(text[end:quote])
            if text[quote + 1 : quote + 2] != '"':
                return "".join(parts), quote + 1
            parts.append('"')
            end = quote + 2
    end = start
    while end < len(text) and (text[end].isalnum() or text[end] in "_$" or ord(text[end]) > 127):
        end += 1
    if end == start:
        raise ValueError(f"no identifier at {text[start : start + 20]!r}")
    return text[start:end].lower(), end


def read_qualified(text: str, start: int = 0) -> tuple[str, str, int]:
    """Read ``schema.name`` at ``start``; return schema, name and where it ends. Raises ValueError."""
    schema, end = read_identifier(text, start)
    if text[end : end + 1] != ".":
        raise ValueError(f"no qualified name at {text[start : start + 20]!r}")
    name, end = read_identifier(text, end + 1)
    return schema, name, end
