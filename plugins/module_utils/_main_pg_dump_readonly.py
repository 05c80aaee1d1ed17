# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the module pg_dump_readonly: its arguments, its one call."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ._argspec import connection_spec, transport_spec
from ._dump import DumpRequest, check_dump, take_dump
from ._formats import Format
from ._module import run_module
from ._server import address_from, server_at


def work(module: AnsibleModule) -> dict[str, Any]:
    """Take the dump; in check mode only see that it could be taken."""
    server = server_at(address_from(module.params))
    names = (
        "directory",
        "name",
        "schema",
        "expected_tables",
        "content",
        "transport",
        "age_recipients",
        "age_identity_file",
    )
    request = DumpRequest(
        **{name: module.params[name] for name in names},
        format=Format(*(module.params[name] for name in ("format", "compression", "compression_level", "jobs"))),
        max_blocking_s=module.params["max_blocking_s"],
        limit_bytes_per_s=module.params["bandwidth_limit_mb_s"] * 1_000_000,
    )
    if module.check_mode:
        return {"changed": True, **check_dump(server, request)}
    return {"changed": True, **take_dump(server, request)}


def main() -> None:
    """Run the module."""
    spec = {
        **connection_spec(),
        **transport_spec(),
        "max_blocking_s": {"type": "int", "default": 20},
        "bandwidth_limit_mb_s": {"type": "int", "default": 0},
        "format": {"type": "str", "choices": ["plain", "custom", "directory"], "default": "plain"},
        "jobs": {"type": "int", "default": 1},
        "compression": {"type": "str", "choices": ["none", "gzip", "zstd", "lz4"], "default": "none"},
        "compression_level": {"type": "int", "default": 0},
        "age_recipients": {"type": "list", "elements": "str", "default": []},
        "age_identity_file": {"type": "path", "default": ""},
        "directory": {"type": "path", "required": True},
        "name": {"type": "str", "required": True},
        "schema": {"type": "str", "required": True},
        "expected_tables": {"type": "list", "elements": "str", "default": []},
        "content": {"type": "str", "choices": ["audited", "all", "none"], "default": "audited"},
    }
    run_module(spec, work)
