# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the results of the role's steps, put together as one document of evidence.

A pure function. Nothing is judged here; what did not run is null, what failed brings the facts that it had.
"""

from __future__ import annotations

from typing import Any

SCHEMA = "incomex.closeout/evidence/1"

STEPS = {
    "reaped": "Remove what runs that are gone left behind",
    "plan": "Plan the run",
    "begun": "Make the artefact directory",
    "before": "Take the witness before",
    "dump": "Take the dump",
    "dump_audit": "Audit the dump",
    "scratch": "Make the scratch server",
    "restore": "Restore the dump",
    "restored_audit": "Audit the restored copy",
    "compare": "Compare the restored copy with the dump",
    "teardown": "Remove the scratch server",
    "after": "Take the witness after",
    "confirmed": "Confirm the checksum",
    "history": "Read the history",
}
"""The role's steps, in their order, and what each does."""

ELSEWHERE = {
    "there": "Make a directory on the scratch host",
    "lent": "Copy the dump to the scratch host",
    "fetched": "Bring the report back from the scratch host",
    "teardown_here": "Remove what is left on production's host",
}
"""Those that there are only where the restore is tested on another host."""

_IDENTITY = (
    "taken_utc",
    "sysid",
    "server_version",
    "in_recovery",
    "postmaster_start_utc",
    "checkpointer_start_utc",
    "statistics_reset_utc",
    "data_directory",
    "container",
    "tables",
    "unlogged",
    "rows",
    "rows_total",
    "neighbours",
    "own_sessions",
    "xid",
)
_NOT_FACTS = {
    "changed",
    "failed",
    "skipped",
    "msg",
    "run_id",
    "took",
    "error",
    "invocation",
    "exception",
    "warnings",
    "deprecations",
}


def collect(
    results: dict[str, Any], *, host: str, collection: dict[str, Any], orchestrator: dict[str, Any]
) -> dict[str, Any]:
    """Return the document of evidence, schema ``incomex.closeout/evidence/1``, without checks and result.

    ``results`` maps the names of :data:`STEPS` and :data:`ELSEWHERE` to what their tasks registered (or null).
    """
    steps = {**STEPS, **ELSEWHERE}
    parts = {name: part_of(results.get(name)) for name in steps}
    plan = parts["plan"] or {}
    settings = dict(plan.get("settings") or {})
    dump = parts["dump"] or {}
    waits = dump.get("waits") or {}
    if dump.get("expected_tables_effective") is not None:
        settings["expected_tables"] = dump["expected_tables_effective"]
        settings["expected_source"] = dump.get("expected_source")
    else:
        settings["expected_source"] = "given" if settings.get("expected_tables") else "production_snapshot"
    return {
        "schema": SCHEMA,
        "run": {
            "id": plan.get("run_id", ""),
            "label": settings.get("label", ""),
            "stamp": plan.get("stamp", ""),
            "host": host,
            "db": settings.get("db", ""),
            "started_utc": plan.get("started_utc", ""),
            "finished_utc": _last_moment(parts),
            "collection": collection,
            "orchestrator": orchestrator,
            # Who made each part: the verdict refuses evidence of another run.
            # Reaping comes before the plan, and so before this run has an id.
            "parts": {
                name: part["run_id"] for name, part in parts.items() if part and "run_id" in part and name != "reaped"
            },
            "reaped": (parts["reaped"] or {}).get("reaped"),
            "spared": (parts["reaped"] or {}).get("spared"),
            "stages": stages_of(results, steps),
        },
        "settings": settings,
        "plan": {"problems": plan["problems"], "notes": plan.get("notes", [])} if "problems" in plan else None,
        "production": {
            "before": _witness(parts["before"]),
            "after": _witness(parts["after"]),
            "snapshot": dump.get("production_snapshot"),
            "own_sessions": dump.get("own_sessions"),
            "longest_wait_caused_s": waits.get("longest_s"),
            "longest_unwatched_s": waits.get("longest_unwatched_s"),
            "waits": waits.get("sessions"),
        },
        "dump": _dump(parts),
        "restore": _here(restore_part(parts), settings),
        "teardown": _teardown(parts, settings),
        "trend": (parts["history"] or {}).get("trend"),
        "failures": failures_of(results, steps),
    }


def stages_of(results: dict[str, Any], steps: dict[str, str]) -> list[dict[str, Any]]:
    """Return when each of the ``steps`` that told it began, and how long it took."""
    return [{"step": name, **results[name]["took"]} for name in steps if _is_timed(results.get(name))]


def failures_of(results: dict[str, Any], steps: dict[str, str]) -> list[dict[str, str]]:
    """Return which of the ``steps`` failed, what each does, and its message."""
    return [
        {"step": name, "task": steps[name], "message": _message(results[name])}
        for name in steps
        if _failed(results.get(name))
    ]


def _is_timed(result: Any) -> bool:
    return isinstance(result, dict) and isinstance(result.get("took"), dict)


def _failed(result: Any) -> bool:
    return isinstance(result, dict) and bool(result.get("failed") or result.get("unreachable"))


def _message(result: dict[str, Any]) -> str:
    message = str(result.get("msg") or "")
    if result.get("unreachable"):
        return f"The host could not be reached: {message}"
    lines = str(result.get("exception") or "").strip().splitlines()
    return message or (lines[-1] if lines else "no message")


def part_of(result: Any) -> dict[str, Any] | None:
    """Return the facts of a step's result, or None where the step did not run."""
    if not isinstance(result, dict) or result.get("skipped") or result.get("unreachable"):
        return None
    return result if set(result) - _NOT_FACTS or not result.get("failed") else None


def _witness(part: dict[str, Any] | None) -> dict[str, Any] | None:
    if part is None:
        return None
    return {name: part.get(name) for name in _IDENTITY}


def _dump(parts: dict[str, dict[str, Any] | None]) -> dict[str, Any] | None:
    dump = (parts["dump"] or {}).get("dump")
    if dump is None:
        return None
    audit = parts["dump_audit"] or {}
    confirmed = parts["confirmed"] or {}
    return {
        **dump,
        "tables": audit.get("tables"),
        "rows": audit.get("rows"),
        "rows_total": audit.get("rows_total"),
        "sha256_confirmed": confirmed.get("sha256_confirmed", ""),
        "confirmed_utc": confirmed.get("confirmed_utc", ""),
        "encrypted_confirmed": confirmed.get("encrypted"),
        "directory": confirmed.get("directory", []),
        "discarded": (parts["dump"] or {}).get("discarded", []),
    }


def restore_part(parts: dict[str, dict[str, Any] | None]) -> dict[str, Any] | None:
    """Return what the steps of a restore test found, None where there was no scratch server."""
    scratch = (parts["scratch"] or {}).get("scratch")
    if scratch is None:
        return None
    restored = (parts["restore"] or {}).get("restore") or {}
    audit = parts["restored_audit"] or {}
    return {
        "scratch": scratch,
        "guard": restored.get("guard"),
        "nonce": (parts["scratch"] or {}).get("nonce", ""),
        "db": restored.get("db", ""),
        "roles_created": restored.get("roles_created"),
        "rc": restored.get("rc"),
        "on_error_stop": restored.get("on_error_stop"),
        "input_sha256": restored.get("input_sha256", ""),
        "decrypted": restored.get("decrypted"),
        "errors": restored.get("errors"),
        "duration_s": restored.get("duration_s"),
        "jobs": restored.get("jobs"),
        "jobs_reason": restored.get("jobs_reason"),
        "audited": audit.get("server"),
        "tables": audit.get("tables"),
        "rows": audit.get("rows"),
        "rows_total": audit.get("rows_total"),
        "compare": (parts["compare"] or {}).get("compare"),
    }


def _here(restore: dict[str, Any] | None, settings: dict[str, Any]) -> dict[str, Any] | None:
    """Return the facts of a restore test, with its report where it was brought to from another host."""
    path = ((restore or {}).get("compare") or {}).get("path")
    copy = settings.get("copy_path")
    if restore is None or not copy or not isinstance(path, str) or not path.startswith(copy):
        return restore
    return {**restore, "compare": {**restore["compare"], "path": settings["artefact"] + path[len(copy) :]}}


def _teardown(parts: dict[str, dict[str, Any] | None], settings: dict[str, Any]) -> dict[str, Any] | None:
    """Return what is left: of another scratch host and of production's together, None where one was not looked at."""
    there = (parts["teardown"] or {}).get("teardown")
    here = (parts["teardown_here"] or {}).get("teardown")
    if not settings.get("scratch_host"):
        return there
    if there is None or here is None:
        return None
    containers = {name: [*there["containers"][name], *here["containers"][name]] for name in ("by_name", "by_label")}
    lists = {name: [*there[name], *here[name]] for name in ("volumes", "networks", "processes", "paths")}
    return {"containers": containers, **lists, "removed_utc": max(there["removed_utc"], here["removed_utc"])}


def _last_moment(parts: dict[str, dict[str, Any] | None]) -> str:
    """Return the latest moment that the target's clock gave."""
    moments = [
        (parts["plan"] or {}).get("started_utc"),
        (parts["before"] or {}).get("taken_utc"),
        (parts["dump"] or {}).get("finished_utc"),
        ((parts["teardown"] or {}).get("teardown") or {}).get("removed_utc"),
        (parts["after"] or {}).get("taken_utc"),
        (parts["confirmed"] or {}).get("confirmed_utc"),
    ]
    return max((moment for moment in moments if moment), default="")
