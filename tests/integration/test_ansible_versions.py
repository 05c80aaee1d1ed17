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


def test_an_earlier_core_is_refused_with_what_is_wanted(tmp_path: Path) -> None:
    """Before any host is asked, and not by whatever it stumbles over first."""
    base = pythons.found("3.11", "3.12")
    if base is None:
        pytest.skip("there is no Python 3.11 or 3.12 here")
    python = pythons.venv("ansible-core-2.17", base, ["ansible-core>=2.17,<2.18"])
    for playbook in ("incomex.closeout.closeout", "incomex.closeout.verify"):
        result = run_playbook(
            {"closeout_root": str(tmp_path)},
            playbook=playbook,
            check=True,
            inventory="[closeout]\nnobody ansible_connection=local ansible_python_interpreter=/nonexistent\n",
            programs=python.parent,
            env={"ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections")},
        )
        assert result.rc == 2, result.stdout
        assert "ansible-core is too old: wanted 2.19 or later, found 2.17." in result.stdout
        # Nothing came after it, on any host.
        assert [task["name"] for task in result.tasks] == ["See that this ansible-core can run it"]
    assert list(tmp_path.iterdir()) == []
