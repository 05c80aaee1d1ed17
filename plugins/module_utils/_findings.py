# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what a look around found: problems, which keep the run from starting, and notes, which
do not. A problem is certain; what is only likely is a note.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ._errors import CloseoutError
from ._settings import Problem

_Result = TypeVar("_Result")
_MAX_NAMED = 200


@dataclass
class Findings:
    """What was found so far. ``facts`` is what the plan says of production, of the scratch server and of space."""

    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def problem(self, check: str, subject: str, wanted: str, found: str, do: str) -> None:
        """Add a problem."""
        self.problems.append(Problem(check, subject, wanted, found, do))

    def tried(self, check: str, subject: str, step: Callable[[], _Result]) -> _Result | None:
        """Take one step and return what it gives; what it raises becomes a problem, and None is returned."""
        try:
            return step()
        except CloseoutError as error:
            message = error.message if not error.found else f"{error.message}: {error.found}"
            # Each says what to do; an error of the server or the daemon says what happened, and no more.
            self.problem(check, subject, error.wanted or "it to work", message, error.do or "see what was found")
            return None


def some(names: Iterable[Any]) -> str:
    """Return names, separated by commas: 200 of them, and how many more there are."""
    all_of_them = [str(name) for name in names]
    more = len(all_of_them) - _MAX_NAMED
    return ", ".join(all_of_them[:_MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


def size(count: float) -> str:
    """Return a number of bytes as people read it."""
    units = ["bytes", "kB", "MB", "GB", "TB"]
    while count >= 1000 and len(units) > 1:
        count /= 1000
        units.pop(0)
    return f"{count:.1f} {units[0]}" if count < 10 and units[0] != "bytes" else f"{count:.0f} {units[0]}"
