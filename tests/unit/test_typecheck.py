"""The type check of `make lint` finds an error where one is."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.places import ROOT

_PLANTED = """
from __future__ import annotations


def total(numbers: list[int]) -> str:
    return sum(numbers)
"""
_PLANTED_MODULE = """
from __future__ import annotations

from ansible_collections.incomex.closeout.plugins.module_utils._planted import total


def main() -> None:
    print(total(["a"]) + 1)
"""


def _check(collections: Path) -> subprocess.CompletedProcess[str]:
    """The very invocation of `make lint`, on another copy of the collection."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", "mypy-plugins", f"COLLECTIONS={collections}"],
        cwd=ROOT, env={**environment, "MYPY_CACHE_DIR": str(collections / "cache")}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


@pytest.mark.skipif(not (ROOT / ".venv").exists(), reason="a copy for ansible-test has no venv to run make lint with")
def test_a_planted_type_error_is_found(tmp_path: Path) -> None:
    plugins = tmp_path / "ansible_collections" / "incomex" / "closeout" / "plugins"
    (plugins / "module_utils").mkdir(parents=True)
    (plugins / "modules").mkdir()
    (plugins / "module_utils" / "_planted.py").write_text(_PLANTED.replace("str", "float"))
    # Of another length: mypy takes a file of the same size and second for unchanged.
    assert _check(tmp_path).returncode == 0
    (plugins / "module_utils" / "_planted.py").write_text(_PLANTED)
    (plugins / "modules" / "planted.py").write_text(_PLANTED_MODULE)
    done = _check(tmp_path)
    assert done.returncode != 0
    assert '_planted.py:6: error: Incompatible return value type (got "int", expected "str")' in done.stdout
    # Modules import by the collection's full name: the check must see through it.
    assert 'planted.py:8: error: List item 0 has incompatible type "str"; expected "int"' in done.stdout
