# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action of all our modules: one payload for all of them, and a lease for those that take long.

Ansible makes a payload of a module and all that it imports when a play first uses it, most of it Ansible's own code.
Nine modules of ours are nine payloads; closeout_module is one for all of them. meta/runtime.yml says whose action this
is.

A module that takes long goes on on the target by itself and is asked for again and again. With each question its lease
is renewed; when ansible-playbook has been killed nobody asks any more, and the module stops by itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shlex
import time
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action.normal import ActionModule as Normal

from ..module_utils._lease import LEASE_S
from ..module_utils._progress import told
from ..module_utils._settings import PROGRESS_S
from ..plugin_utils._detached import CANNOT_START, ask, read_answer, remove, start

_PAYLOAD = "incomex.closeout.closeout_module"
_LONG = ("pg_dump_readonly", "pg_dump_inventory", "pg_scratch_restore", "pg_dump_compare", "verification_subject")
_LONG_STATES = ("confirmed", "sealed", "pruned")
"""Those of closeout_artefact that read files whole, or remove many."""
_LARGE = ("evidence", "record", "page", "lists")
_PAUSE_S = 1.0
# Python reads a program that it is given on its input byte by byte, a system call each: 700,000 for our payload.
_READ_WHOLE = "import sys; exec(sys.stdin.buffer.read())"


class ActionModule(Normal):
    """Ansible's own action with another payload, which it waits for in another way where that takes long."""

    _is_own = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the task's module."""
        self._controller = os.getppid()
        self._asked = 0
        self._pause_s = self._progress_pause_s(task_vars or {})
        self._told = time.monotonic()
        self._host = str((task_vars or {}).get("inventory_hostname", ""))
        try:
            result: dict[str, Any] = super().run(tmp, task_vars)
            # Only Ansible's own: what a target says of itself must not become a variable of the host.
            facts = result.pop("ansible_facts", None) or {}
            own = {name: value for name, value in facts.items() if name.startswith("discovered_interpreter_")}
            return {**result, "ansible_facts": own} if own else result
        finally:
            # The task goes back with its result, through a pipe. What does not fit into that would wait for ever for an
            # ansible-playbook that was killed meanwhile. One that may be tried again needs its arguments.
            if not (self._task.until or self._task.retries):
                self._task.args = {name: value for name, value in self._task.args.items() if name not in _LARGE}

    def _execute_module(self, module_name: str | None = None, *args: Any, **options: Any) -> dict[str, Any]:
        """Send the payload in the place of the task's module; another that Ansible needs on the way stays itself."""
        self._is_own = module_name in (None, self._task.action)
        try:
            name = _PAYLOAD if self._is_own else module_name
            result: dict[str, Any] = super()._execute_module(name, *args, **options)
            return result
        finally:
            self._is_own = False

    def _update_module_args(self, module_name: str, *args: Any, **options: Any) -> None:
        """Let the arguments carry the name of the task's module, as they do without us."""
        super()._update_module_args(self._task.action if module_name == _PAYLOAD else module_name, *args, **options)

    def _low_level_execute_command(
        self, cmd: str, sudoable: bool = True, in_data: bytes | None = None, **options: Any
    ) -> dict[str, Any]:
        """Execute a command on the target, as ever; a module that takes long goes on there without the connection."""
        # Before the module itself come commands that look for an interpreter, and ones for its temporary directory.
        interpreter = str(self._used_interpreter or "").lstrip("#!")
        is_module = bool(interpreter) and (in_data is not None or interpreter in cmd)
        if not self._is_own or not is_module:
            result: dict[str, Any] = super()._low_level_execute_command(cmd, sudoable, in_data, **options)
            return result
        self._is_own = False
        if in_data is not None and cmd.endswith(interpreter):
            cmd = f"{cmd} -c {shlex.quote(_READ_WHOLE)}"
        # Check mode is short; a task with `async` was asked to go on by itself.
        if not self._takes_long() or self._task.check_mode or self._task.async_val:
            return _never_silent(super()._low_level_execute_command(cmd, sudoable, in_data, **options))
        token = secrets.token_hex(8)
        directory = self._connection._shell.tmpdir
        payload = directory if directory and self._should_remove_tmp_path(directory) else ""
        script = start(token, cmd, has_input=in_data is not None, payload=payload)
        return self._awaited(token, script, sudoable, in_data, options)

    def _takes_long(self) -> bool:
        name = self._task.action.rpartition(".")[2]
        return name in _LONG or (name == "closeout_artefact" and self._task.args.get("state") in _LONG_STATES)

    def _awaited(
        self, token: str, script: str, sudoable: bool, in_data: bytes | None, options: dict[str, Any]
    ) -> dict[str, Any]:
        """Start, and ask until it has ended; return the result of the command as though it had been waited for."""
        answered = time.monotonic()
        lost: str | None = None
        while True:
            try:
                result: dict[str, Any] = super()._low_level_execute_command(script, sudoable, in_data, **options)
            except AnsibleConnectionFailure as error:
                # Whether a start came through is not known. A second one would be a second dump: so only ask.
                if self._asked == 0:
                    lost = error.message
                if time.monotonic() - answered > LEASE_S:
                    raise
                time.sleep(_PAUSE_S)
            else:
                answered = time.monotonic()
                answer = read_answer(result["stdout"])
                if answer is None:
                    return _refused(result)
                if answer.is_gone and lost is not None:
                    raise AnsibleConnectionFailure(lost)
                if answer.has_ended or answer.is_gone:
                    self._remove(token, sudoable)
                    return _never_silent({**result, "stdout": answer.stdout}, is_gone=answer.is_gone)
                lost = None
                self._tell(answer.stdout)
            if os.getppid() != self._controller:
                raise AnsibleError("ansible-playbook is gone: its module stops by itself")
            self._asked += 1
            script, in_data = ask(token, self._asked), None

    def _progress_pause_s(self, task_vars: dict[str, Any]) -> int:
        """Return how often to tell how far a module has come, 0 for never; what is wrong with it the plan says."""
        given = str(self._templar.template(task_vars.get("closeout_progress_s", PROGRESS_S))).strip()
        return int(given) if given.isdecimal() else PROGRESS_S

    def _tell(self, progress: str) -> None:
        """Tell it, if it is time to."""
        if not self._pause_s or time.monotonic() - self._told < self._pause_s:
            return
        # Half a line, or none yet: the next answer has it.
        with contextlib.suppress(ValueError, KeyError, TypeError):
            line = told(json.loads(progress))
            self._display.display(f"[{self._host}] {line}")
            self._told = time.monotonic()

    def _remove(self, token: str, sudoable: bool) -> None:
        # The result is here; should this not come through, the reaper of the next run removes what is left.
        with contextlib.suppress(AnsibleConnectionFailure):
            super()._low_level_execute_command(remove(token), sudoable)


def _refused(result: dict[str, Any]) -> dict[str, Any]:
    """Return the result of a script that could not start the module, with its own words as the module's message."""
    if result.get("rc") != CANNOT_START:
        return result
    said = " ".join(f"{result.get('stdout') or ''} {result.get('stderr') or ''}".split())
    stdout = json.dumps({"failed": True, "msg": f"The module could not be started on the target: {said}"})
    return {**result, "stdout": stdout, "stdout_lines": [stdout], "stderr": "", "stderr_lines": []}


def _never_silent(result: dict[str, Any], *, is_gone: bool = False) -> dict[str, Any]:
    """Return the result of a module's command; where the module was killed it has said nothing: so say that for it."""
    stdout, code = str(result.get("stdout") or ""), int(result.get("rc") or 0)
    if not stdout.strip() and (is_gone or code < 0 or code > 128):
        code_told = "unknown" if is_gone else code
        message = (
            f"The module was killed on the target (return code {code_told}) and left no result. What it began is"
            " removed by the next closeout, or by the playbook incomex.closeout.reap. Run the closeout again."
        )
        # A shell may have said that it was killed, and of what.
        said = " ".join(str(result.get("stderr") or "").split())[-200:]
        stdout = json.dumps({"failed": True, "msg": f"{message} {said}".strip()})
    return {**result, "stdout": stdout, "stdout_lines": stdout.splitlines()}
