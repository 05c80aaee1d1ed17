# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: whether it may matter in which order the tables of a database are loaded.

A CHECK constraint, a constraint of a domain or a generated column may call a function that reads another table. pg_dump
knows nothing of that: whether such a dump can be restored depends on the order of its tables, and that it can be in one
order proves nothing of the other. So then it is restored in its own.
"""

from __future__ import annotations

from ._session import Session

# What is made in a database has an oid from 16384 on. Source: PostgreSQL source, transam.h, FirstNormalObjectId.
_CALLERS = """
SELECT coalesce('constraint ' || c.conname, 'a generated column of ' || a.attrelid::regclass)
FROM pg_depend d
LEFT JOIN pg_constraint c ON d.classid = 'pg_constraint'::regclass AND c.oid = d.objid AND c.contype = 'c'
LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid
LEFT JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum AND a.attgenerated <> ''
WHERE d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass) AND d.refobjid >= 16384
  AND (c.oid IS NOT NULL OR a.attrelid IS NOT NULL)
ORDER BY 1 LIMIT 1
"""


def caller_of_functions(session: Session) -> str:
    """Return what may look at other tables when rows are loaded, "" where nothing does. Raises SqlError."""
    found = session.rows(_CALLERS)
    return str(found[0][0]) if found else ""
