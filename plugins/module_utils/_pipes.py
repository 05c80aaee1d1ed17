# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the pipes of a child."""

from __future__ import annotations

from typing import IO


def given(pipe: IO[bytes] | None) -> IO[bytes]:
    """Return a pipe that a child was started with. Raises ValueError for one that was started without it."""
    if pipe is None:
        raise ValueError("the program was started without this pipe")
    return pipe
