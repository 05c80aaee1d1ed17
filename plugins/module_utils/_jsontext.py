# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a large JSON document, written without a second one in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def json_text(document: Mapping[str, Any]) -> bytes:
    """Return an object as JSON in ASCII. A member that is an iterator becomes an array, an element a line: its elements
    are asked for one by one and not kept.
    """
    text = bytearray(b"{")
    for number, (name, value) in enumerate(document.items()):
        text += b"%s\n %s: " % (b"," if number else b"", _ascii(name))
        if isinstance(value, Iterator):
            text += b"["
            for place, element in enumerate(value):
                text += b"%s\n  %s" % (b"," if place else b"", _ascii(element))
            text += b"\n ]"
        else:
            text += _ascii(value)
    text += b"\n}\n"
    return bytes(text)


def _ascii(value: Any) -> bytes:
    return json.dumps(value).encode("ascii")
