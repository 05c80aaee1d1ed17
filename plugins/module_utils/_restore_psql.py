# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: all of a dump's text, whatever its format, executed in its order by one psql: what
counts in the end, whichever way is faster.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from typing import Any

from ._age import PROGRAM
from ._compression import NONE
from ._dumpdigest import read_dump, size_of
from ._dumptext import DumpFile
from ._errors import ProgramFailed
from ._files import pieces_of, write_pieces, write_whole
from ._formats import CUSTOM, DIRECTORY, PLAIN
from ._manifest import Manifest
from ._printable import printable_lines
from ._progress import meter
from ._psql import psql_arguments
from ._restore_errors import read_errors, summarize, without_texts
from ._restore_request import RestoreRequest
from ._scanner import Scanner
from ._server import Server

END_MARKER = b"\n-- PostgreSQL database dump complete\n"
_END_BYTES = 1024


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
            meter.add(len(piece))
            yield piece


def restore_by_psql(
    server: Server, request: RestoreRequest, dump: DumpFile, options: str, earlier: str = ""
) -> dict[str, Any]:
    """Restore ``dump`` with one psql; return return code, errors, seconds and the sha256 of what was read.

    ``options`` becomes PGOPTIONS, ``earlier`` is what the log begins with. Of an encrypted dump nothing is kept or told
    of what psql says but where it says it, and the SQLSTATE: the rest may be rows. Raises ProgramFailed, with these
    facts, where the restore did not succeed.
    """
    manifest = Manifest()
    scanner = Scanner(manifest) if request.wants_manifest else None
    encrypted = dump.is_encrypted()
    source = _Hashed(dump, scanner)
    started = time.monotonic()
    argv = [
        *psql_arguments(server, request.db),
        *("--command", request.guard_statement()),
        *("--command", f"\\set ON_ERROR_STOP {'off' if request.by_hand else 'on'}"),
        *("--file", "-"),
    ]
    meter.begin("restore", total_bytes=size_of(request.path))
    program = server.start(argv, options=options, pieces=source)
    try:
        for _piece in program.output():
            pass
        code = program.finish()
    except BaseException:
        program.stop()
        raise
    messages = without_texts(program.messages) if encrypted else program.messages
    if request.log:
        write_whole(request.log, printable_lines(earlier + messages).encode("utf-8"), replace=True)
    errors = read_errors(program.messages)
    facts: dict[str, Any] = {
        "rc": code,
        "errors": summarize(errors, tolerate=request.by_hand, texts=not encrypted),
        # Of a restore that failed, nothing says how much psql took in.
        "input_sha256": source.sha256 if program.fed_all and code == 0 else "",
        "duration_s": round(time.monotonic() - started, 3),
    }
    if code != 0 or facts["errors"]["fatal_total"] or not program.fed_all:
        first = (facts["errors"]["fatal"] or [messages.strip()[-300:] or "no message"])[0]
        raise ProgramFailed(
            "The restore failed",
            wanted="return code 0 and no error" + (" but those of missing roles" if request.by_hand else ""),
            found=f"return code {code}, {facts['errors']['fatal_total']} errors; the first: {first}",
            do=f"read {request.log or 'the messages of psql'}; production was not touched",
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
        facts["manifest"] = _keep_manifest(manifest, request, dump, facts["input_sha256"])
    return facts


def _keep_manifest(manifest: Manifest, request: RestoreRequest, dump: DumpFile, sha256: str) -> dict[str, Any]:
    """Write the manifest of a dump that has none yet."""
    kind = dump.kind()
    about = {
        "name": os.path.basename(request.path),
        "format": kind if kind in (CUSTOM, DIRECTORY) else PLAIN,
        "compression": NONE if kind in (CUSTOM, DIRECTORY) else kind,
        "encryption": PROGRAM if dump.is_encrypted() else NONE,
        "size_bytes": size_of(request.path),
        "sha256": sha256,
    }
    sha256 = write_pieces(request.manifest, manifest.json_pieces(run_id=request.run_id, dump=about), replace=True)
    return {"path": request.manifest, "sha256": sha256, "entries": manifest.number_of_entries}
