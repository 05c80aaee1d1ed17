"""The target's python: 3.9, the oldest that we promise, runs a whole closeout; every file parses as 3.9."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.integration.closeouts import assert_all_pass, local_variables
from tests.support import pythons
from tests.support.places import ROOT
from tests.support.playbook import run_playbook
from tests.support.postgres import Cluster


@pytest.mark.parametrize("path", sorted((ROOT / "plugins").rglob("*.py")), ids=lambda path: str(path.name))
def test_every_file_parses_as_3_9(path: Path) -> None:
    """No syntax that the oldest target does not know."""
    ast.parse(path.read_text(), feature_version=(3, 9))


def python_3_9() -> Path:
    """A venv of Python 3.9 with the oldest psycopg2 that was built for it; made once, kept in the cache."""
    base = pythons.found("3.9")
    if base is None:
        pytest.skip("there is no Python 3.9 here")
    return pythons.venv("python3.9-psycopg2-2.8", base, ["psycopg2-binary==2.8.6", "docker"])


def test_the_oldest_python_runs_a_closeout(production_cluster: Cluster, tmp_path: Path) -> None:
    """All modules, as Ansible ships them, in that python."""
    python = python_3_9()
    result = run_playbook(
        {**local_variables(production_cluster, tmp_path), "ansible_python_interpreter": str(python)},
        arguments=["-vvv"],
    )
    assert_all_pass(result)
    assert str(python) in result.stdout
