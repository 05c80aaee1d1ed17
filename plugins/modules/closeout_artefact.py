#!/usr/bin/python
# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The artefact directory."""

from __future__ import annotations

DOCUMENTATION = r"""
module: closeout_artefact
short_description: Make, confirm, seal and prune directories that hold a dump and its proof
version_added: 1.0.0
description:
  - O(state=begun) makes the directory (mode 0700), which nothing else may have made, and marks it as this run's.
  - O(state=confirmed) reads the dump once more, whole, writes lists of tables, and lists the directory.
  - O(state=recorded) writes C(closeout.json), C(closeout.md) and C(closeout.html); with the first C(RESTORE.md),
    C(globals.sql) and C(settings.sql), by which the dump is restored for real.
  - O(state=sealed) does so, too, if they are given, and writes C(SHA256SUMS) over every other file.
  - With O(sign_key) C(SHA256SUMS.sig) is its signature. What is signed is not written to again.
  - Touches no directory that another run made, but for O(state=pruned).
  - O(state=pruned) removes other artefacts of the same database beside it, those that O(keep_last), O(keep_days) and
    O(keep_failed) do not keep. It never removes the newest good one, nothing good unless this run passed, and nothing
    that holds anything else than what a closeout wrote there. In check mode it tells what it would do.
options:
  state:
    description: What should be.
    type: str
    choices: [begun, confirmed, recorded, sealed, pruned]
    required: true
  path:
    description: The artefact directory.
    type: path
    required: true
  kind:
    description:
      - What it is the record of. A V(verification) has no dump of its own. Its files are C(verification.json),
        C(verification.md) and C(verification.html); C(RESTORE.md) and what belongs to it are not written.
      - A copy is no record; it is what lies on the host where a restore is tested. Any run's reaper may remove it
        O(ttl_s) seconds after it was begun.
    type: str
    choices: [closeout, verification, copy]
    default: closeout
    version_added: 1.0.0
  ttl_s:
    description: Seconds after which what O(kind=copy) made is not needed any more, for O(state=begun).
    type: int
    default: 0
    version_added: 1.0.0
  dump:
    description:
      - Path of the dump, for O(state=confirmed). Empty where there is none.
      - For O(state=begun) the path that it will have, which the mark tells.
    type: path
    default: ""
  lists:
    description: Text files to write for O(state=confirmed), a list of names by file name.
    type: dict
    default: {}
  evidence:
    description: What becomes C(closeout.json), for O(state=recorded) and O(state=sealed).
    type: dict
    version_added: 1.0.0
  record:
    description: What becomes C(closeout.md), for O(state=recorded) and O(state=sealed).
    type: str
    version_added: 1.0.0
  page:
    description: What becomes C(closeout.html), for O(state=recorded) and O(state=sealed).
    type: str
    version_added: 1.0.0
  known_sha256:
    description: Digests by file name, for O(state=sealed), of files that were just read whole.
    type: dict
    default: {}
  sign_key:
    description:
      - Path of a private key of OpenSSH, of mode 0600 or less, by which C(SHA256SUMS) is signed for O(state=sealed).
        Empty for none.
      - For O(state=confirmed) the list of files has the signature, too.
      - Nobody is asked for a passphrase. The namespace of the signature is C(incomex-closeout).
    type: path
    default: ""
    version_added: 1.0.0
  host:
    description:
      - For O(state=begun), the target's name in the inventory. Together with O(production), O(db) and O(audited_schema)
        it says whose artefact it is, as the history does. Without all four of them O(state=pruned) never removes it.
    type: str
    default: ""
    version_added: 1.0.0
  production:
    description: What runs production, as the plan's setting of that name has it. See O(host).
    type: str
    default: ""
    version_added: 1.0.0
  db:
    description: The database. See O(host).
    type: str
    default: ""
    version_added: 1.0.0
  audited_schema:
    description: The audited schema. See O(host).
    type: str
    default: ""
    version_added: 1.0.0
  keep_last:
    description:
      - That many of the newest good artefacts stay, for O(state=pruned); V(0) is no rule.
      - With O(keep_days), too, one stays that either keeps. With neither every good one stays.
    type: int
    default: 0
    version_added: 1.0.0
  keep_days:
    description: Good artefacts that are younger than so many days stay, for O(state=pruned); V(0) is no rule.
    type: int
    default: 0
    version_added: 1.0.0
  keep_failed:
    description:
      - That many of the newest artefacts of failed runs stay, for O(state=pruned); with V(0) none but this run's.
        Without it all of them stay.
    type: int
    version_added: 1.0.0
extends_documentation_fragment:
  - incomex.closeout.run
"""

EXAMPLES = r"""
- name: Begin
  incomex.closeout.closeout_artefact:
    state: begun
    path: /opt/incomex/backups/closeout_20260516T104634Z
    run_id: 4f0c7a91b2d3

- name: Confirm
  incomex.closeout.closeout_artefact:
    state: confirmed
    path: /opt/incomex/backups/closeout_20260516T104634Z
    dump: /opt/incomex/backups/closeout_20260516T104634Z/prod-directus.sql
    lists:
      dump_cg_tables.txt: [cut_change_set, verify_result]
    run_id: 4f0c7a91b2d3

- name: Seal
  incomex.closeout.closeout_artefact:
    state: sealed
    path: /opt/incomex/backups/closeout_20260516T104634Z
    run_id: 4f0c7a91b2d3

- name: Keep the last ten good backups of the same database, and whatever is younger than a month
  incomex.closeout.closeout_artefact:
    state: pruned
    path: /opt/incomex/backups/closeout_20260516T104634Z
    run_id: 4f0c7a91b2d3
    keep_last: 10
    keep_days: 31
"""

RETURN = r"""
sha256_confirmed:
  description: Digest of the dump, read again.
  returned: O(state=confirmed) with a dump
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
confirmed_utc:
  description: When it was read again.
  returned: O(state=confirmed) with a dump
  type: str
  sample: "2026-05-16T10:47:12.004512Z"
directory:
  description: Name and size of every file of the artefact.
  returned: O(state=confirmed)
  type: list
  elements: dict
  sample: [{"name": "prod-directus.sql", "size_bytes": 655000000}]
sums_sha256:
  description: Digest of C(SHA256SUMS).
  returned: O(state=sealed)
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
removed:
  description: Names of the artefacts that were removed, or in check mode would be; at most a hundred.
  returned: O(state=pruned)
  type: list
  elements: str
  sample: [closeout_20260416T104634Z]
kept:
  description: How many of the database's artefacts stay.
  returned: O(state=pruned)
  type: int
  sample: 10
left_alone:
  description: How many directories are left alone, because they are not, or not only, what a closeout wrote.
  returned: O(state=pruned)
  type: int
  sample: 1
freed_bytes:
  description: What that freed, or in check mode would.
  returned: O(state=pruned)
  type: int
  sample: 655000000
lines:
  description: The same for a person, with the reasons.
  returned: O(state=pruned)
  type: list
  elements: str
  sample: ["removed     closeout_20260416T104634Z: good, 655 MB"]
signature:
  description: Path of the signature.
  returned: O(state=sealed) with O(sign_key)
  type: str
  sample: /opt/incomex/backups/closeout_20260516T104634Z/SHA256SUMS.sig
"""

from ansible_collections.incomex.closeout.plugins.module_utils._main_closeout_artefact import main

if __name__ == "__main__":
    main()
