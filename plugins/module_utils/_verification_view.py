# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the record of a verification as a page and a text show it, and in a few lines.

Pure functions, as those of a closeout's record: every text is one printable line, what is missing is a dash, and who
prints it escapes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._outcome import INFO, PASS, Evidence, get
from ._printable import printable
from ._summary import check_lines, labelled, record_of
from ._verification import as_restore_test
from ._view import (
    Facts,
    fact,
    isolation_facts,
    leftover_facts,
    problems_of,
    scratch_facts,
    sections_of,
    sentence,
    teardown_facts,
)
from ._view_tables import biggest, compared
from ._view_text import listed, moment, number, size, size_and_bytes, text
from ._view_timeline import FILES, PRODUCTION, timeline

_SECTIONS = ("What was verified", "Contents", "Restore test", "Teardown", "Result")
_MAX_TABLES = 200
_LIMITS_OF_ALL = {
    "That the dump is production's": "Production was not asked. What the closeout proved of it is in the artefact.",
    "That it is of today": "It is of the moment at which it was taken; what came after is in no old backup.",
    "That it can be read next year": "It was read now, by the versions that this record names.",
}
_LIMITS_OF_A_DUMP = {
    "That it ever was production's": "Nothing is recorded of it. It was held against itself and what was given.",
    "That it is whole": "It ends as pg_dump ends a whole dump. What pg_dump left out, nobody has seen.",
    "What roles may do": "Roles, locale and tablespaces of the copy were made up from what the dump says.",
}


def verification_view(document: Evidence) -> dict[str, Any]:
    """Return what the record shows; ``document`` is evidence with checks and result."""
    test = {**as_restore_test(document), "checks": document.get("checks"), "failures": document.get("failures")}
    result = document.get("result")
    passed = get(result, "verification_result") == "ALL_PASS"
    checks = listed(get(document, "checks"))
    counted = [one for one in checks if get(one, "status") != INFO]
    failed = sum(get(one, "status") != PASS for one in counted)
    times = timeline(document)
    return {
        "passed": passed,
        "result": "ALL_PASS" if passed else "FAIL",
        "what": text(get(document, "subject", "path") or get(document, "settings", "verify_path")),
        "host": text(get(document, "run", "host")),
        "sentence": sentence(passed, len(counted), failed, len(checks) - len(counted)),
        "started": moment(get(document, "run", "started_utc")),
        "finished": moment(get(document, "run", "finished_utc")),
        "line": f"VERIFICATION_RESULT: {'ALL_PASS' if passed else 'FAIL'}",
        "claims": [
            {"label": label, "value": text(get(result, name)), "good": get(result, name) is True}
            for label, name in (
                ("still what was recorded", "as_recorded"),
                ("restore tested", "restore_tested"),
                ("restore server torn down", "restore_env_torn_down"),
            )
        ],
        "numbers": [
            fact("dump", size(get(document, "subject", "size_bytes"))),
            fact("tables in the dump", number(get(document, "dump", "manifest", "tables"))),
            fact("rows in the dump", number(get(document, "dump", "manifest", "rows"))),
            fact("rows compared in the copy", number(get(document, "restore", "compare", "rows"))),
            fact("time taken", times["total"]),
        ],
        "problems": problems_of(document),
        "sections": sections_of(document, _SECTIONS),
        # Nothing of it was with production.
        "timeline": [
            {**strip, "kind": FILES if strip["kind"] == PRODUCTION else strip["kind"]} for strip in times["bars"]
        ],
        "subject": _subject(document),
        "recorded": _recorded(document),
        "made_up": _made_up(document),
        "biggest": biggest(document),
        "audited": _audited(document),
        "compared": compared(test),
        "scratch": scratch_facts(test),
        "isolation": isolation_facts(test),
        "teardown": [*teardown_facts(test), *leftover_facts(document)],
        "about": _about(document),
        "notes": [text(one) for one in listed(get(document, "plan", "notes"))],
        "limits": [{"claim": claim, "why": why} for claim, why in _limits(document).items()],
    }


def _limits(document: Evidence) -> dict[str, str]:
    return _LIMITS_OF_ALL if document.get("recorded") is not None else {**_LIMITS_OF_A_DUMP, **_LIMITS_OF_ALL}


def _subject(document: Evidence) -> Facts:
    subject, sums, signature = (document.get(name) for name in ("subject", "sums", "signature"))
    copy = get(document, "dump", "copy")
    return [
        fact("path", text(get(subject, "path"))),
        fact("what it is", {"artefact": "an artefact of a closeout", "dump": "a dump alone"}.get(
            str(get(subject, "kind")), text(None)
        )),
        fact("dump", text(get(subject, "dump"))),
        fact("format", text(get(subject, "format"))),
        fact("compression", text(get(subject, "compression"))),
        fact("size", size_and_bytes(get(subject, "size_bytes"))),
        fact("sha256", text(get(subject, "sha256"))),
        fact("sha256, as it was given", text(get(subject, "sha256_given"))),
        fact("sha256, as it was recorded", text(get(document, "recorded", "dump", "sha256"))),
        fact("sha256, read again after the test", text(get(document, "again", "sha256"))),
        fact("read", text(get(subject, "read_utc"))),
        fact("read again", text(get(document, "again", "read_utc"))),
        fact("files that are sealed", number(get(sums, "listed"))),
        fact("files that are there", number(get(sums, "files"))),
        fact("signed by", text(get(signature, "signer"))),
        fact("version of the database, as the dump says", text(get(subject, "database_version"))),
        fact("version of its pg_dump", text(get(subject, "pg_dump_version"))),
        fact("restored from", text(copy) if copy else "where it lies"),
    ]  # fmt: skip


def _recorded(document: Evidence) -> Facts:
    recorded = document.get("recorded")
    if recorded is None:
        return []
    run, production = get(recorded, "run"), get(recorded, "production")
    return [
        fact("closeout", text(get(run, "id"))),
        fact("label", text(get(run, "label"))),
        fact("database", text(get(run, "db"))),
        fact("host", text(get(run, "host"))),
        fact("ended", text(get(run, "finished_utc"))),
        fact("its result then", text(get(recorded, "result"))),
        fact("dump taken", text(get(recorded, "dump", "taken_utc"))),
        fact("system identifier of production", text(get(production, "sysid"))),
        fact("version of production", text(get(production, "server_version"))),
        fact("rows of the audited schema", number(get(recorded, "snapshot", "rows_total"))),
    ]


def _made_up(document: Evidence) -> Facts:
    made_up = get(document, "dump", "made_up")
    if made_up is None:
        return []
    return [
        fact("roles, by their names in the dump", text(get(made_up, "roles"))),
        fact("of these superusers, because they own something", text(get(made_up, "superusers"))),
        fact("tablespaces", text(get(made_up, "tablespaces"))),
        fact("encoding", text(get(made_up, "encoding"))),
        fact("locale, which no dump has", text(get(made_up, "locale"))),
    ]


def _audited(document: Evidence) -> dict[str, Any]:
    dump = document.get("dump")
    recorded = get(document, "recorded", "snapshot", "tables")
    names = [one for one in listed(get(dump, "tables")) if isinstance(one, str)]
    return {
        "schema": text(get(dump, "schema")),
        "tables": [
            {
                "name": text(name),
                "recorded": number(get(recorded, name, "rows")),
                "dump": number(get(dump, "rows", name)),
                "restored": number(get(document, "restore", "rows", name)),
            }
            for name in names[:_MAX_TABLES]
        ],
        "left_out": max(0, len(names) - _MAX_TABLES),
    }


def _about(document: Evidence) -> Facts:
    run = document.get("run")
    orchestrator = get(run, "orchestrator")
    return [
        fact("run", text(get(run, "id"))),
        fact("label", text(get(run, "label"))),
        fact("directory", text(get(document, "settings", "record"))),
        fact("playbook", text(get(orchestrator, "path"))),
        fact("sha256 of the playbook", text(get(orchestrator, "sha256"))),
        fact("ansible-core", text(get(orchestrator, "ansible_core"))),
        fact("AWX job", text(get(orchestrator, "awx_job_id"))),
        fact("collection", f"incomex.closeout {text(get(run, 'collection', 'version'))}"),
        fact("sha256 of the collection", text(get(run, "collection", "sha256"))),
    ]


def verification_summary(document: Evidence) -> list[str]:
    """Return a verification in lines of text, each of them printable."""
    return [printable(line) for line in _lines(document)]


def _lines(document: Evidence) -> Iterator[str]:
    subject, recorded = document.get("subject"), document.get("recorded")
    result = document.get("result") or {}
    yield f"VERIFICATION_RESULT: {result.get('verification_result')}"
    path = get(subject, "path") or get(document, "settings", "verify_path") or "nothing"
    yield labelled("verified", f"{path} on {get(document, 'run', 'host')}, run {get(document, 'run', 'id')}")
    if recorded is not None:
        run = get(recorded, "run")
        of = f"{get(run, 'db')} on {get(run, 'host')}, {get(run, 'finished_utc')}"
        yield labelled("recorded", f"{get(recorded, 'result')}: closeout {get(run, 'id')} of {of}")
    elif subject:
        yield labelled("recorded", "nothing: a dump alone")
    if subject:
        manifest = get(document, "dump", "manifest")
        yield labelled("dump", f"{get(subject, 'dump')}")
        if manifest is not None:
            yield labelled("", f"{get(manifest, 'tables')} tables with {get(manifest, 'rows')} rows")
        yield labelled("", f"sha256 {get(subject, 'sha256')}")
    yield from check_lines(document)
    for name in ("as_recorded", "restore_tested", "restore_env_torn_down"):
        yield f"{name}: {'yes' if result.get(name) is True else 'no'}"
    yield labelled("record", record_of(document, f"{get(document, 'settings', 'record')}/verification.md"))
