# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a record as a page shows it: from evidence, checks and result to texts, in their places.

A pure function. Nothing is judged here, and nothing is escaped: whoever prints a text does that. Every text is one
printable line. Evidence may stop anywhere; what is missing is a dash.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ._outcome import FAIL, INFO, NOT_RUN, PASS, Evidence, get, is_count
from ._view_history import history
from ._view_limits import limits
from ._view_tables import audited, biggest, compared
from ._view_text import counts, duration, listed, moment, number, size, size_and_bytes, text
from ._view_timeline import timeline

Facts = list[dict[str, str]]

_SECTIONS = ("Backup", "Contents", "Restore test", "Teardown", "Production untouched", "Result")
_LOOKS = {PASS: "pass", FAIL: "fail", NOT_RUN: "not-run", INFO: "info"}
_METHOD = "read-only pg_dump, restore test in an ephemeral server, witness before and after"
_BEFORE_AFTER = (
    ("system identifier", ("sysid",)),
    ("version", ("server_version",)),
    ("server started", ("postmaster_start_utc",)),
    ("checkpointer started", ("checkpointer_start_utc",)),
    ("pg_stat_archiver counts since", ("statistics_reset_utc", "pg_stat_archiver")),
    ("pg_stat_bgwriter counts since", ("statistics_reset_utc", "pg_stat_bgwriter")),
    ("pg_stat_wal counts since", ("statistics_reset_utc", "pg_stat_wal")),
    ("in recovery", ("in_recovery",)),
    ("data directory", ("data_directory",)),
    ("container", ("container", "name")),
    ("container's ID", ("container", "id")),
    ("image", ("container", "image")),
    ("container started", ("container", "started_utc")),
    ("restarts", ("container", "restart_count")),
    ("health", ("container", "health")),
    ("rows of the audited schema", ("rows_total",)),
)
_ISOLATION = (
    ("network", "network_mode"),
    ("TCP addresses", "listen_addresses"),
    ("published ports", "published_ports"),
    ("capabilities", "capabilities"),
    ("privileged", "privileged"),
    ("no new privileges", "no_new_privileges"),
    ("read-only root", "read_only_root"),
    ("process limit", "pids_limit"),
    ("user", "user"),
)


def view(document: Evidence) -> dict[str, Any]:
    """Return what the page of a record shows; ``document`` is evidence with ``checks`` and ``result``."""
    times = timeline(document)
    return {
        "verdict": _verdict(document),
        "numbers": _numbers(document, times["total"]),
        "problems": problems_of(document),
        "sections": sections_of(document, _SECTIONS),
        "timeline": times,
        "backup": _backup(document),
        "command": text(" ".join(map(str, listed(get(document, "dump", "command"))))),
        "files": [
            {"name": text(get(one, "name")), "size": size(get(one, "size_bytes"))}
            for one in listed(get(document, "dump", "directory"))
        ],
        "biggest": biggest(document),
        "audited": audited(document),
        "compared": compared(document),
        "scratch": scratch_facts(document),
        "isolation": isolation_facts(document),
        "teardown": [*teardown_facts(document), *leftover_facts(document)],
        "witnesses": _witnesses(document),
        "sessions": _sessions(document),
        "history": history(document),
        "waits": [_wait(one) for one in listed(get(document, "production", "waits"))],
        "about": _about(document),
        "statements": [text(one) for one in listed(get(document, "settings", "attestations"))],
        "notes": [text(one) for one in listed(get(document, "plan", "notes"))],
        "limits": limits(document),
    }


def fact(label: str, value: str) -> dict[str, str]:
    """Return one line of a list of facts."""
    return {"label": label, "value": value}


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _verdict(document: Evidence) -> dict[str, Any]:
    result = get(document, "result")
    passed = get(result, "closeout_result") == "ALL_PASS"
    checks = listed(get(document, "checks"))
    counted = [one for one in checks if get(one, "status") != INFO]
    failed = [one for one in counted if get(one, "status") != PASS]
    state = str(get(result, "production_state") or "NOT PROVEN")
    claims = [
        ("backup verified", "backup_verified"),
        ("restore tested", "restore_tested"),
        ("restore server torn down", "restore_env_torn_down"),
    ]
    lines = [f"{name}: {status}" for name, status in _dict(get(result, "verify")).items()]
    return {
        "passed": passed,
        "result": "ALL_PASS" if passed else "FAIL",
        "db": text(get(document, "run", "db")),
        "host": text(get(document, "run", "host")),
        "started": moment(get(document, "run", "started_utc")),
        "finished": moment(get(document, "run", "finished_utc")),
        "sentence": sentence(passed, len(counted), len(failed), len(checks) - len(counted)),
        "claims": [
            *(
                {"label": label, "value": text(get(result, name)), "good": get(result, name) is True}
                for label, name in claims
            ),
            {"label": "production", "value": text(state), "good": state.startswith("SAFE")},
        ],
        "lines": [*map(text, lines), f"CLOSEOUT_RESULT: {'ALL_PASS' if passed else 'FAIL'}"],
    }


def sentence(passed: bool, counted: int, failed: int, told: int) -> str:
    """Return how many checks passed, in one sentence."""
    beside = f"; {told} more told something, which is not counted" if told else ""
    return f"All {counted} checks passed{beside}." if passed else f"{failed} of {counted} checks did not pass{beside}."


def _numbers(document: Evidence, total: str) -> Facts:
    return [
        fact("dump", size(get(document, "dump", "size_bytes"))),
        fact("tables in the dump", number(get(document, "dump", "manifest", "tables"))),
        fact("rows in the dump", number(get(document, "dump", "manifest", "rows"))),
        fact("rows compared in the copy", number(get(document, "restore", "compare", "rows"))),
        fact("time taken", total),
    ]


def problems_of(document: Evidence) -> Facts:
    """Return what went wrong: first the steps that could not be done, for they are why checks did not pass."""
    steps = [fact(text(get(one, "task")), text(get(one, "message"))) for one in listed(get(document, "failures"))]
    checks = [one for one in listed(get(document, "checks")) if get(one, "status") == FAIL]
    return steps + [fact(text(get(one, "id")), text(get(one, "detail"))) for one in checks]


def sections_of(document: Evidence, titles: Sequence[str]) -> list[dict[str, Any]]:
    """Return the checks of each section; ``titles`` are those of the sections, from 1 on."""
    found = listed(get(document, "checks"))
    return [
        {"title": title, "checks": [_check(one) for one in found if get(one, "section") == section]}
        for section, title in enumerate(titles, 1)
    ]


def _check(check: Any) -> dict[str, str]:
    status = str(get(check, "status"))
    return {
        "id": text(get(check, "id")),
        "title": text(get(check, "title")),
        "status": text(status),
        "look": _LOOKS.get(status, "fail"),
        "detail": text(get(check, "detail")),
    }


def _backup(document: Evidence) -> Facts:
    dump = get(document, "dump")
    messages = get(dump, "messages")
    unclassified, told = get(messages, "unclassified_total"), _dict(get(messages, "told"))
    said = unclassified + sum(count for count in told.values() if is_count(count)) if is_count(unclassified) else None
    compression, packed = get(dump, "compression"), get(dump, "compression") not in (None, "none")
    return [
        fact("path", text(get(dump, "path"))),
        fact("size", size_and_bytes(get(dump, "size_bytes"))),
        fact("format", text(get(dump, "format"))),
        fact("compression", f"{text(compression)}, of {size_and_bytes(get(dump, 'text_bytes'))} of text")
        if packed
        else fact("compression", text(compression)),
        fact("encryption", _encryption(get(dump, "encryption"))),
        fact("sha256", text(get(dump, "sha256"))),
        fact("sha256, read again after everything", text(get(dump, "sha256_confirmed"))),
        fact("read again", text(get(dump, "confirmed_utc"))),
        fact("snapshot taken", text(get(dump, "taken_utc"))),
        fact("time taken", duration(get(dump, "duration_s"))),
        fact("client", text(get(dump, "client_version"))),
        fact("transport", f"{text(get(dump, 'transport'))}: {text(get(dump, 'transport_reason'))}"),
        fact("return code of pg_dump", text(get(dump, "rc"))),
        fact("messages of pg_dump", number(said)),
        fact("attempts discarded", text(get(dump, "discarded"))),
        fact("manifest", text(get(dump, "manifest", "path"))),
        fact("sha256 of the manifest", text(get(dump, "manifest", "sha256"))),
        fact("census of production's catalogues", text(get(document, "production", "snapshot", "census", "path"))),
        fact("sha256 of the census", text(get(document, "production", "snapshot", "census", "sha256"))),
        fact("artefact directory", text(get(document, "settings", "artefact"))),
    ]


def _encryption(found: Any) -> str:
    if found is None:
        return text("none")
    told = f"{get(found, 'program')} {get(found, 'version')}, of {size_and_bytes(get(found, 'clear_bytes'))}, to "
    return told + text(get(found, "recipients"))


def scratch_facts(document: Evidence) -> Facts:
    """Return what the record says of scratch server and restore."""
    restore = get(document, "restore")
    scratch, errors = get(restore, "scratch"), get(restore, "errors")
    reason, elsewhere = get(restore, "jobs_reason"), get(document, "settings", "scratch_host")
    return [
        fact("name", text(get(scratch, "name"))),
        *([fact("host", text(elsewhere))] if elsewhere else []),
        fact("driver", text(get(scratch, "driver"))),
        fact("container", text(get(scratch, "container_id"))),
        fact("image", text(get(scratch, "image"))),
        fact("image ID", text(get(scratch, "image_id"))),
        fact("PostgreSQL", text(get(scratch, "server_version"))),
        fact("started", text(get(scratch, "started_utc"))),
        fact("would have ended by itself", text(get(scratch, "expires_utc"))),
        fact("system identifier of production", text(get(restore, "guard", "production_sysid"))),
        fact("system identifier of the scratch server", text(get(restore, "guard", "scratch_sysid"))),
        fact("database", text(get(restore, "db"))),
        fact("roles made first", text(get(restore, "roles_created"))),
        fact("return code", text(get(restore, "rc"))),
        fact("stopped at the first error", text(get(restore, "on_error_stop"))),
        fact("errors", number(get(errors, "total"))),
        fact("errors tolerated", counts(get(errors, "tolerated"))),
        fact("time taken", duration(get(restore, "duration_s"))),
        fact("sessions that restored", f"{number(get(restore, 'jobs'))}{f' ({text(reason)})' if reason else ''}"),
    ]


def isolation_facts(document: Evidence) -> Facts:
    """Return the scratch server's isolation, as inspected."""
    isolation = get(document, "restore", "scratch", "isolation")
    found = [fact(label, _inspected(isolation, name)) for label, name in _ISOLATION]
    mounts = [f"{text(get(one, 'type'))} at {text(get(one, 'path'))}" for one in listed(get(isolation, "mounts"))]
    return [
        *found,
        fact(
            "memory limit", size(get(isolation, "memory_bytes")) if get(isolation, "memory_bytes") else _no(isolation)
        ),
        fact("mounts", ", ".join(mounts) or _no(isolation)),
    ]


def _inspected(isolation: Any, name: str) -> str:
    """Return what was inspected; nothing of it is "none", which is not the same as not inspected."""
    value = get(isolation, name)
    return _no(isolation) if value in ("", 0, []) and value is not False else text(value)


def _no(inspected: Any) -> str:
    return text([] if isinstance(inspected, dict) else None)


def teardown_facts(document: Evidence) -> Facts:
    """Return what is left of the scratch server."""
    teardown = get(document, "teardown")
    return [
        fact("containers of that name", text(get(teardown, "containers", "by_name"))),
        fact("containers with the run's label", text(get(teardown, "containers", "by_label"))),
        fact("volumes", text(get(teardown, "volumes"))),
        fact("networks", text(get(teardown, "networks"))),
        fact("processes", text(get(teardown, "processes"))),
        fact("directories and files", text(get(teardown, "paths"))),
        fact("removed", text(get(teardown, "removed_utc"))),
    ]


def leftover_facts(document: Evidence) -> Facts:
    """Return what was removed of runs that were gone, and what was left of them."""
    return [
        fact("removed of runs that were gone", _of_others(document, "reaped")),
        fact("left of them, because its end could do harm", _of_others(document, "spared")),
    ]


def _of_others(document: Evidence, what: str) -> str:
    """Return what the reaper removed, or spared, of other runs; nothing of it is "none"."""
    found = get(document, "run", what)
    if not found:
        return text(found)
    return "; ".join(
        f"{text(get(one, 'kind'))} {text(get(one, 'name'))} of run {text(get(one, 'run_id'))}"
        f"{': ' + text(get(one, 'why')) if get(one, 'why') else ''}"
        for one in listed(found)
    )


def _witnesses(document: Evidence) -> list[dict[str, Any]]:
    """Return production before and after, side by side; whether a line is the same is for the eye, the checks judge."""
    before, after = get(document, "production", "before"), get(document, "production", "after")
    lines = [_side_by_side("taken", get(before, "taken_utc"), get(after, "taken_utc"), compared=False)]
    lines += [_side_by_side(label, get(before, *path), get(after, *path)) for label, path in _BEFORE_AFTER]
    for label, name in (("tables of the audited schema", "tables"), ("other containers", "neighbours")):
        counts = [len(one) if isinstance(one, list) else None for one in (get(before, name), get(after, name))]
        lines.append(_side_by_side(label, *counts))
    return lines


def _side_by_side(label: str, before: Any, after: Any, *, compared: bool = True) -> dict[str, Any]:
    if not compared or (before is None and after is None):
        same = ""
    else:
        same = "same" if before == after else "changed"
    return {"label": label, "before": text(before), "after": text(after), "same": same}


def _sessions(document: Evidence) -> Facts:
    production = get(document, "production")
    own = get(production, "own_sessions")
    return [
        fact("snapshot of the dump", text(get(production, "snapshot", "id"))),
        fact("rows in it, of the audited schema", number(get(production, "snapshot", "rows_total"))),
        fact("operations", "read-only: pg_dump and SELECT"),
        fact("own sessions during the dump", number(len(own) if isinstance(own, list) else None)),
        fact("longest wait that the dump caused", duration(get(production, "longest_wait_caused_s"))),
        fact("longest time that nobody looked", duration(get(production, "longest_unwatched_s"))),
    ]


def _wait(session: Any) -> dict[str, str]:
    return {
        "who": f"{text(get(session, 'user'))}, {text(get(session, 'application_name'))}",
        "what": text(get(session, "waited_for")),
        "waited": duration(get(session, "waited_s")),
    }


def _about(document: Evidence) -> Facts:
    run, settings = get(document, "run"), get(document, "settings")
    header, orchestrator = get(settings, "document"), get(run, "orchestrator")
    artefact = get(settings, "artefact")
    record = f"{artefact}/closeout.md" if artefact else None
    touched = "production.read_only" in listed(get(document, "result", "failed")) or not get(document, "result")
    return [
        fact("document", text(get(header, "path") or record)),
        fact("revision", text(get(header, "revision") or "1")),
        fact("date", text(get(run, "started_utc"))),
        fact("author", text(get(header, "author"))),
        fact("phase", text(get(header, "phase") or get(run, "label"))),
        fact("method", text(get(header, "method") or _METHOD)),
        fact("production touched", "NOT PROVEN" if touched else "no: read-only sessions, no transaction id"),
        fact("run", text(get(run, "id"))),
        fact("label", text(get(run, "label"))),
        fact("playbook", text(get(orchestrator, "path"))),
        fact("sha256 of the playbook", text(get(orchestrator, "sha256"))),
        fact("ansible-core", text(get(orchestrator, "ansible_core"))),
        fact("AWX job", text(get(orchestrator, "awx_job_id"))),
        fact("collection", f"incomex.closeout {text(get(run, 'collection', 'version'))}"),
        fact("sha256 of the collection", text(get(run, "collection", "sha256"))),
    ]
