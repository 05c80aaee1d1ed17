#!/usr/bin/python
# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What both roles begin with: nobody brought a result along."""

from __future__ import annotations

DOCUMENTATION = r"""
module: closeout_begin
short_description: Refuse extra vars that would take the place of a result
version_added: 1.0.0
description:
  - Fails where an extra var has the name of a variable that the role keeps for itself. Extra vars win over everything
    that a role sets or registers, so a result of that name would be the caller's own.
  - It is an action of the controller, and asks no target.
options:
  of:
    description: Whose variables are looked for, those of the role C(closeout) or those of the role C(verify).
    type: str
    choices: [closeout, verification]
    required: true
extends_documentation_fragment:
  - incomex.closeout.run
attributes:
  check_mode:
    details: It is the same then.
author:
  - The incomex.closeout authors (@incomex)
"""

EXAMPLES = r"""
- name: See that no extra var brings a result along
  incomex.closeout.closeout_begin:
    of: closeout
"""

RETURN = r""" # """

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.incomex.closeout.plugins.module_utils._argspec import begin_spec


def main() -> None:
    """Refuse: the action of this name does the work."""
    AnsibleModule(begin_spec(), supports_check_mode=True).fail_json(
        msg="closeout_begin works on the controller, by its action; it was called without that"
    )


if __name__ == "__main__":
    main()
