# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a dump restored into a scratch server, and into nothing else.

The guard holds before anything is done, and once more inside psql's own session, before its first statement.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ._archive_place import lent
from ._compression import NONE
from ._dumpdigest import read_dump, size_of
from ._dumptext import DumpFile
from ._errors import CloseoutError, GuardFailed, ProgramFailed
from ._files import pieces_of, write_pieces, write_whole
from ._formats import CUSTOM, DIRECTORY, PLAIN
from ._globals import database_statement, role_statements, tablespace_statements
from ._identity import Identity, differs, read_identity
from ._labels import NONCE_SETTING
from ._manifest import Manifest
from ._names import quote_literal
from ._psql import psql_arguments, psql_options
from ._restore_archive import ArchiveRestore, can_read, restore_archive
from ._restore_errors import read_errors, summarize
from ._scanner import Scanner
from ._scratch import Scratch
from ._server import Server, server_at
from ._session import Session

END_MARKER = b"\n-- PostgreSQL database dump complete\n"
_END_BYTES = 1024
_MOST_WORKERS = 4


@dataclass(frozen=True)
class RestoreRequest:
    """What to restore and where to. ``production`` is what the scratch server must not be; ``log`` and ``manifest``
    are paths of files to write, or "".
    """

    path: str
    db: str
    globals_document: dict[str, Any]
    production: Identity
    nonce: str
    by_hand: bool = False
    log: str = ""
    manifest: str = ""
    run_id: str = ""
    jobs: int = 0


def restore(scratch: Scratch, request: RestoreRequest) -> dict[str, Any]:
    """Restore the dump; return guard, roles, return code, errors and the sha256 of what was read.

    Raises GuardFailed before anything was done to a server that may be production, ProgramFailed where the restore
    did not succeed, CloseoutError otherwise; each with the facts gathered.
    """
    server = server_at(scratch.address)
    facts: dict[str, Any] = {"db": request.db, "on_error_stop": not request.by_hand}
    try:
        with server.session(read_only=False) as session:
            facts["guard"] = guard(server, session, request.production, request.nonce)
            facts["server_version"] = session.value("SELECT current_setting('server_version')")
            facts["roles_created"] = _prepare(session, request)
            options = psql_options(session, request.globals_document)
            if _by_pg_restore(server, request):
                archive = ArchiveRestore(request.path, request.db, workers(request.jobs), request.log)
                facts.update(restore_archive(server, session, archive, options))
            else:
                facts.update(_from_text(server, session, request, options))
    except CloseoutError as error:
        error.facts = {"restore": {**facts, **error.facts.pop("restore", {})}, **error.facts}
        raise
    return {"restore": facts}


def workers(jobs: int) -> int:
    """Return how many work at a time where ``jobs`` are asked for; 0 is as many as there are processors, at most 4."""
    return jobs or min(_MOST_WORKERS, len(os.sched_getaffinity(0)))


def _by_pg_restore(server: Server, request: RestoreRequest) -> bool:
    """Whether pg_restore itself restores: several tables at a time, of an archive that it can open by its path.

    Its text is wanted instead where a manifest is to be made of it, or errors are to be tolerated class by class.
    """
    is_archive = DumpFile(request.path).kind() in (CUSTOM, DIRECTORY)
    return (
        is_archive
        and not (request.by_hand or request.manifest)
        and workers(request.jobs) > 1
        and can_read(server, request.path)
    )


def _from_text(server: Server, session: Session, request: RestoreRequest, options: str) -> dict[str, Any]:
    if DumpFile(request.path).kind() != DIRECTORY:
        return _run_psql(server, request, options)
    with lent(request.path, session):
        return _run_psql(server, request, options)


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
    session.rows(database_statement(request.globals_document, request.db))
    return [str(role["name"]) for role in request.globals_document["roles"]]


class _Hashed:
    """The dump's text as psql gets it; its file's bytes are hashed on the way."""

    def __init__(self, dump: DumpFile, scanner: Scanner | None) -> None:
        self._dump = dump
        self._scanner = scanner
        self._digest = hashlib.sha256()
        self._end = b""

    @property
    def sha256(self) -> str:
        """The digest of the dump that was read, a directory's as :mod:`._dumpdigest` has it."""
        return read_dump(self._dump.path).sha256 if self._dump.kind() == DIRECTORY else self._digest.hexdigest()

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
            self._digest.update(piece)
            yield piece


def _run_psql(server: Server, request: RestoreRequest, options: str) -> dict[str, Any]:
    manifest = Manifest()
    scanner = Scanner(manifest) if request.manifest else None
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
        write_whole(request.log, program.messages.encode("utf-8"), replace=True)
    errors = read_errors(program.messages)
    facts: dict[str, Any] = {
        "rc": code,
        "errors": summarize(errors, tolerate=request.by_hand),
        # Of a restore that failed, nothing says how much psql took in.
        "input_sha256": source.sha256 if program.fed_all and code == 0 else "",
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
        "format": kind if kind in (CUSTOM, DIRECTORY) else PLAIN,
        "compression": NONE if kind in (CUSTOM, DIRECTORY) else kind,
        "size_bytes": size_of(request.path),
        "sha256": sha256,
    }
    sha256 = write_pieces(request.manifest, manifest.json_pieces(run_id=request.run_id, dump=about), replace=True)
    return {"path": request.manifest, "sha256": sha256, "entries": manifest.number_of_entries}


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
