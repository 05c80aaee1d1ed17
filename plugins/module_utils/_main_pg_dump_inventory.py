# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the module pg_dump_inventory: its arguments, its one call."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ._argspec import run_id_spec
from ._dumpdigest import assert_dump
from ._inventory import InventoryRequest, take_inventory
from ._module import run_module
from ._scratch_lifecycle import existing
from ._server import server_at


def work(module: AnsibleModule) -> dict[str, Any]:
    """Take the inventory; in check mode only see that scratch server and dump are there."""
    scratch = existing(module.params)
    names = (
        "path",
        "manifest",
        "manifest_sha256",
        "globals",
        "schema",
        "expected_tables",
        "standby",
        "run_id",
        "age_identity_file",
    )
    request = InventoryRequest(**{name: module.params[name] for name in names})
    assert_dump(request.path)
    if module.check_mode:
        return {}
    return {"changed": not request.manifest_sha256, **take_inventory(server_at(scratch.address), request)}


def main() -> None:
    """Run the module."""
    spec = {
        **run_id_spec(),
        "driver": {"type": "str", "choices": ["docker", "local"], "default": "docker"},
        "name": {"type": "str", "required": True},
        "path": {"type": "path", "required": True},
        "manifest": {"type": "path", "required": True},
        "manifest_sha256": {"type": "str", "default": ""},
        "globals": {"type": "path", "required": True},
        "schema": {"type": "str", "default": ""},
        "expected_tables": {"type": "list", "elements": "str", "default": []},
        "standby": {"type": "bool", "default": False},
        "age_identity_file": {"type": "path", "default": ""},
        "docker_host": {"type": "str", "default": ""},
        "bin_dir": {"type": "path", "default": ""},
    }
    run_module(spec, work)
