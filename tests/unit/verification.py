"""A verification that passes: what each step of the role registered, and the evidence that is made of it."""

from __future__ import annotations

from typing import Any

from ansible_collections.incomex.closeout.plugins.module_utils._verification import collect

from tests.unit import evidence as closeout
from tests.unit.evidence import ARTEFACT, DUMP, DUMP_SHA256, MANIFEST_SHA256, RUN_ID, TABLES, Json, alone

RECORD = "/opt/incomex/backups/verify_closeout_20270516T104634Z"
SUMS = {"listed": 18, "files": 18, "changed": [], "missing": [], "added": [], "changed_total": 0, "missing_total": 0,
        "added_total": 0}  # fmt: skip


def _recorded(steps: Json) -> Json:
    """Return what an artefact of the closeout in tests.unit.evidence says of itself."""
    before, snapshot = steps["before"], steps["dump"]["production_snapshot"]
    identity = ("sysid", "server_version", "server_version_num", "in_recovery", "postmaster_start_utc",
                "data_directory", "container")  # fmt: skip
    census = ("sha256", "kinds", "counts", "facts", "extensions", "told", "told_total")
    return {
        "run": {"id": "00112233aabb", "label": "closeout", "stamp": "20260516T104634Z", "host": "prod1",
                "db": "directus", "finished_utc": "2026-05-16T10:47:07.000001Z"},
        "schema": "cutter_governance",
        "expected_tables": list(TABLES),
        "production": {**{name: before[name] for name in identity}, "unlogged": [], "rows": before["rows"]},
        "snapshot": {
            "taken_utc": snapshot["taken_utc"],
            "tables": {name: {"rows": one["rows"]} for name, one in snapshot["tables"].items()},
            "rows_total": snapshot["rows_total"],
            "census": {name: snapshot["census"][name] for name in census},
        },
        "dump": {"name": "prod.sql", "format": "plain", "compression": "none", "size_bytes": 4096,
                 "sha256": DUMP_SHA256, "taken_utc": snapshot["taken_utc"], "client_version": "16.15",
                 "manifest_sha256": MANIFEST_SHA256},
        "result": "ALL_PASS",
        "failed": [],
        "checks": {"plan.ready": "PASS", "dump.tables": "PASS", "production.rows": "INFO"},
    }  # fmt: skip


def results(kind: str = "artefact", driver: str = "docker") -> Json:
    """Return what every step registered in a verification that passes; fresh objects each time."""
    steps = closeout.results(driver)
    artefact = kind == "artefact"
    recorded = _recorded(steps) if artefact else None
    production = recorded["production"] if recorded else {}
    production = {name: value for name, value in production.items() if name not in ("unlogged", "rows")}
    dump = steps["dump"]["dump"]
    contents = {name: dump[name] for name in ("tables", "rows", "rows_total", "without_data", "manifest",
                                              "data_missing", "data_missing_total")}  # fmt: skip
    contents["manifest"] = {**contents["manifest"], "sequences": 4, "large_objects": 0}
    compare = steps["compare"]
    if not artefact:
        compare["compare"].update(census_sha256="", catalogue=None, without_owners=False)
        steps["restore"]["restore"]["guard"]["production_sysid"] = ""
    answer: Json = {
        "reaped": steps["reaped"],
        "plan": {
            "changed": False, "run_id": RUN_ID, "stamp": "20270516T104634Z", "problems": [], "notes": ["a note"],
            "started_utc": "2027-05-16T10:46:34.000001Z", "ready": True,
            "settings": {
                "verify_path": ARTEFACT if artefact else DUMP, "label": "closeout", "scratch_driver": driver,
                "restore_tolerance": "none", "record": RECORD,
            },
        },
        "begun": {"changed": True, "run_id": RUN_ID, "path": RECORD},
        "subject": {
            "changed": True, "run_id": RUN_ID,
            "subject": {
                "path": ARTEFACT if artefact else DUMP, "kind": kind, "dump": DUMP, "format": "plain",
                "compression": "none", "size_bytes": 4096, "sha256": DUMP_SHA256, "sha256_given": "",
                "database_version": "16.15", "pg_dump_version": "16.15", "beside": "",
                "read_utc": "2027-05-16T10:46:35.000001Z",
            },
            "sums": dict(SUMS) if artefact else None,
            "signature": {"there": True, "asked_for": True, "good": True, "signer": "mine", "said": "Good"}
            if artefact else None,
            "recorded": recorded,
            "restore_from": {"path": DUMP, "copied_to": "", "globals": f"{RECORD}/globals.json"},
            "guard": {"production": production, "sysids": [], "all_sysids": [], "unknown": not artefact},
            "audit": {},
        },
        "scratch": steps["scratch"],
        "inventory": {
            "changed": False, "run_id": RUN_ID, "contents": contents, "schema": "cutter_governance",
            "expected_tables": list(TABLES), "expected_source": "given" if artefact else "dump",
            "made_up": None if artefact else {"roles": ["directus"], "superusers": [], "tablespaces": [],
                                              "encoding": "UTF8", "locale": "C of libc"},
        },
        "guarded": {"changed": False, "run_id": RUN_ID, "sysid": "7309999999999999999"} if artefact
        else {"changed": False, "skipped": True},
        "restore": steps["restore"],
        "restored_audit": steps["restored_audit"],
        "compare": compare,
        "teardown": steps["teardown"],
        "again": {
            "changed": False, "run_id": RUN_ID,
            "again": {"sha256": DUMP_SHA256, "sums": dict(SUMS) if artefact else None,
                      "read_utc": "2027-05-16T10:47:06.000001Z"},
        },
    }  # fmt: skip
    return alone(answer)


def collected(steps: Json) -> Json:
    """Put results together as the role does."""
    orchestrator: dict[str, Any] = {"path": "/srv/v.yml", "sha256": "01" * 32, "ansible_core": "2", "awx_job_id": None}
    document: Json = collect(
        steps, host="vault", collection={"version": "0.1.0", "sha256": "ef" * 32}, orchestrator=orchestrator
    )
    return document


def passing(kind: str = "artefact", driver: str = "docker") -> Json:
    """Return evidence that must give ALL_PASS."""
    return alone(collected(results(kind, driver)))
