#!/usr/bin/python
# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The restored copy, held against the manifest of its dump."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pg_dump_compare
short_description: Hold a restored copy against the manifest of its dump, row for row and object for object
version_added: 1.0.0
description:
  - Reads every table of the restored copy by C(COPY) with the dump's own columns and compares digests with those of the
    dump's data. Where only the order of rows differs (a restore does not keep it), a digest that does not depend on
    order decides, and the table is counted as equal in another order.
  - Dumps the definitions of the restored copy and compares each with the dump's. Where a text differs, both sides are
    restored once more into two further scratch databases, because PostgreSQL prints some expressions differently after
    a first restore; what is equal there is counted as equal after re-deparse. Tables, views and sequences that such a
    text has nothing to do with are left out, unless it differs there again. The column order of inheriting tables is
    not kept by a restore either, and told.
  - Compares values of sequences, data of large objects, and which materialized views are filled; and takes the census
    of the copy's catalogues, to be held against production's.
  - Reports facts. Differences do not fail the task; nothing to compare does.
options:
  driver:
    description: Driver of the scratch server.
    type: str
    choices: [docker, local]
    default: docker
  name:
    description: Name of the scratch server.
    type: str
    required: true
  db:
    description: Name of the restored database.
    type: str
    required: true
  dump:
    description: Path of the plain dump. Data blocks are read again where a digest differs.
    type: path
    required: true
  manifest:
    description: Path of the C(manifest.json) that was written with the dump.
    type: path
    required: true
  manifest_sha256:
    description: Digest that O(manifest) must have.
    type: str
    required: true
  census:
    description:
      - Path of the C(census.json) that was written with the dump. Empty for a dump that has none, of which nobody knows
        what production's catalogues held; the copy is then held against its dump alone.
    type: path
    default: ""
  census_sha256:
    description: Digest that O(census) must have.
    type: str
    default: ""
  globals:
    description: Path of the C(globals.json) that was written with the dump.
    type: path
    required: true
  jobs:
    description: How many tables are read at a time.
    type: int
    default: 2
  show_differences:
    description: Also say which row is the first that differs, by its position. Rows themselves are never shown.
    type: bool
    default: false
  age_identity_file:
    description:
      - File on the target with an identity that opens O(dump), where that is encrypted by C(age). Age's own, or a
        private key of OpenSSH without a passphrase; its mode is 0600 or less. It is read
        where a digest differs.
    type: path
    default: ""
    version_added: 1.0.0
  report:
    description: File to write the full list of tables and differences to.
    type: path
    default: ""
  docker_host:
    description: Address of the Docker daemon. Empty means C(unix:///var/run/docker.sock).
    type: str
    default: ""
  bin_dir:
    description: Directory of the programs for O(driver=local).
    type: path
    default: ""
extends_documentation_fragment:
  - incomex.closeout.run
requirements:
  - psycopg2 >= 2.8
  - docker >= 5.0 (with O(driver=docker))
seealso:
  - module: incomex.closeout.pg_dump_readonly
  - module: incomex.closeout.pg_scratch_restore
"""

EXAMPLES = r"""
- name: Compare the restored copy with its dump
  incomex.closeout.pg_dump_compare:
    run_id: 4f0c7a91b2d3
    name: pg-restoretest-manual
    db: directus_restoretest
    dump: /opt/incomex/backups/manual/directus.sql
    manifest: /opt/incomex/backups/manual/manifest.json
    manifest_sha256: "{{ dump.dump.manifest.sha256 }}"
    census: /opt/incomex/backups/manual/census.json
    census_sha256: "{{ dump.production_snapshot.census.sha256 }}"
    globals: /opt/incomex/backups/manual/globals.json
    report: /opt/incomex/backups/manual/comparison.json
"""

RETURN = r"""
compare:
  description:
    - Totals of what was compared and what is equal (tables, rows, objects), the first twenty differences, the census of
      the copy, and the path of the full list.
  returned: success
  type: dict
  sample: {"tables": 214, "rows": 1804511, "equal": 213, "equal_other_order": 1, "objects": 1210, "differences": []}
"""

from ansible_collections.incomex.closeout.plugins.module_utils._main_pg_dump_compare import main

if __name__ == "__main__":
    main()
