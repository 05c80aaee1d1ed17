# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the namespaces of a container, entered without ``docker exec``.

The words before the container's program are the host's: ``setpriv`` gives up what could bring privileges back,
``nsenter`` enters and becomes the server's user. Both are done before anything of the container runs.

The container's PID namespace is not entered: there the first process, often PostgreSQL, would be given what the program
leaves (_first_process.py). It is to have one of its own (_pid_namespace.py).
Source: setpriv(1), nsenter(1), namespaces(7).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil

from ._docker import ContainerFacts, is_process_of
from ._errors import NotOurs, ProgramFailed
from ._peer import Credentials
from ._program_host import HOST_PATH

_ENTERED = {"mount": "mnt", "ipc": "ipc", "net": "net", "uts": "uts"}
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class Namespaces:
    """A container's namespaces, held open until :meth:`close`. Raises CloseoutError where they cannot be entered.

    They are opened once, and after that the caller sees whether the container is still the same one: a process id that
    is used again cannot lead elsewhere.
    """

    def __init__(self, container: ContainerFacts) -> None:
        if os.geteuid() != 0:
            raise cannot_enter("root on the container's host", f"this is user {os.geteuid()}, not root", "become root")
        setpriv, nsenter = (_program(name) for name in ("setpriv", "nsenter"))
        with contextlib.ExitStack() as opened:
            directory = f"/proc/{container.pid}/ns"
            descriptors = {option: _opened(opened, f"{directory}/{name}") for option, name in _ENTERED.items()}
            own_user_namespace = os.stat(f"{directory}/user").st_ino != os.stat("/proc/self/ns/user").st_ino
            if not is_process_of(container.pid, container.id):
                raise NotOurs(
                    f"Process {container.pid} of this host is not container {container.name!r}",
                    wanted="a container of this host",
                    found=f"process {container.pid} is not the container's",
                )
            if own_user_namespace:
                raise cannot_enter("the host's user namespace", "the container has a user namespace of its own")
            sealed = _sealed_copy(nsenter)
            opened.callback(os.close, sealed)
            self._opened = opened.pop_all()
        # By way of this process, so that nothing of it is inherited by what runs in the container.
        own = f"/proc/{os.getpid()}/fd"
        self._words = [
            *(setpriv, "--nnp", "--clear-groups", "--inh-caps=-all"),
            f"{own}/{sealed}",
            *(f"--{option}={own}/{descriptor}" for option, descriptor in descriptors.items()),
        ]

    def words(self, user: Credentials) -> list[str]:
        """Return the words before a command that runs it in the namespaces as ``user``, without any capability.

        Raises ProgramFailed for root, which no PostgreSQL server runs as.
        """
        if user.uid == 0:
            raise cannot_enter("a server of an unprivileged user", "the process that listens is root's")
        # With --setgid nsenter drops supplementary groups as well.
        return [*self._words, "--setgid", str(user.gid), "--setuid", str(user.uid), "--"]

    def close(self) -> None:
        """Let go of the namespaces. What was started in them goes on."""
        self._opened.close()


def _program(name: str) -> str:
    found = shutil.which(name, path=HOST_PATH)
    if found is None:
        raise cannot_enter(
            "setpriv and nsenter of util-linux on the host", f"{name} is not installed", "install util-linux"
        )
    return found


def _opened(stack: contextlib.ExitStack, path: str) -> int:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise cannot_enter("the container's namespaces", f"{path}: {error.strerror or error}") from error
    stack.callback(os.close, descriptor)
    return descriptor


def _sealed_copy(path: str) -> int:
    """Return a descriptor of a copy of ``path`` in memory that nobody can change any more.

    A program that is executed inside a container is within its reach as /proc/<pid>/exe; so nsenter's own file must not
    be what is executed there (CVE-2019-5736). Source: memfd_create(2).
    """
    copy = os.memfd_create(os.path.basename(path), os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with open(path, "rb") as original, open(copy, "wb", closefd=False) as file:
            shutil.copyfileobj(original, file)
        fcntl.fcntl(copy, fcntl.F_ADD_SEALS, _SEALS)
    except OSError:
        os.close(copy)
        raise
    return copy


def cannot_enter(wanted: str, found: str, do: str = "") -> ProgramFailed:
    """Return the error for a container whose namespaces are not the way to start pg_dump."""
    other = "set closeout_transport: auto or exec"
    return ProgramFailed(
        "pg_dump cannot be started in the container's namespaces",
        wanted=wanted,
        found=found,
        do=f"{do}, or {other}" if do else other,
    )
