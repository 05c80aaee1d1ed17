#!/usr/bin/python
# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A dump restored into a scratch server."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pg_scratch_restore
short_description: Restore a dump into a scratch server, and into nothing else
version_added: 1.0.0
description:
  - Finds the scratch server of the run by its label, and asserts that it differs from production in every factor of
    identity that can be read, and that it holds the run's nonce. The same guard runs again inside psql's own session.
  - Makes production's roles (C(NOLOGIN), without passwords), tablespaces (in place) and the database, then restores.
  - Hashes the dump as it is read, and reads every error that psql tells of.
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
    description:
      - Path of the dump. It is a plain one, compressed by gzip, zstd or lz4 or not, or an archive of C(pg_dump)'s
        custom format, which C(pg_restore) of the scratch server turns into a plain one on the way. Any of these may be
        encrypted, see O(age_identity_file).
    type: path
    required: true
  globals:
    description: Path of the C(globals.json) that was written with the dump.
    type: path
    required: true
  restore_db:
    description: Name of the database to restore into; it is made.
    type: str
    required: true
  production:
    description:
      - Identity of production, as M(incomex.closeout.pg_sysid_guard) returns it. An empty one is none; then O(sysids)
        or O(production_unknown) must be given, or nothing is restored.
    type: dict
  sysids:
    description: System identifiers that the scratch server must not have either.
    type: list
    elements: str
    default: []
    version_added: 1.0.0
  production_unknown:
    description:
      - Says that nobody knows who production was, and excludes O(production) and O(sysids). What guards then is that
        the server carries the label of this run and holds its nonce. For the verification of a dump alone.
    type: bool
    default: false
    version_added: 1.0.0
  nonce:
    description: The value that M(incomex.closeout.pg_scratch_server) planted in the scratch server.
    type: str
    required: true
  tolerance:
    description:
      - V(none) stops at the first error. V(by_hand) goes on and tolerates errors that a missing role explains, counted
        by class (role, owner, acl); any other error fails.
    type: str
    choices: [none, by_hand]
    default: none
  log:
    description: File to keep psql's messages in.
    type: path
    default: ""
  manifest:
    description:
      - File to write the manifest of the dump to, made while it is restored, for a dump that has none. It is what
        M(incomex.closeout.pg_dump_compare) compares the restored copy with.
      - With O(manifest_sha256), the C(manifest.json) that was written with the dump, which is read.
    type: path
    default: ""
    version_added: 1.0.0
  manifest_sha256:
    description:
      - Its sha256, as M(incomex.closeout.pg_dump_readonly) returned it. It lets a plain dump be restored by O(jobs)
        sessions, because the manifest says where the rows of each table lie; these are held against its digests.
    type: str
    default: ""
    version_added: 1.0.0
  jobs:
    description:
      - How many sessions restore at once. V(0) means as many as there are processors for this process, at most 4, and
        one for a dump of less than 4 MB; V(1) means one C(psql), which executes the dump from its beginning to its end.
      - With several, tables are loaded and indexes and keys made side by side; everything else is still executed by one
        C(psql), in the dump's order. That needs O(manifest_sha256), O(tolerance=none), a dump that is not compressed,
        and no constraint or generated column that calls a function, which may read another table.
      - An archive is restored by several sessions of C(pg_restore), if the scratch server was made for it
        (O(incomex.closeout.pg_scratch_server#module:dump)), and else as text, by one C(psql).
      - Where several sessions do not come to an end without an error, the database is made anew and restored by one
        C(psql); what that says counts. RV(restore) has the reason.
    type: int
    default: 0
    version_added: 1.0.0
  age_identity_file:
    description:
      - File on the target with an identity that opens O(path), where that is encrypted by C(age). Age's own, or a
        private key of OpenSSH without a passphrase; its mode is 0600 or less. It is
        decrypted on the way to C(psql), never to a file; without an identity nothing is restored.
    type: path
    default: ""
    version_added: 1.0.0
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
  - module: incomex.closeout.pg_scratch_server
"""

EXAMPLES = r"""
- name: Restore a dump
  incomex.closeout.pg_scratch_restore:
    run_id: 4f0c7a91b2d3
    name: pg-restoretest-manual
    path: /opt/incomex/backups/manual/directus.sql
    globals: /opt/incomex/backups/manual/globals.json
    restore_db: directus_restoretest
    production: "{{ production }}"
    nonce: "{{ scratch.nonce }}"
"""

RETURN = r"""
restore:
  description:
    - Guard, roles made, return code, errors by class, sha256 of what was read, seconds taken.
    - C(jobs) is the number of sessions that restored, C(jobs_reason) why it was one.
  returned: always
  type: dict
  sample: {"rc": 0, "on_error_stop": true, "errors": {"total": 0, "fatal": []}, "jobs": 2, "jobs_reason": ""}
"""

from ansible_collections.incomex.closeout.plugins.module_utils._main_pg_scratch_restore import main

if __name__ == "__main__":
    main()
