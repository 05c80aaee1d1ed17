# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: SHA256SUMS read back: which files an artefact was sealed with."""

from __future__ import annotations

import re

from ._errors import CloseoutError

_LINE = re.compile(rb"(\\?)([0-9a-f]{64}) [ *]([^\n]+)")
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"\\": b"\\"}


def read_sums(content: bytes) -> dict[str, str]:
    """Return name -> sha256 of what ``sha256sum`` prints. Raises CloseoutError for anything else.

    A line that begins with a backslash has a name in which line ends and backslashes are escaped. Source: GNU coreutils
    manual, md5sum invocation.
    """
    found: dict[str, str] = {}
    for line in content.split(b"\n")[:-1]:
        match = _LINE.fullmatch(line)
        if match is None:
            raise _unreadable(line)
        name = match[3]
        if match[1]:
            if b"\\" in _ESCAPE.sub(lambda one: b"" if one[1] in _ESCAPED else one[0], name):
                raise _unreadable(line)
            name = _ESCAPE.sub(lambda one: _ESCAPED[one[1]], name)
        found[name.decode("utf-8", "surrogateescape")] = match[2].decode("ascii")
    if content and not content.endswith(b"\n"):
        raise _unreadable(content.rpartition(b"\n")[2])
    return found


def _unreadable(line: bytes) -> CloseoutError:
    return CloseoutError(
        "SHA256SUMS cannot be read", wanted="lines as sha256sum prints them", found=repr(line[:200].decode("latin-1"))
    )
