"""One module of the collection as a process of its own, as Ansible runs it but without ansible-playbook's seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support import module_servers, session

# ansible.module_utils.testing is ansible-core's own way (2.18+) to hand arguments to a module.
_LAUNCH = """
import json, runpy, sys
from ansible.module_utils.testing import patch_module_args
name, arguments = sys.argv.pop(1), json.load(sys.stdin)
with patch_module_args(arguments):
    runpy.run_module(name, run_name="__main__", alter_sys=True)
"""
PREFIX = "ansible_collections.incomex.closeout.plugins.modules."


@dataclass(frozen=True)
class ModuleResult:
    """What a module ended with: return code, its JSON result, its stderr."""

    rc: int
    data: dict[str, Any]
    stderr: str

    @property
    def failed(self) -> bool:
        """Whether the module called fail_json."""
        return bool(self.data.get("failed"))

    @property
    def msg(self) -> str:
        """The module's message, "" when it gave none."""
        return str(self.data.get("msg", ""))


def _arguments(args: Mapping[str, Any], *, check: bool, diff: bool) -> dict[str, Any]:
    return {**args, "_ansible_check_mode": check, "_ansible_diff": diff, "_ansible_remote_tmp": str(session.TMP)}


def start_module(
    name: str,
    args: Mapping[str, Any],
    *,
    check: bool = False,
    diff: bool = False,
    python: str = sys.executable,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[str]:
    """Start a module (short name) and hand it its arguments; for tests that kill it. `finish` reads the result."""
    arguments = _arguments(args, check=check, diff=diff)
    process = subprocess.Popen(
        [python, "-c", _LAUNCH, PREFIX + name],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, cwd="/", env={**os.environ, **(env or {})}, start_new_session=True,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(json.dumps(arguments))
    process.stdin.close()
    process.stdin = None  # communicate() would write to it
    return process


def finish(process: subprocess.Popen[str], timeout_s: float = 120) -> ModuleResult:
    """Wait for a started module; TimeoutExpired (after killing it) when it takes longer than `timeout_s`."""
    try:
        stdout, stderr = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return _result(process.returncode, stdout, stderr)


def _result(code: int, stdout: str, stderr: str) -> ModuleResult:
    try:
        data = json.loads(stdout.strip().splitlines()[-1])
    except (IndexError, json.JSONDecodeError) as error:
        raise AssertionError(f"no result (rc {code})\nstdout: {stdout}\nstderr: {stderr}") from error
    return ModuleResult(code, data, stderr)


def run_module(
    name: str,
    args: Mapping[str, Any],
    check: bool = False,
    python: str = sys.executable,
    env: Mapping[str, str] | None = None,
    *,
    diff: bool = False,
    timeout_s: float = 120,
) -> ModuleResult:
    """Run a module (short name) to its end; AssertionError when it printed no JSON result (but a traceback)."""
    if python == sys.executable and env is None:
        return _result(*module_servers.run(PREFIX + name, _arguments(args, check=check, diff=diff), timeout_s))
    return finish(start_module(name, args, check=check, diff=diff, python=python, env=env), timeout_s)
