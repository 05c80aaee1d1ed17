"""The verdict: a complete run passes, and whatever is missing, changed or untrue in it keeps it from passing."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._checks_content import HARMLESS
from ansible_collections.incomex.closeout.plugins.module_utils._checks_run import MASKS
from ansible_collections.incomex.closeout.plugins.module_utils._dump_warnings import _KNOWN as KNOWN_MESSAGES
from ansible_collections.incomex.closeout.plugins.module_utils._dump_warnings import read_messages
from ansible_collections.incomex.closeout.plugins.module_utils._outcome import FAIL, INFO, NOT_RUN, PASS
from ansible_collections.incomex.closeout.plugins.module_utils._verdict import (
    NOT_PROVEN,
    SAFE_CHANGED,
    SAFE_UNCHANGED,
    verdict,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.evidence import (
    COUNTS,
    EARLIER,
    FACTS,
    KINDS,
    NONCE,
    RUN_ID,
    STATISTICS,
    TABLES,
    Json,
    alone,
    digest_of,
    passing,
)

CHECKS = [
    "plan.ready",
    "evidence.whole",
    "dump.complete",
    "dump.encrypted",
    "dump.tables",
    "dump.rows",
    "dump.content",
    "dump.census",
    "dump.sequences",
    "dump.warnings",
    "dump.sha256_confirmed",
    "trend.shrink",
    "scratch.guard",
    "scratch.isolated",
    "restore.clean",
    "restore.tables",
    "restore.rows",
    "restore.content",
    "restore.objects",
    "teardown.absent",
    "teardown.storage",
    "production.identity",
    "production.not_restarted",
    "production.tables",
    "production.rows",
    "production.read_only",
    "production.waits",
    "production.neighbours",
]
Path = tuple[Any, ...]
FIRST = TABLES[0]
OTHER_SHA256 = "ba" * 32


class _Gone:
    """As a value: the key is not there at all."""

    def __repr__(self) -> str:
        return "gone"


GONE = _Gone()


def place(path: str) -> Path:
    """Read `a.b.0.c` as a path; numbers lead into lists."""
    return tuple(int(part) if part.isdigit() else part for part in path.split("."))


def put(document: Any, path: Path, value: Any) -> None:
    """Set what is at `path`, or remove it."""
    for part in path[:-1]:
        document = document[part]
    if value is GONE:
        del document[path[-1]]
    else:
        document[path[-1]] = value


def at(document: Any, path: Path) -> Any:
    """Return what is at `path`, GONE where a mapping does not have it."""
    for part in path:
        document = document.get(part, GONE) if isinstance(document, dict) else document[part]
    return document


def changed(evidence: Json, **values: Any) -> Json:
    """Return a copy with values changed; `__` in a name stands for the dot of a path."""
    document = alone(evidence)
    for name, value in values.items():
        put(document, place(name.replace("__", ".")), value)
    return document


def statuses(evidence: Json) -> dict[str, str]:
    """Return the status of every check."""
    return {one["id"]: one["status"] for one in verdict(evidence)["checks"]}


def detail(evidence: Json, check: str) -> str:
    """Return the sentence of one check."""
    found: str = next(one["detail"] for one in verdict(evidence)["checks"] if one["id"] == check)
    return found


# ---- what passes


@pytest.mark.parametrize("driver", ["docker", "local"])
@pytest.mark.parametrize("rows", [None, 0], ids=["rows", "counted zeros"])
def test_a_complete_run_passes(driver: str, rows: int | None) -> None:
    """Every check is PASS, every VERIFY line too; twelve tables with a counted zero each are evidence."""
    found = verdict(passing(driver, rows))
    assert {one["id"]: one["status"] for one in found["checks"]} == dict.fromkeys(CHECKS, PASS)
    assert found["result"] == {
        "closeout_result": "ALL_PASS",
        "failed": [],
        "backup_verified": True,
        "restore_tested": True,
        "restore_env_torn_down": True,
        "production_state": SAFE_UNCHANGED,
        "verify": {"VERIFY_dump_contains_12_cg_tables": PASS, "VERIFY_restore_test": PASS},
        "message": "CLOSEOUT_RESULT: ALL_PASS",
    }


def test_a_compressed_dump_may_be_of_any_size_but_its_text_of_none() -> None:
    small = changed(passing(), dump__compression="zstd", dump__text_bytes=1_000_000)
    assert statuses(small)["dump.complete"] == PASS
    assert statuses(changed(small, dump__text_bytes=0))["dump.complete"] == FAIL


def sealed(**values: Any) -> Json:
    """Return the evidence of a run with an encrypted dump that passes, with values changed."""
    recipients = ["age1aaaaaaaaaaaa", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA me"]
    found = changed(
        passing(),
        settings__age_recipients=recipients,
        dump__encryption={"program": "age", "version": "1.1.1", "recipients": recipients, "clear_bytes": 4096},
        dump__encrypted_confirmed=True,
        restore__decrypted=True,
    )
    for one in (found["dump"], *(one for one in found["dump"]["directory"] if one["size_bytes"] == 4096)):
        one["size_bytes"] = 22 + 300 + 48 + 16 + 4096 + 16
    return changed(found, **values)


def test_an_encrypted_dump_passes_and_says_who_can_open_it() -> None:
    found = verdict(sealed())
    assert found["result"]["closeout_result"] == "ALL_PASS"
    assert statuses(sealed())["dump.encrypted"] == PASS
    told = detail(sealed(), "dump.encrypted")
    assert "age1aaaaaaaaaaaa, ssh-ed25519 AAAA" in told and "in the clear" in told
    assert "in memory" in detail(sealed(settings__scratch_storage="tmpfs"), "dump.encrypted")


@pytest.mark.parametrize(
    ("path", "value", "check", "status"),
    [
        ("dump.encryption", None, "dump.encrypted", FAIL),
        ("dump.encryption", GONE, "dump.encrypted", FAIL),
        ("dump.encryption", {}, "dump.encrypted", FAIL),
        ("dump.encryption.recipients", ["age1aaaaaaaaaaaa"], "dump.encrypted", FAIL),
        ("dump.encryption.recipients", None, "dump.encrypted", FAIL),
        ("settings.age_recipients", [], "dump.encrypted", FAIL),
        ("settings.age_recipients", None, "dump.encrypted", FAIL),
        ("dump.encrypted_confirmed", False, "dump.encrypted", FAIL),
        ("dump.encrypted_confirmed", None, "dump.encrypted", NOT_RUN),
        ("restore.decrypted", False, "dump.encrypted", FAIL),
        ("restore.decrypted", None, "dump.encrypted", FAIL),
        ("dump.encryption.clear_bytes", None, "dump.complete", FAIL),
        ("dump.encryption.clear_bytes", 4095, "dump.complete", FAIL),
        ("dump.encryption.clear_bytes", True, "dump.complete", FAIL),
        ("dump.encryption.recipients", 7, "dump.complete", FAIL),
        ("dump.text_bytes", 4097, "dump.complete", FAIL),
    ],
)
def test_an_encrypted_dump_that_is_not_one_fails(path: str, value: Any, check: str, status: str) -> None:
    evidence = sealed()
    put(evidence, place(path), value)
    assert statuses(evidence)[check] == status
    assert verdict(evidence)["result"]["closeout_result"] == "FAIL"


def test_an_encrypted_dump_that_was_not_restored_is_encrypted_all_the_same() -> None:
    evidence = sealed(restore=None)
    assert statuses(evidence)["dump.encrypted"] == PASS and statuses(evidence)["restore.clean"] == NOT_RUN
    assert "not restored here" in detail(evidence, "dump.encrypted")
    assert verdict(evidence)["result"]["closeout_result"] == "FAIL"


def test_a_file_that_lacks_a_piece_is_not_what_was_encrypted() -> None:
    """A header for each recipient, and 16 bytes for every 64 kB: nothing of 64 kB can be missing."""
    size = 22 + 300 + 48 + 16 + 200_000 + 4 * 16
    one = {"dump__size_bytes": size, "dump__directory": [], "dump__text_bytes": 200_000}
    whole = sealed(**one, dump__encryption__clear_bytes=200_000)
    assert statuses(whole)["dump.complete"] == PASS
    assert statuses(changed(whole, dump__size_bytes=size - 65552))["dump.complete"] == FAIL
    assert statuses(changed(whole, dump__size_bytes=size + 65552))["dump.complete"] == FAIL
    assert statuses(changed(whole, dump__encryption=None))["dump.complete"] == FAIL
    packed = changed(whole, dump__compression="gzip", dump__text_bytes=1_000_000)
    assert statuses(packed)["dump.complete"] == PASS


def test_an_encrypted_archive_is_not_mounted() -> None:
    archive = sealed(dump__format="custom", dump__text_bytes=1_000_000)
    mount = {"type": "bind", "path": "/closeout-dump", "source": archive["dump"]["path"], "writable": False}
    assert statuses(archive)["scratch.isolated"] == PASS
    mounted = changed(archive, restore__scratch__isolation__mounts=[mount])
    assert statuses(mounted)["scratch.isolated"] == FAIL


@pytest.mark.parametrize("form", ["custom", "directory"])
def test_an_archive_may_be_the_only_mount_of_the_host(form: str) -> None:
    """Read-only, and no other; a plain dump is never mounted, and the text of an archive is not its size."""
    archive = changed(passing(), dump__format=form, dump__text_bytes=1_000_000)
    path = archive["dump"]["path"]
    mount = {"type": "bind", "path": "/closeout-dump", "source": path, "writable": False}
    isolation = "restore__scratch__isolation__mounts"

    def with_mounts(evidence: dict[str, Any], *mounts: dict[str, Any]) -> str:
        volume = {"type": "volume", "path": "/closeout", "writable": True}
        return statuses(changed(evidence, **{isolation: [volume, *mounts]}))["scratch.isolated"]

    assert statuses(archive)["dump.complete"] == PASS
    assert with_mounts(archive) == with_mounts(archive, mount) == PASS
    assert with_mounts(archive, {**mount, "writable": True}) == FAIL
    assert with_mounts(archive, {**mount, "source": "/etc"}) == FAIL
    assert with_mounts(archive, mount, {**mount, "source": "/etc"}) == FAIL
    assert with_mounts(passing(), mount) == FAIL


def test_without_a_limit_the_longest_wait_is_told() -> None:
    unlimited = changed(passing(), settings__max_blocking_s=0, production__longest_wait_caused_s=3600.0)
    assert statuses(unlimited)["production.waits"] == INFO
    assert statuses(changed(passing(), production__longest_wait_caused_s=0.0))["production.waits"] == PASS


def test_the_first_good_run_has_nothing_to_be_held_against() -> None:
    """It is told; and a run before that passed cannot be forgotten."""
    first = changed(passing(), trend__previous=None, trend__good=0)
    assert (statuses(first)["trend.shrink"], verdict(first)["result"]["closeout_result"]) == (INFO, "ALL_PASS")
    assert "9 that did not pass" in detail(first, "trend.shrink")
    assert "did not pass" not in detail(changed(first, trend__entries=0), "trend.shrink")


@pytest.mark.parametrize("name", ["size_bytes", "rows", "audited_rows"])
def test_a_dump_may_shrink_up_to_the_limit(name: str) -> None:
    """To the very byte and row; the numbers are told, and without a limit they still are."""
    evidence = passing()
    now = {
        "size_bytes": evidence["dump"]["size_bytes"],
        "rows": evidence["dump"]["manifest"]["rows"],
        "audited_rows": evidence["dump"]["rows_total"],
    }[name]
    most = now * 100 // 80
    within = changed(evidence, **{f"trend__previous__{name}": most})
    assert statuses(within)["trend.shrink"] == PASS
    beyond = changed(evidence, **{f"trend__previous__{name}": most + 1})
    assert statuses(beyond)["trend.shrink"] == FAIL
    assert f"{most + 1}, now {now} (-20" in detail(beyond, "trend.shrink")
    assert EARLIER in detail(beyond, "trend.shrink")
    assert statuses(changed(beyond, settings__shrink_limit_percent=21))["trend.shrink"] == PASS
    unlimited = changed(beyond, settings__shrink_limit_percent=0)
    assert (statuses(unlimited)["trend.shrink"], verdict(unlimited)["result"]["closeout_result"]) == (INFO, "ALL_PASS")
    assert f"{most + 1}, now {now}" in detail(unlimited, "trend.shrink")


@pytest.mark.parametrize(
    "other",
    [{"format": "custom"}, {"compression": "gzip"}, {"compression_level": 9}, {"encrypted": True}],
    ids=str,
)
def test_dumps_that_were_written_in_another_way_are_compared_by_their_text(other: dict[str, Any]) -> None:
    evidence = changed(passing(), trend__previous__size_bytes=1_000_000)
    assert statuses(evidence)["trend.shrink"] == FAIL
    evidence["trend"]["previous"].update(other)
    assert statuses(evidence)["trend.shrink"] == PASS
    assert "bytes of the dump's text: 4000, now 4096" in detail(evidence, "trend.shrink")
    for text in (1_000_000, None, True, "4000", -1):
        evidence["trend"]["previous"]["text_bytes"] = text
        assert statuses(evidence)["trend.shrink"] == FAIL


def test_what_was_empty_cannot_shrink_and_how_long_it_took_is_a_remark() -> None:
    evidence = changed(passing(rows=0), trend__previous__audited_rows=0, trend__previous__durations_s__dump=0.001)
    assert statuses(evidence)["trend.shrink"] == PASS
    assert "the dump took 0.001 s, now 1.5 s" in detail(evidence, "trend.shrink")


def test_every_check_stands_in_a_section_of_the_record() -> None:
    checks = verdict(passing())["checks"]
    sections = {"plan": 6, "evidence": 6, "scratch": 3, "restore": 3, "teardown": 4, "production": 5}
    sections |= {"trend": 2, "dump.complete": 1, "dump.encrypted": 1, "dump.sha256_confirmed": 1, "dump.warnings": 1}
    sections |= {"dump.tables": 2, "dump.rows": 2, "dump.content": 2, "dump.census": 2, "dump.sequences": 2}
    for one in checks:
        assert one["section"] == sections.get(one["id"], sections.get(one["id"].partition(".")[0])), one["id"]
    assert all(one["title"] and one["detail"] for one in checks)


def test_judging_does_not_change_the_evidence() -> None:
    evidence = passing()
    verdict(evidence)
    assert evidence == passing()


@pytest.mark.parametrize(
    ("values", "check", "status"),
    [
        pytest.param({"settings__production_quiet": False}, "production.rows", PASS, id="not quiet, nothing changed"),
        pytest.param({"plan__notes": []}, "plan.ready", PASS, id="no notes"),
        pytest.param(
            {"production__after__container__health": "healthy", "production__before__container__health": "starting"},
            "production.not_restarted",
            PASS,
            id="health better",
        ),
        pytest.param(
            {"production__after__container__health": "", "production__before__container__health": ""},
            "production.not_restarted",
            PASS,
            id="no health check at all",
        ),
        pytest.param(
            {
                "settings__restore_tolerance": "by_hand",
                "restore__on_error_stop": False,
                "restore__errors": {"total": 3, "tolerated": {"role": 1, "owner": 1, "acl": 1}, "fatal": []},
            },
            "restore.clean",
            PASS,
            id="by hand, all errors of a tolerated class",
        ),
        pytest.param(
            {"production__after__neighbours__1__state": "exited", "settings__protected_containers": []},
            "production.neighbours",
            INFO,
            id="an unprotected neighbour stopped",
        ),
        pytest.param(
            {"production__after__neighbours__1__state": "exited"}, "production.neighbours", PASS, id="beside protected"
        ),
        pytest.param({"production__before__data_directory": "", "production__after__data_directory": ""},
                     "production.identity", PASS, id="production's data directory may be unreadable"),
        pytest.param({"restore__scratch__isolation__user": "999:999"}, "scratch.isolated", PASS, id="user by number"),
        pytest.param({"dump__messages__told": {"collation_version": 2, "password_file": 1}}, "dump.warnings", PASS,
                     id="pg_dump said what is harmless"),
        pytest.param(
            {
                "production__snapshot__census__told": ["EXTENSION pg_trgm 1.3 comes back as 1.6"],
                "production__snapshot__census__told_total": 1,
            },
            "dump.census",
            PASS,
            id="told, not lost",
        ),
        pytest.param({"restore__compare__equal": 15, "restore__compare__equal_other_order": 0}, "restore.content", PASS,
                     id="every table in the dump's order"),
        pytest.param(
            {
                "restore__compare__objects_equal": 40,
                "restore__compare__objects_equal_other_column_order": 0,
                "restore__compare__objects_equal_after_redeparse": 0,
            },
            "restore.objects",
            PASS,
            id="every definition by its text",
        ),
        pytest.param({"restore__compare__census__extensions__plpgsql": "1.1"}, "restore.objects", PASS,
                     id="another version of an extension"),
        pytest.param(
            {
                "restore__compare__census__extensions__plpgsql": "1.1",
                "restore__compare__census__counts__extension columns": 3,
            },
            "restore.objects",
            PASS,
            id="an extension's tables in another version of it",
        ),
        pytest.param({"production__snapshot__census__counts__rules": 0}, "restore.objects", PASS,
                     id="a count of nothing that an older server does not have"),
        pytest.param(
            {"production__snapshot__census__extensions": {}, "restore__compare__census__extensions": {}},
            "restore.objects",
            PASS,
            id="no extension at all",
        ),
    ],
)  # fmt: skip
def test_what_is_no_fault_passes(values: Json, check: str, status: str) -> None:
    evidence = changed(passing(), **values)
    assert statuses(evidence)[check] == status
    assert verdict(evidence)["result"]["closeout_result"] == "ALL_PASS"


def test_production_may_write_where_it_was_not_said_to_be_quiet() -> None:
    """Its own traffic is told, table by table, and is no fault; the state says so."""
    evidence = changed(passing(), settings__production_quiet=False)
    evidence["production"]["after"]["rows"][FIRST] += 7
    evidence["production"]["after"]["rows_total"] += 7
    found = verdict(evidence)["result"]
    assert (found["closeout_result"], found["production_state"]) == ("ALL_PASS", SAFE_CHANGED)
    assert statuses(evidence)["production.rows"] == INFO
    assert f"{FIRST}: 10 before, 17 after" in detail(evidence, "production.rows")


def test_rows_that_only_the_snapshot_does_not_have_are_seen() -> None:
    """Another table may have had the name when the dump was taken, with production's own rows before and after."""
    evidence = passing()
    tables = evidence["production"]["snapshot"]["tables"]
    for part in (evidence["dump"]["rows"], evidence["restore"]["rows"]):
        part[FIRST] -= 1
    tables[FIRST]["rows"] -= 1
    for quiet, status in ((True, FAIL), (False, INFO)):
        evidence["settings"]["production_quiet"] = quiet
        assert statuses(evidence)["production.rows"] == status
        assert "9 in the snapshot of the dump" in detail(evidence, "production.rows")


def test_a_standby_that_was_promoted_meanwhile_is_another_production() -> None:
    evidence = changed(passing(), production__before__in_recovery=True)
    assert statuses(evidence)["production.identity"] == FAIL
    assert "in recovery: True before, False after" in detail(evidence, "production.identity")
    unread = changed(passing(), production__before__in_recovery=None, production__after__in_recovery=None)
    assert statuses(unread)["production.identity"] == FAIL


# ---- single mutations


class Fault(NamedTuple):
    """One change of passing evidence, the check that must notice, and as what."""

    path: str
    value: Any
    check: str
    status: str = FAIL
    driver: str = "docker"


def _rows(path: str, check: str) -> list[Fault]:
    """Return the faults of a mapping of counted rows."""
    base = f"{path}.{FIRST}"
    return [
        Fault(base, 11, check),
        Fault(base, 9, check),
        Fault(base, None, check),
        Fault(base, GONE, check),
        Fault(base, True, check),
        Fault(base, "10", check),
        Fault(base, 10.0, check),
        Fault(base, -1, check),
        Fault(base, [10], check),
    ]


def _tables(path: str, check: str) -> list[Fault]:
    """Return the faults of a list of tables."""
    return [
        Fault(path, TABLES[1:], check),
        Fault(path, [*TABLES, "intruder"], check),
        Fault(path, [*TABLES[1:], FIRST.upper()], check),
        Fault(path, [], check),
        Fault(path, None, check, NOT_RUN),
        Fault(path, len(TABLES), check, NOT_RUN),
        Fault(path, ",".join(TABLES), check, NOT_RUN),
    ]


_ISOLATION: dict[str, tuple[Any, ...]] = {
    "network_mode": ("bridge", "host", "container:postgres", "", None, GONE),
    "listen_addresses": ("*", "localhost", None, GONE),
    "published_ports": (["5432/tcp"], None, {}, GONE),
    "capabilities": (["NET_ADMIN"], ["Docker's default set"], None, GONE),
    "privileged": (True, None, 0, GONE),
    "no_new_privileges": (False, None, 1, GONE),
    "user": ("root", "0", "0:0", "root:root", "00", " ", "", None, 0, GONE),
}
_ISOLATION_OF_DOCKER: dict[str, tuple[Any, ...]] = {
    "network_mode": ("unix socket only",),
    "read_only_root": (False, None, 1, GONE),
    "memory_bytes": (0, None, -1, True, GONE),
    "pids_limit": (0, None, -1, True, GONE),
    "mounts": (None, "", [{"type": "bind", "path": "/"}], [{}], [None], GONE),
}
_LEFT: tuple[Any, ...] = (["left"], None, GONE, {}, 0)
_NO_WAIT: tuple[Any, ...] = (None, True, "1.5", [], math.nan, math.inf, GONE)
_NO_SESSIONS: tuple[Any, ...] = (None, {}, "", GONE)
_NO_COUNTS: tuple[Any, ...] = (None, GONE, True, -1, "15", 15.0, [15])
_COMPARED = "restore.compare"
_SEQUENCES = "production.snapshot.sequences"
_CENSUS = "production.snapshot.census"
_MISSING = {"about": "objects", "object": "VIEW a.b", "kind": "missing", "wanted": "in the dump", "found": "not there"}


def _each(*values: Any) -> tuple[Any, ...]:
    """Return values of several types, as what they are to the type checker: anything."""
    return values


def _counts(path: str, *checks: str, wrong: tuple[Any, ...]) -> list[Fault]:
    """Return the faults of a number: other ones, and what is none."""
    return [Fault(path, value, check) for value in (*wrong, *_NO_COUNTS) for check in checks]


def _digests(path: str, check: str) -> list[Fault]:
    """Return the faults of a digest that stands on both sides."""
    return [
        Fault(path, value, check) for value in _each(OTHER_SHA256, "", None, GONE, True, 0, [], digest_of(FIRST)[:-1])
    ]


_TREND = "trend.shrink"
_NO_LINE: tuple[Any, ...] = (None, {}, [], "4096", GONE)
_NO_TREND: tuple[Any, ...] = (None, [], "", GONE)
_FAULTS_OF_THE_TREND = [
    *(Fault(f"trend.previous.{name}", 5121, _TREND) for name in ("size_bytes", "rows", "audited_rows")),
    *(
        Fault(f"trend.previous.{name}", value, _TREND)
        for name in ("size_bytes", "rows", "audited_rows")
        for value in (None, GONE, True, "4096", -1, 4096.0)
    ),
    *(
        Fault(f"trend.previous.{name}", value, _TREND)
        for name in ("host", "production", "db", "audited_schema")
        for value in ("another", "", None, GONE)
    ),
    *(Fault("trend.previous.result", value, _TREND) for value in ("FAIL", "PASS", None, True, GONE)),
    *(Fault("trend.previous.run_id", value, _TREND) for value in (RUN_ID, "", None, GONE)),
    *(Fault("trend.previous", value, _TREND) for value in _NO_LINE),
    *(Fault("trend.good", value, _TREND) for value in (0, 10, -1, True, None, GONE)),
    *(Fault("trend.entries", value, _TREND) for value in (0, 6, True, None, GONE)),
    *(Fault("trend", value, _TREND, NOT_RUN) for value in _NO_TREND),
    *(Fault("settings.shrink_limit_percent", value, _TREND) for value in (101, -1, True, "20", 20.0, None, GONE)),
    *(Fault(f"run.{name}", value, _TREND) for name in ("host", "db") for value in ("another", "", GONE)),
    *(Fault("settings.production", value, _TREND) for value in ("another", "", GONE)),
    Fault("dump.manifest.rows", 1, _TREND),
    Fault("dump.manifest.rows", None, _TREND),
    Fault("dump.size_bytes", 3199, _TREND),
]

FAULTS = [
    Fault("dump.encryption", GONE, "dump.encrypted"),
    Fault("dump.encryption", {"program": "age", "recipients": []}, "dump.encrypted"),
    Fault("dump.encrypted_confirmed", True, "dump.encrypted"),
    Fault("restore.decrypted", True, "dump.encrypted"),
    Fault("restore.decrypted", None, "dump.encrypted"),
    Fault("settings.age_recipients", ["age1aaaaaaaaaaaa"], "dump.encrypted"),
    Fault("settings.age_recipients", GONE, "dump.encrypted"),
    *_FAULTS_OF_THE_TREND,
    # the plan
    Fault("plan", None, "plan.ready"),
    Fault("plan.problems", GONE, "plan.ready"),
    Fault("plan.problems", False, "plan.ready"),
    Fault("plan.problems", [{"id": "a", "object": "o", "wanted": "w", "found": "f", "do": "d"}], "plan.ready"),
    Fault("plan.problems", [{}], "plan.ready"),
    # the evidence as a whole
    Fault("schema", "incomex.closeout/evidence/2", "evidence.whole"),
    Fault("schema", GONE, "evidence.whole"),
    Fault("run.id", "", "evidence.whole"),
    Fault("run.id", "another", "evidence.whole"),
    Fault("run.parts", {}, "evidence.whole"),
    Fault("failures", [{"step": "after", "task": "Take the witness after", "message": "no"}], "evidence.whole"),
    Fault("failures", None, "evidence.whole"),
    Fault("settings.production_quiet", "true", "evidence.whole"),
    Fault("settings.production_quiet", None, "evidence.whole"),
    Fault("settings.protected_containers", None, "evidence.whole"),
    Fault("settings.restore_tolerance", GONE, "evidence.whole"),
    *(Fault(f"{part}.rows_total", value, "evidence.whole")
      for part in ("production.before", "production.after", "production.snapshot", "dump", "restore")
      for value in (781, 779, None, True)),
    # the expectation
    *(Fault("settings.expected_tables", value, check)
      for value in ([], None, TABLES[1:], [*TABLES, "intruder"])
      for check in ("dump.tables", "restore.tables", "production.tables")),
    Fault("settings.expected_tables", [], "dump.rows"),
    Fault("settings.expected_tables", [], "restore.rows"),
    Fault("settings.expected_tables", [*TABLES, "uncounted"], "dump.rows"),
    Fault("settings.expected_tables", [["a"]], "dump.tables"),
    # the dump
    Fault("dump", None, "dump.complete", NOT_RUN),
    Fault("dump", None, "dump.tables", NOT_RUN),
    Fault("dump", None, "dump.rows", NOT_RUN),
    Fault("dump", None, "dump.sha256_confirmed", NOT_RUN),
    *(Fault("dump.rc", value, "dump.complete") for value in (1, -9, None, False, "0", GONE)),
    *(Fault("dump.complete", value, "dump.complete") for value in (False, None, 1, "true", GONE)),
    *(Fault("dump.size_bytes", value, "dump.complete") for value in (0, -1, None, True, "4096", 4095, 4097)),
    *(Fault("dump.text_bytes", value, "dump.complete") for value in (0, -1, None, True, "4096", 4095, 4097, GONE)),
    *(Fault("dump.compression", value, "dump.complete") for value in (None, "", "zip", True, GONE)),
    *(Fault("dump.format", value, "dump.complete") for value in (None, "", "tar", True, GONE)),
    Fault("dump.directory.0.size_bytes", 4095, "dump.complete"),
    Fault("dump.directory.0.size_bytes", None, "dump.complete"),
    *_tables("dump.tables", "dump.tables"),
    *_rows("dump.rows", "dump.rows"),
    *_rows("dump.rows", "restore.rows"),
    Fault("dump.rows", None, "dump.rows", NOT_RUN),
    Fault("production.snapshot", None, "dump.rows", NOT_RUN),
    Fault("production.snapshot.tables", {}, "dump.rows"),
    Fault(f"production.snapshot.tables.{FIRST}", GONE, "dump.rows"),
    *(Fault(f"production.snapshot.tables.{FIRST}.rows", value, "dump.rows") for value in (11, 9, None, True, GONE)),
    # production's rows in the dump
    *_digests(f"dump.content.{FIRST}", "dump.content"),
    *_digests(f"production.snapshot.tables.{FIRST}.sha256", "dump.content"),
    Fault("dump.content", {}, "dump.content"),
    Fault("dump.content", None, "dump.content", NOT_RUN),
    Fault("dump.content", TABLES, "dump.content", NOT_RUN),
    Fault("dump.without_data", None, "dump.content", NOT_RUN),
    Fault("dump.without_data", [], "dump.content", NOT_RUN),
    Fault("production.snapshot", None, "dump.content", NOT_RUN),
    Fault("production.snapshot.tables", {}, "dump.content"),
    Fault("dump", None, "dump.content", NOT_RUN),
    Fault("settings.expected_tables", [], "dump.content", NOT_RUN),
    Fault("settings.expected_tables", [*TABLES, "uncompared"], "dump.content"),
    *(Fault("settings.production_content", value, "dump.content") for value in ("", "some", None, True, GONE, ["all"])),
    *(Fault("dump.without_data", {FIRST: reason}, "dump.content")
      for reason in ("partitioned", "loaded through cutter_governance.elsewhere", "loaded through other.root",
                     f"loaded through cutter_governance.{FIRST}", "loaded through ", "", None, True, "because")),
    Fault("settings.production_content", "all", "dump.content"),
    Fault("production.snapshot.content", {"tables": 15}, "dump.content"),
    # production's catalogues
    Fault("production.snapshot", None, "dump.census", NOT_RUN),
    *(Fault(_CENSUS, value, "dump.census", NOT_RUN) for value in _each(None, {}, [])),
    *(Fault(f"{_CENSUS}.kinds", value, "dump.census", NOT_RUN) for value in _each(None, {}, [], GONE)),
    *(Fault(f"{_CENSUS}.kinds.{kind}.{side}", value, "dump.census")
      for kind in KINDS
      for side in ("production", "dump")
      for value in (KINDS[kind] - 1, KINDS[kind] + 1, 0, *_NO_COUNTS[:4], str(KINDS[kind]), float(KINDS[kind]))),
    Fault(f"{_CENSUS}.kinds.TABLE", None, "dump.census"),
    Fault(f"{_CENSUS}.kinds.TABLE", GONE, "dump.census"),
    Fault(f"{_CENSUS}.kinds.TABLE", {"production": 11, "dump": 11}, "dump.census"),
    Fault(f"{_CENSUS}.kinds.VIEW", {"production": 1}, "dump.census"),
    Fault(f"{_CENSUS}.kinds", {"SCHEMA": {"production": 1, "dump": 1}}, "dump.census"),
    *(fault
      for name in (*(f"{_CENSUS}.{one}" for one in ("left_out", "unexplained", "lost", "told")), "dump.data_missing")
      for fault in (
          *_counts(f"{name}_total", "dump.census", wrong=(1,)),
          *(Fault(name, value, "dump.census") for value in _each(["VIEW a.b"], None, GONE, {}, "")),
      )),
    *_counts("dump.manifest.entries", "dump.census", wrong=(0, 43, 45)),
    *_counts("dump.manifest.objects", "dump.census", "restore.objects", wrong=(0, 1, 39, 41)),
    *_counts("dump.manifest.tables_with_data", "dump.census", wrong=(0, 14, 16)),
    *_counts("dump.manifest.tables", "dump.census", wrong=(0, 14, 16)),
    Fault("dump.manifest", None, "dump.census"),
    Fault("dump", None, "dump.census"),
    # values of sequences
    Fault("production.snapshot", None, "dump.sequences", NOT_RUN),
    *(Fault(_SEQUENCES, value, "dump.sequences", NOT_RUN) for value in _each(None, {}, [], GONE)),
    *(fault
      for name, right in (("sequences", 4), ("at_rest", 3), ("moved", 1))
      for fault in _counts(f"{_SEQUENCES}.{name}", "dump.sequences", wrong=(right - 1, right + 1))),
    *_counts(f"{_SEQUENCES}.different_total", "dump.sequences", wrong=(1,)),
    *(Fault(f"{_SEQUENCES}.different", value, "dump.sequences") for value in _each(["a.b"], None, GONE, {}, "")),
    # facts of the catalogues
    *(Fault(place, value, "restore.objects")
      for place in (f"{_CENSUS}.facts", "restore.compare.catalogue.facts")
      for value in _each(None, {}, [], GONE, {"column": 69}, {**FACTS, "more": 1})),
    *(fault
      for sort, number in FACTS.items()
      for place in (f"{_CENSUS}.facts", "restore.compare.catalogue.facts")
      for fault in _counts(f"{place}.{sort}", "restore.objects", wrong=(number - 1, number + 1))),
    *(Fault("restore.compare.catalogue", value, "restore.objects") for value in _each(None, {}, [], GONE)),
    *_counts("restore.compare.catalogue.equal", "restore.objects", wrong=(0, 95, 97)),
    *_counts("restore.compare.catalogue.equal_after_redeparse", "restore.objects", wrong=(0, 1, 3)),
    *_counts("restore.compare.catalogue.not_compared", "restore.objects", wrong=(1, 2)),
    # what pg_dump said
    Fault("dump", None, "dump.warnings", NOT_RUN),
    *(Fault("dump.messages", value, "dump.warnings", NOT_RUN) for value in _each(None, {}, [])),
    *(Fault("dump.messages.unclassified_total", value, "dump.warnings", NOT_RUN) for value in _NO_COUNTS),
    Fault("dump.messages.unclassified_total", 1, "dump.warnings"),
    *(Fault("dump.messages.unclassified", value, "dump.warnings", NOT_RUN) for value in _each(None, GONE, {}, 0)),
    Fault("dump.messages.unclassified", ["pg_dump: warning: subscriptions not dumped"], "dump.warnings"),
    *(Fault("dump.messages.told", value, "dump.warnings", NOT_RUN) for value in _each(None, GONE, [], 0)),
    *(Fault("dump.messages.told", {"collation_version": value}, "dump.warnings") for value in (0, *_NO_COUNTS[2:])),
    Fault("dump.messages.told", {"subscriptions": 1}, "dump.warnings"),
    Fault("dump.messages.told", {"": 1}, "dump.warnings"),
    # what was written and restored
    Fault("dump.sha256", OTHER_SHA256, "dump.sha256_confirmed"),
    Fault("dump.sha256", None, "dump.sha256_confirmed", NOT_RUN),
    Fault("dump.sha256_confirmed", OTHER_SHA256, "dump.sha256_confirmed"),
    Fault("dump.sha256_confirmed", "", "dump.sha256_confirmed", NOT_RUN),
    Fault("restore.input_sha256", OTHER_SHA256, "dump.sha256_confirmed"),
    Fault("restore.input_sha256", "", "dump.sha256_confirmed", NOT_RUN),
    Fault("restore", None, "dump.sha256_confirmed", NOT_RUN),
    # the guard
    Fault("restore.guard", None, "scratch.guard", NOT_RUN),
    Fault("restore", None, "scratch.guard", NOT_RUN),
    Fault("restore.guard.scratch", None, "scratch.guard"),
    Fault("restore.guard.scratch.sysid", "7301234567890123456", "scratch.guard"),
    Fault("restore.guard.scratch.sysid", 7301234567890123456, "scratch.guard"),
    Fault("restore.guard.scratch.sysid", "", "scratch.guard"),
    Fault("restore.guard.scratch.container.id", "c0" * 32, "scratch.guard"),
    Fault("restore.guard.scratch.container.id", "dd" * 32, "scratch.guard"),
    Fault("restore.guard.scratch.container", None, "scratch.guard"),
    Fault("restore.scratch.container_id", "", "scratch.guard"),
    Fault("restore.guard.scratch.postmaster_start_utc", "2026-04-18T08:00:02.000001Z", "scratch.guard"),
    Fault("restore.guard.scratch.postmaster_start_utc", "", "scratch.guard"),
    Fault("restore.guard.scratch.data_directory", "/var/lib/postgresql/data", "scratch.guard"),
    Fault("restore.guard.scratch.data_directory", "", "scratch.guard"),
    Fault("restore.guard.scratch.data_directory", "/var/lib/postgresql/data", "scratch.guard", driver="local"),
    Fault("restore.guard.scratch.sysid", "7301234567890123456", "scratch.guard", driver="local"),
    Fault("restore.guard.scratch.nonce", "", "scratch.guard"),
    Fault("restore.guard.scratch.nonce", NONCE[::-1], "scratch.guard"),
    Fault("restore.nonce", "", "scratch.guard"),
    Fault("restore.nonce", None, "scratch.guard"),
    Fault("restore.guard.production_sysid", "7300000000000000000", "scratch.guard"),
    Fault("production.before", None, "scratch.guard"),
    Fault("production.before.sysid", "", "scratch.guard"),
    Fault("production.before.postmaster_start_utc", "", "scratch.guard"),
    # the isolation
    Fault("restore", None, "scratch.isolated", NOT_RUN),
    Fault("restore.scratch", None, "scratch.isolated", NOT_RUN),
    Fault("restore.scratch.isolation", {}, "scratch.isolated", NOT_RUN),
    Fault("restore.scratch.driver", "podman", "scratch.isolated"),
    Fault("restore.scratch.driver", "local", "scratch.isolated"),
    Fault("restore.scratch.driver", "docker", "scratch.isolated", driver="local"),
    Fault("restore.scratch.driver", None, "scratch.isolated", driver="local"),
    *(Fault(f"restore.scratch.isolation.{name}", value, "scratch.isolated", driver=driver)
      for driver in ("docker", "local")
      for name, values in _ISOLATION.items()
      for value in values),
    *(Fault(f"restore.scratch.isolation.{name}", value, "scratch.isolated")
      for name, values in _ISOLATION_OF_DOCKER.items()
      for value in values),
    # the restore
    Fault("restore", None, "restore.clean", NOT_RUN),
    Fault("restore.rc", None, "restore.clean", NOT_RUN),
    *(Fault("restore.rc", value, "restore.clean") for value in (3, 1, -9, False, True, "0")),
    Fault("restore.errors", None, "restore.clean"),
    Fault("restore.errors.total", 1, "restore.clean"),
    Fault("restore.errors.total", None, "restore.clean"),
    Fault("restore.errors.total", False, "restore.clean"),
    Fault("restore.errors.fatal", ["line 9: 22P02: …"], "restore.clean"),
    Fault("restore.errors.fatal", None, "restore.clean"),
    Fault("restore.errors.tolerated", None, "restore.clean"),
    Fault("restore.errors.tolerated", {}, "restore.clean"),
    Fault("restore.errors.tolerated.owner", 1, "restore.clean"),
    Fault("restore.errors", {"total": 1, "tolerated": {"role": 0, "owner": 1, "acl": 0}, "fatal": []}, "restore.clean"),
    Fault("restore.on_error_stop", False, "restore.clean"),
    Fault("restore.on_error_stop", None, "restore.clean"),
    Fault("restore", None, "restore.tables", NOT_RUN),
    *_tables("restore.tables", "restore.tables"),
    Fault("restore", None, "restore.rows", NOT_RUN),
    Fault("restore.rows", None, "restore.rows", NOT_RUN),
    *_rows("restore.rows", "restore.rows"),
    # the comparison of the copy
    *(fault
      for check in ("restore.content", "restore.objects")
      for fault in (
          Fault("restore", None, check, NOT_RUN),
          *(Fault(_COMPARED, value, check, NOT_RUN) for value in _each(None, GONE, {}, [])),
          Fault(_COMPARED, "compared", check),
          *(Fault(f"{_COMPARED}.manifest_sha256", value, check) for value in (OTHER_SHA256, "", None, GONE, True)),
          *(Fault("dump.manifest.sha256", value, check) for value in (OTHER_SHA256, "", None, GONE, True)),
          Fault("dump.manifest", None, check),
          *(Fault(f"{_COMPARED}.db", value, check) for value in ("directus", "", None, GONE)),
          *(Fault("restore.db", value, check) for value in ("directus", "", None, GONE)),
          *(Fault(f"{_COMPARED}.server.sysid", value, check) for value in ("7301234567890123456", "", None, GONE)),
          *(Fault(f"{_COMPARED}.server.postmaster_start_utc", value, check)
            for value in ("2026-04-18T08:00:02.000001Z", "", None, GONE)),
          Fault(f"{_COMPARED}.server", None, check, NOT_RUN),
          Fault(f"{_COMPARED}.server", {}, check),
          *_counts(f"{_COMPARED}.differences_total", check, wrong=(1,)),
          *(Fault(f"{_COMPARED}.differences", value, check)
            for value in _each([_MISSING], [None], None, GONE, {}, 0)),
      )),
    *(fault
      for name, value in {"tables": 15, "rows": 810, "equal": 14, "equal_other_order": 1}.items()
      for fault in _counts(f"{_COMPARED}.{name}", "restore.content", wrong=(0, value - 1, value + 1))
      if fault.value != value),
    *_counts(f"{_COMPARED}.content_differences", "restore.content", wrong=(1,)),
    *_counts("dump.manifest.tables", "restore.content", wrong=(0, 1, 14, 16)),
    *_counts("dump.manifest.rows", "restore.content", wrong=(0, 809, 811)),
    *(fault
      for name, value in {
          "objects": 40, "objects_equal": 37, "objects_equal_other_column_order": 1,
          "objects_equal_after_redeparse": 2, "sequences": 4,
      }.items()
      for fault in _counts(f"{_COMPARED}.{name}", "restore.objects", wrong=(0, value - 1, value + 1))),
    *(fault
      for name in ("object_differences", "object_differences_of_privileges", "large_objects")
      for fault in _counts(f"{_COMPARED}.{name}", "restore.objects", wrong=(1,))),
    *(Fault(f"{path}.{name}", value, "restore.objects")
      for path in (f"{_COMPARED}.census.kinds", f"{_COMPARED}.census.counts", f"{_CENSUS}.counts")
      for name, number in (KINDS if path.endswith("kinds") else COUNTS).items()
      for value in (0, number - 1, number + 1, *_NO_COUNTS[:4], str(number), float(number))),
    *(Fault(path, value, "restore.objects")
      for path in (f"{_COMPARED}.census.kinds", f"{_COMPARED}.census.counts", f"{_CENSUS}.counts")
      for value in _each({}, None, GONE, [])),
    *(Fault(f"{_COMPARED}.census.{name}.VIEW", value, "restore.objects")
      for name in ("kinds", "counts") for value in (1, None, True)),
    Fault(f"{_COMPARED}.census", None, "restore.objects"),
    *(Fault(path, value, "restore.objects")
      for path in (f"{_COMPARED}.census.extensions", f"{_CENSUS}.extensions")
      for value in _each(None, GONE, [], "1.0")),
    Fault(f"{_COMPARED}.census.extensions", {}, "restore.objects"),
    Fault(f"{_COMPARED}.census.extensions.plpgsql", GONE, "restore.objects"),
    Fault(f"{_CENSUS}.extensions.hstore", "1.8", "restore.objects"),
    Fault(f"{_COMPARED}.census.extensions.hstore", "1.8", "restore.objects"),
    *(Fault(f"{path}.extensions.plpgsql", value, "restore.objects")
      for path in (f"{_COMPARED}.census", _CENSUS) for value in ("", None, 1, True)),
    # the teardown
    Fault("teardown", None, "teardown.absent", NOT_RUN),
    Fault("teardown", None, "teardown.storage", NOT_RUN),
    Fault("teardown", {}, "teardown.absent", NOT_RUN),
    *(Fault(f"teardown.{name}", value, check, driver=driver)
      for driver in ("docker", "local")
      for value in _LEFT
      for name, check in {
          "containers.by_name": "teardown.absent",
          "containers.by_label": "teardown.absent",
          "processes": "teardown.absent",
          "networks": "teardown.absent",
          "volumes": "teardown.storage",
          "paths": "teardown.storage"}.items()),
    Fault("dump.directory", [], "teardown.storage"),
    Fault("dump.directory", None, "teardown.storage"),
    Fault("dump.directory.1.name", "x.sql.partial", "teardown.storage"),
    # production
    *(Fault(f"production.{moment}", None, check, NOT_RUN)
      for moment in ("before", "after")
      for check in CHECKS if check.startswith("production.") and check != "production.waits"),
    *(Fault(f"production.{moment}.sysid", value, "production.identity")
      for moment in ("before", "after")
      for value in ("7300000000000000000", "", None)),
    Fault("production.after.container.id", "dd" * 32, "production.identity"),
    Fault("production.after.container", None, "production.identity"),
    Fault("production.after.data_directory", "/other", "production.identity"),
    Fault("production.after.data_directory", "", "production.identity"),
    Fault("settings.container", "postgres", "production.identity", driver="local"),
    Fault("production.after.postmaster_start_utc", "2026-05-16T10:47:00.000001Z", "production.not_restarted"),
    Fault("production.after.postmaster_start_utc", "", "production.not_restarted"),
    Fault("production.before.postmaster_start_utc", "", "production.not_restarted"),
    Fault("production.after.postmaster_start_utc", "", "production.not_restarted", driver="local"),
    Fault("production.after.checkpointer_start_utc", "2026-05-16T10:47:00.000001Z", "production.not_restarted"),
    Fault("production.after.checkpointer_start_utc", "2026-05-16T10:47Z", "production.not_restarted", driver="local"),
    *(Fault(f"production.{moment}.{name}", value, check)
      for moment in ("before", "after")
      for name in ("checkpointer_start_utc", "statistics_reset_utc")
      for value in (None, GONE)
      for check in ("production.not_restarted", "evidence.whole")),
    *(Fault(f"production.{moment}.statistics_reset_utc", [], "production.not_restarted")
      for moment in ("before", "after")),
    *(Fault(f"production.{moment}.checkpointer_start_utc", 0, "production.not_restarted")
      for moment in ("before", "after")),
    Fault("production.after.container.started_utc", "2026-05-16T10:47:00Z", "production.not_restarted"),
    Fault("production.after.container.started_utc", None, "production.not_restarted"),
    Fault("production.after.container.restart_count", 1, "production.not_restarted"),
    Fault("production.after.container.restart_count", False, "production.not_restarted"),
    *(Fault("production.after.container.health", value, "production.not_restarted")
      for value in ("unhealthy", "starting", "", "none", "dying", None, GONE)),
    *(Fault(f"production.{moment}.tables", value, "production.tables")
      for moment in ("before", "after")
      for value in (TABLES[1:], [*TABLES, "intruder"], [])),
    Fault("production.after.tables", None, "production.tables", NOT_RUN),
    *_rows("production.before.rows", "production.rows"),
    *_rows("production.after.rows", "production.rows"),
    Fault("production.before.rows", None, "production.rows"),
    Fault("production.after.rows", {}, "production.rows"),
    *(Fault("production.longest_wait_caused_s", value, "production.waits", NOT_RUN)
      for value in _NO_WAIT),
    *(Fault("production.longest_wait_caused_s", value, "production.waits") for value in (-1, 20.1, 21, 1e9)),
    *(Fault("production.waits", value, "production.waits", NOT_RUN) for value in _NO_SESSIONS),
    *(Fault("production.longest_unwatched_s", value, "production.waits", NOT_RUN) for value in _NO_WAIT),
    *(Fault("production.longest_unwatched_s", value, "production.waits") for value in (-1, 20.1, 3600)),
    *(Fault("settings.max_blocking_s", value, "production.waits") for value in (None, -1, True, "20", 1, GONE)),
    Fault("production.own_sessions", None, "production.read_only", NOT_RUN),
    Fault("production.own_sessions", [], "production.read_only", NOT_RUN),
    Fault("production.own_sessions.0.xid", "771", "production.read_only"),
    Fault("production.own_sessions.1.xid", "", "production.read_only"),
    Fault("production.own_sessions.1.xid", GONE, "production.read_only"),
    *(Fault(f"production.{moment}.{path}", value, "production.read_only", status)
      for moment in ("before", "after")
      for path, value, status in [
          ("own_sessions.0.xid", "771", FAIL),
          ("own_sessions.0.xid", 0, FAIL),
          ("own_sessions.0.xid", GONE, FAIL),
          ("own_sessions", [], NOT_RUN),
          ("own_sessions", None, NOT_RUN),
          ("xid", "771", FAIL),
          ("xid", GONE, FAIL)]),
    *(Fault(f"production.after.neighbours.0.{name}", value, "production.neighbours")
      for name, value in {
          "id": "other", "state": "exited", "started_utc": "2026-05-16T10:47:00Z", "restart_count": 1,
          "name": "x"}.items()),
    Fault("production.after.neighbours.0", GONE, "production.neighbours"),
    Fault("production.before.neighbours.0", GONE, "production.neighbours"),
    Fault("settings.protected_containers", ["absent"], "production.neighbours"),
    Fault("production.before.neighbours", None, "production.neighbours"),
    Fault("production.after.neighbours", None, "production.neighbours"),
]  # fmt: skip


@pytest.mark.parametrize(
    "fault", FAULTS, ids=lambda fault: f"{fault.driver}-{fault.path}={fault.value!r:.40}-{fault.check}"
)
def test_a_fault_is_found_by_its_check(fault: Fault) -> None:
    """The check that is about it says so, the result is FAIL and names that check."""
    evidence = passing(fault.driver)
    path = place(fault.path)
    if fault.value is not GONE:
        assert at(evidence, path) != fault.value or type(at(evidence, path)) is not type(fault.value)
    put(evidence, path, fault.value)
    found = verdict(evidence)["result"]
    assert statuses(evidence)[fault.check] == fault.status
    assert found["closeout_result"] == "FAIL"
    assert fault.check in found["failed"]
    assert fault.check in found["message"]


def test_the_table_of_faults_is_about_every_check() -> None:
    assert {fault.check for fault in FAULTS} == set(CHECKS)


BOTH: list[tuple[str, Any, str]] = [
    ("sysid", "", "production.identity"),
    ("sysid", None, "production.identity"),
    ("postmaster_start_utc", "", "production.not_restarted"),
    ("container.started_utc", "", "production.not_restarted"),
    ("container.started_utc", GONE, "production.not_restarted"),
    ("container.restart_count", None, "production.not_restarted"),
    ("container.restart_count", GONE, "production.not_restarted"),
    ("container.health", None, "production.not_restarted"),
    ("container.id", "", "production.identity"),
    ("container", None, "production.identity"),
    ("rows", {}, "production.rows"),
    ("rows", None, "production.rows"),
    (f"rows.{FIRST}", None, "production.rows"),
    (f"rows.{FIRST}", True, "production.rows"),
    ("tables", TABLES[1:], "production.tables"),
    ("tables", [], "production.tables"),
    ("neighbours", None, "production.neighbours"),
    ("neighbours", [], "production.neighbours"),
]


@pytest.mark.parametrize(("path", "value", "check"), BOTH)
@pytest.mark.parametrize("quiet", [True, False])
def test_what_was_read_at_neither_moment_is_not_the_same_at_both(
    path: str, value: Any, check: str, quiet: bool
) -> None:
    evidence = changed(passing(), settings__production_quiet=quiet)
    for moment in ("before", "after"):
        put(evidence, place(f"production.{moment}.{path}"), value)
    assert statuses(evidence)[check] == FAIL


@pytest.mark.parametrize("size", [0, -1, None, True, "4096"])
def test_a_size_that_is_none_is_no_dump_even_where_the_directory_says_the_same(size: Any) -> None:
    evidence = changed(passing(), dump__size_bytes=size, dump__directory__0__size_bytes=size)
    assert statuses(evidence)["dump.complete"] == FAIL


@pytest.mark.parametrize("part", sorted(passing()["run"]["parts"]))
@pytest.mark.parametrize("value", ["another run", "", None, GONE], ids=repr)
def test_a_part_of_another_run_or_of_nobody_is_refused(part: str, value: Any) -> None:
    evidence = passing()
    put(evidence, ("run", "parts", part), value)
    assert statuses(evidence)["evidence.whole"] == FAIL
    assert part in detail(evidence, "evidence.whole")


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("path", ["run.host", "dump.sha256", "settings.db", "plan.notes.0", "dump.directory.0.name"])
def test_masked_evidence_is_refused_and_the_way_out_is_named(path: str, mask: str) -> None:
    """Ansible masks a password's text wherever it occurs: a number that was masked may be any number."""
    evidence = passing()
    put(evidence, place(path), f"x{mask}y")
    assert statuses(evidence)["evidence.whole"] == FAIL
    assert "closeout_passfile" in detail(evidence, "evidence.whole")


def test_a_masked_name_of_a_table_is_refused() -> None:
    evidence = passing()
    evidence["production"]["before"]["rows"]["********_log"] = 0
    assert statuses(evidence)["evidence.whole"] == FAIL


@pytest.mark.parametrize(
    ("errors", "tolerance", "on_error_stop"),
    [
        ({"total": 2, "tolerated": {"role": 0, "owner": 1, "acl": 0}, "fatal": ["x"]}, "by_hand", False),
        ({"total": 2, "tolerated": {"role": 0, "owner": 1, "acl": 0}, "fatal": []}, "by_hand", False),
        ({"total": 1, "tolerated": {"role": 0, "owner": 1, "acl": 1}, "fatal": []}, "by_hand", False),
        ({"total": 1, "tolerated": {"role": 0, "owner": 0, "acl": 0, "data": 1}, "fatal": []}, "by_hand", False),
        ({"total": 0, "tolerated": {"role": -1, "owner": 1, "acl": 0}, "fatal": []}, "by_hand", False),
        ({"total": 1, "tolerated": {"role": True, "owner": 0, "acl": 0}, "fatal": []}, "by_hand", False),
        ({"total": 1, "tolerated": {"role": 0, "owner": 1, "acl": 0}, "fatal": []}, "by_hand", True),
        ({"total": 1, "tolerated": {"role": 0, "owner": 1, "acl": 0}, "fatal": []}, "none", False),
        ({"total": 1, "tolerated": {"role": 0, "owner": 1, "acl": 0}, "fatal": []}, "anything", True),
    ],
)
def test_only_counted_errors_of_known_classes_are_forgiven(errors: Json, tolerance: str, on_error_stop: bool) -> None:
    evidence = changed(
        passing(),
        settings__restore_tolerance=tolerance,
        restore__on_error_stop=on_error_stop,
        restore__errors=errors,
    )
    assert statuses(evidence)["restore.clean"] == FAIL


LATER = dict.fromkeys(STATISTICS, "2026-05-16T10:46:50.000001Z")
ONE_LATER = {**STATISTICS, "pg_stat_wal": LATER["pg_stat_wal"]}


@pytest.mark.parametrize("sees", [(), ("before",), ("after",)], ids=["at neither moment", "before", "after"])
@pytest.mark.parametrize(
    ("before", "after", "status", "words"),
    [
        (STATISTICS, STATISTICS, PASS, "go on (pg_stat_archiver, pg_stat_bgwriter, pg_stat_wal)"),
        (STATISTICS, ONE_LATER, PASS, "go on (pg_stat_archiver, pg_stat_bgwriter)"),
        (STATISTICS, LATER, FAIL, "crashed and recovered, or somebody reset all its statistics"),
        (STATISTICS, LATER, FAIL, "a user with pg_read_all_stats would see which"),
        (STATISTICS, {**LATER, "pg_stat_wal": ""}, FAIL, "pg_stat_archiver, pg_stat_bgwriter all began anew"),
        ({**STATISTICS, "pg_stat_wal": ""}, STATISTICS, PASS, "go on (pg_stat_archiver, pg_stat_bgwriter)"),
        ({**STATISTICS, "pg_stat_wal": 1}, {**STATISTICS, "pg_stat_wal": 1}, PASS, "go on (pg_stat_archiver, pg_stat"),
        (STATISTICS, {"pg_stat_wal": STATISTICS["pg_stat_wal"]}, PASS, "go on (pg_stat_wal)"),
        ({"pg_stat_wal": STATISTICS["pg_stat_wal"]}, STATISTICS, PASS, "go on (pg_stat_wal)"),
        ({"pg_stat_wal": STATISTICS["pg_stat_wal"]}, ONE_LATER, FAIL, "pg_stat_wal all began anew"),
        (STATISTICS, dict.fromkeys(STATISTICS, ""), FAIL, "pg_stat_archiver, pg_stat_bgwriter, pg_stat_wal was read"),
        (STATISTICS, {}, FAIL, "was read"),
        ({}, {}, FAIL, "neither the checkpointer's start nor the reset of statistics was read"),
    ],
)
def test_who_does_not_see_the_checkpointer_sees_a_crash_by_the_statistics(
    before: Json, after: Json, status: str, words: str, sees: tuple[str, ...]
) -> None:
    """Also where it was seen at one of the two moments only, which is nothing to compare."""
    unseen = {
        f"production__{moment}__checkpointer_start_utc": "" for moment in ("before", "after") if moment not in sees
    }
    evidence = changed(
        passing(),
        production__before__statistics_reset_utc=before,
        production__after__statistics_reset_utc=after,
        **unseen,
    )
    assert statuses(evidence)["production.not_restarted"] == status
    assert words in detail(evidence, "production.not_restarted")


def test_a_crash_is_told_as_one_although_the_server_process_is_the_same() -> None:
    evidence = changed(
        passing(),
        production__after__checkpointer_start_utc="2026-05-16T10:46:50.000002Z",
        production__after__statistics_reset_utc=LATER,
    )
    told = detail(evidence, "production.not_restarted")
    assert "the server process is the same since 2026-04-18T08:00:02.000001Z" in told
    assert (
        "its checkpointer since 2026-04-18T08:00:02.000101Z before and since 2026-05-16T10:46:50.000002Z after" in told
    )
    assert "it crashed and recovered in between" in told
    assert "restarts" not in told


def test_a_restart_is_told_as_one_and_not_as_a_crash() -> None:
    evidence = changed(
        passing(),
        production__after__postmaster_start_utc="2026-05-16T10:46:50.000001Z",
        production__after__checkpointer_start_utc="2026-05-16T10:46:50.000002Z",
    )
    assert statuses(evidence)["production.not_restarted"] == FAIL
    assert "crashed" not in detail(evidence, "production.not_restarted")


def test_a_reset_of_all_statistics_is_no_alarm_where_the_checkpointer_is_the_same() -> None:
    evidence = changed(passing(), production__after__statistics_reset_utc=LATER)
    assert verdict(evidence)["result"]["closeout_result"] == "ALL_PASS"
    assert "its checkpointer since 2026-04-18T08:00:02.000101Z" in detail(evidence, "production.not_restarted")


@pytest.mark.parametrize("fault", ["unhealthy", "dying"])
def test_health_that_was_bad_before_may_stay_bad(fault: str) -> None:
    """What counts is whether it became worse."""
    evidence = changed(
        passing(), production__before__container__health=fault, production__after__container__health=fault
    )
    assert statuses(evidence)["production.not_restarted"] == PASS


@pytest.mark.parametrize(
    ("path", "value", "fact"),
    [
        ("dump.complete", False, "backup_verified"),
        ("dump.rows", {}, "backup_verified"),
        ("restore.rc", 3, "restore_tested"),
        ("restore.guard.scratch.nonce", "", "restore_tested"),
        ("restore.scratch.isolation.privileged", True, "restore_tested"),
        ("teardown.volumes", ["v"], "restore_env_torn_down"),
        ("teardown", None, "restore_env_torn_down"),
    ],
)
def test_the_summary_is_of_its_own_checks(path: str, value: Any, fact: str) -> None:
    evidence = passing()
    put(evidence, place(path), value)
    found = verdict(evidence)["result"]
    facts = {name: found[name] for name in ("backup_verified", "restore_tested", "restore_env_torn_down")}
    assert facts[fact] is False
    if fact == "restore_env_torn_down":
        assert facts["backup_verified"] and facts["restore_tested"]


@pytest.mark.parametrize(
    ("path", "value", "status"),
    [("restore.rc", 3, FAIL), ("restore.scratch.isolation.user", "root", FAIL), ("restore", None, NOT_RUN)],
)
def test_verify_restore_test_is_all_of_scratch_and_restore(path: str, value: Any, status: str) -> None:
    evidence = passing()
    put(evidence, place(path), value)
    verify = verdict(evidence)["result"]["verify"]
    assert verify == {"VERIFY_dump_contains_12_cg_tables": PASS, "VERIFY_restore_test": status}


def test_verify_dump_tells_how_many_tables_and_whose() -> None:
    evidence = changed(passing(), settings__schema_alias="xy", dump__tables=TABLES[1:])
    assert verdict(evidence)["result"]["verify"]["VERIFY_dump_contains_12_xy_tables"] == FAIL


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("production.after", None),
        ("production.after.sysid", "7300000000000000000"),
        ("production.own_sessions.0.xid", "771"),
        ("production.own_sessions", None),
        ("production.after.neighbours.0.state", "exited"),
        (f"production.after.rows.{FIRST}", 11),
    ],
)
def test_production_is_not_proven_safe_by_less_than_everything(path: str, value: Any) -> None:
    evidence = passing()
    put(evidence, place(path), value)
    assert verdict(evidence)["result"]["production_state"] == NOT_PROVEN


def test_the_message_names_what_failed_what_could_not_be_done_and_what_did_not_run() -> None:
    evidence = changed(
        passing(),
        restore=None,
        dump__rc=1,
        failures=[{"step": "scratch", "task": "Make the scratch server", "message": "no such image"}],
    )
    message = verdict(evidence)["result"]["message"]
    assert message.startswith("CLOSEOUT_RESULT: FAIL\n")
    assert "dump.complete: pg_dump ended with return code 1" in message
    assert "Make the scratch server: no such image" in message
    assert re.search(r"^not run: .*restore\.clean", message, re.MULTILINE)


# ---- nothing may be missing


DECORATIVE = {
    # What the record prints and no promise rests on. Everything else must be missed by a check when it is not there.
    r"run\.stages(\..*)?": "when each step was, and how long it took: told",
    r"dump\.manifest\.biggest(\..*)?": "the biggest tables, to look at; all of them are in the manifest",
    r"run\.(reaped|spared)": "what other runs left behind: nothing of this run rests on it",
    r"run\.(label|stamp|started_utc|finished_utc)": "names of the run; what binds the parts is run.id",
    r"trend\.recent(\.0(\..*)?)?": "told",
    r"trend\.previous\.(schema|stamp|label|durations_s(\.dump)?)": "told; what is compared is the same database's",
    r"trend\.previous\.(format|compression|compression_level|encrypted)": "another one: the texts are compared",
    r"trend\.previous\.text_bytes": "only compared with what was written in another way",
    r"settings\.compression_level": "the same",
    r"settings\.(age_identity_file|scratch_storage)": "told; that it opened the dump is restore.decrypted",
    r"run\.(collection|orchestrator)(\..*)?": "which code ran, with its digest; nothing to compare with",
    r"settings\.(db|label|schema_alias|artefact|dump_path|expected_source)": "names; no check reads the target by them",
    r"settings\.protected_containers\.\d+": "the operator's own wish; a shorter one is another wish",
    r"plan\.notes(\..*)?": "what is worth knowing and in nobody's way",
    r"production\.(before|after)\.(taken_utc|server_version)": "told; identity rests on sysid and start",
    r"production\.(before|after)\.statistics_reset_utc\..+": "told; only who does not see the checkpointer needs them",
    r"production\.(before|after)\.container\.(name|image|image_id|status_text)": "told; identity rests on the id",
    r"production\.(before|after)\.neighbours\.1(\.(id|state|started_utc|restart_count))?": "not protected: INFO, named",
    r"production\.((before|after)\.)?own_sessions\.\d+\.(pid|application_name)": "the xid is what counts",
    r"production\.own_sessions\.\d+": "one of several: a pg_dump that is fast may be seen once or not at all",
    r"production\.snapshot\.(id|taken_utc)": "told",
    r"production\.snapshot\.content": "null: not all tables were asked for",
    r"production\.snapshot\.census\.extensions\.plpgsql": "a database may be without it, and the copy has it",
    r"production\.snapshot\.census\.path": "where the file is",
    r"production\.waits\.0(\..*)?": "who waited is told; for how long counts",
    r"dump\.(command(\.\d+)?|client_version|transport|transport_reason)": "told",
    r"dump\.(taken_utc|confirmed_utc|duration_s)": "told",
    r"dump\.(manifest\.path|discarded)": "told; the manifest's digest counts",
    r"dump\.directory\.[1-3](\..*)?": "files beside the dump",
    r"restore\.scratch\.(name|image|image_id|started_utc|expires_utc|server_version)": "told",
    r"restore\.scratch\.isolation\.mounts\.0(\.(path|writable))?": "fewer mounts isolate no less; the type counts",
    r"restore\.guard\.(scratch_sysid|nonce|differs(\..*)?)": "the module's own opinion, recomputed from guard.scratch",
    r"restore\.guard\.scratch\.(server_version|server_version_num|in_recovery)": "told",
    r"restore\.guard\.scratch\.container\.(?!id$).*": "told; identity rests on the id",
    r"restore\.(roles_created(\.\d+)?|duration_s|jobs|jobs_reason)": "told",
    r"restore\.errors\.fatal_total": "of errors.fatal; errors.total decides",
    r"restore\.compare\.path": "told",
    r"restore\.compare\.(other_order|other_column_order|after_redeparse)(\.\d+)?": "names; their numbers count",
    r"teardown\.removed_utc": "told",
}
DECORATIVE_LOCALLY = {
    r"(production\.(before|after)|restore\.guard\.scratch)\.container": "null: there is no container",
    r"restore\.scratch\.container_id": "empty: there is no container",
    r"restore\.scratch\.isolation\.(read_only_root|memory_bytes|pids_limit|mounts)": "the local driver has none",
}


def _places(value: Any, path: Path = ()) -> Iterator[Path]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield (*path, name)
        yield from _places(one, (*path, name))


def _is_decorative(path: Path, driver: str) -> bool:
    patterns = {**DECORATIVE, **(DECORATIVE_LOCALLY if driver == "local" else {})}
    return any(re.fullmatch(pattern, ".".join(map(str, path))) for pattern in patterns)


@pytest.mark.parametrize("driver", ["docker", "local"])
@pytest.mark.parametrize("value", [GONE, None], ids=["removed", "null"])
def test_nothing_can_be_taken_away_and_all_pass_stays(driver: str, value: Any) -> None:
    """Whatever key or subtree is missing, the result is FAIL; the exceptions are listed above with their reason."""
    evidence = passing(driver)
    survived = []
    for path in _places(evidence):
        if _is_decorative(path, driver) or (value is None and at(evidence, path) is None):
            continue
        less = alone(evidence)
        put(less, path, value)
        if verdict(less)["result"]["closeout_result"] != "FAIL":
            survived.append(".".join(map(str, path)))
    assert survived == []


def test_the_list_of_decoration_holds_nothing_superfluous() -> None:
    """Each of its patterns is needed: it meets something, and taking that away really changes no result."""
    for driver, patterns in (("docker", DECORATIVE), ("local", DECORATIVE_LOCALLY)):
        evidence = passing(driver)
        for pattern in patterns:
            met = [path for path in _places(evidence) if re.fullmatch(pattern, ".".join(map(str, path)))]
            kept = []
            for path in met:
                less = alone(evidence)
                put(less, path, GONE)
                kept.append(verdict(less)["result"]["closeout_result"] == "ALL_PASS")
            assert met, pattern
            assert all(kept), pattern


def _other(value: Any) -> list[Any]:
    """Return values of the same kind that say something else, and ones of another kind."""
    if isinstance(value, bool):
        return [not value, int(value)]
    if isinstance(value, int):
        return [value + 1, bool(value)]
    return []


@pytest.mark.parametrize("driver", ["docker", "local"])
def test_no_count_and_no_truth_can_be_another_one(driver: str) -> None:
    """Every number and every boolean of the evidence, changed by one, is missed by a check. A boolean is no number."""
    told = r"restore\.guard\.scratch\.(server_version_num|in_recovery)"
    told += r"|run\.stages\..*|dump\.manifest\.biggest\..*"
    told += r"|restore\.guard\.scratch\.container\.restart_count|restore\.errors\.fatal_total|restore\.jobs"
    told += r"|.*own_sessions\.\d+\.pid|restore\.guard\.differs\..*"
    told += (
        r"|production\.(before|after)\.neighbours\.1\.restart_count|restore\.scratch\.isolation\.mounts\.0\.writable"
    )
    # A second more or less is still within the limit.
    told += r"|trend\.previous\.(durations_s\.dump|compression_level|text_bytes)|trend\.recent\..*"
    told += r"|settings\.compression_level|trend\.previous\.encrypted"
    told += r"|production\.(longest_wait_caused_s|longest_unwatched_s|waits\.0\..*)|settings\.max_blocking_s"
    # More memory or processes are still a limit.
    told += r"|restore\.scratch\.isolation\.(memory_bytes|pids_limit)"
    if driver == "local":
        told += r"|restore\.scratch\.isolation\.read_only_root"
    evidence = passing(driver)
    survived = []
    for path in _places(evidence):
        name = ".".join(map(str, path))
        for value in _other(at(evidence, path)):
            more = alone(evidence)
            put(more, path, value)
            if re.search(r"neighbours\.\d+\.restart_count$", name) and value is False:
                continue  # Only compared with itself, and both moments are the same module's.
            if re.fullmatch(r"trend\..*|settings\.shrink_limit_percent", name) and not isinstance(value, bool):
                continue  # One more is within the limit still.
            if not re.fullmatch(told, name) and verdict(more)["result"]["closeout_result"] != "FAIL":
                survived.append((name, value))
    # Quiet or not is a wish; nothing changed in this run.
    assert survived == [("settings.production_quiet", False)]


# ---- a pure function of anything

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_PLACES = list(_places(passing()))


@settings(max_examples=300)
@given(path=st.sampled_from(_PLACES), value=_JSON)
def test_evidence_of_any_form_is_judged(path: Path, value: Any) -> None:
    """Nonsense anywhere gives a verdict, so that the record is always written."""
    evidence = passing()
    put(evidence, path, value)
    found = verdict(evidence)
    assert [one["id"] for one in found["checks"]] == CHECKS
    assert all(one["status"] in (PASS, FAIL, NOT_RUN, INFO) for one in found["checks"])
    assert isinstance(found["result"]["message"], str)


@settings(max_examples=200)
@given(evidence=st.dictionaries(st.sampled_from(sorted(passing())), _JSON))
def test_no_evidence_passes(evidence: Json) -> None:
    """Without a run nothing passes, whatever stands in its place."""
    assert verdict(evidence)["result"]["closeout_result"] == "FAIL"
    assert verdict(evidence)["result"]["production_state"] == NOT_PROVEN


@pytest.mark.parametrize("field", ["sysid", "postmaster_start_utc"])
@pytest.mark.parametrize("value", ["", None, "production's"])
def test_the_copy_is_audited_in_the_server_that_was_guarded(field: str, value: Any) -> None:
    """Tables and rows of another server, production above all, are not the copy's."""
    evidence = passing()
    if value == "production's":
        value = evidence["production"]["before"][field]
    evidence["restore"]["audited"][field] = value
    judged = {check["id"]: check["status"] for check in verdict(evidence)["checks"]}
    assert (judged["restore.tables"], judged["restore.rows"]) == (FAIL, FAIL)


# ---- production's rows in the dump


def uncompared(evidence: Json, *names: str, **reasons: str) -> Json:
    """Return a copy in which no digest of these tables was read on either side; `reasons`: and why, says the dump."""
    document = alone(evidence)
    for name in (*names, *reasons):
        document["production"]["snapshot"]["tables"][name]["sha256"] = None
        document["dump"]["content"].pop(name, None)
    document["dump"]["without_data"].update(reasons)
    return document


def counted_only() -> Json:
    """Return evidence of a run with `closeout_production_content: none`."""
    return changed(uncompared(passing(), *TABLES), settings__production_content="none")


def all_tables(**values: Any) -> Json:
    """Return evidence of a run with `closeout_production_content: all`."""
    large = {"large_objects": 0, "different": [], "different_total": 0}
    found = {"tables": 15, "rows": 810, "equal": 15, "different": [], "different_total": 0, "large_objects": large}
    found |= values
    return changed(passing(), settings__production_content="all", production__snapshot__content=found)


def result(evidence: Json) -> str:
    """Return what the run came to."""
    found: str = verdict(evidence)["result"]["closeout_result"]
    return found


def test_rows_that_were_only_counted_as_asked_for_are_told() -> None:
    evidence = counted_only()
    assert statuses(evidence) == {**dict.fromkeys(CHECKS, PASS), "dump.content": INFO}
    assert result(evidence) == "ALL_PASS"
    assert "closeout_production_content" in detail(evidence, "dump.content")


@pytest.mark.parametrize("which", ["audited", "all"])
def test_rows_that_were_only_counted_are_not_what_was_asked_for(which: str) -> None:
    evidence = changed(counted_only(), settings__production_content=which)
    assert (statuses(evidence)["dump.content"], result(evidence)) == (FAIL, "FAIL")
    assert FIRST in detail(evidence, "dump.content")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"dump.content.{FIRST}", OTHER_SHA256),
        (f"production.snapshot.tables.{FIRST}.sha256", OTHER_SHA256),
        ("production.snapshot.content", {"different": ["a.b"], "different_total": 1}),
        ("dump.without_data", {FIRST: "loaded through other.root"}),
    ],
)
def test_what_was_read_is_judged_even_if_it_was_not_asked_for(path: str, value: Any) -> None:
    evidence = counted_only()
    put(evidence, place(path), value)
    assert statuses(evidence)["dump.content"] == FAIL


def test_the_same_thing_that_is_no_digest_is_not_compared() -> None:
    for value in (True, 1, "equal", OTHER_SHA256.upper(), ["a"]):
        evidence = changed(passing(), **{f"dump__content__{FIRST}": value})
        evidence["production"]["snapshot"]["tables"][FIRST]["sha256"] = value
        assert statuses(evidence)["dump.content"] == FAIL, value


def test_all_tables_of_the_dump_are_compared_where_that_was_asked_for() -> None:
    assert result(all_tables()) == "ALL_PASS"
    assert detail(all_tables(), "dump.content").startswith("all 15 tables of the dump, 810 rows, ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in ("tables", "equal") for value in (0, 14, 16, None, True, "15", 15.0)),
        *(("rows", value) for value in (0, 809, 811, None, True, "810")),
        *(("different_total", value) for value in (1, None, False, "0")),
        ("different", ["public.users"]),
        ("different", None),
        *(
            ("large_objects", {"large_objects": number, "different": [], "different_total": 0})
            for number in (1, None, True, "0")
        ),
        *(
            ("large_objects", {"large_objects": 0, "different": names, "different_total": number})
            for names, number in ([["16401"], 1], [[], 1], [None, 0])
        ),
        ("large_objects", None),
        ("large_objects", {}),
    ],  # fmt: skip
)
def test_all_tables_are_equal_or_it_fails(name: str, value: Any) -> None:
    evidence = all_tables(**{name: value})
    assert (statuses(evidence)["dump.content"], result(evidence)) == (FAIL, "FAIL")


def test_all_tables_do_not_make_up_for_an_audited_one() -> None:
    assert statuses(uncompared(all_tables(), FIRST))["dump.content"] == FAIL
    assert statuses(changed(all_tables(), **{f"dump__content__{FIRST}": OTHER_SHA256}))["dump.content"] == FAIL


def test_a_table_that_differs_is_named() -> None:
    evidence = all_tables(equal=14, different=["public.users"], different_total=1)
    assert detail(evidence, "dump.content") == "14 of 15 tables are equal: not public.users"
    one = changed(passing(), **{f"dump__content__{FIRST}": OTHER_SHA256})
    assert detail(one, "dump.content").startswith(
        f"{FIRST}: sha256 {digest_of(FIRST)[:12]}… in production, sha256 baba"
    )


def test_a_standby_does_not_have_the_rows_of_unlogged_tables_and_neither_has_the_dump() -> None:
    """They are tables of the dump without data, and the census says how many there are."""
    evidence = changed(all_tables(tables=13, equal=13), dump__manifest__tables_with_data=13)
    for side in (evidence["production"]["snapshot"]["census"], evidence["restore"]["compare"]["census"]):
        side["counts"]["unlogged tables"] = 2
    assert statuses(evidence)["dump.census"] == FAIL
    for moment in ("before", "after"):
        evidence["production"][moment]["in_recovery"] = True
    assert result(evidence) == "ALL_PASS"
    assert detail(evidence, "dump.content").endswith("a standby cannot read its 2 unlogged tables")
    for number in (12, 14, 0, None, True):
        other = changed(evidence, dump__manifest__tables_with_data=number)
        assert statuses(other)["dump.content"] == FAIL, number
    for number in (0, 1, None, True):
        evidence["production"]["snapshot"]["census"]["counts"]["unlogged tables"] = number
        assert statuses(evidence)["dump.census"] == FAIL, number


def test_an_unlogged_audited_table_of_a_standby_is_not_missed() -> None:
    evidence = changed(uncompared(passing(rows=0), FIRST), dump__manifest__tables_with_data=14)
    for side in (evidence["production"]["snapshot"]["census"], evidence["restore"]["compare"]["census"]):
        side["counts"]["unlogged tables"] = 1
    for part in (evidence["dump"]["rows"], evidence["restore"]["rows"], evidence["production"]["snapshot"]["tables"]):
        del part[FIRST]
    for moment in ("before", "after"):
        evidence["production"][moment].update(in_recovery=True, unlogged=[FIRST])
        del evidence["production"][moment]["rows"][FIRST]
    assert statuses(evidence)["dump.content"] == PASS
    assert result(evidence) == "ALL_PASS"
    evidence["production"]["before"]["in_recovery"] = False
    assert statuses(evidence)["dump.content"] == FAIL


# ---- partitions


def partitioned() -> Json:
    """Return evidence in which the first table is partitioned, and empty itself; the others are ordinary ones."""
    evidence = uncompared(passing(), **{FIRST: "partitioned"})
    for part in (
        evidence["dump"],
        evidence["restore"],
        evidence["production"]["before"],
        evidence["production"]["after"],
    ):
        part["rows_total"] -= part["rows"][FIRST]
        part["rows"][FIRST] = 0
    evidence["production"]["snapshot"]["tables"][FIRST]["rows"] = 0
    evidence["production"]["snapshot"]["rows_total"] -= 10
    return evidence


def loaded_through_root() -> Json:
    """Return evidence in which the dump brings the rows of the second and third table (20, 30) by the first, their
    root; as in a restore of partitions by the hash of an enum, the copy has them in other partitions.
    """
    root, two, three = TABLES[:3]
    evidence = uncompared(passing(), **dict.fromkeys((two, three), f"loaded through cutter_governance.{root}"))
    for part in (evidence["restore"], evidence["production"]["before"], evidence["production"]["after"]):
        part["rows"][root], part["rows_total"] = 0, part["rows_total"] - 10
    evidence["production"]["snapshot"]["tables"][root]["rows"] = 0
    evidence["production"]["snapshot"]["rows_total"] -= 10
    evidence["restore"]["rows"].update({two: 41, three: 9})
    evidence["dump"]["rows"][root] = 50
    del evidence["dump"]["rows"][two], evidence["dump"]["rows"][three]
    evidence["dump"]["rows_total"] -= 10
    return evidence


def test_a_partitioned_table_has_no_rows_to_compare() -> None:
    assert result(partitioned()) == "ALL_PASS"
    assert detail(partitioned(), "dump.content").startswith("the rows of 11 audited tables")


@pytest.mark.parametrize("reason", [None, "", "because", GONE, True, ["partitioned"]], ids=repr)
def test_only_the_dump_s_own_reason_explains_that_there_are_no_rows(reason: Any) -> None:
    evidence = partitioned()
    put(evidence, ("dump", "without_data", FIRST), reason)
    assert (statuses(evidence)["dump.content"], result(evidence)) == (FAIL, "FAIL")


def test_a_partitioned_table_with_rows_was_not_compared() -> None:
    evidence = partitioned()
    evidence["dump"]["rows"][FIRST] = 10
    assert statuses(evidence)["dump.content"] == FAIL


def test_only_partitioned_tables_are_nothing_that_was_compared() -> None:
    evidence = uncompared(passing(rows=0), **dict.fromkeys(TABLES, "partitioned"))
    assert statuses(evidence)["dump.rows"] == PASS
    assert (statuses(evidence)["dump.content"], result(evidence)) == (FAIL, "FAIL")


def test_partitions_that_are_loaded_through_their_root_are_counted_with_it() -> None:
    """Which partition has a row may be another one; none may be lost, and the root's rows are compared by digest."""
    evidence = loaded_through_root()
    assert result(evidence) == "ALL_PASS", verdict(evidence)["result"]["message"]
    for check in ("dump.rows", "restore.rows"):
        assert "loaded through" in detail(evidence, check) and TABLES[1] in detail(evidence, check)


@pytest.mark.parametrize(
    ("path", "value", "checks"),
    [
        (f"restore.rows.{TABLES[1]}", 40, ["restore.rows"]),
        (f"restore.rows.{TABLES[1]}", 42, ["restore.rows"]),
        (f"restore.rows.{FIRST}", 1, ["restore.rows"]),
        (f"restore.rows.{FIRST}", None, ["restore.rows"]),
        (f"dump.rows.{FIRST}", 49, ["dump.rows", "restore.rows"]),
        (f"dump.rows.{FIRST}", GONE, ["dump.rows", "restore.rows"]),
        (f"dump.rows.{TABLES[1]}", 20, ["dump.rows", "dump.content", "restore.rows"]),
        (f"production.snapshot.tables.{TABLES[1]}.rows", 21, ["dump.rows"]),
        (f"production.snapshot.tables.{FIRST}.sha256", None, ["dump.content"]),
        (f"dump.content.{FIRST}", GONE, ["dump.content"]),
        (f"dump.content.{FIRST}", OTHER_SHA256, ["dump.content"]),
        (f"dump.content.{TABLES[1]}", OTHER_SHA256, ["dump.content"]),
        (f"dump.without_data.{TABLES[1]}", GONE, ["dump.rows", "restore.rows", "dump.content"]),
        (f"dump.without_data.{TABLES[1]}", "partitioned", ["dump.rows", "restore.rows"]),
        (f"dump.without_data.{FIRST}", f"loaded through cutter_governance.{TABLES[1]}", ["dump.content"]),
        (f"dump.without_data.{TABLES[1]}", "loaded through other.root", ["dump.content"]),
        (f"dump.without_data.{TABLES[1]}", "loaded through cutter_governance.nowhere", ["dump.content"]),
    ],
)
def test_rows_that_come_through_a_root_add_up(path: str, value: Any, checks: list[str]) -> None:
    evidence = loaded_through_root()
    put(evidence, place(path), value)
    found = statuses(evidence)
    assert [found[check] for check in checks] == [FAIL] * len(checks)
    assert result(evidence) == "FAIL"


def test_a_root_in_another_schema_is_compared_only_with_all_tables() -> None:
    """Nobody reads it where only the audited tables are read, and the message says what does."""
    through = {TABLES[1]: "loaded through other.root"}
    for evidence in (counted_only(), uncompared(passing(), *through)):
        evidence["dump"]["without_data"] = through
        del evidence["dump"]["rows"][TABLES[1]]
        evidence["dump"]["rows_total"] -= 20
        assert statuses(evidence)["dump.content"] == FAIL
        assert "closeout_production_content: all" in detail(evidence, "dump.content")
    evidence = uncompared(all_tables(), **through)
    del evidence["dump"]["rows"][TABLES[1]]
    evidence["dump"]["rows_total"] -= 20
    assert result(evidence) == "ALL_PASS"


_SHA = st.sampled_from([None, GONE, "", True, OTHER_SHA256, digest_of(FIRST)])
_REASON = st.sampled_from(
    [GONE, None, "partitioned", *(f"loaded through cutter_governance.{name}" for name in TABLES[:3])]
)
_FACTS = st.one_of(
    st.tuples(_SHA, _SHA, _REASON, st.sampled_from([0, 1, None])),
    *(st.tuples(st.just(OTHER_SHA256), st.just(OTHER_SHA256), st.just(GONE), st.just(1)) for _turn in range(4)),
    *(st.tuples(st.just(None), st.just(GONE), _REASON, st.just(0)) for _turn in range(2)),
)


@settings(max_examples=300)
@given(
    facts=st.lists(_FACTS, min_size=12, max_size=12),
    which=st.sampled_from(["audited", "all"]),
)
def test_a_pass_means_that_every_audited_table_was_compared(facts: list[tuple[Any, ...]], which: str) -> None:
    """Whatever the evidence is made of: equal digests, or a root that has them, or no rows."""
    evidence = all_tables() if which == "all" else passing()
    tables, dump = evidence["production"]["snapshot"]["tables"], evidence["dump"]
    for name, (one, other, reason, rows) in zip(TABLES, facts):
        put(tables, (name, "sha256"), one)
        dump["content"][name] = other
        dump["without_data"][name] = reason
        dump["rows"][name] = rows
        for part in ("content", "without_data"):
            dump[part] = {key: value for key, value in dump[part].items() if value is not GONE}
    if statuses(evidence)["dump.content"] != PASS:
        return
    equal = {
        name for name in TABLES if dump["content"].get(name) and dump["content"][name] == tables[name].get("sha256")
    }
    assert equal or which == "all"
    for name in set(TABLES) - equal:
        reason = dump["without_data"][name]
        assert dump["rows"][name] in (0, None)
        assert reason == "partitioned" or reason.rpartition(".")[2] in equal


# ---- what the comparison of the copy forgives, and what it tells


def by_hand(**values: Any) -> Json:
    """Return evidence of a restore by hand in which two privileges could not be given."""
    evidence = changed(
        passing(),
        settings__restore_tolerance="by_hand",
        restore__on_error_stop=False,
        restore__errors={"total": 2, "tolerated": {"role": 0, "owner": 1, "acl": 1}, "fatal": [], "fatal_total": 0},
        restore__compare__objects_equal=35,
        restore__compare__objects_different=2,
        restore__compare__differences_total=2,
        restore__compare__object_differences=2,
        restore__compare__object_differences_of_privileges=2,
        restore__compare__differences=[
            {"about": "objects", "object": "TABLE a.b", "kind": "owner", "wanted": "x", "found": "y"},
            {"about": "objects", "object": "ACL a.TABLE b", "kind": "missing", "wanted": "x", "found": "y"},
        ],
    )
    return changed(evidence, **values)


def test_by_hand_tolerates_the_privileges_that_a_missing_role_explains() -> None:
    assert result(by_hand()) == "ALL_PASS"
    assert "2 differences of owner or privileges, tolerated by hand" in detail(by_hand(), "restore.objects")
    default = by_hand(**{
        "production__snapshot__census__counts__default privileges": 1,
        "restore__compare__census__counts__default privileges": 0,
    })  # fmt: skip
    assert statuses(default)["restore.objects"] == PASS
    facts = by_hand(restore__compare__catalogue__facts__privileges=3, restore__compare__catalogue__equal=94)
    assert statuses(facts)["restore.objects"] == PASS


@pytest.mark.parametrize(
    "values",
    [
        {"settings__restore_tolerance": "none"},
        {"settings__restore_tolerance": "anything"},
        {"restore__errors__tolerated": {"role": 0, "owner": 0, "acl": 0}},
        {"restore__errors__tolerated": {"role": 2, "owner": 0, "acl": 0}},
        {"restore__errors__tolerated": {"role": 0, "owner": True, "acl": True}},
        {"restore__errors__tolerated": None},
        {"restore__errors": None},
        {"restore__compare__object_differences": 3, "restore__compare__differences_total": 3},
        {"restore__compare__object_differences": 1, "restore__compare__differences_total": 1},
        {"restore__compare__object_differences_of_privileges": 1},
        {"restore__compare__object_differences_of_privileges": 3},
        {"restore__compare__differences__1": _MISSING},
        {"restore__compare__differences": [_MISSING, _MISSING]},
        {"restore__compare__differences": []},
        {"restore__compare__objects_equal": 34},
        {"restore__compare__objects_equal": 38},
        {"restore__compare__objects_equal": 0},
        {"restore__compare__census__counts__columns": 68},
        {"restore__compare__census__kinds__INDEX": 2},
        {"restore__compare__sequences": 3},
        {"restore__compare__catalogue__facts__column": 68},
        {"restore__compare__catalogue__equal": 10},
    ],
    ids=repr,
)
def test_by_hand_tolerates_nothing_else(values: Json) -> None:
    evidence = by_hand(**values)
    assert (statuses(evidence)["restore.objects"], result(evidence)) == (FAIL, "FAIL")


@pytest.mark.parametrize(
    ("about", "check"), [("content", "restore.content"), ("objects", "restore.objects"), ("else", "restore.objects")]
)
def test_a_difference_fails_and_is_named(about: str, check: str) -> None:
    one = {**_MISSING, "about": about, "object": "TABLE a.b"}
    counts = {"content": 0, "objects": 0, about: 1}
    evidence = changed(
        passing(),
        restore__compare__differences=[one],
        restore__compare__differences_total=1,
        restore__compare__content_differences=counts["content"],
        restore__compare__object_differences=counts["objects"],
    )
    assert statuses(evidence)[check] == FAIL
    assert result(evidence) == "FAIL"
    if about != "else":
        assert "TABLE a.b (missing): in the dump expected, not there" in detail(evidence, check)


def test_a_difference_of_content_is_not_one_of_objects() -> None:
    evidence = changed(
        passing(),
        restore__compare__differences=[{**_MISSING, "about": "content"}],
        restore__compare__differences_total=1,
        restore__compare__object_differences=1,
    )
    assert statuses(evidence)["restore.content"] == FAIL


def test_what_is_equal_in_another_way_is_told() -> None:
    facts = "98 facts of the catalogues are production's"
    told = f"40 definitions are equal; {facts}; 1 in another column order (inheritance); 2 after re-deparse"
    assert detail(passing(), "restore.objects") == told
    assert detail(passing(), "restore.content") == "810 rows in 15 tables are equal, 1 of them in another row order"


def test_the_version_of_an_extension_is_told_and_what_hangs_on_its_tables_is_compared_in_equal_versions_only() -> None:
    other = changed(
        passing(),
        **{
            "restore__compare__census__extensions__plpgsql": "1.1",
            "restore__compare__census__counts__extension columns": 3,
        },
    )
    assert result(other) == "ALL_PASS"
    assert detail(other, "restore.objects").endswith("extension plpgsql is 1.0 in production, 1.1 in the copy")
    same = changed(other, restore__compare__census__extensions__plpgsql="1.0")
    assert statuses(same)["restore.objects"] == FAIL
    assert detail(same, "restore.objects") == "the catalogues differ: extension columns: 2 in production, 3 in the copy"
    privileges = changed(other, restore__compare__catalogue={
        "facts": {**FACTS, "extension privileges": 0}, "equal": 95, "equal_after_redeparse": 2, "not_compared": 1,
    })  # fmt: skip
    assert result(privileges) == "ALL_PASS"
    assert statuses(changed(privileges, restore__compare__catalogue__not_compared=2))["restore.objects"] == FAIL
    columns = changed(other, restore__compare__census__counts__columns=68)
    assert statuses(columns)["restore.objects"] == FAIL


def test_nothing_but_a_text_is_equal_after_redeparse() -> None:
    more = {"equal": 94, "equal_after_redeparse": 4, "not_compared": 0, "facts": FACTS}
    assert statuses(changed(passing(), restore__compare__catalogue=more))["restore.objects"] == FAIL


def test_sequences_that_moved_are_told() -> None:
    assert detail(passing(), "dump.sequences").endswith("; 1 gave values meanwhile and cannot be compared")
    other = changed(
        passing(),
        production__snapshot__sequences__different=["public.seq"],
        production__snapshot__sequences__different_total=1,
    )
    assert detail(other, "dump.sequences") == "production had another value before and after the dump: public.seq"


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(
            {"dump__manifest__tables": 1, "dump__manifest__rows": 0, "restore__compare__tables": 1,
             "restore__compare__rows": 0, "restore__compare__equal": 1, "restore__compare__equal_other_order": 0},
            id="one empty table",
        ),
        pytest.param(
            {"dump__manifest__tables": 0, "dump__manifest__rows": 0, "restore__compare__tables": 0,
             "restore__compare__rows": 0, "restore__compare__equal": 0, "restore__compare__equal_other_order": 0},
            id="no table",
        ),
        pytest.param(
            {"dump__manifest__rows": 779, "restore__compare__rows": 779}, id="fewer rows than the audited tables have"
        ),
        pytest.param(
            {"dump__manifest__objects": 1, "restore__compare__objects": 1, "restore__compare__objects_equal": 1,
             "restore__compare__objects_equal_other_column_order": 0,
             "restore__compare__objects_equal_after_redeparse": 0},
            id="one definition",
        ),
        pytest.param(
            {"dump__manifest__objects": 1, "dump__manifest__entries": 5, "restore__compare__objects": 1,
             "restore__compare__objects_equal": 1, "restore__compare__objects_equal_other_column_order": 0,
             "restore__compare__objects_equal_after_redeparse": 0},
            id="one definition, and so says the manifest",
        ),
        pytest.param(
            {"production__snapshot__census__kinds": {"SCHEMA": {"production": 1, "dump": 1}},
             "restore__compare__census__kinds": {"SCHEMA": 1}, "restore__compare__sequences": 0,
             "dump__manifest__entries": 40},
            id="a census without a table",
        ),
        pytest.param(
            {"production__snapshot__census__counts": {}, "restore__compare__census__counts": {}}, id="no counts"
        ),
        pytest.param(
            {"production__snapshot__census__counts": {"columns": None},
             "restore__compare__census__counts": {"columns": None}},
            id="counts of nothing",
        ),
        pytest.param({"restore__compare__manifest_sha256": None, "dump__manifest__sha256": None}, id="no manifest"),
        pytest.param({"restore__compare__db": "", "restore__db": ""}, id="no database"),
        pytest.param(
            {"restore__compare__server": {"sysid": None, "postmaster_start_utc": None},
             "restore__guard__scratch__sysid": None, "restore__guard__scratch__postmaster_start_utc": None},
            id="no server",
        ),
    ],
)  # fmt: skip
def test_where_nothing_was_compared_nothing_is_equal(values: Json) -> None:
    """However well the facts agree with each other."""
    assert result(changed(passing(), **values)) == "FAIL"


# ---- what pg_dump left out, and what it said


def test_a_table_that_is_created_without_its_data_is_named() -> None:
    evidence = changed(passing(), dump__data_missing=["public.users"], dump__data_missing_total=1)
    assert (statuses(evidence)["dump.census"], result(evidence)) == (FAIL, "FAIL")
    assert detail(evidence, "dump.census") == "the dump creates tables without their data: public.users"


@pytest.mark.parametrize("name", ["left_out", "lost", "unexplained"])
def test_what_the_dump_lacks_or_has_beyond_is_named(name: str) -> None:
    evidence = changed(
        passing(),
        **{
            f"production__snapshot__census__{name}": ["RULE a.b on c"],
            f"production__snapshot__census__{name}_total": 1,
        },
    )
    assert (statuses(evidence)["dump.census"], result(evidence)) == (FAIL, "FAIL")
    assert detail(evidence, "dump.census").endswith(": RULE a.b on c")


def test_a_kind_that_is_uneven_is_named() -> None:
    evidence = changed(passing(), production__snapshot__census__kinds__INDEX__dump=2)
    assert detail(evidence, "dump.census") == "INDEX: 3 in production, 2 in the dump"


def test_what_is_not_in_a_dump_by_its_nature_is_told() -> None:
    told = {
        "production__snapshot__census__told": ["INDEX a.b is invalid"],
        "production__snapshot__census__told_total": 1,
    }
    assert detail(changed(passing(), **told), "dump.census").endswith(": INDEX a.b is invalid")


def test_the_messages_that_are_harmless_are_those_that_are_read_as_such() -> None:
    assert {known.kind for known in KNOWN_MESSAGES} == set(HARMLESS)


def test_what_pg_dump_said_is_read_and_judged() -> None:
    harmless = 'WARNING:  database "d" has no actual collation version, but a version was recorded\n'
    for text, status in (
        (harmless, PASS),
        ("pg_dump: warning: subscriptions not dumped\n" + harmless, FAIL),
        ("", PASS),
    ):
        evidence = changed(passing(), dump__messages=read_messages(text))
        assert statuses(evidence)["dump.warnings"] == status
    assert "1 × collation_version" in detail(
        changed(passing(), dump__messages=read_messages(harmless)), "dump.warnings"
    )
