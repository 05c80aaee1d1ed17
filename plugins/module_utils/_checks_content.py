# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to incomex.closeout: the checks that production, dump and restored copy hold the same, row for row and object
for object. Not compared is never equal.
"""

from __future__ import annotations

from typing import Any

from ._outcome import (
    FAIL,
    INFO,
    NOT_RUN,
    PASS,
    Evidence,
    Outcome,
    audited_elsewhere,
    get,
    is_count,
    some,
    unreadable,
)

PARTITIONED = "partitioned"


def dump_content(evidence: Evidence) -> Outcome:
    """The audited tables' rows in the dump are production's rows in its snapshot, by digest."""
    which = get(evidence, "settings", "production_content")
    if which == "none":
        return Outcome(INFO, "production's rows were counted only, as closeout_production_content asks")
    if which not in ("audited", "all"):
        return Outcome(FAIL, f"settings.production_content is {which!r}")
    dumped, tables = get(evidence, "dump", "content"), get(evidence, "production", "snapshot", "tables")
    without, expected = get(evidence, "dump", "without_data"), get(evidence, "settings", "expected_tables")
    if not isinstance(dumped, dict) or not isinstance(tables, dict) or not isinstance(without, dict) or not expected:
        return Outcome(NOT_RUN, "the rows were not read on both sides")
    compared, wrong = 0, []
    for name in sorted(set(expected) - unreadable(evidence)):
        one, other = get(tables, name, "sha256"), dumped.get(name)
        if one and one == other:
            compared += 1
        elif one or other or without.get(name) is None:
            wrong.append(f"{name}: {_digest(one)} in production, {_digest(other)} in the dump")
    if wrong:
        return Outcome(FAIL, some(wrong))
    if which == "all":
        return _all_tables(evidence)
    if not compared:
        return Outcome(FAIL, "not one audited table has rows of its own to compare")
    return Outcome(PASS, f"the rows of {compared} audited tables are production's, by sha256")


def _digest(value: Any) -> str:
    return f"sha256 {str(value)[:12]}…" if value else "not read"


def _all_tables(evidence: Evidence) -> Outcome:
    found, wanted = get(evidence, "production", "snapshot", "content"), get(evidence, "dump", "manifest", "tables")
    counts = [get(found, name) for name in ("tables", "equal", "rows", "different_total")]
    if not all(is_count(count) for count in counts) or not is_count(wanted):
        return Outcome(FAIL, "not all tables were read in production")
    tables, equal, rows, different = counts
    if different or equal != tables or tables != wanted or not tables:
        names = some(get(found, "different") or [])
        return Outcome(FAIL, f"{equal} of {wanted} tables are equal{': not ' * bool(names)}{names}")
    return Outcome(PASS, f"all {tables} tables of the dump, {rows} rows, are production's, by sha256")


def dump_census(evidence: Evidence) -> Outcome:
    """The dump defines what production's catalogues hold in the snapshot, kind by kind."""
    census = get(evidence, "production", "snapshot", "census")
    kinds = get(census, "kinds")
    if not isinstance(kinds, dict) or not kinds:
        return Outcome(NOT_RUN, "the census of production's catalogues was not taken")
    for name in ("left_out_total", "unexplained_total", "lost_total", "told_total"):
        if not is_count(census.get(name)):
            return Outcome(FAIL, f"the census does not say {name}")
    wrong = [
        f"{kind}: {get(pair, 'production')} in production, {get(pair, 'dump')} in the dump"
        for kind, pair in sorted(kinds.items())
        if not is_count(get(pair, "production")) or get(pair, "production") != get(pair, "dump")
    ]
    named = [*(census.get("left_out") or []), *(census.get("lost") or [])]
    beyond = census.get("unexplained") or []
    if wrong or census["left_out_total"] or census["unexplained_total"] or census["lost_total"]:
        parts = [some(wrong)] if wrong else []
        parts += [f"left out by pg_dump: {some(named)}"] if named else []
        parts += [f"in the dump only: {some(beyond)}"] if beyond else []
        return Outcome(FAIL, "; ".join(parts) or "something was left out by pg_dump")
    total = sum(pair["production"] for pair in kinds.values())
    if not total:
        return Outcome(FAIL, "production's catalogues hold nothing: there is nothing to prove")
    told = f"; not in a dump by its nature: {some(census.get('told') or [])}" if census["told_total"] else ""
    return Outcome(PASS, f"{total} objects of {len(kinds)} kinds, all in the dump{told}")


def dump_warnings(evidence: Evidence) -> Outcome:
    """Everything that pg_dump said is known to be harmless."""
    messages = get(evidence, "dump", "messages")
    total, told = get(messages, "unclassified_total"), get(messages, "told")
    if not is_count(total) or not isinstance(told, dict):
        return Outcome(NOT_RUN, "what pg_dump said was not read")
    if total or messages.get("unclassified"):
        return Outcome(FAIL, f"pg_dump said: {some(messages.get('unclassified') or [f'{total} messages'])}")
    if told:
        return Outcome(PASS, f"harmless: {some(f'{count} × {name}' for name, count in sorted(told.items()))}")
    return Outcome(PASS, "pg_dump said nothing")


def restore_content(evidence: Evidence) -> Outcome:
    """Every table of the dump has its rows in the restored copy, by digest."""
    found, manifest = get(evidence, "restore", "compare"), get(evidence, "dump", "manifest")
    refused = _not_compared(evidence)
    if refused:
        return refused
    names = ("tables", "rows", "equal", "equal_other_order", "content_differences")
    if not all(is_count(get(found, name)) for name in names):
        return Outcome(FAIL, "the rows were not counted")
    same = found["equal"] + found["equal_other_order"]
    wanted = get(manifest, "tables")
    if found["content_differences"]:
        return Outcome(FAIL, f"{found['content_differences']} of {wanted} tables differ: {_named(found, 'content')}")
    if not is_count(wanted) or not wanted or found["tables"] != wanted or same != wanted:
        return Outcome(FAIL, f"{found['tables']} tables were compared, {same} are equal, the dump has {wanted}")
    if found["rows"] != get(manifest, "rows"):
        return Outcome(FAIL, f"{found['rows']} rows were compared, the dump has {get(manifest, 'rows')}")
    order = f", {found['equal_other_order']} of them in another row order" if found["equal_other_order"] else ""
    return Outcome(PASS, f"{found['rows']} rows in {wanted} tables are equal{order}")


def restore_objects(evidence: Evidence) -> Outcome:
    """Every definition, sequence, large object of the dump is in the restored copy, and nothing else."""
    found = get(evidence, "restore", "compare")
    refused = _not_compared(evidence)
    if refused:
        return refused
    parts = ("objects_equal", "objects_equal_other_column_order", "objects_equal_after_redeparse")
    names = ("objects", "object_differences", "object_differences_of_privileges", *parts)
    if not all(is_count(get(found, name)) for name in names):
        return Outcome(FAIL, "the definitions were not counted")
    wanted, differing = get(evidence, "dump", "manifest", "objects"), found["object_differences"]
    forgiven = found["object_differences_of_privileges"] if _privileges_forgiven(evidence) else 0
    if differing > forgiven:
        return Outcome(FAIL, f"{differing - forgiven} differences: {_named(found, 'objects')}")
    same = sum(found[name] for name in parts)
    if not is_count(wanted) or not wanted or found["objects"] != wanted or same + differing < wanted:
        return Outcome(FAIL, f"{found['objects']} definitions were compared, {same} are equal, the dump has {wanted}")
    uneven = _uneven_census(evidence)
    if uneven and not forgiven:
        return Outcome(FAIL, f"the catalogues differ: {some(uneven)}")
    told = [f"{found[name]} {title}" for name, title in zip(parts[1:], _TOLD) if found[name]]
    told += [f"{forgiven} differences of owner or privileges, tolerated by hand"] if forgiven else []
    told += _extension_versions(evidence)
    return Outcome(PASS, f"{same} definitions are equal{'; ' * bool(told)}{'; '.join(told)}")


_TOLD = ("in another column order (inheritance)", "after re-deparse")


def _not_compared(evidence: Evidence) -> Outcome | None:
    """Return why there is no comparison of this dump with this copy, None where there is."""
    found = get(evidence, "restore", "compare")
    if not found:
        return Outcome(NOT_RUN, "the restored copy was not compared with the dump")
    if not found.get("manifest_sha256") or found["manifest_sha256"] != get(evidence, "dump", "manifest", "sha256"):
        return Outcome(FAIL, "the copy was compared with another manifest than that of this dump")
    return audited_elsewhere(evidence, found.get("server"))


def _named(found: dict[str, Any], about: str) -> str:
    """Return the first differences of one sort, as a sentence."""
    texts = [
        f"{one['object']} ({one['kind']}): {one['wanted']} expected, {one['found']}"
        for one in found.get("differences") or []
        if one.get("about") == about
    ]
    return some(texts[:5]) or f"see {found.get('path')}"


def _privileges_forgiven(evidence: Evidence) -> bool:
    """By hand, the restore tolerates errors that a missing role explains; what they left undone is tolerated too."""
    tolerated = get(evidence, "restore", "errors", "tolerated") or {}
    by_hand = get(evidence, "settings", "restore_tolerance") == "by_hand"
    return by_hand and any(is_count(count) and count for count in tolerated.values())


def _uneven_census(evidence: Evidence) -> list[str]:
    """Return the numbers by which production's catalogues and the copy's differ."""
    production, copy = get(evidence, "production", "snapshot", "census"), get(evidence, "restore", "compare", "census")
    kinds = {kind: get(pair, "production") for kind, pair in (get(production, "kinds") or {}).items()}
    pairs = [(kinds, get(copy, "kinds")), (get(production, "counts"), get(copy, "counts"))]
    if not all(isinstance(one, dict) and isinstance(other, dict) for one, other in pairs):
        return ["the census was not taken on both sides"]
    same_extensions = get(production, "extensions") == get(copy, "extensions")
    return [
        f"{name}: {one.get(name, 0)} in production, {other.get(name, 0)} in the copy"
        for one, other in pairs
        for name in sorted({*one, *other})
        if one.get(name, 0) != other.get(name, 0) and (same_extensions or not name.startswith("extension "))
    ]


def _extension_versions(evidence: Evidence) -> list[str]:
    """A dump does not say which version of an extension there was: the copy has the newest."""
    production = get(evidence, "production", "snapshot", "census", "extensions") or {}
    copy = get(evidence, "restore", "compare", "census", "extensions") or {}
    return [
        f"extension {name} is {version} in production, {copy[name]} in the copy"
        for name, version in sorted(production.items())
        if name in copy and copy[name] != version
    ]
