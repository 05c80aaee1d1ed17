# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a census of the catalogues: what a database holds, whatever a dump says of it.

pg_dump leaves things out with return code 0. So its dump is held against what the catalogues hold in the snapshot it
was taken in, and the restored copy's catalogues against the same. Which objects a whole dump has a statement for is
measured with pg_dump 14 to 18 (tests/integration/test_census.py) and follows pg_dump.c, "Decide whether to dump".

What pg_dump does not dump and the census does not count: system schemas and objects (they come with the server),
members of extensions (they come with CREATE EXTENSION), the schema public (it is there), types that come with something
else (rows, arrays, multiranges), constructors of ranges, internal triggers, and what partitions have from their parent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ._catalogues import COMMENTED, OBJECTS, OBJECTS_AND_PARTS
from ._entries import Entry
from ._large_objects import TYPE as LARGE_OBJECT
from ._large_objects import Oids, is_oid
from ._session import Session
from ._side_by_side import side_by_side

MAX_NAMED = 20
Key = tuple[str, str, str]
"""Type, schema and name of an object. The schema is "" for what is in none, the name where it has none."""


@dataclass
class Census:
    """What one database holds.

    ``objects`` counts what a whole dump has a statement for, but large objects, whose ids are in ``large_objects``:
    there may be millions. ``tables`` says where the parts of tables belong.
    ``counts`` are numbers to hold against the restored copy's; a name that begins with "extension " counts what hangs
    on an extension's tables, comparable where both sides have the extension in one version. ``extensions`` are
    versions. ``lost`` names what is not in a dump and nothing brings back, ``told`` what is not in it without harm.
    """

    objects: Counter[Key] = field(default_factory=Counter)
    tables: dict[Key, list[str]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    extensions: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    large_objects: Oids = field(default_factory=Oids)


# Objects of one name that a dump may create in two steps: a base type after its shell, a view after a stand-in.
_MADE_TWICE = frozenset({"TYPE", "VIEW"})
_NO_SCHEMA = frozenset({
    "SCHEMA", "EXTENSION", "EVENT TRIGGER", "PUBLICATION", "SUBSCRIPTION", "FOREIGN DATA WRAPPER", "SERVER",
    "ACCESS METHOD", "LANGUAGE", "LARGE OBJECT",
})  # fmt: skip
_NO_NAME = frozenset({"CAST", "TRANSFORM", "USER MAPPING"})
_PARTS = frozenset(
    {"CONSTRAINT", "FK CONSTRAINT", "IDENTITY", "INDEX", "NOT NULL CONSTRAINT", "POLICY", "RULE", "TRIGGER"}
)
KINDS = frozenset({
    "AGGREGATE", "COLLATION", "CONVERSION", "DOMAIN", "FOREIGN TABLE", "FUNCTION", "MATERIALIZED VIEW",
    "MATERIALIZED VIEW DATA", "OPERATOR", "OPERATOR CLASS", "OPERATOR FAMILY", "PROCEDURE", "SEQUENCE", "SEQUENCE SET",
    "STATISTICS", "TABLE", "TEXT SEARCH CONFIGURATION", "TEXT SEARCH DICTIONARY", "TEXT SEARCH PARSER",
    "TEXT SEARCH TEMPLATE", "TYPE", "VIEW",
}) | _NO_SCHEMA | _NO_NAME | _PARTS  # fmt: skip
"""The types of entries that are counted."""


def _plain(kind: str, catalogue: str, prefix: str, namespace: str = "") -> str:
    """Return the query of a kind whose every object outside system schemas and extensions has a statement."""
    schema, join = ("n.nspname", f"JOIN spaces n ON n.oid = o.{prefix}{namespace}") if namespace else ("''", "")
    return (
        f"SELECT '{kind}', {schema}, o.{prefix}name::text, '' FROM {catalogue} o {join} WHERE o.oid >= 16384"
        f" AND NOT EXISTS (SELECT FROM members WHERE classid = '{catalogue}'::regclass AND objid = o.oid)"
    )


_OBJECTS = (
    _plain("SCHEMA", "pg_namespace", "nsp") + " AND o.nspname !~ '^pg_'"
    " AND o.nspname NOT IN ('public', 'information_schema')",
    "SELECT 'EXTENSION', '', extname::text, '' FROM pg_extension WHERE oid >= 16384",
    "SELECT CASE typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, nspname, typname, '' FROM user_types",
    # What belongs to a type from within is made with it: a range's constructors.
    "SELECT CASE p.prokind WHEN 'a' THEN 'AGGREGATE' WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END,"
    " n.nspname, p.proname::text, '' FROM pg_proc p JOIN spaces n ON n.oid = p.pronamespace"
    " WHERE NOT EXISTS (SELECT FROM members WHERE classid = 'pg_proc'::regclass AND objid = p.oid)"
    " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid"
    " AND d.deptype = 'i' AND p.prokind <> 'a')",
    # An operator without a function is only a name that another one has announced.
    _plain("OPERATOR", "pg_operator", "opr", "namespace") + " AND o.oprcode <> 0",
    _plain("OPERATOR CLASS", "pg_opclass", "opc", "namespace"),
    _plain("OPERATOR FAMILY", "pg_opfamily", "opf", "namespace"),
    _plain("COLLATION", "pg_collation", "coll", "namespace"),
    _plain("CONVERSION", "pg_conversion", "con", "namespace"),
    # The cast of a range to its multirange comes with them.
    "SELECT 'CAST', '', '', '' FROM pg_cast c WHERE oid >= 16384"
    " AND NOT EXISTS (SELECT FROM members WHERE classid = 'pg_cast'::regclass AND objid = c.oid)"
    " AND NOT EXISTS (SELECT FROM pg_range WHERE rngtypid = c.castsource AND rngmultitypid = c.casttarget)",
    "SELECT 'TRANSFORM', '', '', '' FROM pg_transform t WHERE oid >= 16384"
    " AND NOT EXISTS (SELECT FROM members WHERE classid = 'pg_transform'::regclass AND objid = t.oid)",
    "SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE'"
    " ELSE 'TABLE' END, nspname, relname, '' FROM relations"
    " WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT member",
    "SELECT 'MATERIALIZED VIEW DATA', nspname, relname, '' FROM relations"
    " WHERE relkind = 'm' AND NOT member AND oid NOT IN (SELECT oid FROM empty)",
    "SELECT CASE WHEN identity THEN 'IDENTITY' ELSE 'SEQUENCE' END, nspname,"
    " CASE WHEN identity THEN of_column ELSE relname END, CASE WHEN identity THEN of_table ELSE '' END"
    " FROM sequences WHERE dumped",
    # A sequence of an extension may be named as holding a user's data. A standby does not have unlogged ones.
    "SELECT 'SEQUENCE SET', nspname, relname, '' FROM sequences"
    " WHERE (dumped OR oid IN (SELECT relation FROM configuration))"
    " AND NOT (relpersistence = 'u' AND pg_is_in_recovery())",
    # pg_dump leaves an invalid index out, but not a partitioned one: that is valid once its partitions have theirs.
    "SELECT CASE WHEN k.oid IS NULL THEN 'INDEX' ELSE 'CONSTRAINT' END, t.nspname,"
    " coalesce(k.conname, i.relname)::text, t.relname"
    " FROM pg_index x JOIN relations t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid"
    " LEFT JOIN pg_constraint k"
    " ON k.conindid = x.indexrelid AND k.conrelid = x.indrelid AND k.contype IN ('p', 'u', 'x')"
    " WHERE NOT t.member AND x.indisready AND (x.indisvalid OR t.relkind = 'p')",
    # A foreign key of a partition that comes from its parent has one, too. From 18 on a NOT NULL that was not checked
    # yet has a statement of its own.
    "SELECT CASE k.contype WHEN 'f' THEN 'FK CONSTRAINT' ELSE 'NOT NULL CONSTRAINT' END, t.nspname, k.conname::text,"
    " t.relname FROM pg_constraint k JOIN relations t ON t.oid = k.conrelid"
    " WHERE NOT t.member AND (k.contype = 'f' AND k.conparentid = 0 OR k.contype = 'n' AND NOT k.convalidated)",
    "SELECT 'TRIGGER', t.nspname, g.tgname::text, t.relname FROM pg_trigger g"
    " JOIN relations t ON t.oid = g.tgrelid WHERE NOT t.member AND NOT g.tgisinternal AND g.tgparentid = 0",
    # The rule of type SELECT is the view itself.
    "SELECT 'RULE', t.nspname, r.rulename::text, t.relname FROM pg_rewrite r"
    " JOIN relations t ON t.oid = r.ev_class WHERE NOT t.member AND r.ev_type <> '1'",
    "SELECT 'POLICY', t.nspname, p.polname::text, t.relname FROM pg_policy p"
    " JOIN relations t ON t.oid = p.polrelid WHERE NOT t.member",
    _plain("STATISTICS", "pg_statistic_ext", "stx", "namespace")
    + " AND NOT EXISTS (SELECT FROM relations t WHERE t.oid = o.stxrelid AND t.member)",
    _plain("EVENT TRIGGER", "pg_event_trigger", "evt"),
    _plain("PUBLICATION", "pg_publication", "pub"),
    "SELECT 'SUBSCRIPTION', '', subname::text, '' FROM pg_subscription"
    " WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
    _plain("TEXT SEARCH PARSER", "pg_ts_parser", "prs", "namespace"),
    _plain("TEXT SEARCH DICTIONARY", "pg_ts_dict", "dict", "namespace"),
    _plain("TEXT SEARCH TEMPLATE", "pg_ts_template", "tmpl", "namespace"),
    _plain("TEXT SEARCH CONFIGURATION", "pg_ts_config", "cfg", "namespace"),
    _plain("FOREIGN DATA WRAPPER", "pg_foreign_data_wrapper", "fdw"),
    _plain("SERVER", "pg_foreign_server", "srv"),
    # The catalogue itself is closed to everybody but superusers.
    "SELECT 'USER MAPPING', '', '', '' FROM pg_user_mappings u WHERE NOT EXISTS"
    " (SELECT FROM members WHERE classid = 'pg_user_mapping'::regclass AND objid = u.umid)",
    _plain("ACCESS METHOD", "pg_am", "am"),
    _plain("LANGUAGE", "pg_language", "lan"),
)

_COUNTS = {
    "columns": "columns WHERE NOT member",
    "column defaults": "columns WHERE NOT member AND has_default AND attgenerated = ''",
    "generated columns": "columns WHERE NOT member AND attgenerated <> ''",
    "identity columns": "columns WHERE NOT member AND attidentity <> ''",
    "NOT NULL columns": "columns WHERE NOT member AND attnotnull",
    "CHECK constraints": "pg_constraint k WHERE k.contype = 'c' AND (EXISTS (SELECT FROM relations t"
    " WHERE t.oid = k.conrelid AND NOT t.member) OR EXISTS (SELECT FROM user_types y WHERE y.oid = k.contypid))",
    "constraints not validated": "pg_constraint k JOIN relations t ON t.oid = k.conrelid"
    " WHERE NOT t.member AND NOT k.convalidated",
    "enum labels": "pg_enum e JOIN user_types y ON y.oid = e.enumtypid",
    "inheritance links": "pg_inherits i JOIN relations t ON t.oid = i.inhrelid"
    " WHERE NOT t.relispartition AND NOT t.member",
    "partitions": "pg_inherits i JOIN relations t ON t.oid = i.inhrelid WHERE t.relispartition AND NOT t.member",
    "index partitions": "pg_inherits i JOIN pg_index x ON x.indexrelid = i.inhrelid"
    " JOIN relations t ON t.oid = x.indrelid WHERE NOT t.member",
    "triggers not enabled as usual": "pg_trigger g JOIN relations t ON t.oid = g.tgrelid"
    " WHERE NOT t.member AND g.tgenabled <> 'O' AND (NOT g.tgisinternal OR g.tgparentid <> 0)",
    "rules not enabled as usual": "pg_rewrite r JOIN relations t ON t.oid = r.ev_class"
    " WHERE NOT t.member AND r.ev_enabled <> 'O'",
    "event triggers not enabled as usual": "pg_event_trigger g WHERE g.evtenabled <> 'O' AND NOT EXISTS"
    " (SELECT FROM members WHERE classid = 'pg_event_trigger'::regclass AND objid = g.oid)",
    "tables with row-level security": "relations WHERE NOT member AND relrowsecurity",
    "tables with forced row-level security": "relations WHERE NOT member AND relforcerowsecurity",
    "unlogged tables": "relations WHERE NOT member AND relkind = 'r' AND relpersistence = 'u'",
    "populated materialized views": "relations"
    " WHERE NOT member AND relkind = 'm' AND oid NOT IN (SELECT oid FROM empty)",
    # The comment of a subscription stays behind when that is dropped.
    "comments": f"pg_description d WHERE {COMMENTED} AND (classoid <> 'pg_subscription'::regclass"
    " OR EXISTS (SELECT FROM pg_subscription s WHERE s.oid = objoid))",
    # Those on members of extensions are dumped.
    "security labels": "pg_seclabel WHERE objoid >= 16384 OR classoid = 'pg_largeobject'::regclass",
    "default privileges": "pg_default_acl",
    "publication tables": "pg_publication_rel p JOIN relations t ON t.oid = p.prrelid WHERE NOT t.member",
    "extension columns": "columns WHERE member",
    "extension indexes": "pg_index x JOIN relations t ON t.oid = x.indrelid WHERE t.member AND x.indisvalid",
    "extension constraints": "pg_constraint k JOIN relations t ON t.oid = k.conrelid"
    " WHERE t.member AND k.contype IN ('c', 'f', 'p', 'u', 'x')",
    "extension triggers": "pg_trigger g JOIN relations t ON t.oid = g.tgrelid WHERE t.member AND NOT g.tgisinternal",
    "extension rules": "pg_rewrite r JOIN relations t ON t.oid = r.ev_class WHERE t.member AND r.ev_type <> '1'",
    "extension policies": "pg_policy p JOIN relations t ON t.oid = p.polrelid WHERE t.member",
    "extension statistics": "pg_statistic_ext s JOIN relations t ON t.oid = s.stxrelid WHERE t.member",
}
_COUNTS_FROM_15 = {"publication schemas": "pg_publication_namespace"}

# Told: invalid indexes and what they mean; tables of extensions; what a scratch server or a restore does anew.
_TOLD = (
    "SELECT 'INDEX ' || t.nspname || '.' || i.relname || ' is invalid: not in the dump, as good as absent'"
    " FROM pg_index x JOIN relations t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid"
    " WHERE NOT t.member AND NOT (x.indisready AND (x.indisvalid OR t.relkind = 'p'))",
    "SELECT 'COMMENT ON ' || title || ': not in the dump, which has no statement for that object' FROM silent",
    "SELECT 'MATERIALIZED VIEW ' || nspname || '.' || relname || ' has rows here and none after a restore:"
    " it reads from one that is not populated' FROM relations"
    " WHERE relkind = 'm' AND NOT member AND relispopulated AND oid IN (SELECT oid FROM empty)",
    "SELECT 'EXTENSION ' || e.extname || ' ' || e.extversion || ' comes back as ' || a.default_version"
    " || ' with this server''s packages' FROM pg_extension e JOIN pg_available_extensions() a ON a.name = e.extname"
    " WHERE e.extversion <> a.default_version",
    "SELECT 'EXTENSION ' || e.extname || ' has tables whose rows are not in the dump: '"
    " || string_agg(t.nspname || '.' || t.relname, ', ' ORDER BY t.nspname, t.relname)"
    " FROM relations t JOIN members m ON m.classid = 'pg_class'::regclass AND m.objid = t.oid"
    " JOIN pg_extension e ON e.oid = m.extension WHERE t.relkind IN ('r', 'p')"
    " AND t.oid NOT IN (SELECT relation FROM configuration) GROUP BY e.extname",
    "SELECT 'EXTENSION ' || g.extname || ': of the table ' || t.nspname || '.' || t.relname"
    " || ' the dump has the rows ' || g.condition"
    " FROM configuration g JOIN relations t ON t.oid = g.relation WHERE g.condition <> ''",
    "SELECT 'DATABASE settings (ALTER DATABASE or ALTER ROLE IN DATABASE) are not in the dump: '"
    " || string_agg(given.setting, ', ' ORDER BY given.setting)"
    " FROM pg_db_role_setting s, unnest(s.setconfig) AS made (pair), split_part(made.pair, '=', 1) AS given (setting)"
    " WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) HAVING count(*) > 0",
    "SELECT CASE WHEN relkind = 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || nspname || '.' || relname"
    " || ' is unlogged: a standby does not have its data' FROM relations"
    " WHERE relkind IN ('r', 'S') AND NOT member AND relpersistence = 'u' AND pg_is_in_recovery()",
    "SELECT 'SUBSCRIPTION ' || subname || ' comes back disabled' FROM pg_subscription WHERE subenabled"
    " AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
    "SELECT 'FK CONSTRAINT ' || t.nspname || '.' || k.conname || ' on ' || t.relname"
    " || ' is not enforced here (its triggers are disabled) and is after a restore'"
    " FROM pg_trigger g JOIN pg_constraint k ON k.oid = g.tgconstraint JOIN relations t ON t.oid = k.conrelid"
    " WHERE NOT t.member AND g.tgisinternal AND g.tgparentid = 0 AND k.contype = 'f' AND g.tgenabled <> 'O'"
    " GROUP BY t.nspname, k.conname, t.relname",
    "SELECT 'TABLE ' || t.nspname || '.' || t.relname || ' is being detached here and is a partition after a restore'"
    " FROM pg_inherits i JOIN relations t ON t.oid = i.inhrelid WHERE i.inhdetachpending",
)
# Lost: pg_catalog is never dumped, whoever made something there. Collations of it are imported from the system
# (pg_import_system_collations), there as here. A view without its options is what others than superusers see of a
# mapping; pg_dump writes such a mapping without them.
_LOST = (
    *(
        f"SELECT '{kind} pg_catalog.' || o.{prefix}name FROM {catalogue} o"
        f" WHERE o.oid >= 16384 AND o.{prefix}namespace = 'pg_catalog'::regnamespace"
        f" AND NOT EXISTS (SELECT FROM members WHERE classid = '{catalogue}'::regclass AND objid = o.oid)"
        f" AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = '{catalogue}'::regclass AND d.objid = o.oid"
        f" AND d.deptype = 'i')"
        for kind, catalogue, prefix in (
            ("FUNCTION", "pg_proc", "pro"),
            ("OPERATOR", "pg_operator", "opr"),
            ("TYPE", "pg_type", "typ"),
            ("TEXT SEARCH CONFIGURATION", "pg_ts_config", "cfg"),
            ("TEXT SEARCH DICTIONARY", "pg_ts_dict", "dict"),
        )
    ),
    "SELECT 'USER MAPPING for ' || u.usename || ' on ' || u.srvname || ': this role cannot read its options'"
    " FROM pg_user_mappings u JOIN pg_foreign_server s ON s.oid = u.srvid"
    " WHERE NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AND NOT coalesce("
    "   u.umuser <> 0 AND u.usename = current_user AND has_server_privilege(u.srvid, 'USAGE')"
    "   OR u.umuser = 0 AND pg_has_role(s.srvowner, 'USAGE'), false)"
    " AND NOT EXISTS (SELECT FROM members WHERE classid = 'pg_user_mapping'::regclass AND objid = u.umid)",
)
# pg_dump before 18 leaves an extension's table out of its publication.
_LOST_BEFORE_18 = (
    "SELECT 'PUBLICATION TABLE ' || t.nspname || '.' || t.relname || ' of ' || p.pubname || ' (an extension''s table)'"
    " FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid JOIN relations t ON t.oid = r.prrelid"
    " WHERE t.member",
)


def read_census(session: Session) -> Census:
    """Read the census of the session's database, in the session's snapshot where it has one.

    Every role that may connect can read it. Raises CloseoutError.
    """
    census = Census(extensions=dict(session.rows("SELECT extname::text, extversion FROM pg_extension ORDER BY 1")))
    for kind, schema, name, table in session.rows(OBJECTS + " UNION ALL ".join(_OBJECTS)):
        key = (kind, schema, name)
        census.objects[key] += 1
        if table:
            census.tables.setdefault(key, []).append(table)
    # Line by line: a list of rows would take twenty times the memory.
    session.copy_out(
        "COPY (SELECT oid FROM pg_largeobject_metadata) TO STDOUT", lambda line: census.large_objects.append(int(line))
    )
    version = session.server_version_num
    counts = {**_COUNTS, **(_COUNTS_FROM_15 if version >= 150000 else {})}
    found = session.rows(
        OBJECTS_AND_PARTS + "SELECT " + ", ".join(f"(SELECT count(*) FROM {source})" for source in counts.values())
    )
    census.counts = dict(zip(counts, found[0]))
    lost = (*_LOST, *(_LOST_BEFORE_18 if version < 180000 else ()))
    census.lost = sorted(row[0] for row in session.rows(OBJECTS + " UNION ALL ".join(lost)))
    census.told = sorted(row[0] for row in session.rows(OBJECTS + " UNION ALL ".join(_TOLD)))
    return census


def left_out(census: Census, entries: Iterable[Entry]) -> dict[str, Any]:
    """Hold a dump's entries against the census of the database it was made from.

    Returns ``kinds`` (production and dump: how many of each type), ``left_out`` (what the dump lacks: the first names)
    and ``left_out_total``, ``unexplained`` (what it has and the catalogues have not) and ``unexplained_total``.
    """
    in_dump: Counter[Key] = Counter()
    tables: dict[Key, list[str]] = {}
    large_objects = Oids()
    for entry in entries:
        key = _key(entry)
        if key and key[0] == LARGE_OBJECT and is_oid(key[2]):
            large_objects.append(int(key[2]))
        elif key is not None and not (key[0] in _MADE_TWICE and in_dump[key]):
            in_dump[key] += 1
            if key[0] in _PARTS:
                tables.setdefault(key, []).append(entry.of)
    lacking, more = _differing(census.large_objects, large_objects)
    missing = _names(census.objects - in_dump + lacking, census.tables, tables) + census.lost
    unexplained = _names(in_dump - census.objects + more, tables, census.tables)
    production, dump = by_kind(census.objects, census.large_objects), by_kind(in_dump, large_objects)
    return {
        "kinds": {
            kind: {"production": production[kind], "dump": dump[kind]} for kind in sorted({**production, **dump})
        },
        "left_out": missing[:MAX_NAMED],
        "left_out_total": len(missing),
        "unexplained": unexplained[:MAX_NAMED],
        "unexplained_total": len(unexplained),
    }


def differences(production: Census, restored: Census) -> list[str]:
    """Name where the restored copy's census differs from production's; counts of extensions only in equal versions.

    Versions of extensions are compared elsewhere: ``extensions`` of both.
    """
    here, there = _without_extensions(production), _without_extensions(restored)
    lacking, more = _differing(production.large_objects, restored.large_objects)
    found = [f"{name}: not restored" for name in _names(here - there + lacking, production.tables, restored.tables)]
    found += [f"{name}: not in production" for name in _names(there - here + more, restored.tables, production.tables)]
    # By name and not as objects: initdb's own plpgsql is in every database, one made anew counts as an object.
    for name in sorted(production.extensions.keys() - restored.extensions.keys()):
        found.append(f"EXTENSION {name}: not restored")
    for name in sorted(restored.extensions.keys() - production.extensions.keys() - {"plpgsql"}):
        found.append(f"EXTENSION {name}: not in production")
    same_extensions = production.extensions == restored.extensions
    for name in sorted({**production.counts, **restored.counts}):
        if same_extensions or not name.startswith("extension "):
            numbers = production.counts.get(name, 0), restored.counts.get(name, 0)
            if numbers[0] != numbers[1]:
                found.append(f"{name}: {numbers[0]} in production, {numbers[1]} restored")
    return found


def _key(entry: Entry) -> Key | None:
    """Return the census's key of an entry, None for what it does not count."""
    kind = "TYPE" if entry.type == "SHELL TYPE" else entry.type
    if kind not in KINDS or (kind, entry.name) == ("SCHEMA", "public"):
        return None
    if kind in _NO_NAME:
        return kind, "", ""
    return kind, "" if kind in _NO_SCHEMA else entry.schema, entry.name


def _names(missing: Counter[Key], tables: dict[Key, list[str]], others: dict[Key, list[str]]) -> list[str]:
    """Return what is missing as text, a line for each: a part of a table with its table where that is certain."""
    lines = []
    for key, number in sorted(missing.items()):
        kind, schema, name = key
        text = " ".join(part for part in (kind, f"{schema}.{name}" if schema else name) if part)
        where = list((Counter(tables.get(key, [])) - Counter(others.get(key, []))).elements())
        lines += [f"{text} on {table}" for table in sorted(where)] if len(where) == number else [text] * number
    return lines


def _without_extensions(census: Census) -> Counter[Key]:
    return Counter({key: number for key, number in census.objects.items() if key[0] != "EXTENSION"})


def _differing(ones: Oids, others: Oids) -> tuple[Counter[Key], Counter[Key]]:
    """Return which large objects are only in the first, and which only in the second."""
    first: Counter[Key] = Counter()
    second: Counter[Key] = Counter()
    for here, there in side_by_side(sorted(ones), sorted(others), int):
        if len(here) != len(there):
            more = first if len(here) > len(there) else second
            more[LARGE_OBJECT, "", str((here or there)[0])] += abs(len(here) - len(there))
    return first, second


def by_kind(objects: Counter[Key], large_objects: Oids) -> Counter[str]:
    """Return how many objects of each kind there are."""
    totals: Counter[str] = Counter({LARGE_OBJECT: len(large_objects)} if large_objects else {})
    for (kind, _schema, _name), number in objects.items():
        totals[kind] += number
    return totals
