"""Quoting, held against who reads it: the server for SQL and options, libpq for databases, coreutils for sums."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psycopg2.extensions
import pytest
from ansible_collections.incomex.closeout.plugins.module_utils import _artefact
from ansible_collections.incomex.closeout.plugins.module_utils._entries import Entry, name_statement, owner_of
from ansible_collections.incomex.closeout.plugins.module_utils._names import (
    quote_identifier,
    quote_literal,
    quote_qualified,
    read_identifier,
    read_qualified,
)
from ansible_collections.incomex.closeout.plugins.module_utils._server import database_argument
from ansible_collections.incomex.closeout.plugins.module_utils._session import as_options
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.postgres import Cluster

_SPICE = st.sampled_from(
    ["'", '"', "\\", "\n", "$", "`", "-", "=", "%", "../", " ", "\x1b", "\u202e", "://", ";", ".", "é"]
)
TEXT = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4) | _SPICE).map("".join)
NAME = TEXT.filter(lambda text: 0 < len(text.encode()) <= 63)


@pytest.mark.parametrize("conforming", ["on", "off"])
@settings(max_examples=100)
@given(texts=st.lists(TEXT, min_size=1, max_size=20))
def test_the_server_reads_a_literal_as_it_was(conforming: str, production_cluster: Cluster, texts: list[str]) -> None:
    with production_cluster.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"SET standard_conforming_strings = {conforming}; SET escape_string_warning = off")
        cursor.execute(f"SELECT ARRAY[{', '.join(map(quote_literal, texts))}]::text[]")
        assert cursor.fetchall() == [(texts,)]
    connection.close()


@settings(max_examples=60)
@given(names=st.lists(NAME, min_size=2, max_size=12, unique=True))
def test_the_server_reads_an_identifier_as_it_was(production_cluster: Cluster, names: list[str]) -> None:
    """And what the server itself quotes, as pg_dump does, is read by us as it was."""
    schema, table, *columns = names
    connection = production_cluster.connect(autocommit=False)
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA {quote_identifier(schema)}")
            listed = ", ".join(f"{quote_identifier(column)} text" for column in columns)
            cursor.execute(f"CREATE TABLE {quote_qualified(schema, table)} ({listed})")
            cursor.execute(
                "SELECT nspname, relname, quote_ident(nspname), quote_ident(relname),"
                " ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 ORDER BY attnum)"
                " FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' AND nspname = %s",
                [schema],
            )
            ((schema_there, table_there, schema_quoted, table_quoted, columns_there),) = cursor.fetchall()
    finally:
        connection.rollback()
        connection.close()
    assert (schema_there, table_there, columns_there) == (schema, table, columns)
    assert read_identifier(schema_quoted)[0] == schema
    qualified = f"{schema_quoted}.{table_quoted}"
    assert read_qualified(qualified) == (schema, table, len(qualified))
    assert name_statement(f"CREATE TABLE {qualified} (\n);") == Entry("TABLE", schema, table)
    assert owner_of(f"ALTER TABLE {qualified} OWNER TO {schema_quoted};") == (Entry("TABLE", schema, table), schema)


@settings(max_examples=300)
@given(name=NAME)
def test_libpq_takes_a_database_s_name_for_one(name: str) -> None:
    """A program asks libpq the same question: is it a connection string, and what is in it?"""
    argument = database_argument(name)
    if "=" not in argument and not argument.startswith(("postgresql://", "postgres://")):
        assert argument == name
    else:
        assert psycopg2.extensions.parse_dsn(argument) == {"dbname": name}


@settings(max_examples=40)
@given(value=TEXT)
def test_the_server_reads_an_option_as_it_was(production_cluster: Cluster, value: str) -> None:
    connection = psycopg2.connect(
        host=str(production_cluster.socket_dir),
        user=production_cluster.user,
        dbname="postgres",
        options=as_options({"drill.before": "1", "drill.value": value, "drill.after": "2"}),
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('drill.before'), current_setting('drill.value'), current_setting('drill.after')"
        )
        assert cursor.fetchall() == [("1", value, "2")]
    connection.close()


# A file "-" would be sha256sum's own input; no setting gives a file that name.
_NO_FILES = {".", "..", "-", _artefact.SUMS}


@settings(max_examples=25)
@given(names=st.sets(NAME.filter(lambda name: "/" not in name and name not in _NO_FILES), max_size=6))
def test_sha256sum_reads_a_file_s_name_as_it_was(tmp_path_factory: pytest.TempPathFactory, names: set[str]) -> None:
    directory = tmp_path_factory.mktemp("sums")
    for name in names:
        Path(directory, name).write_bytes(name.encode())
    facts = _artefact.seal(str(directory), {})
    assert facts["files"] == len(names)
    check = ["sha256sum", "--check", "--strict", "--quiet", _artefact.SUMS]
    done = subprocess.run(check, cwd=directory, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == ((0, b"") if names else (1, done.stderr))
