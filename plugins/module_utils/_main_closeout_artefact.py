# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the module closeout_artefact: its arguments, its one call."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ._argspec import run_id_spec
from ._artefact import bring_to
from ._history_line import SAME
from ._module import run_module
from ._prune import prune
from ._retention import Rules


def work(module: AnsibleModule) -> dict[str, Any]:
    """Bring the directory into the state that was asked for."""
    given = module.params
    if given["state"] != "pruned":
        return bring_to(given, check=module.check_mode)
    rules = Rules(given["keep_last"], given["keep_days"], given["keep_failed"])
    return prune(given["path"], given["run_id"], rules, check=module.check_mode)


def main() -> None:
    """Run the module."""
    spec = {
        **run_id_spec(),
        "state": {"type": "str", "choices": ["begun", "confirmed", "recorded", "sealed", "pruned"], "required": True},
        "path": {"type": "path", "required": True},
        "kind": {"type": "str", "choices": ["closeout", "verification", "copy"], "default": "closeout"},
        "ttl_s": {"type": "int", "default": 0},
        "dump": {"type": "path", "default": ""},
        "lists": {"type": "dict", "default": {}},
        "evidence": {"type": "dict"},
        "record": {"type": "str"},
        "page": {"type": "str"},
        "known_sha256": {"type": "dict", "default": {}},
        "sign_key": {"type": "path", "default": "", "no_log": False},
        **{name: {"type": "str", "default": ""} for name in SAME},
        "keep_last": {"type": "int", "default": 0},
        "keep_days": {"type": "int", "default": 0},
        "keep_failed": {"type": "int"},
    }
    run_module(spec, work)
