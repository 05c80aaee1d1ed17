# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the module closeout_metrics: its arguments, its one call."""

from __future__ import annotations

import contextlib
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ._argspec import run_id_spec
from ._errors import CloseoutError
from ._history import path_below, read_back
from ._metrics import file_name, write
from ._module import run_module


def work(module: AnsibleModule) -> dict[str, Any]:
    """Write the metrics of the run's database."""
    directory, line = module.params["directory"], module.params["line"]
    if module.check_mode:
        return {"changed": True, "path": f"{directory}/{file_name(line)}"}
    return {"changed": True, "path": write(directory, line, _before(module.params["root"], line))}


def _before(root: str, line: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the other runs. A history that cannot be believed has no success: then the alarm is a true one."""
    with contextlib.suppress(CloseoutError):
        return [one for one in read_back(path_below(root)) if one.get("run_id") != line.get("run_id")]
    return []


def main() -> None:
    """Run the module."""
    spec = {
        **run_id_spec(),
        "directory": {"type": "path", "required": True},
        "root": {"type": "path", "required": True},
        "line": {"type": "dict", "required": True},
    }
    run_module(spec, work)
