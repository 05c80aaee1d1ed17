# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a scratch server without Docker: its own cluster in a private directory.

Only a Unix socket, never TCP; as an unprivileged user, without new privileges, and in a network namespace of its own
when started by root. Its supervisor ends it at the deadline and removes the directory, whatever became of us.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable
from typing import Any

from ._clock import utc_now
from ._confined import as_user, confined
from ._deadline import deadline
from ._errors import CloseoutError, NotOurs
from ._files import read_whole
from ._peer import peer_of
from ._pipes import given
from ._running import is_at_work
from ._scratch import (
    PORT,
    START_TIMEOUT_S,
    Absence,
    Driver,
    Owned,
    Scratch,
    ScratchRequest,
    ended_after,
    server_settings,
)
from ._server import Address

DIRECTORY = "/var/tmp"  # noqa: S108 - on disk, reachable for an unprivileged user, sticky
_PREFIX = "closeout-scratch-"
_MARKER = "scratch.json"
_LONG_PAST = "1970-01-01T00:00:00.000000Z"
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_STOP_TIMEOUT_S = 15.0
# As closeout_plan makes it.
_OWN_RUN_ID = re.compile(r"[0-9a-f]{12}")
# Arguments: the private directory, the programs' directory, the bootstrap superuser, then postgres' own.
_SERVE = """
directory="$1"; programs="$2"; user="$3"
shift 3
"$programs/initdb" --pgdata="$directory/data" --username="$user" --encoding=UTF8 --locale=C --auth=trust --no-sync \\
    >initdb.log 2>&1 || exit 1
exec "$programs/postgres" -D "$directory/data" "$@" >server.log 2>&1
"""
# Arguments: the private directory, then a command. Whatever ends it, its last words are told and the directory goes.
# Nobody listens once the server is ready: a word of the shell itself must not end it then.
_SUPERVISE = """
trap "" PIPE
umask 077
cd "$1" || exit 1
directory="$1"
shift
"$@"
tail -q -c 1000 initdb.log server.log >&2 2>/dev/null
cd / && rm -rf -- "$directory"
"""


class LocalDriver(Driver):
    """Scratch servers as processes of this host, made with the programs in ``bin_dir``."""

    def __init__(self, bin_dir: str = "") -> None:
        self._bin_dir = bin_dir

    def check(self, os_user: str) -> None:
        """Raise CloseoutError unless there are programs, and a user that can run them."""
        programs = self.programs()
        user = _os_user(os_user)
        argv = [*as_user(user), "test", "-x", os.path.join(programs, "initdb")]
        environment = {"PATH": _SYSTEM_PATH}
        # run_command adds to our own environment; this one is made of nothing.
        tried = subprocess.run(argv, env=environment, cwd="/", check=False, capture_output=True)  # pylint: disable=ansible-bad-function
        if tried.returncode != 0:
            raise CloseoutError(
                f"User {user.pw_name} cannot run the programs in {programs}",
                wanted="initdb and postgres that the user of the scratch server may run",
                found="no permission on the way there",
                do="set closeout_bin_dir to a place that this user can reach, or closeout_scratch_os_user",
            )

    def present(self, request: ScratchRequest) -> Scratch:
        programs = self.programs()
        directory = _path(request.run_id)
        user = _os_user(request.os_user)
        expires, on_boot_clock = deadline(request.ttl_s)
        marker = {
            "run_id": request.run_id,
            "name": request.name,
            "bootstrap": request.bootstrap,
            "os_user": user.pw_name,
            "bin_dir": programs,
            "started_utc": utc_now(),
            "expires_utc": expires,
            "expires_boot": on_boot_clock,
        }
        try:
            os.mkdir(directory, 0o700)
        except OSError as error:
            raise CloseoutError(
                "The directory of the scratch server cannot be made",
                wanted=f"a new directory {directory}",
                found=error.strerror or str(error),
            ) from error
        try:
            os.mkdir(os.path.join(directory, "run"), 0o700)
            with open(os.path.join(directory, _MARKER), "w", encoding="ascii") as file:
                json.dump(marker, file)
            if os.geteuid() == 0:
                for path in (os.path.join(directory, "run"), os.path.join(directory, _MARKER), directory):
                    os.chown(path, user.pw_uid, user.pw_gid)
            supervisor = self._launch(request, directory, programs, user)
            self._wait(supervisor, directory)
            return self._described(marker, directory)
        except BaseException:
            self.absent(request.run_id, request.name)
            raise

    def programs(self) -> str:
        """Return the directory of initdb and postgres: as given, else on PATH, else Debian's newest."""
        candidates = [self._bin_dir] if self._bin_dir else []
        if not candidates:
            on_path = shutil.which("initdb", path=_SYSTEM_PATH)
            debian = sorted(
                glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: path.split("/")[4].zfill(4), reverse=True
            )
            candidates = ([os.path.dirname(os.path.realpath(on_path))] if on_path else []) + debian
        for directory in candidates:
            if all(os.path.isfile(os.path.join(directory, name)) for name in ("initdb", "postgres")):
                return directory
        raise CloseoutError(
            "The programs of a PostgreSQL server are not on this host",
            wanted="initdb and postgres",
            found=f"not in {', '.join(candidates) or 'PATH'}",
            do="set closeout_bin_dir, or use closeout_scratch_driver: docker",
        )

    def _launch(
        self, request: ScratchRequest, directory: str, programs: str, user: pwd.struct_passwd
    ) -> subprocess.Popen[bytes]:
        argv = [
            *confined(user, own=directory),
            *("/bin/sh", "-c", _SUPERVISE, "closeout", directory),
            *ended_after(request.ttl_s),
            *("/bin/sh", "-c", _SERVE, "closeout", directory, programs, request.bootstrap),
            *server_settings(request, os.path.join(directory, "run")),
        ]
        try:
            # It goes on while we do other things; run_command would wait for its end.
            return subprocess.Popen(  # pylint: disable=ansible-bad-function
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                # The last words of a server that ends at once: its log goes with the directory.
                stderr=subprocess.PIPE,
                env={"PATH": _SYSTEM_PATH, "LC_ALL": "C"},
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise CloseoutError(
                "The scratch server cannot be started", wanted=f"the program {argv[0]}", found=str(error)
            ) from error

    def _wait(self, supervisor: subprocess.Popen[bytes], directory: str) -> None:
        """Wait until the server's pid file says ``ready``: its last line, written by the postmaster itself."""
        errors = given(supervisor.stderr)
        deadline = time.monotonic() + START_TIMEOUT_S
        said = ""
        while time.monotonic() < deadline:
            if _state(directory) == "ready":
                errors.close()
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                supervisor.wait(0.02)
                said = errors.read().decode("utf-8", "replace").strip()
                break
        raise CloseoutError(
            "The scratch server did not start",
            wanted=f"a server that is ready within {START_TIMEOUT_S:.0f} s",
            found=_last_words(directory) or said or "no word from it",
            do="check that closeout_bin_dir can be read by the user it runs as (closeout_scratch_os_user)",
        )

    def _described(self, marker: dict[str, Any], directory: str) -> Scratch:
        pid = _postmaster(directory)
        facts = {
            "driver": "local",
            "name": marker["name"],
            "container_id": "",
            "image": marker["bin_dir"],
            "image_id": "",
            "started_utc": marker["started_utc"],
            "expires_utc": marker["expires_utc"],
            "path": directory,
            "isolation": _isolation(pid),
        }
        address = Address(
            login_unix_socket=os.path.join(directory, "run"),
            login_port=PORT,
            login_user=marker["bootstrap"],
            login_db="postgres",
            bin_dir=marker["bin_dir"],
            program_user=marker["os_user"],
            run_id=marker["run_id"],
        )
        return Scratch(facts, address)

    def find(self, run_id: str, name: str) -> Scratch | None:
        directory = _path(run_id)
        marker = _marker(directory, ("run_id", "name", "bootstrap", "os_user", "bin_dir", "started_utc", "expires_utc"))
        if marker is None:
            return None
        if marker["run_id"] != run_id:
            raise NotOurs(f"{directory} is no scratch server of this run", wanted=run_id, found=str(marker["run_id"]))
        return self._described(marker, directory)

    def absent(self, run_id: str, name: str) -> bool:
        directory = _path(run_id)
        processes = _processes_in(directory)
        with contextlib.suppress(CloseoutError, ProcessLookupError):
            server = _postmaster(directory)
            # The directory is the scratch user's: what listens there now may be another server.
            if server in processes:
                os.kill(server, signal.SIGQUIT)
                _wait_until(lambda: server not in _processes_in(directory))
        for pid in _processes_in(directory):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _wait_until(lambda: not _processes_in(directory))
        there = os.path.isdir(directory) and not os.path.islink(directory)
        if there:
            shutil.rmtree(directory, ignore_errors=True)
        return bool(there or processes)

    def absence(self, run_id: str, name: str) -> Absence:
        directory = _path(run_id)
        return Absence(
            processes=[str(pid) for pid in _processes_in(directory)],
            paths=[directory] if os.path.lexists(directory) else [],
        )

    def owned(self) -> list[Owned]:
        found = []
        for directory in sorted(glob.glob(os.path.join(DIRECTORY, _PREFIX + "*"))):
            marker = _marker(directory, ("run_id", "name", "expires_utc"))
            if marker is None:
                run_id = directory.rpartition(_PREFIX)[2]
                if _OWN_RUN_ID.fullmatch(run_id) and _is_unmarked(directory) and not is_at_work(run_id):
                    found.append(Owned(run_id, os.path.basename(directory), _LONG_PAST, ""))
            elif directory == _path(marker["run_id"]):
                name, expires_utc = marker["name"], marker["expires_utc"]
                found.append(Owned(marker["run_id"], name, expires_utc, str(marker.get("expires_boot"))))
        return found


def _path(run_id: str) -> str:
    if not run_id.isalnum():
        raise CloseoutError("A run id is needed", wanted="letters and digits", found=repr(run_id))
    return os.path.join(DIRECTORY, _PREFIX + run_id)


def _os_user(wanted: str) -> pwd.struct_passwd:
    """Return the user the server runs as: ourselves, or for root an unprivileged one that no other server runs as.

    What a dump commands must not be able to do what production's own user may.
    """
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    taken = _users_of_servers()
    refused = []
    for name in [wanted] if wanted else ["postgres", "nobody", "daemon"]:
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            if user.pw_uid != 0 and user.pw_uid not in taken:
                return user
            refused.append(f"{name}, who is root or runs another PostgreSQL server")
    raise CloseoutError(
        "The scratch server has no user to run as",
        wanted=f"the unprivileged user {wanted}" if wanted else "an unprivileged user: postgres, nobody or daemon",
        found="; ".join(refused) or "no such user on this host",
        do="set closeout_scratch_os_user to a user that runs no server on this host",
    )


def _users_of_servers() -> set[int]:
    """Return the user ids of all PostgreSQL servers of this host, but for scratch servers."""
    found = set()
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            with open(f"/proc/{name}/comm", encoding="utf-8", errors="replace") as comm:
                is_server = comm.read().strip() in ("postgres", "postmaster")
            if is_server and not os.readlink(f"/proc/{name}/cwd").startswith(os.path.join(DIRECTORY, _PREFIX)):
                found.add(os.stat(f"/proc/{name}").st_uid)
    return found


def _marker(directory: str, fields: tuple[str, ...]) -> dict[str, Any] | None:
    """Return what the mark in ``directory`` says, or None where it does not have all of ``fields`` as texts.

    It belongs to the scratch server's user, who may have written anything into it.
    """
    if not os.path.isdir(directory) or os.path.islink(directory):
        return None
    try:
        marker = json.loads(read_whole(os.path.join(directory, _MARKER), 1 << 16))
    except (CloseoutError, ValueError):
        return None
    whole = isinstance(marker, dict) and all(isinstance(marker.get(field), str) for field in fields)
    return marker if whole else None


def _is_unmarked(directory: str) -> bool:
    """Whether this is a directory of ours whose making was cut off: nothing of the server is there yet."""
    with contextlib.suppress(OSError):
        status = os.lstat(directory)
        own = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
        return own and set(os.listdir(directory)) <= {"run", _MARKER}
    return False


def _pidfile(directory: str) -> list[str]:
    try:
        return read_whole(os.path.join(directory, "data", "postmaster.pid"), 1 << 12).decode("ascii").splitlines()
    except (CloseoutError, UnicodeDecodeError):
        return []


def _state(directory: str) -> str:
    lines = _pidfile(directory)
    return lines[7].strip() if len(lines) >= 8 else ""


def _postmaster(directory: str) -> int:
    """Return the server's process id as we see it: its own pid file may be of another pid namespace."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_STOP_TIMEOUT_S)
        try:
            probe.connect(os.path.join(directory, "run", f".s.PGSQL.{PORT}"))
        except OSError as error:
            raise CloseoutError(
                "The scratch server has ended", wanted="its socket", found=_last_words(directory) or str(error)
            ) from error
        return peer_of(probe)


def _isolation(pid: int) -> dict[str, Any]:
    """Return the isolation as the kernel has it for process ``pid``. Source: proc(5)."""
    status: dict[str, str] = {}
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        for line in file:
            key, _mark, value = line.partition(":")
            status[key] = value.strip()
    private = os.stat(f"/proc/{pid}/ns/net").st_ino != os.stat("/proc/self/ns/net").st_ino
    uid = int(status["Uid"].split()[0])
    capabilities = int(status["CapEff"], 16)
    with contextlib.suppress(KeyError):
        return {
            "network_mode": "none" if private else "unix socket only",
            "published_ports": [],
            "capabilities": [] if capabilities == 0 else [f"mask {capabilities:#x}"],
            "privileged": uid == 0,
            "no_new_privileges": status.get("NoNewPrivs") == "1",
            "read_only_root": False,
            "memory_bytes": 0,
            "pids_limit": 0,
            "mounts": [],
            "user": pwd.getpwuid(uid).pw_name,
        }
    raise CloseoutError(f"User id {uid} has no name on this host")


def _processes_in(directory: str) -> list[int]:
    """Return the processes of the scratch server in ``directory``: its user's that work there or were started for it,
    and our own supervisor. Nobody else's, whatever their working directory is."""
    try:
        owner = os.lstat(directory).st_uid
    except OSError:
        owner = -1
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            user = os.stat(f"/proc/{name}").st_uid
            working = os.readlink(f"/proc/{name}/cwd").removesuffix(" (deleted)")
            with open(f"/proc/{name}/cmdline", "rb") as file:
                arguments = file.read().split(b"\0")
        except OSError:
            continue
        inside = working == directory or working.startswith(directory + "/")
        started = b"closeout" in arguments and directory.encode() in arguments
        supervises = started and arguments[0] in (b"unshare", b"/bin/sh") and user == os.geteuid()
        if supervises or (user == owner or (owner == -1 and user != 0)) and (inside or started):
            found.append(int(name))
    return found


def _wait_until(condition: Callable[[], bool]) -> None:
    """Wait until ``condition`` holds, or the time is up: what is left is found and told afterwards."""
    deadline = time.monotonic() + _STOP_TIMEOUT_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)


def _last_words(directory: str) -> str:
    for name in ("server.log", "initdb.log"):
        try:
            text = read_whole(os.path.join(directory, name), 1 << 20).decode("utf-8", "replace").strip()
        except CloseoutError:
            continue
        if text:
            return text[-1000:]
    return ""
