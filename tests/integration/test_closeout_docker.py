"""End to end with the docker driver: the playbook against production in a container whose network is none."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from tests.conftest import ProductionFactory
from tests.integration.closeouts import (
    RUN_LABEL,
    assert_all_pass,
    assert_failed,
    assert_no_container_left,
    assert_recorded,
    assert_sealed,
    docker_variables,
    last_message,
    statuses,
)
from tests.support.containers import Production
from tests.support.playbook import run_playbook


@pytest.fixture(autouse=True)
def nothing_left(docker_client: docker.DockerClient) -> Iterator[None]:
    """Whatever a test did, no scratch server is left behind it."""
    yield
    assert_no_container_left(docker_client)


def test_a_container_without_network_passes(
    production_container: Production, docker_host: str, docker_client: docker.DockerClient, tmp_path: Path
) -> None:
    """The main job: everything passes, the record has all six sections, production and scratch are told apart."""
    before = production_container.container.attrs["State"]["StartedAt"]
    result = run_playbook(docker_variables(production_container, docker_host, tmp_path))
    evidence = assert_all_pass(result)
    assert result.artefact is not None
    record = (result.artefact / "closeout.md").read_text()
    for section in (
        "1. Backup",
        "2. Contents",
        "3. Restore test",
        "4. Teardown",
        "5. Production untouched",
        "6. Result",
    ):
        assert f"\n## {section}\n" in record
    assert "VERIFY_dump_contains_12_cg_tables: PASS" in record
    assert "VERIFY_restore_test: PASS" in record
    assert "CLOSEOUT_RESULT: ALL_PASS" in record
    assert evidence["production"]["before"]["container"]["id"] == production_container.id
    assert evidence["production"]["before"]["sysid"] == production_container.sysid
    scratch = evidence["restore"]["scratch"]
    assert scratch["image_id"] == production_container.container.attrs["Image"]
    assert scratch["container_id"] != production_container.id
    assert evidence["restore"]["guard"]["scratch_sysid"] != production_container.sysid
    isolation = scratch["isolation"]
    assert isolation["network_mode"] == "none"
    assert isolation["published_ports"] == [] and isolation["capabilities"] == []
    assert isolation["read_only_root"] and isolation["no_new_privileges"]
    assert evidence["restore"]["errors"]["total"] == 0 and evidence["restore"]["on_error_stop"] is True
    counted = production_container.psql("SELECT count(*) FROM cutter_governance.manifest_unit_block")
    assert evidence["restore"]["rows"]["manifest_unit_block"] == int(counted) > 0
    assert {row["xid"] for row in evidence["production"]["own_sessions"]} == {None}
    assert evidence["dump"]["transport"] == "namespace"
    assert "transport `namespace` (`root on the container's host`)" in record
    production_container.container.reload()
    assert production_container.container.attrs["State"]["StartedAt"] == before
    # The dump is a true one: its own text has the rows.
    dump = Path(evidence["dump"]["path"]).read_text()
    assert dump.count("CREATE TABLE cutter_governance.") == 12


@pytest.mark.usefixtures("nobody")
def test_tmpfs_storage_another_user_docker_exec_and_a_protected_neighbour_pass(
    production_container: Production, start_production: ProductionFactory, docker_host: str, tmp_path: Path
) -> None:
    """The scratch server can live in memory, and as nobody; pg_dump can be started by docker exec; a container that is
    named as protected was there and stayed as it was."""
    neighbour = start_production()
    options = {
        "protected_containers": f"{neighbour.name}\n",
        "scratch_storage": "tmpfs",
        "scratch_memory_mb": "512",
        "scratch_os_user": "nobody",
        "transport": "exec",
    }
    result = run_playbook(docker_variables(production_container, docker_host, tmp_path, **options))
    evidence = assert_all_pass(result)
    isolation = evidence["restore"]["scratch"]["isolation"]
    assert isolation["user"] == "nobody"
    assert {mount["type"] for mount in isolation["mounts"]} == {"tmpfs"}
    assert isolation["memory_bytes"] == 512 << 20
    assert evidence["settings"]["transport"] == evidence["dump"]["transport"] == "exec"
    assert evidence["dump"]["transport_reason"] == "asked for by name"
    assert neighbour.name in [one["name"] for one in evidence["production"]["before"]["neighbours"]]
    assert statuses(result)["production.neighbours"] == "PASS"


def test_a_table_that_was_renamed_fails_by_name(
    start_production: ProductionFactory, cutter_governance: str, docker_host: str, tmp_path: Path
) -> None:
    """The set counts, not the number: there are still 12, one is missing, and one is not expected."""
    server = start_production(cutter_governance)
    server.psql("ALTER TABLE cutter_governance.verify_result RENAME TO verify_results")
    result = run_playbook(docker_variables(server, docker_host, tmp_path))
    assert_failed(result, "dump.tables", "restore.tables", "production.tables")
    assert "missing: verify_result" in last_message(result)
    assert "unexpected: verify_results" in last_message(result)
    # The backup itself is whole; what is wrong is said, the rest is still proved.
    assert statuses(result)["dump.complete"] == "PASS"
    assert statuses(result)["restore.clean"] == "PASS"
    assert statuses(result)["teardown.absent"] == "PASS"


def test_a_restore_that_fails_in_the_middle_is_torn_down(
    start_production: ProductionFactory,
    cutter_governance: str,
    docker_host: str,
    docker_client: docker.DockerClient,
    tmp_path: Path,
) -> None:
    """A function that relies on search_path does not restore: a true FAIL, with the error, and no container left."""
    server = start_production(cutter_governance)
    server.psql(
        "CREATE TABLE public.rate (id int); INSERT INTO public.rate VALUES (1);"
        "CREATE FUNCTION public.rates() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM rate';"
        "CREATE MATERIALIZED VIEW public.summary AS SELECT public.rates()"
    )
    result = run_playbook(docker_variables(server, docker_host, tmp_path))
    assert_failed(result, "restore.clean")
    assert 'relation "rate" does not exist' in last_message(result)
    assert statuses(result)["restore.tables"] == "NOT_RUN"
    assert statuses(result)["teardown.absent"] == "PASS"
    assert statuses(result)["production.identity"] == "PASS"
    assert docker_client.api.containers(all=True, filters={"label": RUN_LABEL}) == []
    assert result.evidence is not None
    assert result.evidence["result"]["restore_env_torn_down"] is True
    assert result.evidence["result"]["backup_verified"] is False


def test_a_busy_production_that_was_to_be_quiet_fails_for_that_alone(
    start_production: ProductionFactory,
    cutter_governance: str,
    docker_host: str,
    docker_client: docker.DockerClient,
    tmp_path: Path,
) -> None:
    """Production is written to during the whole run: dump, snapshot and copy agree all the same. Where it may be
    written to it passes: tests/drills/test_busy_production.py."""
    server = start_production(cutter_governance)
    writer = docker_client.api.exec_create(
        server.id,
        [
            "sh",
            "-c",
            'i=0; while [ $i -lt 30000 ]; do i=$((i+1)); echo "INSERT INTO cutter_governance.decision_backlog_sweep_log'
            ' DEFAULT VALUES;"; sleep 0.01; done | psql -qU workflow_admin directus',
        ],
    )
    server.psql(
        "DROP TABLE cutter_governance.decision_backlog_sweep_log;"
        "CREATE TABLE cutter_governance.decision_backlog_sweep_log (id bigserial PRIMARY KEY)"
    )
    docker_client.api.exec_start(writer["Id"], detach=True)
    quiet = run_playbook(docker_variables(server, docker_host, tmp_path, production_quiet=True))
    assert_failed(quiet, "production.rows")
    evidence = quiet.evidence
    assert evidence is not None and evidence["result"]["failed"] == ["production.rows"]
    counts = [
        evidence["production"]["before"]["rows"]["decision_backlog_sweep_log"],
        evidence["dump"]["rows"]["decision_backlog_sweep_log"],
        evidence["production"]["after"]["rows"]["decision_backlog_sweep_log"],
    ]
    assert counts == sorted(counts) and counts[0] < counts[2]


def test_a_scratch_server_with_productions_identity_is_refused(
    start_production: ProductionFactory,
    cutter_governance: str,
    docker_host: str,
    docker_client: docker.DockerClient,
    prebaked_image: Callable[[Production], str],
    tmp_path: Path,
) -> None:
    """A physical copy of production as scratch server: the guard stops before anything is restored."""
    server = start_production(cutter_governance)
    result = run_playbook(docker_variables(server, docker_host, tmp_path, scratch_image=prebaked_image(server)))
    assert result.rc != 0
    assert "This server is production, or a physical copy of it" in result.stdout
    assert statuses(result)["restore.clean"] == "NOT_RUN"
    assert statuses(result)["scratch.guard"] == "NOT_RUN"
    assert statuses(result)["teardown.absent"] == "PASS"
    assert result.evidence is not None and result.evidence["result"]["restore_tested"] is False


@pytest.fixture
def prebaked_image(docker_client: docker.DockerClient, production_image: str) -> Iterator[Callable[[Production], str]]:
    """`prebaked_image(production)`: an image whose initdb lays down production's own data directory."""
    made: list[str] = []

    def make(production: Production) -> str:
        production.psql("CHECKPOINT")
        code, data = production.container.exec_run(
            ["tar", "-C", "/var/lib/postgresql/data", "--exclude", "postmaster.pid", "-cf", "-", "."]
        )
        assert code == 0 and isinstance(data, bytes)
        wrapper = (
            "#!/bin/sh\n"
            'for word in "$@"; do case "$word" in --pgdata=*) target="${word#--pgdata=}";; esac; done\n'
            'mkdir -p "$target" && tar -C "$target" -xf /prebaked.tar --no-same-owner && chmod 700 "$target"\n'
        )
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name, content, mode in (("prebaked.tar", data, 0o644), ("initdb", wrapper.encode(), 0o755)):
                entry = tarfile.TarInfo(name if name != "initdb" else "usr/lib/postgresql/16/bin/initdb")
                entry.size, entry.mode = len(content), mode
                archive.addfile(entry, io.BytesIO(content))
        holder = docker_client.containers.create(production_image)
        try:
            assert holder.put_archive("/", buffer.getvalue())
            image = holder.commit(repository="closeout-test/prebaked", tag=production.id[:12])
        finally:
            holder.remove(v=True, force=True)
        made.append(str(image.id))
        return str(image.id)

    yield make
    for image in made:
        docker_client.images.remove(image, force=True)


def test_check_mode_plans_and_leaves_no_trace(
    production_container: Production, docker_host: str, tmp_path: Path
) -> None:
    """The plan is printed, nothing is made, nothing is claimed."""
    root = tmp_path / "root"
    result = run_playbook(docker_variables(production_container, docker_host, root), check=True)
    assert result.rc == 0, result.stdout
    assert not root.exists()
    assert "ALL_PASS" not in result.stdout
    assert str(root) in result.stdout
    assert result.custom_stats == {}
    broken = run_playbook(docker_variables(production_container, docker_host, root, user="nobody_known"), check=True)
    assert broken.rc != 0
    assert "nobody_known" in broken.stdout


def test_a_protected_neighbour_that_is_not_there_fails_and_the_caller_may_go_on(
    production_container: Production, docker_host: str, tmp_path: Path
) -> None:
    """What is absent cannot be protected. closeout_fail: false ends well and still says FAIL."""
    absent = {"protected_containers": "not-there", "fail": "no"}
    result = run_playbook(docker_variables(production_container, docker_host, tmp_path, **absent))
    assert result.rc == 0, result.stdout
    assert result.custom_stats["closeout_result"] == "FAIL"
    assert result.artefact is not None
    assert_sealed(result.artefact)
    assert_recorded(result)
    assert [name for name, status in statuses(result).items() if status != "PASS" and status != "INFO"] == [
        "production.neighbours"
    ]
