# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: from evidence to verdict. The one place that says PASS or FAIL; a pure function.

Every check is recomputed from raw facts, never from what a module thought of them. What is missing is never a pass; a
counted zero is evidence.
"""

from __future__ import annotations

from typing import Any

from ._checks_backup import dump_complete, dump_encrypted, dump_rows, dump_tables, sha256_confirmed
from ._checks_content import (
    dump_census,
    dump_content,
    dump_sequences,
    dump_warnings,
    restore_content,
    restore_objects,
)
from ._checks_production import (
    production_identity,
    production_neighbours,
    production_not_restarted,
    production_read_only,
    production_rows,
    production_tables,
    production_waits,
)
from ._checks_restore import (
    restore_clean,
    restore_rows,
    restore_tables,
    scratch_guard,
    scratch_isolated,
    teardown_absent,
    teardown_storage,
)
from ._checks_run import evidence_whole, plan_ready
from ._checks_trend import trend_shrink
from ._judging import ALL_PASS, Check, all_pass, judged, message
from ._outcome import FAIL, INFO, NOT_RUN, PASS, Evidence, get

TITLE = "CLOSEOUT_RESULT"
"""What the result is called wherever it is told."""

SAFE_UNCHANGED = "SAFE and UNCHANGED"
SAFE_CHANGED = "SAFE, changed by its own traffic"
NOT_PROVEN = "NOT PROVEN"


def verdict(evidence: Evidence) -> dict[str, Any]:
    """Return ``{"checks": [...], "result": {...}}`` for a document of evidence.

    The result is ALL_PASS when there is at least one check and every one that is not INFO is PASS.
    """
    checks, statuses = judged(_CHECKS, evidence)
    counted = {check_id: status for check_id, status in statuses.items() if status != INFO}
    passed = bool(counted) and all(status == PASS for status in counted.values())
    failed = [check_id for check_id, status in counted.items() if status != PASS]
    result = {
        "closeout_result": ALL_PASS if passed else FAIL,
        "failed": failed,
        "backup_verified": all_pass(statuses, "dump."),
        "restore_tested": all_pass(statuses, "scratch.", "restore."),
        "restore_env_torn_down": all_pass(statuses, "teardown."),
        "production_state": _production_state(statuses, evidence),
        "verify": {
            _verify_dump(evidence): statuses["dump.tables"],
            "VERIFY_restore_test": PASS if all_pass(statuses, "scratch.", "restore.") else _worst(statuses),
        },
    }
    result["message"] = message(TITLE, checks, evidence, passed=passed)
    return {"checks": checks, "result": result}


def _worst(statuses: dict[str, str]) -> str:
    found = [status for check_id, status in statuses.items() if check_id.startswith(("scratch.", "restore."))]
    return FAIL if FAIL in found else NOT_RUN


def _production_state(statuses: dict[str, str], evidence: Evidence) -> str:
    others = {check_id: status for check_id, status in statuses.items() if check_id != "production.rows"}
    if not all_pass({name: status for name, status in others.items() if status != INFO}, "production."):
        return NOT_PROVEN
    rows = statuses["production.rows"]
    if rows not in (PASS, INFO):
        return NOT_PROVEN
    before, after = (get(evidence, "production", moment, "rows") for moment in ("before", "after"))
    return SAFE_UNCHANGED if before == after else SAFE_CHANGED


def _verify_dump(evidence: Evidence) -> str:
    expected = get(evidence, "settings", "expected_tables")
    expected = expected if isinstance(expected, list) else []
    return f"VERIFY_dump_contains_{len(expected)}_{get(evidence, 'settings', 'schema_alias') or ''}_tables"


_CHECKS = (
    Check("plan.ready", 6, "Nothing was in the way of the run", plan_ready),
    Check("evidence.whole", 6, "The evidence is whole and of one run", evidence_whole),
    Check("dump.complete", 1, "The dump is complete", dump_complete),
    Check("dump.encrypted", 1, "The dump is encrypted as it was asked for", dump_encrypted),
    Check("dump.tables", 2, "The dump creates exactly the expected tables", dump_tables),
    Check("dump.rows", 2, "The dump has production's rows of the snapshot", dump_rows),
    Check("dump.content", 2, "The dump has production's rows, by digest", dump_content),
    Check("dump.census", 2, "The dump defines what production's catalogues hold", dump_census),
    Check("dump.sequences", 2, "Sequences at rest have production's values in the dump", dump_sequences),
    Check("dump.warnings", 1, "pg_dump said nothing that matters", dump_warnings),
    Check("dump.sha256_confirmed", 1, "The dump is still the one that was written and restored", sha256_confirmed),
    Check("trend.shrink", 2, "The dump is not much less than the last good one", trend_shrink),
    Check("scratch.guard", 3, "The scratch server is not production", scratch_guard),
    Check("scratch.isolated", 3, "The scratch server is isolated", scratch_isolated),
    Check("restore.clean", 3, "The dump restores without an error", restore_clean),
    Check("restore.tables", 3, "The restored copy has exactly the expected tables", restore_tables),
    Check("restore.rows", 3, "The restored copy has the dump's rows", restore_rows),
    Check("restore.content", 3, "The restored copy has the dump's rows, by digest", restore_content),
    Check("restore.objects", 3, "The restored copy has the dump's objects", restore_objects),
    Check("teardown.absent", 4, "No container, process or network is left", teardown_absent),
    Check("teardown.storage", 4, "No volume, directory or partial file is left", teardown_storage),
    Check("production.identity", 5, "Production is the same server", production_identity),
    Check("production.not_restarted", 5, "Production was not restarted and did not crash", production_not_restarted),
    Check("production.tables", 5, "Production has the expected tables, before and after", production_tables),
    Check("production.rows", 5, "Production's rows before and after", production_rows),
    Check("production.read_only", 5, "Nothing of ours wrote to production", production_read_only),
    Check("production.waits", 5, "Nobody on production waited long for the dump", production_waits),
    Check("production.neighbours", 5, "The other containers are untouched", production_neighbours),
)
