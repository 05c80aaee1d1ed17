# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what pg_dump says on standard error of a dump that ends with return code 0.

What is known to leave a whole dump whole is told; everything else is not classified, and fails. The texts were read
from pg_dump, libpq and postgres of versions 14 to 18. None of pg_dump's own warnings is harmless: they tell of
subscriptions left out, broken catalogues and loops that could not be resolved; that foreign keys are circular is said
only of dumps without definitions. A server whose lc_messages is another language is not understood, and fails, too.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, NamedTuple

MAX_SHOWN = 20
_MAX_SHOWN_CHARS = 500

UNCLASSIFIED = ""
_MORE = re.compile(r"(?:pg_dump: (?:detail|hint): |(?:DETAIL|HINT):  ).*")


_OF_THE_SERVER = re.compile(r"pg_dump: (?:error|detail): Error message from server: ")
_WITHOUT_ROWS = re.compile(
    r"(?:ERROR|FATAL):  (?:permission denied|canceling|terminating|query would be affected by row-level security policy"
    r"|out of (?:shared )?memory|could not (?:read|open|access)|invalid page in block|(?:missing|unexpected) chunk)"
    r"|server closed the connection"
)
_LEFT_OUT = "(left out, for the dump is encrypted; the server's log has it)"


class Remark(NamedTuple):
    """One message with its details and hints. ``kind`` is what it is told as, "" where it is not classified."""

    kind: str
    text: str


class _Known(NamedTuple):
    kind: str
    first: re.Pattern[str]
    more: tuple[re.Pattern[str], ...] = ()


_KNOWN = (
    # How text is ordered matters to production's indexes; a dump holds rows, and a restore makes its own indexes.
    _Known(
        "collation_version",
        re.compile(r'WARNING:  (?:database ".+" has a collation version mismatch|collation ".+" has version mismatch)'),
        (
            re.compile(
                r"DETAIL:  The (?:database|collation in the database) was created using (?:collation )?version .+,"
                r" but the operating system provides version .+\."
            ),
            re.compile(
                r"HINT:  Rebuild all objects (?:in this database that use the default collation"
                r"|affected by this collation) and run ALTER (?:DATABASE .+ REFRESH COLLATION VERSION"
                r"|COLLATION .+ REFRESH VERSION), or build PostgreSQL with the right library version\."
            ),
        ),
    ),
    _Known(
        "collation_version",
        re.compile(r'WARNING:  database ".+" has no actual collation version, but a version was recorded'),
    ),
    # libpq then does without it: either the server lets us in all the same, or there is no dump.
    _Known(
        "password_file",
        re.compile(
            r'WARNING: password file ".+" (?:is not a plain file'
            r"|has group or world access; permissions should be u=rw \(0600\) or less)"
        ),
    ),
)


def remarks(text: str) -> list[Remark]:
    """Split what pg_dump wrote to standard error into messages, in order. No line that is not blank is lost.

    Details and hints belong to the message before them; any other line begins one.
    """
    messages: list[list[str]] = []
    # Not splitlines: a name may hold what Unicode takes for the end of a line.
    for line in text.split("\n"):
        line = line.rstrip("\r")
        if not line.strip():
            continue
        if messages and _MORE.fullmatch(line):
            messages[-1].append(line)
        else:
            messages.append([line])
    return [Remark(_kind(lines), "\n".join(lines)) for lines in messages]


def read_messages(text: str) -> dict[str, Any]:
    """Return what pg_dump wrote to standard error, classified.

    ``told`` counts the harmless messages by kind, ``unclassified`` has the first others as one line each,
    ``unclassified_total`` how many they are. None may be there.
    """
    found = remarks(text)
    others = [" ".join(remark.text.split())[:_MAX_SHOWN_CHARS] for remark in found if remark.kind == UNCLASSIFIED]
    told = Counter(remark.kind for remark in found if remark.kind != UNCLASSIFIED)
    return {"told": dict(sorted(told.items())), "unclassified": others[:MAX_SHOWN], "unclassified_total": len(others)}


def without_words_of_the_server(text: str) -> str:
    """Return pg_dump's messages, where what the server answered is left out, unless it is known to hold no row.

    pg_dump quotes it where the rows of a table cannot be read; the server's own log has it.
    """
    kept, quoted = [], False
    for line in text.splitlines(keepends=True):
        found = _OF_THE_SERVER.match(line)
        quoted = found is not None or (quoted and not line.startswith("pg_dump: "))
        if found is not None:
            kept.append(line if _WITHOUT_ROWS.match(line, found.end()) else f"{found[0]}{_LEFT_OUT}\n")
        elif not quoted:
            kept.append(line)
    return "".join(kept)


def _kind(lines: list[str]) -> str:
    """Return what a message is told as: only where every line of it is known, once."""
    for known in _KNOWN:
        if known.first.fullmatch(lines[0]) and len(lines) <= len(known.more) + 1:
            wanted = iter(known.more)
            if all(any(pattern.fullmatch(line) for pattern in wanted) for line in lines[1:]):
                return known.kind
    return UNCLASSIFIED
