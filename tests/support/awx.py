"""Jobs as AWX runs them: the project, its collections, an inventory and extra vars in a private data directory, run by
ansible-runner on this node, or on another one over a stream.

What AWX does beyond that (awx/main/tasks/jobs.py) is done here alike: answers of a survey are text marked as unsafe,
credentials come as extra vars in files of their own, the inventory is a program that prints JSON.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import jinja2.sandbox
import yaml

from tests.support.places import ROOT
from tests.support.playbook import BIN, environment

PROJECT = ROOT / "examples" / "awx"
# AWX ends a job that prints nothing for that long, where it was told to. A question would be silence without end.
_IDLE_S = 60
_JOB_S = 300
_IDENT = "job"
_RUNNER = (str(BIN / "ansible-runner"),)
# Where AWX puts what a project's collections/requirements.yml names.
_COLLECTIONS = "requirements_collections"
Meanwhile = Callable[["subprocess.Popen[bytes]", Path], None]


class _Unsafe(str):
    """Text that Ansible must not take for a template."""


class _Writer(yaml.SafeDumper):
    """Marks such text."""


class _Reader(yaml.SafeLoader):
    """Reads what is marked as text."""


_Writer.add_representer(_Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text)))
_Reader.add_constructor("!unsafe", lambda _loader, node: str(node.value))


@dataclass(frozen=True)
class Job:
    """What a job ended with: its status and return code, and its events in order, as AWX gets them."""

    status: str
    rc: int
    events: list[dict[str, Any]]

    @property
    def output(self) -> str:
        """What it printed."""
        return "\n".join(event["stdout"] for event in self.events if event["stdout"])

    @property
    def artifacts(self) -> dict[str, Any]:
        """What it hands to the next job of a workflow; empty if it never came to its end."""
        found: dict[str, Any] = {}
        for event in self.events:
            found = event.get("event_data", {}).get("artifact_data") or found
        return found


def project_file(name: str) -> Any:
    """A YAML file of the example's project."""
    return yaml.load((PROJECT / name).read_text(), _Reader)


def answers(**given: str) -> dict[str, str]:
    """The survey's answers, by variable, as text; what is not given is what the survey proposes, or empty."""
    questions = project_file("vars/survey.yml")["survey"]["spec"]
    proposed = {question["variable"]: str(question.get("default", "")) for question in questions}
    unasked = set(given) - set(proposed)
    assert not unasked, f"the survey does not ask {unasked}"
    return {**proposed, **given}


def injected(credential_type: str, **inputs: str) -> dict[str, str]:
    """The extra vars that a credential of one of the example's types makes of its inputs."""
    templates = project_file("vars/credential_types.yml")[credential_type]["injectors"]["extra_vars"]
    sandbox = jinja2.sandbox.ImmutableSandboxedEnvironment()
    return {name: sandbox.from_string(template).render(**inputs) for name, template in templates.items()}


def _marked(value: Any) -> Any:
    """The same with every text in it marked as unsafe."""
    if isinstance(value, Mapping):
        return {name: _marked(one) for name, one in value.items()}
    return _Unsafe(value) if isinstance(value, str) else value


class Node:
    """A private data directory, and what runs a job in it."""

    def __init__(
        self,
        directory: Path,
        collections: Path,
        *,
        extra_vars: Mapping[str, Any],
        host_vars: Mapping[str, Any] | None = None,
        credentials: Sequence[Mapping[str, str]] = (),
        arguments: Sequence[str] = (),
    ) -> None:
        """Make one below ``directory``. Production is this host, with ``host_vars``; there is another host in
        the inventory, elsewhere.
        """
        self.directory = directory
        self.data = directory / "runner"
        shutil.copytree(PROJECT, self.data / "project")
        shutil.copytree(collections, self.data / _COLLECTIONS)
        self._write("env/extravars", yaml.dump(_marked(extra_vars), Dumper=_Writer))
        words = ["-u", "root", *arguments]
        for number, variables in enumerate(credentials):
            self._write(f"env/credential{number}", yaml.dump(_marked(variables), Dumper=_Writer))
            # From the project's directory: where all of it is, is another node's business.
            words += ["-e", f"@../env/credential{number}"]
        self._write("env/cmdline", " ".join(words))
        self._write("env/settings", json.dumps({"idle_timeout": _IDLE_S, "job_timeout": _JOB_S}))
        self._write("inventory/hosts", _inventory(host_vars or {}), mode=0o700)

    def run(self, playbook: str) -> Job:
        """Run a job to its end on this node."""
        done = self._runner(["run", str(self.data), "--playbook", playbook, "--ident", _IDENT], data=self.data)
        return self._job(done)

    def run_elsewhere(self, playbook: str, meanwhile: Meanwhile | None = None) -> Job:
        """Run a job to its end on another node, which has nothing but what is sent there, and sends back what it has
        to say: `ansible-runner transmit /runner --playbook closeout.yml | ansible-runner worker |
        ansible-runner process /runner`. ``meanwhile`` gets the process over there, and the file of what came back so
        far.
        """
        sent, came, other = self.directory / "sent", self.directory / "came", self.directory / "other"
        arguments = [str(self.data), "--playbook", playbook, "--ident", _IDENT]
        with sent.open("wb") as stream:
            assert self._runner(["transmit", *arguments], data=self.data, stdout=stream) == 0
        (self.data / _COLLECTIONS).rename(self.directory / "not-over-there")
        with sent.open("rb") as source, came.open("wb") as target:
            worker = subprocess.Popen(
                [*_RUNNER, "worker", f"--private-data-dir={other}", "--delete"],
                env=self._environment(other), cwd=self.directory, stdin=source, stdout=target,
            )  # fmt: skip
            try:
                if meanwhile:
                    meanwhile(worker, came)
                worker.wait(_JOB_S)
            finally:
                worker.kill()
                worker.wait()
        assert not other.exists()
        with came.open("rb") as stream:
            done = self._runner(["process", str(self.data), "--ident", _IDENT], data=self.data, stdin=stream)
        return self._job(done)

    def _job(self, rc: int) -> Job:
        artifacts = self.data / "artifacts" / _IDENT
        events = [json.loads(path.read_text()) for path in (artifacts / "job_events").glob("[0-9]*.json")]
        return Job((artifacts / "status").read_text(), rc, sorted(events, key=lambda event: int(event["counter"])))

    def _write(self, name: str, text: str, mode: int = 0o600) -> None:
        path = self.data / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def _environment(self, data: Path) -> dict[str, str]:
        kept = {name: value for name, value in environment(self.directory).items() if "CALLBACK" not in name}
        return {
            **kept,
            "ANSIBLE_COLLECTIONS_PATH": str(data / _COLLECTIONS),
            # The tests' own python has the collection, too.
            "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false",
        }

    def _runner(
        self, arguments: list[str], *, data: Path, stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None
    ) -> int:
        return subprocess.run(
            [*_RUNNER, *arguments],
            env=self._environment(data),
            cwd=self.directory,
            # Nobody is there to answer.
            stdin=stdin or subprocess.DEVNULL,
            stdout=stdout,
            timeout=_JOB_S,
            check=False,
        ).returncode


def _inventory(host_vars: Mapping[str, Any]) -> str:
    """A program that prints the inventory, as AWX writes one."""
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        # The project says what is true of hosts that are reached by SSH.
        "ansible_become": False,
        **host_vars,
    }
    inventory = {
        "closeout": {"hosts": ["production"]},
        "others": {"hosts": ["elsewhere"]},
        "_meta": {"hostvars": {"production": variables, "elsewhere": {}}},
    }
    return f"#!/usr/bin/env python3\nprint({json.dumps(inventory)!r})\n"
