# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a run in a few lines, for whoever reads the output of a play.

A pure function. The lines are few and short; the record has everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._findings import size
from ._history_line import durations_of
from ._outcome import FAIL, INFO, NOT_RUN, PASS, Evidence, get, has_begun, has_failed, is_count
from ._printable import printable

_WIDTH = 12
_LONGEST = 500
_LAST = 150


def summary(evidence: Evidence) -> list[str]:
    """Return evidence that has come to its verdict in lines of text, each of them printable."""
    return [printable(line) for line in _lines(evidence)]


def _lines(evidence: Evidence) -> Iterator[str]:
    run, result = evidence.get("run") or {}, evidence.get("result") or {}
    yield f"CLOSEOUT_RESULT: {result.get('closeout_result')}"
    yield labelled("database", f"{run.get('db')} on {run.get('host')}, label {run.get('label')}, run {run.get('id')}")
    yield from _dump(evidence)
    durations = durations_of(evidence)
    if durations:
        yield labelled("time taken", ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in durations.items()))
    yield from check_lines(evidence)
    for name in ("backup_verified", "restore_tested", "restore_env_torn_down"):
        yield f"{name}: {'yes' if result.get(name) is True else 'no'}"
    yield f"production_state: {result.get('production_state')}"
    yield labelled("record", record_of(evidence, f"{get(evidence, 'settings', 'artefact')}/closeout.md"))
    if has_begun(evidence) and not has_failed(evidence, "record"):
        yield labelled("", "beside it: closeout.html, closeout.json, RESTORE.md")


def _dump(evidence: Evidence) -> Iterator[str]:
    dump = evidence.get("dump")
    if not isinstance(dump, dict) or has_failed(evidence, "dump"):
        yield labelled("dump", "none")
        return
    bytes_ = dump.get("size_bytes")
    counted = size(bytes_) if is_count(bytes_) else "a size that is not known"
    tables, audited = get(dump, "manifest", "tables"), dump.get("tables")
    yield labelled("dump", f"{dump.get('path')}")
    yield labelled("", f"{counted}, {tables} tables with {get(dump, 'manifest', 'rows')} rows")
    if isinstance(audited, list):
        schema = get(evidence, "settings", "schema")
        yield labelled("", f"schema {schema}: {len(audited)} tables with {dump.get('rows_total')} rows")
    yield labelled("", f"sha256 {dump.get('sha256')}")


def record_of(evidence: Evidence, path: str) -> str:
    """Return where the record is, ``path``, or why there is none that can be relied on."""
    if not has_begun(evidence):
        return "none: the run did not begin"
    return f"{path} could not be written whole" if has_failed(evidence, "record") else path


def check_lines(evidence: Evidence) -> Iterator[str]:
    """Yield how many checks have which status, and what failed or is told."""
    checks: list[dict[str, Any]] = evidence.get("checks") or []
    by_status = {status: [one for one in checks if one["status"] == status] for status in (PASS, FAIL, NOT_RUN, INFO)}
    counts = [f"{len(found)} {status}" for status, found in by_status.items() if found]
    yield labelled("checks", ", ".join(counts) or "none")
    failures = evidence.get("failures")
    for failure in failures if isinstance(failures, list) else []:
        yield labelled("failed", _short(f"{get(failure, 'task')}: {get(failure, 'message')}"))
    for status in (FAIL, INFO):
        for one in by_status[status]:
            yield labelled(status, _short(f"{one['id']}: {one['detail']}"))
    if by_status[NOT_RUN]:
        yield labelled(NOT_RUN, _short(", ".join(one["id"] for one in by_status[NOT_RUN])))


def labelled(name: str, text: str) -> str:
    """Return one line of a summary."""
    return f"{name:{_WIDTH}}{text}"


def _short(text: str) -> str:
    """Shorten a text in its middle: what was not as it should be comes first, what to do comes last."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - _LAST]} [...] {text[-_LAST:]}"
