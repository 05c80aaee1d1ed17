# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the checks that production is the same, untouched server before and after."""

from __future__ import annotations

from typing import Any

from ._outcome import (
    FAIL,
    INFO,
    NOT_RUN,
    PASS,
    Evidence,
    Outcome,
    get,
    is_count,
    is_duration,
    same_set,
    some,
    unreadable,
)


def _before_and_after(evidence: Evidence) -> tuple[dict[str, Any], dict[str, Any]] | None:
    before, after = get(evidence, "production", "before"), get(evidence, "production", "after")
    return (before, after) if isinstance(before, dict) and isinstance(after, dict) else None


_UNWITNESSED = Outcome(NOT_RUN, "production was not witnessed before and after")


def production_identity(evidence: Evidence) -> Outcome:
    """The same server before and after."""
    both = _before_and_after(evidence)
    if both is None:
        return _UNWITNESSED
    before, after = both
    if not before.get("sysid") or not after.get("sysid"):
        return Outcome(FAIL, "the system identifier was not read")
    if get(evidence, "settings", "container") and not get(before, "container", "id"):
        return Outcome(FAIL, "the container was not identified")
    if not all(isinstance(one.get("in_recovery"), bool) for one in both):
        return Outcome(FAIL, "whether the server is in recovery was not read")
    pairs = {
        "system identifier": (before["sysid"], after["sysid"]),
        "container": (get(before, "container", "id"), get(after, "container", "id")),
        "data directory": (before.get("data_directory"), after.get("data_directory")),
        # A standby that was promoted is production from then on, or beside it.
        "in recovery": (before.get("in_recovery"), after.get("in_recovery")),
    }
    changed = [f"{name}: {one} before, {other} after" for name, (one, other) in pairs.items() if one != other]
    if changed:
        return Outcome(FAIL, "; ".join(changed))
    return Outcome(PASS, f"{before['sysid']} before and after")


_HEALTH = {"healthy": 2, "starting": 1, "unhealthy": 0}


def production_not_restarted(evidence: Evidence) -> Outcome:
    """The same start before and after, no restart, no crash that it recovered from, and health not worse."""
    both = _before_and_after(evidence)
    if both is None:
        return _UNWITNESSED
    before, after = both
    if not before.get("postmaster_start_utc"):
        return Outcome(FAIL, "the start time was not read")
    for container in (one["container"] for one in both if one.get("container")):
        read = container.get("started_utc") and is_count(container.get("restart_count"))
        if not read or container.get("health") is None:
            return Outcome(FAIL, "the container's start time, restarts or health were not read")
    pairs = {
        "server started": (before["postmaster_start_utc"], after.get("postmaster_start_utc")),
        "container started": tuple(get(one, "container", "started_utc") for one in both),
        "restarts": tuple(get(one, "container", "restart_count") for one in both),
    }
    changed = [f"{name}: {one} before, {other} after" for name, (one, other) in pairs.items() if one != other]
    health = [str(get(one, "container", "health") or "") for one in both]
    # No health check at all is as good as before only where there was none before.
    if health[0] != health[1] and _HEALTH.get(health[1], -1) < _HEALTH.get(health[0], 2):
        changed.append(f"health: {health[0]} before, {health[1]} after")
    crash = _not_crashed(before, after)
    # A server that was started anew needs no second word for it.
    if crash.status != PASS and before["postmaster_start_utc"] == after.get("postmaster_start_utc"):
        changed.append(crash.detail)
    if changed:
        return Outcome(FAIL, "; ".join(changed))
    return Outcome(PASS, f"up since {before['postmaster_start_utc']}, before and after; {crash.detail}")


def _not_crashed(before: dict[str, Any], after: dict[str, Any]) -> Outcome:
    """The server did not crash and recover in between, which leaves its start time as it was (_crash_signs.py).

    The checkpointer tells it for sure. Where it could not be seen, statistics that were all reset tell that it may be.
    """
    starts = [witness.get("checkpointer_start_utc") for witness in (before, after)]
    resets: list[Any] = [witness.get("statistics_reset_utc") for witness in (before, after)]
    if not all(isinstance(start, str) for start in starts) or not all(isinstance(reset, dict) for reset in resets):
        return Outcome(FAIL, "it was not read whether the server crashed and recovered in between")
    same = f"the server process is the same since {before.get('postmaster_start_utc')}"
    if all(starts):
        if starts[0] == starts[1]:
            return Outcome(PASS, f"its checkpointer since {starts[0]}")
        return Outcome(
            FAIL,
            f"{same}, its checkpointer since {starts[0]} before and since {starts[1]} after: it crashed and recovered"
            " in between",
        )
    pairs = {name: (resets[0].get(name), resets[1].get(name)) for name in sorted({*resets[0], *resets[1]})}
    # A crash spares none of them, so one that goes on is enough.
    read = {name: pair for name, pair in pairs.items() if all(isinstance(one, str) and one for one in pair)}
    if not read:
        return Outcome(
            FAIL, f"neither the checkpointer's start nor the reset of {some(pairs) or 'statistics'} was read"
        )
    anew = [name for name, (one, other) in read.items() if one != other]
    if len(anew) == len(read):
        return Outcome(
            FAIL,
            f"{same}, but {some(anew)} all began anew in between: it crashed and recovered, or somebody reset all its"
            " statistics; a user with pg_read_all_stats would see which",
        )
    return Outcome(PASS, f"its statistics go on ({some(name for name in read if name not in anew)})")


def production_tables(evidence: Evidence) -> Outcome:
    """The expected tables, before and after."""
    both = _before_and_after(evidence)
    if both is None:
        return _UNWITNESSED
    expected = get(evidence, "settings", "expected_tables")
    for moment, witness in zip(("before", "after"), both):
        outcome = same_set(witness.get("tables"), expected, f"production {moment}")
        if outcome.status != PASS:
            return Outcome(outcome.status, f"{moment}: {outcome.detail}")
    return Outcome(
        PASS, f"{len(both[0]['tables'])} before, {len(both[1]['tables'])} after, exactly the expected tables"
    )


def production_rows(evidence: Evidence) -> Outcome:
    """The same rows before and after; a difference is a failure only where production was said to be quiet."""
    both = _before_and_after(evidence)
    if both is None:
        return _UNWITNESSED
    before, after = (witness.get("rows") for witness in both)
    if not isinstance(before, dict) or not isinstance(after, dict):
        return Outcome(FAIL, "the rows were not counted before and after")
    named = {*before, *after, *(get(evidence, "settings", "expected_tables") or [])}
    named -= unreadable(evidence)
    uncounted = sorted(name for name in named if not is_count(before.get(name)) or not is_count(after.get(name)))
    if uncounted or not named:
        return Outcome(FAIL, f"not counted before and after: {some(uncounted) or 'any table'}")
    dumped = {name: get(one, "rows") for name, one in (get(evidence, "production", "snapshot", "tables") or {}).items()}
    changed = [
        f"{name}: {before.get(name)} before, {after.get(name)} after"
        for name in sorted(set(before) | set(after))
        if before.get(name) != after.get(name)
    ]
    # What comes and goes again is no rest either; another table may have had the name when the dump was taken.
    changed += [
        f"{name}: {count} before and after, {dumped[name]} in the snapshot of the dump"
        for name, count in sorted(before.items())
        if count == after.get(name) and is_count(dumped.get(name)) and dumped[name] != count
    ]
    if not changed:
        return Outcome(PASS, f"{sum(before.values())} rows before and after")
    quiet = get(evidence, "settings", "production_quiet") is True
    return Outcome(FAIL if quiet else INFO, ("not quiet: " if quiet else "its own traffic: ") + some(changed))


def production_read_only(evidence: Evidence) -> Outcome:
    """No session of ours was ever assigned a transaction id."""
    sessions = list(get(evidence, "production", "own_sessions") or [])
    if not sessions:
        return Outcome(NOT_RUN, "none of our sessions was seen")
    own = []
    for moment in ("before", "after"):
        witness = get(evidence, "production", moment)
        if not get(witness, "own_sessions"):
            return Outcome(NOT_RUN, f"the session of the witness {moment} was not seen")
        sessions += witness["own_sessions"]
        # What the witness' own transaction was told, beside what the server's list of sessions says of it.
        own.append({"pid": f"of the witness {moment}", **{name: witness[name] for name in witness if name == "xid"}})
    wrote = [
        f"pid {one.get('pid')}: transaction {one.get('xid')}" for one in [*sessions, *own] if one.get("xid") is not None
    ]
    unread = [one for one in [*sessions, *own] if "xid" not in one]
    if wrote or unread:
        return Outcome(FAIL, f"sessions of ours with a transaction id: {some(wrote) or 'not read'}")
    return Outcome(PASS, f"none of our {len(sessions)} sessions had a transaction id")


def production_neighbours(evidence: Evidence) -> Outcome:
    """The protected containers are as they were; what else changed is told."""
    both = _before_and_after(evidence)
    if both is None:
        return _UNWITNESSED
    if any(not isinstance(witness.get("neighbours"), list) for witness in both):
        return Outcome(FAIL, "the other containers were not looked at")
    before, after = ({one["name"]: one for one in witness["neighbours"]} for witness in both)
    changed = sorted(name for name in set(before) | set(after) if before.get(name) != after.get(name))
    protected = list(get(evidence, "settings", "protected_containers") or [])
    absent = [name for name in protected if name not in before]
    touched = [name for name in protected if name in changed]
    if absent or touched:
        parts = [f"changed: {some(touched)}"] if touched else []
        parts += [f"not there before the run: {some(absent)}"] if absent else []
        return Outcome(FAIL, "; ".join(parts))
    if changed:
        return Outcome(INFO if not protected else PASS, f"changed, and not protected: {some(changed)}")
    return Outcome(PASS, f"{len(before)} other containers, {len(protected)} of them protected, unchanged")


def production_waits(evidence: Evidence) -> Outcome:
    """Nobody on production waited for the dump longer than allowed."""
    longest, most = get(evidence, "production", "longest_wait_caused_s"), get(evidence, "settings", "max_blocking_s")
    sessions, unwatched = get(evidence, "production", "waits"), get(evidence, "production", "longest_unwatched_s")
    if not is_duration(longest) or not is_duration(unwatched) or not isinstance(sessions, list):
        return Outcome(NOT_RUN, "it was not watched who waits for the dump")
    if longest < 0 or unwatched < 0 or not is_count(most):
        return Outcome(FAIL, f"a wait of {longest} s, with a limit of {most} s, proves nothing")
    told = some(f"{get(one, 'waited_for')}: {get(one, 'waited_s')} s" for one in sessions)
    found = f"the longest wait that the dump caused: {longest} s" + (f" ({told})" if told else "")
    if not most:
        return Outcome(INFO, f"{found}; no limit was set")
    if unwatched > most:
        return Outcome(FAIL, f"for {unwatched} s nobody could look who waits for the dump; allowed are {most} s")
    return Outcome(PASS if longest <= most else FAIL, f"{found}; allowed are {most} s")
