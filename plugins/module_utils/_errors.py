# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what can go wrong, said once and completely."""

from __future__ import annotations

from typing import Any

from ._printable import printable


class CloseoutError(Exception):
    """Something that was asked for could not be done or read.

    ``message`` says what failed, ``wanted`` and ``found`` what was required and what was there, ``do`` what helps.
    ``facts`` are what was already known: a module that fails returns them all the same.
    """

    def __init__(
        self,
        message: str,
        *,
        wanted: str = "",
        found: str = "",
        do: str = "",
        facts: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.wanted = wanted
        self.found = found
        self.do = do
        self.facts = facts or {}

    def __str__(self) -> str:
        parts = [self.message]
        if self.wanted:
            parts.append(f"Wanted: {self.wanted}.")
        if self.found:
            parts.append(f"Found: {self.found}.")
        if self.do:
            parts.append(f"What to do: {self.do}.")
        first = parts[0] if parts[0].endswith((".", "!", "?")) or len(parts) == 1 else parts[0] + "."
        # Names and the words of a server are in it, and Ansible prints it as it is.
        return printable(" ".join([first, *parts[1:]]))


class ConnectionFailed(CloseoutError):
    """A server could not be reached, or would not let us in."""


class NotOurs(CloseoutError):
    """The thing at hand is not what it was taken for: another server, another run, no label of ours."""


class ProgramFailed(CloseoutError):
    """A client program ended badly or could not be started."""


class DumpChanged(CloseoutError):
    """What is to be dumped was changed under pg_dump's hands; the dump was discarded, and another one may be right."""


class GuardFailed(CloseoutError):
    """A server is, or may be, one that must not be touched."""
