"""The controller's ansible-core: a later one than that of these tests closes out, however modules reach the target."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.integration.closeouts import assert_all_pass, local_variables
from tests.support import pythons
from tests.support.places import ROOT
from tests.support.playbook import run_playbook
from tests.support.postgres import Cluster
from tests.support.share import share


@pytest.mark.parametrize("pipelining", share(["1", "0"], 2))
def test_a_later_core_runs_a_closeout(production_cluster: Cluster, tmp_path: Path, pipelining: str) -> None:
    """Our actions build on Ansible's own, which each version may change."""
    python, _version = pythons.later_core()
    result = run_playbook(
        {**local_variables(production_cluster, tmp_path), "ansible_python_interpreter": sys.executable},
        programs=python.parent,
        env={"ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"), "ANSIBLE_PIPELINING": pipelining},
    )
    evidence = assert_all_pass(result)
    assert evidence["run"]["orchestrator"]["ansible_core"].startswith("2.21.")
