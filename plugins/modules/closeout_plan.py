#!/usr/bin/python
# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: closeout_plan
short_description: Plan a closeout and look for everything that would stop it
version_added: 1.0.0
description:
  - Makes the run's ID and moment, on the target's clock, and turns the role's variables into effective settings.
  - Looks for everything in the way of the run and reports all of it at once; it does not fail for it.
  - Leaves no trace, in check mode or not. An image other than production's own is looked into by a container that is
    made, never started, and removed at once, since Docker reads an image's files in no other way.
options:
  settings:
    description: The variables of the role without their prefix, as a person or a survey gave them.
    type: dict
    required: true
  password:
    description: The password, where it is not in a password file.
    type: str
    default: ""
  host:
    description:
      - The target's name in the history, by which the plan tells what retention would remove.
    type: str
    default: ""
    version_added: 1.0.0
  webhook:
    description:
      - Whom to tell, as the filter P(incomex.closeout.closeout_webhook#filter) returns it. Its problems are the plan's.
    type: dict
    default: {}
    version_added: 1.0.0
  elsewhere:
    description:
      - What production's plan returned in its facts as C(for_elsewhere). With it this host is looked at as the one
        where the restore is tested, O(settings) are that plan's effective ones, and O(run_id) is its run's.
    type: dict
    default: {}
    version_added: 1.0.0
  run_id:
    description: ID of the run, with O(elsewhere) only.
    type: str
    default: ""
    version_added: 1.0.0
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
  description: The plan as a person reads it, what production is, and what the run would do where.
  returned: always
  type: list
  elements: str
  sample:
    - "Database: directus, as user workflow_admin; 655 MB, of which 540 MB are tables without indexes"
    - "Made by: pg_dump (PostgreSQL) 16.15, transport namespace (root on the container's host)"
    - "Left afterwards: /srv/backups/closeout_20260516T104634Z, a line in /srv/backups/history.jsonl, and nothing else"
facts:
  description: What was found out. A part that could not be told is missing.
  returned: always
  type: dict
  contains:
    production:
      description: Its identity, as M(incomex.closeout.pg_sysid_guard) returns it.
      returned: when it could be read
      type: dict
    database:
      description: Version, size, encoding, locale, extensions, tablespaces and preloaded libraries.
      returned: when the database could be asked
      type: dict
    client:
      description: Version of C(pg_dump), its transport, and why this one.
      returned: when there is one
      type: dict
    scratch:
      description: Image, place and version of the scratch server.
      returned: when it was looked for
      type: dict
    space:
      description: For each file system the paths, the bytes that will be taken (an estimate), and those that are free.
      returned: always
      type: list
      elements: dict
settled:
  description: Whether every setting could be read, so that it is certain which run this would be.
  returned: always
  type: bool
  sample: true
ready:
  description: Whether there is no problem.
  returned: always
  type: bool
  sample: true
"""

from ansible_collections.incomex.closeout.plugins.module_utils._main_closeout_plan import main

if __name__ == "__main__":
    main()
