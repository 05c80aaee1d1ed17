"""Bad input: each gets one clear message, an exit code that is not 0, and leaves nothing behind."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._history import FILE, path_below, read_back

from tests.conftest import ClusterFactory, ProductionFactory
from tests.integration.closeouts import (
    assert_failed,
    assert_no_container_left,
    docker_variables,
    last_message,
    local_variables,
    statuses,
)
from tests.integration.module_options import problems_of
from tests.support.containers import Production
from tests.support.places import wait_until
from tests.support.playbook import LOCAL, PlaybookResult, run_playbook
from tests.support.postgres import Cluster, Installation


def assert_refused(result: PlaybookResult, root: Path, *words: str) -> None:
    """The run did not start: a message with `words`, no artefact, no directory, nothing claimed. The history alone may
    say that it was tried."""
    assert result.rc != 0, result.stdout
    message = last_message(result)
    assert message.startswith("CLOSEOUT_RESULT: FAIL")
    for word in words:
        assert word in message, message
    assert result.custom_stats == {"closeout_result": "FAIL", "closeout_artifact": "", "closeout_sha256": ""}
    assert {path.name for path in root.rglob("*")} <= {FILE}
    assert all(one["result"] == "FAIL" and one["sha256"] is None for one in read_back(path_below(str(root))))


def assert_told(variables: dict[str, Any], root: Path, *words: str) -> None:
    """The plan tells of problems with `words`, and nothing is below the root."""
    told = problems_of(variables)
    for word in words:
        assert word in told, told
    assert list(root.iterdir()) == []


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"label": "a/b"}, ["closeout_label", "beginning with a letter or digit", "'a/b'"]),
        ({"label": "two words"}, ["closeout_label", "'two words'"]),
        ({"label": "-x"}, ["closeout_label"]),
        ({"scratch_driver": "podman"}, ["closeout_scratch_driver", "one of docker, local"]),
        ({"scratch_ttl_s": "soon"}, ["closeout_scratch_ttl_s", "whole number"]),
        ({"user": "who"}, ['role "who" does not exist', "closeout_user"]),
        ({"db": "nothing"}, ['database "nothing" does not exist', "closeout_db"]),
        ({"login_unix_socket": "/nonexistent"}, ["/nonexistent", "No such file or directory", "closeout_login_port"]),
        ({"bin_dir": "/nonexistent"}, ["/nonexistent", "closeout_bin_dir"]),
        ({"dump_name": "../x.sql"}, ["closeout_dump_name", "'../x.sql'"]),
        ({"scratch_os_user": "no_such_user"}, ["no_such_user", "closeout_scratch_os_user"]),
        ({"login_host": "127.0.0.1"}, ["login_host", "login_unix_socket", "empty one of them"]),
    ],
)
def test_settings_that_cannot_be(
    production_cluster: Cluster, tmp_path: Path, variables: dict[str, str], words: list[str]
) -> None:
    """The message names the variable, what was wanted and what was found."""
    if "scratch_os_user" in variables and os.geteuid() != 0:
        pytest.skip("an ordinary user's scratch server runs as that user")
    assert_told({**local_variables(production_cluster, tmp_path), **_prefixed(variables)}, tmp_path, *words)


def test_all_problems_are_told_at_once(production_cluster: Cluster, tmp_path: Path) -> None:
    """Nobody has to run it six times to learn of six mistakes; a variable that nobody reads is one."""
    wrong = {"label": "a b", "scratch_ttl_s": "x", "user": "who", "root": "/proc/nowhere", "ssl_mode": "maybe"}
    # Else its tables would be held against nothing, and the run would pass.
    inventory = f"[closeout]\n{LOCAL}\n[closeout:vars]\ncloseout_expected_table=customer\n"
    result = run_playbook({**local_variables(production_cluster, tmp_path), **_prefixed(wrong)}, inventory=inventory)
    assert result.rc == 2
    assert_refused(result, tmp_path, "closeout_label", "closeout_scratch_ttl_s", '"who"', "/proc", "closeout_ssl_mode")
    (of_it,) = [line for line in last_message(result).splitlines() if "closeout_expected_table:" in line]
    assert "wanted a variable of this collection" in of_it
    assert "it may be closeout_expected_tables that is meant" in of_it


def test_a_wrong_password_is_told_and_not_shown(cluster: ClusterFactory, tmp_path: Path) -> None:
    """Neither the message nor anything else that the run printed has the password."""
    server = cluster(16, tcp=True, password="right-Passw0rd")
    secret = "wrong-Passw0rd-4711"
    variables = local_variables(server, tmp_path, login_unix_socket="", login_host="127.0.0.1", password=secret)
    result = run_playbook(variables, arguments=["-vvv"])
    assert_refused(result, tmp_path, "password authentication failed", "closeout_passfile")
    assert secret not in result.stdout


def test_unreadable_tables_are_all_named_before_the_dump(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path
) -> None:
    """A role without permission learns of every table and sequence at once."""
    server = cluster(16, cutter_governance)
    server.psql("CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA cutter_governance, public TO reader", "directus")
    server.psql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", "directus")
    result = run_playbook(local_variables(server, tmp_path, user="reader"))
    tables = ["cutter_governance.verify_result", "cutter_governance.cut_change_set"]
    assert_refused(result, tmp_path, *tables, "GRANT pg_read_all_data TO reader")
    assert "public.directus_users" not in last_message(result)


def test_an_unreadable_identity_is_no_identity(cluster: ClusterFactory, cutter_governance: str, tmp_path: Path) -> None:
    """Where pg_control_system() was revoked, the guard has nothing to compare: said with the grant that is missing."""
    server = cluster(16, cutter_governance)
    server.psql("CREATE ROLE reader LOGIN; GRANT pg_read_all_data TO reader")
    server.psql("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC", "directus")
    variables = local_variables(server, tmp_path, user="reader")
    assert_told(variables, tmp_path, "GRANT EXECUTE ON FUNCTION pg_catalog.pg_control_system() TO reader")


def test_row_security_that_would_hide_rows_is_told(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path
) -> None:
    """pg_dump would fail on it; it is said before."""
    server = cluster(16, cutter_governance)
    server.psql("CREATE ROLE reader LOGIN; GRANT pg_read_all_data TO reader")
    server.psql("ALTER TABLE public.directus_users ENABLE ROW LEVEL SECURITY", "directus")
    assert_told(local_variables(server, tmp_path, user="reader"), tmp_path, "public.directus_users", "BYPASSRLS")


def test_client_programs_older_than_the_server(
    cluster: ClusterFactory, pg_install: Callable[[int], Installation], cutter_governance: str, tmp_path: Path
) -> None:
    """pg_dump refuses a newer server; so does the plan, for pg_dump and for the scratch server."""
    server = cluster(17, cutter_governance)
    variables = local_variables(server, tmp_path, bin_dir=str(pg_install(16).bin_dir))
    assert_told(variables, tmp_path, "pg_dump", "version 17 or later", "16.", "closeout_bin_dir")


def test_an_artefact_directory_that_cannot_be_written(production_cluster: Cluster, tmp_path: Path) -> None:
    """A root that is a file, and one on a read-only file system."""
    file, nowhere = tmp_path / "file", Path("/proc/1/backups")
    file.write_text("")
    assert "is no directory" in problems_of(local_variables(production_cluster, file))
    assert "a directory that can be written to" in problems_of(local_variables(production_cluster, nowhere))
    assert file.read_text() == "" and not nowhere.exists()


def test_too_little_space(cluster: ClusterFactory, cutter_governance: str, tmp_path: Path) -> None:
    """The estimate is the tables' size; a file system with less than half of it is refused, with both numbers."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    big = "CREATE TABLE public.big AS SELECT md5(n::text) FROM generate_series(1, 100000) n"
    server = cluster(16, f"{cutter_governance};{big}")
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "closeout-test", str(small)], check=True)
    try:
        words = ("bytes free, half of what is estimated from the database's size", "closeout_root")
        assert_told(local_variables(server, small), small, *words)
    finally:
        subprocess.run(["umount", str(small)], check=True)


class TestContainers:
    """What can be wrong with the container, and with the scratch image."""

    @pytest.fixture(autouse=True)
    def nothing_left(self, docker_client: docker.DockerClient) -> object:
        """No test leaves a scratch container."""
        yield
        assert_no_container_left(docker_client)

    def test_unknown(self, production_container: Production, docker_host: str, tmp_path: Path) -> None:
        """An unknown name: the message lists those that are there."""
        variables = {**docker_variables(production_container, docker_host, tmp_path), "closeout_container": "postgrse"}
        result = run_playbook(variables)
        assert_refused(result, tmp_path, "no container 'postgrse'", production_container.name, "closeout_container")

    def test_not_running(self, start_production: ProductionFactory, docker_host: str, tmp_path: Path) -> None:
        """A stopped one."""
        server = start_production()
        server.container.stop(timeout=5)
        variables = docker_variables(server, docker_host, tmp_path)
        assert_told(variables, tmp_path, "is not running", "state exited", f"docker start {server.name}")

    def test_not_postgresql(
        self, docker_client: docker.DockerClient, production_image: str, docker_host: str, tmp_path: Path
    ) -> None:
        """A container with another program in it."""
        other = docker_client.containers.run(
            production_image, entrypoint=["sleep", "600"], detach=True, network_mode="none"
        )
        try:
            variables = {"closeout_container": other.id, "closeout_docker_host": docker_host}
            variables["closeout_root"] = str(tmp_path)
            assert_told(variables, tmp_path, "No PostgreSQL server answers", ".s.PGSQL.5432")
        finally:
            other.remove(force=True, v=True)

    def test_no_daemon(self, tmp_path: Path) -> None:
        """A daemon that does not answer."""
        variables = {"closeout_container": "postgres", "closeout_docker_host": f"unix://{tmp_path}/none.sock"}
        variables["closeout_root"] = str(tmp_path)
        assert_told(variables, tmp_path, "Docker daemon", "does not answer", "closeout_docker_host")

    def test_no_image(self, production_container: Production, docker_host: str, tmp_path: Path) -> None:
        """A scratch image that is not on the host."""
        variables = docker_variables(production_container, docker_host, tmp_path, scratch_image="postgres:nope")
        assert_told(variables, tmp_path, "postgres:nope", "docker pull postgres:nope")

    def test_an_image_without_postgresql(
        self,
        production_container: Production,
        docker_client: docker.DockerClient,
        docker_host: str,
        tmp_path: Path,
    ) -> None:
        """What is not in it is told before anything starts."""
        image = _image_of(docker_client)
        try:
            variables = docker_variables(production_container, docker_host, tmp_path, scratch_image=image)
            assert_told(variables, tmp_path, "no env, initdb, pg_dump, postgres, psql, sh, timeout", image)
        finally:
            docker_client.images.remove(image, force=True)

    def test_an_image_whose_programs_do_not_run(
        self,
        production_container: Production,
        docker_client: docker.DockerClient,
        docker_host: str,
        tmp_path: Path,
    ) -> None:
        """It is found out late: the record is written, production witnessed, nothing left."""
        image = _image_of(docker_client, "env", "initdb", "pg_dump", "postgres", "psql", "sh", "timeout")
        try:
            variables = docker_variables(production_container, docker_host, tmp_path, scratch_image=image)
            result = run_playbook(variables)
            assert result.rc != 0
            assert result.artefact is not None, result.stdout
            assert statuses(result)["dump.complete"] == "PASS"
            assert statuses(result)["restore.clean"] == "NOT_RUN"
            assert statuses(result)["production.identity"] == "PASS"
            assert "Make the scratch server" in last_message(result), result.stdout
        finally:
            docker_client.images.remove(image, force=True)

    def test_a_dump_that_fails_in_the_middle(
        self, start_production: ProductionFactory, cutter_governance: str, docker_host: str, tmp_path: Path
    ) -> None:
        """No file under a final name, no restore; the record says what failed, production is witnessed all the same."""
        server = start_production(cutter_governance)
        server.psql("CREATE TABLE public.lost AS SELECT generate_series(1, 100000) AS n; CHECKPOINT")
        path = server.psql("SELECT pg_relation_filepath('public.lost')")
        # pg_dump meets a table whose file is gone only when it comes to its rows.
        server.container.stop(timeout=20)
        server.container.start()
        wait_until(server.final_server_answers, 60, "the server is back")
        assert server.container.exec_run(["rm", f"/var/lib/postgresql/data/{path}"])[0] == 0
        result = run_playbook(docker_variables(server, docker_host, tmp_path))
        assert_failed(result)
        assert result.artefact is not None
        assert not list(result.artefact.glob("prod-*"))
        assert "public.lost" in (result.artefact / "logs/pg_dump.log").read_text()
        assert "pg_dump failed" in last_message(result)
        assert statuses(result)["restore.clean"] == "NOT_RUN"
        assert statuses(result)["production.identity"] == "PASS"


def _prefixed(variables: dict[str, str]) -> dict[str, str]:
    return {f"closeout_{name}": value for name, value in variables.items()}


def _image_of(client: docker.DockerClient, *programs: str) -> str:
    """An image that holds nothing but users, and empty files in the place of programs."""
    files = {"etc/passwd": b"root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"}
    files.update({f"bin/{name}": b"" for name in programs})
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    client.api.import_image_from_data(buffer.getvalue(), repository="closeout-test/empty", tag="latest")
    return "closeout-test/empty:latest"
