"""The SQL around a restore: what a list is, what keeps its quotes, whose grants they are."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._globals import SCHEMA
from ansible_collections.incomex.closeout.plugins.module_utils._restore_sql import (
    globals_sql,
    login_roles,
    settings_sql,
    tablespace_variables,
)


def document(**changes: Any) -> dict[str, Any]:
    """Return globals of a server of version 16."""
    database = {
        "name": "d:b'", "owner": "o", "encoding": "UTF8", "collate": "C", "ctype": "C", "provider": "libc",
        "locale": None, "icu_rules": None, "tablespace": "pg_default", "connection_limit": -1,
        "is_template": False, "comment": None, "grants": None,
    }  # fmt: skip
    found = {
        "schema": SCHEMA,
        "server_version_num": 160015,
        "roles": [],
        "memberships": [],
        "tablespaces": [],
        "settings": [],
        "parameters": [],
        "database": {**database, **changes.pop("database", {})},
    }
    return {**found, **changes}


def role(name: str, **changes: Any) -> dict[str, Any]:
    """Return a role without attributes but INHERIT and LOGIN."""
    names = ("superuser", "createrole", "createdb", "replication", "bypassrls", "bootstrap")
    usual = {"name": name, "login": True, "inherit": True, "connection_limit": -1, "valid_until": None, "comment": None}
    return {**dict.fromkeys(names, False), **usual, **changes}


def space(name: str, location: str) -> dict[str, Any]:
    """Return a tablespace."""
    return {"name": name, "owner": "o", "location": location, "options": [], "comment": None, "grants": None}


@pytest.mark.parametrize(
    ("name", "value", "elements"),
    [
        ("search_path", '"$user", public', "'$user', 'public'"),
        ("Search_Path", '"a, b","c""d"', "'a, b', 'c\"d'"),
        ("search_path", '""', "''"),
        ("search_path", "", "''"),
        ("local_preload_libraries", 'auto_explain , "$libdir/x\'y"', "'auto_explain', '$libdir/x''y'"),
        ("work_mem", "5MB", "'5MB'"),
        ("my.list", '"a", b\\', " E'\"a\", b\\\\'"),
    ],
)
def test_a_setting_that_is_a_list_stays_one(name: str, value: str, elements: str) -> None:
    found = settings_sql(document(settings=[{"role": "r", "in_database": False, "values": [[name, value]]}]))
    assert f'ALTER ROLE "r" SET "{name}" TO {elements};\n' in found


@pytest.mark.parametrize(
    ("who", "in_database", "subject"),
    [
        ("r", True, 'ROLE "r" IN DATABASE :"db"'),
        ("", True, 'DATABASE :"db"'),
        ("", False, "ROLE ALL"),
    ],
)
def test_a_setting_is_whose_it_was(who: str, in_database: bool, subject: str) -> None:
    one = {"role": who, "in_database": in_database, "values": [["a", "b"]]}
    assert f"ALTER {subject} SET \"a\" TO 'b';\n" in settings_sql(document(settings=[one]))


def test_grants_come_from_who_granted_them() -> None:
    grants = [
        {"grantor": "o", "grantee": "x", "privilege": "CONNECT", "grantable": True},
        {"grantor": "x", "grantee": None, "privilege": "CONNECT", "grantable": False},
    ]
    assert settings_sql(document(database={"grants": grants})).splitlines()[-6:] == [
        'REVOKE ALL ON DATABASE :"db" FROM PUBLIC;',
        'REVOKE ALL ON DATABASE :"db" FROM "o";',
        'GRANT CONNECT ON DATABASE :"db" TO "x" WITH GRANT OPTION;',
        'SET SESSION AUTHORIZATION "x";',
        'GRANT CONNECT ON DATABASE :"db" TO PUBLIC;',
        "RESET SESSION AUTHORIZATION;",
    ]
    nobody = settings_sql(document(database={"grants": []}))
    assert "REVOKE" in nobody and "GRANT " not in nobody
    assert "REVOKE" not in settings_sql(document())


@pytest.mark.parametrize(
    ("version", "changes", "end"),
    [
        (140023, {}, "LC_CTYPE = 'C';\n"),
        (150019, {}, "LC_CTYPE = 'C' LOCALE_PROVIDER = libc;\n"),
        (160015, {"tablespace": "fast one"}, ' LOCALE_PROVIDER = libc TABLESPACE = "fast one";\n'),
        (170000, {"provider": "icu", "locale": "de"}, " LOCALE_PROVIDER = icu ICU_LOCALE = 'de';\n"),
    ],
)
def test_the_database_is_made_last(version: int, changes: dict[str, Any], end: str) -> None:
    """A template of another provider must not decide."""
    found = globals_sql(document(server_version_num=version, database=changes))
    assert found.endswith(end)
    assert found.splitlines()[-1].startswith('CREATE DATABASE :"db" OWNER = "o" TEMPLATE = template0 ')
    assert "\\if :{?db}\n\\else\nSELECT 'd:b''' AS db \\gset\n\\endif\n" in found


def test_a_role_is_made_where_it_is_missing_and_has_no_password() -> None:
    roles = [role("b'", bootstrap=True, superuser=True), role("c", login=False, valid_until="infinity")]
    found = globals_sql(document(roles=roles))
    assert (
        "SELECT 'CREATE ROLE \"b''\" SUPERUSER INHERIT NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS LOGIN"
        " CONNECTION LIMIT -1' WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'b''') \\gexec\n"
    ) in found
    assert "NOLOGIN CONNECTION LIMIT -1 VALID UNTIL ''infinity''' WHERE" in found
    assert " PASSWORD" not in found
    assert login_roles(document(roles=roles)) == ["b'"]


def test_a_tablespace_may_have_another_directory() -> None:
    found = document(tablespaces=[space("a%", "/srv/a"), space("b", "pg_tblspc/16385")])
    assert tablespace_variables(found) == [("a%", "tablespace_1", "/srv/a"), ("b", "tablespace_2", "")]
    text = globals_sql(found)
    assert "SELECT '/srv/a' AS tablespace_1 \\gset\n" in text
    assert "format('CREATE TABLESPACE \"a%%\" OWNER \"o\" LOCATION %L', :'tablespace_1') WHERE" in text
    assert text.count("SET allow_in_place_tablespaces = on;\n") == 1
