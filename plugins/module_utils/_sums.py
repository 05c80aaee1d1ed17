# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the files of an artefact, held against its ``SHA256SUMS``: these and no others, each as
it was.

Source: GNU coreutils manual, md5sum invocation.
"""

from __future__ import annotations

import os
import re
import stat
from typing import Any

from ._artefact import SUMS
from ._errors import CloseoutError
from ._signature import SIGNATURE

LIMIT_BYTES = 64 << 20
_LINE = re.compile(rb"(\\?)([0-9a-f]{64}) [ *]([^\n]+)")
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"\\": b"\\"}
_MAX_NAMED = 20
_MAX_FILES = 1_000_000


def read_sums(content: bytes) -> dict[str, str]:
    """Return sha256 by name, of what ``sha256sum`` prints for files below a directory.

    A line that begins with a backslash has a name in which line ends and backslashes are escaped. Raises CloseoutError
    for any other line, one that is cut off too, for a name that leads elsewhere, and for one that is there twice.
    """
    found: dict[str, str] = {}
    lines = content.split(b"\n")
    # After the last line's end comes nothing.
    for number, line in enumerate(lines[:-1] if not lines[-1] else lines, 1):
        match = _LINE.fullmatch(line)
        name = _name_in(match) if match and number < len(lines) else ""
        if match is None or name in found or any(part in ("", ".", "..") for part in name.split("/")):
            raise CloseoutError(
                f"Line {number} of {SUMS} cannot be read",
                wanted="a sha256 and the name of a file below the artefact directory, each name once",
                found=repr(line[:200].decode("utf-8", "replace")),
                do="the artefact is not as it was sealed",
            )
        found[name] = match[2].decode("ascii")
    return found


def _name_in(line: re.Match[bytes]) -> str:
    """Return the name; "" where it has an escape that there is none of."""
    name = line[3]
    if line[1]:
        if b"\\" in _ESCAPE.sub(lambda one: b"" if one[1] in _ESCAPED else one[0], name):
            return ""
        name = _ESCAPE.sub(lambda one: _ESCAPED[one[1]], name)
    return name.decode("utf-8", "surrogateescape")


def files_of(directory: str) -> tuple[list[str], list[str]]:
    """Return the names of all plain files below ``directory``, sorted, and of what else is there. No link is followed.

    Raises CloseoutError where it cannot be read, or has a million files.
    """
    plain: list[str] = []
    others: list[str] = []
    waiting = [""]
    while waiting:
        below = waiting.pop()
        try:
            entries = list(os.scandir(os.path.join(directory, below)))
        except OSError as error:
            raise CloseoutError(
                f"{os.path.join(directory, below)} cannot be read",
                wanted="a directory",
                found=error.strerror or str(error),
            ) from error
        for entry in entries:
            name = os.path.join(below, entry.name)
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                waiting.append(name)
            else:
                (plain if stat.S_ISREG(mode) else others).append(name)
        if len(plain) + len(others) > _MAX_FILES:
            raise CloseoutError(f"{directory} has more than {_MAX_FILES} files", wanted="an artefact directory")
    return sorted(plain), sorted(others)


def held(listed: dict[str, str], digests: dict[str, str], others: list[str]) -> dict[str, Any]:
    """Hold the ``digests`` of what is there, and the names of what is no plain file, against what is ``listed``."""
    there = {name for name in digests if name not in (SUMS, SIGNATURE)}
    found = {
        "changed": sorted(name for name in there & set(listed) if digests[name] != listed[name]),
        "missing": sorted(set(listed) - there),
        "added": sorted([*(there - set(listed)), *others]),
    }
    return {
        "listed": len(listed),
        "files": len(there),
        **{sort: names[:_MAX_NAMED] for sort, names in found.items()},
        **{f"{sort}_total": len(names) for sort, names in found.items()},
    }
