# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what an existing dump holds: from the manifest that was made with it, or, where there is
none, from its text, which the programs of a scratch server make of an archive.

Of a dump that somebody else made nothing is executed for that. What it would do besides defining things and filling
tables is refused here, before the restore.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ._age import PROGRAM
from ._archive_place import lent
from ._compression import NONE
from ._dump_contents import contents_of
from ._dump_globals import DumpGlobals, database_encoding, globals_of
from ._dumpdigest import OnDisk, read_dump, size_of
from ._dumptext import DumpFile
from ._errors import CloseoutError
from ._files import pieces_of, pieces_with_digest, write_pieces, write_whole
from ._findings import some
from ._formats import CUSTOM, DIRECTORY, PLAIN
from ._manifest import Manifest, read_manifest
from ._printable import printable
from ._progress import meter
from ._scanner import Scanner
from ._server import Server
from ._session import Session

_BUILTIN_FROM = 170000
_UTF8_LOCALES = "SELECT collcollate FROM pg_collation WHERE collcollate IN ('C.utf8', 'C.UTF-8') ORDER BY 1"
_AVAILABLE = "SELECT name::text FROM pg_available_extensions"
# What the first words of a statement say of how the dump was made, and what the scratch server cannot do with it.
_ASKED_FOR = {
    "DROP": ("--clean", "it drops what is not there yet"),
    "INSERT": ("--inserts", "its rows are statements, whose number and digest are not known before they are executed"),
}


@dataclass(frozen=True)
class InventoryRequest:
    """The dump at ``path``. With ``manifest_sha256`` there is a manifest of it, which is read; without, it and the
    globals are made, and written to these paths. ``schema`` is the one to audit, "" for the one with the most tables;
    ``standby`` tells that production was one, ``age_identity_file`` opens an encrypted dump.
    """

    path: str
    manifest: str
    manifest_sha256: str
    globals: str
    schema: str = ""
    expected_tables: list[str] = field(default_factory=list)
    standby: bool = False
    run_id: str = ""
    age_identity_file: str = ""


def take_inventory(server: Server, request: InventoryRequest) -> dict[str, Any]:
    """Return what the dump holds, which tables are expected, and what had to be made up. Raises CloseoutError."""
    if request.manifest_sha256:
        manifest, _document = read_manifest(pieces_with_digest(request.manifest, request.manifest_sha256))
        written = {"path": request.manifest, "sha256": request.manifest_sha256}
        facts: dict[str, Any] = {"made_up": None}
    else:
        with server.session() as session:
            manifest, written, facts = _made(server, session, request)
    schema = request.schema or _schema_with_most_tables(manifest)
    contents = contents_of(manifest, schema, written, standby=request.standby)
    contents["manifest"]["sequences"] = len(manifest.sequences)
    contents["manifest"]["large_objects"] = manifest.large_objects.filled
    return {
        **facts,
        "contents": contents,
        "schema": schema,
        "expected_tables": request.expected_tables or contents["tables"],
        "expected_source": "given" if request.expected_tables else "dump",
    }


def _made(
    server: Server, session: Session, request: InventoryRequest
) -> tuple[Manifest, dict[str, str], dict[str, Any]]:
    """Scan the dump; write its manifest and the globals for its restore."""
    found = DumpGlobals(Manifest())
    scanner = Scanner(found)
    dump = DumpFile(request.path, server, identity_file=request.age_identity_file, run_id=request.run_id)
    kind, text_bytes = dump.kind(), 0
    meter.begin("inventory", total_bytes=size_of(request.path))
    with contextlib.ExitStack() as opened:
        if kind == DIRECTORY:
            opened.enter_context(lent(request.path, session))
        for piece in dump.text(None if kind == DIRECTORY else _metered(request.path)):
            scanner.feed(piece)
            text_bytes += len(piece)
    scanner.finish()
    manifest = found.manifest
    manifest.complete = scanner.complete
    on_disk = read_dump(request.path)
    _refuse(request.path, scanner, manifest)
    _refuse_missing_extensions(session, manifest)
    locale = _locale(session, database_encoding(manifest.encoding))
    document = globals_of(found, locale)
    written = {"path": request.manifest, "sha256": _write_manifest(manifest, request, dump, on_disk)}
    content = json.dumps(document, indent=1).encode("ascii") + b"\n"
    write_whole(request.globals, content, replace=True)
    made_up = {
        "roles": list(found.roles),
        "superusers": sorted(found.owners - found.grantors),
        "tablespaces": list(found.tablespaces),
        "encoding": document["database"]["encoding"],
        "locale": f"{locale[2] or locale[1]} of {locale[0]}",
        "owners": bool(found.owners),
    }
    return manifest, written, {"made_up": made_up, "input_sha256": on_disk.sha256, "text_bytes": text_bytes}


def _metered(path: str) -> Iterator[bytes]:
    for piece in pieces_of(path):
        meter.add(len(piece))
        yield piece


def _write_manifest(manifest: Manifest, request: InventoryRequest, dump: DumpFile, on_disk: OnDisk) -> str:
    kind = dump.kind()
    archive = kind in (CUSTOM, DIRECTORY)
    about = {
        "name": os.path.basename(request.path),
        "format": kind if archive else PLAIN,
        "compression": NONE if archive else kind,
        "encryption": PROGRAM if kind != DIRECTORY and dump.is_encrypted() else NONE,
        **on_disk._asdict(),
    }
    return write_pieces(request.manifest, manifest.json_pieces(run_id=request.run_id, dump=about), replace=True)


def _refuse(path: str, scanner: Scanner, manifest: Manifest) -> None:
    """Refuse a dump that is not whole, or would do something else than pg_dump's usual ones. Raises CloseoutError."""
    if not manifest.complete:
        raise CloseoutError(
            f"The dump {path} is not complete",
            wanted="the line '-- PostgreSQL database dump complete' at its end",
            found="a dump without it",
            do="do not use it as a backup",
        )
    if any(entry.type == "DATABASE" for entry in manifest.entries):
        raise _other_dump(path, "--create", "it makes a database of its own, and fills that one")
    for entry in manifest.entries:
        first = entry.name.split(" ", 1)[0].upper() if entry.type == "OTHER" else ""
        if first in _ASKED_FOR:
            raise _other_dump(path, *_ASKED_FOR[first])
    if scanner.commands:
        raise CloseoutError(
            f"The dump {path} has commands of psql that pg_dump does not write",
            wanted="SQL alone",
            found=printable("; ".join(scanner.commands)[:500]),
            do="find out who put them there; nothing of the dump was executed",
        )


def _other_dump(path: str, option: str, why: str) -> CloseoutError:
    return CloseoutError(
        f"The dump {path} was made by pg_dump {option}",
        wanted="a dump without that option",
        found=why,
        do="give one that was made without it",
    )


def _refuse_missing_extensions(session: Session, manifest: Manifest) -> None:
    available = {str(row[0]) for row in session.rows(_AVAILABLE)}
    wanted = [entry.name for entry in manifest.entries if entry.type == "EXTENSION"]
    missing = sorted(set(wanted) - available)
    if missing:
        raise CloseoutError(
            "The scratch server does not have the files of extensions that the dump makes",
            wanted=some(wanted),
            found=f"no {some(missing)}",
            do="set closeout_scratch_image, or closeout_bin_dir, to a PostgreSQL that has them",
        )


def _locale(session: Session, encoding: str) -> tuple[str, str, str | None]:
    """Return the locale of the restored copy, as :func:`globals_of` takes it: that of the database is not in its dump.

    One that knows more letters than ASCII's, where there is one on every host.
    """
    if encoding.upper().replace("-", "") == "UTF8":
        if session.server_version_num >= _BUILTIN_FROM:
            return "builtin", "C", "C.UTF-8"
        rows = session.rows(_UTF8_LOCALES)
        if rows:
            return "libc", str(rows[0][0]), None
    return "libc", "C", None


def _schema_with_most_tables(manifest: Manifest) -> str:
    """Return it, the first by name among equals, "" where the dump makes no table."""
    counts = Counter(table.schema for table in manifest.tables.values() if table.created)
    return min(counts, key=lambda schema: (-counts[schema], schema), default="")
