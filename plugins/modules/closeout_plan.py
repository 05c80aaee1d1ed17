#!/usr/bin/python
# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: closeout_plan
short_description: Plan a closeout and look for everything that would stop it
version_added: 0.1.0
description:
  - Makes the run's ID and moment, on the target's clock, and turns the role's variables into effective settings.
  - Looks for everything in the way of the run and reports all of it at once; it does not fail for it.
  - Leaves no trace, in check mode or not.
options:
  settings:
    description: The variables of the role without their prefix, as a person or a survey gave them.
    type: dict
    required: true
  password:
    description: The password, where it is not in a password file.
    type: str
    default: ""
attributes:
  check_mode:
    description: Can run in C(check_mode) and tell what it would do without doing it.
    support: full
requirements:
  - psycopg2 >= 2.8
  - docker >= 5.0 (with a container)
author:
  - The incomex.closeout authors (@incomex)
"""

EXAMPLES = r"""
- name: See what is in the way of a closeout
  incomex.closeout.closeout_plan:
    settings:
      container: postgres
      user: workflow_admin
      db: directus
      root: /opt/incomex/backups
  register: plan
"""

RETURN = r"""
run_id:
  description: ID of the run.
  returned: always
  type: str
  sample: 4f0c7a91b2d3
stamp:
  description: Moment of the run, as file names have it.
  returned: always
  type: str
  sample: 20260516T104634Z
settings:
  description: The effective settings.
  returned: always
  type: dict
  sample: {"container": "postgres", "artefact": "/opt/incomex/backups/closeout_20260516T104634Z"}
problems:
  description: What is in the way, each with id, object, wanted, found and what to do.
  returned: always
  type: list
  elements: dict
  sample: []
notes:
  description: What is worth knowing and in nobody's way.
  returned: always
  type: list
  elements: str
  sample: []
ready:
  description: Whether there is no problem.
  returned: always
  type: bool
  sample: true
"""

from ansible_collections.incomex.closeout.plugins.module_utils._main_closeout_plan import main

if __name__ == "__main__":
    main()
