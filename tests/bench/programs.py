"""A program, run to its end and timed from outside."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.bench.errors import BenchError

TIMEOUT_S = 3600.0
# What makes programs of PostgreSQL read the dump or the server otherwise must not come from outside.
_CLEAN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


def run(
    command: Sequence[str | Path],
    *,
    stdin: Path | None = None,
    stdout: Path | None = None,
    fsync: bool = False,
    env: Mapping[str, str] | None = None,
) -> float:
    """Run a program, files as its input and output; the seconds it took. BenchError when it fails.

    With `fsync` the clock stops when the output is on the disk.
    """
    words = list(map(str, command))
    with open(stdin or os.devnull, "rb") as source, open(stdout or os.devnull, "wb") as target:
        started = time.monotonic()
        done = subprocess.run(
            words, stdin=source, stdout=target, stderr=subprocess.PIPE, env={**_CLEAN, **(env or {})},
            timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
        if fsync:
            os.fsync(target.fileno())
        seconds = time.monotonic() - started
    if done.returncode != 0:
        raise BenchError(f"{words[0]} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    return seconds


def run_from_pipe(path: Path, command: Sequence[str | Path]) -> float:
    """`cat path | command`; the seconds it took. BenchError when the command fails."""
    words = list(map(str, command))
    started = time.monotonic()
    with subprocess.Popen(["cat", "--", str(path)], stdout=subprocess.PIPE, env=_CLEAN) as cat:
        done = subprocess.run(
            words, stdin=cat.stdout, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=_CLEAN,
            timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
    seconds = time.monotonic() - started
    if done.returncode != 0:
        raise BenchError(f"{words[0]} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    return seconds
