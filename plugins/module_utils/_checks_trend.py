# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the check of the trend: the dump is not much less than the last one that passed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._history_line import ALL_PASS, durations_of, identity_of, is_same
from ._outcome import FAIL, INFO, NOT_RUN, PASS, Evidence, Outcome, get, is_count, is_duration

_WRITTEN = ("format", "compression", "compression_level")


def trend_shrink(evidence: Evidence) -> Outcome:
    """Neither size nor rows have shrunk by more than the limit since the last good run of the same database."""
    limit, trend = get(evidence, "settings", "shrink_limit_percent"), evidence.get("trend")
    if limit is None and not evidence.get("plan"):
        return Outcome(NOT_RUN, "there is no plan")
    if not is_count(limit) or limit > 100:
        return Outcome(FAIL, f"the limit is {limit!r}, wanted: a number of per cent")
    if not isinstance(trend, dict):
        return Outcome(NOT_RUN, "the history was not read")
    if not evidence.get("dump"):
        return Outcome(NOT_RUN, "there is no dump")
    entries, good, previous = (trend.get(name) for name in ("entries", "good", "previous"))
    if not is_count(entries) or not is_count(good) or good > entries or (previous is None) != (good == 0):
        return Outcome(FAIL, f"the history has {entries} runs, {good} of them good: not what it says of the last one")
    if previous is None:
        failed = f"; {entries} that did not pass" if entries else ""
        return Outcome(
            INFO, f"the first good run of this database in {trend.get('history')}: nothing to compare{failed}"
        )
    foreign = _not_comparable(evidence, previous)
    if foreign:
        return Outcome(FAIL, foreign)
    numbers = list(_numbers(evidence, previous))
    uncounted = [name for name, before, now in numbers if not is_count(before) or not is_count(now)]
    if uncounted:
        return Outcome(FAIL, f"not counted in both runs: {', '.join(uncounted)}")
    told = "; ".join([*(_told(*number) for number in numbers), *_duration(evidence, previous)])
    since = f"since run {previous['run_id']} ({previous.get('stamp')})"
    if limit == 0:
        return Outcome(INFO, f"no limit is set; {since}: {told}")
    shrunk = [name for name, before, now in numbers if (before - now) * 100 > limit * before]
    if shrunk:
        return Outcome(FAIL, f"less by more than {limit} % {since}: {', '.join(shrunk)}; {told}")
    return Outcome(PASS, f"nothing is less by more than {limit} % {since}: {told}")


def _not_comparable(evidence: Evidence, previous: Any) -> str:
    run_id = get(previous, "run_id")
    if not is_same(previous, identity_of(evidence)):
        return f"run {run_id} is not one of the same database"
    if get(previous, "result") != ALL_PASS or not run_id:
        return f"run {run_id} did not pass"
    if run_id == get(evidence, "run", "id"):
        return "a run cannot be compared with itself"
    return ""


def _numbers(evidence: Evidence, previous: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield what is compared: its name, then and now.

    A dump that was compressed in another way, or not encrypted as the other, can be held against it by its text only.
    """
    dump = {**evidence["dump"], "compression_level": get(evidence, "settings", "compression_level")}
    same = all(dump.get(name) == previous.get(name) for name in _WRITTEN)
    same = same and bool(dump.get("encryption")) == bool(previous.get("encrypted"))
    size = "size_bytes" if same else "text_bytes"
    name = "bytes of the dump" if same else "bytes of the dump's text"
    yield name, previous.get(size), dump.get(size)
    yield "rows of the database", previous.get("rows"), get(dump, "manifest", "rows")
    yield "rows of the audited schema", previous.get("audited_rows"), dump.get("rows_total")


def _told(name: str, before: int, now: int) -> str:
    change = f" ({(now - before) / before:+.1%})" if before else ""
    return f"{name}: {before}, now {now}{change}"


def _duration(evidence: Evidence, previous: dict[str, Any]) -> Iterator[str]:
    before, now = get(previous, "durations_s", "dump"), durations_of(evidence).get("dump")
    if is_duration(before) and is_duration(now):
        yield f"the dump took {before} s, now {now} s"
