"""A complete run that passes: what each step of the role registered, and the evidence that is made of it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ansible_collections.incomex.closeout.plugins.module_utils._evidence import collect
from ansible_collections.incomex.closeout.plugins.module_utils._history import SCHEMA as HISTORY
from ansible_collections.incomex.closeout.plugins.module_utils._settings import CUTTER_GOVERNANCE_TABLES

RUN_ID = "4f0c7a91b2d3"
EARLIER = "00112233aabb"
NONCE = "0123456789abcdef0123456789abcdef"
DUMP_SHA256 = "ab" * 32
TABLES = list(CUTTER_GOVERNANCE_TABLES)
ARTEFACT = "/opt/incomex/backups/closeout_20260516T104634Z"
DUMP = f"{ARTEFACT}/prod-directus-closeout-20260516T104634Z.sql"

MANIFEST_SHA256 = "cd" * 32
KINDS = {"TABLE": 15, "INDEX": 3, "SEQUENCE": 4, "SEQUENCE SET": 4}
COUNTS = {"columns": 69, "enum labels": 3, "extension columns": 2}
STATISTICS = {
    "pg_stat_archiver": "2026-01-02T08:00:00.000001Z",
    "pg_stat_bgwriter": "2026-01-02T08:00:00.000002Z",
    "pg_stat_wal": "2026-01-02T08:00:00.000003Z",
}
FACTS = {"column": 69, "owner": 20, "privileges": 5, "query": 3, "extension privileges": 1}

Json = dict[str, Any]


def digest_of(table: str) -> str:
    """Return the digest of a table's rows."""
    return hashlib.sha256(table.encode()).hexdigest()


def alone(document: Json) -> Json:
    """Return a copy in which no two places share an object: a change of one is a change of one."""
    copied: Json = json.loads(json.dumps(document))
    return copied


def counted(rows: int | None = None) -> dict[str, int]:
    """Return the rows of the 12 tables: their own numbers, or `rows` each."""
    return {name: position * 10 if rows is None else rows for position, name in enumerate(TABLES, 1)}


def _container(name: str, container_id: str) -> Json:
    return {
        "id": container_id,
        "name": name,
        "image": "postgres:16",
        "image_id": "sha256:" + "16" * 32,
        "status_text": "Up 4 weeks (healthy)",
        "started_utc": "2026-04-18T08:00:00.123456789Z",
        "restart_count": 0,
        "health": "healthy",
    }


def _identity(sysid: str, start: str, directory: str, container: Json | None) -> Json:
    return {
        "sysid": sysid,
        "server_version": "16.15",
        "server_version_num": 160015,
        "in_recovery": False,
        "postmaster_start_utc": start,
        "data_directory": directory,
        "container": container,
    }


def _neighbour(name: str) -> Json:
    return {
        "id": name.encode().hex().ljust(64, "0"),
        "name": name,
        "state": "running",
        "started_utc": "2026-04-18T08:00:01.5Z",
        "restart_count": 0,
    }


def _witness(taken: str, pid: int, rows: dict[str, int], container: Json | None) -> Json:
    production = _identity("7301234567890123456", "2026-04-18T08:00:02.000001Z", "/var/lib/postgresql/data", container)
    return {
        "changed": False,
        "run_id": RUN_ID,
        **production,
        "checkpointer_start_utc": "2026-04-18T08:00:02.000101Z",
        "statistics_reset_utc": dict(STATISTICS),
        "taken_utc": taken,
        "tables": list(TABLES),
        "unlogged": [],
        "rows": dict(rows),
        "rows_total": sum(rows.values()),
        "neighbours": [_neighbour("directus"), _neighbour("traefik")] if container else [],
        "own_sessions": [{"pid": pid, "application_name": f"incomex.closeout/{RUN_ID}", "xid": None}],
        "xid": None,
    }


def _isolation(driver: str) -> Json:
    docker = driver == "docker"
    return {
        "network_mode": "none" if docker else "unix socket only",
        "published_ports": [],
        "capabilities": [],
        "privileged": False,
        "no_new_privileges": True,
        "read_only_root": docker,
        "memory_bytes": 1 << 30 if docker else 0,
        "pids_limit": 200 if docker else 0,
        "mounts": [{"type": "volume", "path": "/scratch", "writable": True}] if docker else [],
        "user": "postgres",
        "listen_addresses": "",
    }


def previous(settings: Json, total: int) -> Json:
    """Return the history's line of the run before, which passed."""
    return {
        "schema": HISTORY,
        "run_id": EARLIER,
        "stamp": "20260509T104634Z",
        "host": "prod1",
        "production": settings["production"],
        "db": settings["db"],
        "audited_schema": settings["schema"],
        "label": "another",
        "result": "ALL_PASS",
        "size_bytes": 4000,
        "text_bytes": 4000,
        "format": "plain",
        "compression": "none",
        "compression_level": 0,
        "encrypted": False,
        "rows": total + 20,
        "audited_rows": total,
        "durations_s": {"dump": 1.25},
    }


def results(driver: str = "docker", rows: int | None = None) -> Json:
    """Return what every step registered in a run that passes; fresh objects each time.

    `docker`: production and the scratch server are containers. `local`: neither is. `rows`: of each table.
    """
    docker = driver == "docker"
    rows_of = counted(rows)
    total = sum(rows_of.values())
    production = _container("postgres", "c0" * 32) if docker else None
    scratch_container = {**_container("pg-restoretest", "5c" * 32), "health": ""} if docker else None
    scratch = _identity("7309999999999999999", "2026-05-16T10:47:00.000001Z", "/scratch/data", scratch_container)
    settings = {
        "container": "postgres" if docker else "",
        "db": "directus",
        "label": "closeout",
        "schema": "cutter_governance",
        "schema_alias": "cg",
        "expected_tables": list(TABLES),
        "scratch_driver": driver,
        "restore_tolerance": "none",
        "production_quiet": True,
        "max_blocking_s": 20,
        "production_content": "audited",
        "production": "postgres" if docker else "/run/postgresql:5432",
        "compression_level": 0,
        "age_recipients": [],
        "scratch_storage": "volume",
        "shrink_limit_percent": 20,
        "protected_containers": ["directus"] if docker else [],
        "artefact": ARTEFACT,
        "dump_path": DUMP,
    }
    answer: Json = {
        "reaped": {"changed": False, "run_id": "", "reaped": [], "spared": []},
        "plan": {
            "changed": False,
            "run_id": RUN_ID,
            "stamp": "20260516T104634Z",
            "started_utc": "2026-05-16T10:46:34.000001Z",
            "settings": settings,
            "problems": [],
            "notes": ["what is worth knowing"],
            "ready": True,
        },
        "begun": {"changed": True, "run_id": RUN_ID, "path": ARTEFACT},
        "before": _witness("2026-05-16T10:46:35.000001Z", 101, rows_of, production),
        "dump": {
            "changed": True,
            "run_id": RUN_ID,
            "dump": {
                "path": DUMP,
                "format": "plain",
                "compression": "none",
                "encryption": None,
                "text_bytes": 4096,
                "command": ["pg_dump", "--dbname", "directus"],
                "client_version": "16.15",
                "transport": "exec" if docker else "host",
                "transport_reason": "the container's own pg_dump",
                "taken_utc": "2026-05-16T10:46:36.000001Z",
                "rc": 0,
                "size_bytes": 4096,
                "sha256": DUMP_SHA256,
                "complete": True,
                "messages": {"told": {}, "unclassified": [], "unclassified_total": 0},
                "duration_s": 1.5,
                "tables": list(TABLES),
                "rows": dict(rows_of),
                "rows_total": total,
                "without_data": {},
                "content": {name: digest_of(name) for name in TABLES},
                "manifest": {
                    "path": f"{ARTEFACT}/manifest.json",
                    "sha256": MANIFEST_SHA256,
                    "entries": 44,
                    "objects": 40,
                    "tables": 15,
                    "tables_with_data": 15,
                    "rows": total + 30,
                    "biggest": [
                        {"schema": "public", "name": "directus_activity", "rows": 30, "bytes": 2100},
                        {"schema": "cutter_governance", "name": "verify_result", "rows": 120, "bytes": 900},
                    ],
                },
                "data_missing": [],
                "data_missing_total": 0,
            },
            "globals_path": f"{ARTEFACT}/globals.json",
            "own_sessions": [
                {"pid": 102, "application_name": f"incomex.closeout/{RUN_ID}", "xid": None},
                {"pid": 103, "application_name": f"incomex.closeout/{RUN_ID}", "xid": None},
            ],
            "production_snapshot": {
                "id": "00000003-0000001B-1",
                "taken_utc": "2026-05-16T10:46:36.000001Z",
                "tables": {name: {"rows": count, "sha256": digest_of(name)} for name, count in rows_of.items()},
                "rows_total": total,
                "content": None,
                "sequences": {"sequences": 4, "at_rest": 3, "moved": 1, "different": [], "different_total": 0},
                "census": {
                    "path": f"{ARTEFACT}/census.json",
                    "sha256": "ce" * 32,
                    "kinds": {kind: {"production": number, "dump": number} for kind, number in KINDS.items()},
                    "left_out": [],
                    "left_out_total": 0,
                    "unexplained": [],
                    "unexplained_total": 0,
                    "counts": dict(COUNTS),
                    "facts": dict(FACTS),
                    "extensions": {"plpgsql": "1.0"},
                    "lost": [],
                    "lost_total": 0,
                    "told": [],
                    "told_total": 0,
                },
            },
            "expected_tables_effective": list(TABLES),
            "expected_source": "given",
            "finished_utc": "2026-05-16T10:46:38.000001Z",
            "discarded": [],
            "waits": {
                "longest_s": 1.5,
                "longest_unwatched_s": 1.1,
                "sessions": [
                    {
                        "pid": 4711,
                        "user": "directus",
                        "application_name": "migration",
                        "waited_for": "AccessExclusiveLock on public.directus_users",
                        "behind": False,
                        "harmless": False,
                        "waited_s": 1.5,
                    }
                ],
                "sessions_total": 1,
            },
        },
        "dump_audit": {
            "changed": False,
            "run_id": RUN_ID,
            "tables": list(TABLES),
            "rows": dict(rows_of),
            "rows_total": total,
            "missing": [],
            "unexpected": [],
            "matches": True,
        },
        "scratch": {
            "changed": True,
            "run_id": RUN_ID,
            "scratch": {
                "driver": driver,
                "name": "pg-restoretest",
                "container_id": "5c" * 32 if docker else "",
                "image": "postgres:16" if docker else "",
                "image_id": "sha256:" + "16" * 32 if docker else "",
                "started_utc": "2026-05-16T10:46:59.5Z",
                "expires_utc": "2026-05-16T12:46:59.5Z",
                "server_version": "16.15",
                "isolation": _isolation(driver),
            },
            "identity": scratch,
            "connection": {"login_user": "workflow_admin"},
            "nonce": NONCE,
        },
        "restore": {
            "changed": True,
            "run_id": RUN_ID,
            "restore": {
                "db": "directus_restoretest",
                "on_error_stop": True,
                "guard": {
                    "production_sysid": "7301234567890123456",
                    "scratch_sysid": "7309999999999999999",
                    "scratch": {**scratch, "nonce": NONCE},
                    "nonce": NONCE,
                    "differs": {"sysid": True, "nonce": True},
                },
                "server_version": "16.15",
                "roles_created": ["directus", "workflow_admin"],
                "rc": 0,
                "errors": {
                    "total": 0,
                    "tolerated": {"role": 0, "owner": 0, "acl": 0},
                    "fatal": [],
                    "fatal_total": 0,
                },
                "input_sha256": DUMP_SHA256,
                "decrypted": False,
                "duration_s": 0.7,
                "jobs": 2,
                "jobs_reason": "",
            },
        },
        "restored_audit": {
            "changed": False,
            "run_id": RUN_ID,
            "server": {name: scratch[name] for name in ("sysid", "postmaster_start_utc")},
            "tables": list(TABLES),
            "rows": dict(rows_of),
            "rows_total": total,
        },
        "compare": {
            "changed": False,
            "run_id": RUN_ID,
            "compare": {
                "db": "directus_restoretest",
                "server": {name: scratch[name] for name in ("sysid", "postmaster_start_utc")},
                "manifest_sha256": MANIFEST_SHA256,
                "census_sha256": "ce" * 32,
                "tables": 15,
                "rows": total + 30,
                "equal": 14,
                "equal_other_order": 1,
                "objects": 40,
                "objects_different": 0,
                "objects_equal": 37,
                "objects_equal_other_column_order": 1,
                "objects_equal_after_redeparse": 2,
                "sequences": 4,
                "large_objects": 0,
                "census": {"kinds": dict(KINDS), "counts": dict(COUNTS), "extensions": {"plpgsql": "1.0"}},
                "catalogue": {
                    "facts": dict(FACTS),
                    "equal": sum(FACTS.values()) - 2,
                    "equal_after_redeparse": 2,
                    "not_compared": 0,
                },
                "differences_total": 0,
                "content_differences": 0,
                "object_differences": 0,
                "object_differences_of_privileges": 0,
                "other_order": ["cutter_governance.verify_result"],
                "other_column_order": ["TABLE public.child"],
                "after_redeparse": ["VIEW public.seen", "TABLE public.users"],
                "differences": [],
                "path": f"{ARTEFACT}/comparison.json",
            },
        },
        "teardown": {
            "changed": True,
            "run_id": RUN_ID,
            "teardown": {
                "containers": {"by_name": [], "by_label": []},
                "volumes": [],
                "networks": [],
                "processes": [],
                "paths": [],
                "removed_utc": "2026-05-16T10:47:05.000001Z",
            },
        },
        "after": _witness("2026-05-16T10:47:06.000001Z", 104, rows_of, production),
        "confirmed": {
            "changed": True,
            "run_id": RUN_ID,
            "sha256_confirmed": DUMP_SHA256,
            "size_bytes": 4096,
            "confirmed_utc": "2026-05-16T10:47:07.000001Z",
            "encrypted": False,
            "directory": [
                {"name": DUMP.rpartition("/")[2], "size_bytes": 4096},
                {"name": "closeout.json", "size_bytes": None},
                {"name": "closeout.md", "size_bytes": None},
                {"name": "closeout.html", "size_bytes": None},
            ],
        },
        "history": {
            "changed": False,
            "run_id": RUN_ID,
            "trend": {
                "history": "/opt/incomex/backups/history.jsonl",
                "entries": 9,
                "good": 7,
                "previous": previous(settings, total),
                "recent": [{"run_id": EARLIER, "stamp": "20260509T104634Z", "result": "ALL_PASS", "rows": total + 30}],
            },
        },
    }
    for second, step in enumerate(answer):
        answer[step]["took"] = {"started_utc": f"2026-05-16T10:46:{30 + second}.000001Z", "duration_s": 0.75}
    return alone(answer)


def collected(steps: Json) -> Json:
    """Put results together as the role does."""
    document: Json = collect(
        steps,
        host="prod1",
        collection={"version": "0.1.0", "sha256": "ef" * 32},
        orchestrator={"path": "/srv/closeout.yml", "sha256": "01" * 32, "ansible_core": "2.19.14", "awx_job_id": None},
    )
    return document


def passing(driver: str = "docker", rows: int | None = None) -> Json:
    """Return evidence that must give ALL_PASS."""
    return alone(collected(results(driver, rows)))
