#!/usr/bin/python
# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an existing dump holds."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pg_dump_inventory
short_description: Take the inventory of an existing dump, and make a manifest of one that has none
version_added: 1.0.0
description:
  - With O(manifest_sha256) reads the C(manifest.json) that was written with the dump. Without it, reads the dump whole,
    an archive by C(pg_restore) of the scratch server, and writes the manifest, and the globals for its restore; nothing
    of the dump is executed for that.
  - The globals of such a dump are made up. Roles are those that it names as owners, grantees and grantors; who owns
    something becomes a superuser of the scratch server. The encoding is the dump's. The locale of a database is not in
    its dump; the copy gets C(C.UTF-8), where the server has it.
  - Refuses a dump that is cut off, one that was made with C(--create), C(--clean) or C(--inserts), one that needs an
    extension which the scratch server does not have, and one with commands of psql that C(pg_dump) does not write.
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
  path:
    description: Path of the dump.
    type: path
    required: true
  manifest:
    description: File to write the manifest to; with O(manifest_sha256), the file to read.
    type: path
    required: true
  manifest_sha256:
    description: Digest that O(manifest) must have.
    type: str
    default: ""
  globals:
    description: File to write the globals to.
    type: path
    required: true
  schema:
    description: Schema to audit. Empty means the one with the most tables.
    type: str
    default: ""
  expected_tables:
    description: Tables that are expected in it. Empty means those that the dump has.
    type: list
    elements: str
    default: []
  standby:
    description: Whether the dump was taken from a standby, which does not have the rows of unlogged tables.
    type: bool
    default: false
  docker_host:
    description: Address of the Docker daemon. Empty means C(unix:///var/run/docker.sock).
    type: str
    default: ""
  bin_dir:
    description: Directory of the programs for O(driver=local).
    type: path
    default: ""
  age_identity_file:
    description: Path of a file with an age identity, or a private key of OpenSSH, that opens an encrypted dump.
    type: path
    default: ""
extends_documentation_fragment:
  - incomex.closeout.run
requirements:
  - psycopg2 >= 2.8
  - docker >= 5.0 (with O(driver=docker))
seealso:
  - module: incomex.closeout.pg_scratch_server
  - module: incomex.closeout.pg_scratch_restore
"""

EXAMPLES = r"""
- name: Make a manifest of a dump of somebody else's
  incomex.closeout.pg_dump_inventory:
    run_id: 4f0c7a91b2d3
    name: pg-restoretest-manual
    path: /var/backups/nightly.dump
    manifest: /opt/incomex/backups/manual/manifest.json
    globals: /opt/incomex/backups/manual/globals.json
"""

RETURN = r"""
contents:
  description: Tables and rows of the audited schema, tables without their data, and the manifest with its totals.
  returned: success
  type: dict
  sample: {"tables": ["cut_change_set"], "rows": {"cut_change_set": 7}, "data_missing": []}
schema:
  description: The schema that is audited.
  returned: success
  type: str
  sample: cutter_governance
expected_tables:
  description: The tables that are expected in it.
  returned: success
  type: list
  elements: str
expected_source:
  description: Whether they were V(given), or are those of the V(dump).
  returned: success
  type: str
  sample: given
made_up:
  description: Roles, tablespaces, encoding and locale that were made up; null where the dump has a manifest.
  returned: success
  type: dict
"""

from ansible_collections.incomex.closeout.plugins.module_utils._main_pg_dump_inventory import main

if __name__ == "__main__":
    main()
