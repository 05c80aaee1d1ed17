"""pg_sysid_guard: the identity of the very server that was asked for; a guard that never passes for want of facts."""

from __future__ import annotations

import contextlib
import json
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.containers import Container

from tests.integration.module_options import fails, in_container, on_socket, shipped, succeeds
from tests.support import containers, modules, postgres, session
from tests.support.places import wait_until

PASSWORD = "Geheim-4711-wort"
IDENTITY = (
    "SELECT system_identifier, current_setting('server_version'), current_setting('server_version_num'),"
    " pg_is_in_recovery(), to_char(pg_postmaster_start_time() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),"
    " current_setting('data_directory') FROM pg_control_system()"
)
NEVER = "1111111111111111111"


@pytest.fixture(scope="module")
def server(pg_install: Callable[[int], postgres.Installation]) -> Iterator[postgres.Cluster]:
    """A cluster that also listens on 127.0.0.1 and wants a password there."""
    with postgres.Cluster(pg_install(16), tcp=True, password=PASSWORD) as running:
        running.psql("CREATE DATABASE directus")
        yield running


def over_tcp(server: postgres.Cluster, **more: Any) -> dict[str, Any]:
    """Connection options for a cluster, over 127.0.0.1."""
    return {
        "login_host": "127.0.0.1",
        "login_port": server.port,
        "login_user": server.user,
        "login_db": "directus",
        **more,
    }


def assert_identity(facts: dict[str, Any], said: str) -> None:
    """Facts are what psql said."""
    sysid, version, number, recovery, start, directory = said.split("|")
    assert (facts["sysid"], facts["server_version"], facts["server_version_num"]) == (sysid, version, int(number))
    assert (facts["in_recovery"], facts["postmaster_start_utc"]) == (recovery == "t", start)
    assert facts["data_directory"] == directory
    assert facts["changed"] is False


def test_container_read_and_read_again(production_container: containers.Production, docker_host: str) -> None:
    asked = in_container(production_container, docker_host, run_id="abc123")
    said = production_container.psql(IDENTITY)
    checked = succeeds("pg_sysid_guard", asked, check=True)
    facts = succeeds("pg_sysid_guard", asked)
    assert_identity(facts, said)
    again = succeeds("pg_sysid_guard", asked)
    # It says for how many minutes it has been up.
    for one in (checked, again):
        one["container"]["status_text"] = facts["container"]["status_text"]
    for result in (checked, facts, again):
        assert result.pop("took")["duration_s"] >= 0
    assert checked == facts == again
    assert facts["run_id"] == "abc123"
    production_container.container.reload()
    attributes = production_container.container.attrs
    container = facts["container"]
    assert (container["id"], container["name"]) == (production_container.id, production_container.name)
    assert (container["image_id"], container["started_utc"]) == (attributes["Image"], attributes["State"]["StartedAt"])
    assert container["restart_count"] == 0
    assert container["status_text"].startswith("Up ")
    by_id = succeeds("pg_sysid_guard", {**asked, "container": production_container.id[:12]})
    assert by_id["container"]["id"] == production_container.id
    assert production_container.psql(IDENTITY) == said


@pytest.mark.parametrize("way", ["socket", "tcp"])
def test_cluster(way: str, server: postgres.Cluster) -> None:
    asked = on_socket(server) if way == "socket" else over_tcp(server, login_password=PASSWORD)
    for check in (True, False):
        facts = succeeds("pg_sysid_guard", asked, check=check)
        assert_identity(facts, server.psql(IDENTITY))
        assert facts["container"] is None
        assert PASSWORD not in json.dumps(facts)


@pytest.mark.parametrize("version", sorted(postgres.VERSIONS))
def test_every_version(version: int, cluster: Callable[..., postgres.Cluster]) -> None:
    own = cluster(version)
    assert_identity(succeeds("pg_sysid_guard", on_socket(own)), own.psql(IDENTITY))


def test_as_ansible_ships_it(
    server: postgres.Cluster, production_container: containers.Production, docker_host: str
) -> None:
    assert shipped("pg_sysid_guard", on_socket(server))["sysid"] == server.sysid
    in_one = shipped("pg_sysid_guard", in_container(production_container, docker_host))
    assert in_one["sysid"] == production_container.sysid


def test_expect_same_and_different(server: postgres.Cluster, production_container: containers.Production) -> None:
    own, other = server.sysid, production_container.sysid
    asked = on_socket(server)
    for good in (
        {"expect": "same", "sysids": [own]},
        {"expect": "same", "sysids": [other, own]},
        {"expect": "same", "sysids": [int(own)]},
        {"expect": "different", "sysids": [other]},
        {"expect": "different", "sysids": [other, NEVER]},
    ):
        assert succeeds("pg_sysid_guard", {**asked, **good})["sysid"] == own
        succeeds("pg_sysid_guard", {**asked, **good}, check=True)
    for bad, words in (
        ({"expect": "same", "sysids": [other]}, "not the one that was expected"),
        ({"expect": "different", "sysids": [own]}, "production, or a physical copy"),
        ({"expect": "different", "sysids": [other, own]}, "production, or a physical copy"),
        ({"expect": "different", "sysids": [f" {own}\n"]}, "production, or a physical copy"),
    ):
        for check in (True, False):
            refused = fails("pg_sysid_guard", {**asked, **bad}, check=check)
            assert words in refused.msg and own in refused.msg
            assert refused.data["sysid"] == own


@pytest.mark.parametrize("sysids", [[], [""], [" "], [NEVER, ""]])
@pytest.mark.parametrize("expect", ["same", "different"])
def test_nothing_to_compare_with_is_never_a_pass(expect: str, sysids: list[str], server: postgres.Cluster) -> None:
    refused = fails("pg_sysid_guard", {**on_socket(server), "expect": expect, "sysids": sysids})
    assert "nothing to compare with" in refused.msg
    assert refused.data["sysid"] == server.sysid


def test_identity_that_is_denied_names_the_grant(cluster: Callable[..., postgres.Cluster]) -> None:
    own = cluster()
    own.psql(
        "CREATE ROLE clerk LOGIN; REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC",
    )
    # Functions belong to a database: postgres is the one to ask.
    refused = fails(
        "pg_sysid_guard", on_socket(own, "postgres", login_user="clerk", expect="different", sysids=[NEVER])
    )
    assert "GRANT EXECUTE ON FUNCTION pg_catalog.pg_control_system() TO clerk" in refused.msg
    own.psql("GRANT EXECUTE ON FUNCTION pg_catalog.pg_control_system() TO clerk")
    facts = succeeds("pg_sysid_guard", on_socket(own, "postgres", login_user="clerk"))
    assert (facts["sysid"], facts["data_directory"]) == (own.sysid, "")


# -- passwords


def passfile(directory: Path, text: str, mode: int = 0o600) -> str:
    """Write a password file."""
    path = directory / "passfile"
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def assert_silent(result: Any) -> None:
    """No password anywhere in a result, module_args included."""
    assert PASSWORD not in json.dumps(result.data) + result.stderr


def test_wrong_password(server: postgres.Cluster) -> None:
    refused = fails("pg_sysid_guard", over_tcp(server, login_password="falsch-4712"))
    assert "password authentication failed" in refused.msg and "closeout_passfile" in refused.msg
    assert "falsch-4712" not in json.dumps(refused.data) + refused.stderr
    refused = fails("pg_sysid_guard", over_tcp(server))
    assert "password" in refused.msg


def test_passfile(server: postgres.Cluster, tmp_path: Path) -> None:
    line = f"127.0.0.1:{server.port}:directus:{server.user}:{PASSWORD}\n"
    for text in (line, f"# a comment\n\nother:*:*:*:no\n{line}", f"*:*:*:*:{PASSWORD}\n"):
        path = passfile(tmp_path, text)
        facts = succeeds("pg_sysid_guard", over_tcp(server, login_passfile=path))
        assert facts["sysid"] == server.sysid
        assert PASSWORD not in json.dumps(facts)
    assert stat.S_IMODE((tmp_path / "passfile").stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_passfile_open_to_others(mode: int, server: postgres.Cluster, tmp_path: Path) -> None:
    path = passfile(tmp_path, f"*:*:*:*:{PASSWORD}\n", mode)
    refused = fails("pg_sysid_guard", over_tcp(server, login_passfile=path))
    assert f"chmod 0600 {path}" in refused.msg
    assert_silent(refused)


def test_passfile_without_a_line_for_us_or_none_at_all(server: postgres.Cluster, tmp_path: Path) -> None:
    for text in ("", f"elsewhere:*:*:*:{PASSWORD}\n", f"127.0.0.1:{server.port}:directus:other:{PASSWORD}\n"):
        refused = fails("pg_sysid_guard", over_tcp(server, login_passfile=passfile(tmp_path, text)))
        assert (
            "has no line for this connection" in refused.msg
            and f":{server.port}:directus:{server.user}:" in refused.msg
        )
        assert_silent(refused)
    refused = fails("pg_sysid_guard", over_tcp(server, login_passfile=str(tmp_path / "absent")))
    assert str(tmp_path / "absent") in refused.msg
    refused = fails("pg_sysid_guard", over_tcp(server, login_passfile=str(tmp_path)))
    assert str(tmp_path) in refused.msg


def test_passfile_of_a_container_that_wants_a_password(
    start_production: Callable[..., containers.Production], docker_host: str, tmp_path: Path
) -> None:
    own = start_production()
    own.psql(f"ALTER ROLE {own.user} PASSWORD '{PASSWORD}'")
    sysid = own.sysid
    change = "sed -i -E 's/^(local .*)trust$/\\1scram-sha-256/' /var/lib/postgresql/data/pg_hba.conf && kill -HUP 1"
    code, _output = own.container.exec_run(["sh", "-c", change])
    assert code == 0
    asked = in_container(own, docker_host)
    refused = fails("pg_sysid_guard", asked)
    assert "password" in refused.msg
    refused = fails("pg_sysid_guard", {**asked, "login_password": "falsch-4712"})
    assert "password authentication failed" in refused.msg
    path = passfile(tmp_path, f"localhost:5432:directus:{own.user}:{PASSWORD}\n")
    facts = succeeds("pg_sysid_guard", {**asked, "login_passfile": path})
    assert facts["sysid"] == sysid and PASSWORD not in json.dumps(facts)
    assert succeeds("pg_sysid_guard", {**asked, "login_password": PASSWORD})["sysid"] == sysid


# -- what cannot be reached


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"login_user": "nobody_at_all"}, "nobody_at_all"),
        ({"login_db": "nowhere_at_all"}, "nowhere_at_all"),
        ({"login_unix_socket": "/nowhere"}, "/nowhere"),
        ({"login_port": 1}, ".s.PGSQL.1"),
        ({"login_host": "127.0.0.1"}, "given twice"),
        ({"container": "postgres"}, "given twice"),
    ],
)
def test_cluster_that_cannot_be_reached(change: dict[str, Any], words: str, server: postgres.Cluster) -> None:
    refused = fails("pg_sysid_guard", {**on_socket(server), **change, "expect": "different", "sysids": [NEVER]})
    assert words in refused.msg
    assert "sysid" not in refused.data


def test_container_and_login_host_exclude_each_other(
    production_container: containers.Production, docker_host: str
) -> None:
    refused = fails("pg_sysid_guard", in_container(production_container, docker_host, login_host="127.0.0.1"))
    assert "given twice" in refused.msg and "127.0.0.1" in refused.msg


def test_docker_host_that_is_wrong(production_container: containers.Production) -> None:
    for wrong in ("unix:///nowhere/docker.sock", "tcp://127.0.0.1:1", "nonsense"):
        refused = fails("pg_sysid_guard", in_container(production_container, wrong))
        assert wrong in refused.msg and "closeout_docker_host" in refused.msg


def test_container_unknown(production_container: containers.Production, docker_host: str) -> None:
    refused = fails("pg_sysid_guard", {**in_container(production_container, docker_host), "container": "no-such-one"})
    assert "There is no container 'no-such-one'" in refused.msg and production_container.name in refused.msg


@contextlib.contextmanager
def some_container(client: docker.DockerClient, image: str, command: list[str], **options: Any) -> Iterator[Container]:
    """A container that is no production, removed at the end."""
    container = client.containers.create(
        image, command, network_mode="none", labels={containers.LABEL: session.ID}, **options
    )
    try:
        yield container
    finally:
        container.remove(force=True, v=True)


def test_container_stopped_or_without_postgresql(
    docker_client: docker.DockerClient, docker_host: str, production_image: str
) -> None:
    with some_container(docker_client, production_image, ["sleep", "600"]) as container:
        asked = {"container": container.name, "docker_host": docker_host, "login_user": "postgres", "login_db": "x"}
        refused = fails("pg_sysid_guard", asked)
        assert "is not running" in refused.msg and f"docker start {container.name}" in refused.msg
        container.start()
        refused = fails("pg_sysid_guard", asked)
        assert "No PostgreSQL server answers in container" in refused.msg and ".s.PGSQL.5432" in refused.msg
        container.pause()
        refused = fails("pg_sysid_guard", asked)
        assert "is not running" in refused.msg and "paused" in refused.msg
        container.unpause()


# -- the way to the socket


@pytest.fixture
def decoy(cluster: Callable[..., postgres.Cluster]) -> postgres.Cluster:
    """A server of the host, in /tmp, at the port and with the user that the container's would have."""
    return cluster(db="directus")


def assert_not_reached(refused: Any, decoy: postgres.Cluster) -> None:
    """No trace of the host's server."""
    assert decoy.sysid not in json.dumps(refused.data)


@pytest.mark.parametrize("kind", ["absolute", "climbing", "chain"])
def test_a_link_in_the_container_does_not_lead_to_the_host(
    kind: str, decoy: postgres.Cluster, docker_client: docker.DockerClient, docker_host: str, production_image: str
) -> None:
    target = str(decoy.socket_dir)
    climbing = "../" * 12 + target.lstrip("/")
    link = {
        "absolute": f"ln -s {target} /run/postgresql",
        "climbing": f"ln -s {climbing} /run/postgresql",
        "chain": f"ln -s {target} /run/a && ln -s /run/a /run/postgresql",
    }[kind]
    script = f"rm -rf /run/postgresql && {link} && exec sleep 600"
    with some_container(docker_client, production_image, ["sh", "-c", script]) as container:
        container.start()
        asked = {
            "container": container.name,
            "docker_host": docker_host,
            "login_user": decoy.user,
            "login_db": "directus",
        }
        refused = fails("pg_sysid_guard", asked)
        assert "No PostgreSQL server answers in container" in refused.msg
        assert_not_reached(refused, decoy)


def test_a_linked_file_instead_of_a_socket_does_not_lead_to_the_host(
    decoy: postgres.Cluster, docker_client: docker.DockerClient, docker_host: str, production_image: str
) -> None:
    script = f"mkdir -p /run/postgresql && ln -s {decoy.socket_dir}/.s.PGSQL.5432 /run/postgresql/ && exec sleep 600"
    with some_container(docker_client, production_image, ["sh", "-c", script]) as container:
        container.start()
        asked = {
            "container": container.name,
            "docker_host": docker_host,
            "login_user": decoy.user,
            "login_db": "directus",
        }
        assert_not_reached(fails("pg_sysid_guard", asked), decoy)


def test_the_host_s_socket_mounted_into_a_container_is_refused(
    decoy: postgres.Cluster, docker_client: docker.DockerClient, docker_host: str, production_image: str
) -> None:
    bind = {str(decoy.socket_dir): {"bind": "/run/postgresql", "mode": "rw"}}
    for options in ({}, {"pid_mode": "host"}):
        with some_container(docker_client, production_image, ["sleep", "600"], volumes=bind, **options) as container:
            container.start()
            asked = {
                "container": container.name,
                "docker_host": docker_host,
                "login_user": decoy.user,
                "login_db": "directus",
            }
            refused = fails("pg_sysid_guard", asked)
            assert "does not run in that container" in refused.msg
            assert_not_reached(refused, decoy)


def test_the_socket_of_another_container_is_refused(
    production_container: containers.Production,
    docker_client: docker.DockerClient,
    docker_host: str,
    production_image: str,
) -> None:
    shared = Path(tempfile.mkdtemp(prefix="shared", dir=session.TMP))
    shared.chmod(0o777)
    bind = {str(shared): {"bind": "/run/postgresql", "mode": "rw"}}
    try:
        with (
            some_container(
                docker_client, production_image, ["postgres"], volumes=bind,
                environment={"POSTGRES_PASSWORD": PASSWORD, "POSTGRES_USER": "workflow_admin"},
            ) as owner,
            some_container(docker_client, production_image, ["sleep", "600"], volumes=bind) as guest,
        ):  # fmt: skip
            owner.start()
            guest.start()
            asked = {"docker_host": docker_host, "login_user": "workflow_admin", "login_db": "workflow_admin"}

            def answers() -> bool:
                """Whether the owner's own server lets us in."""
                return not modules.run_module("pg_sysid_guard", {**asked, "container": owner.name}).failed

            wait_until(answers, 60, "the server")
            refused = fails("pg_sysid_guard", {**asked, "container": guest.name})
            assert "does not run in that container" in refused.msg
    finally:
        shutil.rmtree(shared)


def test_a_server_with_another_socket_directory_and_port(
    docker_client: docker.DockerClient, docker_host: str, production_image: str
) -> None:
    command = ["postgres", "-c", "unix_socket_directories=/tmp,/dev/shm", "-c", "port=5544"]
    environment = {
        "POSTGRES_PASSWORD": PASSWORD,
        "POSTGRES_USER": "workflow_admin",
        "POSTGRES_INITDB_ARGS": "--no-sync",
    }
    with some_container(docker_client, production_image, command, environment=environment) as container:
        container.start()
        asked = {
            "container": container.name,
            "docker_host": docker_host,
            "login_user": "workflow_admin",
            "login_db": "postgres",
            "login_port": 5544,
        }
        results = []

        def answers() -> bool:
            """Whether the server lets us in."""
            results.append(modules.run_module("pg_sysid_guard", asked))
            return not results[-1].failed

        wait_until(answers, 60, "the server")
        code, output = container.exec_run(
            ["psql", "-h", "/tmp", "-p", "5544", "-U", "workflow_admin", "-d", "postgres", "-Atc",
             "SELECT system_identifier FROM pg_control_system()"]
        )  # fmt: skip
        assert code == 0 and isinstance(output, bytes)
        assert results[-1].data["sysid"] == output.decode().strip()
        refused = fails("pg_sysid_guard", {**asked, "login_port": 5432})
        assert ".s.PGSQL.5432" in refused.msg
