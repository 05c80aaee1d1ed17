# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: from the evidence of a verification to its verdict; a pure function, as a closeout's is.

Its result is called by another name everywhere: it says nothing of production, and never that a backup was taken.
"""

from __future__ import annotations

from typing import Any

from . import _checks_verification as checks
from ._checks_restore import teardown_absent
from ._checks_run import plan_ready
from ._judging import ALL_PASS, Check, all_pass, judged, message
from ._outcome import FAIL, INFO, PASS, Evidence

TITLE = "VERIFICATION_RESULT"


def verification_verdict(evidence: Evidence) -> dict[str, Any]:
    """Return ``{"checks": [...], "result": {...}}`` for the evidence of a verification.

    The result is ALL_PASS when at least one check and every one that is not INFO is PASS.
    """
    found, statuses = judged(_CHECKS, evidence)
    counted = {check_id: status for check_id, status in statuses.items() if status != INFO}
    passed = bool(counted) and all(status == PASS for status in counted.values())
    return {
        "checks": found,
        "result": {
            "verification_result": ALL_PASS if passed else FAIL,
            "failed": [check_id for check_id, status in counted.items() if status != PASS],
            # That what nobody recorded is still the same cannot be said.
            "as_recorded": passed and isinstance(evidence.get("recorded"), dict),
            "restore_tested": all_pass(statuses, "scratch.", "restore."),
            "restore_env_torn_down": all_pass(statuses, "teardown."),
            "message": message(TITLE, found, evidence, passed=passed),
        },
    }


_CHECKS = (
    Check("plan.ready", 5, "Nothing was in the way of the run", plan_ready),
    Check("evidence.whole", 5, "The evidence is whole and of one run", checks.evidence_whole),
    Check("artefact.sums", 1, "The artefact has the files that were sealed, and no other", checks.artefact_sums),
    Check("artefact.signature", 1, "The seal is signed by somebody who may", checks.artefact_signature),
    Check("recorded.result", 1, "The closeout that made it passed", checks.recorded_result),
    Check("dump.sha256_confirmed", 1, "The dump is the one that was recorded", checks.sha256_confirmed),
    Check("dump.tables", 2, "The dump creates exactly the recorded tables", checks.dump_tables),
    Check("dump.rows", 2, "The dump has the recorded rows", checks.dump_rows),
    Check("scratch.guard", 3, "The scratch server is no server that is known", checks.scratch_guard),
    Check("scratch.isolated", 3, "The scratch server is isolated", checks.isolated),
    Check("restore.clean", 3, "The dump restores without an error", checks.clean),
    Check("restore.tables", 3, "The restored copy has exactly the expected tables", checks.tables),
    Check("restore.rows", 3, "The restored copy has the dump's rows", checks.rows),
    Check("restore.content", 3, "The restored copy has the dump's rows, by digest", checks.content),
    Check("restore.objects", 3, "The restored copy defines what the dump does", checks.objects),
    Check("teardown.absent", 4, "No container, process or network is left", teardown_absent),
    Check("teardown.storage", 4, "No volume, directory, copy or partial file is left", checks.storage_gone),
)
