# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the module pg_scratch_server: its arguments, its one call."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ._argspec import run_id_spec
from ._module import run_module
from ._scratch_lifecycle import make_absent, make_present, make_reaped


def work(module: AnsibleModule) -> dict[str, Any]:
    """Bring the scratch server into the state that was asked for."""
    states = {"present": make_present, "absent": make_absent, "reaped": make_reaped}
    return states[module.params["state"]](module.params, check=module.check_mode)


def main() -> None:
    """Run the module."""
    spec = {
        **run_id_spec(),
        "state": {"type": "str", "choices": ["present", "absent", "reaped"], "default": "present"},
        "driver": {"type": "str", "choices": ["docker", "local"], "default": "docker"},
        "name": {"type": "str", "default": ""},
        "image": {"type": "str", "default": ""},
        "globals": {"type": "path", "default": ""},
        "ttl_s": {"type": "int", "default": 7200},
        "storage": {"type": "str", "choices": ["volume", "tmpfs"], "default": "volume"},
        "memory_mb": {"type": "int", "default": 1024},
        "os_user": {"type": "str", "default": ""},
        "dump": {"type": "path", "default": ""},
        "root": {"type": "path", "default": ""},
        "docker_host": {"type": "str", "default": ""},
        "bin_dir": {"type": "path", "default": ""},
    }
    required = [("state", "present", ("run_id", "name", "globals")), ("state", "absent", ("run_id", "name"))]
    run_module(spec, work, required_if=required)
