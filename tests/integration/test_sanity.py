"""ansible-test's sanity tests find nothing, with the ansible-core of these tests and with a later one."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support import pythons
from tests.support.ansible_test import copy_collection, run
from tests.support.debian import apt_install, on_debian_as_root

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
OLDEST = "3.9"
OF_PYTHON = ("compile", "import")
"""These run in the Python of a target; all others in that of ansible-core."""


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the collection. ansible-test writes into it, and leaves a test out whose program is not there."""
    if shutil.which("shellcheck") is None and on_debian_as_root():
        apt_install("shellcheck")
    return copy_collection(tmp_path_factory.mktemp("sanity"))


def assert_nothing_found(
    collection: Path,
    version: str,
    *arguments: str,
    ran: Sequence[str],
    python: Path = Path(sys.executable),
    target: Path | None = None,
) -> None:
    """ansible-test finds nothing, and at least the tests named by `ran` did run."""
    words = ["sanity", "--python", version, *arguments]
    done = run(python, collection, words, targets=[target] if target else [], timeout_s=540)
    assert done.returncode == 0, done.stdout
    found = set(re.findall(r'^Running sanity test "([a-z0-9-]+)"', done.stdout, re.MULTILINE))
    assert found >= set(ran), done.stdout


def only(*names: str) -> list[str]:
    return [word for name in names for word in ("--test", name)]


def test_nothing_is_found(collection: Path) -> None:
    """All tests, but for those that follow."""
    skipped = [word for name in ("pylint", *OF_PYTHON) for word in ("--skip-test", name)]
    ran = ("action-plugin-docs", "ansible-doc", "changelog", "no-assert", "pep8", "validate-modules", "yamllint")
    assert_nothing_found(collection, HERE, *skipped, ran=ran)


def test_pylint_finds_nothing_in_the_plugins(collection: Path) -> None:
    """`make sanity` lets it read the tests too, which takes it minutes."""
    assert_nothing_found(collection, HERE, *only("pylint"), "plugins/", ran=["pylint"])


def test_the_oldest_python_of_a_target_imports_everything(collection: Path) -> None:
    """With nothing installed. Where there is no Python 3.9, the one of these tests does."""
    oldest = pythons.found(OLDEST)
    assert_nothing_found(collection, OLDEST if oldest else HERE, *only(*OF_PYTHON), ran=OF_PYTHON, target=oldest)


def test_a_later_core_finds_nothing(collection: Path) -> None:
    """ansible-core 2.21, on a Python that it accepts: what depends on either. The other tests read text."""
    python, version = pythons.later_core()
    names = ("validate-modules", *OF_PYTHON)
    assert_nothing_found(collection, version, *only(*names), ran=names, python=python)


def test_a_planted_fault_is_found(tmp_path: Path) -> None:
    """What finds nothing could have looked at nothing."""
    planted = copy_collection(tmp_path)
    path = planted / "plugins" / "module_utils" / "_clock.py"
    path.write_text(path.read_text() + "\nassert True\n")
    done = run(Path(sys.executable), planted, ["sanity", "--python", HERE, *only("no-assert")], timeout_s=300)
    assert done.returncode == 1, done.stdout
    assert "plugins/module_utils/_clock.py" in done.stdout


def test_unit_tests_run_as_ansible_test_runs_them(collection: Path) -> None:
    """A few, here and now. With `--venv`, it would first install what tests/unit/requirements.txt names."""
    few = [f"tests/unit/test_{name}.py" for name in ("clock", "filter", "session")]
    done = run(Path(sys.executable), collection, ["units", "--python", HERE, *few], timeout_s=540)
    assert done.returncode == 0, done.stdout
    assert re.search(r"=+ [0-9]+ passed in ", done.stdout), done.stdout
