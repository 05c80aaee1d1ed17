"""Finds what a session left behind: containers, volumes, networks, processes, files with our prefix."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterable
from pathlib import Path

import docker

from tests.support import module_servers, session
from tests.support.places import wait_until

# Where the collection or a test might put something of its own.
_PLACES = (Path("/tmp"), Path("/var/tmp"), Path("/run"), Path("/dev/shm"))
_SETTLE_S = float(os.environ.get("CLOSEOUT_TEST_SETTLE_S", "10"))


def paths() -> set[Path]:
    """Everything named closeout* in the places for temporary files, and in our own temporary directory."""
    return {path for place in (*_PLACES, session.TMP) if place.exists() for path in place.glob("closeout*")} - {
        session.TMP
    }


def processes(supervisor: int) -> dict[int, str]:
    """What descends from this session and still runs, but for the session itself.

    Should the supervisor have been killed, its place as our parent is taken by somebody whose processes are not ours.
    A worker answers for what it started: an orphan of one may be anybody's, until all have ended.
    """
    found = session.descendants(supervisor if os.getppid() == supervisor else os.getpid())
    found.pop(os.getpid(), None)
    return found


def docker_objects(client: docker.DockerClient, private: bool) -> set[str]:
    """Containers, volumes and networks, one readable line each; on somebody else's daemon only what is marked ours."""
    containers = client.api.containers(all=True)
    volumes = client.api.volumes()["Volumes"] or []
    networks = client.api.networks()
    lines = {(f"container {item['Names'][0][1:]} ({item['State']})", _ours(item)) for item in containers}
    lines |= {(f"volume {item['Name']}", _ours(item)) for item in volumes}
    lines |= {(f"network {item['Name']}", _ours(item)) for item in networks}
    return {line for line, ours in lines if ours or private}


def _ours(item: dict[str, object]) -> bool:
    """Whether a label or the name says that a test or the collection made this."""
    labels = item.get("Labels")
    names = item.get("Names") or [item.get("Name")]
    marks: list[str] = [
        *(labels if isinstance(labels, dict) else {}),
        *map(str, names if isinstance(names, list) else []),
    ]
    return any("closeout" in mark or "pg-restoretest" in mark for mark in marks)


class Watch:
    """Compares the end of a session with its beginning. Make one at the start; each `check_…` adds to `found`."""

    def __init__(self, supervisor: int) -> None:
        """Look at files and remember them; `supervisor` is the pid that `session.begin` gave."""
        self._supervisor = supervisor
        self.found: list[str] = []
        self._paths = paths()
        self._docker: set[str] = set()

    def docker_begins(self, client: docker.DockerClient, private: bool) -> None:
        """Remember what the daemon has before the first test."""
        self._docker = docker_objects(client, private)

    def check_docker(self, client: docker.DockerClient, private: bool) -> list[str]:
        """What the daemon has more than at the beginning; auto-remove gets a moment."""
        return self._add(lambda: docker_objects(client, private) - self._docker)

    def processes(self) -> dict[int, str]:
        """What this session started and still runs: pid -> command line."""
        return processes(self._supervisor)

    def check_processes(self) -> list[str]:
        """Processes of ours that still run (they get a moment to end); then they are killed."""
        module_servers.end()
        left = self._add(lambda: {f"process {pid}: {command}" for pid, command in self.processes().items()})
        for pid in self.processes() if left else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return left

    def check_paths(self) -> list[str]:
        """Files of ours that are still there. Other sessions have directories of their own, and these do not count."""
        return self._add(
            lambda: {f"path {path}" for path in paths() - self._paths if not path.name.startswith(session.PREFIX)}
        )

    def add(self, lines: Iterable[str]) -> None:
        """Add what somebody else found, a worker for example, and nothing twice."""
        self.found += [line for line in lines if line not in self.found]

    def _add(self, look: Callable[[], Iterable[str]]) -> list[str]:
        """Look until nothing is left or the time is up; what is left then is found."""
        try:
            wait_until(lambda: not look(), _SETTLE_S, "the last things to go")
        except TimeoutError:
            left = sorted(look())
            self.add(left)
            return left
        return []
