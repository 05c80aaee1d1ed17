# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the module cg_table_audit: its arguments, its one call."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ._argspec import connection_spec
from ._audit import audit_live, match, mismatch
from ._module import run_module
from ._server import address_from, server_at


def work(module: AnsibleModule) -> dict[str, Any]:
    """Read the tables from where they are and compare them."""
    schema, expected = module.params["schema"], module.params["expected_tables"]
    if module.params["dump"] or module.params["manifest"]:
        facts = _of_file(module.params)
    else:
        facts = audit_live(server_at(address_from(module.params)), schema)
    facts.update(match(facts["tables"], expected))
    if not facts["matches"] and module.params["on_mismatch"] == "fail":
        raise mismatch(facts["source"], schema, facts, expected)
    return facts


def _of_file(parameters: dict[str, Any]) -> dict[str, Any]:
    # Here, because the audit of a database needs nothing of what reads a dump: half of all that would be compiled.
    from ._audit_dump import audit_dump, audit_manifest

    if parameters["dump"]:
        identity_file, run_id = parameters["age_identity_file"], parameters["run_id"]
        return audit_dump(parameters["dump"], parameters["schema"], identity_file=identity_file, run_id=run_id)
    return audit_manifest(parameters["manifest"], parameters["manifest_sha256"], parameters["schema"])


def main() -> None:
    """Run the module."""
    spec = {
        **connection_spec(),
        "schema": {"type": "str", "default": "cutter_governance"},
        "expected_tables": {"type": "list", "elements": "str", "default": []},
        "dump": {"type": "path"},
        "age_identity_file": {"type": "path", "default": ""},
        "manifest": {"type": "path"},
        "manifest_sha256": {"type": "str", "default": ""},
        "on_mismatch": {"type": "str", "choices": ["fail", "report"], "default": "fail"},
    }
    run_module(spec, work, mutually_exclusive=[("dump", "manifest")])
