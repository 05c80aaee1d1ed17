# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what to restore and where to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ._identity import Identity
from ._labels import NONCE_SETTING
from ._names import quote_literal


@dataclass(frozen=True)
class RestoreRequest:
    """``production`` is what the scratch server must not be, None where nobody knows who that was; ``sysids`` are
    system identifiers that it must not have either. ``log`` is the path of a file to write, or "".

    ``manifest`` is the path of a file to write, or "". With ``manifest_sha256`` it was written with the dump, and is
    read. ``jobs`` sessions may restore (0: as many as there are processors, at most 4). ``age_identity_file`` opens an
    encrypted dump.
    """

    path: str
    db: str
    globals_document: dict[str, Any]
    production: Identity | None
    nonce: str
    sysids: tuple[str, ...] = ()
    by_hand: bool = False
    log: str = ""
    manifest: str = ""
    manifest_sha256: str = ""
    jobs: int = 0
    run_id: str = ""
    age_identity_file: str = ""

    @property
    def wants_manifest(self) -> bool:
        """Whether a manifest is to be made, of a dump that has none."""
        return bool(self.manifest) and not self.manifest_sha256

    def guard_statement(self) -> str:
        """Return a statement that fails unless its session is in the scratch server of this run."""
        nonce, setting = quote_literal(self.nonce), quote_literal(NONCE_SETTING)
        known = [*([self.production.sysid] if self.production else []), *self.sysids]
        is_known = "".join(
            f" OR (SELECT system_identifier::text FROM pg_catalog.pg_control_system()) = {quote_literal(sysid)}"
            for sysid in known
        )
        return (
            "DO $closeout$ BEGIN"
            f" IF pg_catalog.current_setting({setting}, true) IS DISTINCT FROM {nonce}{is_known}"
            " THEN RAISE EXCEPTION 'closeout guard: this is not the scratch server of this run'; END IF; END $closeout$"
        )
