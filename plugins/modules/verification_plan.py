#!/usr/bin/python
# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a verification."""

from __future__ import annotations

DOCUMENTATION = r"""
module: verification_plan
short_description: Plan the verification of an artefact or a dump, and look for everything that would stop it
version_added: 1.0.0
description:
  - Makes the run's ID and moment, on the target's clock, and turns the variables of the role C(verify)
    into effective settings.
  - Looks at what is to be verified, and at the scratch server that it would be restored into, and reports all problems
    at once; it does not fail for them. Production is not asked, and need not be there.
  - Leaves no trace, in check mode or not.
options:
  settings:
    description: The variables of the role without their prefix, as a person or a survey gave them.
    type: dict
    required: true
attributes:
  check_mode:
    description: Can run in C(check_mode) and tell what it would do without doing it.
    support: full
requirements:
  - docker >= 5.0 (with the scratch driver C(docker))
author:
  - The incomex.closeout authors (@incomex)
"""

EXAMPLES = r"""
- name: See what is in the way of a verification
  incomex.closeout.verification_plan:
    settings:
      verify_path: /mnt/vault/closeout_20260516T104634Z
      root: /opt/incomex/backups
      scratch_driver: local
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
  sample: 20270516T104634Z
settings:
  description: The effective settings; C(record) is the directory that the run would make.
  returned: always
  type: dict
  sample: {"verify_path": "/mnt/vault/closeout_20260516T104634Z", "record": "/srv/verify_closeout_20270516T104634Z"}
problems:
  description: What is in the way, each with id, object, wanted, found and what to do. All of it is certain.
  returned: always
  type: list
  elements: dict
  sample: []
notes:
  description: What is worth knowing and in nobody's way, or only likely to be.
  returned: always
  type: list
  elements: str
  sample: []
lines:
  description: The plan as a person reads it.
  returned: always
  type: list
  elements: str
  sample: ["To be verified: the dump /var/backups/nightly.dump; nothing is recorded of it"]
facts:
  description: What was found out of the scratch server (C(scratch)) and of room (C(space)), as far as it could be told.
  returned: always
  type: dict
ready:
  description: Whether there is no problem.
  returned: always
  type: bool
  sample: true
"""

from ansible_collections.incomex.closeout.plugins.module_utils._main_verification_plan import main

if __name__ == "__main__":
    main()
