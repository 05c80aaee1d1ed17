# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action of all our modules: each goes to the target in one and the same payload.

Ansible makes a payload of a module and all that it imports when a play first uses it, most of it Ansible's own code.
Nine modules of ours are nine payloads; closeout_module is one for all of them. meta/runtime.yml says whose action this
is. But for the payload it is Ansible's own.
"""

from __future__ import annotations

from typing import Any

from ansible.plugins.action.normal import ActionModule as Normal

_PAYLOAD = "incomex.closeout.closeout_module"


class ActionModule(Normal):
    """Ansible's own action with another payload."""

    def _execute_module(self, module_name: str | None = None, *args: Any, **options: Any) -> dict[str, Any]:
        """Send the payload in the place of the task's module; another that Ansible needs on the way stays itself."""
        name = _PAYLOAD if module_name in (None, self._task.action) else module_name
        result: dict[str, Any] = super()._execute_module(name, *args, **options)
        return result

    def _update_module_args(self, module_name: str, *args: Any, **options: Any) -> None:
        """Let the arguments carry the name of the task's module, as they do without us."""
        super()._update_module_args(self._task.action if module_name == _PAYLOAD else module_name, *args, **options)
