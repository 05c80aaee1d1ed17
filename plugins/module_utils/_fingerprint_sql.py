# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what the catalogues say of each object, asked without pg_dump.

A query for each sort of fact. It gives the object's address (catalogue, id, number of the column), schema and name of
the object that it belongs to, and the fact as text, in which no id of this database occurs. Source: PostgreSQL manual,
chapter 53 System Catalogs, 9.27.2 Access Privilege Inquiry Functions, 9.27.5 System Catalog Information Functions.
"""

from __future__ import annotations

OWNER = "owner"
PRIVILEGES = "privileges"
DEFAULT_PRIVILEGES = "default privileges"
EXTENSION_PRIVILEGES = "extension privileges"
OF_PRIVILEGES = frozenset({OWNER, PRIVILEGES, DEFAULT_PRIVILEGES, EXTENSION_PRIVILEGES})
"""The facts that a missing role explains."""
OF_LARGE_OBJECTS = frozenset({OWNER, PRIVILEGES, "comment", "security label"})
"""The facts that a large object may have."""


def _in_schema(catalogue: str, prefix: str, detail: str, join: str = "") -> str:
    """Return the query for a catalogue whose objects are in schemas."""
    return (
        f"SELECT '{catalogue}'::regclass, o.oid, 0, n.nspname, o.{prefix}name::text, {detail} FROM {catalogue} o"
        f" JOIN spaces n ON n.oid = o.{prefix}namespace {join} WHERE {_of_user(catalogue)}"
    )


def _in_none(catalogue: str, prefix: str, detail: str, join: str = "") -> str:
    """Return the query for a catalogue whose objects are in no schema."""
    name = f"o.{prefix}name::text" if prefix else "''"
    return (
        f"SELECT '{catalogue}'::regclass, o.oid, 0, '', {name}, {detail} FROM {catalogue} o {join}"
        f" WHERE {_of_user(catalogue)}"
    )


def _of_user(catalogue: str) -> str:
    return (
        "o.oid >= 16384 AND NOT EXISTS"
        f" (SELECT FROM members m WHERE m.classid = '{catalogue}'::regclass AND m.objid = o.oid)"
    )


def _of_relation(catalogue: str, alias: str, said: str, source: str) -> str:
    """Return the query for a catalogue whose objects are parts of a relation ``t``."""
    return (
        f"SELECT '{catalogue}'::regclass, {alias}.oid, 0, t.nspname, t.relname, {said} FROM {source} AND NOT t.member"
    )


def _sorted(options: str) -> str:
    """Return an expression for an array of options, whose order says nothing."""
    return f"(SELECT jsonb_agg(o ORDER BY o) FROM unnest({options}) o)"


def _functions(said: str) -> str:
    """Return the query for functions. What belongs to a type from within is made with it: a range's constructors."""
    return (
        f"SELECT 'pg_proc'::regclass, p.oid, 0, n.nspname, p.proname::text, {said}"
        " FROM pg_proc p JOIN spaces n ON n.oid = p.pronamespace WHERE p.prokind <> 'a'"
        " AND NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_proc'::regclass AND m.objid = p.oid)"
        " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid"
        " AND d.deptype = 'i')"
    )


def _statistics(said: str) -> str:
    """Return the query for extended statistics, which have a schema and a name of their own."""
    return (
        f"SELECT 'pg_statistic_ext'::regclass, s.oid, 0, n.nspname, s.stxname::text, {said}"
        " FROM pg_statistic_ext s JOIN spaces n ON n.oid = s.stxnamespace JOIN relations t ON t.oid = s.stxrelid"
        " WHERE NOT t.member"
    )


_OF_INDEX = (
    "pg_index x JOIN relations t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid{joins}"
    " WHERE NOT t.member AND x.indisready AND (x.indisvalid OR t.relkind = 'p')"
)
_TRIGGERS = "pg_trigger g JOIN relations t ON t.oid = g.tgrelid WHERE NOT g.tgisinternal AND g.tgparentid = 0"
_RULES = "pg_rewrite r JOIN relations t ON t.oid = r.ev_class WHERE r.ev_type <> '1'"
_POLICIES = "pg_policy p JOIN relations t ON t.oid = p.polrelid WHERE true"
_OF_DOMAIN = "pg_constraint k JOIN user_types y ON y.oid = k.contypid WHERE k.contype = 'c'"
_NAMED_CONSTRAINT = "'CONSTRAINT ' || quote_ident(k.conname) || ' ' || pg_get_constraintdef(k.oid)"

# Texts that PostgreSQL deparses, and nothing else: they may read otherwise after a first restore, and say the same. The
# last column has what must then occur in one statement of the dump, as it is: the name of the object, and the text.
_DEPARSED = {
    "default": "SELECT 'pg_class'::regclass, t.oid, d.adnum, t.nspname, t.relname, pg_get_expr(d.adbin, d.adrelid),"
    " ARRAY[quote_ident(a.attname), CASE a.attgenerated WHEN '' THEN 'DEFAULT ' ELSE 'GENERATED ALWAYS AS (' END"
    " || pg_get_expr(d.adbin, d.adrelid)]"
    " FROM pg_attrdef d JOIN relations t ON t.oid = d.adrelid"
    " JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE NOT t.member",
    "partition key": "SELECT 'pg_class'::regclass, t.oid, 0, t.nspname, t.relname, pg_get_partkeydef(t.oid),"
    " ARRAY['PARTITION BY ' || pg_get_partkeydef(t.oid)] FROM relations t WHERE NOT t.member AND t.relkind = 'p'",
    "partition bound": "SELECT 'pg_class'::regclass, t.oid, 0, t.nspname, t.relname,"
    " pg_get_expr(c.relpartbound, c.oid), ARRAY[quote_ident(t.relname) || ' ' || pg_get_expr(c.relpartbound, c.oid)]"
    " FROM relations t JOIN pg_class c ON c.oid = t.oid WHERE NOT t.member AND c.relispartition",
    "query": "SELECT 'pg_class'::regclass, t.oid, 0, t.nspname, t.relname, pg_get_viewdef(t.oid),"
    " ARRAY[rtrim(pg_get_viewdef(t.oid), ';')] FROM relations t WHERE t.relkind IN ('v', 'm') AND NOT t.member",
    # That of a constraint is in no dump: its parts are facts, and the constraint's text is.
    "index text": "SELECT 'pg_class'::regclass, x.indexrelid, 0, t.nspname, t.relname, pg_get_indexdef(x.indexrelid),"
    " ARRAY[pg_get_indexdef(x.indexrelid)] FROM "
    + _OF_INDEX.format(joins="")
    + " AND NOT EXISTS (SELECT FROM pg_constraint k"
    " WHERE k.conindid = x.indexrelid AND k.conrelid = x.indrelid AND k.contype IN ('p', 'u', 'x'))",
    # NOT NULL is a fact of its column: from 18 on it is a constraint too, whose name a restore may change. What a
    # partition has from its parent has names that the server makes up.
    "constraint": _of_relation(
        "pg_constraint",
        "k",
        f"pg_get_constraintdef(k.oid), CASE WHEN k.contype IN ('c', 'f', 'x') THEN ARRAY[{_NAMED_CONSTRAINT}] END",
        "pg_constraint k JOIN relations t ON t.oid = k.conrelid WHERE k.contype IN ('c', 'f', 'p', 'u', 'x')"
        " AND k.conparentid = 0",
    ),
    "domain constraint": "SELECT 'pg_constraint'::regclass, k.oid, 0, y.nspname, y.typname,"
    f" pg_get_constraintdef(k.oid), ARRAY[{_NAMED_CONSTRAINT}] FROM {_OF_DOMAIN}",
    "trigger text": _of_relation(
        "pg_trigger",
        "g",
        "pg_get_triggerdef(g.oid), ARRAY[pg_get_triggerdef(g.oid)]",
        _TRIGGERS,
    ),
    "rule text": _of_relation(
        "pg_rewrite",
        "r",
        "pg_get_ruledef(r.oid), ARRAY[pg_get_ruledef(r.oid)]",
        _RULES,
    ),
    "policy conditions": _of_relation(
        "pg_policy",
        "p",
        "jsonb_build_array(pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))::text,"
        " ARRAY['CREATE POLICY ' || quote_ident(p.polname) || ' ', 'USING (' || pg_get_expr(p.polqual, p.polrelid),"
        " 'WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid)]",
        _POLICIES,
    ),
    "statistics text": _statistics(
        "pg_get_statisticsobjdef(s.oid), ARRAY[pg_get_statisticsobjdef(s.oid)]",
    ),
    "function text": _functions(
        "jsonb_build_array(pg_get_function_arguments(p.oid), pg_get_function_sqlbody(p.oid))::text,"
        " ARRAY[quote_ident(p.proname) || '(' || pg_get_function_arguments(p.oid) || ')',"
        " pg_get_function_sqlbody(p.oid)]",
    ),
    "domain default": "SELECT 'pg_type'::regclass, t.oid, 0, y.nspname, y.typname, pg_get_expr(t.typdefaultbin, 0),"
    " ARRAY['DEFAULT ' || pg_get_expr(t.typdefaultbin, 0)]"
    " FROM user_types y JOIN pg_type t ON t.oid = y.oid WHERE t.typtype = 'd'",
}
_PLAIN = {
    "index": "SELECT 'pg_class'::regclass, x.indexrelid, 0, t.nspname, t.relname, jsonb_build_object("
    "'unique', x.indisunique, 'exclusion', x.indisexclusion, 'immediate', x.indimmediate, 'primary', x.indisprimary,"
    " 'clustered', x.indisclustered, 'identity', x.indisreplident, 'method', am.amname, 'space', s.spcname,"
    f" 'options', {_sorted('i.reloptions')}, 'columns', (SELECT jsonb_agg(a.attname ORDER BY k.place)"
    " FROM unnest(x.indkey) WITH ORDINALITY AS k (number, place)"
    " LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.number),"
    " 'keys', x.indnkeyatts, 'order', (SELECT jsonb_agg(o) FROM unnest(x.indoption) o), 'classes',"
    " (SELECT jsonb_agg(c.opcname ORDER BY k.place) FROM unnest(x.indclass) WITH ORDINALITY AS k (id, place)"
    " JOIN pg_opclass c ON c.oid = k.id), 'collations',"
    " (SELECT jsonb_agg(nullif(k.id, 0)::regcollation ORDER BY k.place)"
    " FROM unnest(x.indcollation) WITH ORDINALITY AS k (id, place)), 'targets', (SELECT jsonb_agg("
    "CASE WHEN a.attstattarget >= 0 THEN a.attstattarget END ORDER BY a.attnum) FROM pg_attribute a"
    " WHERE a.attrelid = x.indexrelid))::text FROM "
    + _OF_INDEX.format(joins=" JOIN pg_am am ON am.oid = i.relam LEFT JOIN pg_tablespace s ON s.oid = i.reltablespace"),
    "trigger": _of_relation(
        "pg_trigger",
        "g",
        "jsonb_build_array(g.tgenabled, g.tgtype, g.tgfoid::regprocedure, nullif(g.tgconstrrelid, 0)::regclass,"
        " g.tgdeferrable, g.tginitdeferred, g.tgoldtable, g.tgnewtable, encode(g.tgargs, 'hex'),"
        " (SELECT jsonb_agg(a.attname ORDER BY a.attname) FROM unnest(g.tgattr) AS k (number)"
        " JOIN pg_attribute a ON a.attrelid = g.tgrelid AND a.attnum = k.number))::text",
        _TRIGGERS,
    ),
    "rule": _of_relation("pg_rewrite", "r", "jsonb_build_array(r.ev_type, r.is_instead, r.ev_enabled)::text", _RULES),
    "policy": _of_relation(
        "pg_policy",
        "p",
        "jsonb_build_array(p.polcmd, p.polpermissive, (SELECT jsonb_agg(of_role.name ORDER BY of_role.name)"
        " FROM unnest(p.polroles) AS r (id),"
        " LATERAL (SELECT CASE r.id WHEN 0 THEN '' ELSE pg_get_userbyid(r.id) END) AS of_role (name)))::text",
        _POLICIES,
    ),
    "statistics": _statistics(
        "jsonb_build_array(t.nspname, t.relname, (SELECT jsonb_agg(a.attname ORDER BY a.attname)"
        " FROM unnest(s.stxkeys) AS k (number)"
        " JOIN pg_attribute a ON a.attrelid = s.stxrelid AND a.attnum = k.number),"
        " (SELECT jsonb_agg(k ORDER BY k) FROM unnest(s.stxkind) k),"
        " CASE WHEN s.stxstattarget >= 0 THEN s.stxstattarget END)::text",
    ),
    "function": _functions(
        "(to_jsonb(p) - '{oid,proname,pronamespace,proowner,proacl,prolang,prorettype,proargtypes,proallargtypes,"
        "protrftypes,provariadic,proargdefaults,prosqlbody}'::text[] || jsonb_build_object("
        "'language', (SELECT l.lanname FROM pg_language l WHERE l.oid = p.prolang),"
        " 'variadic', nullif(p.provariadic, 0)::regtype, 'result', pg_get_function_result(p.oid),"
        " 'arguments', pg_get_function_identity_arguments(p.oid),"
        " 'transforms', (SELECT jsonb_agg(k::regtype) FROM unnest(p.protrftypes) k)))::text",
    ),
    "type": "SELECT 'pg_type'::regclass, t.oid, 0, y.nspname, y.typname, (jsonb_build_object("
    "'typtype', t.typtype, 'base', format_type(nullif(t.typbasetype, 0), t.typtypmod), 'typnotnull', t.typnotnull,"
    " 'default', t.typdefaultbin IS NOT NULL, 'collation', nullif(t.typcollation, 0)::regcollation,"
    " 'element', nullif(t.typelem, 0)::regtype, 'typcategory', t.typcategory, 'typispreferred', t.typispreferred,"
    " 'typdelim', t.typdelim, 'labels', (SELECT jsonb_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e"
    " WHERE e.enumtypid = t.oid), 'range', (SELECT jsonb_build_array(r.rngsubtype::regtype, r.rngmultitypid::regtype,"
    " c.opcname, nullif(r.rngcollation, 0)::regcollation, r.rngcanonical, r.rngsubdiff) FROM pg_range r"
    " JOIN pg_opclass c ON c.oid = r.rngsubopc WHERE r.rngtypid = t.oid))"
    " || CASE WHEN t.typtype = 'b' THEN to_jsonb(t) - '{oid,typname,typnamespace,typowner,typacl,typarray,typelem,"
    "typcollation,typdefaultbin,typrelid,typbasetype}'::text[] ELSE '{}' END)::text"
    " FROM user_types y JOIN pg_type t ON t.oid = y.oid",
    "sequence": "SELECT 'pg_class'::regclass, s.oid, 0, s.nspname, s.relname, (to_jsonb(q)"
    " - '{seqrelid,seqtypid}'::text[] || jsonb_build_object('type', q.seqtypid::regtype, 'of', s.of_table,"
    " 'column', s.of_column, 'identity', s.identity, 'persistence', s.relpersistence))::text"
    " FROM sequences s JOIN pg_sequence q ON q.seqrelid = s.oid WHERE s.dumped",
    # A type gives collation and storage; only what differs from it is said of a column. A view's columns have neither
    # of their own.
    "column": "SELECT 'pg_class'::regclass, t.oid, a.attnum, t.nspname, t.relname, jsonb_build_object("
    "'type', format_type(a.atttypid, a.atttypmod), 'notnull', a.attnotnull, 'identity', a.attidentity,"
    " 'generated', a.attgenerated, 'default', a.atthasdef, 'collation',"
    " CASE WHEN a.attcollation <> y.typcollation THEN a.attcollation::regcollation END,"
    " 'storage', CASE WHEN t.relkind IN ('r', 'p', 'm') THEN a.attstorage END, 'compression', a.attcompression,"
    " 'target', CASE WHEN a.attstattarget >= 0 THEN a.attstattarget END,"
    f" 'options', {_sorted('a.attoptions')}, 'fdwoptions', {_sorted('a.attfdwoptions')},"
    " 'local', a.attislocal OR t.relispartition, 'parents', a.attinhcount)::text"
    " FROM pg_attribute a JOIN relations t ON t.oid = a.attrelid JOIN pg_type y ON y.oid = a.atttypid"
    " WHERE a.attnum > 0 AND NOT a.attisdropped AND NOT t.member AND t.relkind <> 'S'"
    " AND (t.relkind <> 'c' OR EXISTS (SELECT FROM user_types u WHERE u.typrelid = t.oid))",
    "relation": "SELECT 'pg_class'::regclass, t.oid, 0, t.nspname, t.relname, jsonb_build_object('kind', t.relkind,"
    " 'persistence', t.relpersistence, 'security', t.relrowsecurity, 'forced', t.relforcerowsecurity,"
    " 'identity', c.relreplident, 'method', am.amname, 'space', s.spcname, 'of', nullif(c.reloftype, 0)::regtype,"
    f" 'options', {_sorted('c.reloptions')},"
    " 'toast', (SELECT jsonb_agg(o ORDER BY o) FROM pg_class toast, unnest(toast.reloptions) o"
    " WHERE toast.oid = c.reltoastrelid), 'parents', (SELECT jsonb_agg(i.inhparent::regclass ORDER BY i.inhseqno)"
    " FROM pg_inherits i WHERE i.inhrelid = c.oid))::text"
    " FROM relations t JOIN pg_class c ON c.oid = t.oid LEFT JOIN pg_am am ON am.oid = c.relam"
    " LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace"
    " WHERE t.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT t.member",
    "foreign table": "SELECT 'pg_class'::regclass, t.oid, 0, t.nspname, t.relname,"
    f" jsonb_build_array(s.srvname, {_sorted('f.ftoptions')})::text"
    " FROM pg_foreign_table f JOIN relations t ON t.oid = f.ftrelid"
    " JOIN pg_foreign_server s ON s.oid = f.ftserver WHERE NOT t.member",
    # regproc columns are names in JSON; types and operators are ids.
    "aggregate": "SELECT 'pg_proc'::regclass, p.oid, 0, n.nspname, p.proname::text, (to_jsonb(g)"
    " - '{aggfnoid,aggtranstype,aggmtranstype,aggsortop}'::text[] || jsonb_build_object("
    "'arguments', pg_get_function_arguments(p.oid), 'result', p.prorettype::regtype, 'parallel', p.proparallel,"
    " 'state', g.aggtranstype::regtype, 'moving', nullif(g.aggmtranstype, 0)::regtype,"
    " 'sort', nullif(g.aggsortop, 0)::regoperator))::text"
    " FROM pg_aggregate g JOIN pg_proc p ON p.oid = g.aggfnoid JOIN spaces n ON n.oid = p.pronamespace"
    " WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_proc'::regclass AND m.objid = p.oid)",
    # An operator without a function is only a name that another one has announced.
    "operator": _in_schema(
        "pg_operator",
        "opr",
        "jsonb_build_array(o.oprresult::regtype, o.oprcanmerge, o.oprcanhash, o.oprcode, o.oprrest, o.oprjoin,"
        " nullif(o.oprcom, 0)::regoperator, nullif(o.oprnegate, 0)::regoperator)::text",
    )
    + " AND o.oprcode <> 0",
    "operator class": _in_schema(
        "pg_opclass",
        "opc",
        "jsonb_build_array(o.opcdefault, o.opcintype::regtype, nullif(o.opckeytype, 0)::regtype, f.opfname)::text",
        "JOIN pg_opfamily f ON f.oid = o.opcfamily",
    ),
    "operator family": _in_schema(
        "pg_opfamily",
        "opf",
        "jsonb_build_array((SELECT jsonb_agg(a.line ORDER BY a.line) FROM (SELECT jsonb_build_array(m.amopstrategy,"
        " m.amoplefttype::regtype, m.amoprighttype::regtype, m.amopopr::regoperator, m.amoppurpose, s.opfname) AS line"
        " FROM pg_amop m LEFT JOIN pg_opfamily s ON s.oid = m.amopsortfamily WHERE m.amopfamily = o.oid) a),"
        " (SELECT jsonb_agg(a.line ORDER BY a.line) FROM (SELECT jsonb_build_array(m.amprocnum,"
        " m.amproclefttype::regtype, m.amprocrighttype::regtype, m.amproc::oid::regprocedure) AS line"
        " FROM pg_amproc m WHERE m.amprocfamily = o.oid) a))::text",
    ),
    # Its version is the operating system's; one made for an encoding comes back for all. Columns have other names, or
    # are there, in later versions of the server; so for publications.
    "collation": _in_schema(
        "pg_collation",
        "coll",
        "jsonb_build_array(o.collprovider, o.collisdeterministic, o.collcollate, o.collctype,"
        " coalesce(to_jsonb(o) ->> 'colllocale', to_jsonb(o) ->> 'colliculocale'),"
        " to_jsonb(o) ->> 'collicurules')::text",
    ),
    "conversion": _in_schema(
        "pg_conversion", "con", "(to_jsonb(o) - '{oid,conname,connamespace,conowner}'::text[])::text"
    ),
    "cast": _in_none(
        "pg_cast",
        "",
        "jsonb_build_array(nullif(o.castfunc, 0)::regprocedure, o.castcontext, o.castmethod)::text",
    )
    # The cast of a range to its multirange comes with them.
    + " AND NOT EXISTS (SELECT FROM pg_range r WHERE r.rngtypid = o.castsource AND r.rngmultitypid = o.casttarget)",
    "transform": _in_none("pg_transform", "", "jsonb_build_array(o.trffromsql, o.trftosql)::text"),
    "text search parser": _in_schema(
        "pg_ts_parser", "prs", "(to_jsonb(o) - '{oid,prsname,prsnamespace}'::text[])::text"
    ),
    "text search template": _in_schema(
        "pg_ts_template", "tmpl", "(to_jsonb(o) - '{oid,tmplname,tmplnamespace}'::text[])::text"
    ),
    "text search dictionary": _in_schema(
        "pg_ts_dict",
        "dict",
        "jsonb_build_array(t.tmplname, o.dictinitoption)::text",
        "JOIN pg_ts_template t ON t.oid = o.dicttemplate",
    ),
    "text search configuration": _in_schema(
        "pg_ts_config",
        "cfg",
        "jsonb_build_array(p.prsname, (SELECT jsonb_agg(jsonb_build_array(m.maptokentype, m.mapseqno,"
        " m.mapdict::regdictionary) ORDER BY m.maptokentype, m.mapseqno) FROM pg_ts_config_map m"
        " WHERE m.mapcfg = o.oid))::text",
        "JOIN pg_ts_parser p ON p.oid = o.cfgparser",
    ),
    "foreign data wrapper": _in_none(
        "pg_foreign_data_wrapper",
        "fdw",
        "jsonb_build_array(nullif(o.fdwhandler, 0)::regproc, nullif(o.fdwvalidator, 0)::regproc,"
        f" {_sorted('o.fdwoptions')})::text",
    ),
    "server": _in_none(
        "pg_foreign_server",
        "srv",
        f"jsonb_build_array(w.fdwname, o.srvtype, o.srvversion, {_sorted('o.srvoptions')})::text",
        "JOIN pg_foreign_data_wrapper w ON w.oid = o.srvfdw",
    ),
    # The catalogue itself is closed to everybody but superusers; options are empty to those who may not read them.
    "user mapping": "SELECT 'pg_user_mapping'::regclass, u.umid, 0, '', u.srvname::text,"
    f" {_sorted('u.umoptions')}::text"
    " FROM pg_user_mappings u WHERE NOT EXISTS"
    " (SELECT FROM members m WHERE m.classid = 'pg_user_mapping'::regclass AND m.objid = u.umid)",
    "event trigger": _in_none(
        "pg_event_trigger",
        "evt",
        "jsonb_build_array(o.evtevent, o.evtenabled, o.evttags, o.evtfoid::regprocedure)::text",
    ),
    "publication": _in_none(
        "pg_publication",
        "pub",
        "jsonb_build_array(o.puballtables, o.pubinsert, o.pubupdate, o.pubdelete, o.pubtruncate, o.pubviaroot,"
        " coalesce(to_jsonb(o) ->> 'pubgencols', 'n'))::text",
    ),
    # The columns that everybody may read. A subscription comes back disabled.
    "subscription": "SELECT 'pg_subscription'::regclass, s.oid, 0, '', s.subname::text, jsonb_build_array("
    "s.subslotname, s.subsynccommit, s.subpublications, s.subbinary, s.substream)::text FROM pg_subscription s"
    " WHERE s.subdbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())",
    "extension": "SELECT 'pg_extension'::regclass, e.oid, 0, '', e.extname::text, n.nspname::text"
    " FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace",
    "access method": _in_none("pg_am", "am", "jsonb_build_array(o.amtype, o.amhandler)::text"),
    "language": _in_none(
        "pg_language",
        "lan",
        "jsonb_build_array(o.lanpltrusted, nullif(o.lanplcallfoid, 0)::regproc, nullif(o.laninline, 0)::regproc,"
        " nullif(o.lanvalidator, 0)::regproc)::text",
    ),
    "comment": "SELECT d.classoid, d.objoid, d.objsubid, '', d.classoid::regclass || '.' || d.objoid, d.description"
    " FROM pg_description d WHERE {commented} AND (d.classoid <> 'pg_subscription'::regclass"
    " OR EXISTS (SELECT FROM pg_subscription s WHERE s.oid = d.objoid))",
    "security label": "SELECT d.classoid, d.objoid, d.objsubid, '', d.classoid::regclass || '.' || d.objoid,"
    " jsonb_build_array(d.provider, d.label)::text FROM pg_seclabel d"
    " WHERE d.objoid >= 16384 OR d.classoid = 'pg_largeobject'::regclass",
}
# pg_dump before 18 leaves an extension's table out of its publication.
_PUBLICATION_TABLES = (
    "SELECT 'pg_publication_rel'::regclass, r.oid, 0, t.nspname, t.relname, {said}"
    " FROM pg_publication_rel r JOIN relations t ON t.oid = r.prrelid JOIN pg_publication p ON p.oid = r.prpubid"
    " WHERE NOT t.member"
)
_PLAIN_FROM_15 = {
    "publication table": _PUBLICATION_TABLES.format(
        said="(SELECT jsonb_agg(a.attname ORDER BY a.attname)"
        " FROM pg_attribute a WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs))::text"
    ),
    "publication schema": "SELECT 'pg_publication_namespace'::regclass, r.oid, 0, n.nspname, '', ''"
    " FROM pg_publication_namespace r JOIN spaces n ON n.oid = r.pnnspid",
}
_DEPARSED_FROM_15 = {
    "publication filter": _PUBLICATION_TABLES.format(
        said="pg_get_expr(r.prqual, r.prrelid), ARRAY['ALTER PUBLICATION ' || quote_ident(p.pubname) || ' ',"
        " 'WHERE (' || pg_get_expr(r.prqual, r.prrelid)]"
    ),
}
_BEFORE_15 = {"publication table": _PUBLICATION_TABLES.format(said="''")}

# Catalogue, prefix of its columns, whether it is in schemas, what of it is the user's.
_PLACED = "JOIN spaces n ON n.oid = o.{prefix}namespace"
_OWNED: tuple[tuple[str, str, str, str], ...] = (
    ("pg_class", "rel", "spaces", "o.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND o.relpersistence <> 't'"),
    ("pg_proc", "pro", "spaces", "true"),
    ("pg_type", "typ", "spaces", "o.oid IN (SELECT y.oid FROM user_types y)"),
    ("pg_operator", "opr", "spaces", "o.oprcode <> 0"),
    ("pg_opclass", "opc", "spaces", "true"),
    ("pg_opfamily", "opf", "spaces", "true"),
    ("pg_collation", "coll", "spaces", "true"),
    ("pg_conversion", "con", "spaces", "true"),
    ("pg_statistic_ext", "stx", "spaces", "true"),
    ("pg_ts_dict", "dict", "spaces", "true"),
    ("pg_ts_config", "cfg", "spaces", "true"),
    ("pg_namespace", "nsp", "", "o.nspname !~ '^pg_'"),
    ("pg_language", "lan", "", "true"),
    ("pg_foreign_data_wrapper", "fdw", "", "true"),
    ("pg_foreign_server", "srv", "", "true"),
    ("pg_event_trigger", "evt", "", "true"),
    ("pg_publication", "pub", "", "true"),
    (
        "pg_subscription",
        "sub",
        "",
        "o.subdbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())",
    ),
)


def _owner(catalogue: str, prefix: str, spaces: str, condition: str) -> str:
    """Return the query for owners. What comes with something else has its owner, and public is the user's too."""
    schema, join = ("n.nspname", _PLACED.format(prefix=prefix)) if spaces else ("''", "")
    user = f"({_of_user(catalogue)}{' OR o.nspname = ' + repr('public') if prefix == 'nsp' else ''})"
    return (
        f"SELECT '{catalogue}'::regclass, o.oid, 0, {schema}, o.{prefix}name::text, pg_get_userbyid(o.{prefix}owner)"
        f" FROM {catalogue} o {join} WHERE {user} AND {condition}"
        f" AND NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = '{catalogue}'::regclass AND i.objid = o.oid"
        " AND i.objsubid = 0 AND i.deptype = 'i')"
    )


_LARGE_OBJECT_OWNER = (
    "SELECT 'pg_largeobject'::regclass, o.oid, 0, '', o.oid::text, pg_get_userbyid(o.lomowner)"
    " FROM pg_largeobject_metadata o"
)
# Catalogue, the one that objects are addressed by, prefix of its columns, acldefault()'s letter, name.
_GRANTABLE = (
    ("pg_class", "pg_class", "rel", "CASE WHEN o.relkind = 'S' THEN 's' ELSE 'r' END", "o.relname"),
    ("pg_proc", "pg_proc", "pro", "'f'", "o.proname"),
    ("pg_type", "pg_type", "typ", "'T'", "o.typname"),
    ("pg_namespace", "pg_namespace", "nsp", "'n'", "o.nspname"),
    ("pg_language", "pg_language", "lan", "'l'", "o.lanname"),
    ("pg_foreign_data_wrapper", "pg_foreign_data_wrapper", "fdw", "'F'", "o.fdwname"),
    ("pg_foreign_server", "pg_foreign_server", "srv", "'S'", "o.srvname"),
    ("pg_largeobject_metadata", "pg_largeobject", "lom", "'L'", "o.oid::text"),
)
_SPACED = {"rel": "o.relnamespace", "pro": "o.pronamespace", "typ": "o.typnamespace"}


def _grants(of: str, without: str = "TRIGGER without MAINTAIN") -> str:
    """Return an expression for privileges as ordered text, in which a role is its name and PUBLIC is empty.

    All privileges on a table are one more from 17 on, MAINTAIN, and a dump says ALL. So that is not told beside all the
    others, but where it is missing beside them: ``without``.
    """
    return (
        "(SELECT jsonb_agg(line ORDER BY line) FROM (SELECT jsonb_build_array(pg_get_userbyid(x.grantor),"
        " CASE x.grantee WHEN 0 THEN '' ELSE pg_get_userbyid(x.grantee) END,"
        " CASE WHEN x.others = 7 AND NOT x.maintain AND x.privilege_type = 'TRIGGER'"
        " AND current_setting('server_version_num')::int >= 170000"
        f" THEN '{without}' ELSE x.privilege_type END, x.is_grantable) AS line"
        " FROM (SELECT e.*, bool_or(e.privilege_type = 'MAINTAIN') OVER alike AS maintain,"
        " count(*) FILTER (WHERE e.privilege_type <> 'MAINTAIN') OVER alike AS others"
        f" FROM aclexplode({of}) e WINDOW alike AS (PARTITION BY e.grantor, e.grantee, e.is_grantable)) x"
        " WHERE x.privilege_type <> 'MAINTAIN' OR x.others <> 7) lines)"
    )


def _acl(catalogue: str, named: str, prefix: str, letter: str, name: str) -> str:
    """Return the query for privileges that are not the usual ones.

    Usual is what initdb or CREATE EXTENSION made it (pg_init_privs), else the built-in default. Only what differs from
    that is dumped, and only it is the user's. A row type's privileges are its table's.
    """
    space = f"(SELECT n.nspname FROM spaces n WHERE n.oid = {_SPACED[prefix]})" if prefix in _SPACED else "NULL"
    condition = {"rel": "o.relpersistence <> 't' AND o.relkind NOT IN ('i', 'I', 't', 'c')"}.get(prefix, "true")
    return (
        f"SELECT '{named}'::regclass::oid, g.oid, 0, g.schema, g.name, g.given::text, g.member FROM ("
        f"SELECT o.oid, coalesce({space}, '') AS schema, {name}::text AS name,"
        f" {_grants(f'coalesce(o.{prefix}acl, usual.acl)')} AS given,"
        f" {_grants('coalesce(i.initprivs, usual.acl)')} AS before,"
        f" EXISTS (SELECT FROM members m WHERE m.classid = '{named}'::regclass AND m.objid = o.oid) AS member"
        f" FROM {catalogue} o"
        f' CROSS JOIN LATERAL (SELECT acldefault(({letter})::"char", o.{prefix}owner)) AS usual (acl)'
        f" LEFT JOIN pg_init_privs i ON i.classoid = '{named}'::regclass AND i.objoid = o.oid AND i.objsubid = 0"
        f" WHERE (o.{prefix}acl IS NOT NULL OR i.initprivs IS NOT NULL) AND {condition}"
        ") g WHERE g.given IS DISTINCT FROM g.before"
    )


_COLUMN_ACL = (
    "SELECT 'pg_class'::regclass::oid, g.oid, g.attnum, g.schema, g.name, g.given::text, g.member FROM ("
    "SELECT c.oid, a.attnum, coalesce((SELECT n.nspname FROM spaces n WHERE n.oid = c.relnamespace), '') AS schema,"
    f" c.relname::text AS name, {_grants('a.attacl')} AS given, {_grants('i.initprivs')} AS before,"
    " EXISTS (SELECT FROM members m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid) AS member"
    " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
    " LEFT JOIN pg_init_privs i ON i.classoid = 'pg_class'::regclass AND i.objoid = c.oid AND i.objsubid = a.attnum"
    " WHERE (a.attacl IS NOT NULL OR i.initprivs IS NOT NULL) AND NOT a.attisdropped AND c.relpersistence <> 't'"
    ") g WHERE g.given IS DISTINCT FROM g.before"
)
# Of a server before 17 a later pg_dump prints all of them, one by one, where it says ALL of a table's.
_DEFAULT_ACL = (
    "SELECT 'pg_default_acl'::regclass::oid, d.oid, 0, '', pg_get_userbyid(d.defaclrole)::text,"
    f" {_grants('d.defaclacl', 'TRIGGER')}::text, false FROM pg_default_acl d"
)


def fact_queries(server_version_num: int, commented: str) -> dict[str, str]:
    """Return a query by sort of fact: catalogue, id, number of the column, schema, name, text; for those in DEPARSED an
    array of texts, too.

    They begin after the common table expressions of _catalogues; ``commented`` is its condition of comments.
    """
    owners = [_owner(*one) for one in _OWNED] + [_LARGE_OBJECT_OWNER]
    given = " UNION ALL ".join([*(_acl(*one) for one in _GRANTABLE), _COLUMN_ACL])
    privileges = f"SELECT a, b, c, d, e, f FROM ({given}) AS granted (a, b, c, d, e, f, member) WHERE "
    return {
        **_PLAIN,
        "comment": _PLAIN["comment"].format(commented=commented),
        **_DEPARSED,
        **({**_PLAIN_FROM_15, **_DEPARSED_FROM_15} if server_version_num >= 150000 else _BEFORE_15),
        OWNER: " UNION ALL ".join(owners),
        PRIVILEGES: privileges + "NOT member",
        EXTENSION_PRIVILEGES: privileges + "member",
        DEFAULT_PRIVILEGES: f"SELECT a, b, c, d, e, f FROM ({_DEFAULT_ACL}) AS granted (a, b, c, d, e, f, member)",
    }


DEPARSED = frozenset({*_DEPARSED, *_DEPARSED_FROM_15})
"""The facts that are deparsed texts."""
