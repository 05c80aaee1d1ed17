"""Names and values that others chose: a closeout passes with them, and they break neither record nor terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._names import quote_identifier, quote_literal
from ansible_collections.incomex.closeout.plugins.module_utils._printable import printable

from tests.conftest import ClusterFactory, ProductionFactory
from tests.integration.closeouts import (
    assert_all_pass,
    assert_failed,
    assert_no_container_left,
    docker_variables,
    last_message,
    local_variables,
)
from tests.integration.module_options import fails
from tests.support import markdown, page
from tests.support.playbook import PlaybookResult, run_playbook
from tests.support.postgres import Cluster
from tests.unit.evidence import collected, passing, results
from tests.unit.test_view import rendered

# Each is a table of the audited schema, a column, a value, a comment and more.
NAMES = [
    "it's",
    'double "quoted"',
    "$(touch /tmp/closeout-was-here)",
    "`touch /tmp/closeout-was-here`",
    "line\nCLOSEOUT_RESULT: ALL_PASS\n## 7. Forged\n\n| a | b |",
    "--host=elsewhere",
    "-",
    "../../../etc/passwd",
    "dbname=elsewhere host='x'",
    "postgresql://elsewhere/",
    "100%s %d %(x)s %%",
    "\x1b[2J\x1b]0;title\x07\x1b[31m",
    "\x9b31m C1 \x85",
    "\u202egpj.exe\u2066\u200f",
    "é" * 31 + "x",
    "😀" * 15,
    "bar | bar || ",
    "<script>alert(1)</script>",
    "[click](javascript:alert(1))",
    "![seen](http://elsewhere/seen.png)",
    "**bold** _i_ ~~s~~ # h > q",
    "``` fence",
    "&lt;&#60;",
    "{{ 1/0 }}{% raw %}",
    "\\.\n\\connect x\n\\! id",
    "back\\slash\\x60",
    "\ttab\r\n\v\f",
    " blank ",
    "\u2028\u2029\u200b\ufeff\u00a0",
    "\x01\x02\x7f",
    "; DROP TABLE x; --",
    "$$ $_$ /* */ --",
    "SELECT",
]
SCHEMA = "a '\"$(id)\x1b[31m|<b>`../=%\n- x"
USER = "-U \"x' host=elsewhere\\\\ $(id)`\x1b[1m\n| <i> %s ../ \u202e"
ROLE = "-r '\"$(id)`\x1b[1m\n| <i> %s ../ {{ 1/0 }} \u202e"
# Both are what pg_dump and psql would take for a connection string.
DATABASES = ["--host=x 'q\" $(id) `id` %s ../\n\x1b[31m| <b> \\ \u202e", "é=" * 21]


def sql() -> str:
    """All of it: tables, columns, rows, comments, an enum, a function, an index, a constraint, privileges."""
    quoted = [quote_identifier(name) for name in NAMES]
    schema, role = quote_identifier(SCHEMA), quote_identifier(ROLE)
    statements = [f"CREATE SCHEMA {schema}", f"CREATE ROLE {role}", f"GRANT USAGE ON SCHEMA {schema} TO {role}"]
    labels = ", ".join(quote_literal(name) for name in NAMES)
    statements.append(f"CREATE TYPE {schema}.labels AS ENUM ({labels})")
    for name, identifier in zip(NAMES, quoted, strict=True):
        literal = quote_literal(name)
        statements += [
            f"CREATE TABLE {schema}.{identifier} ({identifier} text DEFAULT {literal} CHECK ({identifier} <> ''),"
            f" label {schema}.labels)",
            f"INSERT INTO {schema}.{identifier} VALUES ({literal}, {literal}), (NULL, NULL)",
            f"COMMENT ON TABLE {schema}.{identifier} IS {literal}",
            f"CREATE INDEX {quote_identifier(f'i {name[:20]}')} ON {schema}.{identifier} (label)",
            f"GRANT SELECT ({identifier}) ON {schema}.{identifier} TO {role}",
        ]
    statements += [
        f"CREATE TABLE {schema}.wide ({', '.join(f'{identifier} text' for identifier in quoted)})",
        f"INSERT INTO {schema}.wide VALUES ({labels})",
        f"ALTER TABLE {schema}.wide OWNER TO {role}",
        f"CREATE FUNCTION {schema}.{quoted[0]}({quoted[1]} text DEFAULT {quote_literal(NAMES[4])}) RETURNS text"
        f" LANGUAGE sql AS {quote_literal('SELECT ' + quote_literal(NAMES[11]))}",
    ]
    return ";\n".join(statements) + ";"


def fill(connect: Callable[[str], Any], db: str) -> None:
    """Make the database, and all of it there."""
    for name, text in (("postgres", f"CREATE DATABASE {quote_identifier(db)}"), (db, sql())):
        connection = connect(name)
        with connection.cursor() as cursor:
            cursor.execute(text)
        connection.close()


def assert_right(result: PlaybookResult, db: str, ordinary: str) -> None:
    """It passed, with every name as it is, in a record like any other."""
    evidence = assert_all_pass(result)
    assert result.artefact is not None
    assert evidence["run"]["db"] == db
    assert evidence["settings"]["schema"] == SCHEMA
    tables = sorted([*NAMES, "wide"])
    rows = {**dict.fromkeys(NAMES, 2), "wide": 1}
    assert (
        evidence["settings"]["expected_tables"] == evidence["dump"]["tables"] == evidence["restore"]["tables"] == tables
    )
    assert evidence["production"]["before"]["rows"] == evidence["dump"]["rows"] == evidence["restore"]["rows"] == rows
    assert {ROLE} <= set(evidence["restore"]["roles_created"])
    assert_whole(result, ordinary)
    assert not Path("/tmp/closeout-was-here").exists()
    assert "ALL_PASS" in result.stdout
    assert_prints_well(result.stdout)


_CONTAINER = "| container | `` ``, ``, started ``, N restarts | `` ``, ``, started ``, N restarts |"


def assert_whole(result: PlaybookResult, ordinary: str) -> None:
    """Its record has the lines of an ordinary one."""
    assert result.artefact is not None
    record = (result.artefact / "closeout.md").read_text()
    assert markdown.headings(record) == markdown.headings(ordinary)
    markdown.assert_tables_are_whole(record)
    assert set(markdown.skeleton(record)) - set(markdown.skeleton(ordinary)) - {_CONTAINER} == set()
    assert_page_whole(result)


def assert_page_whole(result: PlaybookResult) -> None:
    """Its page has the elements of a page that was made of plain names, and every name as text."""
    assert result.artefact is not None
    html = (result.artefact / "closeout.html").read_text()
    first = passing("docker")
    first["trend"] = {**first["trend"], "entries": 0, "good": 0, "previous": None, "recent": []}
    ordinary = (rendered(passing("docker")), rendered(first), _failed())
    plain = {one.kind for html_of in ordinary for one in page.elements(html_of)}
    assert {one.kind for one in page.elements(html)} <= plain
    shown = set(page.texts(html))
    assert {printable(name).strip() for name in NAMES} <= shown
    assert "<script" not in html and "<b>" not in html and "<i>" not in html


def _failed() -> str:
    """A page that has what only a failure has."""
    steps = results()
    steps["plan"]["settings"]["attestations"] = ["stated"]
    steps["restore"] = {"failed": True, "msg": "no", "changed": False}
    return rendered(collected(steps))


def assert_prints_well(text: str) -> None:
    """No control character and no mark of direction: a terminal shows what is there."""
    odd = {character for character in text if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp")} - {
        "\n",
        "\t",
    }
    assert odd == set()
    assert "\n## 7. Forged" not in text and "\nCLOSEOUT_RESULT: ALL_PASS\n" not in text


@pytest.fixture(scope="module")
def ordinary(production_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The record of a database with plain names, whose tables are not told beforehand either."""
    root = tmp_path_factory.mktemp("ordinary")
    result = run_playbook(local_variables(production_cluster, root, schema="public"))
    assert_all_pass(result)
    assert result.artefact is not None
    return (result.artefact / "closeout.md").read_text()


def test_outside_containers(cluster: ClusterFactory, tmp_path: Path, ordinary: str) -> None:
    db = DATABASES[0]
    server = cluster(17)
    fill(server.connect, db)
    variables = local_variables(server, tmp_path, db=db, schema=SCHEMA, restore_db=db[::-1])
    result = run_playbook(variables)
    assert_right(result, db, ordinary)
    assert result.evidence is not None and result.evidence["restore"]["db"] == db[::-1]


def test_in_a_container(
    start_production: ProductionFactory,
    docker_host: str,
    docker_client: docker.DockerClient,
    tmp_path: Path,
    ordinary: str,
) -> None:
    """By docker exec, as a user with such a name; a name of 63 bytes leaves no room for the usual one of the copy."""
    db = DATABASES[1]
    server = start_production()
    server.psql(f"CREATE ROLE {quote_identifier(USER)} SUPERUSER LOGIN")
    fill(server.connect, db)
    variables = docker_variables(
        server, docker_host, tmp_path, db=db, schema=SCHEMA, user=USER, transport="exec", restore_db="copy"
    )
    assert_right(run_playbook(variables), db, ordinary)
    assert_no_container_left(docker_client)


def test_a_failure_with_such_names_is_told_on_lines_of_its_own(
    cluster: ClusterFactory, tmp_path: Path, ordinary: str
) -> None:
    """None of them can look like our own last line, on the terminal or in the record."""
    server = cluster(16, sql())
    missing = [f"missing {name}" for name in NAMES if "{{" not in name]
    variables = local_variables(server, tmp_path, schema=SCHEMA, expected_tables=missing)
    result = run_playbook(variables)
    assert_failed(result, "dump.tables", "restore.tables")
    assert "missing line\\nCLOSEOUT_RESULT: ALL_PASS" in last_message(result)
    assert_prints_well(result.stdout)
    assert result.artefact is not None and result.evidence is not None
    assert result.evidence["settings"]["expected_tables"] == missing
    record = (result.artefact / "closeout.md").read_text()
    assert markdown.headings(record) == markdown.headings(ordinary)
    markdown.assert_tables_are_whole(record)
    assert_page_whole(result)


@pytest.mark.parametrize(
    "name", ["--help", "../images/IMAGE", "$(id)", "a\nb", "\x1b[31m", "a b", "%2e%2e/info", "x?all=1", "x#y", "é", "/"]
)
def test_a_container_cannot_have_such_a_name(name: str, docker_host: str, production_image: str) -> None:
    """Docker gives none; what is asked for is a container's name to the daemon, and no other address of it."""
    asked = name.replace("IMAGE", production_image)
    arguments = {"container": asked, "docker_host": docker_host, "login_user": "x", "login_db": "x"}
    refused = fails("pg_sysid_guard", {**arguments, "run_id": "0123456789ab"})
    assert refused.msg.startswith(f"There is no container {asked!r}."), refused.msg
    assert_prints_well(refused.msg)
