# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a PostgreSQL installation, as its files tell: its version, what it was built with, which
extensions it can make. None of its programs is run.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from ._scratch_files import Files

_VERSION = re.compile(rb"postgres \(PostgreSQL\) ((\d+)[^\n\x00]{0,60})")
# A message of those builds alone (PostgreSQL source, pg_locale.c, #ifndef USE_ICU).
_WITHOUT_ICU = b"ICU is not supported in this build"
# A setting of 15 and later, and of the older versions' minor versions since August 2022.
_IN_PLACE = b"allow_in_place_tablespaces"
_DEFAULT_VERSION = re.compile(rb"^\s*default_version\s*=?\s*'([^']*)'", re.MULTILINE)
# In every installation.
_ANY_EXTENSION = "plpgsql"


@dataclass(frozen=True)
class Installation:
    """The server programs in ``bin_dir``. What is not known: ``major`` 0, and "" for the directory ``extensions``."""

    bin_dir: str
    major: int
    version: str
    has_icu: bool
    has_tablespaces_in_place: bool
    extensions: str


def read_installation(files: Files, path: list[str]) -> Installation | None:
    """Read the installation whose ``postgres`` is the first in the directories of ``path``; None where there is none.

    Raises CloseoutError where a file of it cannot be read.
    """
    found = files.find("postgres", path)
    if not found:
        return None
    bin_dir, program = os.path.dirname(found), files.read(found) or b""
    version = _VERSION.search(program)
    major = int(version.group(2)) if version else 0
    return Installation(
        bin_dir=bin_dir,
        major=major,
        version=version.group(1).decode("ascii", "replace") if version else "",
        has_icu=_WITHOUT_ICU not in program,
        has_tablespaces_in_place=_IN_PLACE in program,
        extensions=_directory_of_extensions(files, bin_dir, major),
    )


def default_version(files: Files, installation: Installation, extension: str) -> str | None:
    """Return the version in which CREATE EXTENSION makes ``extension`` (""  where its control file names none), None
    where the installation does not have it.
    """
    found = files.read(os.path.join(installation.extensions, f"{extension}.control"))
    if found is None:
        return None
    version = _DEFAULT_VERSION.search(found)
    return version.group(1).decode("utf-8", "replace") if version else ""


def _directory_of_extensions(files: Files, bin_dir: str, major: int) -> str:
    """Return the one directory that is where such a ``bin_dir`` has its extensions and has some; else ""."""
    above = os.path.dirname(bin_dir)
    candidates = [
        f"{above}/share/extension",  # PGDG's rpm, a relocated build
        f"{above}/share/postgresql/extension",  # the default of configure
        f"{above}/share/pgsql/extension",  # Fedora
        f"/usr/share/postgresql/{major}/extension",  # Debian
    ]
    found = [one for one in candidates if files.real(f"{one}/{_ANY_EXTENSION}.control")]
    return found[0] if len(found) == 1 else ""
