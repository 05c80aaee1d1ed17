"""A Docker daemon for the tests: the one that answers, or a private one that is started and stopped again."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import docker
import docker.errors
import requests

from tests.support import session
from tests.support.debian import apt_install, on_debian_as_root
from tests.support.disks import mount, mount_itself, unmount_below
from tests.support.places import CACHE, try_lock, wait_until

DEFAULT_URL = "unix:///var/run/docker.sock"
_START_S = 40.0
_STOP_S = 40.0
_VOLUMES_MB = 4096
_SLOTS = 8


class Unavailable(Exception):
    """No daemon can be had here; the message says why and what would help."""


@dataclass(frozen=True)
class Daemon:
    """A daemon that answers: its URL, and whether it is ours alone (so that everything on it is ours)."""

    url: str
    private: bool

    def client(self, timeout_s: int = 60) -> docker.DockerClient:
        """A new client; close it when done."""
        return docker.DockerClient(base_url=self.url, timeout=timeout_s)


@contextlib.contextmanager
def daemon() -> Iterator[Daemon]:
    """Give a daemon for the time of the block; Unavailable when there is none and none can be started."""
    if os.environ.get("CLOSEOUT_DOCKER") == "skip":
        raise Unavailable("CLOSEOUT_DOCKER=skip")
    if os.geteuid() != 0:
        raise Unavailable(
            "the tests with containers need root: a container's socket is reached through /proc/<pid>/root"
        )
    url = running()
    if url is not None:
        if not url.startswith("unix://"):
            raise Unavailable(f"{url}: the tests need a daemon on this machine, reached over its Unix socket")
        yield Daemon(url, private=False)
        return
    with _private() as url:
        yield Daemon(url, private=True)


def running() -> str | None:
    """The URL of the daemon that answers here, whoever it belongs to; None when there is none."""
    url = os.environ.get("DOCKER_HOST") or DEFAULT_URL
    return url if answers(url) else None


def answers(url: str) -> bool:
    """Whether a daemon answers at `url` within a few seconds."""
    try:
        with contextlib.closing(docker.DockerClient(base_url=url, timeout=5)) as client:
            return bool(client.ping())
    except (docker.errors.DockerException, requests.RequestException):
        return False


def _program() -> str:
    """The path of dockerd, installed first where that is possible."""
    if shutil.which("dockerd") is None:
        if not on_debian_as_root():
            raise Unavailable("no Docker daemon answers, and dockerd is not installed")
        try:
            apt_install("docker.io")
        except subprocess.CalledProcessError as error:
            raise Unavailable(f"no Docker daemon answers, and installing docker.io failed: {error}") from error
    return shutil.which("dockerd") or "dockerd"


def _slot(cache: Path) -> tuple[Path, int]:
    """A data root that no parallel run uses, and the descriptor that holds its lock. Images stay for the next run."""
    for number in range(1, _SLOTS + 1):
        lock = try_lock(cache / f"{number}.lock")
        if lock is not None:
            return cache / str(number), lock
    raise Unavailable(f"all {_SLOTS} private daemons of {cache} are in use")


@contextlib.contextmanager
def _private() -> Iterator[str]:
    """Run a dockerd of our own, without network, and stop it afterwards; gives its URL."""
    # Where the session's files lie in memory, those of its databases in containers do, too.
    with own(volumes_mb=_VOLUMES_MB if session.in_memory() else 0) as one:
        yield one.url


@contextlib.contextmanager
def own(*arguments: str, volumes_mb: int = 0) -> Iterator[Own]:
    """Give a running dockerd of the caller's own, with more `arguments`; it and all that is on it goes afterwards.

    `volumes_mb`: its volumes are on a small file system of their own.
    """
    program = _program()
    data, lock = _slot(CACHE / "docker")
    # Short: the daemon makes sockets below it.
    runtime = Path(tempfile.mkdtemp(prefix="dk", dir=session.TMP))
    try:
        if volumes_mb:
            (data / "volumes").mkdir(parents=True, exist_ok=True)
            # Else the daemon does it, over what is mounted below.
            mount_itself(data)
            mount(data / "volumes", volumes_mb)
        one = Own(program, data, runtime, arguments)
        try:
            one.start()
            _empty(one.url)
            yield one
        finally:
            one.end()
    finally:
        unmount_below(runtime)
        unmount_below(data)
        shutil.rmtree(runtime)
        os.close(lock)


class Own:
    """A dockerd of our own without network, which can be stopped and started again."""

    def __init__(self, program: str, data: Path, runtime: Path, arguments: Sequence[str]) -> None:
        """What it keeps is below `data`, what it needs while it runs below `runtime`."""
        self.url = f"unix://{runtime}/sock"
        self.data = data
        self._log = runtime / "log"
        self._command = [
            # pdeathsig: a session that is killed takes its daemon along.
            "setpriv", "--pdeathsig", "TERM", program, "--host", self.url, "--data-root", str(data),
            "--exec-root", str(runtime / "exec"), "--pidfile", str(runtime / "pid"),
            "--bridge", "none", "--iptables=false", "--shutdown-timeout", "5", *arguments,
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, where it does not run, and return once it answers; Unavailable when it does not."""
        if self._process is None:
            with self._log.open("ab") as output:
                self._process = subprocess.Popen(
                    self._command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
                )
            _wait(self._process, self.url, self._log)

    def stop(self) -> None:
        """Stop it, where it runs. With `--live-restore` its containers go on."""
        process, self._process = self._process, None
        if process is not None:
            _stop(process)

    def end(self) -> None:
        """Stop it for good, and whatever goes on without it."""
        try:
            if "--live-restore" in self._command:
                self.start()
                _empty(self.url)
        finally:
            self.stop()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Return once the daemon answers; Unavailable with the end of its log when it does not."""

    def has_come() -> bool:
        """Whether it answers; Unavailable when it has ended."""
        if process.poll() is not None:
            raise Unavailable(f"a private dockerd did not start:\n{_tail(log)}")
        return answers(url)

    try:
        wait_until(has_come, _START_S, "dockerd", poll_s=0.1)
    except TimeoutError as error:
        raise Unavailable(f"a private dockerd did not answer: {error}\n{_tail(log)}") from error


def _empty(url: str) -> None:
    """Remove what a killed session left in this data root; its images stay."""
    with contextlib.closing(docker.DockerClient(base_url=url)) as client:
        for container in client.containers.list(all=True):
            container.remove(force=True, v=True)
        for volume in client.volumes.list():
            volume.remove(force=True)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the daemon, and with it its containerd."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(_STOP_S)


def _tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
