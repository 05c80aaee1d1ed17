# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what an artefact says of itself: ``closeout.json`` and ``globals.json``, however old.

Neither is trusted. Each is read within a bound, must be of the schema that is known here, and have the shape that is
relied on; whether it is still the file that was sealed, ``SHA256SUMS`` says.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

from ._compression import COMPRESSIONS
from ._evidence import SCHEMA
from ._files import read_whole
from ._formats import FORMATS
from ._globals import SCHEMA as GLOBALS_SCHEMA
from ._outcome import get
from ._shape import BOOLEAN, COUNT, SHA256, TEXT, Each, Leaf, OrNull, Shape, one_of, read_document

EVIDENCE = "closeout.json"
_LIMIT_BYTES = 64 << 20

_CONTAINER = {"id": TEXT, "name": TEXT, "image": TEXT, "image_id": TEXT}
_WITNESS = {
    "sysid": TEXT,
    "server_version": TEXT,
    "in_recovery": BOOLEAN,
    "postmaster_start_utc": TEXT,
    "data_directory": OrNull(TEXT),
    "container": OrNull(_CONTAINER),
    "unlogged": [TEXT],
    "rows": Each(COUNT),
}
_CENSUS = {
    "sha256": SHA256,
    "kinds": Each({"production": COUNT, "dump": COUNT}),
    "counts": Each(COUNT),
    "facts": Each(COUNT),
    "extensions": Each(TEXT),
    "told": [TEXT],
    "told_total": COUNT,
}
_EVIDENCE: Shape = {
    "run": {"id": TEXT, "label": TEXT, "stamp": TEXT, "host": TEXT, "db": TEXT, "finished_utc": TEXT},
    "settings": {"schema": TEXT, "expected_tables": [TEXT]},
    "production": {
        "before": _WITNESS,
        "snapshot": {
            "taken_utc": TEXT,
            "tables": Each({"rows": COUNT, "sha256": OrNull(SHA256)}),
            "rows_total": COUNT,
            "census": _CENSUS,
        },
    },
    "dump": {
        "path": TEXT,
        "format": one_of(*FORMATS),
        "compression": one_of(*COMPRESSIONS),
        "size_bytes": COUNT,
        "sha256": SHA256,
        "taken_utc": TEXT,
        "client_version": TEXT,
        "manifest": {"sha256": SHA256},
    },
    "restore": OrNull({"scratch": OrNull({"image": TEXT, "image_id": TEXT, "server_version": TEXT})}),
    "checks": [{"id": TEXT, "status": TEXT, "detail": TEXT}],
    "result": {"closeout_result": TEXT, "failed": [TEXT]},
}
# The C library takes one with a slash in it for a path.
_LOCALE = Leaf(
    "the name of a locale", lambda value: isinstance(value, str) and re.fullmatch(r"[\w.@+-]{1,100}", value) is not None
)
_ROLE = {
    "name": TEXT,
    "bootstrap": BOOLEAN,
    **dict.fromkeys(("superuser", "inherit", "createrole", "createdb", "replication", "bypassrls"), BOOLEAN),
}
_GLOBALS: Shape = {
    "server_version_num": COUNT,
    "max_locks_per_transaction": COUNT,
    "relations": COUNT,
    "roles": [_ROLE],
    "memberships": [{"role": TEXT, "member": TEXT, "admin": BOOLEAN, "inherit": BOOLEAN, "set": BOOLEAN}],
    "tablespaces": [{"name": TEXT, "owner": TEXT}],
    "database": {
        **dict.fromkeys(("name", "owner", "encoding"), TEXT),
        **dict.fromkeys(("collate", "ctype", "monetary"), _LOCALE),
        "provider": one_of("libc", "icu", "builtin"),
        "locale": OrNull(TEXT),
        "icu_rules": OrNull(TEXT),
        "size_bytes": COUNT,
    },
}
_OTHERWISE = "verify the dump itself, as one that nothing is recorded of"


@dataclass(frozen=True)
class Recorded:
    """An artefact's own evidence; ``content`` is that of the file."""

    document: dict[str, Any]
    content: bytes

    @property
    def dump_name(self) -> str:
        """The dump's name in the artefact directory."""
        return os.path.basename(str(get(self.document, "dump", "path")))

    @property
    def identity(self) -> dict[str, Any]:
        """Who production was, as the guard takes it."""
        before = self.document["production"]["before"]
        major = re.match(r"\d{1,3}", before["server_version"])
        return {
            **{name: before[name] for name in ("sysid", "server_version", "in_recovery", "postmaster_start_utc")},
            "server_version_num": int(major.group()) * 10000 if major else 0,
            "data_directory": before["data_directory"] or "",
            "container": before["container"],
        }

    def as_facts(self) -> dict[str, Any]:
        """Return what the evidence of a verification keeps of it: all that a check is recomputed from."""
        document = self.document
        before, snapshot = document["production"]["before"], document["production"]["snapshot"]
        census = {name: snapshot["census"][name] for name in _CENSUS}
        statuses = {one["id"]: one["status"] for one in document["checks"]}
        return {
            "run": {name: document["run"][name] for name in ("id", "label", "stamp", "host", "db", "finished_utc")},
            "schema": document["settings"]["schema"],
            "expected_tables": document["settings"]["expected_tables"],
            "production": {**self.identity, "unlogged": before["unlogged"], "rows": before["rows"]},
            "snapshot": {
                "taken_utc": snapshot["taken_utc"],
                "tables": {name: {"rows": one["rows"]} for name, one in snapshot["tables"].items()},
                "rows_total": snapshot["rows_total"],
                "census": census,
            },
            "dump": {
                "name": self.dump_name,
                **{
                    name: document["dump"][name]
                    for name in ("format", "compression", "size_bytes", "sha256", "taken_utc", "client_version")
                },
                "manifest_sha256": document["dump"]["manifest"]["sha256"],
            },
            "result": document["result"]["closeout_result"],
            "failed": document["result"]["failed"],
            "checks": statuses,
        }


def read_recorded(artefact: str) -> Recorded:
    """Read the evidence of an artefact directory. Raises CloseoutError, also where that run kept no whole dump."""
    content = read_whole(os.path.join(artefact, EVIDENCE), _LIMIT_BYTES)
    do = f"an artefact without a whole dump and its evidence cannot be verified as one; {_OTHERWISE}"
    document = read_document(content, SCHEMA, _EVIDENCE, what=f"The evidence {EVIDENCE} of {artefact}", do=do)
    return Recorded(document, content)


def read_recorded_globals(content: bytes) -> dict[str, Any]:
    """Read the globals of an artefact. Raises CloseoutError."""
    return read_document(content, GLOBALS_SCHEMA, _GLOBALS, what="The globals.json of the artefact", do=_OTHERWISE)
