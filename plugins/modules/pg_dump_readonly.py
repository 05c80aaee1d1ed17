#!/usr/bin/python
# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dump."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pg_dump_readonly
short_description: Take a dump and count production in one and the same read-only snapshot
version_added: 1.0.0
description:
  - Exports a snapshot, runs C(pg_dump) in it, and writes, hashes and scans its output in one pass. At the same time it
    counts the rows of O(schema) and takes the census of the catalogues in the very same snapshot; after that it reads
    the rows themselves, as O(content) says.
  - Discards a dump during which a table was truncated, rewritten or renamed, and takes another; three times at most.
  - The file gets its name only when it is complete and on the disk; a failure leaves none. Beside it are written
    C(manifest.json) (what the dump defines, and a digest of every table's rows), C(census.json) (what production's
    catalogues hold in the snapshot), C(globals.json) (roles without passwords, tablespaces, the database's properties)
    and C(logs/pg_dump.log).
  - Never writes to the server. A dump is always a change.
options:
  directory:
    description: Directory to write to. It must exist and be private.
    type: path
    required: true
  name:
    description: File name of the dump in O(directory).
    type: str
    required: true
  schema:
    description: Schema whose tables are counted in the snapshot and listed from the dump.
    type: str
    required: true
  expected_tables:
    description: Tables that O(schema) should have. An empty list means those that production has in the snapshot.
    type: list
    elements: str
    default: []
  content:
    description:
      - Of which tables production's rows are read in the snapshot and held against the dump's, by digest. V(audited)
        are the tables of O(schema), V(all) every table of the dump, V(none) counts the tables of O(schema) only.
    type: str
    choices: [audited, all, none]
    default: audited
  transport:
    description:
      - How C(pg_dump) is started. V(namespace) enters the namespaces of O(container) as the server's user, without any
        capability; that is the fastest way and needs root on the container's host, and C(setpriv) and C(nsenter) of
        util-linux there. V(exec) is C(docker exec). V(host) is C(pg_dump) of this host, see O(bin_dir), for a server in
        a container too; it must not be older than the server.
      - V(auto) is for a container V(namespace), and V(exec) where that is not possible; for a server outside containers
        V(host). A way that is asked for by name is that one or a failure.
    type: str
    choices: [auto, namespace, exec, host]
    default: auto
    version_added: 1.0.0
  max_blocking_s:
    description:
      - Seconds that a session on the server may wait for a lock because of the dump, directly or behind one that waits
        for it. After that the dump is ended, nothing of it is kept, and the module fails and names who waited for what.
        V(0) never ends it. Looked at once a second.
      - A C(CREATE INDEX CONCURRENTLY) that waits for the dump's transaction stops nobody, and is told only.
    type: int
    default: 20
    version_added: 1.0.0
  bandwidth_limit_mb_s:
    description:
      - How many megabytes (1,000,000 bytes) a second are taken from the server at most, on average from the first byte
        on; V(0) is no limit. The dump holds its locks for as long as it takes.
    type: int
    default: 0
    version_added: 1.0.0
  format:
    description:
      - V(plain) is SQL text. V(custom) and V(directory) are archives, which C(pg_restore) reads; their text is scanned
        all the same, by way of the C(pg_restore) beside that C(pg_dump), which prints it and executes nothing.
      - A directory is written by C(pg_dump) itself, so it takes a C(pg_dump) of this host (O(transport=host)). Its
        sha256 is that of the list of its files as C(LC_ALL=C sha256sum *) prints it there.
    type: str
    choices: [plain, custom, directory]
    default: plain
    version_added: 1.0.0
  jobs:
    description:
      - How many tables C(pg_dump) reads at a time, each in a session of its own. More than one takes
        O(format=directory).
    type: int
    default: 1
    version_added: 1.0.0
  compression:
    description:
      - How the dump is compressed. A plain one by the host's own program of that name, after it was scanned; an archive
        by C(pg_dump) itself, V(zstd) and V(lz4) from version 16 on. Size and sha256 are those of what is on the disk;
        O(name) is not changed.
    type: str
    choices: [none, gzip, zstd, lz4]
    default: none
    version_added: 1.0.0
  compression_level:
    description: Its level, from 1 to 9 (gzip), 19 (zstd) or 12 (lz4); V(0) is its own default.
    type: int
    default: 0
    version_added: 1.0.0
  age_recipients:
    description:
      - To whom the dump is encrypted, by the target's program C(age), before it comes to the disk. Recipients of age
        (C(age1…)) and public keys of OpenSSH (C(ssh-ed25519 …), C(ssh-rsa …)). Size and sha256 are those of the
        encrypted file; O(name) is not changed. Not with O(format=directory).
    type: list
    elements: str
    default: []
    version_added: 1.0.0
  age_identity_file:
    description:
      - File of an identity that opens the dump, see O(age_recipients). It is needed for one comparison only, of a
        partitioned table whose rows come through its root, in O(content). Without it such a table has no digest of the
        dump, and so is not equal.
    type: path
    default: ""
    version_added: 1.0.0
extends_documentation_fragment:
  - incomex.closeout.run
  - incomex.closeout.connection
seealso:
  - module: incomex.closeout.cg_table_audit
"""

EXAMPLES = r"""
- name: Take a dump
  incomex.closeout.pg_dump_readonly:
    container: postgres
    login_user: workflow_admin
    login_db: directus
    directory: /opt/incomex/backups/manual
    name: directus.sql
    schema: cutter_governance
  register: dump
"""

RETURN = r"""
dump:
  description:
    - The dump with path, size_bytes, sha256, command, return code, whether it is complete, its tables and rows.
  returned: always
  type: dict
  sample: {"path": "/opt/incomex/backups/manual/directus.sql", "size_bytes": 655000000, "rc": 0, "complete": true}
production_snapshot:
  description: Production's tables, their rows and digests, and the census of its catalogues, in the snapshot.
  returned: success
  type: dict
  sample: {"id": "00000003-0000001B-1", "tables": {"verify_result": {"rows": 12, "sha256": "9f86…"}}, "rows_total": 12}
expected_tables_effective:
  description: The expected tables, as given or as production has them in the snapshot.
  returned: success
  type: list
  elements: str
  sample: [verify_result]
expected_source:
  description: V(given) or V(production_snapshot).
  returned: success
  type: str
  sample: given
own_sessions:
  description: Our sessions on the server during the dump and their transaction IDs, null where nothing was written.
  returned: success
  type: list
  elements: dict
  sample: [{"pid": 4711, "application_name": "incomex.closeout/4f0c7a91b2d3", "xid": null}]
globals_path:
  description: Where C(globals.json) was written.
  returned: success
  type: str
  sample: /opt/incomex/backups/manual/globals.json
waits:
  description: The longest wait that the dump caused, in seconds, and the sessions that waited, the longest first.
  returned: success, or when the dump was ended
  type: dict
  sample: {"longest_s": 0.0, "sessions": [], "sessions_total": 0}
discarded:
  description: Why dumps were discarded before this one, usually empty.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible_collections.incomex.closeout.plugins.module_utils._main_pg_dump_readonly import main

if __name__ == "__main__":
    main()
