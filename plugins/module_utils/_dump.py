# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the dump: one read-only snapshot, one pass over pg_dump's output.

While the stream passes by, it is kept, hashed and scanned; at the same time a second session counts production's rows
in the very snapshot that pg_dump reads. One thread writes, hashes and scans: it needs less time than pg_dump and its
server, and on two cores what more threads gained was lost by handing the pieces on (measured). The dump gets its name
only when everything about it is known to be good.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from . import _age
from ._archive_programs import assert_possible
from ._census import Census, left_out
from ._census_file import census_pieces
from ._clock import utc_now
from ._compression import NONE
from ._dump_contents import contents_of
from ._dump_kept import keeping
from ._dump_share import DumpShare
from ._dump_warnings import read_messages, without_words_of_the_server
from ._dumpdigest import OnDisk
from ._dumptext import DumpFile
from ._errors import CloseoutError, DumpChanged, ProgramFailed
from ._files import write_pieces, write_whole
from ._fingerprint import Fingerprint, count_facts
from ._formats import Format
from ._globals import read_globals
from ._manifest import Manifest
from ._network import client_side
from ._printable import printable_lines
from ._production_beside import Values, compare_values, read_values
from ._production_content import compare_with_production
from ._progress import meter
from ._scanner import Scanner
from ._server import Server, database_argument
from ._session import LOCK_WAIT_S, Session, SqlError
from ._settings import RESERVED_NAMES
from ._snapshot import ProductionSnapshot
from ._throttle import throttled
from ._transport import Transport, chosen_transport
from ._waiting import holders, watching

MAX_ATTEMPTS = 3
# pg_dump locks tables only: a view, a function or a type may go while it, or we, ask for its definition.
_GONE = re.compile(r"could not open relation with OID|cache lookup failed for")
_MAX_NAMED = 20
_Counted = tuple[dict[str, int], tuple[Census, Fingerprint]]


@dataclass(frozen=True)
class DumpRequest:
    """What to dump and where to. ``directory`` exists and is ours; ``name`` is the dump's name in it.

    ``content`` says of which tables production's rows are held against the dump's: audited, all or none. ``transport``
    is how pg_dump is started: auto, namespace, exec or host. ``limit_bytes_per_s`` is how fast it may be, 0 for any; a
    directory, which pg_dump writes itself, cannot be held back. ``max_blocking_s`` is how long somebody on production
    may wait for the dump before it is ended, 0 for any time. With ``age_recipients`` the dump is encrypted to them;
    ``age_identity_file`` then opens it again, where production's rows can be compared with the dump's in no other way,
    "" where that must be left out. Raises CloseoutError for what cannot be.
    """

    directory: str
    name: str
    schema: str
    expected_tables: list[str] = field(default_factory=list)
    content: str = "audited"
    transport: str = "auto"
    limit_bytes_per_s: int = 0
    format: Format = field(default_factory=Format)
    max_blocking_s: int = 20
    age_recipients: list[str] = field(default_factory=list)
    age_identity_file: str = ""

    def __post_init__(self) -> None:
        if os.path.basename(self.name) != self.name or self.name in ("", ".", "..") or self.name in RESERVED_NAMES:
            raise CloseoutError(
                f"The name {self.name!r} cannot be the dump's",
                wanted=f"a plain file name in directory, and none of {', '.join(sorted(RESERVED_NAMES))}",
                found=repr(self.name),
                do="correct closeout_dump_name",
            )
        if self.limit_bytes_per_s and self.format.writes_itself:
            raise CloseoutError(
                "A dump of the format directory cannot be held to a bandwidth",
                wanted="no limit, for pg_dump writes it itself",
                found=f"{self.limit_bytes_per_s} bytes/s",
                do="set closeout_bandwidth_limit_mb_s: 0, or closeout_format: custom",
            )
        if self.age_recipients and self.format.writes_itself:
            raise CloseoutError(
                "A dump of the format directory cannot be encrypted",
                wanted="the format plain or custom, for pg_dump writes a directory itself, in the clear",
                found=self.format.name,
                do="set closeout_format: custom, or empty closeout_age_recipients",
            )

    @property
    def path(self) -> str:
        """The dump's final path."""
        return os.path.join(self.directory, self.name)


def take_dump(server: Server, request: DumpRequest) -> dict[str, Any]:
    """Dump the server's database; return the facts about dump, snapshot and sessions.

    A dump during which a table was truncated, rewritten or renamed is discarded and taken again, at most three times.
    Raises CloseoutError; a failure leaves no file and carries the facts gathered.
    """
    _refuse_open(request.directory)
    _age.assert_recipients(request.age_recipients, server.address.run_id)
    discarded: list[str] = []
    while True:
        with (
            server.session() as session,
            _transport(server, session, request) as transport,
            watching(server, request.max_blocking_s) as waits,
        ):
            values = read_values(session)
            snapshot = ProductionSnapshot(session, request.schema, beside=[waits.pid])
            try:
                facts = _attempt(server, transport, session, snapshot, values, request)
            except DumpChanged as error:
                discarded.append(error.found)
                if len(discarded) >= MAX_ATTEMPTS:
                    error.facts["discarded"] = discarded
                    error.do = "run the closeout when no TRUNCATE, table rewrite or renaming is at work"
                    raise
                continue
            except CloseoutError as error:
                if not waits.too_long:
                    raise
                # What else went wrong, went wrong because we ended it.
                refusal = waits.refusal()
                refusal.facts.update(error.facts)
                raise refusal from error
            return {**facts, "discarded": discarded, "waits": waits.as_facts()}


def check_dump(server: Server, request: DumpRequest) -> dict[str, Any]:
    """See that a dump could be taken: the server lets us in, pg_dump is there, the directory can be written to."""
    _refuse_open(request.directory)
    _age.assert_recipients(request.age_recipients, server.address.run_id)
    with server.session() as session, _transport(server, session, request) as transport:
        assert_possible(transport, request.format)
        facts = {
            "path": request.path,
            "client_version": transport.version,
            "transport": transport.name,
            "transport_reason": transport.reason,
        }
        server_version = session.value("SELECT current_setting('server_version')")
    if not os.access(request.directory, os.W_OK | os.X_OK) or os.path.lexists(request.path):
        raise CloseoutError(
            f"{request.path} cannot be written", wanted="a new file in a writable directory", found="none such"
        )
    return {"dump": facts, "server_version": server_version}


def _transport(server: Server, session: Session, request: DumpRequest) -> AbstractContextManager[Transport]:
    return chosen_transport(server, session, request.transport, writes_itself=request.format.writes_itself)


def _attempt(
    server: Server,
    transport: Transport,
    session: Session,
    snapshot: ProductionSnapshot,
    values: Values,
    request: DumpRequest,
) -> dict[str, Any]:
    """Take the dump once, in one snapshot. ``values`` are those of the sequences before it."""
    run_id = server.address.run_id
    globals_document = read_globals(session)
    argv = [
        "pg_dump",
        *transport.connection_arguments(),
        "--dbname",
        database_argument(server.address.login_db, client_side(server.address.login_host)),
        "--encoding",
        globals_document["database"]["encoding"],
        "--lock-wait-timeout",
        str(LOCK_WAIT_S * 1000),
        *request.format.arguments(transport.major),
        "--snapshot",
        snapshot.id,
    ]
    facts: dict[str, Any] = {
        "path": request.path,
        "format": request.format.name,
        "compression": request.format.compression,
        "encryption": _encryption(request),
        "command": argv,
        "client_version": transport.version,
        "transport": transport.name,
        "transport_reason": transport.reason,
        "taken_utc": snapshot.taken_utc,
    }
    started = time.monotonic()
    manifest = Manifest()
    scanner = Scanner(manifest)
    with (
        keeping(request.path, request.format, scanner, transport, request.age_recipients) as kept,
        ThreadPoolExecutor(1) as counter,
    ):
        argv += kept.arguments()
        counting: Future[_Counted] | None = None
        meter.begin("dump", share=DumpShare(manifest, snapshot.pages))
        program = transport.start(argv, password=session.password, options=server.read_options(session))
        try:
            with snapshot.watching_sessions(run_id) as stop_watching:
                for piece in throttled(program.output(), request.limit_bytes_per_s):
                    if counting is None:
                        # The first byte comes when pg_dump holds all its locks.
                        stop_watching()
                        _refuse_changed(snapshot)
                        snapshot.note_sessions(run_id)
                        counting = counter.submit(_count, snapshot)
                    kept.take(piece)
                    meter.add(len(piece))
            facts["rc"] = program.finish()
            said = without_words_of_the_server(program.messages) if request.age_recipients else program.messages
            facts["messages"] = read_messages(said)
            _keep_log(request, said)
            if facts["rc"] != 0:
                # DDL in the wrong moment makes pg_dump itself stumble; then another attempt is worth it.
                _refuse_changed(snapshot, said, server)
                raise _failed(said, facts, holders(session))
            # Without a stream nothing tells that the locks are held. What changed meanwhile is found all the same.
            counting = counting or counter.submit(_count, snapshot)
            on_disk = kept.finish()
            facts.update(on_disk._asdict(), text_bytes=kept.text_bytes, complete=scanner.complete)
            if facts["encryption"] is not None:
                facts["encryption"]["clear_bytes"] = kept.clear_bytes
            _refuse_cut_off(facts)
            rows, catalogues = _counted(counting)
            dump = DumpFile(
                kept.partial,
                transport,
                identity_file=request.age_identity_file,
                run_id=run_id,
                size_bytes=on_disk.size_bytes,
            )
            content = compare_with_production(
                session,
                manifest,
                dump,
                request.schema,
                request.content,
                can_be_read=bool(request.age_identity_file) or not request.age_recipients,
            )
            _refuse_changed(snapshot, server=server)
        except BaseException as error:
            # What went wrong is the error to tell, whether or not server and daemon still listen.
            for end in (program.kill, partial(snapshot.end_programs, server), program.stop, kept.stop):
                with contextlib.suppress(CloseoutError):
                    end()
            if counting is not None and not counting.done():
                with contextlib.suppress(CloseoutError):
                    session.cancel()
                counting.exception()
            if isinstance(error, CloseoutError):
                error.facts.setdefault("dump", facts)
            raise
        snapshot.note_sessions(run_id)
        own = [snapshot.sessions[pid] for pid in sorted(snapshot.sessions)]
        manifest.complete = scanner.complete
        facts["duration_s"] = round(time.monotonic() - started, 3)
        standby = bool(session.value("SELECT pg_is_in_recovery()"))
        facts.update(_inventory(manifest, request, on_disk, run_id, standby=standby))
        facts["content"] = content.dump
        write_whole(os.path.join(request.directory, "globals.json"), _json(globals_document), replace=True)
        census_facts = _keep_census(*catalogues, manifest, request, run_id)
        # From here on nobody waits for us.
        snapshot.close()
        sequences = compare_values(values, read_values(session), manifest)
        kept.complete()
    return {
        "dump": facts,
        "globals_path": os.path.join(request.directory, "globals.json"),
        "own_sessions": own,
        "production_snapshot": {
            "id": snapshot.id,
            "taken_utc": snapshot.taken_utc,
            "tables": {name: {"rows": count, "sha256": content.production.get(name)} for name, count in rows.items()},
            "rows_total": sum(rows.values()),
            "content": content.all_tables,
            "sequences": sequences,
            "census": census_facts,
        },
        "expected_tables_effective": request.expected_tables or [table.name for table in snapshot.tables],
        "expected_source": "given" if request.expected_tables else "production_snapshot",
        "finished_utc": utc_now(),
    }


def _encryption(request: DumpRequest) -> dict[str, Any] | None:
    """Return how the dump will be encrypted, None where it will not be; ``clear_bytes`` comes when it has been."""
    if not request.age_recipients:
        return None
    return {"program": _age.PROGRAM, "version": _age.version(), "recipients": list(request.age_recipients)}


def _count(snapshot: ProductionSnapshot) -> _Counted:
    """Count the audited tables, then read everything else in the catalogues."""
    return snapshot.count(), (snapshot.census(), snapshot.fingerprint())


def _counted(counting: Future[_Counted]) -> _Counted:
    try:
        return counting.result()
    except SqlError as error:
        if not _GONE.search(error.said):
            raise
        raise _dropped(error.said) from error


def _dropped(said: str) -> DumpChanged:
    return DumpChanged(
        "Something was dropped while the catalogues were read",
        wanted="objects that stay as they are in the snapshot",
        found=said,
    )


def _refuse_open(directory: str) -> None:
    """A dump holds everything that production holds: its directory is nobody else's to look into, or to write to."""
    try:
        status = os.lstat(directory)
    except OSError as error:
        raise CloseoutError(
            f"The directory {directory} cannot be used",
            wanted="a private directory",
            found=error.strerror or str(error),
        ) from error
    if not stat.S_ISDIR(status.st_mode) or status.st_mode & 0o077 or status.st_uid != os.geteuid():
        raise CloseoutError(
            f"The directory {directory} is not private",
            wanted="a directory of this user with mode 0700",
            found=f"{stat.filemode(status.st_mode)}, user id {status.st_uid}",
            do=f"chmod 0700 {directory}",
        )


def _refuse_changed(snapshot: ProductionSnapshot, said: str = "", server: Server | None = None) -> None:
    """Refuse a snapshot that is not pg_dump's; ``said`` is what that said where it failed. With ``server``, at the end,
    no schema may have been renamed either."""
    try:
        changed = snapshot.changed() or (snapshot.renamed_schemas(server) if server else [])
    except SqlError as error:
        if not snapshot.is_gone:
            raise
        raise ProgramFailed(
            "Production closed our session while it was dumped",
            wanted="a server that goes on until the dump is complete",
            found=f"the session that holds the snapshot is gone: {error.said}"
            + (f"; pg_dump said: {_tail(said)}" if said else ""),
            do="find out what became of the server (a restart, a failover, an administrator's command)"
            " or of the network",
        ) from error
    if changed:
        raise DumpChanged(
            "Tables were truncated, rewritten, renamed or dropped after the snapshot, or their schema was",
            wanted="tables whose storage and names are the snapshot's",
            found=", ".join(changed),
        )


def _failed(said: str, facts: dict[str, Any], held: list[str]) -> CloseoutError:
    """Return the error of a pg_dump that failed and ``said`` that; ``held`` says who holds a lock for which it would
    have to wait. After a DumpChanged another attempt is worth it.
    """
    if _GONE.search(said):
        return _dropped(_tail(said))
    # pg_dump waits for a lock by way of statement_timeout: the server's own words would lead astray.
    if held and "LOCK TABLE" in said and "timeout" in said:
        return ProgramFailed(
            f"pg_dump waited for a lock for {LOCK_WAIT_S} s",
            wanted="every table free to be read",
            found="; ".join(held),
            do="run the closeout when no such session is at work; no dump was kept",
            facts={"dump": facts},
        )
    return ProgramFailed(
        "pg_dump failed",
        wanted="return code 0",
        found=f"return code {facts['rc']}: {_tail(said)}",
        do="read logs/pg_dump.log; no dump was kept",
        facts={"dump": facts},
    )


def _refuse_cut_off(facts: dict[str, Any]) -> None:
    if not facts["complete"]:
        raise ProgramFailed(
            "The dump is not complete",
            wanted="the line '-- PostgreSQL database dump complete' at its end",
            found=f"{facts['size_bytes']} bytes without it",
            do="no dump was kept; check what cut pg_dump's output off",
            facts={"dump": facts},
        )


def _inventory(
    manifest: Manifest, request: DumpRequest, on_disk: OnDisk, run_id: str, *, standby: bool
) -> dict[str, Any]:
    """Write the manifest; return what the dump holds of the audited schema, and whose data it lacks."""
    path = os.path.join(request.directory, "manifest.json")
    about = {
        "name": request.name,
        "format": request.format.name,
        "compression": request.format.compression,
        "encryption": _age.PROGRAM if request.age_recipients else NONE,
    }
    sha256 = write_pieces(path, manifest.json_pieces(run_id=run_id, dump={**about, **on_disk._asdict()}), replace=True)
    return contents_of(manifest, request.schema, {"path": path, "sha256": sha256}, standby=standby)


def _keep_census(
    census: Census, fingerprint: Fingerprint, manifest: Manifest, request: DumpRequest, run_id: str
) -> dict[str, Any]:
    """Write what production's catalogues hold; return how it compares with what the dump defines."""
    path = os.path.join(request.directory, "census.json")
    sha256 = write_pieces(path, census_pieces(census, fingerprint, run_id), replace=True)
    return {
        "path": path,
        "sha256": sha256,
        **left_out(census, manifest.all_entries()),
        "counts": census.counts,
        "facts": count_facts(fingerprint),
        "extensions": census.extensions,
        "lost": census.lost[:_MAX_NAMED],
        "lost_total": len(census.lost),
        "told": census.told[:_MAX_NAMED],
        "told_total": len(census.told),
    }


def _keep_log(request: DumpRequest, said: str) -> None:
    """Keep what pg_dump said; an attempt that was discarded before is replaced."""
    logs = os.path.join(request.directory, "logs")
    os.makedirs(logs, mode=0o700, exist_ok=True)
    write_whole(os.path.join(logs, "pg_dump.log"), printable_lines(said).encode("utf-8"), replace=True)


def _tail(text: str, lines: int = 5) -> str:
    return " | ".join(line for line in text.strip().splitlines()[-lines:]) or "no message"


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=1).encode("ascii") + b"\n"
