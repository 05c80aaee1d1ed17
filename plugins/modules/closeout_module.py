#!/usr/bin/python
# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All modules of the collection."""

from __future__ import annotations

DOCUMENTATION = r"""
module: closeout_module
short_description: Carry the other modules of this collection to the target
version_added: 1.0.0
description:
  - Not for a task of its own, where it fails. The action of this collection's modules sends it in the place of each of
    them, and it runs the one that the task names, with the task's arguments.
  - Ansible makes the payload of a module when a play first uses it. Of nine modules it makes one instead of nine, which
    saves two seconds of a closeout.
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and tell what it would do without doing it.
    support: full
    details: As the module that it runs.
author:
  - The incomex.closeout authors (@incomex)
"""

EXAMPLES = r"""
- name: Take a witness, with a payload that holds all modules
  incomex.closeout.pg_witness_info:
    container: postgres
    login_user: workflow_admin
    login_db: directus
    schema: cutter_governance
"""

RETURN = r"""
# What the module that it runs returns.
"""

from collections.abc import Callable

from ansible.module_utils.basic import AnsibleModule, _load_params
from ansible_collections.incomex.closeout.plugins.module_utils._payload_import import compile_once


def main_of(name: str) -> Callable[[], None] | None:
    """Return the module ``name``, or None. Only that one is imported: Python compiles what it imports each time."""
    if name == "cg_table_audit":
        from ansible_collections.incomex.closeout.plugins.module_utils._main_cg_table_audit import main
    elif name == "closeout_artefact":
        from ansible_collections.incomex.closeout.plugins.module_utils._main_closeout_artefact import main
    elif name == "closeout_history":
        from ansible_collections.incomex.closeout.plugins.module_utils._main_closeout_history import main
    elif name == "closeout_metrics":
        from ansible_collections.incomex.closeout.plugins.module_utils._main_closeout_metrics import main
    elif name == "closeout_notify":
        from ansible_collections.incomex.closeout.plugins.module_utils._main_closeout_notify import main
    elif name == "closeout_plan":
        from ansible_collections.incomex.closeout.plugins.module_utils._main_closeout_plan import main
    elif name == "pg_dump_compare":
        from ansible_collections.incomex.closeout.plugins.module_utils._main_pg_dump_compare import main
    elif name == "pg_dump_inventory":
        from ansible_collections.incomex.closeout.plugins.module_utils._main_pg_dump_inventory import main
    elif name == "pg_dump_readonly":
        from ansible_collections.incomex.closeout.plugins.module_utils._main_pg_dump_readonly import main
    elif name == "pg_scratch_restore":
        from ansible_collections.incomex.closeout.plugins.module_utils._main_pg_scratch_restore import main
    elif name == "pg_scratch_server":
        from ansible_collections.incomex.closeout.plugins.module_utils._main_pg_scratch_server import main
    elif name == "pg_sysid_guard":
        from ansible_collections.incomex.closeout.plugins.module_utils._main_pg_sysid_guard import main
    elif name == "pg_witness_info":
        from ansible_collections.incomex.closeout.plugins.module_utils._main_pg_witness_info import main
    elif name == "verification_plan":
        from ansible_collections.incomex.closeout.plugins.module_utils._main_verification_plan import main
    elif name == "verification_subject":
        from ansible_collections.incomex.closeout.plugins.module_utils._main_verification_subject import main
    else:
        return None
    return main


def main() -> None:
    """Run the module that the task names."""
    compile_once()
    # There are none where the documentation is checked.
    parameters = _load_params() or {}
    name = str(parameters.get("_ansible_module_name") or "").rpartition(".")[2]
    chosen = main_of(name)
    if chosen is None:
        AnsibleModule({}, supports_check_mode=True).fail_json(
            msg="closeout_module is not for a task of its own: use the module that it would run"
        )
    else:
        chosen()


if __name__ == "__main__":
    main()
