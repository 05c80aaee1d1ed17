# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to incomex.closeout: the checks that production, dump and restored copy hold the same, row for row and object
for object. Not compared is never equal.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from ._definitions import OF_PRIVILEGES
from ._fingerprint_sql import DEPARSED, EXTENSION_PRIVILEGES
from ._fingerprint_sql import OF_PRIVILEGES as OF_PRIVILEGES_IN_CATALOGUES
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
LOADED_THROUGH = "loaded through "
HARMLESS = ("collation_version", "password_file")
"""What may be told of pg_dump's messages: the kinds of _dump_warnings."""
# What the manifest has beside definitions: _definitions.DATA_TYPES.
_DATA_KINDS = ("SEQUENCE SET", "MATERIALIZED VIEW DATA")
_COPY = ("restore", "compare", "census")
_FACTS_OF_PRIVILEGES = set(OF_PRIVILEGES_IN_CATALOGUES)
_FACTS_OF_EXTENSIONS = EXTENSION_PRIVILEGES
_SHA256 = re.compile(r"[0-9a-f]{64}")


def dump_content(evidence: Evidence) -> Outcome:
    """The audited tables' rows in the dump are production's rows in its snapshot, by digest."""
    which = get(evidence, "settings", "production_content")
    if which is None and not evidence.get("plan"):
        return Outcome(NOT_RUN, "there is no plan")
    if which not in ("audited", "all", "none"):
        return Outcome(FAIL, f"settings.production_content is {which!r}")
    dumped, tables = get(evidence, "dump", "content"), get(evidence, "production", "snapshot", "tables")
    without, expected = get(evidence, "dump", "without_data"), get(evidence, "settings", "expected_tables")
    if not isinstance(dumped, dict) or not isinstance(tables, dict) or not isinstance(without, dict) or not expected:
        return Outcome(NOT_RUN, "the rows were not read on both sides")
    unsound = _without_data(evidence, which)
    if unsound:
        return Outcome(FAIL, some(unsound))
    # What was read is judged, whether or not it was asked for.
    every = get(evidence, "production", "snapshot", "content")
    if which == "none" and not dumped and not every and not any(get(one, "sha256") for one in tables.values()):
        return Outcome(INFO, "production's rows were counted only, as closeout_production_content asks")
    compared, wrong = 0, []
    for name in sorted(set(expected) - unreadable(evidence)):
        one, other = get(tables, name, "sha256"), dumped.get(name)
        if _is_digest(one) and one == other:
            compared += 1
        elif one or other or name not in without:
            wrong.append(f"{name}: {_digest(one)} in production, {_digest(other)} in the dump")
    if wrong:
        return Outcome(FAIL, some(wrong))
    if which == "all" or every:
        return _all_tables(evidence)
    if not compared:
        return Outcome(FAIL, "not one audited table has rows of its own to compare")
    return Outcome(PASS, f"the rows of {compared} audited tables are production's, by sha256")


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def _digest(value: Any) -> str:
    return f"sha256 {str(value)[:12]}…" if value else "not read"


def _without_data(evidence: Evidence, which: str) -> list[str]:
    """Return the audited tables that are said to have no rows of their own in the dump, where that cannot be believed:
    they have some, or the root that is said to bring them is compared by nobody.
    """
    without, rows = get(evidence, "dump", "without_data"), get(evidence, "dump", "rows") or {}
    expected, schema = get(evidence, "settings", "expected_tables"), get(evidence, "settings", "schema")
    roots = {f"{schema}.{name}" for name in expected if name not in without}
    found = []
    for name in sorted(set(expected) & set(without)):
        reason = without[name]
        through = reason[len(LOADED_THROUGH) :] if str(reason).startswith(LOADED_THROUGH) else ""
        elsewhere = through and which == "all" and not through.startswith(f"{schema}.")
        if rows.get(name) not in (None, 0):
            found.append(f"{name}: {reason}, but it has {rows[name]} rows of its own in the dump")
        elif through and through not in roots and not elsewhere:
            found.append(f"{name}: {reason}, whose rows were not compared (closeout_production_content: all does)")
        elif not through and reason != PARTITIONED:
            found.append(f"{name}: no rows in the dump for no known reason: {reason}")
    return found


def _all_tables(evidence: Evidence) -> Outcome:
    found, manifest = get(evidence, "production", "snapshot", "content"), get(evidence, "dump", "manifest")
    refused = _large_objects(evidence, get(found, "large_objects"))
    if refused:
        return Outcome(FAIL, refused)
    counts = [get(found, name) for name in ("tables", "equal", "rows", "different_total")]
    wanted, all_of_them = get(manifest, "tables_with_data"), get(manifest, "tables")
    if not all(is_count(count) for count in (*counts, wanted, all_of_them)):
        return Outcome(FAIL, "not all tables were read in production")
    tables, equal, rows, different = counts
    named = found.get("different")
    if different or named != [] or equal != tables or tables != wanted or not tables:
        names = some(named or [])
        return Outcome(FAIL, f"{equal} of {wanted} tables are equal{': not ' * bool(names)}{names}")
    if rows != get(manifest, "rows"):
        return Outcome(FAIL, f"{rows} rows were read in production, the dump has {get(manifest, 'rows')}")
    # That the others may be without data is dump.census' to judge.
    beyond = all_of_them - wanted
    beside = f"; a standby cannot read its {beyond} unlogged tables" if beyond else ""
    return Outcome(PASS, f"all {tables} tables of the dump, {rows} rows, are production's, by sha256{beside}")


def dump_sequences(evidence: Evidence) -> Outcome:
    """Sequences that did not move while the dump was taken have production's values in it."""
    found = get(evidence, "production", "snapshot", "sequences")
    if not isinstance(found, dict) or not found:
        return Outcome(NOT_RUN, "the values of production's sequences were not read")
    names = ("sequences", "at_rest", "moved")
    if not all(is_count(found.get(name)) for name in names) or not _are_named(found, "different"):
        return Outcome(FAIL, "the values of production's sequences were not counted")
    total, at_rest, moved = (found[name] for name in names)
    if found["different_total"]:
        return Outcome(FAIL, f"production had another value before and after the dump: {some(found['different'])}")
    if total != _in_dump(evidence, _DATA_KINDS[0]) or at_rest + moved != total:
        return Outcome(FAIL, f"{at_rest} sequences at rest and {moved} others are not the {total} of the dump")
    others = f"; {moved} gave values meanwhile and cannot be compared" if moved else ""
    return Outcome(PASS, f"{at_rest} sequences have production's values{others}")


def dump_census(evidence: Evidence) -> Outcome:
    """The dump defines what production's catalogues hold in the snapshot, kind by kind."""
    census = get(evidence, "production", "snapshot", "census")
    kinds = get(census, "kinds")
    if not isinstance(kinds, dict) or not kinds:
        return Outcome(NOT_RUN, "the census of production's catalogues was not taken")
    for name in ("left_out", "unexplained", "lost", "told"):
        if not _are_named(census, name):
            return Outcome(FAIL, f"the census does not say {name} and {name}_total")
    missing = missing_data(evidence)
    if missing:
        return Outcome(FAIL, missing)
    wrong = [
        f"{kind}: {get(pair, 'production')} in production, {get(pair, 'dump')} in the dump"
        for kind, pair in sorted(kinds.items())
        if not all(is_count(get(pair, side)) for side in ("production", "dump")) or pair["production"] != pair["dump"]
    ]
    if wrong or census["left_out_total"] or census["unexplained_total"] or census["lost_total"]:
        parts = [some(wrong)] if wrong else []
        named = dict.fromkeys([*census["left_out"], *census["lost"]])
        parts += [f"left out by pg_dump: {some(named)}"] if named else []
        parts += [f"in the dump only: {some(census['unexplained'])}"] if census["unexplained"] else []
        return Outcome(FAIL, "; ".join(parts))
    tables, expected = _in_dump(evidence, "TABLE"), get(evidence, "settings", "expected_tables") or []
    if not tables or tables < len(set(expected)):
        return Outcome(FAIL, f"production's catalogues hold {tables} tables, {len(expected)} are expected")
    total = sum(pair["production"] for pair in kinds.values())
    data = sum(_in_dump(evidence, kind) for kind in _DATA_KINDS)
    entries, objects = (get(evidence, "dump", "manifest", name) for name in ("entries", "objects"))
    if not is_count(entries) or not is_count(objects) or entries - objects != data or objects < total - data:
        return Outcome(FAIL, f"the manifest has {objects} definitions of {entries} entries, the census finds {total}")
    told = f"; not in a dump by its nature: {some(census['told'])}" if census["told"] else ""
    return Outcome(PASS, f"{total} objects of {len(kinds)} kinds, all in the dump{told}")


def missing_data(evidence: Evidence) -> str:
    """Return which tables the dump creates without their data, "" where it is none but a standby's unlogged ones."""
    dump, manifest = evidence.get("dump") or {}, get(evidence, "dump", "manifest")
    if not _are_named(dump, "data_missing"):
        return "nobody looked for tables that the dump creates without their data"
    if dump["data_missing"]:
        return f"the dump creates tables without their data: {some(dump['data_missing'])}"
    tables, filled = get(manifest, "tables"), get(manifest, "tables_with_data")
    unread: Any = 0
    if get(evidence, "production", "before", "in_recovery") is True:
        unread = get(evidence, "production", "snapshot", "census", "counts", "unlogged tables")
    counted = is_count(tables) and is_count(filled) and is_count(unread)
    if not counted or not filled or not 0 <= tables - filled <= unread:
        return f"{filled} of {tables} tables have data in the dump"
    return ""


def _large_objects(evidence: Evidence, found: Any) -> str:
    """Return what is wrong with production's large objects against the dump's, "" for nothing."""
    if not isinstance(found, dict) or not is_count(found.get("large_objects")) or not _are_named(found, "different"):
        return "production's large objects were not read"
    if found["different_total"]:
        return f"large objects whose data in the dump are not production's: {some(found['different'])}"
    number, wanted = found["large_objects"], _in_dump(evidence, "LARGE OBJECT")
    return "" if number == wanted else f"{number} large objects were read in production, the dump has {wanted}"


def _are_named(part: dict[str, Any], name: str) -> bool:
    """Tell whether ``<name>_total`` things were counted and the first of them named in ``<name>``."""
    total, names = part.get(f"{name}_total"), part.get(name)
    return is_count(total) and isinstance(names, list) and len(names) <= total and bool(names) == bool(total)


def _in_dump(evidence: Evidence, kind: str) -> int:
    """Return how many objects of a kind the census found in the dump."""
    found = get(evidence, "production", "snapshot", "census", "kinds", kind, "dump")
    return found if is_count(found) else 0


def dump_warnings(evidence: Evidence) -> Outcome:
    """Everything that pg_dump said is known to be harmless."""
    messages = get(evidence, "dump", "messages")
    total, told = get(messages, "unclassified_total"), get(messages, "told")
    if not is_count(total) or not isinstance(told, dict) or not isinstance(messages.get("unclassified"), list):
        return Outcome(NOT_RUN, "what pg_dump said was not read")
    if total or messages["unclassified"]:
        return Outcome(FAIL, f"pg_dump said: {some(messages['unclassified'] or [f'{total} messages'])}")
    listed = some(f"{count} × {name}" for name, count in sorted(told.items()))
    if not set(told) <= set(HARMLESS) or not all(is_count(count) and count for count in told.values()):
        return Outcome(FAIL, f"not known to be harmless: {listed}")
    return Outcome(PASS, f"harmless: {listed}" if told else "pg_dump said nothing")


def restore_content(evidence: Evidence, *, has_census: bool = True) -> Outcome:
    """Every table of the dump has its rows in the restored copy, by digest. A dump that nothing is recorded of has no
    census of production (``has_census``).
    """
    found, manifest = get(evidence, "restore", "compare"), get(evidence, "dump", "manifest")
    refused = _not_compared(evidence, has_census=has_census)
    if refused:
        return refused
    names = ("tables", "rows", "equal", "equal_other_order", "content_differences")
    if not all(is_count(get(found, name)) for name in names):
        return Outcome(FAIL, "the rows were not counted")
    same = found["equal"] + found["equal_other_order"]
    wanted, rows = get(manifest, "tables"), get(manifest, "rows")
    if found["content_differences"]:
        return Outcome(FAIL, f"{found['content_differences']} of {wanted} tables differ: {_named(found, 'content')}")
    if not is_count(wanted) or not wanted or found["tables"] != wanted or same != wanted:
        return Outcome(FAIL, f"{found['tables']} tables were compared, {same} are equal, the dump has {wanted}")
    if not is_count(rows) or found["rows"] != rows:
        return Outcome(FAIL, f"{found['rows']} rows were compared, the dump has {rows}")
    audited, total = _audited(evidence)
    if wanted < audited or rows < total:
        return Outcome(FAIL, f"{rows} rows in {wanted} tables were compared, {total} in {audited} are audited")
    order = f", {found['equal_other_order']} of them in another row order" if found["equal_other_order"] else ""
    return Outcome(PASS, f"{rows} rows in {wanted} tables are equal{order}")


def _audited(evidence: Evidence) -> tuple[int, int]:
    """Return how many of the audited tables have rows of their own in the dump, and how many rows all of them have."""
    without = get(evidence, "dump", "without_data") or {}
    rows = get(evidence, "dump", "rows") or {}
    names = set(get(evidence, "settings", "expected_tables") or []) - set(without)
    return len(names), sum(count for count in rows.values() if is_count(count))


def restore_objects(evidence: Evidence) -> Outcome:
    """Every definition, sequence, large object of the dump is in the restored copy, and nothing else."""
    found = get(evidence, "restore", "compare")
    refused = _not_compared(evidence)
    if refused:
        return refused
    different = _definitions_differ(evidence)
    if different:
        return different
    forgiven = _forgiven(evidence)
    for name, kind in (("sequences", "SEQUENCE SET"), ("large_objects", "LARGE OBJECT")):
        if not is_count(found.get(name)) or found[name] != _in_dump(evidence, kind):
            return Outcome(FAIL, f"{found.get(name)} {name} were compared, the dump has {_in_dump(evidence, kind)}")
    uneven = _uneven_census(evidence, {_DEFAULT_PRIVILEGES} if forgiven else set())
    if uneven:
        return Outcome(FAIL, f"the catalogues differ: {some(uneven)}")
    facts, wrong = _facts(evidence, forgiven=bool(forgiven))
    if wrong:
        return Outcome(FAIL, wrong)
    told = [f"{facts} facts of the catalogues are production's"]
    told += _told_of_definitions(evidence)
    told += _extension_versions(evidence)
    return Outcome(PASS, f"{_same(found)} definitions are equal; {'; '.join(told)}")


def restore_objects_of_dump(evidence: Evidence) -> Outcome:
    """Every definition, sequence, large object of a dump that nothing is recorded of is in the restored copy, and
    nothing else; what production's catalogues held is not known.
    """
    found = get(evidence, "restore", "compare")
    refused = _not_compared(evidence, has_census=False) or _definitions_differ(evidence)
    if refused:
        return refused
    for name in ("sequences", "large_objects"):
        wanted = get(evidence, "dump", "manifest", name)
        if not is_count(wanted) or found.get(name) != wanted:
            return Outcome(FAIL, f"{found.get(name)} {name} were compared, the dump has {wanted}")
    told = _told_of_definitions(evidence)
    told += ["the dump says of nothing whose it is"] if found.get("without_owners") is True else []
    return Outcome(PASS, "; ".join([f"{_same(found)} definitions are equal to the dump's", *told]))


_PARTS = ("objects_equal", "objects_equal_other_column_order", "objects_equal_after_redeparse")


def _same(found: dict[str, Any]) -> int:
    """Return how many definitions are equal, in whatever way."""
    return sum(found[name] for name in _PARTS)


def _forgiven(evidence: Evidence) -> int:
    """Return how many differences of owners and privileges are forgiven."""
    forgiven = _privileges_forgiven(evidence)
    return get(evidence, "restore", "compare", "object_differences_of_privileges") if forgiven else 0


def _definitions_differ(evidence: Evidence) -> Outcome | None:
    """Return a failure unless the copy has all of the dump's definitions, but for what is forgiven."""
    found, wanted = get(evidence, "restore", "compare"), get(evidence, "dump", "manifest", "objects")
    names = ("objects", "objects_different", "object_differences", "object_differences_of_privileges", *_PARTS)
    if not all(is_count(get(found, name)) for name in names):
        return Outcome(FAIL, "the definitions were not counted")
    differing, forgiven, same = found["object_differences"], _forgiven(evidence), _same(found)
    if differing != forgiven:
        return Outcome(FAIL, f"{differing - forgiven} differences: {_named(found, 'objects')}")
    counted = is_count(wanted) and wanted and found["objects"] == wanted
    if not counted or same + found["objects_different"] != wanted or found["objects_different"] and not forgiven:
        return Outcome(FAIL, f"{found['objects']} definitions were compared, {same} are equal, the dump has {wanted}")
    return None


def _told_of_definitions(evidence: Evidence) -> list[str]:
    found, forgiven = get(evidence, "restore", "compare"), _forgiven(evidence)
    told = [f"{found[name]} {title}" for name, title in zip(_PARTS[1:], _TOLD) if found[name]]
    return told + ([f"{forgiven} differences of owner or privileges, tolerated by hand"] if forgiven else [])


_TOLD = ("in another column order (inheritance)", "after re-deparse")
_DEFAULT_PRIVILEGES = "default privileges"


def _not_compared(evidence: Evidence, *, has_census: bool = True) -> Outcome | None:
    """Return why there is no comparison of this dump with this copy, None where there is; one that nothing is recorded
    of has no census.
    """
    found, restored = get(evidence, "restore", "compare"), get(evidence, "restore", "db")
    if not found:
        return Outcome(NOT_RUN, "the restored copy was not compared with the dump")
    digest = found.get("manifest_sha256")
    if not _is_digest(digest) or digest != get(evidence, "dump", "manifest", "sha256"):
        return Outcome(FAIL, "the copy was compared with another manifest than that of this dump")
    census = found.get("census_sha256")
    recorded = get(evidence, "production", "snapshot", "census", "sha256")
    if has_census and not _is_digest(census) or (census or None) != recorded:
        return Outcome(FAIL, "the copy's catalogues were compared with another census than that of this dump")
    if not restored or found.get("db") != restored:
        return Outcome(FAIL, f"compared was the database {found.get('db')}, restored into {restored}")
    elsewhere = audited_elsewhere(evidence, found.get("server"))
    if elsewhere or _differences_add_up(found):
        return elsewhere
    return Outcome(FAIL, "the differences do not add up to their totals")


def _differences_add_up(found: dict[str, Any]) -> bool:
    """Tell whether no difference is outside the totals by which the checks go."""
    names = ("content_differences", "object_differences", "object_differences_of_privileges")
    if not _are_named(found, "differences") or not all(is_count(found.get(name)) for name in names):
        return False
    content, objects, privileges = (found[name] for name in names)
    most = {"content": content, "privileges": privileges, "objects": objects - privileges}
    listed = Counter(_sort(one) for one in found["differences"])
    total: int = found["differences_total"]
    return total == sum(most.values()) and all(listed[sort] <= number for sort, number in most.items())


def _sort(difference: dict[str, Any]) -> str:
    """Return which total counts a difference: content, privileges, or objects."""
    if difference["about"] == "content":
        return "content"
    of_privileges = difference["kind"] == "owner" or difference["object"].startswith(OF_PRIVILEGES)
    return "privileges" if of_privileges else "objects"


def _named(found: dict[str, Any], about: str) -> str:
    """Return the first differences of one sort, as a sentence."""
    texts = [
        f"{one['object']} ({one['kind']}): {one['wanted']} expected, {one['found']}"
        for one in found.get("differences") or []
        if one.get("about") == about
    ]
    return some(texts[:5]) or f"see {found.get('path')}"


def _privileges_forgiven(evidence: Evidence) -> bool:
    """By hand, the restore tolerates errors that a missing role explains; what they left undone is tolerated too.

    That a role was there already explains nothing.
    """
    tolerated = get(evidence, "restore", "errors", "tolerated")
    counts = [get(tolerated, name) for name in ("owner", "acl")]
    by_hand = get(evidence, "settings", "restore_tolerance") == "by_hand"
    return by_hand and any(is_count(count) and count for count in counts)


def _uneven_census(evidence: Evidence, forgiven: set[str]) -> list[str]:
    """Return the numbers by which production's catalogues and the copy's differ."""
    production, copy = get(evidence, "production", "snapshot", "census"), get(evidence, "restore", "compare", "census")
    kinds = {kind: get(pair, "production") for kind, pair in (get(production, "kinds") or {}).items()}
    sides = [kinds, *(get(copy, "kinds"), get(production, "counts"), get(copy, "counts"))]
    # Extensions go by their names: one that came with the server is not counted, the same one made anew is.
    forgiven = {*forgiven, "EXTENSION"}
    versions, there = get(production, "extensions"), get(copy, "extensions")
    if not all(isinstance(side, dict) for side in (*sides, versions, there)) or not all(sides):
        return ["the census was not taken on both sides"]
    uncounted = sorted({name for side in sides for name, number in side.items() if not is_count(number)})
    unread = sorted({name for side in (versions, there) for name, version in side.items() if not _is_text(version)})
    # A new database has plpgsql, whether or not production's still has.
    on_one_side = sorted(set(versions) - set(there) | (set(there) - set(versions) - {"plpgsql"}))
    return [
        *(f"{name}: not counted" for name in uncounted),
        *(f"extension {name}: its version was not read" for name in unread),
        *(f"extension {name}: on one side only" for name in on_one_side),
        *(
            f"{name}: {one.get(name, 0)} in production, {other.get(name, 0)} in the copy"
            for one, other in (sides[:2], sides[2:])
            for name in sorted({*one, *other} - forgiven)
            if one.get(name, 0) != other.get(name, 0) and (versions == there or not name.startswith("extension "))
        ),
    ]


def _facts(evidence: Evidence, *, forgiven: bool) -> tuple[int, str]:
    """Return how many facts of the catalogues were found equal, and what is wrong with that number, "" for nothing."""
    production = get(evidence, "production", "snapshot", "census", "facts")
    found = get(evidence, "restore", "compare", "catalogue")
    copy, parts = get(found, "facts"), ("equal", "equal_after_redeparse", "not_compared")
    sides = (production, copy)
    if not all(isinstance(side, dict) and side and all(is_count(number) for number in side.values()) for side in sides):
        return 0, "the facts of the catalogues were not read on both sides"
    if not all(is_count(get(found, name)) for name in parts):
        return 0, "the facts of the catalogues were not compared"
    versions = (get(evidence, "production", "snapshot", "census", "extensions"), get(evidence, *_COPY, "extensions"))
    uneven = _FACTS_OF_PRIVILEGES if forgiven else set()
    uneven = uneven | ({_FACTS_OF_EXTENSIONS} if versions[0] != versions[1] else set())
    for sort in sorted({*production, *copy} - uneven):
        if production.get(sort) != copy.get(sort):
            return (
                0,
                f"facts of the sort {sort}: {production.get(sort, 0)} in production, {copy.get(sort, 0)} in the copy",
            )
    held: int = found["equal"] + found["equal_after_redeparse"]
    excused = sum(production.get(sort, 0) for sort in uneven)
    least, most = sum(production.values()) - excused, sum(production.values()) - found["not_compared"]
    if found["not_compared"] > (production.get(_FACTS_OF_EXTENSIONS, 0) if versions[0] != versions[1] else 0):
        return 0, f"{found['not_compared']} facts of the catalogues were not compared"
    # Hardly any text is another one after a restore; nothing else may be excused by that.
    if not found["equal"] or not least <= held <= most or found["equal_after_redeparse"] > _texts(production):
        return 0, f"{held} facts of the catalogues are equal, production has {sum(production.values())}"
    return held, ""


def _texts(facts: dict[str, int]) -> int:
    return sum(number for sort, number in facts.items() if sort in DEPARSED)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _extension_versions(evidence: Evidence) -> list[str]:
    """A dump does not say which version of an extension there was: the copy has the newest."""
    production = get(evidence, "production", "snapshot", "census", "extensions") or {}
    copy = get(evidence, "restore", "compare", "census", "extensions") or {}
    return [
        f"extension {name} is {version} in production, {copy[name]} in the copy"
        for name, version in sorted(production.items())
        if name in copy and copy[name] != version
    ]
