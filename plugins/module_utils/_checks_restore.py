# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the checks of the restore test: guard, isolation, the copy, and nothing left."""

from __future__ import annotations

import os
from typing import Any

from ._formats import PLAIN
from ._outcome import (
    FAIL,
    NOT_RUN,
    PASS,
    Evidence,
    Outcome,
    audited_elsewhere,
    get,
    is_count,
    same_rows,
    same_set,
    some,
)

_ONLY_THE_DUMP = "no mount of the host but the archive, read-only"


def scratch_guard(evidence: Evidence) -> Outcome:
    """Every factor of identity that could be read differs from production's, and the nonce came back."""
    guard = get(evidence, "restore", "guard")
    if not guard:
        return Outcome(NOT_RUN, "the scratch server was not compared with production")
    production, scratch = get(evidence, "production", "before") or {}, guard.get("scratch") or {}
    nonce = get(evidence, "restore", "nonce")
    if not nonce or scratch.get("nonce") != nonce:
        return Outcome(FAIL, "the nonce planted in the scratch server was not read back")
    if guard.get("production_sysid") != production.get("sysid"):
        return Outcome(FAIL, "the guard was held against another server than the one witnessed before")
    factors = {
        "system identifier": (production.get("sysid"), scratch.get("sysid")),
        "container": (get(production, "container", "id"), get(scratch, "container", "id")),
        "start time": (production.get("postmaster_start_utc"), scratch.get("postmaster_start_utc")),
        "data directory": (production.get("data_directory"), scratch.get("data_directory")),
    }
    if not all(factors["system identifier"]) or not all(factors["start time"]):
        return Outcome(FAIL, "system identifier or start time could not be read on both sides")
    if get(evidence, "restore", "scratch", "driver") == "docker":
        made = get(evidence, "restore", "scratch", "container_id")
        if not made or factors["container"][1] != made:
            return Outcome(
                FAIL, f"the guard looked at container {factors['container'][1]}, the scratch server is {made}"
            )
    if not factors["data directory"][1]:
        return Outcome(FAIL, "the scratch server's data directory was not read")
    equal = [name for name, (one, other) in factors.items() if one and other and str(one) == str(other)]
    if equal:
        return Outcome(FAIL, f"the same as production's: {some(equal)}")
    compared = [name for name, pair in factors.items() if all(pair)]
    return Outcome(
        PASS,
        f"{factors['system identifier'][1]} is not production's {factors['system identifier'][0]};"
        f" {some(compared)} all differ, nonce read back",
    )


def scratch_isolated(evidence: Evidence) -> Outcome:
    """The isolation, as inspected, is what the driver promises."""
    scratch = get(evidence, "restore", "scratch")
    isolation = get(scratch, "isolation")
    if not isolation:
        return Outcome(NOT_RUN, "the scratch server's isolation was not inspected")
    driver = scratch.get("driver")
    docker = driver != "local"
    demands = {
        "the driver that was asked for": driver in ("docker", "local")
        and driver == get(evidence, "settings", "scratch_driver"),
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
        demands["a memory limit"] = is_count(isolation.get("memory_bytes")) and isolation["memory_bytes"] > 0
        demands["a process limit"] = is_count(isolation.get("pids_limit")) and isolation["pids_limit"] > 0
        archive = _read_by_its_path(evidence)
        # pg_restore opens neither a plain dump nor an encrypted one by its path.
        unmounted = get(evidence, "dump", "format") == PLAIN or get(evidence, "dump", "encryption") is not None
        kept_out = "no mount of the host" if unmounted else _ONLY_THE_DUMP
        demands[kept_out] = isinstance(mounts, list) and all(
            one.get("type") in ("tmpfs", "volume")
            or (kept_out == _ONLY_THE_DUMP and one.get("writable") is False and one.get("source") == archive)
            for one in mounts
        )
    broken = [name for name, kept in demands.items() if not kept]
    if broken:
        return Outcome(FAIL, f"not so: {some(broken)}")
    return Outcome(PASS, f"as inspected: {some(demands)}")


def _read_by_its_path(evidence: Evidence) -> Any:
    """Return where the scratch server's host has the dump: on another one than production's it is a copy."""
    path, copy = get(evidence, "dump", "path"), get(evidence, "settings", "copy_path")
    return os.path.join(copy, os.path.basename(path)) if copy and isinstance(path, str) else path


def _is_unprivileged(user: Any) -> bool:
    """Tell whether ``user``, as Docker or the kernel names it (``name``, ``id``, ``id:group``), is not root."""
    name = user.partition(":")[0].strip() if isinstance(user, str) else ""
    return bool(name) and name != "root" and not (name.isdigit() and int(name) == 0)


def restore_clean(evidence: Evidence) -> Outcome:
    """psql ended with 0 and no error, or only with tolerated ones, all counted."""
    restore = evidence.get("restore")
    if not restore or restore.get("rc") is None:
        return Outcome(NOT_RUN, "nothing was restored")
    errors = restore.get("errors") or {}
    total, tolerated = errors.get("total"), errors.get("tolerated")
    if restore["rc"] != 0 or isinstance(restore["rc"], bool):
        first = some((errors.get("fatal") or [])[:3])
        return Outcome(FAIL, f"psql ended with return code {restore['rc']}; {total} errors: {first}")
    if (
        not is_count(total)
        or not isinstance(errors.get("fatal"), list)
        or not isinstance(tolerated, dict)
        or set(tolerated) != {"role", "owner", "acl"}
        or not all(is_count(count) for count in tolerated.values())
    ):
        return Outcome(FAIL, "the errors were not counted")
    by_hand = get(evidence, "settings", "restore_tolerance") == "by_hand"
    if restore.get("on_error_stop") is not (not by_hand):
        return Outcome(FAIL, f"ON_ERROR_STOP was {restore.get('on_error_stop')}, which is not what the tolerance asks")
    forgiven = sum(tolerated.values())
    if total != forgiven or errors["fatal"] or (forgiven and not by_hand):
        return Outcome(FAIL, f"{total - forgiven if by_hand else total} errors: {some(errors['fatal'][:3])}")
    if forgiven:
        counted = ", ".join(f"{count} {name}" for name, count in sorted(tolerated.items()) if count)
        return Outcome(PASS, f"return code 0, {total} errors, all of a tolerated class: {counted}")
    return Outcome(PASS, "return code 0, no error")


def restore_tables(evidence: Evidence) -> Outcome:
    """The restored copy has exactly the expected tables."""
    if not evidence.get("restore"):
        return Outcome(NOT_RUN, "nothing was restored")
    elsewhere = audited_elsewhere(evidence, get(evidence, "restore", "audited"))
    if elsewhere:
        return elsewhere
    found, expected = get(evidence, "restore", "tables"), get(evidence, "settings", "expected_tables")
    return same_set(found, expected, "the restored copy")


def restore_rows(evidence: Evidence) -> Outcome:
    """Each audited table has as many rows in the restored copy as in the dump."""
    restored, dumped = get(evidence, "restore", "rows"), get(evidence, "dump", "rows")
    if not isinstance(restored, dict) or not isinstance(dumped, dict):
        return Outcome(NOT_RUN, "the rows were not counted on both sides")
    elsewhere = audited_elsewhere(evidence, get(evidence, "restore", "audited"))
    return elsewhere or same_rows(evidence, restored, dumped, "the restored copy", "the dump")


def nothing_left(evidence: Evidence, paths: dict[str, tuple[str, ...]]) -> Outcome:
    """Every list must have been looked up, and be empty."""
    teardown = evidence.get("teardown")
    if not teardown:
        return Outcome(NOT_RUN, "nobody looked for what is left")
    left = []
    for name, path in paths.items():
        found = get(teardown, *path)
        if not isinstance(found, list):
            return Outcome(FAIL, f"nobody looked for {name}")
        left += [f"{name} {one}" for one in found]
    if left:
        return Outcome(FAIL, f"still there: {some(left)}")
    return Outcome(PASS, f"looked for {', '.join(paths)}: none")


def teardown_absent(evidence: Evidence) -> Outcome:
    """No container, process or network of the run is left."""
    return nothing_left(
        evidence,
        {
            "containers by name": ("containers", "by_name"),
            "containers by label": ("containers", "by_label"),
            "processes": ("processes",),
            "networks": ("networks",),
        },
    )


def teardown_storage(evidence: Evidence) -> Outcome:
    """No volume, directory or partial file of the run is left."""
    outcome = nothing_left(evidence, {"volumes": ("volumes",), "directories": ("paths",)})
    if outcome.status != PASS:
        return outcome
    names = [str(one.get("name")) for one in get(evidence, "dump", "directory") or []]
    if os.path.basename(str(get(evidence, "dump", "path") or "")) not in names:
        return Outcome(FAIL, "nobody looked for partial files: the artefact directory's list does not have the dump")
    partial = [name for name in names if name.endswith(".partial")]
    if partial:
        return Outcome(FAIL, f"still there: {some(partial)}")
    return outcome
