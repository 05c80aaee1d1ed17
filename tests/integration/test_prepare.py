"""A python for the target: the virtual environment that prepare makes, and the distribution's own packages."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import containers, postgres
from tests.support.debian import apt_install, on_debian_as_root
from tests.support.playbook import PlaybookResult, run_playbook

PREPARE = "incomex.closeout.prepare"
DISTRIBUTION = "/usr/bin/python3"


def inventory(python: str) -> str:
    """This host as the target, with the interpreter that its modules run with."""
    return f"[closeout]\nlocalhost ansible_connection=local ansible_python_interpreter={python}\n"


def prepare(venv: Path, *, check: bool = False) -> PlaybookResult:
    """`ansible-playbook incomex.closeout.prepare -i inventory.yml`; the inventory names the new python already."""
    return run_playbook(
        {"closeout_venv": str(venv), "closeout_venv_python": sys.executable},
        playbook=PREPARE,
        check=check,
        inventory=inventory(f"{venv}/bin/python"),
    )


def guard(python: str, directory: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """Run pg_sysid_guard as Ansible ships it, with an interpreter that does not have the collection."""
    playbook = directory / "guard.yml"
    task = {"name": "Guard", "incomex.closeout.pg_sysid_guard": dict(options)}
    playbook.write_text(yaml.safe_dump([{"hosts": "closeout", "gather_facts": False, "tasks": [task]}]))
    result = run_playbook({}, playbook=str(playbook), inventory=inventory(python))
    assert result.rc == 0, result.stdout
    found: dict[str, Any] = result.task("Guard")["result"]
    return found


def connection(production: postgres.Cluster) -> dict[str, Any]:
    return {"login_unix_socket": str(production.socket_dir), "login_user": production.user, "login_db": "directus"}


@pytest.fixture(scope="module")
def distribution_python() -> str:
    """The distribution's python with python3-psycopg2 and python3-docker."""

    def has_them() -> bool:
        return (
            subprocess.run([DISTRIBUTION, "-c", "import psycopg2, docker"], capture_output=True, check=False).returncode
            == 0
        )

    if not Path(DISTRIBUTION).exists():
        pytest.skip(f"there is no {DISTRIBUTION}")
    if not has_them() and on_debian_as_root():
        apt_install("python3-psycopg2", "python3-docker")
    if not has_them():
        pytest.skip("python3-psycopg2 and python3-docker are not installed, and only root on Debian may install them")
    return DISTRIBUTION


def test_an_environment_that_runs_a_module(tmp_path: Path, production_cluster: postgres.Cluster) -> None:
    venv = tmp_path / "below" / "venv"

    planned = prepare(venv, check=True)
    assert planned.rc == 0, planned.stdout
    assert planned.stats["localhost"]["changed"] == 1
    assert not venv.parent.exists(), "check mode made something"

    made = prepare(venv)
    assert made.rc == 0, made.stdout
    assert made.stats["localhost"]["changed"] == 2
    assert f"ansible_python_interpreter: {venv}/bin/python" in made.stdout

    again = prepare(venv)
    assert again.rc == 0, again.stdout
    assert again.stats["localhost"]["changed"] == 0

    checked = prepare(venv, check=True)
    assert checked.rc == 0, checked.stdout
    assert checked.stats["localhost"]["changed"] == 0

    found = guard(f"{venv}/bin/python", tmp_path, connection(production_cluster))
    assert found["sysid"] == production_cluster.sysid


def test_an_environment_without_pip_is_completed(tmp_path: Path) -> None:
    """What Debian leaves behind where python3-venv is missing."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    result = prepare(venv)
    assert result.rc == 0, result.stdout
    assert os.access(venv / "bin" / "pip", os.X_OK)


def test_no_host_is_a_failure() -> None:
    result = run_playbook({"closeout_hosts": "nobody"}, playbook=PREPARE)
    assert result.rc != 0
    assert "No host matches nobody" in result.stdout


def test_distribution_packages_do_as_well(
    distribution_python: str, tmp_path: Path, production_cluster: postgres.Cluster
) -> None:
    found = guard(distribution_python, tmp_path, connection(production_cluster))
    assert found["sysid"] == production_cluster.sysid
    assert found["container"] is None


def test_distribution_packages_reach_a_container(
    distribution_python: str, tmp_path: Path, production_container: containers.Production, docker_host: str
) -> None:
    production = production_container
    found = guard(
        distribution_python,
        tmp_path,
        {
            "container": production.name,
            "docker_host": docker_host,
            "login_user": production.user,
            "login_db": production.db,
        },
    )
    assert found["sysid"] == production.sysid
    assert found["container"]["id"] == production.id
