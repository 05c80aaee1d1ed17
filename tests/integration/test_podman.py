"""Podman instead of Docker, by its Docker-compatible socket: what holds there, and what it does not tell passes not."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest
from ansible_collections.incomex.closeout.plugins.module_utils import _scratch_docker

from tests.integration.closeouts import (
    assert_all_pass,
    assert_failed,
    assert_no_container_left,
    docker_variables,
    statuses,
)
from tests.integration.module_options import RUN_LABEL, new_run_id, succeeds
from tests.integration.test_module_pg_scratch_server import GLOBALS, NOTHING_LEFT
from tests.support import containers, podman
from tests.support.containers import Production
from tests.support.docker import Daemon
from tests.support.places import wait_until
from tests.support.playbook import run_playbook


@pytest.fixture(scope="module")
def image(docker_client: docker.DockerClient, production_image: str) -> Any:
    """The image of production, in Docker."""
    return docker_client.images.get(production_image)


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """Root's Podman."""
    with podman.service() as one:
        yield one


@contextmanager
def running(daemon: Daemon, image: Any, sql: str) -> Iterator[Production]:
    """Run production in a container of a Podman, with the sample."""
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(contextlib.closing(daemon.client(timeout_s=120)))
        loaded = str(podman.load(client, image).id)
        server = stack.enter_context(containers.production(client, loaded, ulimits=podman.ULIMITS))
        server.psql(sql)
        yield server


@pytest.fixture(scope="module")
def production(daemon: Daemon, image: Any, cutter_governance: str) -> Iterator[Production]:
    """A server in a container of it. Shared: do not change it."""
    with running(daemon, image, cutter_governance) as server:
        yield server


def test_as_root_everything_passes(daemon: Daemon, production: Production, tmp_path: Path) -> None:
    result = run_playbook(docker_variables(production, daemon.url, tmp_path, format="custom"))
    evidence = assert_all_pass(result)
    assert evidence["dump"]["transport"] == "namespace"
    assert evidence["production"]["before"]["container"]["id"] == production.id
    scratch = evidence["restore"]["scratch"]
    assert scratch["image_id"] == production.container.attrs["Image"]
    assert scratch["isolation"]["network_mode"] == "none" and scratch["isolation"]["pids_limit"] > 0
    with contextlib.closing(daemon.client()) as client:
        assert_no_container_left(client)


def test_capabilities_that_are_not_told_are_there(production: Production) -> None:
    """Podman does not say that all were dropped; where they were not, what is left is named."""
    inspected = production.container.attrs
    assert "ALL" not in inspected["HostConfig"]["CapDrop"]
    assert "CapBnd" in str(_scratch_docker._capabilities(inspected))
    # A process of somebody else says nothing of a container.
    elsewhere = {**inspected, "State": {"Pid": 1}}
    assert _scratch_docker._capabilities(elsewhere) == ["Docker's default set"]


def test_a_scratch_server_that_died_by_itself_is_reaped(daemon: Daemon, production: Production, tmp_path: Path) -> None:
    """Podman labels no volume that it makes itself: ours is made before, and found when its container is gone."""
    (tmp_path / "globals.json").write_text(json.dumps(GLOBALS))
    run_id = new_run_id()
    same = {
        "driver": "docker", "docker_host": daemon.url, "run_id": run_id, "name": f"pg-restoretest-{run_id}",
    }  # fmt: skip
    made = {**same, "image": production.container.attrs["Image"], "globals": str(tmp_path / "globals.json")}
    scratch = succeeds("pg_scratch_server", {**made, "ttl_s": 5, "memory_mb": 384})["scratch"]
    assert scratch["isolation"]["capabilities"] == []
    with contextlib.closing(daemon.client()) as client:

        def left() -> tuple[int, int]:
            """How many containers and volumes of the run there are."""
            label = {"label": f"{RUN_LABEL}={run_id}"}
            volumes = client.api.volumes(filters=label)["Volumes"] or []
            return len(client.api.containers(all=True, filters=label)), len(volumes)

        wait_until(lambda: left() == (0, 1), 30, "the end of the scratch server")
        reaped = succeeds("pg_scratch_server", {"state": "reaped", "driver": "docker", "docker_host": daemon.url})
        assert run_id in {one["run_id"] for one in reaped["reaped"]}
        assert left() == (0, 0)
    assert succeeds("pg_scratch_server", {**same, "state": "absent"})["teardown"].items() >= NOTHING_LEFT.items()


def test_rootless_passes_as_far_as_its_limits_hold(image: Any, cutter_governance: str, tmp_path: Path) -> None:
    """Without control groups of its own it limits neither memory nor processes: it says so, and that is no pass."""
    with podman.service("nobody") as daemon, contextlib.closing(daemon.client()) as client:
        with running(daemon, image, cutter_governance) as server:
            result = run_playbook(docker_variables(server, daemon.url, tmp_path))
        assert_no_container_left(client)
    assert result.evidence is not None, result.stdout
    assert result.evidence["dump"]["transport"] == "exec"
    isolation = result.evidence["restore"]["scratch"]["isolation"]
    if isolation["memory_bytes"] and isolation["pids_limit"]:
        assert_all_pass(result)
    else:
        assert_failed(result, "scratch.isolated")
        assert {name for name, status in statuses(result).items() if status == "FAIL"} == {"scratch.isolated"}
        assert "not so: a memory limit, a process limit" in result.stdout
