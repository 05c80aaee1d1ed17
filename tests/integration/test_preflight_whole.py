"""Check mode prints the whole plan and does nothing else; whatever is wrong is told in one plan."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.conftest import ClusterFactory, ProductionFactory
from tests.integration.closeouts import docker_variables, local_variables
from tests.integration.test_preflight_scratch import EXTENSIONS, ImageFactory, container_events, image
from tests.support.playbook import PlaybookResult, run_playbook

__all__ = ["image"]
# Nobody but the plan takes a transaction id.
QUIET = {"autovacuum": "off"}
NEXT_TRANSACTION = "SELECT pg_snapshot_xmax(pg_current_snapshot())"


def printed(result: PlaybookResult) -> dict[str, Any]:
    """What the plan's task printed."""
    message: dict[str, Any] = result.task("Print the plan")["result"]["msg"]
    return message


def assert_whole(plan: dict[str, Any], *words: str) -> None:
    """The plan is there line by line, each of them short enough to read, with all of `words`."""
    assert set(plan) == {"plan", "problems", "notes", "settings"}
    kinds = ["Production: ", "Database: ", "Encoding ", "Extensions: ", "Tablespaces: ", "Dump: ", "Made by: "]
    kinds += [
        "Expected in schema ",
        "Scratch server: ",
        "It is named ",
        "Restored copy: ",
        "Left afterwards",
    ]
    for kind in kinds:
        assert len([line for line in plan["plan"] if line.startswith(kind)]) == 1, (kind, plan["plan"])
    # One where dump and copy are on the same file system.
    assert 1 <= len([line for line in plan["plan"] if line.startswith("Room at ")]) <= 2, plan["plan"]
    assert all(isinstance(line, str) and len(line) < 500 for line in plan["plan"])
    text = "\n".join(plan["plan"])
    for word in (*words, plan["settings"]["dump_path"], plan["settings"]["scratch_name"], "pg_dump (PostgreSQL) 16"):
        assert word in text, (word, text)
    assert "could not be told" not in text and plan["plan"][-1] == "Ready: yes"


def test_check_mode_of_a_container(
    start_production: ProductionFactory,
    docker_client: docker.DockerClient,
    docker_host: str,
    cutter_governance: str,
    tmp_path: Path,
) -> None:
    """No container is made, not even for a moment; no volume, no directory, no process, no transaction."""
    server = start_production(cutter_governance, command=["postgres", "-c", "fsync=off", "-c", "autovacuum=off"])

    def everything() -> object:
        return (
            {(str(one.id), one.status) for one in docker_client.containers.list(all=True)},
            {str(one.name) for one in docker_client.volumes.list()},
            {str(one.name) for one in docker_client.networks.list()},
            sorted(str(one["Path"]) for one in server.container.diff()),
            sorted(os.listdir("/var/tmp")),
            sorted(tmp_path.rglob("*")),
            server.psql(NEXT_TRANSACTION),
        )

    before = everything()
    with container_events(docker_client) as events:
        result = run_playbook(docker_variables(server, docker_host, tmp_path / "new"), check=True)
    assert (result.rc, everything()) == (0, before)
    assert not {"create", "start", "destroy"} & set(events)
    assert_whole(
        printed(result),
        f"container {server.name}: PostgreSQL 16.",
        server.sysid,
        "transport namespace (root on the container's host)",
        "a container of production's own image",
        "locale en_US.utf8 of libc",
    )


def test_check_mode_outside_containers(cluster: ClusterFactory, cutter_governance: str, tmp_path: Path) -> None:
    server = cluster(16, cutter_governance, settings=QUIET)

    def everything() -> object:
        return sorted(os.listdir("/var/tmp")), sorted(tmp_path.rglob("*")), server.psql(NEXT_TRANSACTION)

    before = everything()
    result = run_playbook(local_variables(server, tmp_path / "new"), check=True)
    assert (result.rc, everything()) == (0, before)
    assert_whole(
        printed(result),
        f"{server.socket_dir}, port {server.port}: PostgreSQL 16.",
        server.sysid,
        "transport host (the server runs in no container)",
        f"processes of this host, programs in {server.bin_dir}, PostgreSQL 16.",
    )


def assert_told(result: PlaybookResult, wanted: dict[tuple[str, str], str | list[str]]) -> None:
    """The run is refused; the printed plan has exactly these problems: id and object, and a word of each."""
    assert result.rc != 0 and result.artefact is None
    plan = printed(result)
    assert plan["plan"][-1] == "Ready: no, see the problems"
    assert all(all(one.values()) for one in plan["problems"]), plan["problems"]
    left = [(one["id"], one["object"], " ".join(one.values())) for one in plan["problems"]]
    for (check, subject), words in wanted.items():
        for word in [words] if isinstance(words, str) else words:
            (found,) = [one for one in left if one[:2] == (check, subject) and word in one[2]]
            left.remove(found)
    assert left == []


@pytest.fixture
def taken(docker_client: docker.DockerClient, production_image: str) -> Iterator[str]:
    """The name of a container that is there."""
    container = docker_client.containers.create(production_image, name="closeout-test-taken", network_mode="none")
    yield str(container.name)
    container.remove(force=True, v=True)


def test_everything_that_is_wrong_with_a_container_at_once(
    start_production: ProductionFactory, docker_host: str, image: ImageFactory, taken: str, tmp_path: Path
) -> None:
    """Settings, privileges, locks, server, image, directory: one plan has them all."""
    server = start_production(
        "CREATE ROLE clerk LOGIN; CREATE EXTENSION hstore; CREATE TABLE secret (); CREATE SEQUENCE counter;"
        "CREATE TABLE secured (); ALTER TABLE secured ENABLE ROW LEVEL SECURITY; GRANT SELECT ON secured TO clerk;"
        "SELECT lo_create(4711); REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC;"
        "SELECT format('CREATE TABLE t%s (); GRANT SELECT ON t%s TO clerk', g, g) FROM generate_series(1, 200) g"
        " \\gexec\n"
        "BEGIN; LOCK TABLE secret; PREPARE TRANSACTION 'forgotten'",
        command=["postgres", "-c", "fsync=off", "-c", "max_locks_per_transaction=10", "-c", "max_connections=10"]
        + ["-c", "max_prepared_transactions=5"],
    )
    other = image(
        f"""
        rm {EXTENSIONS}/hstore.control /usr/lib/locale/locale-archive /usr/bin/timeout
        sed -i 's/postgres (PostgreSQL) 16/postgres (PostgreSQL) 15/' /usr/lib/postgresql/16/bin/postgres
        sed -i '/^postgres:/d; /^nobody:/d' /etc/passwd
        """
    )
    (tmp_path / "file").write_text("")
    result = run_playbook(
        docker_variables(
            server,
            docker_host,
            tmp_path / "file" / "root",
            user="clerk",
            label="a b",
            scratch_ttl_s="soon",
            scratch_image=other,
            scratch_name=taken,
            scratch_storage="tmpfs",
            transport="host",
            bin_dir="/nowhere",
        ),
        check=True,
    )
    assert_told(
        result,
        {
            ("settings", "closeout_label"): "letters, digits",
            ("settings", "closeout_scratch_ttl_s"): "a whole number from 60",
            ("permission", "public.counter, public.secret"): "GRANT pg_read_all_data TO clerk",
            ("permission", "public.secured"): "BYPASSRLS",
            ("permission", "4711"): "GRANT SELECT ON LARGE OBJECT",
            ("locks", "max_locks_per_transaction"): "150 in all",
            ("locks", "public.secret"): "'forgotten'",
            ("identity", f"container {server.name}"): "GRANT EXECUTE ON FUNCTION pg_catalog.pg_control_system()",
            ("client", "pg_dump"): "closeout_bin_dir",
            ("artefact", f"{tmp_path}/file/root"): "is no directory",
            ("scratch", taken): "a container of that name",
            ("scratch", other): ["no timeout", "postgres or nobody"],
            ("scratch", "postgres"): "version 16 or later",
            ("extensions", "hstore"): f"not in {EXTENSIONS}",
            ("locale", "the database"): "en_US.utf8",
        },
    )


def test_everything_that_is_wrong_outside_containers_at_once(
    cluster: ClusterFactory, pg_install: Callable[[int], Any], tmp_path: Path
) -> None:
    """The server's side and this host's side do not hide each other."""
    server = cluster(16, "CREATE ROLE clerk LOGIN; CREATE TABLE secret (); CREATE EXTENSION old_snapshot")
    (tmp_path / "file").write_text("")
    server.psql(
        "CREATE SUBSCRIPTION news CONNECTION '' PUBLICATION p WITH (connect = false, slot_name = NONE)", "directus"
    )
    result = run_playbook(
        local_variables(
            server, tmp_path / "file", user="clerk", scratch_os_user="root", bin_dir=str(pg_install(17).bin_dir)
        ),
        check=True,
    )
    assert_told(
        result,
        {
            ("permission", "public.secret"): "GRANT pg_read_all_data TO clerk",
            ("permission", "news"): "dump as a superuser",
            ("extensions", "old_snapshot"): "programs in",
            ("scratch", str(pg_install(17).bin_dir)): "closeout_scratch_os_user",
            ("artefact", str(tmp_path / "file")): "a directory that can be written to",
        },
    )
