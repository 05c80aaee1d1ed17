# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what a real restore needs around the dump, as SQL for psql: one file to execute before
it, one after it. Pure functions of the globals.

The variable ``db`` of psql is the name to restore under, ``tablespace_1`` and so on are directories; both have
production's values where they are not given. Executed again, either file does what is left to do. No role gets a
password. Source: PostgreSQL manual, psql, Variables and Meta-Commands; pg_dumpall.c and dumputils.c for the settings.
"""

from __future__ import annotations

from typing import Any

from ._globals import database_options, membership_statements, role_attributes
from ._names import quote_identifier, quote_literal, read_identifier

GLOBALS_SQL = "globals.sql"
SETTINGS_SQL = "settings.sql"

_DB = ':"db"'
# Their values are lists of quoted names, and stay lists (variable_is_guc_list_quote of pg_dump).
_LISTS = {
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
}


def globals_sql(document: dict[str, Any]) -> str:
    """Return what makes roles, tablespaces and the empty database; it fails where that database exists already."""
    return _file([
        "-- Roles without passwords, memberships, tablespaces, and the empty database.",
        *_default("db", document["database"]["name"]),
        *_roles(document),
        *_tablespaces(document),
        *_parameters(document),
        f"{_create_database(document)};",
    ])  # fmt: skip


def settings_sql(document: dict[str, Any]) -> str:
    """Return what gives the restored database its privileges, and database and roles their settings.

    They come last: a default_transaction_read_only among them would keep the dump from being restored.
    """
    database = document["database"]
    lines = [
        "-- Privileges and comment of the database; settings of the database and of roles.",
        *_default("db", database["name"]),
        *_comment("DATABASE", _DB, database["comment"]),
        *_granted("DATABASE", _DB, database["owner"], database["grants"]),
    ]
    for one in document["settings"]:
        lines += [_setting(one, name, value) for name, value in one["values"]]
    if database["connection_limit"] != -1:
        lines.append(f"ALTER DATABASE {_DB} CONNECTION LIMIT {database['connection_limit']};")
    if database["is_template"]:
        lines.append(f"ALTER DATABASE {_DB} IS_TEMPLATE true;")
    return _file(lines)


def login_roles(document: dict[str, Any]) -> list[str]:
    """Return the names of the roles that may log in, and have no password after a restore."""
    return [str(role["name"]) for role in document["roles"] if role["login"]]


def tablespace_variables(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return name, psql's variable and directory of each tablespace; the directory is "" for one in place."""
    found = []
    for number, one in enumerate(document["tablespaces"], 1):
        # In place it is below the data directory, and has no path of its own (PostgreSQL 15 and later).
        location = one["location"] if one["location"].startswith("/") else ""
        found.append((str(one["name"]), f"tablespace_{number}", location))
    return found


def _file(lines: list[str]) -> str:
    return "\n".join(["\\set ON_ERROR_STOP on", "\\encoding UTF8", *lines]) + "\n"


def _default(variable: str, value: str) -> list[str]:
    """Return the lines that give psql's ``variable`` a value where it has none."""
    return [f"\\if :{{?{variable}}}", "\\else", f"SELECT {quote_literal(value)} AS {variable} \\gset", "\\endif"]


def _roles(document: dict[str, Any]) -> list[str]:
    names = ", ".join(quote_literal(role["name"]) for role in document["roles"])
    lines = ["\\echo Roles that this server has already keep their attributes:"]
    lines.append(f"SELECT rolname FROM pg_catalog.pg_roles WHERE rolname IN ({names}) ORDER BY 1;")
    for role in document["roles"]:
        words = [role_attributes(role), "LOGIN" if role["login"] else "NOLOGIN"]
        words.append(f"CONNECTION LIMIT {role['connection_limit']}")
        if role["valid_until"]:
            words.append(f"VALID UNTIL {quote_literal(role['valid_until'])}")
        statement = f"CREATE ROLE {quote_identifier(role['name'])} {' '.join(words)}"
        lines.append(_unless("pg_roles", "rolname", role["name"], quote_literal(statement)))
    lines += [f"{statement};" for statement in membership_statements(document)]
    for role in document["roles"]:
        lines += _comment("ROLE", quote_identifier(role["name"]), role["comment"])
    return lines


def _tablespaces(document: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for one, (name, variable, location) in zip(document["tablespaces"], tablespace_variables(document)):
        quoted = quote_identifier(name)
        # format() takes a percent sign as its own.
        statement = f"CREATE TABLESPACE {quoted} OWNER {quote_identifier(one['owner'])} LOCATION ".replace("%", "%%")
        lines += _default(variable, location)
        if not location:
            lines.append("SET allow_in_place_tablespaces = on;")
        made = f"pg_catalog.format({quote_literal(statement + '%L')}, :'{variable}')"
        lines.append(_unless("pg_tablespace", "spcname", name, made))
        if one["options"]:
            pairs = [option.split("=", 1) for option in one["options"]]
            options = ", ".join(f"{quote_identifier(key)} = {quote_literal(value)}" for key, value in pairs)
            lines.append(f"ALTER TABLESPACE {quoted} SET ({options});")
        lines += _comment("TABLESPACE", quoted, one["comment"])
        lines += _granted("TABLESPACE", quoted, one["owner"], one["grants"])
    return lines


def _parameters(document: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for one in document["parameters"]:
        lines += [_grant("PARAMETER", quote_identifier(one["name"]), grant) for grant in one["grants"] or []]
    return lines


def _create_database(document: dict[str, Any]) -> str:
    database = document["database"]
    statement = f"CREATE DATABASE {_DB} {database_options(document)}"
    if database["provider"] == "libc" and document["server_version_num"] >= 150000:
        statement += " LOCALE_PROVIDER = libc"
    if database["tablespace"] != "pg_default":
        statement += f" TABLESPACE = {quote_identifier(database['tablespace'])}"
    return statement


def _unless(catalogue: str, column: str, name: str, statement: str) -> str:
    """Return what executes the value of ``statement``, unless the catalogue has that name."""
    condition = f"SELECT FROM pg_catalog.{catalogue} WHERE {column} = {quote_literal(name)}"
    return f"SELECT {statement} WHERE NOT EXISTS ({condition}) \\gexec"


def _comment(kind: str, quoted: str, comment: str | None) -> list[str]:
    return [f"COMMENT ON {kind} {quoted} IS {quote_literal(comment)};"] if comment else []


def _granted(kind: str, quoted: str, owner: str, grants: list[dict[str, Any]] | None) -> list[str]:
    """Return the statements that replace the privileges of a new object; none where it keeps the usual ones."""
    if grants is None:
        return []
    lines = [f"REVOKE ALL ON {kind} {quoted} FROM PUBLIC;", f"REVOKE ALL ON {kind} {quoted} FROM {_role(owner)};"]
    for grant in grants:
        # What a superuser grants comes from the owner.
        other = grant["grantor"] != owner
        lines += [f"SET SESSION AUTHORIZATION {_role(grant['grantor'])};"] if other else []
        lines.append(_grant(kind, quoted, grant))
        lines += ["RESET SESSION AUTHORIZATION;"] if other else []
    return lines


def _grant(kind: str, quoted: str, grant: dict[str, Any]) -> str:
    option = " WITH GRANT OPTION" if grant["grantable"] else ""
    return f"GRANT {grant['privilege']} ON {kind} {quoted} TO {_role(grant['grantee'])}{option};"


def _role(name: str | None) -> str:
    return "PUBLIC" if name is None else quote_identifier(name)


def _setting(one: dict[str, Any], name: str, value: str) -> str:
    if one["role"]:
        subject = f"ROLE {quote_identifier(one['role'])}" + (f" IN DATABASE {_DB}" if one["in_database"] else "")
    else:
        subject = f"DATABASE {_DB}" if one["in_database"] else "ROLE ALL"
    values = _list(value) if name.lower() in _LISTS else [value]
    return f"ALTER {subject} SET {quote_identifier(name)} TO {', '.join(map(quote_literal, values))};"


def _list(value: str) -> list[str]:
    """Return the elements of a setting that is a list; an empty list has one empty element."""
    elements = []
    rest = value.strip()
    while rest:
        if rest.startswith('"'):
            element, end = read_identifier(rest)
        else:
            end = len(rest.partition(",")[0])
            element = rest[:end].strip()
        elements.append(element)
        rest = rest[end:].lstrip().removeprefix(",").lstrip()
    return elements or [""]
