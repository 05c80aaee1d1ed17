"""Each task of a play is a process of its own; what the first one's action loads, the others need not compile again."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

from tests.support.places import ROOT

ACTION = "ansible_collections.incomex.closeout.plugins.action.closeout_begin"


@pytest.mark.parametrize("role", ["closeout", "verify"])
def test_a_role_begins_with_the_action(role: str) -> None:
    tasks = yaml.safe_load((ROOT / "roles" / role / "tasks" / "begin.yml").read_text())
    assert "incomex.closeout.closeout_begin" in tasks[0]


def test_the_action_loads_every_filter() -> None:
    program = f"import sys, {ACTION}; print(*(name for name in sys.modules if '.plugins.filter.' in name))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {name.rpartition(".")[2] for name in done.stdout.split()}
    assert loaded == {path.stem for path in (ROOT / "plugins" / "filter").glob("*.py")}
