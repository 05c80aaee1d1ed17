# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: whether the dump can be encrypted as it is asked for, and opened again for its test."""

from __future__ import annotations

from typing import Any

from ._age import assert_opens, assert_recipients, version
from ._checks_backup import IN_MEMORY
from ._findings import Findings

_WITHOUT_IDENTITY = (
    "The dump is encrypted, and there is no closeout_age_identity_file: its restore cannot be tested here, and the"
    " result cannot be ALL_PASS. Verify the artefact where an identity of one of its recipients is."
)
_COPY_ON_DISK = (
    "The dump is encrypted, but the restored copy is not: while it is tested it lies on the disk of the scratch server."
    " closeout_scratch_driver: docker with closeout_scratch_storage: tmpfs keeps it in memory."
)


def look_at_encryption(found: Findings, settings: dict[str, Any], run_id: str) -> None:
    """Encrypt to each recipient, and open that with the identity. Nothing is looked at where nothing is encrypted.

    Raises CloseoutError.
    """
    recipients, identity_file = settings["age_recipients"], settings["age_identity_file"]
    if not recipients:
        return
    assert_recipients(recipients, run_id)
    found.facts["encryption"] = {"version": version()}
    if not identity_file:
        found.notes.append(_WITHOUT_IDENTITY)
        return
    found.tried("encryption", "closeout_age_identity_file", lambda: assert_opens(recipients, identity_file, run_id))
    if [settings["scratch_driver"], settings["scratch_storage"]] != IN_MEMORY:
        found.notes.append(_COPY_ON_DISK)
