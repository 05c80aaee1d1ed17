"""The globals: roles, tablespaces and database of production, as statements that make them anew without passwords."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError
from ansible_collections.incomex.closeout.plugins.module_utils._globals import (
    SCHEMA,
    bootstrap_name,
    database_statement,
    load_globals,
    lock_slots,
    role_statements,
    tablespace_statements,
)

ODD = 'O"dd; DROP\n--'
QUOTED = '"O""dd; DROP\n--"'


def role(name: str, *, bootstrap: bool = False, **attributes: bool) -> dict[str, Any]:
    """Return a role without attributes but INHERIT and the given ones."""
    usual = dict.fromkeys(("superuser", "createrole", "createdb", "replication", "bypassrls"), False)
    return {"name": name, "bootstrap": bootstrap, "inherit": True, **usual, **attributes}


def document(**changes: Any) -> dict[str, Any]:
    """Return globals."""
    return {
        "schema": SCHEMA,
        "server_version_num": 160015,
        "max_locks_per_transaction": 64,
        "relations": 100,
        "roles": [],
        "memberships": [],
        "tablespaces": [],
        **changes,
    }


def database(**changes: Any) -> dict[str, Any]:
    """Return globals with a database."""
    return document(
        database={
            "name": "directus",
            "owner": "o",
            "encoding": "UTF8",
            "collate": "C.UTF-8",
            "ctype": "en_US.utf8",
            "provider": "libc",
            "locale": None,
            "icu_rules": None,
            "monetary": "C",
            **changes,
        }
    )


@pytest.mark.parametrize("attribute", ["superuser", "inherit", "createrole", "createdb", "replication", "bypassrls"])
@pytest.mark.parametrize("value", [True, False])
def test_a_role_keeps_its_attributes_and_cannot_log_in(attribute: str, value: bool) -> None:
    (statement,) = role_statements(document(roles=[role("r", **{attribute: value})]))
    words = statement.split()
    assert words[:4] == ["CREATE", "ROLE", '"r"', "NOLOGIN"]
    assert (attribute.upper() in words, "NO" + attribute.upper() in words) == (value, not value)
    assert len(words) == 10
    assert "PASSWORD" not in words


def test_the_bootstrap_superuser_is_there_already() -> None:
    found = document(roles=[role("admin", bootstrap=True, superuser=True), role(ODD)])
    assert bootstrap_name(found) == "admin"
    (statement,) = role_statements(found)
    assert statement.startswith(f"CREATE ROLE {QUOTED} NOLOGIN ")
    assert bootstrap_name(document()) == "postgres"


@pytest.mark.parametrize(
    ("version", "options", "statement"),
    [
        (150019, {"admin": False}, 'GRANT "a" TO "b"'),
        (150019, {"admin": True}, 'GRANT "a" TO "b" WITH ADMIN OPTION'),
        (140023, {"admin": False, "inherit": False, "set": False}, 'GRANT "a" TO "b"'),
        (160000, {}, 'GRANT "a" TO "b" WITH ADMIN FALSE, INHERIT TRUE, SET TRUE'),
        (160015, {"admin": True, "inherit": False}, 'GRANT "a" TO "b" WITH ADMIN TRUE, INHERIT FALSE, SET TRUE'),
        (180000, {"set": False}, 'GRANT "a" TO "b" WITH ADMIN FALSE, INHERIT TRUE, SET FALSE'),
    ],
)
def test_a_membership(version: int, options: dict[str, bool], statement: str) -> None:
    one = {"role": "a", "member": "b", "admin": False, "inherit": True, "set": True, **options}
    assert role_statements(document(server_version_num=version, memberships=[one])) == [statement]


def test_roles_come_before_memberships_and_are_quoted() -> None:
    one = {"role": ODD, "member": "b", "admin": False, "inherit": True, "set": True}
    statements = role_statements(document(server_version_num=150000, roles=[role(ODD), role("b")], memberships=[one]))
    assert statements[2] == f'GRANT {QUOTED} TO "b"'


def test_tablespaces_are_made_in_place() -> None:
    assert tablespace_statements(document()) == []
    assert tablespace_statements(document(tablespaces=[{"name": ODD, "owner": "o"}])) == [
        "SET allow_in_place_tablespaces = on",
        f"CREATE TABLESPACE {QUOTED} OWNER \"o\" LOCATION ''",
    ]


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        ({}, ""),
        ({"provider": "icu", "locale": "de-DE"}, " LOCALE_PROVIDER = icu ICU_LOCALE = 'de-DE'"),
        (
            {"provider": "icu", "locale": "und", "icu_rules": "&a < 'b'"},
            " LOCALE_PROVIDER = icu ICU_LOCALE = 'und' ICU_RULES = '&a < ''b'''",
        ),
        ({"provider": "builtin", "locale": "C.UTF-8"}, " LOCALE_PROVIDER = builtin BUILTIN_LOCALE = 'C.UTF-8'"),
    ],
)
def test_the_database_has_production_s_properties(changes: dict[str, Any], options: str) -> None:
    assert database_statement(database(**changes), "x_restoretest") == (
        'CREATE DATABASE "x_restoretest" OWNER = "o" TEMPLATE = template0 ENCODING = \'UTF8\''
        " LC_COLLATE = 'C.UTF-8' LC_CTYPE = 'en_US.utf8'" + options
    )


def test_the_database_s_names_are_quoted() -> None:
    statement = database_statement(database(owner=ODD, collate="a'b"), ODD)
    assert statement.startswith(f"CREATE DATABASE {QUOTED} OWNER = {QUOTED} ")
    assert "LC_COLLATE = 'a''b'" in statement


def test_globals_are_read_again() -> None:
    found = database()
    assert load_globals(json.dumps(found).encode()) == found


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"7", b"{}", b'{"schema": "x"}', b"\xff", b'"text"'])
def test_another_document_is_refused(content: bytes) -> None:
    with pytest.raises(CloseoutError, match="globals of the dump cannot be read"):
        load_globals(content)


@pytest.mark.parametrize(
    ("theirs", "relations", "slots"), [(64, 100, 64), (256, 100, 256), (64, 30_000, 2000), (64, 0, 64)]
)
def test_a_small_server_has_locks_for_every_relation(theirs: int, relations: int, slots: int) -> None:
    """Production's number says little: it has more connections, and so more slots in all."""
    document = {"max_locks_per_transaction": theirs, "relations": relations}
    assert lock_slots(document, 30) == slots
