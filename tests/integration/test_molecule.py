"""The Molecule scenarios, as a contributor runs them: `molecule test -s NAME`; nothing is left of any of them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.support import session
from tests.support.places import ROOT
from tests.support.playbook import environment
from tests.support.postgres import Cluster

NAME = "closeout-molecule"


@pytest.fixture(autouse=True)
def nothing_left(docker_client: docker.DockerClient) -> Iterator[None]:
    """Whatever became of a scenario, what it made is gone."""
    yield
    names = {str(one.name) for one in docker_client.containers.list(all=True)}
    names |= {str(one.name) for one in docker_client.volumes.list()}
    names |= {path.name for path in session.TMP.iterdir()}
    assert not [name for name in names if NAME in name]


def molecule(
    scenario: str, directory: Path, docker_host: str, image: str, bin_dir: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """`molecule test` of a scenario; what Molecule itself keeps is below `directory`."""
    return subprocess.run(
        ["molecule", "test", "--scenario-name", scenario, *(["--", *arguments] if arguments else [])],
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
        check=False,
        env={
            **environment(directory), "ANSIBLE_PIPELINING": "1",
            "CLOSEOUT_BIN_DIR": str(bin_dir), "CLOSEOUT_IMAGE": image, "DOCKER_HOST": docker_host,
            "MOLECULE_EPHEMERAL_DIRECTORY": str(directory / "molecule"), "NO_COLOR": "1",
        },
    )  # fmt: skip


@pytest.mark.parametrize("scenario", ["default", "failing", "local", "standby", "teardown"])
def test_a_scenario(
    docker_host: str, production_image: str, production_cluster: Cluster, tmp_path: Path, scenario: str
) -> None:
    done = molecule(scenario, tmp_path, docker_host, production_image, production_cluster.bin_dir)
    assert done.returncode == 0, done.stdout
    # A step without its playbook is no failure for Molecule.
    for step in ("converge", "verify", "destroy"):
        assert f"{scenario} > {step}: Executed: Successful" in done.stdout


def test_a_closeout_that_fails_is_destroyed_as_well(
    docker_host: str, production_image: str, production_cluster: Cluster, tmp_path: Path
) -> None:
    arguments = ("--extra-vars", "closeout_user=nobody_of_that_name")
    done = molecule("default", tmp_path, docker_host, production_image, production_cluster.bin_dir, *arguments)
    assert done.returncode != 0
    assert "default > converge: Executed: Failed" in done.stdout
    assert "default > verify" not in done.stdout
    assert "default > destroy: Executed: Successful" in done.stdout
