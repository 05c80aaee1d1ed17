"""A managed server: TLS alone, a password, a role that may only read; docs/managed-servers.md as it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker as docker_sdk
import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._program import run
from ansible_collections.incomex.closeout.plugins.module_utils._server import Address, server_at

from tests.integration.closeouts import assert_all_pass
from tests.support.modules import ModuleResult, run_module
from tests.support.places import ROOT
from tests.support.playbook import run_playbook
from tests.support.postgres import Cluster, Installation
from tests.support.tls import Authority, only_by_tls

PASSWORD = "a:pass\\word"
ROLE, LARGE_OBJECTS = re.findall(
    r"^```sql\n(.*?)^```$", (ROOT / "docs" / "managed-servers.md").read_text(), re.MULTILINE | re.DOTALL
)
"""The document's grants, in its order."""
# What a provider has closed, and everybody's rights that would hide a missing grant.
PROVIDER = """
REVOKE CONNECT ON DATABASE directus FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION pg_catalog.pg_control_checkpoint() FROM PUBLIC;
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made(tmp_path_factory.mktemp("tls") / "authority")


@pytest.fixture(scope="module")
def server(
    pg_install: Callable[[int], Installation], authority: Authority, cutter_governance: str
) -> Iterator[Cluster]:
    """One with the document's role, and a large object."""
    with only_by_tls(Cluster(pg_install(16), tcp=True), authority) as managed:
        managed.psql("CREATE DATABASE directus")
        managed.psql(cutter_governance, "directus")
        managed.psql("SELECT lo_from_bytea(0, 'a large object')", "directus")
        managed.psql(PROVIDER + ROLE + LARGE_OBJECTS, "directus")
        managed.psql(f"SET password_encryption = 'scram-sha-256'; ALTER ROLE closeout PASSWORD '{PASSWORD}'")
        yield managed


@pytest.fixture
def passfile(tmp_path: Path) -> Path:
    path = tmp_path / "closeout.pgpass"
    path.write_text(f"localhost:*:*:closeout:{PASSWORD.replace(chr(92), chr(92) * 2).replace(':', chr(92) + ':')}\n")
    path.chmod(0o600)
    return path


def variables(server: Cluster, authority: Authority, passfile: Path, root: Path, **other: Any) -> dict[str, Any]:
    given = {
        "container": "",
        "login_host": "localhost",
        "login_port": server.port,
        "ssl_mode": "verify-full",
        "ca_cert": str(authority.certificate),
        "user": "closeout",
        "passfile": str(passfile),
        "bin_dir": str(server.bin_dir),
        "scratch_driver": "local",
        "root": str(root),
        **other,
    }
    return {f"closeout_{name}": value for name, value in given.items()}


def test_the_whole_of_it(server: Cluster, authority: Authority, passfile: Path, tmp_path: Path) -> None:
    """Psycopg2, pg_dump and psql all come in by TLS: nobody comes in without."""
    evidence = assert_all_pass(run_playbook(variables(server, authority, passfile, tmp_path / "root")))
    assert evidence["settings"]["ssl_mode"] == "verify-full"
    # What a managed server hides is told, and no check of it is missing.
    assert evidence["production"]["before"]["data_directory"] == ""
    assert any("pg_read_all_settings" in note for note in evidence["plan"]["notes"])
    assert evidence["production"]["before"]["container"] is None
    assert PASSWORD not in str(evidence)


def test_with_a_scratch_container(
    server: Cluster,
    authority: Authority,
    passfile: Path,
    tmp_path: Path,
    docker_host: str,
    docker_client: docker_sdk.DockerClient,
    production_image: str,
) -> None:
    other = {"scratch_driver": "docker", "docker_host": docker_host, "scratch_image": production_image}
    assert_all_pass(run_playbook(variables(server, authority, passfile, tmp_path / "root", **other)))


def asked(server: Cluster, authority: Authority, passfile: Path, **other: Any) -> ModuleResult:
    """What the guard says."""
    given = {
        "login_host": "localhost",
        "login_port": server.port,
        "login_user": "closeout",
        "login_passfile": str(passfile),
        "login_db": "directus",
        "ssl_mode": "verify-full",
        "ca_cert": str(authority.certificate),
        **other,
    }
    return run_module("pg_sysid_guard", given)


def test_the_guard_knows_the_server(server: Cluster, authority: Authority, passfile: Path) -> None:
    found = asked(server, authority, passfile)
    assert not found.failed, found.msg
    assert found.data["sysid"] == server.sysid


def test_the_guard_names_the_grant_that_is_missing(server: Cluster, authority: Authority, passfile: Path) -> None:
    server.psql("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC", "directus")
    try:
        refused = asked(server, authority, passfile)
    finally:
        server.psql("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC", "directus")
    assert refused.failed
    assert "GRANT EXECUTE ON FUNCTION pg_catalog.pg_control_system() TO closeout" in refused.msg


@pytest.mark.parametrize(
    ("given", "found", "advice"),
    [
        ({"ssl_mode": "disable"}, "no encryption", "closeout_ssl_mode: verify-full"),
        ({"ca_cert": "/nonexistent/ca.crt"}, "/nonexistent/ca.crt", "closeout_ca_cert"),
        ({"login_host": "127.0.0.1"}, "does not match host name", "closeout_login_host"),
    ],
)
def test_what_is_given_wrong_is_told(
    given: dict[str, str], found: str, advice: str, server: Cluster, authority: Authority, passfile: Path
) -> None:
    passfile.write_text(passfile.read_text().replace("localhost", "*"))
    refused = asked(server, authority, passfile, **given)
    assert refused.failed
    assert "Cannot connect to database 'directus' as user 'closeout'" in refused.msg
    assert found in refused.msg.partition("Found: ")[2].partition("What to do: ")[0]
    assert advice in refused.msg.partition("What to do: ")[2]
    assert PASSWORD not in refused.msg


def test_another_authority_is_told(server: Cluster, authority: Authority, passfile: Path, tmp_path: Path) -> None:
    """By psycopg2, and by the client programs, whom the same is given."""
    other = Authority.made(tmp_path / "other")
    refused = asked(server, other, passfile)
    assert refused.failed
    assert "certificate verify failed: self-signed certificate in certificate chain" in refused.msg or (
        "certificate verify failed: unable to get local issuer certificate" in refused.msg
    )
    assert "closeout_ca_cert" in refused.msg.partition("What to do: ")[2]

    planned = run_playbook(variables(server, other, passfile, tmp_path / "root"), check=True)
    (told,) = [one for one in planned.task("Plan the run")["result"]["problems"] if "certificate" in one["found"]]
    assert planned.rc != 0
    assert "closeout_ca_cert" in told["do"]

    for certificate, code in ((other.certificate, 2), (authority.certificate, 0)):
        address = Address(
            login_host="localhost", login_port=server.port, login_user="closeout", login_db="directus",
            ssl_mode="verify-full", ca_cert=str(certificate), bin_dir=str(server.bin_dir),
        )  # fmt: skip
        at = server_at(address)
        words = ["psql", *at.connection_arguments(), "-X", "-d", "directus", "-c", "SELECT 1"]
        program = at.start(words, password=PASSWORD)
        assert run(program)[0] == code, program.messages
        assert ("certificate verify failed" in program.messages) == (code == 2)


@pytest.mark.parametrize(
    ("names", "days", "found", "advice"),
    [
        ("DNS:localhost", -1, "certificate has expired", "renewed"),
        ("DNS:db.example.org", 2, "does not match host name", "closeout_login_host"),
    ],
)
def test_a_certificate_that_cannot_be_accepted_is_told(
    names: str,
    days: int,
    found: str,
    advice: str,
    authority: Authority,
    passfile: Path,
    pg_install: Callable[[int], Installation],
) -> None:
    with only_by_tls(Cluster(pg_install(16), tcp=True), authority, names, days=days) as managed:
        refused = asked(managed, authority, passfile, login_db="postgres")
    assert refused.failed
    assert found in refused.msg.partition("Found: ")[2].partition("What to do: ")[0]
    assert advice in refused.msg.partition("What to do: ")[2]


def test_a_server_without_tls_is_told(authority: Authority, passfile: Path, cluster: Callable[..., Cluster]) -> None:
    refused = asked(cluster(tcp=True), authority, passfile)
    assert refused.failed
    assert "turn on TLS on the server" in refused.msg
