"""pg_scratch_restore: a healthy dump restores without an error, and only into the scratch server of this very run."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.module_options import (
    TABLES,
    column,
    count_query,
    fails,
    in_container,
    new_run_id,
    on_socket,
    private_directory,
    sha256sum,
    shipped,
    succeeds,
)
from tests.support import containers, postgres, session

RESTORED = "directus_restoretest"
NO_ERRORS = {"total": 0, "tolerated": {"role": 0, "owner": 0, "acl": 0}, "fatal": [], "fatal_total": 0}
SECRET = "Geheim-4711-wort"
ClusterFactory = Callable[..., postgres.Cluster]


@dataclass(frozen=True)
class Dump:
    """A dump with what was written beside it, and who production is."""

    directory: Path
    production: dict[str, Any]
    name: str = "prod.sql"

    @property
    def path(self) -> Path:
        """The dump itself."""
        return self.directory / self.name

    @property
    def globals(self) -> Path:
        """The globals beside it."""
        return self.directory / "globals.json"

    def changed(self, directory: Path, text: Callable[[str], str], **globals_document: Any) -> Dump:
        """A copy with another text, and other entries in the globals."""
        copy = Dump(directory, self.production)
        copy.path.write_text(text(self.path.read_text()))
        copy.path.chmod(0o600)
        copy.globals.write_text(json.dumps({**json.loads(self.globals.read_text()), **globals_document}))
        return copy


@dataclass(frozen=True)
class Scratch:
    """A scratch server, the arguments that lead pg_scratch_restore to it, and psql in it."""

    facts: dict[str, Any]
    arguments: dict[str, Any]
    sockets: Path
    user: str
    bin_dir: Path

    def psql(self, sql: str, db: str = "postgres") -> str:
        """Run statements with psql, over the server's own socket."""
        return postgres.run_psql(self.bin_dir, self.sockets, 5432, self.user, db, sql)

    def asked(self, dump: Dump, **more: Any) -> dict[str, Any]:
        """Arguments to restore a dump."""
        return {
            **self.arguments,
            "path": str(dump.path),
            "globals": str(dump.globals),
            "restore_db": RESTORED,
            "production": dump.production,
            "nonce": self.facts["nonce"],
            **more,
        }

    def databases(self) -> set[str]:
        """Names of its databases."""
        return set(self.psql("SELECT datname FROM pg_database").split())

    def roles(self) -> set[str]:
        """Names of its roles, but PostgreSQL's own."""
        return set(self.psql("SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_'").split("\n"))


def take(directory: Path, connection: dict[str, Any], **options: Any) -> Dump:
    """Take a dump, and read who production is."""
    asked = {**connection, "directory": str(directory), "name": "prod.sql", "schema": "cutter_governance", **options}
    succeeds("pg_dump_readonly", asked)
    identity = succeeds("pg_sysid_guard", connection)
    production = {name: value for name, value in identity.items() if name not in ("invocation", "changed", "run_id")}
    return Dump(directory, production, str(asked["name"]))


@contextlib.contextmanager
def scratch_server(globals_path: Path, bin_dir: Path, **options: Any) -> Iterator[Scratch]:
    """A scratch server for the time of the block."""
    run_id = new_run_id()
    same = {"run_id": run_id, "name": f"pg-restoretest-{run_id}", "driver": "local", "bin_dir": str(bin_dir)}
    if options.get("driver") == "docker":
        same = {**same, "driver": "docker", "docker_host": options["docker_host"]}
    try:
        made = succeeds(
            "pg_scratch_server",
            {"globals": str(globals_path), "ttl_s": 300, "memory_mb": 384, **same, **options},
        )
        sockets = Path(made["connection"]["login_unix_socket"])
        if same["driver"] == "docker":
            (pid,) = [
                entry.name
                for entry in Path("/proc").iterdir()
                if entry.name.isdigit() and _is_first_of(entry, made["scratch"]["container_id"])
            ]
            sockets = Path(f"/proc/{pid}/root/closeout/pg/run")
        yield Scratch(made, same, sockets, made["connection"]["login_user"], bin_dir)
    finally:
        succeeds("pg_scratch_server", {**same, "state": "absent"})


def _is_first_of(process: Path, container_id: str) -> bool:
    """Whether a process is number 1 of a container."""
    try:
        status = (process / "status").read_text()
        inside = container_id in (process / "cgroup").read_text() + (process / "mountinfo").read_text()
    except OSError:
        return False
    (numbers,) = [line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:")]
    return inside and len(numbers) > 1 and numbers[-1] == "1"


@pytest.fixture(scope="module")
def dump(production_cluster: postgres.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Dump:
    """The dump of the sample in a cluster."""
    return take(private_directory(tmp_path_factory.mktemp("local") / "artefact"), on_socket(production_cluster))


@pytest.fixture(scope="module")
def docker_dump(
    production_container: containers.Production, docker_host: str, tmp_path_factory: pytest.TempPathFactory
) -> Dump:
    """The dump of the sample in a container."""
    directory = private_directory(tmp_path_factory.mktemp("docker") / "artefact")
    return take(directory, in_container(production_container, docker_host))


@pytest.fixture
def scratch(dump: Dump, production_cluster: postgres.Cluster) -> Iterator[Scratch]:
    """A scratch server of driver local."""
    with scratch_server(dump.globals, production_cluster.bin_dir) as one:
        yield one


@pytest.fixture
def docker_scratch(
    docker_dump: Dump, docker_host: str, production_image: str, pg_install: Callable[[int], postgres.Installation]
) -> Iterator[Scratch]:
    """A scratch server of driver docker."""
    options = {"driver": "docker", "docker_host": docker_host, "image": production_image}
    with scratch_server(docker_dump.globals, pg_install(16).bin_dir, **options) as one:
        yield one


@pytest.fixture(scope="module")
def idle(dump: Dump, production_cluster: postgres.Cluster) -> Iterator[Scratch]:
    """A scratch server of driver local into which nothing is restored."""
    with scratch_server(dump.globals, production_cluster.bin_dir) as one:
        yield one


@pytest.fixture(scope="module")
def docker_idle(
    docker_dump: Dump, docker_host: str, production_image: str, pg_install: Callable[[int], postgres.Installation]
) -> Iterator[Scratch]:
    """A scratch server of driver docker into which nothing is restored."""
    options = {"driver": "docker", "docker_host": docker_host, "image": production_image}
    with scratch_server(docker_dump.globals, pg_install(16).bin_dir, **options) as one:
        yield one


def assert_untouched(server: Scratch) -> None:
    """Nothing was made in a scratch server: neither roles nor a database."""
    assert server.databases() == {"postgres", "template0", "template1"}
    assert server.roles() == {server.user}


def test_docker_checked_restored_and_not_restored_again(
    docker_scratch: Scratch, docker_dump: Dump, production_container: containers.Production, tmp_path: Path
) -> None:
    log = tmp_path / "restore.log"
    asked = docker_scratch.asked(docker_dump, log=str(log))
    assert succeeds("pg_scratch_restore", asked, check=True)["changed"] is True
    assert_untouched(docker_scratch)
    assert not log.exists()

    result = succeeds("pg_scratch_restore", asked)
    facts = result["restore"]
    assert (result["changed"], facts["rc"], facts["on_error_stop"]) == (True, 0, True)
    assert facts["errors"] == NO_ERRORS
    assert facts["input_sha256"] == sha256sum(docker_dump.path)
    assert set(facts["roles_created"]) == {"workflow_admin", "directus"} == docker_scratch.roles()
    assert facts["guard"]["production_sysid"] == production_container.sysid
    assert facts["guard"]["scratch_sysid"] == docker_scratch.psql("SELECT system_identifier FROM pg_control_system()")
    assert facts["guard"]["differs"] == {
        "sysid": True, "container_id": True, "postmaster_start": True, "data_directory": True, "nonce": True
    }  # fmt: skip
    assert log.stat().st_mode & 0o777 == 0o600
    query = count_query(TABLES)
    assert docker_scratch.psql(query, RESTORED) == production_container.psql(query)
    properties = (
        "SELECT pg_encoding_to_char(encoding), datcollate, datctype, datlocprovider, rolname"
        " FROM pg_database d JOIN pg_roles r ON r.oid = datdba WHERE datname = current_database()"
    )
    assert docker_scratch.psql(properties, RESTORED) == production_container.psql(properties)
    assert "en_US.utf8" in production_container.psql(properties)
    owners = "SELECT relname, relowner::regrole, coalesce(relacl, acldefault('r', relowner)) FROM pg_class WHERE relkind IN ('r', 'v') AND relnamespace = 'cutter_governance'::regnamespace ORDER BY 1"  # noqa: E501
    assert docker_scratch.psql(owners, RESTORED) == production_container.psql(owners)
    assert production_container.psql("SELECT count(*) FROM pg_database WHERE datname = 'directus_restoretest'") == "0"

    again = fails("pg_scratch_restore", asked)
    assert "already exists" in again.msg
    assert again.data["restore"]["guard"]["differs"]["nonce"] is True
    assert docker_scratch.psql(query, RESTORED) == production_container.psql(query)


def test_as_ansible_ships_it(scratch: Scratch, dump: Dump, production_cluster: postgres.Cluster) -> None:
    facts = shipped("pg_scratch_restore", scratch.asked(dump))["restore"]
    assert (facts["rc"], facts["errors"], facts["input_sha256"]) == (0, NO_ERRORS, sha256sum(dump.path))
    query = count_query(TABLES)
    assert scratch.psql(query, RESTORED) == production_cluster.psql(query, "directus")


_ROLES = r"""
SET allow_in_place_tablespaces = on;
CREATE ROLE "boss ""x~" SUPERUSER LOGIN PASSWORD '{secret}';
CREATE ROLE "Điều
2" NOLOGIN NOINHERIT CREATEDB CREATEROLE;
CREATE ROLE seer LOGIN BYPASSRLS REPLICATION CONNECTION LIMIT 3 VALID UNTIL '2001-01-01' PASSWORD '{secret}';
CREATE ROLE "back\slash";
ALTER ROLE seer SET statement_timeout = '1ms';
GRANT pg_read_all_data TO seer;
GRANT seer TO "Điều
2" WITH ADMIN OPTION;
GRANT "back\slash" TO seer{options};
CREATE TABLESPACE "fast ""one~" OWNER seer LOCATION '';
ALTER DATABASE directus OWNER TO seer;
"""
_OBJECTS = r"""
CREATE TABLE placed (n int) TABLESPACE "fast ""one~";
INSERT INTO placed SELECT generate_series(1, 7);
ALTER TABLE placed OWNER TO "boss ""x~";
GRANT SELECT ON placed TO "back\slash", seer WITH GRANT OPTION;
ALTER TABLE placed ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON placed TO "Điều
2" USING (n > 3);
ALTER DEFAULT PRIVILEGES FOR ROLE "boss ""x~" GRANT SELECT ON TABLES TO seer;
SET ROLE seer; CREATE SCHEMA of_seer; RESET ROLE;
"""
_ATTRIBUTES = (
    "SELECT quote_ident(rolname), rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls"
    " FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY rolname COLLATE \"C\""
)
_MEMBERS = """
SELECT roleid::regrole, member::regrole, admin_option, to_jsonb(a) ->> 'inherit_option', to_jsonb(a) ->> 'set_option'
FROM pg_auth_members a WHERE member >= 16384 ORDER BY roleid::regrole::text COLLATE "C", 2
"""
_PLACED = """
SELECT quote_ident(spcname), spcowner::regrole, relname, relowner::regrole, relacl
FROM pg_class c JOIN pg_tablespace t ON t.oid = reltablespace WHERE relname = 'placed'
"""


@pytest.mark.parametrize("version", sorted(postgres.VERSIONS))
def test_roles_and_tablespaces_come_back(
    version: int, cluster: ClusterFactory, cutter_governance: str, tmp_path: Path
) -> None:
    own = cluster(version, sql=cutter_governance)
    # The statements one by one: CREATE TABLESPACE runs in no transaction.
    own.psql(_ROLES.format(secret=SECRET, options=" WITH INHERIT FALSE, SET FALSE" if version >= 16 else ""))
    own.psql(_OBJECTS, "directus")
    taken = take(private_directory(tmp_path / "artefact"), on_socket(own))
    with scratch_server(taken.globals, own.bin_dir) as server:
        facts = succeeds("pg_scratch_restore", server.asked(taken))["restore"]
        assert (facts["rc"], facts["errors"]) == (0, NO_ERRORS)
        assert facts["server_version"].startswith(f"{version}.")
        assert server.psql(count_query(TABLES), RESTORED) == own.psql(count_query(TABLES), "directus")
        assert server.psql(_ATTRIBUTES) == own.psql(_ATTRIBUTES)
        assert server.psql(_MEMBERS) == own.psql(_MEMBERS)
        assert server.psql(_PLACED, RESTORED) == own.psql(_PLACED, "directus") != ""
        login = f"SELECT count(*) FROM pg_authid WHERE rolname !~ '^pg_' AND rolname <> '{own.user}' AND rolcanlogin"
        assert server.psql(login) == "0"
        assert server.psql("SELECT count(*) FROM pg_authid WHERE rolpassword IS NOT NULL") == "0"
        assert server.psql(f"SELECT datdba::regrole FROM pg_database WHERE datname = '{RESTORED}'") == "seer"
    assert SECRET not in taken.globals.read_text()


_LOCALES = {
    "latin1": (16, "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"),
    "sql_ascii": (16, "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"),
    "c_utf8": (16, "ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'"),
    "builtin": (17, "ENCODING 'UTF8' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LC_COLLATE 'C' LC_CTYPE 'C'"),
    "icu": (
        17,
        "ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'sv-SE' ICU_RULES '&a < b' LC_COLLATE 'C' LC_CTYPE 'C'",
    ),
}


@pytest.fixture(scope="module")
def particular(pg_install: Callable[[int], postgres.Installation]) -> Iterator[Callable[[int], postgres.Cluster]]:
    """Clusters for databases of any encoding and locale, one a version."""
    with contextlib.ExitStack() as stack:
        running: dict[int, postgres.Cluster] = {}

        def get(version: int) -> postgres.Cluster:
            """Start it the first time."""
            if version not in running:
                running[version] = stack.enter_context(postgres.Cluster(pg_install(version)))
            return running[version]

        yield get


@pytest.mark.parametrize("name", list(_LOCALES))
def test_encoding_and_locale_are_production_s(
    name: str, particular: Callable[[int], postgres.Cluster], tmp_path: Path
) -> None:
    version, options = _LOCALES[name]
    own = particular(version)
    try:
        own.psql(f"CREATE DATABASE {name} TEMPLATE template0 {options}")
    except RuntimeError as error:
        if name == "icu" and "ICU is not supported in this build" in str(error):
            pytest.skip("this build of PostgreSQL has no ICU")
        raise
    text = "chr(233)" if name == "latin1" else "'e'"
    own.psql(f"CREATE TABLE words AS SELECT {text}::text AS word", name)
    taken = take(private_directory(tmp_path / "artefact"), on_socket(own, name))
    properties = (
        "SELECT to_jsonb(d) - 'oid' - 'datname' - 'datfrozenxid' - 'datminmxid' - 'dattablespace' - 'dathasloginevt'"
        " FROM pg_database d WHERE datname = current_database()"
    )
    with scratch_server(taken.globals, own.bin_dir) as server:
        facts = succeeds("pg_scratch_restore", server.asked(taken))["restore"]
        assert facts["errors"] == NO_ERRORS
        assert server.psql(properties, RESTORED) == own.psql(properties, name)
        word = "SELECT encode(convert_to(word, 'UTF8'), 'hex') FROM words"
        if name != "sql_ascii":
            assert server.psql(word, RESTORED) == own.psql(word, name)


def _with(production: dict[str, Any], scratch: Scratch, *names: str) -> dict[str, Any]:
    """Production's identity with the scratch server's own values in some places."""
    return {**production, **{name: scratch.facts["identity"][name] for name in names}}


def test_guard_refuses_what_may_be_production(idle: Scratch, dump: Dump) -> None:
    production = dump.production
    same = {
        "sysid": _with(production, idle, "sysid"),
        "postmaster_start": _with(production, idle, "postmaster_start_utc"),
        "data_directory": _with(production, idle, "data_directory"),
    }
    for name, identity in same.items():
        refused = fails("pg_scratch_restore", idle.asked(dump, production=identity))
        assert "may be production" in refused.msg and f"no difference in: {name}" in refused.msg
        differs = refused.data["restore"]["guard"]["differs"]
        assert [one for one, value in differs.items() if value is False] == [name]
    everything = _with(production, idle, *idle.facts["identity"])
    refused = fails("pg_scratch_restore", idle.asked(dump, production=everything))
    assert "sysid, postmaster_start, data_directory" in refused.msg
    unread = fails("pg_scratch_restore", idle.asked(dump, production={**production, "sysid": ""}))
    assert "sysid (could not be read on both sides)" in unread.msg
    partial = fails("pg_scratch_restore", idle.asked(dump, production={"sysid": production["sysid"]}))
    assert "The identity of production is not whole" in partial.msg
    for nonce in ("", "0" * 32):
        refused = fails("pg_scratch_restore", idle.asked(dump, nonce=nonce))
        assert "no difference in: nonce" in refused.msg
    assert_untouched(idle)


def test_another_run_s_scratch_server_is_refused(docker_idle: Scratch, docker_dump: Dump) -> None:
    refused = fails("pg_scratch_restore", docker_idle.asked(docker_dump, run_id=new_run_id()))
    assert "no scratch server of this run" in refused.msg
    refused = fails("pg_scratch_restore", docker_idle.asked(docker_dump, run_id=""))
    assert "no scratch server of this run" in refused.msg
    absent = fails("pg_scratch_restore", docker_idle.asked(docker_dump, name="pg-restoretest-nowhere"))
    assert "There is no scratch server 'pg-restoretest-nowhere'" in absent.msg
    assert_untouched(docker_idle)


def test_production_itself_is_refused(
    docker_idle: Scratch, docker_dump: Dump, production_container: containers.Production
) -> None:
    asked = docker_idle.asked(docker_dump, name=production_container.name)
    for check in (True, False):
        refused = fails("pg_scratch_restore", asked, check=check)
        assert "no scratch server of this run" in refused.msg
    assert production_container.psql("SELECT count(*) FROM pg_database WHERE datname = 'directus_restoretest'") == "0"


def test_local_another_run_is_refused(idle: Scratch, dump: Dump) -> None:
    refused = fails("pg_scratch_restore", idle.asked(dump, run_id=new_run_id()))
    assert "There is no scratch server" in refused.msg
    assert_untouched(idle)


def test_a_broken_dump_fails_with_its_first_error(scratch: Scratch, dump: Dump, tmp_path: Path) -> None:
    broken = dump.changed(
        tmp_path,
        lambda text: text.replace(
            "CREATE TABLE public.directus_users (", "CREATE TABLE public.directus_users (x nope,"
        ),
    )
    log = tmp_path / "log"
    failed = fails("pg_scratch_restore", scratch.asked(broken, log=str(log)))
    assert "The restore failed" in failed.msg and 'type "nope" does not exist' in failed.msg
    facts = failed.data["restore"]
    assert facts["rc"] == 3 and facts["errors"]["total"] == facts["errors"]["fatal_total"] == 1
    line = 1 + broken.path.read_text().split("CREATE TABLE public.directus_users", 1)[0].count("\n")
    named = facts["errors"]["fatal"][0]
    assert "42704" in named and abs(int(named.split("line ")[1].split(":")[0]) - line) < 10
    assert facts["guard"]["differs"]["nonce"] is True
    assert 'type "nope" does not exist' in log.read_text()


def test_rows_of_a_failing_copy_are_in_no_message(scratch: Scratch, dump: Dump, tmp_path: Path) -> None:
    broken = dump.changed(
        tmp_path, lambda text: text.replace("\ncheck 1\t", "\n").replace("\tcheck 2\tt\t", "\tGeheimzeile-77\t")
    )
    log = tmp_path / "log"
    failed = fails("pg_scratch_restore", scratch.asked(broken, log=str(log)))
    assert failed.data["restore"]["errors"]["fatal_total"] == 1
    assert "Geheimzeile" not in json.dumps(failed.data) + log.read_text()


def test_a_dump_that_was_cut_off_does_not_pass_for_whole(scratch: Scratch, dump: Dump, tmp_path: Path) -> None:
    """psql takes the end of its input for the end of the rows, and ends with 0."""
    cut = dump.changed(tmp_path, lambda text: text[: text.index("\n", text.index("question 5")) + 1])
    failed = fails("pg_scratch_restore", scratch.asked(cut))
    assert "is not complete" in failed.msg
    assert failed.data["restore"]["input_sha256"] == sha256sum(cut.path) != sha256sum(dump.path)


@pytest.mark.parametrize("what", ["path", "globals"])
def test_a_file_that_is_not_there(what: str, idle: Scratch, dump: Dump, tmp_path: Path) -> None:
    for check in (True, False):
        failed = fails("pg_scratch_restore", idle.asked(dump, **{what: str(tmp_path / "absent")}), check=check)
        assert str(tmp_path / "absent") in failed.msg
        assert_untouched(idle)


@pytest.mark.parametrize("content", ["", "{}", '{"schema": "other"}', "[1]"])
def test_globals_that_are_none(content: str, idle: Scratch, dump: Dump, tmp_path: Path) -> None:
    (tmp_path / "globals.json").write_text(content)
    failed = fails("pg_scratch_restore", idle.asked(dump, globals=str(tmp_path / "globals.json")))
    assert "globals" in failed.msg
    assert_untouched(idle)


def _without_directus(dump: Dump) -> dict[str, Any]:
    """The roles of the globals, but directus."""
    document = json.loads(dump.globals.read_text())
    return {"roles": [role for role in document["roles"] if role["name"] != "directus"]}


def test_a_missing_role_fails_or_is_counted_as_asked(
    dump: Dump, production_cluster: postgres.Cluster, tmp_path: Path
) -> None:
    lacking = dump.changed(tmp_path, str, **_without_directus(dump))
    bin_dir = production_cluster.bin_dir
    with scratch_server(dump.globals, bin_dir) as server:
        failed = fails("pg_scratch_restore", server.asked(lacking))
        assert 'role "directus" does not exist' in failed.msg
        assert failed.data["restore"]["errors"]["tolerated"] == {"role": 0, "owner": 0, "acl": 0}
    with scratch_server(dump.globals, bin_dir) as server:
        facts = succeeds("pg_scratch_restore", server.asked(lacking, tolerance="by_hand"))["restore"]
        text = dump.path.read_text()
        owners, acl = text.count("OWNER TO directus;"), text.count("TO directus;") - text.count("OWNER TO directus;")
        assert owners >= 5 and acl >= 5
        assert facts["on_error_stop"] is False and facts["rc"] == 0
        assert facts["errors"]["tolerated"] == {"role": 0, "owner": owners, "acl": acl}
        assert (facts["errors"]["total"], facts["errors"]["fatal"]) == (owners + acl, [])
        assert column(server.psql(count_query(TABLES), RESTORED)) == column(
            production_cluster.psql(count_query(TABLES), "directus")
        )
    wrong = lacking.changed(
        private_directory(tmp_path / "wrong"),
        lambda text: text.replace(
            "\n--\n-- PostgreSQL database dump complete",
            "\nSELECT 1/0;\nSELECT nope();\n--\n-- PostgreSQL database dump complete",
        ),
        **_without_directus(dump),
    )
    with scratch_server(dump.globals, bin_dir) as server:
        failed = fails("pg_scratch_restore", server.asked(wrong, tolerance="by_hand"))
        errors = failed.data["restore"]["errors"]
        assert errors["tolerated"] == {"role": 0, "owner": owners, "acl": acl}
        assert errors["fatal_total"] == 2 and "division by zero" in errors["fatal"][0]
        assert "division by zero" in failed.msg


# What a hostile dump would try. COPY FROM PROGRAM runs as the server does, \! as psql does.
_LOOK = (
    "(id -u; grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status; cat /proc/net/dev; touch {proof} 2>&1;"
    " cat {dump} 2>&1 | head -n 9) | tr '\\t' ' ' | tr -d '\\\\'"
)
_HOSTILE = r"""
CREATE TABLE public.seen (n serial, line text);
COPY public.seen (line) FROM PROGRAM '{server}';
\copy public.seen (line) FROM PROGRAM '{psql}'
\! {meta}
"""


def _hostile(dump: Dump, directory: Path, proof: Path) -> Dump:
    """The dump with what a hostile one would add; what it runs would write below `proof`."""

    def look(name: str) -> str:
        return _LOOK.format(proof=proof / name, dump=directory / "prod.sql")

    commands = _HOSTILE.format(
        server=look("server").replace("'", "''"),
        psql=look("psql").replace("'", "''"),
        meta=f"id -u > {proof}/shell; cat /proc/net/dev >> {proof}/shell",
    )
    end = "\n--\n-- PostgreSQL database dump complete"

    def hostile(text: str) -> str:
        """As a pg_dump before \\restrict wrote it, and with the commands."""
        lines = [line for line in text.split("\n") if not line.startswith(("\\restrict", "\\unrestrict"))]
        return "\n".join(lines).replace(end, commands + end)

    return dump.changed(directory, hostile)


def _assert_confined(text: str) -> None:
    """What was seen from inside: not root, no capability, no new privileges, no network, nothing of the host."""
    lines = text.splitlines()
    assert lines.count("0") == 0 and not any(line.strip() == "0" for line in lines)
    assert {line.split()[-1] for line in lines if line.startswith("CapEff")} == {"0" * 16}
    assert {line.split()[-1] for line in lines if line.startswith("NoNewPrivs")} == {"1"}
    devices = {line.split(":")[0].strip() for line in lines if "  0  " in line and ":" in line}
    assert devices == {"lo"}
    assert text.count("NoNewPrivs") == 2
    assert "PostgreSQL" not in text


def test_docker_a_hostile_dump_does_not_escape(docker_scratch: Scratch, docker_dump: Dump, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    proof.mkdir(mode=0o777)
    hostile = _hostile(docker_dump, tmp_path, proof)
    facts = succeeds("pg_scratch_restore", docker_scratch.asked(hostile))["restore"]
    assert facts["errors"] == NO_ERRORS
    seen = docker_scratch.psql("SELECT replace(line, chr(9), '    ') FROM seen ORDER BY n", RESTORED)
    _assert_confined(seen)
    assert seen.count("No such file") == 4
    assert list(proof.iterdir()) == []


def test_local_a_hostile_dump_does_not_become_root(scratch: Scratch, dump: Dump, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    proof = Path(tempfile.mkdtemp(prefix="proof", dir=session.TMP))
    proof.chmod(0o777)
    hostile = _hostile(dump, tmp_path, proof)
    facts = succeeds("pg_scratch_restore", scratch.asked(hostile))["restore"]
    assert facts["errors"] == NO_ERRORS
    _assert_confined(scratch.psql("SELECT replace(line, chr(9), '    ') FROM seen ORDER BY n", RESTORED))
    shell = (proof / "shell").read_text()
    assert shell.splitlines()[0] != "0"
    assert [line.split(":")[0].strip() for line in shell.splitlines() if ":" in line] == ["lo"]
