# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the Unix socket of a PostgreSQL server that runs in a container of this host.

The directory is found inside the container's own root, and whoever answers must live in the container's mount
namespace: with ``--pid=host`` the process id namespace proves nothing, and a path can be made to lead elsewhere.
"""

from __future__ import annotations

import os
import socket
import stat

from ._docker import ContainerFacts, Daemon, is_process_of
from ._errors import ConnectionFailed, NotOurs
from ._peer import Credentials, credentials_of
from ._rootfs import RootFs

_USUAL_DIRECTORIES = ("/var/run/postgresql", "/run/postgresql", "/tmp")  # noqa: S108 - PostgreSQL's own default
_MAX_PIDFILE_BYTES = 4096


def open_socket_directory(daemon: Daemon, container: ContainerFacts, port: int) -> tuple[int, str]:
    """Return the directory in which the server of ``container`` keeps its socket for ``port``: a descriptor, and the
    path inside the container.

    With ``/proc/self/fd/<descriptor>`` as host, libpq reaches that very directory. The caller closes it.
    Raises ConnectionFailed where there is no such socket, NotOurs where the process is not this host's.
    """
    if not daemon.is_local or not is_process_of(container.pid, container.id):
        raise NotOurs(
            f"Process {container.pid} of this host is not container {container.name!r}",
            wanted="the task to run on the host of the Docker daemon, with the host's /proc",
            found=f"a daemon at {daemon.address} whose containers are not visible here",
            do="run against the Docker host itself, or leave closeout_container empty and use closeout_login_host",
        )
    wanted = f".s.PGSQL.{port}"
    looked = []
    with RootFs(container.pid) as root:
        for path in [*_directories_told_by_the_server(container.pid, port), *_USUAL_DIRECTORIES]:
            if path in looked:
                continue
            looked.append(path)
            try:
                directory = root.open_directory(path)
            except OSError:
                continue
            if _is_socket(wanted, directory):
                return directory, path
            os.close(directory)
    raise ConnectionFailed(
        f"No PostgreSQL server answers in container {container.name!r}",
        wanted=f"the socket {wanted} in one of {', '.join(looked)}",
        found="none",
        do="check that this container runs PostgreSQL, that it has finished starting, and closeout_login_port",
    )


def assert_peer(connected: socket.socket, container: ContainerFacts) -> Credentials:
    """Return who is behind a connected Unix socket; raise NotOurs unless that process lives in ``container``."""
    peer = credentials_of(connected)
    try:
        same = os.stat(f"/proc/{peer.pid}/ns/mnt").st_ino == os.stat(f"/proc/{container.pid}/ns/mnt").st_ino
    except OSError:
        same = False
    if not same:
        raise NotOurs(
            f"The server behind the socket of container {container.name!r} does not run in that container",
            wanted="a process in the container's own mount namespace",
            found=f"process {peer.pid}",
            do="look for a socket directory that is shared between containers or with the host",
        )
    return peer


def _directories_told_by_the_server(pid: int, port: int) -> list[str]:
    """Read postmaster.pid of every server in the mount namespace of ``pid``: a server's working directory is its
    data directory, and line 4 and 5 of that file are its port and first socket directory."""
    try:
        namespace = os.stat(f"/proc/{pid}/ns/mnt").st_ino
    except OSError:
        return []
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            if os.stat(f"/proc/{name}/ns/mnt").st_ino != namespace:
                continue
            with open(f"/proc/{name}/comm", encoding="utf-8", errors="replace") as comm:
                if not comm.read().startswith(("postgres", "postmaster")):
                    continue
            lines = _read_pidfile(name)
        except OSError:
            continue
        if len(lines) >= 5 and lines[3].strip() == str(port):
            directory = lines[4].strip()
            found.append(directory if directory.startswith("/") else os.path.join(lines[1].strip(), directory))
    return sorted(set(found))


def _read_pidfile(process: str) -> list[str]:
    directory = os.open(f"/proc/{process}/cwd", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with os.fdopen(os.open("postmaster.pid", flags, dir_fd=directory), "rb") as file:
            return file.read(_MAX_PIDFILE_BYTES).decode("utf-8", "replace").splitlines()
    finally:
        os.close(directory)


def _is_socket(name: str, directory: int) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode)
    except OSError:
        return False
