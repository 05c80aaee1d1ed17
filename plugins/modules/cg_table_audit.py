#!/usr/bin/python
# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of a schema, held against what was expected."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cg_table_audit
short_description: Hold the tables of a schema against an exact list, in a live database or in a dump
version_added: 1.0.0
description:
  - Lists the tables of O(schema) with their exact row counts, from a live database (the connection options), from a
    plain dump (O(dump)) or from the manifest that was written beside one (O(manifest)).
  - Compares them with O(expected_tables) as a set, and names what is missing and what is unexpected.
  - A table is an ordinary or partitioned table, unlogged ones included; members of extensions and foreign tables are
    none.
options:
  schema:
    description: Schema to audit.
    type: str
    default: cutter_governance
  expected_tables:
    description: Exactly these tables must be there. An empty list is never a match.
    type: list
    elements: str
    default: []
  dump:
    description: Path of a plain dump on the target, to be read instead of a database.
    type: path
  age_identity_file:
    description:
      - File on the target with an identity that opens O(dump), where that is encrypted by C(age). Age's own, or a
        private key of OpenSSH without a passphrase; its mode is 0600 or less.
    type: path
    default: ""
    version_added: 1.0.0
  manifest:
    description: Path of a manifest on the target, to be read instead of a database.
    type: path
  manifest_sha256:
    description: Digest that O(manifest) must have.
    type: str
    default: ""
  on_mismatch:
    description: Whether another set of tables fails the task or is only reported.
    type: str
    choices: [fail, report]
    default: fail
extends_documentation_fragment:
  - incomex.closeout.run
  - incomex.closeout.connection
seealso:
  - module: incomex.closeout.pg_dump_readonly
"""

EXAMPLES = r"""
- name: See that production has exactly these tables
  incomex.closeout.cg_table_audit:
    container: postgres
    login_user: workflow_admin
    login_db: directus
    schema: cutter_governance
    expected_tables: [cut_change_set, verify_result]
    on_mismatch: report

- name: See that a dump creates exactly these tables
  incomex.closeout.cg_table_audit:
    dump: /opt/incomex/backups/manual/directus.sql
    schema: cutter_governance
    expected_tables: [cut_change_set, verify_result]
"""

RETURN = r"""
source:
  description: Where the tables were read from, V(database), V(dump) or V(manifest).
  returned: always
  type: str
  sample: database
schema_exists:
  description: Whether there is such a schema; in a dump, whether it creates tables in it.
  returned: always
  type: bool
  sample: true
tables:
  description: Names of the tables, sorted.
  returned: always
  type: list
  elements: str
  sample: [cut_change_set, verify_result]
rows:
  description: Rows per table. A table whose rows could not be counted is left out.
  returned: always
  type: dict
  sample: {"cut_change_set": 0, "verify_result": 12}
rows_total:
  description: Rows of all these tables.
  returned: always
  type: int
  sample: 12
missing:
  description: Expected tables that are not there.
  returned: always
  type: list
  elements: str
  sample: []
unexpected:
  description: Tables that were not expected.
  returned: always
  type: list
  elements: str
  sample: []
matches:
  description: Whether the tables are exactly the expected ones.
  returned: always
  type: bool
  sample: true
"""

from ansible_collections.incomex.closeout.plugins.module_utils._main_cg_table_audit import main

if __name__ == "__main__":
    main()
