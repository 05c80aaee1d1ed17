# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the module closeout_notify: its arguments, its one call."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ._module import run_module
from ._webhook import look_at, tell


def work(module: AnsibleModule) -> dict[str, Any]:
    """Tell the webhook."""
    url, token = module.params["url"], module.params["token"]
    if module.check_mode:
        return {"changed": True, "to": look_at(url, token)["to"]}
    return {"changed": True, **tell(url, token, module.params["payload"], module.params["timeout_s"])}


def main() -> None:
    """Run the module."""
    spec = {
        # The path of a webhook's URL is often its secret.
        "url": {"type": "str", "required": True, "no_log": True},
        "token": {"type": "str", "default": "", "no_log": True},
        "payload": {"type": "dict", "required": True},
        "timeout_s": {"type": "int", "default": 10},
    }
    run_module(spec, work)
