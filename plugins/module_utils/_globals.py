# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what a dump needs around it and does not hold: roles, tablespaces, the database's own
properties. Read from production without passwords; written beside the dump; made anew in a scratch server.

Without the roles a restore fails a thousandfold; with stubs that lack SUPERUSER, BYPASSRLS, INHERIT or memberships,
once or twice. In a scratch server roles come back with these, without LOGIN and without a password. What a real restore
needs beyond that is for :mod:`._restore_sql`.
"""

from __future__ import annotations

import json
from typing import Any

from ._errors import CloseoutError
from ._names import quote_identifier, quote_literal
from ._session import Session, SqlError

SCHEMA = "incomex.closeout/globals/1"

# Role 10 is the bootstrap superuser, the one that initdb made (PostgreSQL source, pg_authid.dat).
_ROLES = """
SELECT rolname, oid = 10, rolcanlogin, rolconnlimit, rolvaliduntil::text, shobj_description(oid, 'pg_authid'),
       rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls
FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY rolname COLLATE "C"
"""
_MEMBERSHIPS = """
SELECT r.rolname, m.rolname, bool_or(a.admin_option),
       bool_or(coalesce((to_jsonb(a) ->> 'inherit_option')::bool, true)),
       bool_or(coalesce((to_jsonb(a) ->> 'set_option')::bool, true))
FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
WHERE m.rolname !~ '^pg_' GROUP BY 1, 2 ORDER BY 1, 2
"""
_TABLESPACES = """
SELECT t.spcname, r.rolname, pg_tablespace_location(t.oid), t.spcoptions, shobj_description(t.oid, 'pg_tablespace'),
       t.spcacl::text[]
FROM pg_tablespace t JOIN pg_roles r ON r.oid = t.spcowner
WHERE t.spcname !~ '^pg_' ORDER BY t.spcname COLLATE "C"
"""
_DATABASE = """
SELECT to_jsonb(d) || jsonb_build_object('encoding_name', pg_encoding_to_char(d.encoding), 'owner', r.rolname,
       'tablespace', t.spcname, 'comment', shobj_description(d.oid, 'pg_database'), 'acl', d.datacl::text[],
       'size_bytes', pg_database_size(d.oid))
FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba JOIN pg_tablespace t ON t.oid = d.dattablespace
WHERE d.datname = current_database()
"""
# Of a role, of the database, of a role in the database; of every role where both are empty.
_SETTINGS = """
SELECT coalesce(r.rolname, ''), s.setdatabase <> 0, s.setconfig
FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole
WHERE s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
ORDER BY s.setdatabase <> 0, 1
"""
_PARAMETERS = "SELECT parname, paracl::text[] FROM pg_parameter_acl ORDER BY parname"
# In their order: who grants on has been granted to before.
_GRANTS = """
SELECT pg_get_userbyid(grantor), CASE WHEN grantee <> 0 THEN pg_get_userbyid(grantee) END, privilege_type, is_grantable
FROM aclexplode(%s::aclitem[]) WITH ORDINALITY ORDER BY ordinality
"""
# Who may not know sees no such setting.
_PRELOADED = "SELECT setting FROM pg_settings WHERE name = 'shared_preload_libraries' AND setting <> ''"
_ROLE_ATTRIBUTES = ("superuser", "inherit", "createrole", "createdb", "replication", "bypassrls")
_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}


def read_globals(session: Session) -> dict[str, Any]:
    """Read the globals of the session's server and the properties of its database; a JSON document."""
    roles = [
        {
            "name": name,
            "bootstrap": bootstrap,
            "login": login,
            "connection_limit": limit,
            "valid_until": until,
            "comment": comment,
            **dict(zip(_ROLE_ATTRIBUTES, attributes)),
        }
        for name, bootstrap, login, limit, until, comment, *attributes in session.rows(_ROLES)
    ]
    memberships = [
        {"role": role, "member": member, "admin": admin, "inherit": inherit, "set": may_set}
        for role, member, admin, inherit, may_set in session.rows(_MEMBERSHIPS)
    ]
    database = session.value(_DATABASE)
    return {
        "schema": SCHEMA,
        "server_version_num": session.server_version_num,
        "max_locks_per_transaction": int(session.value("SELECT current_setting('max_locks_per_transaction')")),
        "relations": int(
            session.value("SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f')")
        ),
        "roles": roles,
        "memberships": memberships,
        "tablespaces": [
            {
                "name": name,
                "owner": owner,
                "location": location,
                "options": options or [],
                "comment": comment,
                "grants": _grants(session, acl),
            }
            for name, owner, location, options, comment, acl in session.rows(_TABLESPACES)
        ],
        "settings": [
            {"role": role, "in_database": in_database, "values": [pair.split("=", 1) for pair in pairs]}
            for role, in_database, pairs in session.rows(_SETTINGS)
        ],
        "parameters": [
            {"name": name, "grants": _grants(session, acl)}
            for name, acl in (session.rows(_PARAMETERS) if session.server_version_num >= 150000 else [])
        ],
        "preloaded": [row[0] for row in session.rows(_PRELOADED)],
        "database": {
            "name": database["datname"],
            "owner": database["owner"],
            "encoding": database["encoding_name"],
            "collate": database["datcollate"],
            "ctype": database["datctype"],
            "provider": _PROVIDERS.get(database.get("datlocprovider", "c"), "libc"),
            # PostgreSQL 15 and 16 call it daticulocale; 17 and later datlocale.
            "locale": database.get("datlocale") or database.get("daticulocale"),
            "icu_rules": database.get("daticurules"),
            "monetary": session.value("SELECT current_setting('lc_monetary')"),
            "tablespace": database["tablespace"],
            "connection_limit": database["datconnlimit"],
            "is_template": database["datistemplate"],
            "comment": database["comment"],
            "grants": _grants(session, database["acl"]),
            "size_bytes": database["size_bytes"],
        },
    }


def _grants(session: Session, acl: list[str] | None) -> list[dict[str, Any]] | None:
    """Return the grants of an access control list; None for an object that has none of its own."""
    if acl is None:
        return None
    names = ("grantor", "grantee", "privilege", "grantable")
    return [dict(zip(names, row)) for row in session.rows(_GRANTS, [acl])]


def load_globals(content: bytes) -> dict[str, Any]:
    """Read a document that :func:`read_globals` made. Raises CloseoutError."""
    try:
        document = json.loads(content)
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema {document['schema']!r}")
    except (ValueError, KeyError, TypeError) as error:
        raise CloseoutError(
            "The globals of the dump cannot be read",
            wanted=f"a JSON document with schema {SCHEMA}",
            found=repr(error),
            do="give the globals.json that was written beside the dump",
        ) from error
    return dict(document)


def bootstrap_name(document: dict[str, Any]) -> str:
    """Return the name of production's bootstrap superuser: the scratch server is initialised with it."""
    for role in document["roles"]:
        if role["bootstrap"]:
            return str(role["name"])
    return "postgres"


def lock_slots(document: dict[str, Any], connections: int) -> int:
    """Return max_locks_per_transaction for a server with that many ``connections``, in which one pg_dump is to lock
    every relation at once: production may have many more connections, and so as many more slots.

    Source: PostgreSQL manual, 20.12 Lock Management.
    """
    needed = 2 * int(document["relations"]) // connections
    return max(int(document["max_locks_per_transaction"]), needed)


def role_statements(document: dict[str, Any]) -> list[str]:
    """Return the statements that make the roles and their memberships; the bootstrap superuser exists already."""
    statements = [
        f"CREATE ROLE {quote_identifier(role['name'])} NOLOGIN {role_attributes(role)}"
        for role in document["roles"]
        if not role["bootstrap"]
    ]
    return statements + membership_statements(document)


def role_attributes(role: dict[str, Any]) -> str:
    """Return a role's attributes as the words of CREATE ROLE, but for LOGIN."""
    return " ".join(("" if role[name] else "NO") + name.upper() for name in _ROLE_ATTRIBUTES)


def membership_statements(document: dict[str, Any]) -> list[str]:
    """Return the statements that grant roles to roles, each membership with all that its grants allow together."""
    statements = []
    for one in document["memberships"]:
        grant = f"GRANT {quote_identifier(one['role'])} TO {quote_identifier(one['member'])}"
        if document["server_version_num"] >= 160000:
            options = {"ADMIN": one["admin"], "INHERIT": one["inherit"], "SET": one["set"]}
            grant += " WITH " + ", ".join(f"{name} {str(value).upper()}" for name, value in options.items())
        elif one["admin"]:
            grant += " WITH ADMIN OPTION"
        statements.append(grant)
    return statements


def tablespace_statements(document: dict[str, Any]) -> list[str]:
    """Return the statements that make production's tablespaces in place, inside the scratch data directory."""
    made = [
        f"CREATE TABLESPACE {quote_identifier(one['name'])} OWNER {quote_identifier(one['owner'])} LOCATION ''"
        for one in document["tablespaces"]
    ]
    return ["SET allow_in_place_tablespaces = on", *made] if made else []


def database_statement(document: dict[str, Any], name: str) -> str:
    """Return the statement that makes database ``name`` with production's owner, encoding and locale."""
    return f"CREATE DATABASE {quote_identifier(name)} {database_options(document)}"


def database_options(document: dict[str, Any]) -> str:
    """Return the options of CREATE DATABASE that give a database production's owner, encoding and locale."""
    database = document["database"]
    options = {
        "OWNER": quote_identifier(database["owner"]),
        "TEMPLATE": "template0",
        "ENCODING": quote_literal(database["encoding"]),
        "LC_COLLATE": quote_literal(database["collate"]),
        "LC_CTYPE": quote_literal(database["ctype"]),
    }
    if database["provider"] != "libc":
        options["LOCALE_PROVIDER"] = database["provider"]
        options["ICU_LOCALE" if database["provider"] == "icu" else "BUILTIN_LOCALE"] = quote_literal(database["locale"])
    if database["icu_rules"]:
        options["ICU_RULES"] = quote_literal(database["icu_rules"])
    return " ".join(f"{key} = {value}" for key, value in options.items())


def monetary_settings(session: Session, document: dict[str, Any]) -> dict[str, str]:
    """Return production's lc_monetary as a setting for sessions of the server that ``session`` is in: money is written
    in that locale, and read in it. Nothing where the server's host does not have it.
    """
    monetary = document["database"]["monetary"]
    try:
        session.rows("SELECT pg_catalog.set_config('lc_monetary', %s, false)", [monetary])
    except SqlError:
        # It matters to columns of type money alone; they will not restore, or not compare.
        return {}
    return {"lc_monetary": monetary}
