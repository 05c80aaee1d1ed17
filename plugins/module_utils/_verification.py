# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the results of a verification's steps, put together as one document of evidence.

A pure function. It is of another schema than a closeout's: neither can be taken for the other. What the closeout said
then is in ``recorded``, and nowhere else.
"""

from __future__ import annotations

from typing import Any

from ._evidence import failures_of, part_of, restore_part, stages_of
from ._outcome import Evidence, get

SCHEMA = "incomex.closeout/verification/1"
KIND = "verification"

STEPS = {
    "reaped": "Remove what runs that are gone left behind",
    "plan": "Plan the verification",
    "begun": "Make the directory of the verification",
    "subject": "Read what is to be verified",
    "scratch": "Make the scratch server",
    "inventory": "Take the inventory of the dump",
    "guarded": "Assert that it is no server that is known",
    "restore": "Restore the dump",
    "restored_audit": "Audit the restored copy",
    "compare": "Compare the restored copy with the dump",
    "teardown": "Remove the scratch server",
    "again": "Read what was verified once more",
}
"""The role's steps, in their order, and what each does."""


def collect(
    results: dict[str, Any], *, host: str, collection: dict[str, Any], orchestrator: dict[str, Any]
) -> dict[str, Any]:
    """Return the evidence of a verification, without checks and result.

    ``results`` maps the names of :data:`STEPS` to what their tasks registered (or null).
    """
    parts = {name: part_of(results.get(name)) for name in STEPS}
    plan, subject, inventory = (parts[name] or {} for name in ("plan", "subject", "inventory"))
    settings = dict(plan.get("settings") or {})
    again = (parts["again"] or {}).get("again")
    return {
        "schema": SCHEMA,
        "run": {
            "kind": KIND,
            "id": plan.get("run_id", ""),
            "label": settings.get("label", ""),
            "stamp": plan.get("stamp", ""),
            "host": host,
            "started_utc": plan.get("started_utc", ""),
            "finished_utc": _last_moment(plan, subject, parts["teardown"], again),
            "collection": collection,
            "orchestrator": orchestrator,
            # Who made each part. Reaping comes before the plan, and so before this run has an id.
            "parts": {
                name: part["run_id"] for name, part in parts.items() if part and "run_id" in part and name != "reaped"
            },
            "reaped": (parts["reaped"] or {}).get("reaped"),
            "spared": (parts["reaped"] or {}).get("spared"),
            "stages": stages_of(results, STEPS),
        },
        "settings": settings,
        "plan": {"problems": plan["problems"], "notes": plan.get("notes", [])} if "problems" in plan else None,
        "subject": subject.get("subject"),
        "sums": subject.get("sums"),
        "signature": subject.get("signature"),
        "recorded": subject.get("recorded"),
        "known": subject.get("guard"),
        "again": again,
        "dump": _dump(subject, inventory),
        "restore": restore_part(parts),
        "teardown": (parts["teardown"] or {}).get("teardown"),
        "failures": failures_of(results, STEPS),
    }


def _dump(subject: dict[str, Any], inventory: dict[str, Any]) -> dict[str, Any] | None:
    contents = inventory.get("contents")
    if contents is None:
        return None
    return {
        **contents,
        # Where it was restored from: the dump itself, or the copy of an archive.
        "path": get(subject, "restore_from", "path"),
        "copy": get(subject, "restore_from", "copied_to"),
        "schema": inventory.get("schema"),
        "expected_tables": inventory.get("expected_tables"),
        "expected_source": inventory.get("expected_source"),
        "made_up": inventory.get("made_up"),
    }


def _last_moment(plan: dict[str, Any], subject: dict[str, Any], teardown: Any, again: Any) -> str:
    moments = [
        plan.get("started_utc"),
        get(subject, "subject", "read_utc"),
        get(teardown, "teardown", "removed_utc"),
        get(again, "read_utc"),
    ]
    return max((moment for moment in moments if moment), default="")


def as_restore_test(evidence: Evidence) -> Evidence:
    """Return the evidence as the checks of a restore test read it: what was recorded of production stands where a
    closeout has what it saw. For these checks alone; it is evidence of no run, and no verdict passes it.
    """
    recorded, dump = evidence.get("recorded"), evidence.get("dump")
    expected = get(dump, "expected_tables") if recorded is None else get(recorded, "expected_tables")
    settings = {name: get(evidence, "settings", name) for name in ("scratch_driver", "restore_tolerance")}
    return {
        "settings": {**settings, "schema": get(dump, "schema"), "expected_tables": expected},
        "production": {"before": get(recorded, "production"), "snapshot": get(recorded, "snapshot")},
        "dump": None if dump is None else {**dump, "format": get(evidence, "subject", "format")},
        "restore": evidence.get("restore"),
        "teardown": evidence.get("teardown"),
    }
