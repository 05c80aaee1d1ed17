# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the checks that only a verification has: that what lay about is still what was recorded.

What nobody recorded cannot be compared: that is said, as INFO, and never counts.
"""

from __future__ import annotations

from typing import Any

from ._checks_backup import dump_rows as rows_as_recorded
from ._checks_content import missing_data, restore_content, restore_objects, restore_objects_of_dump
from ._checks_restore import (
    nothing_left,
    restore_clean,
    restore_rows,
    restore_tables,
    scratch_isolated,
)
from ._checks_run import MASKS, adds_up, strings
from ._judging import ALL_PASS
from ._outcome import FAIL, INFO, NOT_RUN, PASS, Evidence, Outcome, get, is_count, same_set, some
from ._verification import KIND, SCHEMA, as_restore_test

_ARTEFACT = "artefact"
_SORTS = ("changed", "missing", "added")


def evidence_whole(evidence: Evidence) -> Outcome:
    """Every part is there, of this run, unmasked, and no step failed."""
    if evidence.get("schema") != SCHEMA or get(evidence, "run", "kind") != KIND:
        return Outcome(FAIL, f"the evidence is of schema {evidence.get('schema')!r}, wanted: {SCHEMA}")
    run_id, parts = get(evidence, "run", "id"), get(evidence, "run", "parts") or {}
    if not run_id:
        return Outcome(FAIL, "there is no run id")
    if get(evidence, "plan", "problems"):
        return Outcome(NOT_RUN, "the run did not start")
    foreign = sorted(name for name, owner in parts.items() if owner != run_id)
    if foreign:
        return Outcome(FAIL, f"evidence of another run: {some(foreign)}")
    missing = sorted(_REQUIRED_PARTS - set(parts))
    missing += [".".join(path) for path in _REQUIRED_EVIDENCE if get(evidence, *path) is None]
    if evidence.get("failures"):
        return Outcome(FAIL, f"failed: {some(one['task'] for one in evidence['failures'])}")
    if missing:
        return Outcome(FAIL, f"missing: {some(missing)}")
    if (evidence["subject"]["kind"] == _ARTEFACT) != isinstance(evidence.get("recorded"), dict):
        return Outcome(FAIL, "it is not told whether anything was recorded")
    totals = [name for name in ("dump", "restore") if not adds_up(evidence[name])]
    if totals:
        return Outcome(FAIL, f"rows_total is not the sum of the rows: {some(totals)}")
    masked = sum(1 for text in strings(evidence) if any(mask in text for mask in MASKS))
    if masked:
        return Outcome(FAIL, f"{masked} values are masked, because a password's text occurs in them")
    return Outcome(PASS, f"one run id in all {len(parts)} parts, no masked value, nothing missing")


_REQUIRED_PARTS = {
    "plan",
    "begun",
    "subject",
    "scratch",
    "inventory",
    "restore",
    "restored_audit",
    "compare",
    "teardown",
    "again",
}
_REQUIRED_EVIDENCE = (
    ("plan",),
    ("failures",),
    ("settings", "scratch_driver"),
    ("settings", "restore_tolerance"),
    ("subject", "kind"),
    ("subject", "sha256"),
    ("known",),
    ("again",),
    ("dump", "tables"),
    ("dump", "rows"),
    ("dump", "manifest", "sha256"),
    ("restore", "guard"),
    ("restore", "rc"),
    ("restore", "tables"),
    ("restore", "rows"),
    ("restore", "compare"),
    ("teardown", "containers"),
)


def _is_artefact(evidence: Evidence) -> bool | None:
    """Tell whether it is an artefact of ours, or a dump alone; None where nobody has read it."""
    kind = get(evidence, "subject", "kind")
    return None if kind is None else kind == _ARTEFACT


_NOT_READ = Outcome(NOT_RUN, "what is to be verified was not read")


def artefact_sums(evidence: Evidence) -> Outcome:
    """Exactly the files of SHA256SUMS are there, each with its digest, before the test and after it."""
    if _is_artefact(evidence) is not True:
        told = Outcome(INFO, "a dump alone: there is no SHA256SUMS to hold it against")
        return _NOT_READ if _is_artefact(evidence) is None else told
    before, after = evidence.get("sums"), get(evidence, "again", "sums")
    for sums, moment in ((before, "before"), (after, "after")):
        if sums is None and moment == "after":
            return Outcome(NOT_RUN, "the files were not read again")
        outcome = _held(sums)
        if outcome.status != PASS:
            return Outcome(
                outcome.status, outcome.detail if moment == "before" else f"after the test: {outcome.detail}"
            )
    if before != after:
        return Outcome(FAIL, "the artefact was changed during the test")
    return Outcome(PASS, f"{before['files']} files, each with the sha256 that SHA256SUMS has, none missing, none added")


def _held(sums: Any) -> Outcome:
    counts = [get(sums, name) for name in ("listed", "files", *(f"{sort}_total" for sort in _SORTS))]
    if not all(is_count(count) for count in counts):
        return Outcome(NOT_RUN, "the files were not held against SHA256SUMS")
    listed, files, *totals = counts
    if any(totals):
        parts = [f"{sort}: {some(sums[sort])}" for sort, total in zip(_SORTS, totals) if total]
        return Outcome(FAIL, f"{'; '.join(parts)}" + ("" if listed else "; SHA256SUMS is missing, or lists nothing"))
    if not listed or listed != files:
        return Outcome(FAIL, f"SHA256SUMS lists {listed} files, {files} are there")
    return Outcome(PASS, "")


def artefact_signature(evidence: Evidence) -> Outcome:
    """The signature of SHA256SUMS is good, and of somebody who is allowed; told where it cannot be checked."""
    if _is_artefact(evidence) is None:
        return _NOT_READ
    signature = evidence.get("signature")
    if _is_artefact(evidence) is False:
        return Outcome(INFO, "a dump alone has no signature")
    if not isinstance(signature, dict):
        return _NOT_READ
    there, asked, good = (signature.get(name) for name in ("there", "asked_for", "good"))
    if there is not True:
        return (
            Outcome(FAIL, "there is none, and closeout_verify_allowed_signers asks for one")
            if asked
            else Outcome(INFO, "SHA256SUMS is not signed: whoever could write to the artefact could write it anew")
        )
    if not asked:
        return Outcome(INFO, "there is one, and it was not checked: closeout_verify_allowed_signers is not given")
    if good is not True:
        return Outcome(FAIL, f"it is not good: {signature.get('said')}")
    return Outcome(PASS, f"by {signature.get('signer')}: {signature.get('said')}")


def recorded_result(evidence: Evidence) -> Outcome:
    """The closeout that made the artefact passed then: a dump that did not is no better for still being the same."""
    if _is_artefact(evidence) is None:
        return _NOT_READ
    recorded = evidence.get("recorded")
    if _is_artefact(evidence) is False:
        return Outcome(INFO, "nothing is recorded of this dump: that it ever was production's is not proved")
    run, checks = get(recorded, "run") or {}, get(recorded, "checks")
    if not isinstance(checks, dict) or not checks:
        return Outcome(FAIL, "the evidence of the artefact has no checks")
    failed = sorted(name for name, status in checks.items() if status not in (PASS, INFO))
    said = f"closeout {run.get('id')} of {run.get('db')} on {run.get('host')} said {get(recorded, 'result')}"
    if get(recorded, "result") != ALL_PASS or failed or get(recorded, "failed") != []:
        return Outcome(FAIL, f"{said}; failed then: {some(failed or get(recorded, 'failed') or []) or 'nobody knows'}")
    return Outcome(PASS, f"{said} at {run.get('finished_utc')}, with {len(checks)} checks")


def sha256_confirmed(evidence: Evidence) -> Outcome:
    """What was recorded, what was restored and what is on the disk now are the same bytes."""
    first = get(evidence, "subject", "sha256")
    if not first:
        return _NOT_READ
    wanted = {
        "recorded": get(evidence, "recorded", "dump", "sha256"),
        "given": get(evidence, "subject", "sha256_given"),
    }
    other = [f"{digest} {name}" for name, digest in wanted.items() if digest and digest != first]
    if other:
        return Outcome(FAIL, f"the dump is another one: {'; '.join(other)}; {first} found")
    restored, again = get(evidence, "restore", "input_sha256"), get(evidence, "again", "sha256")
    if not restored or not again:
        return Outcome(NOT_RUN, "the dump was not restored as a whole" if again else "the dump was not read again")
    if restored != first or again != first:
        return Outcome(FAIL, f"the dump changed: {first} first, {restored} restored, {again} afterwards")
    known = [name for name, digest in wanted.items() if digest]
    if not known:
        return Outcome(INFO, f"{first}: read, restored and read again; nothing was there to compare it with")
    return Outcome(PASS, f"{first}: {' and '.join(known)}, read, restored and read again")


def dump_tables(evidence: Evidence) -> Outcome:
    """The dump creates exactly the tables that were recorded, or that somebody expects."""
    dump, recorded = evidence.get("dump"), evidence.get("recorded")
    if not dump:
        return Outcome(NOT_RUN, "what the dump holds was not read")
    tables, schema = get(dump, "tables"), get(dump, "schema")
    if recorded is not None:
        return same_set(tables, get(recorded, "expected_tables"), "the dump")
    if get(dump, "expected_source") == "given":
        return same_set(tables, get(dump, "expected_tables"), "the dump")
    if not isinstance(tables, list) or not tables:
        return Outcome(FAIL, f"the dump creates no table in schema {schema!r}: there is nothing to prove")
    return Outcome(INFO, f"schema {schema}: {some(tables)}; no table was recorded or expected to compare these with")


def dump_rows(evidence: Evidence) -> Outcome:
    """Each audited table has as many rows in the dump as were recorded of production, and no table lacks its data."""
    test, dump = as_restore_test(evidence), evidence.get("dump")
    if not dump:
        return Outcome(NOT_RUN, "what the dump holds was not read")
    missing = missing_data(test)
    if missing:
        return Outcome(FAIL, missing)
    if evidence.get("recorded") is not None:
        return rows_as_recorded(test)
    rows, tables = get(dump, "manifest", "rows"), get(dump, "manifest", "tables")
    return Outcome(INFO, f"{rows} rows in {tables} tables; no number was recorded to compare these with")


def scratch_guard(evidence: Evidence) -> Outcome:
    """The scratch server is no server that is known, and the nonce came back. Where none is known, that is said."""
    guard, known = get(evidence, "restore", "guard"), evidence.get("known")
    if not guard or not isinstance(known, dict):
        return Outcome(NOT_RUN, "the scratch server was not guarded")
    scratch, production, sysids = get(guard, "scratch") or {}, known.get("production") or {}, known.get("sysids")
    nonce = get(evidence, "restore", "nonce")
    if not nonce or scratch.get("nonce") != nonce:
        return Outcome(FAIL, "the nonce planted in the scratch server was not read back")
    if get(evidence, "restore", "scratch", "driver") == "docker":
        made, found = get(evidence, "restore", "scratch", "container_id"), get(scratch, "container", "id")
        if not made or made != found:
            return Outcome(FAIL, f"the guard looked at container {found}, the scratch server is {made}")
    if not scratch.get("sysid") or not scratch.get("postmaster_start_utc") or not scratch.get("data_directory"):
        return Outcome(FAIL, "the scratch server's identity was not read")
    if not isinstance(sysids, list) or known.get("unknown") is not (not production and not sysids):
        return Outcome(FAIL, "it is not told which servers are known")
    if evidence.get("recorded") is not None and production.get("sysid") != get(
        evidence, "recorded", "production", "sysid"
    ):
        return Outcome(FAIL, "the guard was held against another server than the recorded one")
    pairs = {
        "system identifier": (production.get("sysid"), scratch["sysid"]),
        "container": (get(production, "container", "id"), get(scratch, "container", "id")),
        "start time": (production.get("postmaster_start_utc"), scratch["postmaster_start_utc"]),
        "data directory": (production.get("data_directory"), scratch["data_directory"]),
    }
    equal = [name for name, (one, other) in pairs.items() if one and one == other]
    if equal or scratch["sysid"] in sysids:
        return Outcome(FAIL, f"the same as that of a server that is known: {some(equal or ['system identifier'])}")
    if production and not production.get("sysid"):
        return Outcome(FAIL, "no system identifier is recorded of production")
    if known["unknown"]:
        return Outcome(PASS, "it is the one that this run made, nonce read back; no identity of production was known")
    told = [*([str(production["sysid"])] if production else []), *sysids]
    factors = [name for name, (one, other) in pairs.items() if one and other] or ["system identifier"]
    return Outcome(PASS, f"{scratch['sysid']} is none of {some(told)}; {some(factors)} all differ, nonce read back")


def isolated(evidence: Evidence) -> Outcome:
    """The isolation, as inspected, is what the driver promises."""
    return scratch_isolated(as_restore_test(evidence))


def clean(evidence: Evidence) -> Outcome:
    """The dump restores without an error."""
    return restore_clean(as_restore_test(evidence))


def tables(evidence: Evidence) -> Outcome:
    """The restored copy has exactly the tables of the dump, or those that were recorded."""
    return restore_tables(as_restore_test(evidence))


def rows(evidence: Evidence) -> Outcome:
    """The restored copy has the dump's rows."""
    return restore_rows(as_restore_test(evidence))


def content(evidence: Evidence) -> Outcome:
    """The restored copy has the dump's rows, by digest."""
    return restore_content(as_restore_test(evidence), has_census=evidence.get("recorded") is not None)


def objects(evidence: Evidence) -> Outcome:
    """The restored copy defines what the dump does, and, where that was recorded, what production's catalogues held."""
    judge = restore_objects_of_dump if evidence.get("recorded") is None else restore_objects
    return judge(as_restore_test(evidence))


def storage_gone(evidence: Evidence) -> Outcome:
    """No volume, directory, copy or partial file of the run is left."""
    return nothing_left(evidence, {"volumes": ("volumes",), "directories and copies": ("paths",)})
