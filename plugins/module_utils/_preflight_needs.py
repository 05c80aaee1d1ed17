# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what the copy of production's database needs from the server that it will be made in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from ._globals import read_globals
from ._session import Session

_EXTENSIONS = """
SELECT e.extname, e.extversion, coalesce(a.default_version, '')
FROM pg_extension e LEFT JOIN pg_available_extensions a ON a.name = e.extname ORDER BY 1
"""
# Collations that the database made, and those of the server's own that it uses. Members come with their extension.
_COLLATIONS = """
SELECT n.nspname || '.' || c.collname, c.collprovider::text, c.collcollate, c.collctype
FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
WHERE c.collprovider IN ('c', 'i')
  AND NOT EXISTS (SELECT 1 FROM pg_depend d
                  WHERE d.classid = 'pg_collation'::regclass AND d.objid = c.oid AND d.deptype = 'e')
  AND (n.nspname <> 'pg_catalog'
       OR EXISTS (SELECT 1 FROM pg_depend d WHERE d.refclassid = 'pg_collation'::regclass AND d.refobjid = c.oid))
ORDER BY 1
"""
# Who may not know sees no such settings.
_PRELOADED = "SELECT setting FROM pg_settings WHERE name = 'shared_preload_libraries'"
_EXTENSION_PATH = "SELECT setting FROM pg_settings WHERE name = 'extension_control_path'"
_LIBRARIES = """
SELECT DISTINCT p.probin, e.extname
FROM pg_proc p
JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE p.probin IS NOT NULL
"""


@dataclass(frozen=True)
class Extension:
    """An installed extension: its version, and the one that production would make now ("" where it could not)."""

    name: str
    version: str
    default_version: str


@dataclass(frozen=True)
class Needs:
    """``locales`` maps names of the C library's locales to what has them; ``icu`` is what has a locale of ICU.

    ``preloaded`` maps libraries that production preloads to the extensions that have them, and is empty also where the
    user may not know. ``has_extension_path``: production has extensions elsewhere than in its installation.
    """

    version: str
    major: int
    database: dict[str, Any]
    extensions: list[Extension]
    locales: dict[str, list[str]]
    icu: list[str]
    tablespaces: list[str]
    preloaded: dict[str, list[str]]
    may_have_extension_path: bool

    def as_facts(self) -> dict[str, Any]:
        """Return what the plan says of the database."""
        return {
            "version": self.version,
            "encoding": self.database["encoding"],
            "locale_provider": self.database["provider"],
            "locale": self.database["locale"] or self.database["collate"],
            "collate": self.database["collate"],
            "ctype": self.database["ctype"],
            "extensions": {one.name: one.version for one in self.extensions},
            "tablespaces": self.tablespaces,
            "preloaded": sorted(self.preloaded),
        }


def read_needs(session: Session) -> Needs:
    """Read them in the database of ``session``. Raises CloseoutError."""
    document = read_globals(session)
    database = document["database"]
    locales: dict[str, list[str]] = {}
    for name in dict.fromkeys((database["collate"], database["ctype"])):
        locales.setdefault(name, []).append("the database")
    icu = ["the database"] if database["provider"] == "icu" else []
    for collation, provider, collate, ctype in session.rows(_COLLATIONS):
        if provider == "i":
            icu.append(f"collation {collation}")
            continue
        for name in dict.fromkeys((collate, ctype)):
            locales.setdefault(name, []).append(f"collation {collation}")
    libraries = [(_library(file), str(extension)) for file, extension in session.rows(_LIBRARIES)]
    preloaded = [str(row[0]) for row in session.rows(_PRELOADED)]
    return Needs(
        version=str(session.value("SELECT current_setting('server_version')")),
        major=session.server_version_num // 10000,
        database=database,
        extensions=[Extension(*row) for row in session.rows(_EXTENSIONS)],
        locales=locales,
        icu=icu,
        tablespaces=[str(one["name"]) for one in document["tablespaces"]],
        preloaded={
            library: [extension for one, extension in libraries if one == library]
            for library in (_library(name) for name in ",".join(preloaded).split(","))
            if library
        },
        may_have_extension_path=session.server_version_num >= 180000
        and [row[0] for row in session.rows(_EXTENSION_PATH)] not in ([""], ["$system"]),
    )


def _library(file: str) -> str:
    """Return the plain name of a library, as a setting or a function names it."""
    return os.path.basename(file.strip().strip('"')).removesuffix(".so")
