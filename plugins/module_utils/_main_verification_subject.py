# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the module verification_subject: its arguments, its one call."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ._argspec import run_id_spec
from ._artefact import VERIFICATION, assert_ours
from ._module import run_module
from ._subject import ReadRequest, look_at, read_again, read_subject


def work(module: AnsibleModule) -> dict[str, Any]:
    """Read the subject; in check mode only see that it is one."""
    given = module.params
    if module.check_mode:
        look_at(given["path"], given["age_identity_file"])
        return {}
    if given["state"] == "read_again":
        return read_again(given["path"], given["age_identity_file"])
    assert_ours(given["directory"], given["run_id"], VERIFICATION)
    request = ReadRequest(
        path=given["path"],
        directory=given["directory"],
        ttl_s=given["ttl_s"],
        sha256=given["sha256"],
        allowed_signers=given["allowed_signers"],
        signer=given["signer"],
        schema=given["schema"],
        expected_tables=tuple(given["expected_tables"]),
        sysids=tuple(given["sysids"]),
        age_identity_file=given["age_identity_file"],
    )
    return {"changed": True, **read_subject(request)}


def main() -> None:
    """Run the module."""
    spec = {
        **run_id_spec(),
        "state": {"type": "str", "choices": ["read", "read_again"], "default": "read"},
        "path": {"type": "path", "required": True},
        "directory": {"type": "path", "default": ""},
        "ttl_s": {"type": "int", "default": 7200},
        "sha256": {"type": "str", "default": ""},
        "allowed_signers": {"type": "path", "default": ""},
        "signer": {"type": "str", "default": ""},
        "schema": {"type": "str", "default": ""},
        "expected_tables": {"type": "list", "elements": "str", "default": []},
        "sysids": {"type": "list", "elements": "str", "default": []},
        "age_identity_file": {"type": "path", "default": ""},
    }
    run_module(spec, work, required_if=[("state", "read", ("run_id", "directory"))])
