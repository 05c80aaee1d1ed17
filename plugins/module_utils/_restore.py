# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a dump restored into a scratch server, and into nothing else.

The guard holds before anything is done, and once more inside every session that restores, before its first statement.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ._archive_place import lent
from ._dump_parts import NotCut, OtherDump, other_dump
from ._dumptext import DumpFile
from ._errors import CloseoutError, GuardFailed, ProgramFailed
from ._files import write_whole
from ._formats import CUSTOM, DIRECTORY
from ._globals import database_statement, role_statements, tablespace_statements
from ._identity import Identity, differs, read_identity
from ._labels import NONCE_SETTING
from ._names import quote_identifier
from ._printable import printable_lines
from ._psql import restore_settings
from ._restore_archive import ArchiveRestore, WorkersFailed, can_read, restore_archive
from ._restore_errors import summarize
from ._restore_parallel import Described, GivenUp, describe, jobs_or_default, restore_in_parallel, session_memory
from ._restore_psql import restore_by_psql
from ._restore_request import RestoreRequest
from ._scratch import Scratch
from ._server import Server, server_at
from ._session import Session, SqlError, as_options

# One psql is done with it before several sessions have begun.
_SMALL_BYTES = 4 << 20


def restore(scratch: Scratch, request: RestoreRequest) -> dict[str, Any]:
    """Restore the dump; return guard, roles, return code, errors and the sha256 of what was read.

    Raises GuardFailed before anything was done to a server that may be production, ProgramFailed where the restore
    did not succeed, CloseoutError otherwise; each with the facts gathered.
    """
    server = server_at(scratch.address)
    plan = _planned(request)
    dump = DumpFile(
        request.path,
        server,
        identity_file=request.age_identity_file,
        run_id=request.run_id,
        size_bytes=plan.size_bytes,
    )
    dump.assert_openable()
    if plan.encrypted and not dump.is_encrypted():
        raise other_dump("a file that does not begin as what age encrypts")
    facts: dict[str, Any] = {"db": request.db, "on_error_stop": not request.by_hand, "decrypted": dump.is_encrypted()}
    try:
        with server.session(read_only=False) as session:
            facts["guard"] = guard(server, session, request.production, request.nonce, request.sysids)
            facts["server_version"] = session.value("SELECT current_setting('server_version')")
            # An encrypted one shows here whether the identity is the right one.
            kind = dump.kind()
            facts["roles_created"] = _prepare(session, request)
            settings = restore_settings(session, request.globals_document)
            if kind in (CUSTOM, DIRECTORY):
                facts.update(_of_archive(server, session, request, dump, as_options(settings)))
            else:
                plan.memory = session_memory(session, plan.jobs)
                facts.update(_of_text(server, request, dump, plan, settings))
    except CloseoutError as error:
        error.facts = {"restore": {**facts, **error.facts.pop("restore", {})}, **error.facts}
        raise
    return {"restore": facts}


def guard(
    server: Server, session: Session, production: Identity | None, nonce: str, sysids: Sequence[str] = ()
) -> dict[str, Any]:
    """Compare this server with production, factor by factor, and with other ``sysids``; read the nonce back. Where
    nobody knows who production was, that and the label of this run are all there is. Raises GuardFailed.
    """
    found = read_identity(server, session)
    planted = session.value("SELECT pg_catalog.current_setting(%s, true)", [NONCE_SETTING])
    factors: dict[str, bool | None] = {} if production is None else {**differs(found, production)}
    factors["nonce"] = bool(nonce) and planted == nonce
    facts = {
        "production_sysid": "" if production is None else production.sysid,
        "scratch_sysid": found.sysid,
        "scratch": {**found.as_facts(), "nonce": planted or ""},
        "nonce": nonce,
        "differs": factors,
    }
    wrong = [name for name, value in factors.items() if value is False]
    unread = production is not None and factors["sysid"] is None
    if unread or (sysids and not found.sysid):
        wrong.append("sysid (could not be read on both sides)")
    if found.sysid in sysids:
        wrong.append("sysid (one of those that were given)")
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
        # A session of its own, and what it removes must not be production's.
        session.rows(request.guard_statement())
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
    session. ``size_bytes`` is what the dump was written with, 0 where that is not known, and ``encrypted`` whether it
    was.
    """

    jobs: int = 1
    reason: str = ""
    described: Described | None = None
    memory: dict[str, str] = field(default_factory=dict)
    size_bytes: int = 0
    encrypted: bool = False


def _planned(request: RestoreRequest) -> _Plan:
    """Plan, before anything is done. Raises CloseoutError for a manifest that is not what it should be."""
    if request.manifest_sha256 == "":
        return _Plan(reason="no manifest was given")
    described = describe(request.manifest, request.manifest_sha256)
    if described.not_cut:
        return _Plan(reason=described.not_cut, size_bytes=described.size_bytes, encrypted=described.encrypted)
    jobs = jobs_or_default(request.jobs)
    if request.by_hand:
        return _Plan(reason="errors are to be tolerated")
    if not request.jobs and described.size_bytes < _SMALL_BYTES:
        return _Plan(reason="it is small")
    if jobs == 1:
        return _Plan(reason="one session was asked for" if request.jobs else "there is one processor")
    return _Plan(jobs, "", described)


def _of_archive(
    server: Server, session: Session, request: RestoreRequest, dump: DumpFile, options: str
) -> dict[str, Any]:
    """Restore an archive: by pg_restore, if that can open it and several sessions may restore; else its text by psql.

    psql has the last word here, too: workers make side by side what the dump has one after the other, grants that need
    each other for one. The text is wanted, too, where a manifest is to be made of it, or errors are to be tolerated
    class by class. What is decrypted never lies in a file that several could open.
    """
    jobs = jobs_or_default(request.jobs)
    as_text = dump.is_encrypted() or request.by_hand or request.wants_manifest
    if not as_text and can_read(server, request.path) and jobs > 1:
        archive = ArchiveRestore(request.path, request.db, jobs, request.guard_statement(), request.log)
        try:
            return restore_archive(server, session, archive, options)
        except WorkersFailed as error:
            reason = f"given up with {jobs} workers: {error.found}"
            _make_anew(server, request, reason)
            return _text_of_archive(server, session, request, dump, options, reason, _once_more(reason))
    reason = "its text is restored" if jobs > 1 else "one session was asked for"
    return _text_of_archive(server, session, request, dump, options, reason)


def _text_of_archive(
    server: Server,
    session: Session,
    request: RestoreRequest,
    dump: DumpFile,
    options: str,
    reason: str,
    earlier: str = "",
) -> dict[str, Any]:
    with contextlib.ExitStack() as opened:
        if os.path.isdir(request.path):
            opened.enter_context(lent(request.path, session))
        try:
            facts = restore_by_psql(server, request, dump, options, earlier)
        except CloseoutError as error:
            error.facts.setdefault("restore", {}).update(jobs=1, jobs_reason=reason)
            raise
    return {**facts, "jobs": 1, "jobs_reason": reason}


def _once_more(reason: str) -> str:
    """Return what the log begins with."""
    return f"{reason}; all of it once more, with one psql\n"


def _of_text(
    server: Server, request: RestoreRequest, dump: DumpFile, plan: _Plan, settings: dict[str, str]
) -> dict[str, Any]:
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
            earlier = _once_more(reason)
            _make_anew(server, request, reason)
    try:
        facts = restore_by_psql(server, request, dump, as_options(settings), earlier)
    except CloseoutError as error:
        error.facts.setdefault("restore", {}).update(jobs=1, jobs_reason=reason)
        raise
    return {**facts, "jobs": 1, "jobs_reason": reason, "duration_s": round(time.monotonic() - started, 3)}


def _run_jobs(
    server: Server, request: RestoreRequest, described: Described, settings: dict[str, str], jobs: int
) -> dict[str, Any]:
    """Restore with several sessions. Raises NotCut where that cannot be, GivenUp, CloseoutError."""
    guard = request.guard_statement()
    try:
        done = restore_in_parallel(
            server, request.path, request.db, described, settings=settings, guard=guard, jobs=jobs
        )
    except OtherDump as error:
        error.facts["restore"] = {"rc": None, "input_sha256": "", "jobs": jobs}
        raise
    messages = done.pop("messages")
    if request.log:
        write_whole(request.log, printable_lines(messages).encode("utf-8"), replace=True)
    return {**done, "errors": summarize([], tolerate=False), "jobs": jobs, "jobs_reason": ""}
