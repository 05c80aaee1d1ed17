# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the tables of a dump, read from itself or from its manifest, for an audit."""

from __future__ import annotations

from typing import Any

from ._audit import audited
from ._dumptext import DumpFile
from ._errors import CloseoutError
from ._files import pieces_of, pieces_with_digest
from ._manifest import Manifest, manifest_of, read_manifest


def audit_dump(path: str, schema: str, *, identity_file: str = "", run_id: str = "") -> dict[str, Any]:
    """Return tables and rows of ``schema`` in a plain dump, compressed or not, read whole; ``identity_file`` opens an
    encrypted one. Raises CloseoutError for one that is cut off.
    """
    manifest = manifest_of(DumpFile(path, identity_file=identity_file, run_id=run_id).text())
    if not manifest.complete:
        raise CloseoutError(
            f"The dump {path} is not complete",
            wanted="the line '-- PostgreSQL database dump complete' at its end",
            found="a file without it",
            do="do not use this file as a backup",
            facts=_from_manifest("dump", schema, manifest),
        )
    return _from_manifest("dump", schema, manifest)


def audit_manifest(path: str, sha256: str, schema: str) -> dict[str, Any]:
    """Return tables and rows of ``schema`` from a manifest; with ``sha256``, only from the one with that digest."""
    manifest, _document = read_manifest(pieces_with_digest(path, sha256) if sha256 else pieces_of(path))
    if not manifest.complete:
        raise CloseoutError(f"The manifest {path} is of a dump that is not complete")
    return _from_manifest("manifest", schema, manifest)


def _from_manifest(source: str, schema: str, manifest: Manifest) -> dict[str, Any]:
    names = manifest.names(schema)
    return audited(source, schema, bool(names), names, manifest.rows(schema))
