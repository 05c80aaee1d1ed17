# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a run in a small document, for whoever is told of it elsewhere: a webhook, a mail.

A pure function. Names and messages come from databases and servers: each is one line, cut to a length, and in ``text``
within a code span, where neither Slack nor Mattermost takes anything for a mention or a link.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from ._findings import size
from ._history_line import ALL_PASS, durations_of
from ._outcome import FAIL, NOT_RUN, Evidence, get, has_begun, is_count
from ._printable import printable

SCHEMA = "incomex.closeout/notification/1"
MOST_BYTES = 4000
"""As JSON in ASCII."""


class _Room(NamedTuple):
    """How much is told: so many characters of a name and of a detail, and so many details."""

    name: int
    detail: int
    details: int


# The first one that fits is taken; the last one always does.
_ROOMS = (_Room(200, 300, 10), _Room(200, 200, 5), _Room(120, 120, 3), _Room(60, 60, 1), _Room(25, 0, 0))


def notification(evidence: Evidence) -> dict[str, Any]:
    """Return what to tell of evidence that has come to its verdict. It is less than 4 kB of JSON, whatever that is."""
    documents = (_document(evidence, room) for room in _ROOMS)
    found = next(documents)
    for smaller in documents:
        if len(json.dumps(found)) <= MOST_BYTES:
            break
        found = smaller
    return found


def _document(evidence: Evidence, room: _Room) -> dict[str, Any]:
    def name(*path: str) -> str:
        value = get(evidence, *path)
        return "" if value is None else _cut(str(value), room.name)

    checks = [one for one in evidence.get("checks") or [] if get(one, "status") == FAIL]
    failures = evidence.get("failures") if isinstance(evidence.get("failures"), list) else []
    reasons = [(str(get(one, "task")), str(get(one, "message"))) for one in failures or []]
    reasons += [(str(get(one, "id")), str(get(one, "detail"))) for one in checks]
    begun = has_begun(evidence)
    told = {
        "schema": SCHEMA,
        "result": name("result", "closeout_result") or FAIL,
        "host": name("run", "host"),
        "db": name("run", "db"),
        "label": name("run", "label"),
        "run_id": name("run", "id"),
        "stamp": name("run", "stamp"),
        "artefact": name("settings", "artefact") if begun else "",
        "sha256": name("dump", "sha256"),
        "size_bytes": _count(evidence, "dump", "size_bytes"),
        "rows": _count(evidence, "dump", "manifest", "rows"),
        "duration_s": durations_of(evidence).get("total"),
        "failed": [
            {"what": _cut(what, room.name), "detail": _cut(why, room.detail)} for what, why in reasons[: room.details]
        ],
        "failed_total": len(reasons),
        "not_run_total": sum(get(one, "status") == NOT_RUN for one in evidence.get("checks") or []),
        "collection": name("run", "collection", "version"),
    }
    subject = f"closeout {told['result']}: {told['db']} on {told['host']}"
    told["subject"] = subject.encode("ascii", "backslashreplace").decode("ascii")[: room.name]
    told["text"] = "\n".join(_lines(told))
    return told


def _lines(told: dict[str, Any]) -> Iterator[str]:
    yield f"CLOSEOUT_RESULT: {told['result']}: database {_code(told['db'])} on {_code(told['host'])}"
    yield f"label {_code(told['label'])}, run {_code(told['run_id'])}"
    for one in told["failed"]:
        yield f"{_code(one['what'])}: {_code(one['detail'])}"
    if told["failed_total"] > len(told["failed"]):
        yield f"and {told['failed_total'] - len(told['failed'])} more"
    if told["not_run_total"]:
        yield f"not run: {told['not_run_total']} checks"
    if told["result"] == ALL_PASS and told["size_bytes"] is not None:
        taken = "" if told["duration_s"] is None else f", in {told['duration_s']:.0f} s"
        yield f"dump: {size(told['size_bytes'])}, {told['rows']} rows{taken}"
    yield f"record: {_code(told['artefact'] + '/closeout.md')}" if told["artefact"] else "no artefact: it did not begin"


def _count(evidence: Evidence, *path: str) -> int | None:
    value = get(evidence, *path)
    return value if is_count(value) else None


def _cut(text: str, most: int) -> str:
    line = printable(text)
    return line if len(line) <= most else f"{line[:most]} [...]"


def _code(text: str) -> str:
    """Return a code span, which nothing in it can end."""
    for character in "`<|":
        text = text.replace(character, f"\\x{ord(character):02x}")
    return f"`{text or '?'}`"
