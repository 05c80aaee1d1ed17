#!/usr/bin/python
# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Production at one moment."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pg_witness_info
short_description: Say what a production server is at this moment
version_added: 1.0.0
description:
  - Reads identity, container, the tables of one schema with their exact row counts, the other containers of the host
    and our own sessions, everything of the database in one read-only snapshot.
  - Two of these, taken before and after, show what changed in between.
options:
  schema:
    description: Schema whose tables are counted.
    type: str
    required: true
extends_documentation_fragment:
  - incomex.closeout.run
  - incomex.closeout.connection
seealso:
  - module: incomex.closeout.pg_sysid_guard
"""

EXAMPLES = r"""
- name: See what production is before the dump
  incomex.closeout.pg_witness_info:
    container: postgres
    login_user: workflow_admin
    login_db: directus
    schema: cutter_governance
  register: before
"""

RETURN = r"""
taken_utc:
  description: When it was taken.
  returned: always
  type: str
  sample: "2026-05-16T10:46:34.123456Z"
sysid:
  description: System identifier.
  returned: success
  type: str
  sample: "7501234567890123456"
checkpointer_start_utc:
  description:
    - Since when the server's checkpointer runs; empty for a role without C(pg_read_all_stats).
    - It is another after a crash that the server recovered from, which its start time does not tell.
  returned: success
  type: str
  sample: "2026-04-18T08:00:02.000101Z"
statistics_reset_utc:
  description: Since when C(pg_stat_archiver), C(pg_stat_bgwriter) and C(pg_stat_wal) count; a crash resets all of them.
  returned: success
  type: dict
  sample: {"pg_stat_wal": "2026-01-02T08:00:00.000003Z"}
tables:
  description: Names of the schema's tables, sorted.
  returned: success
  type: list
  elements: str
  sample: [cut_change_set, verify_result]
unlogged:
  description: Those of them that are unlogged; a standby cannot read their rows.
  returned: success
  type: list
  elements: str
  sample: []
rows:
  description: Rows per table, counted.
  returned: success
  type: dict
  sample: {"cut_change_set": 0, "verify_result": 12}
rows_total:
  description: Rows of all these tables.
  returned: success
  type: int
  sample: 12
container:
  description: The container as inspected; null for a server outside containers.
  returned: success
  type: dict
  sample: {"name": "postgres", "status_text": "Up 4 weeks (healthy)", "restart_count": 0}
neighbours:
  description: ID, name, state, start and restart count of the host's other containers.
  returned: success
  type: list
  elements: dict
  sample: [{"name": "directus", "state": "running", "restart_count": 0}]
own_sessions:
  description: Our own sessions on the server and their transaction IDs, null where nothing was written.
  returned: success
  type: list
  elements: dict
  sample: [{"pid": 4711, "application_name": "incomex.closeout/4f0c7a91b2d3", "xid": null}]
"""

from ansible_collections.incomex.closeout.plugins.module_utils._main_pg_witness_info import main

if __name__ == "__main__":
    main()
