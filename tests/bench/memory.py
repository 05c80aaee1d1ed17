"""How much memory a Python program had at its peak: its own, not that of the programs that it starts."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from types import TracebackType

_POLL_S = 0.02
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


class PeakMemory:
    """Watches a process while the block runs. `bytes` is its peak; `processes` is how many it was seen to start.

    The kernel keeps the peak of a process (VmHWM, proc_pid_status(5)): polling loses only what is added in the last
    moments. Helpers that run the same program (workers of a Python program) are added to it; psql and pg_dump are not.
    The usage that wait4(2) reports would not do: it takes children in, and begins with the size of who started it.
    """

    def __init__(self, pid: int) -> None:
        """Prepare to watch `pid`."""
        self.bytes = 0
        self._pid = pid
        self._seen: set[int] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def processes(self) -> int:
        """How many processes below it were seen; one that lived less than some 20 ms may be missing."""
        return len(self._seen)

    def __enter__(self) -> PeakMemory:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        """Look again and again until the block ends."""
        program = _program(self._pid)
        while not self._stop.wait(_POLL_S):
            below = _below(self._pid)
            # Seen for the second time: one that was just forked still shares the memory of its parent.
            helpers = [pid for pid in below if pid in self._seen and _program(pid) == program]
            self._seen |= below
            self.bytes = max(self.bytes, sum(map(_peak, [self._pid, *helpers])))


def _peak(pid: int) -> int:
    """The peak of one process so far, in bytes; 0 once it is gone."""
    try:
        found = _PEAK.search(Path(f"/proc/{pid}/status").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(found.group(1)) * 1024 if found else 0


def _program(pid: int) -> str:
    """The path of the program that a process runs, "" once it is gone."""
    try:
        return str(Path(f"/proc/{pid}/exe").readlink())
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _below(pid: int) -> set[int]:
    """All processes below one."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = {int(word) for word in task.read_text().split()}
        except (FileNotFoundError, ProcessLookupError):
            continue
        found |= children
        for child in children:
            found |= _below(child)
    return found
