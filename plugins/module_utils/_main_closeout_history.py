# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the module closeout_history: its arguments, its one call."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ._argspec import run_id_spec
from ._errors import CloseoutError
from ._history import SCHEMA, add, assert_usable, path_below, read_back
from ._history_line import SAME, trend_of
from ._module import run_module


def work(module: AnsibleModule) -> dict[str, Any]:
    """Read the history, or add the run's line to it."""
    path, run_id = path_below(module.params["root"]), module.params["run_id"]
    if module.params["state"] == "read":
        identity = {name: module.params[name] for name in SAME}
        return {"trend": {"history": path, **trend_of(read_back(path), identity, run_id)}}
    line = module.params["line"]
    if not run_id or line.get("run_id") != run_id or line.get("schema") != SCHEMA:
        raise CloseoutError(
            "A line of the history belongs to a run",
            wanted=f"the line of run {run_id or '(none was given)'}, schema {SCHEMA}",
            found=f"one of run {line.get('run_id')}, schema {line.get('schema')}",
            do="pass what the filter closeout_history_line returned, and its run_id",
        )
    if module.check_mode:
        assert_usable(path)
        return {"changed": True, "history": path}
    return {"changed": add(path, line), "history": path}


def main() -> None:
    """Run the module."""
    spec = {
        **run_id_spec(),
        "state": {"type": "str", "choices": ["read", "added"], "required": True},
        "root": {"type": "path", "required": True},
        **{name: {"type": "str", "default": ""} for name in SAME},
        "line": {"type": "dict"},
    }
    run_module(spec, work, required_if=[("state", "added", ["line"]), ("state", "read", list(SAME))])
