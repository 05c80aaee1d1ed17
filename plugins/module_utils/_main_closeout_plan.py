# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the module closeout_plan: its arguments, its one call."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ._argspec import run_id_spec
from ._module import run_module
from ._plan import make_plan
from ._plan_elsewhere import plan_elsewhere


def work(module: AnsibleModule) -> dict[str, Any]:
    """Make the plan, or the part of one that is another host's."""
    given = module.params
    if given["elsewhere"]:
        return plan_elsewhere(given["settings"], given["elsewhere"], given["run_id"])
    return make_plan(given["settings"], given["password"], given["host"], given["webhook"])


def main() -> None:
    """Run the module."""
    spec = {
        "settings": {"type": "dict", "required": True},
        "password": {"type": "str", "default": "", "no_log": True},
        "host": {"type": "str", "default": ""},
        "webhook": {"type": "dict", "default": {}},
        "elsewhere": {"type": "dict", "default": {}},
        **run_id_spec(),
    }
    run_module(spec, work)
