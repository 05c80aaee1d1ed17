"""The target's python: 3.9, the oldest that we promise, runs a whole closeout; every file parses as 3.9."""

from __future__ import annotations

import ast
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.closeouts import assert_all_pass, local_variables
from tests.support.places import CACHE, ROOT, locked
from tests.support.playbook import run_playbook
from tests.support.postgres import Cluster


@pytest.mark.parametrize("path", sorted((ROOT / "plugins").rglob("*.py")), ids=lambda path: str(path.name))
def test_every_file_parses_as_3_9(path: Path) -> None:
    """No syntax that the oldest target does not know."""
    ast.parse(path.read_text(), feature_version=(3, 9))


def python_3_9() -> Path:
    """A venv of Python 3.9 with the two packages that the target needs; made once, kept in the cache."""
    found = [shutil.which("python3.9"), *map(str, Path.home().glob(".pyenv/versions/3.9.*/bin/python3.9"))]
    bases = [
        base
        for base in found
        if base and subprocess.run([base, "--version"], capture_output=True, check=False).returncode == 0
    ]
    if not bases:
        pytest.skip("there is no Python 3.9 here")
    directory = CACHE / "python3.9"
    CACHE.mkdir(exist_ok=True)
    with locked(CACHE / "python3.9.lock"):
        if not (directory / "ready").exists():
            subprocess.run([bases[0], "-m", "venv", "--clear", str(directory)], check=True)
            requirements = ROOT / "requirements.txt"
            subprocess.run([str(directory / "bin/pip"), "install", "--quiet", "-r", str(requirements)], check=True)
            (directory / "ready").touch()
    return directory / "bin/python"


def test_the_oldest_python_runs_a_closeout(production_cluster: Cluster, tmp_path: Path) -> None:
    """All modules, as Ansible ships them, in that python."""
    python = python_3_9()
    result = run_playbook(
        {**local_variables(production_cluster, tmp_path), "ansible_python_interpreter": str(python)},
        arguments=["-vvv"],
    )
    assert_all_pass(result)
    assert str(python) in result.stdout
