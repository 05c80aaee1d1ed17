"""The whole collection, as a user runs it: ansible-playbook, in a directory of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import session

BIN = Path(sys.executable).parent
CLOSEOUT = "incomex.closeout.closeout"
# In the inventory, because interpreter discovery may pick a python without psycopg2.
LOCAL = "localhost ansible_connection=local ansible_python_interpreter='{{ ansible_playbook_python }}'"
# What a run is without all that makes the tests faster: as whoever changes nothing has it.
AS_USERS_HAVE_IT = {"CLOSEOUT_TESTS_COMPILED": "", "ANSIBLE_PIPELINING": "0"}
_CALLBACKS = Path(__file__).parent / "callbacks"
_COMPILED = Path(__file__).with_name("compiled")


@dataclass(frozen=True)
class PlaybookResult:
    """What a run ended with.

    `stats` per host (ok, changed, failures, unreachable, …), `custom_stats` as set by set_stats, `tasks` with every
    result in order, `evidence` the parsed closeout.json and `artefact` its directory (None when none was written).
    """

    rc: int
    stdout: str
    stats: dict[str, dict[str, int]]
    custom_stats: dict[str, Any]
    tasks: list[dict[str, Any]]
    evidence: dict[str, Any] | None
    artefact: Path | None

    def task(self, name: str) -> dict[str, Any]:
        """The last result of the task called `name`, else of one whose name contains it; AssertionError without."""
        called = [task for task in self.tasks if task["name"].split(" : ")[-1] == name]
        found = called or [task for task in self.tasks if name in task["name"]]
        assert found, f"no task named {name!r} in {[task['name'] for task in self.tasks]}"
        return found[-1]


def environment(directory: Path) -> dict[str, str]:
    """Our environment for ansible programs: what they write is below `directory`, no user's configuration is read."""
    configuration = directory / "ansible.cfg"
    configuration.touch()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return {
        **kept,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "ANSIBLE_CONFIG": str(configuration),
        "ANSIBLE_HOME": str(directory / "home"),
        "ANSIBLE_LOCAL_TEMP": str(directory / "local"),
        "ANSIBLE_REMOTE_TEMP": str(directory / "remote"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_SHOW_CUSTOM_STATS": "1",
        "ANSIBLE_CALLBACK_PLUGINS": str(_CALLBACKS),
        "ANSIBLE_CALLBACKS_ENABLED": "closeout_record,closeout_payload",
        "CLOSEOUT_RECORD": str(directory / "record.json"),
        **compiled_once(),
    }


def compiled_once() -> dict[str, str]:
    """The variables with which a session's programs keep what they compiled, for each other."""
    directory = session.TMP / "compiled"
    directory.mkdir(exist_ok=True)
    return {"CLOSEOUT_TESTS_COMPILED": str(directory), "PYTHONPATH": str(_COMPILED)}


def run_playbook(
    extra_vars: Mapping[str, Any],
    *,
    playbook: str = CLOSEOUT,
    check: bool = False,
    inventory: str | None = None,
    arguments: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    timeout_s: float = 300,
    programs: Path = BIN,
) -> PlaybookResult:
    """Run a playbook (a name with the collection's, or a path) on this host, or on the hosts of `inventory` (INI text).
    `programs` is where ansible-playbook is.

    Modules come by their program's input, which is faster; other tests, and the demo, do without (pipelining). The
    artefact directory is the one that the run's statistics name, else the newest below closeout_root.
    """
    with tempfile.TemporaryDirectory(prefix="play", dir=session.TMP) as name:
        directory = Path(name)
        (directory / "vars.json").write_text(json.dumps(dict(extra_vars)))
        (directory / "hosts").write_text(inventory if inventory is not None else f"[closeout]\n{LOCAL}\n")
        done = subprocess.run(
            [str(programs / "ansible-playbook"), playbook, "-i", str(directory / "hosts"),
             "-e", f"@{directory / 'vars.json'}", *(["--check"] if check else []), *arguments],
            cwd=directory, env={**environment(directory), "ANSIBLE_PIPELINING": "1", **(env or {})},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout_s,
            check=False,
        )  # fmt: skip
        record: dict[str, Any] = {"stats": {}, "custom": {}, "tasks": []}
        if (directory / "record.json").exists():
            record = json.loads((directory / "record.json").read_text())
    custom = record["custom"].get("_run", {})
    artefact = _artefact(custom, extra_vars)
    evidence = json.loads((artefact / "closeout.json").read_text()) if artefact else None
    return PlaybookResult(done.returncode, done.stdout, record["stats"], custom, record["tasks"], evidence, artefact)


def _artefact(custom: Mapping[str, Any], extra_vars: Mapping[str, Any]) -> Path | None:
    """The directory with the run's closeout.json, if one was written."""
    if custom.get("closeout_artifact"):
        named = Path(custom["closeout_artifact"])
        return named if (named / "closeout.json").exists() else None
    root = extra_vars.get("closeout_root")
    found = sorted(Path(root).glob("*/closeout.json"), key=lambda path: path.stat().st_mtime) if root else []
    return found[-1].parent if found else None


def run_adhoc(module: str, args: Mapping[str, Any], *, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
    """`ansible localhost -m incomex.closeout.<module>`: the real AnsiballZ, which ships only what is imported."""
    with tempfile.TemporaryDirectory(prefix="adhoc", dir=session.TMP) as name:
        directory = Path(name)
        return subprocess.run(
            [str(BIN / "ansible"), "localhost", "-c", "local", "-m", f"incomex.closeout.{module}",
             "-a", json.dumps(dict(args)), "-e", "ansible_python_interpreter={{ansible_playbook_python}}"],
            cwd=directory, env=environment(directory), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=timeout_s, check=False,
        )  # fmt: skip
