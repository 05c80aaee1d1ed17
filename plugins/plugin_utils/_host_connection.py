# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a connection of an action to another host of the inventory than its task's.

A task has one connection. What goes from one host to another needs two, and this makes the second one as Ansible's task
executor makes the first one: its plugin, its become plugin, the options of both from the host's variables.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Mapping
from typing import Any

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.plugins.connection import ConnectionBase
from ansible.plugins.loader import become_loader, connection_loader

_UNREACHED = 255
"""What ssh itself ends with. Source: ssh(1)."""


def connection_to(action: ActionBase, variables: Mapping[str, Any]) -> ConnectionBase:
    """Return a connection of ``action`` to the host that has these ``variables``; close() it when done.

    Raises AnsibleError where the host names a plugin that is not there.
    """
    task, context = action._task, action._play_context.copy()
    name = str(variables.get("ansible_connection") or task.connection)
    context.connection = "ssh" if name == "smart" else name
    context.remote_addr = str(variables.get("ansible_host") or variables["inventory_hostname"])
    connection = connection_loader.get(context.connection, context)
    if connection is None:
        raise AnsibleError(
            f"The connection plugin {context.connection} of {variables['inventory_hostname']} is not there"
        )
    keys = {name: value for name, value in task.dump_attrs().items() if name != "retries"}
    keys["timeout"] = context.timeout
    if context.password:
        keys["password"] = context.password
    become = _become(task, variables)
    connection.set_become_plugin(become)
    connection.set_options(task_keys=keys, var_options=_options("connection", connection._load_name, variables))
    if become is not None:
        if context.become_pass:
            keys["become_pass"] = context.become_pass
        become.set_options(task_keys=keys, var_options=_options("become", become._load_name, variables))
        # Some connections still read these from there.
        context.set_become_plugin(become.name)
    return connection


def _become(task: Any, variables: Mapping[str, Any]) -> Any:
    if not boolean(variables.get("ansible_become", task.become) or False):
        return None
    method = str(variables.get("ansible_become_method") or task.become_method)
    plugin = become_loader.get(method)
    if plugin is None:
        raise AnsibleError(f"The become plugin {method} of {variables['inventory_hostname']} is not there")
    return plugin


def _options(kind: str, name: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of ``variables`` that the plugin reads."""
    return {one: variables[one] for one in C.config.get_plugin_vars(kind, name) if one in variables}


def execute(connection: ConnectionBase, script: str, data: bytes) -> bytes:
    """Execute ``script`` (for /bin/sh) there, as the user that its host becomes; return its standard output, as it is.

    ``data`` is its standard input; what is empty would be a terminal. Raises AnsibleConnectionFailure where the host is
    not reached, and AnsibleError with the script's words where it fails.
    """
    # Without it Ansible's local connection gives a command that asks for a password a terminal, and no input.
    with contextlib.suppress(KeyError):
        connection.set_option("pipelining", True)
    command = f"/bin/sh -c {shlex.quote(script)}"
    if _is_other_user(connection):
        command = connection.become.build_become_command(command, connection._shell)
    code, output, words = connection.exec_command(command, in_data=data or b"\n", sudoable=True)
    if code == 0:
        return bytes(output)
    said = " ".join(bytes(words).decode("utf-8", "replace").split())[-400:]
    if code == _UNREACHED and connection.transport == "ssh":
        raise AnsibleConnectionFailure(said)
    raise AnsibleError(said or f"return code {code}")


def _is_other_user(connection: ConnectionBase) -> bool:
    """Whether commands there are executed as another user than the one that logs in, as Ansible itself decides it."""
    if connection.become is None:
        return False
    other = connection.become.get_option("become_user")
    try:
        user = connection.get_option("remote_user")
    except KeyError:
        user = connection.default_user if hasattr(connection, "default_user") else None
    return bool(C.BECOME_ALLOW_SAME_USER) or other != user
