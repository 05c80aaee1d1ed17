# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the module pg_sysid_guard: its arguments, its one call."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ._argspec import connection_spec
from ._identity import assert_expected, read_identity
from ._module import run_module
from ._server import address_from, server_at


def work(module: AnsibleModule) -> dict[str, Any]:
    """Read the identity and, when asked, hold it against what is known."""
    server = server_at(address_from(module.params))
    with server.session() as session:
        identity = read_identity(server, session)
    if module.params["expect"]:
        assert_expected(identity, module.params["expect"], module.params["sysids"])
    return identity.as_facts()


def main() -> None:
    """Run the module."""
    spec = {
        **connection_spec(),
        "expect": {"type": "str", "choices": ["same", "different"]},
        "sysids": {"type": "list", "elements": "str", "default": []},
    }
    run_module(spec, work)
