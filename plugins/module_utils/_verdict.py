# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: from evidence to verdict. The one place that says PASS or FAIL; a pure function.

Every check is recomputed from raw facts, never from what a module thought of them. What is missing is never a pass; a
counted zero is evidence.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ._evidence import SCHEMA

if TYPE_CHECKING:
    from typing_extensions import TypeGuard

PASS, FAIL, NOT_RUN, INFO = "PASS", "FAIL", "NOT_RUN", "INFO"
ALL_PASS = "ALL_PASS"
MASKS = ("********", "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER")
SAFE_UNCHANGED = "SAFE and UNCHANGED"
SAFE_CHANGED = "SAFE, changed by its own traffic"
NOT_PROVEN = "NOT PROVEN"
_MAX_NAMED = 20


class Outcome(NamedTuple):
    """What a check found: a status and the sentence behind it."""

    status: str
    detail: str


Evidence = dict[str, Any]


def verdict(evidence: Evidence) -> dict[str, Any]:
    """Return ``{"checks": [...], "result": {...}}`` for a document of evidence.

    The result is ALL_PASS when there is at least one check and every one that is not INFO is PASS.
    """
    checks: list[dict[str, Any]] = []
    statuses: dict[str, str] = {}
    for check in _CHECKS:
        status, detail = _judged(check, evidence)
        statuses[check.id] = status
        checks.append(
            {"id": check.id, "section": check.section, "title": check.title, "status": status, "detail": detail}
        )
    counted = {check_id: status for check_id, status in statuses.items() if status != INFO}
    passed = bool(counted) and all(status == PASS for status in counted.values())
    failed = [check_id for check_id, status in counted.items() if status != PASS]
    result = {
        "closeout_result": ALL_PASS if passed else FAIL,
        "failed": failed,
        "backup_verified": _all_pass(statuses, "dump."),
        "restore_tested": _all_pass(statuses, "scratch.", "restore."),
        "restore_env_torn_down": _all_pass(statuses, "teardown."),
        "production_state": _production_state(statuses, evidence),
        "verify": {
            _verify_dump(evidence): statuses["dump.tables"],
            "VERIFY_restore_test": PASS if _all_pass(statuses, "scratch.", "restore.") else _worst(statuses),
        },
    }
    result["message"] = _message(checks, evidence, passed)
    return {"checks": checks, "result": result}


def _judged(check: Check, evidence: Evidence) -> Outcome:
    """Judge; evidence of a form that no module of ours writes is a FAIL that says so, never the end of the record."""
    try:
        return check.judge(evidence)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return Outcome(FAIL, f"the evidence cannot be read: {error!r}")


def _all_pass(statuses: dict[str, str], *prefixes: str) -> bool:
    found = [status for check_id, status in statuses.items() if check_id.startswith(prefixes)]
    return bool(found) and all(status == PASS for status in found)


def _worst(statuses: dict[str, str]) -> str:
    found = [status for check_id, status in statuses.items() if check_id.startswith(("scratch.", "restore."))]
    return FAIL if FAIL in found else NOT_RUN


def _production_state(statuses: dict[str, str], evidence: Evidence) -> str:
    others = {check_id: status for check_id, status in statuses.items() if check_id != "production.rows"}
    if not _all_pass({name: status for name, status in others.items() if status != INFO}, "production."):
        return NOT_PROVEN
    rows = statuses["production.rows"]
    if rows not in (PASS, INFO):
        return NOT_PROVEN
    before, after = (_get(evidence, "production", moment, "rows") for moment in ("before", "after"))
    return SAFE_UNCHANGED if before == after else SAFE_CHANGED


def _verify_dump(evidence: Evidence) -> str:
    expected = _get(evidence, "settings", "expected_tables")
    expected = expected if isinstance(expected, list) else []
    return f"VERIFY_dump_contains_{len(expected)}_{_get(evidence, 'settings', 'schema_alias') or ''}_tables"


def _message(checks: list[dict[str, Any]], evidence: Evidence, passed: bool) -> str:
    """Return the sentence with which the play ends: each failed check, and what could not be done."""
    if passed:
        return "CLOSEOUT_RESULT: ALL_PASS"
    lines = ["CLOSEOUT_RESULT: FAIL"]
    failures = evidence.get("failures")
    # What could not be done comes first: it is why the checks after it did not pass.
    for one in failures if isinstance(failures, list) else []:
        lines.append(f"{_get(one, 'task')}: {_get(one, 'message')}")
    lines += [f"{one['id']}: {one['detail']}" for one in checks if one["status"] == FAIL]
    skipped = [one["id"] for one in checks if one["status"] == NOT_RUN]
    if skipped:
        lines.append(f"not run: {', '.join(skipped)}")
    return "\n".join(lines)


# ---- helpers of the checks


def _get(evidence: Any, *path: str) -> Any:
    """Return what is at ``path`` of nested mappings, None where anything on the way is missing."""
    for name in path:
        if not isinstance(evidence, dict):
            return None
        evidence = evidence.get(name)
    return evidence


def _names(names: Any) -> str:
    listed = [str(name) for name in names]
    more = f" and {len(listed) - _MAX_NAMED} more" if len(listed) > _MAX_NAMED else ""
    return ", ".join(listed[:_MAX_NAMED]) + more


def _same_set(found: Any, expected: Any, what: str) -> Outcome:
    """Compare a list of tables with the expected one, as sets; nothing expected or nothing read is no pass."""
    if not isinstance(expected, list) or not expected:
        return Outcome(FAIL, "no table is expected: there is nothing to prove")
    if not isinstance(found, list):
        return Outcome(NOT_RUN, f"the tables of {what} were not read")
    missing, unexpected = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    if missing or unexpected:
        parts = [f"missing: {_names(missing)}"] if missing else []
        parts += [f"unexpected: {_names(unexpected)}"] if unexpected else []
        return Outcome(FAIL, "; ".join(parts))
    return Outcome(PASS, f"exactly the {len(expected)} expected tables")


def _same_rows(
    evidence: Evidence, one: dict[str, Any], other: dict[str, Any], one_name: str, other_name: str
) -> Outcome:
    """Compare counted rows, table by table, over the expected tables. Not counted is not zero."""
    expected = _get(evidence, "settings", "expected_tables")
    if not expected:
        return Outcome(FAIL, "no table is expected: there is nothing to compare")
    differences, uncounted, total = [], [], 0
    for name in expected:
        left, right = one.get(name), other.get(name)
        if not _is_count(left) or not _is_count(right):
            uncounted.append(name)
        elif left != right:
            differences.append(f"{name}: {left} in {one_name}, {right} in {other_name}")
        else:
            total += left
    if differences or uncounted:
        parts = [f"not counted: {_names(uncounted)}"] if uncounted else []
        return Outcome(FAIL, "; ".join([_names(differences)] * bool(differences) + parts))
    return Outcome(PASS, f"{total} rows in {len(expected)} tables, equal table by table")


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield str(name)
            yield from _strings(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _strings(inner)


# ---- the checks


def _plan_ready(evidence: Evidence) -> Outcome:
    problems = _get(evidence, "plan", "problems")
    if not isinstance(problems, list):
        return Outcome(FAIL, "there is no plan")
    if problems:
        told = "; ".join(
            f"{one['object']}: wanted {one['wanted']}; found {one['found']}; {one['do']}" for one in problems
        )
        return Outcome(FAIL, told)
    return Outcome(PASS, "no problem was found before the start")


def _evidence_whole(evidence: Evidence) -> Outcome:
    if evidence.get("schema") != SCHEMA:
        return Outcome(FAIL, f"the evidence is of schema {evidence.get('schema')!r}, wanted: {SCHEMA}")
    run_id = _get(evidence, "run", "id")
    parts = _get(evidence, "run", "parts") or {}
    if not run_id:
        return Outcome(FAIL, "there is no run id")
    if _get(evidence, "plan", "problems"):
        return Outcome(NOT_RUN, "the run did not start")
    foreign = sorted(name for name, owner in parts.items() if owner != run_id)
    if foreign:
        return Outcome(FAIL, f"evidence of another run: {_names(foreign)}")
    unsigned = sorted(_REQUIRED_PARTS - set(parts))
    missing = [".".join(path) for path in _REQUIRED_EVIDENCE if _get(evidence, *path) is None]
    if unsigned or missing:
        return Outcome(FAIL, f"missing: {_names([*unsigned, *missing])}")
    if not isinstance(evidence["settings"]["production_quiet"], bool):
        return Outcome(FAIL, "settings.production_quiet is neither true nor false")
    if evidence["failures"]:
        return Outcome(FAIL, f"failed: {_names(one['task'] for one in evidence['failures'])}")
    totals = [".".join(path) for path in _TOTALLED if not _adds_up(_get(evidence, *path))]
    if totals:
        return Outcome(FAIL, f"rows_total is not the sum of the rows: {_names(totals)}")
    masked = sum(1 for text in _strings(evidence) if any(mask in text for mask in MASKS))
    if masked:
        return Outcome(
            FAIL,
            f"{masked} values are masked, because a password's text occurs in them; use closeout_passfile",
        )
    return Outcome(PASS, f"one run id in all {len(parts)} parts, no masked value, nothing missing")


def _adds_up(part: Any) -> bool:
    """Tell whether ``rows_total`` is the sum of the rows, as a list of tables or the snapshot has them."""
    rows = _get(part, "rows")
    counts = rows.values() if rows is not None else [one["rows"] for one in part["tables"].values()]
    total = part.get("rows_total")
    return all(_is_count(count) for count in counts) and _is_count(total) and sum(counts) == total


_TOTALLED = (
    ("production", "before"),
    ("production", "after"),
    ("production", "snapshot"),
    ("dump",),
    ("restore",),
)
_REQUIRED_PARTS = {
    "plan",
    "begun",
    "before",
    "dump",
    "dump_audit",
    "scratch",
    "restore",
    "restored_audit",
    "teardown",
    "after",
    "confirmed",
}
_REQUIRED_EVIDENCE = (
    ("plan",),
    ("failures",),
    ("settings", "container"),
    ("settings", "schema"),
    ("settings", "expected_tables"),
    ("settings", "scratch_driver"),
    ("settings", "restore_tolerance"),
    ("settings", "production_quiet"),
    ("settings", "protected_containers"),
    ("production", "before", "sysid"),
    ("production", "before", "rows"),
    ("production", "before", "own_sessions"),
    ("production", "after", "sysid"),
    ("production", "after", "rows"),
    ("production", "after", "own_sessions"),
    ("production", "snapshot", "tables"),
    ("production", "own_sessions"),
    ("dump", "sha256"),
    ("dump", "tables"),
    ("dump", "rows"),
    ("restore", "guard"),
    ("restore", "rc"),
    ("restore", "tables"),
    ("restore", "rows"),
    ("teardown", "containers"),
)


def _dump_complete(evidence: Evidence) -> Outcome:
    dump = evidence.get("dump")
    if not dump:
        return Outcome(NOT_RUN, "there is no dump")
    size = dump.get("size_bytes")
    if dump.get("rc") != 0 or isinstance(dump.get("rc"), bool):
        return Outcome(FAIL, f"pg_dump ended with return code {dump.get('rc')}")
    if dump.get("complete") is not True:
        return Outcome(FAIL, "the end marker is missing: the dump is cut off")
    if not _is_count(size) or size == 0:
        return Outcome(FAIL, f"the dump has {size} bytes")
    listed = {one.get("name"): one.get("size_bytes") for one in dump.get("directory") or []}
    name = os.path.basename(str(dump.get("path") or ""))
    if name in listed and listed[name] != size:
        return Outcome(FAIL, f"{size} bytes were written, the file has {listed[name]}")
    return Outcome(PASS, f"pg_dump ended with 0, the end marker is there, {size} bytes")


def _dump_tables(evidence: Evidence) -> Outcome:
    if not evidence.get("dump"):
        return Outcome(NOT_RUN, "there is no dump")
    return _same_set(_get(evidence, "dump", "tables"), _get(evidence, "settings", "expected_tables"), "the dump")


def _dump_rows(evidence: Evidence) -> Outcome:
    rows, tables = _get(evidence, "dump", "rows"), _get(evidence, "production", "snapshot", "tables")
    if not isinstance(rows, dict) or not isinstance(tables, dict):
        return Outcome(NOT_RUN, "the rows were not counted on both sides")
    counted = {name: _get(facts, "rows") for name, facts in tables.items()}
    return _same_rows(evidence, rows, counted, "the dump", "production's snapshot")


def _sha256_confirmed(evidence: Evidence) -> Outcome:
    taken = _get(evidence, "dump", "sha256")
    again, restored = _get(evidence, "dump", "sha256_confirmed"), _get(evidence, "restore", "input_sha256")
    if not taken or not again:
        return Outcome(NOT_RUN, "the dump was not read again")
    if taken != again:
        return Outcome(FAIL, f"the file is not what was written: {taken} then, {again} now")
    if not restored:
        return Outcome(NOT_RUN, "the dump was not restored as a whole")
    if restored != taken:
        return Outcome(FAIL, f"what was restored is not what was written: {taken} written, {restored} restored")
    return Outcome(PASS, f"{taken}: written, restored and read again")


def _scratch_guard(evidence: Evidence) -> Outcome:
    guard = _get(evidence, "restore", "guard")
    if not guard:
        return Outcome(NOT_RUN, "the scratch server was not compared with production")
    production, scratch = _get(evidence, "production", "before") or {}, guard.get("scratch") or {}
    nonce = _get(evidence, "restore", "nonce")
    if not nonce or scratch.get("nonce") != nonce:
        return Outcome(FAIL, "the nonce planted in the scratch server was not read back")
    if guard.get("production_sysid") != production.get("sysid"):
        return Outcome(FAIL, "the guard was held against another server than the one witnessed before")
    factors = {
        "system identifier": (production.get("sysid"), scratch.get("sysid")),
        "container": (_get(production, "container", "id"), _get(scratch, "container", "id")),
        "start time": (production.get("postmaster_start_utc"), scratch.get("postmaster_start_utc")),
        "data directory": (production.get("data_directory"), scratch.get("data_directory")),
    }
    if not all(factors["system identifier"]) or not all(factors["start time"]):
        return Outcome(FAIL, "system identifier or start time could not be read on both sides")
    if _get(evidence, "restore", "scratch", "driver") == "docker":
        made = _get(evidence, "restore", "scratch", "container_id")
        if not made or factors["container"][1] != made:
            return Outcome(
                FAIL, f"the guard looked at container {factors['container'][1]}, the scratch server is {made}"
            )
    if not factors["data directory"][1]:
        return Outcome(FAIL, "the scratch server's data directory was not read")
    equal = [name for name, (one, other) in factors.items() if one and other and str(one) == str(other)]
    if equal:
        return Outcome(FAIL, f"the same as production's: {_names(equal)}")
    compared = [name for name, pair in factors.items() if all(pair)]
    return Outcome(
        PASS,
        f"{factors['system identifier'][1]} is not production's {factors['system identifier'][0]};"
        f" {_names(compared)} all differ, nonce read back",
    )


def _scratch_isolated(evidence: Evidence) -> Outcome:
    scratch = _get(evidence, "restore", "scratch")
    isolation = _get(scratch, "isolation")
    if not isolation:
        return Outcome(NOT_RUN, "the scratch server's isolation was not inspected")
    driver = scratch.get("driver")
    docker = driver != "local"
    demands = {
        "the driver that was asked for": driver in ("docker", "local")
        and driver == _get(evidence, "settings", "scratch_driver"),
        "no network": isolation.get("network_mode") in (("none",) if docker else ("none", "unix socket only")),
        "no TCP address": isolation.get("listen_addresses") == "",
        "no published port": isolation.get("published_ports") == [],
        "no capability": isolation.get("capabilities") == [],
        "not privileged": isolation.get("privileged") is False,
        "no new privileges": isolation.get("no_new_privileges") is True,
        "an unprivileged user": _is_unprivileged(isolation.get("user")),
    }
    if docker:
        mounts = isolation.get("mounts")
        demands["a read-only root"] = isolation.get("read_only_root") is True
        demands["a memory limit"] = _is_count(isolation.get("memory_bytes")) and isolation["memory_bytes"] > 0
        demands["a process limit"] = _is_count(isolation.get("pids_limit")) and isolation["pids_limit"] > 0
        demands["no mount of the host"] = isinstance(mounts, list) and all(
            one.get("type") in ("tmpfs", "volume") for one in mounts
        )
    broken = [name for name, kept in demands.items() if not kept]
    if broken:
        return Outcome(FAIL, f"not so: {_names(broken)}")
    return Outcome(PASS, f"as inspected: {_names(demands)}")


def _is_unprivileged(user: Any) -> bool:
    """Tell whether ``user``, as Docker or the kernel names it (``name``, ``id``, ``id:group``), is not root."""
    name = user.partition(":")[0].strip() if isinstance(user, str) else ""
    return bool(name) and name != "root" and not (name.isdigit() and int(name) == 0)


def _restore_clean(evidence: Evidence) -> Outcome:
    restore = evidence.get("restore")
    if not restore or restore.get("rc") is None:
        return Outcome(NOT_RUN, "nothing was restored")
    errors = restore.get("errors") or {}
    total, tolerated = errors.get("total"), errors.get("tolerated")
    if restore["rc"] != 0 or isinstance(restore["rc"], bool):
        first = _names((errors.get("fatal") or [])[:3])
        return Outcome(FAIL, f"psql ended with return code {restore['rc']}; {total} errors: {first}")
    if (
        not _is_count(total)
        or not isinstance(errors.get("fatal"), list)
        or not isinstance(tolerated, dict)
        or set(tolerated) != {"role", "owner", "acl"}
        or not all(_is_count(count) for count in tolerated.values())
    ):
        return Outcome(FAIL, "the errors were not counted")
    by_hand = _get(evidence, "settings", "restore_tolerance") == "by_hand"
    if restore.get("on_error_stop") is not (not by_hand):
        return Outcome(FAIL, f"ON_ERROR_STOP was {restore.get('on_error_stop')}, which is not what the tolerance asks")
    forgiven = sum(tolerated.values())
    if total != forgiven or errors["fatal"] or (forgiven and not by_hand):
        return Outcome(FAIL, f"{total - forgiven if by_hand else total} errors: {_names(errors['fatal'][:3])}")
    if forgiven:
        counted = ", ".join(f"{count} {name}" for name, count in sorted(tolerated.items()) if count)
        return Outcome(PASS, f"return code 0, {total} errors, all of a tolerated class: {counted}")
    return Outcome(PASS, "return code 0, no error")


def _restore_tables(evidence: Evidence) -> Outcome:
    if not evidence.get("restore"):
        return Outcome(NOT_RUN, "nothing was restored")
    found, expected = _get(evidence, "restore", "tables"), _get(evidence, "settings", "expected_tables")
    return _same_set(found, expected, "the restored copy")


def _restore_rows(evidence: Evidence) -> Outcome:
    restored, dumped = _get(evidence, "restore", "rows"), _get(evidence, "dump", "rows")
    if not isinstance(restored, dict) or not isinstance(dumped, dict):
        return Outcome(NOT_RUN, "the rows were not counted on both sides")
    return _same_rows(evidence, restored, dumped, "the restored copy", "the dump")


def _nothing_left(evidence: Evidence, paths: dict[str, tuple[str, ...]]) -> Outcome:
    """Every list must have been looked up, and be empty."""
    teardown = evidence.get("teardown")
    if not teardown:
        return Outcome(NOT_RUN, "nobody looked for what is left")
    left = []
    for name, path in paths.items():
        found = _get(teardown, *path)
        if not isinstance(found, list):
            return Outcome(FAIL, f"nobody looked for {name}")
        left += [f"{name} {one}" for one in found]
    if left:
        return Outcome(FAIL, f"still there: {_names(left)}")
    return Outcome(PASS, f"looked for {', '.join(paths)}: none")


def _teardown_absent(evidence: Evidence) -> Outcome:
    return _nothing_left(
        evidence,
        {
            "containers by name": ("containers", "by_name"),
            "containers by label": ("containers", "by_label"),
            "processes": ("processes",),
            "networks": ("networks",),
        },
    )


def _teardown_storage(evidence: Evidence) -> Outcome:
    outcome = _nothing_left(evidence, {"volumes": ("volumes",), "directories": ("paths",)})
    if outcome.status != PASS:
        return outcome
    names = [str(one.get("name")) for one in _get(evidence, "dump", "directory") or []]
    if os.path.basename(str(_get(evidence, "dump", "path") or "")) not in names:
        return Outcome(FAIL, "nobody looked for partial files: the artefact directory's list does not have the dump")
    partial = [name for name in names if name.endswith(".partial")]
    if partial:
        return Outcome(FAIL, f"still there: {_names(partial)}")
    return outcome


def _before_and_after(evidence: Evidence) -> tuple[dict[str, Any], dict[str, Any]] | None:
    before, after = _get(evidence, "production", "before"), _get(evidence, "production", "after")
    return (before, after) if isinstance(before, dict) and isinstance(after, dict) else None


_UNWITNESSED = Outcome(NOT_RUN, "production was not witnessed before and after")


def _production_identity(evidence: Evidence) -> Outcome:
    both = _before_and_after(evidence)
    if both is None:
        return _UNWITNESSED
    before, after = both
    if not before.get("sysid") or not after.get("sysid"):
        return Outcome(FAIL, "the system identifier was not read")
    if _get(evidence, "settings", "container") and not _get(before, "container", "id"):
        return Outcome(FAIL, "the container was not identified")
    pairs = {
        "system identifier": (before["sysid"], after["sysid"]),
        "container": (_get(before, "container", "id"), _get(after, "container", "id")),
        "data directory": (before.get("data_directory"), after.get("data_directory")),
    }
    changed = [f"{name}: {one} before, {other} after" for name, (one, other) in pairs.items() if one != other]
    if changed:
        return Outcome(FAIL, "; ".join(changed))
    return Outcome(PASS, f"{before['sysid']} before and after")


_HEALTH = {"healthy": 2, "starting": 1, "unhealthy": 0}


def _production_not_restarted(evidence: Evidence) -> Outcome:
    both = _before_and_after(evidence)
    if both is None:
        return _UNWITNESSED
    before, after = both
    if not before.get("postmaster_start_utc"):
        return Outcome(FAIL, "the start time was not read")
    for container in (one["container"] for one in both if one.get("container")):
        read = container.get("started_utc") and _is_count(container.get("restart_count"))
        if not read or container.get("health") is None:
            return Outcome(FAIL, "the container's start time, restarts or health were not read")
    pairs = {
        "server started": (before["postmaster_start_utc"], after.get("postmaster_start_utc")),
        "container started": tuple(_get(one, "container", "started_utc") for one in both),
        "restarts": tuple(_get(one, "container", "restart_count") for one in both),
    }
    changed = [f"{name}: {one} before, {other} after" for name, (one, other) in pairs.items() if one != other]
    health = [str(_get(one, "container", "health") or "") for one in both]
    # No health check at all is as good as before only where there was none before.
    if health[0] != health[1] and _HEALTH.get(health[1], -1) < _HEALTH.get(health[0], 2):
        changed.append(f"health: {health[0]} before, {health[1]} after")
    if changed:
        return Outcome(FAIL, "; ".join(changed))
    return Outcome(PASS, f"up since {before['postmaster_start_utc']}, before and after")


def _production_tables(evidence: Evidence) -> Outcome:
    both = _before_and_after(evidence)
    if both is None:
        return _UNWITNESSED
    expected = _get(evidence, "settings", "expected_tables")
    for moment, witness in zip(("before", "after"), both):
        outcome = _same_set(witness.get("tables"), expected, f"production {moment}")
        if outcome.status != PASS:
            return Outcome(outcome.status, f"{moment}: {outcome.detail}")
    return Outcome(
        PASS, f"{len(both[0]['tables'])} before, {len(both[1]['tables'])} after, exactly the expected tables"
    )


def _production_rows(evidence: Evidence) -> Outcome:
    both = _before_and_after(evidence)
    if both is None:
        return _UNWITNESSED
    before, after = (witness.get("rows") for witness in both)
    if not isinstance(before, dict) or not isinstance(after, dict):
        return Outcome(FAIL, "the rows were not counted before and after")
    named = {*before, *after, *(_get(evidence, "settings", "expected_tables") or [])}
    uncounted = sorted(name for name in named if not _is_count(before.get(name)) or not _is_count(after.get(name)))
    if uncounted or not named:
        return Outcome(FAIL, f"not counted before and after: {_names(uncounted) or 'any table'}")
    changed = [
        f"{name}: {before.get(name)} before, {after.get(name)} after"
        for name in sorted(set(before) | set(after))
        if before.get(name) != after.get(name)
    ]
    if not changed:
        return Outcome(PASS, f"{sum(before.values())} rows before and after")
    quiet = _get(evidence, "settings", "production_quiet") is True
    return Outcome(FAIL if quiet else INFO, ("not quiet: " if quiet else "its own traffic: ") + _names(changed))


def _production_read_only(evidence: Evidence) -> Outcome:
    sessions = list(_get(evidence, "production", "own_sessions") or [])
    if not sessions:
        return Outcome(NOT_RUN, "none of our sessions was seen")
    own = []
    for moment in ("before", "after"):
        witness = _get(evidence, "production", moment)
        if not _get(witness, "own_sessions"):
            return Outcome(NOT_RUN, f"the session of the witness {moment} was not seen")
        sessions += witness["own_sessions"]
        # What the witness' own transaction was told, beside what the server's list of sessions says of it.
        own.append({"pid": f"of the witness {moment}", **{name: witness[name] for name in witness if name == "xid"}})
    wrote = [
        f"pid {one.get('pid')}: transaction {one.get('xid')}" for one in [*sessions, *own] if one.get("xid") is not None
    ]
    unread = [one for one in [*sessions, *own] if "xid" not in one]
    if wrote or unread:
        return Outcome(FAIL, f"sessions of ours with a transaction id: {_names(wrote) or 'not read'}")
    return Outcome(PASS, f"none of our {len(sessions)} sessions had a transaction id")


def _production_neighbours(evidence: Evidence) -> Outcome:
    both = _before_and_after(evidence)
    if both is None:
        return _UNWITNESSED
    if any(not isinstance(witness.get("neighbours"), list) for witness in both):
        return Outcome(FAIL, "the other containers were not looked at")
    before, after = ({one["name"]: one for one in witness["neighbours"]} for witness in both)
    changed = sorted(name for name in set(before) | set(after) if before.get(name) != after.get(name))
    protected = list(_get(evidence, "settings", "protected_containers") or [])
    absent = [name for name in protected if name not in before]
    touched = [name for name in protected if name in changed]
    if absent or touched:
        parts = [f"changed: {_names(touched)}"] if touched else []
        parts += [f"not there before the run: {_names(absent)}"] if absent else []
        return Outcome(FAIL, "; ".join(parts))
    if changed:
        return Outcome(INFO if not protected else PASS, f"changed, and not protected: {_names(changed)}")
    return Outcome(PASS, f"{len(before)} other containers, {len(protected)} of them protected, unchanged")


class Check(NamedTuple):
    """A check: its id, the section of the record it stands in, its title and the function that judges it."""

    id: str
    section: int
    title: str
    judge: Callable[[Evidence], Outcome]


_CHECKS = (
    Check("plan.ready", 6, "Nothing was in the way of the run", _plan_ready),
    Check("evidence.whole", 6, "The evidence is whole and of one run", _evidence_whole),
    Check("dump.complete", 1, "The dump is complete", _dump_complete),
    Check("dump.tables", 2, "The dump creates exactly the expected tables", _dump_tables),
    Check("dump.rows", 2, "The dump has production's rows of the snapshot", _dump_rows),
    Check("dump.sha256_confirmed", 1, "The dump is still the one that was written and restored", _sha256_confirmed),
    Check("scratch.guard", 3, "The scratch server is not production", _scratch_guard),
    Check("scratch.isolated", 3, "The scratch server is isolated", _scratch_isolated),
    Check("restore.clean", 3, "The dump restores without an error", _restore_clean),
    Check("restore.tables", 3, "The restored copy has exactly the expected tables", _restore_tables),
    Check("restore.rows", 3, "The restored copy has the dump's rows", _restore_rows),
    Check("teardown.absent", 4, "No container, process or network is left", _teardown_absent),
    Check("teardown.storage", 4, "No volume, directory or partial file is left", _teardown_storage),
    Check("production.identity", 5, "Production is the same server", _production_identity),
    Check("production.not_restarted", 5, "Production was not restarted", _production_not_restarted),
    Check("production.tables", 5, "Production has the expected tables, before and after", _production_tables),
    Check("production.rows", 5, "Production's rows before and after", _production_rows),
    Check("production.read_only", 5, "Nothing of ours wrote to production", _production_read_only),
    Check("production.neighbours", 5, "The other containers are untouched", _production_neighbours),
)
