# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what of PostgreSQL's catalogues is the user's own, as common table expressions that
queries begin with. The rule is pg_dump's (pg_dump.c, "Decide whether to dump"): neither system objects nor members of
extensions, nor what comes with something else.
"""

from __future__ import annotations

# Ids below 16384 (FirstNormalObjectId) were given by initdb: PostgreSQL source, access/transam.h. That a sequence
# belongs to an identity column is an internal dependency, to a serial column an automatic one. A materialized view that
# reads from one that is not populated is not refreshed, whatever lies between them. "silent" has a comment, but no
# statement of its own that the comment could follow.
OBJECTS = """
WITH RECURSIVE members AS MATERIALIZED (
  SELECT classid, objid, refobjid AS extension FROM pg_depend
  WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
), spaces AS MATERIALIZED (
  SELECT oid, nspname::text FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), relations AS MATERIALIZED (
  SELECT c.oid, n.nspname, c.relname::text, c.relkind, c.relpersistence, c.relispartition, c.relispopulated,
    c.relrowsecurity, c.relforcerowsecurity, m.extension IS NOT NULL AS member
  FROM pg_class c JOIN spaces n ON n.oid = c.relnamespace
  LEFT JOIN members m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND c.relpersistence <> 't'
), sequences AS MATERIALIZED (
  SELECT s.oid, s.nspname, s.relname, s.relpersistence, t.relname AS of_table, a.attname::text AS of_column,
    coalesce(d.deptype = 'i', false) AS identity,
    CASE WHEN d.deptype = 'i' THEN NOT t.member ELSE NOT s.member OR coalesce(NOT t.member, false) END AS dumped
  FROM relations s
  LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.objsubid = 0
    AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
  LEFT JOIN relations t ON t.oid = d.refobjid
  LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
  WHERE s.relkind = 'S'
), configuration AS MATERIALIZED (
  SELECT e.oid AS extension, e.extname, given.relation, given.condition
  FROM pg_extension e, unnest(e.extconfig, e.extcondition) AS given (relation, condition)
), reads AS (
  SELECT v.oid, d.refobjid FROM relations v JOIN pg_rewrite w ON w.ev_class = v.oid
  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass
    AND d.refobjid <> v.oid
  WHERE v.relkind IN ('v', 'm')
), empty AS (
  SELECT oid FROM relations WHERE relkind = 'm' AND NOT relispopulated
  UNION SELECT r.oid FROM reads r JOIN empty e ON e.oid = r.refobjid
), user_types AS MATERIALIZED (
  SELECT t.oid, n.nspname, t.typname::text, t.typtype, t.typrelid FROM pg_type t JOIN spaces n ON n.oid = t.typnamespace
  LEFT JOIN pg_class c ON c.oid = t.typrelid
  WHERE (t.typrelid = 0 OR c.relkind = 'c') AND t.typtype <> 'm'
    AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)
    AND NOT EXISTS (SELECT FROM members WHERE classid = 'pg_type'::regclass AND objid = t.oid)
), silent AS MATERIALIZED (
  SELECT d.classoid AS classid, d.objoid AS objid, 'TYPE ' || n.nspname || '.' || t.typname AS title
  FROM pg_description d JOIN pg_type t ON d.classoid = 'pg_type'::regclass AND t.oid = d.objoid
  JOIN spaces n ON n.oid = t.typnamespace WHERE t.oid NOT IN (SELECT oid FROM user_types)
    AND NOT EXISTS (SELECT FROM members WHERE classid = 'pg_type'::regclass AND objid IN (t.oid, t.typelem))
    AND NOT EXISTS (SELECT FROM members WHERE classid = 'pg_class'::regclass AND objid = t.typrelid)
  UNION ALL SELECT d.classoid, d.objoid, 'FUNCTION ' || n.nspname || '.' || p.proname
  FROM pg_description d JOIN pg_proc p ON d.classoid = 'pg_proc'::regclass AND p.oid = d.objoid
  JOIN spaces n ON n.oid = p.pronamespace JOIN pg_depend i ON i.classid = d.classoid AND i.objid = p.oid
    AND i.deptype = 'i' AND p.prokind <> 'a'
  UNION ALL SELECT d.classoid, d.objoid, 'CONSTRAINT ' || t.nspname || '.' || k.conname || ' on ' || t.relname
  FROM pg_description d JOIN pg_constraint k ON d.classoid = 'pg_constraint'::regclass AND k.oid = d.objoid
  JOIN relations t ON t.oid = k.conrelid
  WHERE NOT t.member AND (k.contype = 'c' AND NOT k.conislocal OR k.contype = 'f' AND k.conparentid <> 0)
  UNION ALL SELECT d.classoid, d.objoid, 'TRIGGER ' || t.nspname || '.' || g.tgname || ' on ' || t.relname
  FROM pg_description d JOIN pg_trigger g ON d.classoid = 'pg_trigger'::regclass AND g.oid = d.objoid
  JOIN relations t ON t.oid = g.tgrelid WHERE NOT t.member AND (g.tgisinternal OR g.tgparentid <> 0)
  UNION ALL SELECT d.classoid, d.objoid, 'RULE ' || t.nspname || '.' || r.rulename || ' on ' || t.relname
  FROM pg_description d JOIN pg_rewrite r ON d.classoid = 'pg_rewrite'::regclass AND r.oid = d.objoid
  JOIN relations t ON t.oid = r.ev_class WHERE NOT t.member AND r.ev_type = '1'
)
"""
"""Relations, sequences, types of users, members of extensions; what has a comment but no statement."""

# What hangs on an extension's table is neither a member itself nor dumped; what hangs on an index that is not dumped
# neither. An extension's own comment comes with it; the comment of public is dumped as its difference from the usual.
OBJECTS_AND_PARTS = (
    OBJECTS
    + """, parts AS MATERIALIZED (
  SELECT 'pg_class'::regclass::oid AS classid, x.indexrelid AS objid
    FROM pg_index x JOIN relations t ON t.oid = x.indrelid
    WHERE t.member OR NOT (x.indisready AND (x.indisvalid OR t.relkind = 'p'))
  UNION ALL SELECT 'pg_constraint'::regclass, k.oid FROM pg_constraint k JOIN relations t ON t.oid = k.conrelid
    WHERE t.member
  UNION ALL SELECT 'pg_constraint'::regclass, k.oid FROM pg_constraint k
    JOIN members m ON m.classid = 'pg_type'::regclass AND m.objid = k.contypid
  UNION ALL SELECT 'pg_trigger'::regclass, g.oid FROM pg_trigger g JOIN relations t ON t.oid = g.tgrelid WHERE t.member
  UNION ALL SELECT 'pg_rewrite'::regclass, r.oid FROM pg_rewrite r JOIN relations t ON t.oid = r.ev_class WHERE t.member
  UNION ALL SELECT 'pg_policy'::regclass, p.oid FROM pg_policy p JOIN relations t ON t.oid = p.polrelid WHERE t.member
  UNION ALL SELECT 'pg_statistic_ext'::regclass, s.oid FROM pg_statistic_ext s JOIN relations t ON t.oid = s.stxrelid
    WHERE t.member
  UNION ALL SELECT classid, objid FROM silent
  UNION ALL SELECT 'pg_extension'::regclass, oid FROM pg_extension
  UNION ALL SELECT 'pg_namespace'::regclass, oid FROM pg_namespace WHERE nspname = 'public'
), columns AS MATERIALIZED (
  SELECT a.attgenerated, a.attidentity, a.attnotnull, d.oid IS NOT NULL AS has_default, t.member
  FROM pg_attribute a JOIN relations t ON t.oid = a.attrelid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attnum > 0 AND NOT a.attisdropped AND t.relkind <> 'S' AND (t.relkind <> 'c' OR EXISTS
    (SELECT FROM user_types y WHERE y.typrelid = t.oid))
)
"""
)
"""The same, with parts that no dump names and the columns of relations."""

COMMENTED = (
    "NOT EXISTS (SELECT FROM members m WHERE m.classid = d.classoid AND m.objid = d.objoid)"
    " AND NOT EXISTS (SELECT FROM parts p WHERE p.classid = d.classoid AND p.objid = d.objoid)"
    " AND (d.objoid >= 16384 OR d.classoid = 'pg_largeobject'::regclass)"
)
"""The condition that a row ``d`` of pg_description or pg_seclabel is on an object that a dump names."""
