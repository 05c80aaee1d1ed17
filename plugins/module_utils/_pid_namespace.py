# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a child that is the first process of a PID namespace of its own.

All that it starts ends with it, by the kernel, and is given to nobody else before. It stays our own child: unshare(1)
would stand between, and is one more process to find and to end.
Source: unshare(2), pid_namespaces(7).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_CLONE_NEWPID = 0x20000000
_Started = TypeVar("_Started")


def started_in_one(start: Callable[[], _Started]) -> _Started:
    """Call ``start``, which starts one child, so that this child has a PID namespace of its own; return its result.

    Raises OSError where that is not allowed, and what ``start`` raises.
    """

    def unshared() -> _Started:
        # Only for this thread, which ends with this: what else the module starts stays in its namespace.
        if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWPID) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return start()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(unshared).result()
