"""Servers that run modules (module_server.py): as many as there are runs at the same time, kept for the next ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from tests.support.module_server import TIMED_OUT

_PROGRAM = Path(__file__).with_name("module_server.py")
_idle: list[subprocess.Popen[str]] = []
_lock = threading.Lock()


def run(name: str, arguments: Mapping[str, Any], timeout_s: float) -> tuple[int, str, str]:
    """Run the module of that full name; return its return code, stdout and stderr.

    AssertionError with what its threads were at where it took longer than ``timeout_s``.
    """
    with _lock:
        server = _idle.pop() if _idle else None
    server = server or _started()
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        paths = [f"/proc/{os.getpid()}/fd/{file.fileno()}" for file in (stdout, stderr)]
        module = {
            "name": name,
            "arguments": dict(arguments),
            "environment": dict(os.environ),
            "stdout": paths[0],
            "stderr": paths[1],
        }
        assert server.stdin is not None and server.stdout is not None
        server.stdin.write(json.dumps({"module": module, "timeout_s": timeout_s}) + "\n")
        server.stdin.flush()
        code = json.loads(server.stdout.readline())
        with _lock:
            _idle.append(server)
        assert code != TIMED_OUT, f"{name} took longer than {timeout_s} s: {_content(stderr)}"
        return code, _content(stdout), _content(stderr)


def end() -> None:
    """End those that are idle."""
    with _lock:
        while _idle:
            _idle.pop().communicate()


def _started() -> subprocess.Popen[str]:
    # It ends when its input does: with this process, whatever becomes of that.
    return subprocess.Popen(
        # Without -P what lies beside the program would be imported for libraries of the same name.
        [sys.executable, "-P", str(_PROGRAM)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
    )


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "surrogateescape")
