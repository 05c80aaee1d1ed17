#!/usr/bin/python
# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who a PostgreSQL server is, and whether it is the one it should be."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pg_sysid_guard
short_description: Read the identity of a PostgreSQL server and hold it against known system identifiers
version_added: 1.0.0
description:
  - Reads system identifier, version, recovery state and start time of a server, and of its container ID, image, start,
    restarts and health.
  - With O(expect) it is a guard that fails the task, above all where there is nothing to compare.
options:
  expect:
    description:
      - V(same) requires the system identifier to be one of O(sysids), V(different) requires it to be none of them.
      - Without it the identity is only read.
    type: str
    choices: [same, different]
  sysids:
    description: Known system identifiers. An empty list, or an empty one in it, is never a pass.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - incomex.closeout.run
  - incomex.closeout.connection
seealso:
  - module: incomex.closeout.pg_witness_info
"""

EXAMPLES = r"""
- name: Read who production is
  incomex.closeout.pg_sysid_guard:
    container: postgres
    login_user: workflow_admin
    login_db: directus
  register: production

- name: Refuse to go on unless this is another server
  incomex.closeout.pg_sysid_guard:
    login_unix_socket: /run/postgresql
    login_user: postgres
    login_db: postgres
    expect: different
    sysids:
      - "{{ production.sysid }}"
"""

RETURN = r"""
sysid:
  description: System identifier, as text because 64 bits do not survive every JSON reader.
  returned: always
  type: str
  sample: "7501234567890123456"
server_version:
  description: Version of the server.
  returned: always
  type: str
  sample: "16.15"
server_version_num:
  description: Version of the server as a number.
  returned: always
  type: int
  sample: 160015
in_recovery:
  description: Whether the server is a standby.
  returned: always
  type: bool
  sample: false
postmaster_start_utc:
  description: When the server was started.
  returned: always
  type: str
  sample: "2026-04-18T07:12:01.512331Z"
data_directory:
  description: Data directory, empty for a role without C(pg_read_all_settings).
  returned: always
  type: str
  sample: /var/lib/postgresql/data
container:
  description: ID, name, image, start, restart count and health of the container; null for a server outside containers.
  returned: always
  type: dict
  sample: {"id": "4f0c…", "name": "postgres", "image": "postgres:16", "restart_count": 0, "health": "healthy"}
"""

from ansible_collections.incomex.closeout.plugins.module_utils._main_pg_sysid_guard import main

if __name__ == "__main__":
    main()
