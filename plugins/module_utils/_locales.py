# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: whether a locale of the C library is there: asked of this host's library, or looked for
in the files of an image.
"""

from __future__ import annotations

import locale
import re

from ._errors import CloseoutError
from ._scratch_files import Files

_ALWAYS = ("C", "POSIX")
_DIRECTORY = "/usr/lib/locale"
_NAME = re.compile(r"([a-z]+)(_[A-Z]+)?(\.[A-Za-z0-9-]+)?(@[a-z]+)?")


def host_has(name: str) -> bool:
    """Tell whether this host's C library has the locale ``name``. Source: setlocale(3)."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, name)
    except (locale.Error, ValueError):
        return False
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    return True


def files_have(files: Files, name: str) -> bool | None:
    """Tell whether the locale ``name`` is among ``files`` of the GNU C library; None where they do not tell.

    Source: locale(7), localedef(1); glibc source, locale/findlocale.c. Another C library (musl) takes any name.
    """
    if name in _ALWAYS:
        return True
    parts = _NAME.fullmatch(name)
    # A name without a territory and a codeset may be an alias.
    if parts is None or not (parts.group(2) or parts.group(3)):
        return None
    try:
        archive = files.read(f"{_DIRECTORY}/locale-archive")
    except CloseoutError:
        return None
    if archive is None and not files.real(f"{_DIRECTORY}/C.utf8/LC_CTYPE"):
        return None
    names = _spellings(*(part or "" for part in parts.groups()))
    # The archive has a locale by its whole name alone, and a short one could be anything in it.
    if archive is not None and _string(names[0]).search(archive):
        return True
    return any(files.real(f"{_DIRECTORY}/{one}/LC_CTYPE") for one in names)


def _spellings(language: str, territory: str, codeset: str, modifier: str) -> list[str]:
    """Return the names under which the library looks for a locale, the whole one first."""
    normalized = "." + re.sub(r"[^a-z0-9]", "", codeset.lower()) if codeset else ""
    return list(
        dict.fromkeys(
            f"{language}{place}{code}{more}"
            for more in (modifier, "")
            for place in (territory, "")
            for code in (normalized, codeset, "")
        )
    )


def _string(name: str) -> re.Pattern[bytes]:
    """Return what finds a name among the strings of an archive, each of which ends with a zero byte."""
    return re.compile(rb"(?<![A-Za-z0-9_.@-])" + re.escape(name.encode()) + rb"\x00")
