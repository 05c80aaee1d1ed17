# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the module verification_plan: its arguments, its one call."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ._module import run_module
from ._verification_plan import make_plan


def work(module: AnsibleModule) -> dict[str, Any]:
    """Make the plan."""
    return make_plan(module.params["settings"])


def main() -> None:
    """Run the module."""
    run_module({"settings": {"type": "dict", "required": True}}, work)
