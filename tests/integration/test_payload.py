"""All modules of the collection go to the target in one payload, and each is still itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.incomex.closeout.plugins.modules.closeout_module import main_of

from tests.support.modules import run_module
from tests.support.places import ROOT
from tests.support.playbook import run_adhoc, run_playbook
from tests.support.share import share

PAYLOAD = "closeout_module"
# They are done on the controller, by actions of their own.
ACTIONS = ("closeout_begin", "closeout_copy")
_ALL = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
MODULES = [name for name in _ALL if name not in (PAYLOAD, *ACTIONS)]


def test_every_module_is_in_the_payload() -> None:
    """And each is sent by our action, which has the payload's own name."""
    runtime: dict[str, Any] = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
    routed = {name: route["action_plugin"] for name, route in runtime["plugin_routing"]["modules"].items()}
    assert routed == dict.fromkeys(MODULES, "incomex.closeout.closeout_module")
    for name in MODULES:
        chosen = main_of(name)
        assert chosen is not None
        assert chosen.__module__.endswith(f"._main_{name}")
    assert main_of(PAYLOAD) is None
    assert main_of("") is None


@pytest.mark.parametrize("name", share(MODULES, 3))
def test_a_module_in_the_payload_has_its_own_name_and_arguments(name: str) -> None:
    alone = run_module(name, {"nonsense": 1})
    assert alone.failed
    shipped = run_adhoc(name, {"nonsense": 1})
    assert shipped.returncode != 0
    said = json.loads(shipped.stdout.partition("FAILED! =>")[2])["msg"]
    assert said == alone.msg.replace("(basic.py)", f"(incomex.closeout.{name})")


def test_the_payload_alone_is_no_module_for_a_play() -> None:
    alone = run_module(PAYLOAD, {})
    assert (alone.failed, "use the module that it would run" in alone.msg) == (True, True), alone


def test_a_play_builds_one_payload(tmp_path: Path) -> None:
    """Seen by what is left on the target where Ansible is told to leave it: two modules, one payload."""
    nobody = {"closeout_container": "", "closeout_login_unix_socket": str(tmp_path), "closeout_scratch_driver": "local"}
    kept = {"ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_REMOTE_TEMP": str(tmp_path / "sent")}
    result = run_playbook({**nobody, "closeout_root": str(tmp_path / "root")}, check=True, env=kept)
    assert "problems" in result.task("Plan the run")["result"], result.stdout
    assert result.task("runs that are gone left")["status"] == "ok", result.stdout
    sent = [path.name for path in (tmp_path / "sent").rglob("AnsiballZ_*")]
    assert sent == [f"AnsiballZ_{PAYLOAD}.py"] * 2


def test_a_pipelined_payload_is_read_at_once(tmp_path: Path) -> None:
    """And not byte by byte, as Python reads a program on its input: a second of every three."""
    calls = tmp_path / "calls"
    wrapper = tmp_path / "python"
    wrapper.write_text(f'#!/bin/sh\necho "$# $1 $2" >>{calls}\nexec {sys.executable} "$@"\n')
    wrapper.chmod(0o755)
    result = run_playbook(
        {"closeout_container": "", "closeout_login_unix_socket": str(tmp_path), "closeout_scratch_driver": "local",
         "closeout_root": str(tmp_path / "root")},
        check=True,
        inventory=f"[closeout]\nlocalhost ansible_connection=local ansible_python_interpreter={wrapper}\n",
        env={"ANSIBLE_PIPELINING": "1"},
    )  # fmt: skip
    assert "problems" in result.task("Plan the run")["result"], result.stdout
    assert result.task("runs that are gone left")["status"] == "ok", result.stdout
    told = calls.read_text().splitlines()
    assert len(told) == 2
    assert all(one.startswith("2 -c ") and "sys.stdin.buffer.read()" in one for one in told), told
