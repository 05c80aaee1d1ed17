# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: PostgreSQL's names of encodings, as Python knows them."""

from __future__ import annotations

# Source: PostgreSQL manual, 24.3 Character Set Support. SQL_ASCII promises nothing: read as UTF-8.
_CODECS = {
    "SQL_ASCII": "utf-8",
    "UTF8": "utf-8",
    "LATIN9": "iso8859_15",
    "WIN866": "cp866",
    "WIN874": "cp874",
    "KOI8R": "koi8_r",
    "KOI8U": "koi8_u",
    **{f"WIN{number}": f"cp{number}" for number in range(1250, 1259)},
    **{
        f"LATIN{number}": codec
        for number, codec in zip((5, 6, 7, 8, 10), ("latin5", "latin6", "latin7", "latin8", "latin10"))
    },
}


def codec_of(encoding: str) -> str:
    """Return Python's name of an encoding; where the names are the same (EUC_JP, LATIN1), that name."""
    return _CODECS.get(encoding, encoding)
