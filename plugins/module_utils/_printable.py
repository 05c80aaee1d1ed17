# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: text that others wrote, on one line that can break neither a terminal nor a log."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return ``text`` with every character that is not printable (line ends, escapes, marks of direction) escaped."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape", "backslashreplace").decode("ascii")
        for character in text
    )


def printable_lines(text: str) -> str:
    """Return what a program said for a log that somebody will look at: line ends and tabs stay, nothing else of it."""
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in text.split("\n"))
