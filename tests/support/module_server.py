"""Runs modules, each in a process of its own that need not import first what every module imports: most of its time.

A program: a request is a line of JSON on its standard input, the module's return code a line on its standard output. It
ends with its input. Nothing of the tests is imported here: what modules are forked from must be as clean as a new
interpreter.
"""

from __future__ import annotations

import atexit
import faulthandler
import importlib
import io
import json
import os
import runpy
import select
import signal
import sys
import time
import traceback
from typing import Any, NoReturn

from ansible.module_utils.testing import patch_module_args

_MAIN = "ansible_collections.incomex.closeout.plugins.module_utils._main_"
# Their documentation lies in plugins/modules, which each process reads anew, as __main__.
_PRELOADED = (
    "cg_table_audit",
    "closeout_artefact",
    "closeout_plan",
    "pg_dump_compare",
    "pg_dump_readonly",
    "pg_scratch_restore",
    "pg_scratch_server",
    "pg_sysid_guard",
    "pg_witness_info",
)
TIMED_OUT = "timed out"
_SAYING_S = 1.0


def serve() -> None:
    """Answer requests until there are no more."""
    for name in _PRELOADED:
        importlib.import_module(_MAIN + name)
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = _module(**request["module"])
            finally:
                _leave(code)
        print(json.dumps(_end_of(child, request["timeout_s"])), flush=True)


def _end_of(child: int, timeout_s: float) -> int | str:
    descriptor = os.pidfd_open(child)
    in_time = select.select([descriptor], [], [], timeout_s)[0]
    os.close(descriptor)
    if not in_time:
        # It says what all of its threads are at.
        os.kill(child, signal.SIGUSR1)
        time.sleep(_SAYING_S)
        os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if in_time else TIMED_OUT


def _module(name: str, arguments: dict[str, Any], environment: dict[str, str], stdout: str, stderr: str) -> int:
    """Be a process that was started for this module alone; return its return code."""
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    for number, path in ((0, os.devnull), (1, stdout), (2, stderr)):
        descriptor = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_APPEND)
        os.dup2(descriptor, number)
        os.close(descriptor)
    faulthandler.register(signal.SIGUSR1, file=2)
    sys.stdin = io.StringIO()
    sys.argv = [name]
    code: Any = 0
    try:
        with patch_module_args(arguments):
            runpy.run_module(name, run_name="__main__", alter_sys=True)
    except SystemExit as error:
        code = error.code
    return code if isinstance(code, int) else 0 if code is None else 1


def _leave(code: int) -> NoReturn:
    """End this process as an interpreter ends: an error is told, and what was registered for the end is done.

    Whatever happened in it, it never goes on as a second server.
    """
    try:
        if sys.exc_info()[0] is not None:
            traceback.print_exc()
        # They remove a module's temporary directory.
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    serve()
