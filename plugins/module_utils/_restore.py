# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a dump restored into a scratch server, and into nothing else.

The guard holds before anything is done, and once more inside every session that restores, before its first statement.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ._compression import NONE
from ._dump_parts import NotCut, OtherDump
from ._dumptext import CUSTOM, DumpFile
from ._errors import CloseoutError, GuardFailed, ProgramFailed
from ._files import pieces_of, write_whole
from ._globals import database_statement, role_statements, tablespace_statements
from ._identity import Identity, differs, read_identity
from ._labels import NONCE_SETTING
from ._manifest import Manifest
from ._names import quote_identifier, quote_literal
from ._psql import psql_arguments, restore_settings
from ._restore_errors import read_errors, summarize
from ._restore_parallel import Described, GivenUp, describe, jobs_or_default, restore_in_parallel, session_memory
from ._scanner import Scanner
from ._scratch import Scratch
from ._server import Server, server_at
from ._session import Session, SqlError, as_options

END_MARKER = b"\n-- PostgreSQL database dump complete\n"
_END_BYTES = 1024
# One psql is done with it before several sessions have begun.
_SMALL_BYTES = 4 << 20


@dataclass(frozen=True)
class RestoreRequest:
    """What to restore and where to. ``production`` is what the scratch server must not be; ``log`` is the path of a
    file to write, or "".

    ``manifest`` is the path of a file to write, or "". With ``manifest_sha256`` it was written with the dump, and is
    read: ``jobs`` sessions can restore then (0: as many as there are processors, at most 4).
    """

    path: str
    db: str
    globals_document: dict[str, Any]
    production: Identity
    nonce: str
    by_hand: bool = False
    log: str = ""
    manifest: str = ""
    manifest_sha256: str = ""
    jobs: int = 0
    run_id: str = ""


def restore(scratch: Scratch, request: RestoreRequest) -> dict[str, Any]:
    """Restore the dump; return guard, roles, return code, errors and the sha256 of what was read.

    Raises GuardFailed before anything was done to a server that may be production, ProgramFailed where the restore
    did not succeed, CloseoutError otherwise; each with the facts gathered.
    """
    server = server_at(scratch.address)
    plan = _planned(request)
    facts: dict[str, Any] = {"db": request.db, "on_error_stop": not request.by_hand}
    try:
        with server.session(read_only=False) as session:
            facts["guard"] = guard(server, session, request.production, request.nonce)
            facts["server_version"] = session.value("SELECT current_setting('server_version')")
            facts["roles_created"] = _prepare(session, request)
            settings = restore_settings(session, request.globals_document)
            plan.memory = session_memory(session, plan.jobs)
        facts.update(_run(server, request, plan, settings))
    except CloseoutError as error:
        error.facts = {"restore": {**facts, **error.facts.pop("restore", {})}, **error.facts}
        raise
    return {"restore": facts}


def guard(server: Server, session: Session, production: Identity, nonce: str) -> dict[str, Any]:
    """Compare this server with production, factor by factor, and read the nonce back. Raises GuardFailed."""
    found = read_identity(server, session)
    planted = session.value("SELECT pg_catalog.current_setting(%s, true)", [NONCE_SETTING])
    factors: dict[str, bool | None] = {**differs(found, production), "nonce": bool(nonce) and planted == nonce}
    facts = {
        "production_sysid": production.sysid,
        "scratch_sysid": found.sysid,
        "scratch": {**found.as_facts(), "nonce": planted or ""},
        "nonce": nonce,
        "differs": factors,
    }
    wrong = [name for name, value in factors.items() if value is False]
    if factors["sysid"] is None:
        wrong.append("sysid (could not be read on both sides)")
    if wrong:
        raise GuardFailed(
            "The scratch server may be production: nothing was restored",
            wanted="system identifier, container, start time and data directory other than production's, and our nonce",
            found=f"no difference in: {', '.join(wrong)}",
            do="do not repeat this before you know which server that is",
            facts={"restore": {"guard": facts}},
        )
    return facts


def _prepare(session: Session, request: RestoreRequest) -> list[str]:
    """Make roles, tablespaces and the database, in this order; return the roles made."""
    for statement in role_statements(request.globals_document):
        session.rows(statement)
    for statement in tablespace_statements(request.globals_document):
        session.rows(statement)
    _make_database(session, request)
    return [str(role["name"]) for role in request.globals_document["roles"]]


def _make_database(session: Session, request: RestoreRequest) -> None:
    session.rows(database_statement(request.globals_document, request.db))


def _make_anew(server: Server, request: RestoreRequest, reason: str) -> None:
    """Make the database empty again. Raises ProgramFailed where it cannot be removed: it may have a subscription."""
    with server.session(read_only=False) as session:
        try:
            session.rows(f"DROP DATABASE {quote_identifier(request.db)} WITH (FORCE)")
        except SqlError as error:
            raise ProgramFailed(
                "The restore failed",
                wanted="a restore without an error",
                found=f"{reason}; and the database could not be made anew: {error.message}",
                do="restore it with jobs: 1, which tells more",
            ) from error
        _make_database(session, request)


@dataclass
class _Plan:
    """How to restore: with ``jobs`` sessions, or for that ``reason`` with one psql. ``memory`` are settings of each
    session.
    """

    jobs: int = 1
    reason: str = ""
    described: Described | None = None
    memory: dict[str, str] = field(default_factory=dict)


def _planned(request: RestoreRequest) -> _Plan:
    """Plan, before anything is done. Raises CloseoutError for a manifest that is not what it should be."""
    if request.manifest_sha256 == "":
        return _Plan(reason="no manifest was given")
    try:
        described = describe(request.manifest, request.manifest_sha256)
    except NotCut as error:
        return _Plan(reason=str(error))
    jobs = jobs_or_default(request.jobs)
    if request.by_hand:
        return _Plan(reason="errors are to be tolerated")
    if not request.jobs and described.size_bytes < _SMALL_BYTES:
        return _Plan(reason="it is small")
    if jobs == 1:
        return _Plan(reason="one session was asked for" if request.jobs else "there is one processor")
    return _Plan(jobs, "", described)


def _run(server: Server, request: RestoreRequest, plan: _Plan, settings: dict[str, str]) -> dict[str, Any]:
    """Restore with several sessions where that can be, else with one psql, which has the last word in any case."""
    started = time.monotonic()
    reason, earlier = plan.reason, ""
    if plan.described is not None:
        try:
            facts = _run_jobs(server, request, plan.described, {**settings, **plan.memory}, plan.jobs)
            return {**facts, "duration_s": round(time.monotonic() - started, 3)}
        except NotCut as error:
            reason = str(error)
        except GivenUp as error:
            reason = f"given up with {plan.jobs} sessions: {error}"
            earlier = f"{reason}; all of it once more, with one psql\n"
            _make_anew(server, request, reason)
    try:
        facts = _run_psql(server, request, as_options(settings), earlier)
    except CloseoutError as error:
        error.facts.setdefault("restore", {}).update(jobs=1, jobs_reason=reason)
        raise
    return {**facts, "jobs": 1, "jobs_reason": reason, "duration_s": round(time.monotonic() - started, 3)}


def _run_jobs(
    server: Server, request: RestoreRequest, described: Described, settings: dict[str, str], jobs: int
) -> dict[str, Any]:
    """Restore with several sessions. Raises NotCut where that cannot be, GivenUp, CloseoutError."""
    guard = _session_guard(request)
    try:
        done = restore_in_parallel(
            server, request.path, request.db, described, settings=settings, guard=guard, jobs=jobs
        )
    except OtherDump as error:
        error.facts["restore"] = {"rc": None, "input_sha256": "", "jobs": jobs}
        raise
    messages = done.pop("messages")
    if request.log:
        write_whole(request.log, messages.encode("utf-8"), replace=True)
    return {**done, "errors": summarize([], tolerate=False), "jobs": jobs, "jobs_reason": ""}


class _Hashed:
    """The dump's text as psql gets it; its file's bytes are hashed on the way."""

    def __init__(self, dump: DumpFile, scanner: Scanner | None) -> None:
        self._dump = dump
        self._scanner = scanner
        self.digest = hashlib.sha256()
        self._end = b""

    @property
    def complete(self) -> bool:
        """Whether what was read ends as pg_dump ends a whole dump: psql takes the rows of half a one without a word."""
        return END_MARKER in self._end

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._dump.text(self._file()):
            self._end = (self._end + piece[-_END_BYTES:])[-_END_BYTES:]
            if self._scanner is not None:
                self._scanner.feed(piece)
            yield piece

    def _file(self) -> Iterator[bytes]:
        for piece in pieces_of(self._dump.path):
            self.digest.update(piece)
            yield piece


def _run_psql(server: Server, request: RestoreRequest, options: str, earlier: str) -> dict[str, Any]:
    """Restore with one psql. ``earlier`` is what the log begins with."""
    manifest = Manifest()
    scanner = Scanner(manifest) if request.manifest and not request.manifest_sha256 else None
    dump = DumpFile(request.path, server)
    source = _Hashed(dump, scanner)
    started = time.monotonic()
    argv = [
        *psql_arguments(server, request.db),
        *("--command", _session_guard(request)),
        *("--command", f"\\set ON_ERROR_STOP {'off' if request.by_hand else 'on'}"),
        *("--file", "-"),
    ]
    program = server.start(argv, options=options, pieces=source)
    try:
        for _piece in program.output():
            pass
        code = program.finish()
    except BaseException:
        program.stop()
        raise
    if request.log:
        write_whole(request.log, (earlier + program.messages).encode("utf-8"), replace=True)
    errors = read_errors(program.messages)
    facts: dict[str, Any] = {
        "rc": code,
        "errors": summarize(errors, tolerate=request.by_hand),
        # Of a restore that failed, nothing says how much psql took in.
        "input_sha256": source.digest.hexdigest() if program.fed_all and code == 0 else "",
        "duration_s": round(time.monotonic() - started, 3),
    }
    if code != 0 or facts["errors"]["fatal_total"] or not program.fed_all:
        first = (facts["errors"]["fatal"] or [program.messages.strip()[-300:] or "no message"])[0]
        raise ProgramFailed(
            "The restore failed",
            wanted="return code 0 and no error" + (" but those of missing roles" if request.by_hand else ""),
            found=f"return code {code}, {facts['errors']['fatal_total']} errors; the first: {first}",
            do=f"read {request.log or 'psql’s messages'}; production was not touched",
            facts={"restore": facts},
        )
    if not source.complete:
        raise ProgramFailed(
            "The dump that was restored is not complete",
            wanted=f"the line {END_MARKER.strip().decode('ascii')!r} at its end",
            found="a file without it",
            do="do not use this file as a backup",
            facts={"restore": facts},
        )
    if scanner is not None:
        scanner.finish()
        manifest.complete = scanner.complete
        facts["manifest"] = _keep_manifest(manifest, request, dump.kind(), facts["input_sha256"])
    return facts


def _keep_manifest(manifest: Manifest, request: RestoreRequest, kind: str, sha256: str) -> dict[str, Any]:
    """Write the manifest of a dump that has none yet."""
    about = {
        "name": os.path.basename(request.path),
        "format": CUSTOM if kind == CUSTOM else "plain",
        "compression": NONE if kind == CUSTOM else kind,
        "size_bytes": os.path.getsize(request.path),
        "sha256": sha256,
    }
    content = manifest.as_json(run_id=request.run_id, dump=about)
    write_whole(request.manifest, content, replace=True)
    return {"path": request.manifest, "sha256": hashlib.sha256(content).hexdigest(), "entries": len(manifest.entries)}


def _session_guard(request: RestoreRequest) -> str:
    """Return a statement that fails unless its session is in the scratch server of this run."""
    nonce, setting = quote_literal(request.nonce), quote_literal(NONCE_SETTING)
    sysid = quote_literal(request.production.sysid)
    return (
        "DO $closeout$ BEGIN"
        f" IF pg_catalog.current_setting({setting}, true) IS DISTINCT FROM {nonce}"
        f" OR (SELECT system_identifier::text FROM pg_catalog.pg_control_system()) = {sysid}"
        " THEN RAISE EXCEPTION 'closeout guard: this is not the scratch server of this run'; END IF; END $closeout$"
    )
