#!/usr/bin/python
# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The history of closeouts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: closeout_history
short_description: Add a run to the history of closeouts, and find the last good run of the same database
version_added: 1.0.0
description:
  - The history is the file C(history.jsonl) below O(root), mode 0600, one line a run, whether it passed or not.
  - O(state=read) returns what a trend can be judged by. Runs of the same database have O(host), O(production), O(db)
    and O(audited_schema) in common. At most the last 8 MiB of the file are read; what is no line of ours is skipped.
  - O(state=added) adds a line, under a lock, and brings it to the disk. A run that has a line gets no second one.
  - Refuses a history that another user could have written.
options:
  state:
    description: What to do.
    type: str
    choices: [read, added]
    required: true
  root:
    description: The directory of the history. It is made, mode 0700, where it is missing and a line is added.
    type: path
    required: true
  host:
    description: Name of the target in the inventory. Required with O(state=read), as the next three are.
    type: str
    default: ""
  production:
    description: What runs production, as the plan's setting C(production) has it.
    type: str
    default: ""
  db:
    description: The database.
    type: str
    default: ""
  audited_schema:
    description: The schema that is audited.
    type: str
    default: ""
  line:
    description: The run's line, as the filter P(incomex.closeout.closeout_history_line#filter) returns it. Required
      with O(state=added).
    type: dict
extends_documentation_fragment:
  - incomex.closeout.run
"""

EXAMPLES = r"""
- name: Find the last good run of a database
  incomex.closeout.closeout_history:
    state: read
    root: /opt/incomex/backups
    host: prod1
    production: postgres
    db: directus
    audited_schema: cutter_governance
  register: history

- name: Add a line
  incomex.closeout.closeout_history:
    state: added
    root: /opt/incomex/backups
    run_id: 4f0c7a91b2d3
    line: "{{ evidence | incomex.closeout.closeout_history_line }}"
"""

RETURN = r"""
history:
  description: Path of the file.
  returned: O(state=added)
  type: str
  sample: /opt/incomex/backups/history.jsonl
trend:
  description: The other runs of the same database.
  returned: O(state=read)
  type: dict
  contains:
    history:
      description: Path of the file.
      type: str
      sample: /opt/incomex/backups/history.jsonl
    entries:
      description: How many other runs of the same database there are in what was read.
      type: int
      sample: 12
    good:
      description: How many of these passed.
      type: int
      sample: 11
    previous:
      description: The line of the last one that passed, null where there is none.
      type: dict
    recent:
      description: The last 30 in short, the oldest first.
      type: list
      elements: dict
"""

from ansible_collections.incomex.closeout.plugins.module_utils._main_closeout_history import main

if __name__ == "__main__":
    main()
