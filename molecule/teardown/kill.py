"""Runs a closeout and kills all of it, but for what it started in production, in the middle of the dump.

kill.py ROOT COMMAND...: the closeout is COMMAND, its artefact comes below ROOT. `pg_dump` must be waiting for a lock.
Prints the id of the run. Needs root, for it looks into other processes' environments.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

_DUMP_S, _END_S = 60.0, 20.0


def processes(variable: str) -> list[int]:
    """The processes that have this in their environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        # Gone, or a zombie.
        with contextlib.suppress(OSError):
            if variable.encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def run_that_dumps(root: Path) -> str:
    """The id of the run below `root` that has a `pg_dump` at work and a half-written file; "" while there is none."""
    for marker in root.glob("*/.closeout.json"):
        run_id = str(json.loads(marker.read_text())["run_id"])
        names = []
        for pid in processes(f"INCOMEX_CLOSEOUT_RUN={run_id}"):
            with contextlib.suppress(OSError):
                names.append(Path(f"/proc/{pid}/comm").read_text().strip())
        if "pg_dump" in names and any(marker.parent.glob("*.sql.partial")):
            return run_id
    return ""


def main() -> int:
    """Run, wait, kill."""
    root, command = Path(sys.argv[1]), sys.argv[2:]
    mark = f"CLOSEOUT_MOLECULE_RUN={secrets.token_hex(8)}"
    closeout = subprocess.Popen(["env", mark, *command], stdin=subprocess.DEVNULL, stdout=sys.stderr)
    run_id, deadline = "", time.monotonic() + _DUMP_S
    while not run_id and closeout.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
        run_id = run_that_dumps(root)
    # Until nobody is left: each may be starting another.
    deadline = time.monotonic() + _END_S
    while left := processes(mark):
        if time.monotonic() > deadline:
            print(f"cannot be killed: {left}", file=sys.stderr)
            return 1
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        closeout.poll()
    print(run_id)
    return 0 if run_id else 1


if __name__ == "__main__":
    sys.exit(main())
