# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a stream that is read no faster than allowed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator


def throttled(pieces: Iterable[bytes], limit_bytes_per_s: int) -> Iterator[bytes]:
    """Yield the stream no faster than ``limit_bytes_per_s`` on average from its first byte on; 0 is no limit.

    Who writes the stream is held back by that, as soon as the pipe between is full.
    """
    if not limit_bytes_per_s:
        yield from pieces
        return
    started, length = None, 0
    for piece in pieces:
        now = time.monotonic()
        started = now if started is None else started
        length += len(piece)
        yield piece
        ahead = started + length / limit_bytes_per_s - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
