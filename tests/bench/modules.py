"""One module, of our collection or of another, as a process of its own: how long it took, how much memory it had."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.bench.errors import BenchError
from tests.bench.memory import PeakMemory
from tests.bench.programs import TIMEOUT_S
from tests.support import session

OURS = "incomex.closeout."
# ansible.module_utils.testing is ansible-core's own way (2.18+) to hand arguments to a module.
_LAUNCH = """
import json, runpy, sys
from ansible.module_utils.testing import patch_module_args
name, arguments = sys.argv.pop(1), json.load(sys.stdin)
with patch_module_args(arguments):
    runpy.run_module(name, run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True)
class ModuleRun:
    """What a module took and gave: seconds from its start to its end, peak memory, processes started, its result."""

    seconds: float
    peak_bytes: int
    processes: int
    data: dict[str, Any]


def run(name: str, args: Mapping[str, Any], *, env: Mapping[str, str] | None = None) -> ModuleRun:
    """Run a module by its full name (`namespace.collection.module`). BenchError when it fails."""
    namespace, collection, module = name.split(".")
    path = f"ansible_collections.{namespace}.{collection}.plugins.modules.{module}"
    arguments = json.dumps({**args, "_ansible_remote_tmp": str(session.TMP)})
    started = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-c", _LAUNCH, path],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, cwd="/", env={**os.environ, **(env or {})}, start_new_session=True,
    ) as process, PeakMemory(process.pid) as peak:  # fmt: skip
        try:
            stdout, stderr = process.communicate(arguments, timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.terminate()
            raise
        seconds = time.monotonic() - started
    try:
        data = json.loads(stdout.strip().splitlines()[-1])
    except (IndexError, json.JSONDecodeError) as error:
        raise BenchError(f"{name} gave no result (return code {process.returncode}): {stderr[-2000:]}") from error
    if process.returncode != 0 or data.get("failed"):
        raise BenchError(f"{name} failed: {data.get('msg')}")
    return ModuleRun(seconds, peak.bytes, peak.processes, data)
