# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the module pg_witness_info: its arguments, its one call."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ._argspec import connection_spec
from ._module import run_module
from ._server import address_from, server_at
from ._witness import take_witness


def work(module: AnsibleModule) -> dict[str, Any]:
    """Take the witness."""
    server = server_at(address_from(module.params))
    return take_witness(server, module.params["schema"], module.params["docker_host"])


def main() -> None:
    """Run the module."""
    run_module({**connection_spec(), "schema": {"type": "str", "required": True}}, work)
