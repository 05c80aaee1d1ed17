#!/usr/bin/python
# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of one host, copied to another one."""

from __future__ import annotations

DOCUMENTATION = r"""
module: closeout_copy
short_description: Copy files between the task's host and another one, hashed on both sides
version_added: 1.0.0
description:
  - Takes a dump and what belongs to it to the host where its restore is tested, and brings the report of that back.
  - The controller reads pieces from one host and writes them to the other, over the connections that Ansible has to
    them. Neither host needs to reach the other, and nothing lies on the controller's disk.
  - Each file is hashed on its way, and by the host where it has arrived. Anything else than the same fails.
  - It is an action of the controller. On the target it needs a shell and the GNU coreutils.
options:
  host:
    description: Name of the other host, in the inventory.
    type: str
    required: true
  state:
    description: V(lent) copies from the task's host to O(host), V(fetched) from there.
    type: str
    choices: [lent, fetched]
    required: true
  paths:
    description:
      - The absolute path of each file, or directory of files, and where it goes. What is there is overwritten;
        directories on the way must be there. With O(state=fetched) a file that is not there is left out.
    type: dict
    required: true
extends_documentation_fragment:
  - incomex.closeout.run
attributes:
  check_mode:
    details: Nothing is read then.
author:
  - The incomex.closeout authors (@incomex)
"""

EXAMPLES = r"""
- name: Copy a dump to another host
  incomex.closeout.closeout_copy:
    host: restore.example.org
    state: lent
    paths:
      /opt/incomex/backups/manual/directus.sql: /var/tmp/directus.sql
"""

RETURN = r"""
files:
  description: How many files were copied.
  returned: success
  type: int
  sample: 4
size_bytes:
  description: How large they are together.
  returned: success
  type: int
  sample: 655360000
took:
  description: When it began, by the controller's clock, and how many seconds it took.
  returned: success
  type: dict
  sample: {"started_utc": "2026-05-16T10:47:01.000001Z", "duration_s": 11.5}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.incomex.closeout.plugins.module_utils._argspec import copy_spec


def main() -> None:
    """Refuse: the action of this name does the work."""
    AnsibleModule(copy_spec(), supports_check_mode=True).fail_json(
        msg="closeout_copy works on the controller, by its action; it was called without that"
    )


if __name__ == "__main__":
    main()
