"""A playbook, timed from its start to its end and task by task."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.errors import BenchError
from tests.bench.programs import TIMEOUT_S
from tests.support import playbook, session

_CALLBACKS = Path(__file__).parent / "callbacks"


@dataclass(frozen=True)
class PlaybookRun:
    """Seconds from start to end; the tasks in order (name, action, seconds); closeout.json, where one was written."""

    seconds: float
    tasks: list[dict[str, Any]]
    evidence: dict[str, Any]


def run(
    variables: Mapping[str, Any], name: str = playbook.CLOSEOUT, env: Mapping[str, str] | None = None
) -> PlaybookRun:
    """Run a playbook on this host. BenchError when it fails."""
    with tempfile.TemporaryDirectory(prefix="times", dir=session.TMP) as directory:
        times = Path(directory) / "times.json"
        own = {
            **playbook.AS_USERS_HAVE_IT,
            "ANSIBLE_CALLBACK_PLUGINS": str(_CALLBACKS),
            "ANSIBLE_CALLBACKS_ENABLED": "bench_times",
            "BENCH_TIMES": str(times),
        }
        started = time.monotonic()
        done = playbook.run_playbook(variables, playbook=name, env={**own, **(env or {})}, timeout_s=TIMEOUT_S)
        seconds = time.monotonic() - started
        if done.rc != 0:
            raise BenchError(f"{name} ended with {done.rc}: {done.stdout[-3000:]}")
        return PlaybookRun(seconds, json.loads(times.read_text()), done.evidence or {})


def path_with(directory: Path) -> str:
    """PATH with the programs of `directory` before all others."""
    return f"{directory}:{playbook.BIN}:{os.environ['PATH']}"
