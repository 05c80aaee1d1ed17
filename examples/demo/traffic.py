# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The traffic that the closeout has to withstand, in a process of its own."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from production import DATABASE, PORT, SUPERUSER
from programs import STOP_TIMEOUT_S, clean_environment, end
from told import DemoError

PROGRAM = Path(__file__).resolve().parent / "writer.py"


class Writer:
    """The background traffic (writer.py), from start to its own count."""

    def __init__(self, socket: Path, rate: float, deadline_s: float) -> None:
        """Start it; it counts from now on."""
        dsn = (
            f"host={socket} port={PORT} user={SUPERUSER} dbname={DATABASE} connect_timeout=10 "
            "application_name=demo_writer options='-c statement_timeout=30s'"
        )
        # Its standard input is a pipe from here: it closes with this process, whatever becomes of it.
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM), "--dsn", dsn, "--rate", str(rate), "--deadline", str(deadline_s)],
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._began = time.monotonic()

    def wait_for_first_commit(self) -> None:
        """Return once it has written; the time limits of its session (in its DSN) bound the wait."""
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != "ready":
            raise DemoError(f"the background writer did not start: {self.stop()['problem']}")

    def stop(self) -> dict[str, Any]:
        """End it and return its count: committed, rows, problem, seconds. May be called again."""
        outcome: dict[str, Any] = {"committed": 0, "rows": {}, "problem": "it gave no account of itself"}
        seconds = time.monotonic() - self._began
        if self._process.returncode is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                text, _errors = self._process.communicate(timeout=STOP_TIMEOUT_S)
                for line in text.splitlines()[-1:]:
                    outcome.update(json.loads(line))
            end(self._process, (signal.SIGTERM, signal.SIGKILL), 5.0)
        outcome["seconds"] = seconds
        return outcome
