"""A Podman of the test's own, reached by its Docker-compatible socket; all that it keeps is below one directory."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import docker
import docker.types
import pytest
from docker.models.images import Image

from tests.support import session
from tests.support.debian import apt_install, on_debian_as_root
from tests.support.disks import unmount_below
from tests.support.docker import Daemon, answers
from tests.support.places import wait_until

# Podman's own are more than some hosts allow, and its API has no defaults for them.
ULIMITS = [docker.types.Ulimit(name="nofile", soft=4096, hard=4096)]
ULIMITS += [docker.types.Ulimit(name="nproc", soft=32768, hard=32768)]
_NEEDED = {"podman": "podman", "runc": "runc", "newuidmap": "uidmap", "catatonit": "catatonit"}
# Where the kernel has no overlay for users.
_NEEDED["fuse-overlayfs"] = "fuse-overlayfs"
_START_S, _STOP_S = 30.0, 20.0
# A program that was started by the API keeps its monitor for five minutes, or as long as this; the locks of containers
# would be in a file that all Podmans of the host share.
_CONFIGURATION = """\
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
exit_command_delay = 1
lock_type = "file"
"""
# Whose containers these are has ids for the users in them.
_IDS = "{user}:200000:65536\n"
_AS_USER = """\
set -e
# What is mounted over must be there; Debian makes these with the first user.
for file in /etc/subuid /etc/subgid; do
    [ -e "$file" ] || : >"$file"
done
mount --bind "$1" /etc/subuid
mount --bind "$1" /etc/subgid
user=$2
shift 2
exec setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups --pdeathsig TERM "$@"
"""


@contextlib.contextmanager
def service(user: str = "") -> Iterator[Daemon]:
    """Give a Podman, of root or of another user, rootless; skips where there is none.

    With the block all that it made goes.
    """
    _install()
    # Short: the path of a socket has room for 107 bytes.
    directory = Path(tempfile.mkdtemp(prefix="pm", dir=session.TMP))
    try:
        directory.chmod(0o755)
        for name in ("root", "run", "tmp", "x"):
            (directory / name).mkdir(mode=0o700)
        (directory / "containers.conf").write_text(_CONFIGURATION)
        (directory / "ids").write_text(_IDS.format(user=user))
        if user:
            owner = pwd.getpwnam(user)
            for path in (directory, *directory.iterdir()):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        with _running(directory, user) as url:
            yield Daemon(url, private=True)
    finally:
        shutil.rmtree(directory)


def load(client: docker.DockerClient, image: Image) -> Image:
    """Take an image over from another daemon."""
    with tempfile.TemporaryFile(dir=session.TMP) as archive:
        for piece in image.save(named=True):
            archive.write(piece)
        archive.seek(0)
        (loaded,) = client.images.load(archive)
    return loaded


def _install() -> None:
    """Install what is needed, or skip."""
    missing = [package for program, package in _NEEDED.items() if shutil.which(program) is None]
    if missing and not on_debian_as_root():
        pytest.skip(f"not installed: {', '.join(missing)}")
    if missing:
        apt_install(*missing)


@contextlib.contextmanager
def _running(directory: Path, user: str) -> Iterator[str]:
    """Run the service; gives its URL."""
    url = f"unix://{directory}/sock"
    command = [
        "podman", "--root", f"{directory}/root", "--runroot", f"{directory}/run", "--tmpdir", f"{directory}/tmp",
        # Else a user's containers are whole copies of the image.
        "--storage-driver", "overlay",
        # Not crun, which refuses a host that has control groups of both versions.
        "--runtime", str(shutil.which("runc")), "system", "service", "--time=0", url,
    ]  # fmt: skip
    if user:
        apart = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _AS_USER, "sh"]
        command = [*apart, str(directory / "ids"), user, *command]
    log = directory / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *command],
            cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            env={
                "PATH": os.environ["PATH"], "HOME": str(directory), "XDG_RUNTIME_DIR": f"{directory}/x",
                "CONTAINERS_CONF": f"{directory}/containers.conf", "TMPDIR": f"{directory}/tmp",
            },
        )  # fmt: skip
    try:
        wait_until(lambda: _answers(process, url, log), _START_S, "podman")
        yield url
    finally:
        _end(process, directory)


def _answers(process: subprocess.Popen[bytes], url: str, log: Path) -> bool:
    """Whether it answers; RuntimeError when it has ended."""
    if process.poll() is not None:
        raise RuntimeError(f"podman did not start:\n{log.read_text(errors='replace')}")
    return answers(url)


def _end(process: subprocess.Popen[bytes], directory: Path) -> None:
    """End it, and what it leaves at work: monitors of containers, and what holds its namespaces."""

    def gone() -> bool:
        """Whether nothing of it is left; what is, is killed."""
        pids = _of(directory)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return process.poll() is not None and not pids

    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_S)
    wait_until(gone, _STOP_S, "the end of podman")
    unmount_below(directory)


def _of(directory: Path) -> Sequence[int]:
    """The processes of a Podman below a directory, whoever's children they have become."""
    found = []
    for pid in session.descendants(session.supervisor()):
        with contextlib.suppress(OSError):
            process = Path("/proc") / str(pid)
            if f"{directory}/".encode() in (process / "environ").read_bytes() + (process / "cmdline").read_bytes():
                found.append(pid)
    return found
