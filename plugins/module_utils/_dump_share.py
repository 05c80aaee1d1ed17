# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: about how much of a dump is done, by the pages of the tables whose rows it has."""

from __future__ import annotations

from ._manifest import Manifest

_PAGE_BYTES = 8192
_MOST = 0.95
"""More than that of the table that is at it nobody knows: rows take another room as text."""


class DumpShare:
    """Asked again and again while the dump comes. ``pages`` are the tables' by schema and name."""

    def __init__(self, manifest: Manifest, pages: dict[tuple[str, str], int]) -> None:
        self._manifest = manifest
        self._pages = pages
        self._all = max(1, sum(pages.values()))
        self._now: tuple[str, str] | None = None
        self._before_bytes = 0

    def __call__(self, done_bytes: int) -> float:
        """Return the share (0 to 1) when the dump has ``done_bytes``."""
        now = self._manifest.copying
        if now != self._now:
            self._now, self._before_bytes = now, done_bytes
        tables = list(self._manifest.tables.items())
        done = sum(self._pages.get(key, 0) for key, table in tables if table.rows is not None and key != now)
        pages = self._pages.get(now, 0) if now else 0
        part = min(_MOST, (done_bytes - self._before_bytes) / max(1, pages * _PAGE_BYTES))
        return (done + part * pages) / self._all
