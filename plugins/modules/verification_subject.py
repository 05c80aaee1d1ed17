#!/usr/bin/python
# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be verified."""

from __future__ import annotations

DOCUMENTATION = r"""
module: verification_subject
short_description: Read an artefact or a dump whole, and hold it against what it says of itself
version_added: 1.0.0
description:
  - An artefact directory of a closeout is held against its C(SHA256SUMS); exactly these files must be there, each with
    its digest. With O(allowed_signers) C(ssh-keygen -Y verify) says whether the signature is good.
  - A dump alone, plain, compressed, custom or directory, is hashed.
  - Nothing is written into what is verified, and no owner or mode of it is changed. What the restore needs and must not
    change meanwhile is copied to O(directory); the globals, and an archive that is a directory.
  - Fails, with the facts, where the dump, or the evidence that the restore test relies on, is not what was recorded.
    Nothing of it is to be restored then. What else differs is told.
options:
  state:
    description: V(read) reads it before the restore test, V(read_again) after it.
    type: str
    choices: [read, read_again]
    default: read
  path:
    description: Path of the artefact directory, or of the dump.
    type: path
    required: true
  directory:
    description: The directory of the verification, for O(state=read).
    type: path
    default: ""
  ttl_s:
    description: Seconds after which a copy in O(directory) may be removed by whoever reaps.
    type: int
    default: 7200
  sha256:
    description: The sha256 that the dump must have, where somebody knows it.
    type: str
    default: ""
  allowed_signers:
    description: Path of a file as ssh-keygen(1) describes it under ALLOWED SIGNERS. Empty means that nobody is asked.
    type: path
    default: ""
  signer:
    description: Which of them must have signed. Empty means any.
    type: str
    default: ""
  schema:
    description: Schema to audit in a dump alone. An artefact says itself which.
    type: str
    default: ""
  expected_tables:
    description: Tables that are expected in it.
    type: list
    elements: str
    default: []
  sysids:
    description: System identifiers of servers that the scratch server must not be, besides the recorded one.
    type: list
    elements: str
    default: []
  age_identity_file:
    description: Path of a file with an age identity, or a private key of OpenSSH, that opens an encrypted dump.
    type: path
    default: ""
extends_documentation_fragment:
  - incomex.closeout.run
"""

EXAMPLES = r"""
- name: Read an artefact
  incomex.closeout.verification_subject:
    path: /mnt/vault/closeout_20260516T104634Z
    directory: /opt/incomex/backups/verify_closeout_20270516T104634Z
    run_id: 4f0c7a91b2d3
"""

RETURN = r"""
subject:
  description: Path, kind (C(artefact) or C(dump)), format, size and sha256 of the dump, and the versions that it names.
  returned: O(state=read)
  type: dict
  sample: {"kind": "artefact", "format": "plain", "size_bytes": 655000000}
sums:
  description: The files against C(SHA256SUMS), null for a dump alone.
  returned: O(state=read)
  type: dict
  sample: {"listed": 18, "files": 18, "changed": [], "missing": [], "added": []}
signature:
  description: Whether there is one, was asked for, and is good, and whose it is; null for a dump alone.
  returned: O(state=read)
  type: dict
  sample: {"there": true, "asked_for": true, "good": true, "signer": "closeout"}
recorded:
  description: What the evidence of the artefact says, as far as a check needs it; null for a dump alone.
  returned: O(state=read)
  type: dict
restore_from:
  description: Where dump, globals, manifest and census are for the restore test.
  returned: O(state=read), success
  type: dict
guard:
  description: Which servers the scratch server must not be; C(unknown) where that is known of none.
  returned: O(state=read), success
  type: dict
audit:
  description: Schema and tables to audit.
  returned: O(state=read), success
  type: dict
again:
  description: Digest of the dump, and the files against C(SHA256SUMS), read once more.
  returned: O(state=read_again)
  type: dict
"""

from ansible_collections.incomex.closeout.plugins.module_utils._main_verification_subject import main

if __name__ == "__main__":
    main()
