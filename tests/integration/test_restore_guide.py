"""RESTORE.md is followed, word for word, into an empty server: to pg_dump and pg_dumpall that is production."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._names import quote_identifier, quote_literal

from tests.conftest import ClusterFactory, ProductionFactory
from tests.integration.closeouts import (
    assert_all_pass,
    assert_failed,
    assert_no_container_left,
    docker_variables,
    local_variables,
)
from tests.integration.test_untrusted_names import DATABASES, NAMES, ROLE, SCHEMA, USER, fill
from tests.support.containers import Production
from tests.support.guide import blocks, edited, follow
from tests.support.playbook import run_playbook
from tests.support.postgres import Cluster, install
from tests.support.share import share

# What PostgreSQL prints in another way after the first restore.
STABLE = "; ALTER TABLE public.directus_users DROP CONSTRAINT directus_users_status_check"
SECRET = "not-in-the-artefact"
LATER = "later; \\! \"x\" :db :'db' %s"


def globals_sql(version: int, db: str, tablespaces: dict[str, str]) -> list[str]:
    """Everything around a database that pg_dumpall and pg_dump --create know, with names that try to get out."""
    database, role, user, later = (quote_identifier(name) for name in (db, ROLE, USER, LATER))
    text = quote_literal(NAMES[4] + NAMES[25] + NAMES[24])
    statements = [
        # Its name comes first in the alphabet, and it is not the superuser of the cluster.
        "CREATE ROLE aaa SUPERUSER NOINHERIT CREATEDB BYPASSRLS",
        f"CREATE ROLE {user} LOGIN PASSWORD '{SECRET}' CONNECTION LIMIT 3 VALID UNTIL '2031-01-01 00:00Z' NOINHERIT",
        f"ALTER ROLE {role} LOGIN REPLICATION CREATEROLE VALID UNTIL 'infinity'",
        f"CREATE ROLE {later} IN ROLE {role} ROLE {user}",
        f"GRANT {role} TO {user} WITH ADMIN OPTION",
        f"GRANT pg_read_all_data TO {user}",
        f"COMMENT ON ROLE {role} IS {text}",
        f"ALTER ROLE {user} SET search_path TO {role}, \"$user\", 'a, b', public",
        f"ALTER ROLE {role} SET search_path TO ''",
        f'ALTER ROLE {role} SET "my.secret" TO {text}',
        f"ALTER ROLE {later} SET temp_tablespaces TO {', '.join(map(quote_identifier, tablespaces)) or 'x'}",
        "ALTER ROLE ALL SET lock_timeout TO '2min'",
        f"ALTER ROLE {user} IN DATABASE {database} SET work_mem TO '5MB'",
        f"ALTER DATABASE {database} SET session_preload_libraries TO 'plpgsql', 'auto_explain'",
        f'ALTER DATABASE {database} SET "Odd.name" TO {text}',
        f"ALTER DATABASE {database} SET default_transaction_read_only TO on",
        f"ALTER DATABASE {database} CONNECTION LIMIT 50",
        f"COMMENT ON DATABASE {database} IS {text}",
        f"ALTER DATABASE {database} OWNER TO {role}",
        f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC",
        f"GRANT CONNECT, CREATE ON DATABASE {database} TO {user} WITH GRANT OPTION",
        f"SET SESSION AUTHORIZATION {user}",
        f"GRANT CONNECT ON DATABASE {database} TO {later}",
        "RESET SESSION AUTHORIZATION",
    ]
    for name, location in tablespaces.items():
        space = quote_identifier(name)
        statements += [
            f"CREATE TABLESPACE {space} OWNER {role} LOCATION {quote_literal(location)}",
            f"ALTER TABLESPACE {space} SET (random_page_cost = 1.5, seq_page_cost = 0.5)",
            f"COMMENT ON TABLESPACE {space} IS {text}",
            f"GRANT CREATE ON TABLESPACE {space} TO {user}",
        ]
    if version >= 15:
        statements.append(
            f"GRANT SET, ALTER SYSTEM ON PARAMETER log_min_duration_statement TO {role} WITH GRANT OPTION"
        )
    if version >= 16:
        statements.append(f"GRANT {later} TO aaa WITH INHERIT FALSE, SET FALSE")
    return statements


def execute(connect: Callable[[str], Any], statements: list[str], db: str = "postgres") -> None:
    """Execute statements one by one, in one session."""
    connection = connect(db)
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    connection.close()


def dumped(program: str, server: Cluster | Production, *arguments: str) -> list[str]:
    """What pg_dump or pg_dumpall prints of a server, but for its random words, and where the server itself is."""
    bin_dir, port, directory = install(16).bin_dir, 5432, "-"
    if isinstance(server, Cluster):
        bin_dir, port, directory = server.bin_dir, server.port, str(server.directory)
    argv = [str(bin_dir / program), "-h", str(server.socket_dir), "-p", str(port), "-U", server.user, *arguments]
    done = subprocess.run(argv, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    # splitlines() would cut names.
    lines = done.stdout.decode("utf-8").replace(directory, "HERE").split("\n")
    return [line for line in lines if not re.match(r"\\(un)?restrict |-- Dumped |-- Started |-- Completed ", line)]


def globals_of(server: Cluster | Production) -> list[str]:
    """Roles, memberships, tablespaces and settings of a server, by pg_dumpall."""
    return dumped("pg_dumpall", server, "--globals-only", "--no-role-passwords")


def contents_of(server: Cluster | Production, db: str) -> list[str]:
    """The database with its own properties, by pg_dump: by another name, for it refuses one with a line break."""
    execute(server.connect, [f"ALTER DATABASE {quote_identifier(db)} RENAME TO compared"])
    try:
        return dumped("pg_dump", server, "--create", "-d", "compared")
    finally:
        execute(server.connect, [f"ALTER DATABASE compared RENAME TO {quote_identifier(db)}"])


def where(server: Cluster) -> dict[str, str]:
    """The values to edit that lead to a cluster."""
    return {"PGHOST": str(server.socket_dir), "PGPORT": str(server.port), "PGUSER": server.user}


def directory_for(server: Cluster, name: str) -> str:
    """An empty directory of the server's own user."""
    path = server.directory / name
    path.mkdir()
    status = server.directory.stat()
    os.chown(path, status.st_uid, status.st_gid)
    return str(path)


@pytest.fixture(scope="module")
def closed_out(cutter_governance: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, Path]]:
    """A server with passwords and settings of its database, and the artefact of its closeout: to read only."""
    with Cluster(install(16)) as server:
        server.psql("CREATE DATABASE directus")
        server.psql(cutter_governance, "directus")
        execute(server.connect, [
            f"CREATE ROLE clerk LOGIN PASSWORD '{SECRET}'", "CREATE ROLE idle",
            "ALTER DATABASE directus SET work_mem TO '7MB'", "GRANT CONNECT ON DATABASE directus TO directus",
        ])  # fmt: skip
        evidence = assert_all_pass(run_playbook(local_variables(server, tmp_path_factory.mktemp("closed-out"))))
        yield server, Path(evidence["settings"]["artefact"])


@pytest.mark.usefixtures("compressors")
@pytest.mark.parametrize(
    ("version", "form", "compression"),
    share(
        [
            (16, "plain", "gzip"),
            (16, "plain", "zstd"),
            (16, "plain", "lz4"),
            (14, "plain", "none"),
            (18, "directory", "none"),
            (16, "directory", "gzip"),
            (16, "custom", "gzip"),
            (16, "plain", "none"),
        ],
        4,
    ),
)
def test_who_follows_it_has_production_again(
    cluster: ClusterFactory, tmp_path: Path, version: int, form: str, compression: str
) -> None:
    """Every command of it, with hostile names, into a cluster that initdb just made: equal to the last line."""
    db = DATABASES[0]
    server, new = cluster(version), cluster(version)
    fill(server.connect, db)
    spaces = {"sp'a\"ce %s %L": directory_for(server, "one")}
    execute(server.connect, globals_sql(version, db, spaces))
    moved = ", ".join(map(quote_identifier, spaces))
    execute(server.connect, [
        "SET default_transaction_read_only = off",
        f"ALTER TABLE {quote_identifier(SCHEMA)}.wide SET TABLESPACE {moved}",
    ], db)  # fmt: skip
    more = {"dump_jobs": 2, "restore_jobs": 2} if form == "directory" else {}
    asked = local_variables(
        server, tmp_path, db=db, schema=SCHEMA, format=form, compression=compression, expected_tables=[""], **more
    )
    evidence = assert_all_pass(run_playbook(asked))
    artefact = Path(evidence["settings"]["artefact"])
    assert "passed every check" in (artefact / "RESTORE.md").read_text()
    there = directory_for(new, "one")
    values = {**where(new), "tablespaces": f"(-v tablespace_1='{there}')"}
    said = follow(artefact, values)
    assert "FAILED" not in said and "ERROR" not in said
    assert not Path("/tmp/closeout-was-here").exists()
    assert globals_of(new) == globals_of(server)
    assert contents_of(new, db) == contents_of(server, db)
    # Followed again it stops before it touches what is there.
    with pytest.raises(AssertionError, match="already exists"):
        follow(artefact, values)
    assert contents_of(new, db) == contents_of(server, db)


def test_no_password_is_in_it(closed_out: tuple[Cluster, Path]) -> None:
    """The roles that need one are named; neither a password nor its verifier is in any file."""
    server, artefact = closed_out
    verifier = server.psql("SELECT rolpassword FROM pg_authid WHERE rolname = 'clerk'")
    for path in artefact.rglob("*"):
        text = path.read_text() if path.is_file() else ""
        assert SECRET not in text and verifier not in text and "SCRAM" not in text
    passwords = (artefact / "RESTORE.md").read_text().partition("## 8. ")[2]
    assert "- `clerk`\n" in passwords and "- `directus`\n" in passwords and "- `idle`" not in passwords


def test_another_name_and_another_superuser(cluster: ClusterFactory, closed_out: tuple[Cluster, Path]) -> None:
    """Beside what is there: roles that exist keep their attributes, and are told."""
    server, artefact = closed_out
    new = cluster(16, db="directus", user="postgres")
    new.psql("CREATE ROLE directus NOLOGIN CREATEDB")
    said = follow(artefact, {**where(new), "db": "old=directus"})
    assert re.search(r"keep their attributes:\n.*\n-+\n directus\n\(1 row\)", said)
    assert new.psql("SELECT rolcanlogin, rolcreatedb FROM pg_roles WHERE rolname = 'directus'") == "f|t"
    assert new.psql("SELECT rolsuper, rolcanlogin FROM pg_roles WHERE rolname = 'workflow_admin'") == "t|t"
    assert new.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'cutter_governance'", "directus") == "0"
    connection = new.connect("old=directus")
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('work_mem'), count(*) FROM cutter_governance.manifest_unit_block")
        found = cursor.fetchone()
    connection.close()
    assert found == ("7MB", int(server.psql("SELECT count(*) FROM cutter_governance.manifest_unit_block", "directus")))


@pytest.mark.parametrize("form", share(["custom", "plain"], 2))
def test_from_container_to_container(
    start_production: ProductionFactory, docker_host: str, docker_client: docker.DockerClient, tmp_path: Path, form: str
) -> None:
    """By docker exec, an archive copied into the container and removed again."""
    server, new = start_production(), start_production()
    db = DATABASES[0]
    fill(server.connect, db)
    execute(server.connect, globals_sql(16, db, {}))
    asked = docker_variables(server, docker_host, tmp_path, format=form, db=db, schema=SCHEMA, expected_tables=[""])
    artefact = Path(assert_all_pass(run_playbook(asked))["settings"]["artefact"])
    follow(artefact, {"container": new.name})
    assert globals_of(new) == globals_of(server)
    assert contents_of(new, db) == contents_of(server, db)
    assert new.container.exec_run(["sh", "-c", "ls -d /tmp/tmp.*"]).exit_code != 0
    assert_no_container_left(docker_client)


def test_a_dump_that_did_not_pass_says_so_first(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path
) -> None:
    """It can still be restored: a table too many is no reason to have no backup."""
    server = cluster(16, cutter_governance + "; CREATE TABLE cutter_governance.one_more (id int);" + STABLE)
    result = run_playbook(local_variables(server, tmp_path))
    assert_failed(result, "dump.tables")
    assert result.artefact is not None
    head = (result.artefact / "RESTORE.md").read_text().partition("\n## ")[0]
    assert "**This artefact did not pass.**" in head
    assert "\n- dump.tables FAIL: `unexpected: one_more`\n" in head and "passed every check" not in head
    new = cluster(16, db="other")
    follow(result.artefact, where(new))
    assert contents_of(new, "directus") == contents_of(server, "directus")


def test_what_was_changed_is_not_restored(
    cluster: ClusterFactory, closed_out: tuple[Cluster, Path], tmp_path: Path
) -> None:
    """The checksums come before the first command that reaches the server."""
    new = cluster(16, db="other")
    artefact = Path(shutil.copytree(closed_out[1], tmp_path / "changed"))
    for name in ("RESTORE.md", "globals.sql", "settings.sql"):
        assert f"  {name}\n" in (artefact / "SHA256SUMS").read_text()
    with (artefact / "globals.sql").open("a") as file:
        file.write("\\! true\n")
    with pytest.raises(AssertionError, match=r"globals\.sql: FAILED"):
        follow(artefact, {**where(new), "artefact": str(artefact)})
    assert new.psql("SELECT count(*) FROM pg_roles WHERE rolname = 'directus'") == "0"


def test_without_a_dump_there_is_nothing_to_follow(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path
) -> None:
    server = cluster(16, cutter_governance)
    # Where the server's user can reach it, too.
    programs = server.directory / "bin"
    programs.mkdir()
    for program in server.bin_dir.iterdir():
        (programs / program.name).symlink_to(program)
    (programs / "pg_dump").unlink()
    real = server.bin_dir / "pg_dump"
    (programs / "pg_dump").write_text(f'#!/bin/sh\n[ "$1" = --version ] && exec {real} --version\nexit 1\n')
    (programs / "pg_dump").chmod(0o755)
    result = run_playbook(local_variables(server, tmp_path / "root", bin_dir=str(programs)))
    assert_failed(result)
    assert result.rc != 0 and result.artefact is not None
    guide = (result.artefact / "RESTORE.md").read_text()
    assert "nothing can be restored from it" in guide and "did not pass" in guide and blocks(result.artefact) == []


def test_a_value_that_is_not_there_cannot_be_edited() -> None:
    with pytest.raises(AssertionError, match="is not a value to edit"):
        edited("a=1\n", {"b": "2"})
    assert edited("a=1\nexport b=x y\n", {"b": "it's", "a": "(1 2)"}) == "a=(1 2)\nexport b='it'\"'\"'s'\n"
