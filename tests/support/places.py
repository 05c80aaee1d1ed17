"""Where things are, and the two helpers that everything else here needs: a wait and a lock."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
DATA = ROOT / "tests" / "data"


def wait_until(condition: Callable[[], bool], timeout_s: float, what: str, poll_s: float = 0.05) -> None:
    """Return once `condition` holds; raise TimeoutError naming `what` after `timeout_s` seconds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s:.0f} s for {what}")
        time.sleep(poll_s)


def try_lock(path: Path) -> int | None:
    """Lock `path` for this process and return the descriptor that holds it, or None when somebody else has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@contextlib.contextmanager
def locked(path: Path, timeout_s: float = 300) -> Iterator[None]:
    """Hold the lock `path`, waiting for parallel runs up to `timeout_s` seconds."""
    descriptors: list[int] = []

    def taken() -> bool:
        """Whether the lock is ours now."""
        descriptor = try_lock(path)
        if descriptor is not None:
            descriptors.append(descriptor)
        return descriptor is not None

    wait_until(taken, timeout_s, f"the lock {path}", poll_s=0.2)
    try:
        yield
    finally:
        os.close(descriptors[0])
