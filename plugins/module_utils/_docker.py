# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the Docker daemon, and what it says of a container.

Nothing here changes anything. Source: Docker Engine API, ContainerInspect and ContainerList.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ._errors import CloseoutError, ConnectionFailed

DEFAULT_DOCKER_HOST = "unix:///var/run/docker.sock"
_TIMEOUT_S = 60
# Docker's own rule for the name of a container; an id keeps to it too.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class ContainerFacts:
    """One container as inspected. Times are UTC text as Docker writes it; ``health`` is "" without a health check."""

    id: str
    name: str
    image: str
    image_id: str
    state: str
    started_utc: str
    restart_count: int
    health: str
    pid: int
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    labels: dict[str, str] = field(default_factory=dict)
    mounts: dict[str, str] = field(default_factory=dict, repr=False)
    """Host paths by the paths in the container where they are mounted, read-only ones alone."""

    def public(self, status_text: str) -> dict[str, Any]:
        """Return what a record may show of it, with :meth:`Daemon.status_text`."""
        return {
            "id": self.id,
            "name": self.name,
            "image": self.image,
            "image_id": self.image_id,
            "status_text": status_text,
            "started_utc": self.started_utc,
            "restart_count": self.restart_count,
            "health": self.health,
        }


def docker_host_or_default(docker_host: str) -> str:
    """Return the daemon's address: as given, else Docker's own default socket."""
    return docker_host or DEFAULT_DOCKER_HOST


class Daemon:
    """A connection to one Docker daemon. Every refusal of the daemon becomes a CloseoutError.

    ``refusals`` and ``not_found`` are what the SDK raises, for calls that do not go through :meth:`call`.
    """

    def __init__(self, docker_host: str = "") -> None:
        try:
            # Here, because it takes half a second, and a server outside containers needs none of it.
            import docker.errors
            import requests.exceptions
        except ImportError as error:
            raise CloseoutError(
                "The Python package docker is missing on the target",
                wanted="docker >= 5.0 in the target's ansible_python_interpreter",
                found=str(error),
                do="run the playbook incomex.closeout.prepare, or install python3-docker",
            ) from error
        self.refusals = (docker.errors.DockerException, requests.exceptions.RequestException)
        self.not_found = docker.errors.NotFound
        self.address = docker_host_or_default(docker_host)
        try:
            self.client = docker.DockerClient(base_url=self.address, version="auto", timeout=_TIMEOUT_S)
        except self.refusals as error:
            raise ConnectionFailed(
                f"The Docker daemon at {self.address} does not answer",
                wanted="a running daemon that this user may talk to",
                found=reason_of(error),
                do="start it, correct closeout_docker_host, or let the job become root",
            ) from error

    def call(self, what: str, function: Callable[..., _Result], *args: Any, **kwargs: Any) -> _Result:
        """Call one function of the SDK; ``what`` names the intention in the error. Raises CloseoutError."""
        try:
            return function(*args, **kwargs)
        except self.refusals as error:
            raise CloseoutError(f"Docker could not {what}", found=reason_of(error)) from error

    @property
    def is_local(self) -> bool:
        """True where the daemon is reached by a Unix socket, so that its processes may be this host's."""
        return self.address.startswith(("unix://", "http+unix://"))

    def find(self, container: str) -> ContainerFacts | None:
        """Return the facts of a container by name or id, or None where there is none."""
        # It becomes a part of an address: what is no name could be another address of the daemon.
        if not _NAME.fullmatch(container):
            return None
        try:
            found = self.client.api.inspect_container(container)
        except self.not_found:
            return None
        except self.refusals as error:
            raise CloseoutError(f"Docker could not inspect {container!r}", found=reason_of(error)) from error
        return _facts(found)

    def running(self, container: str) -> ContainerFacts:
        """Return the facts of a container that runs; raises CloseoutError where it does not."""
        facts = self.find(container)
        if facts is None:
            names = ", ".join(sorted(self.names())) or "none at all"
            raise CloseoutError(
                f"There is no container {container!r}",
                wanted="the container that runs the server, by name or id",
                found=f"these containers: {names[:500]}",
                do="correct closeout_container or closeout_docker_host",
            )
        if facts.state != "running" or facts.pid <= 0:
            raise CloseoutError(
                f"The container {container!r} is not running",
                wanted="state running",
                found=f"state {facts.state}",
                do=f"docker {'unpause' if facts.state == 'paused' else 'start'} {facts.name}",
            )
        return facts

    def names(self) -> list[str]:
        """Return the names of all containers, running or not."""
        listed = self.call("list containers", self.client.api.containers, all=True)
        return [name.lstrip("/") for item in listed for name in (item.get("Names") or [])]

    def neighbours(self, *, without: set[str], without_label: str) -> list[dict[str, Any]]:
        """Return id, name, state, start and restart count of every container that is not in ``without`` (ids)
        and does not carry the label ``without_label``."""
        listed = self.call("list containers", self.client.api.containers, all=True)
        found = []
        for item in listed:
            if item["Id"] in without or without_label in (item.get("Labels") or {}):
                continue
            facts = self.find(item["Id"])
            if facts is not None:
                found.append(
                    {
                        "id": facts.id,
                        "name": facts.name,
                        "state": facts.state,
                        "started_utc": facts.started_utc,
                        "restart_count": facts.restart_count,
                    }
                )
        return sorted(found, key=lambda one: str(one["name"]))

    def status_text(self, container_id: str) -> str:
        """Return the state of a container in Docker's own words, which an inspection does not have; "" for none."""
        listed = self.call("list containers", self.client.api.containers, all=True, filters={"id": container_id})
        return str(listed[0]["Status"]) if listed else ""


def is_process_of(pid: int, container_id: str) -> bool:
    """Tell whether process ``pid`` of this host belongs to the container: its control group or its mounts name it.

    With a daemon on another host, the same number is somebody else's process.
    """
    for source in ("cgroup", "mountinfo"):
        try:
            with open(os.path.join("/proc", str(pid), source), encoding="utf-8", errors="replace") as file:
                if container_id in file.read():
                    return True
        except OSError:
            continue
    return False


def _facts(inspected: dict[str, Any]) -> ContainerFacts:
    state = inspected["State"]
    pairs = (entry.partition("=") for entry in inspected["Config"].get("Env") or [])
    return ContainerFacts(
        id=inspected["Id"],
        name=inspected["Name"].lstrip("/"),
        image=inspected["Config"].get("Image") or "",
        image_id=inspected["Image"],
        state=state.get("Status") or "",
        started_utc=state.get("StartedAt") or "",
        restart_count=int(inspected.get("RestartCount") or 0),
        health=(state.get("Health") or {}).get("Status") or "",
        pid=int(state.get("Pid") or 0),
        environment={name: value for name, _mark, value in pairs},
        labels=inspected["Config"].get("Labels") or {},
        mounts={one["Destination"]: one["Source"] for one in inspected.get("Mounts") or [] if not one.get("RW")},
    )


def reason_of(error: BaseException) -> str:
    explanation = getattr(error, "explanation", None)
    return str(explanation or error)
