# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a module goes on only while its controller lives.

Neither a connection nor a parent on the target tells that ansible-playbook was killed: its worker goes on, and so does
what the worker started. So the action (plugins/action/closeout_module.py) renews a lease, a file on the target, as long
as its own ansible-playbook lives, and the module looks whether the file changes. What counts is how often it looked: no
time of day, no other host's clock, and a host that was paused gets as long as ever.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import threading
from typing import Protocol

from ._errors import CloseoutError
from ._progress import meter


class Interruptible(Protocol):
    """What may keep the main thread from hearing a signal: another thread can cancel it."""

    def cancel(self) -> None:
        """End what goes on now. Raises CloseoutError."""


interruptible: set[Interruptible] = set()
"""All that is to be cancelled when this process is to stop."""
VARIABLE = "CLOSEOUT_LEASE"
"""The environment variable that names the file. A module that was started without it has no lease to look at."""
PROGRESS = "progress"
"""The name of a file beside it, by which the module says how far it has come (see _progress.py)."""
LEASE_S = 10.0
"""How long a lease that is not renewed lasts."""
_LOOK_S = 0.5
_CANCEL_AFTER_S = 2.0


class Lease:
    """The lease that this process's environment names, if there is one. ``is_lost`` from when it is not renewed."""

    def __init__(self) -> None:
        self._path = os.environ.pop(VARIABLE, "")
        self.is_lost = False

    def watch(self) -> None:
        """From now on stop this process, as by SIGTERM, when the lease is lost."""
        if self._path:
            threading.Thread(target=self._watch, daemon=True).start()

    def _tell(self) -> None:
        """Say how far the work has come, where who renews the lease finds it."""
        facts = meter.as_facts()
        path = os.path.join(os.path.dirname(self._path), PROGRESS)
        # A full disk, or no directory any more, is no reason to stop.
        with contextlib.suppress(OSError):
            if facts is not None:
                with open(path + ".new", "w", encoding="ascii") as file:
                    json.dump(facts, file)
                os.rename(path + ".new", path)

    def remove(self) -> None:
        """Remove the lease with the directory that it is in: nobody will ask for what this process came to."""
        shutil.rmtree(os.path.dirname(self._path), ignore_errors=True)

    def _watch(self) -> None:
        never = threading.Event()
        seen, looks = "", 0
        while looks * _LOOK_S < LEASE_S:
            never.wait(_LOOK_S)
            self._tell()
            now = _content(self._path)
            seen, looks = (seen, looks + 1) if now in ("", seen) else (now, 0)
        self.is_lost = True
        os.kill(os.getpid(), signal.SIGTERM)
        # A signal is heard between two statements only, and one of ours on the server may take its time.
        while True:
            never.wait(_CANCEL_AFTER_S)
            for one in list(interruptible):
                with contextlib.suppress(CloseoutError):
                    one.cancel()


def _content(path: str) -> str:
    """Return what the lease says, "" where it is gone: that is no renewal either."""
    try:
        with open(path, encoding="ascii") as file:
            return file.read(100)
    except (OSError, UnicodeDecodeError):
        return ""
