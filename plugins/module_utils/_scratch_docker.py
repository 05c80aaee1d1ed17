# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a scratch server in a container that can reach nothing and that nothing can reach.

No network, no port, no capability, no new privileges, a read-only root, limits, its own initdb (no two-phase start) and
a deadline inside. It is known by its labels alone. Source: Docker Engine API, ContainerCreate.
"""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
import threading
import time
from collections.abc import Iterator
from typing import Any

from ._archive_place import MOUNT_POINT
from ._deadline import deadline
from ._docker import Daemon, docker_host_or_default, is_process_of, reason_of
from ._errors import CloseoutError, NotOurs
from ._labels import BOOT_CLOCK_LABEL, EXPIRES_LABEL, RUN_LABEL
from ._scratch import (
    PORT,
    READY,
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

_HOME = "/closeout"
_BASE = f"{_HOME}/pg"
_SOCKETS = f"{_BASE}/run"
_PIDS = 256
_CAPABILITY_SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
# Where they are not given, Podman takes numbers of its own, which are more than some hosts allow.
_ULIMITS = {"nofile": 4096, "nproc": 32768}
_REMOVE_TIMEOUT_S = 60.0
# Arguments: the bootstrap superuser's name, then postgres' own.
_START = f"""
set -eu
umask 077
mkdir -p {_SOCKETS}
initdb --pgdata={_BASE}/data --username="$1" --encoding=UTF8 --locale=C --auth=trust --no-sync >/dev/null
shift
exec postgres -D {_BASE}/data "$@"
"""


class DockerDriver(Driver):
    """Scratch servers as containers of one Docker daemon."""

    def __init__(self, docker_host: str = "") -> None:
        self._daemon = Daemon(docker_host)
        self._api = self._daemon.client.api
        self._docker_host = docker_host_or_default(docker_host)

    def present(self, request: ScratchRequest) -> Scratch:
        image = self._image(request.image)
        expires = deadline(request.ttl_s)
        try:
            container_id = self._create(request, image, expires, request.os_user or "postgres")
            passwd = self._passwd(container_id)
            user = _choose_user(passwd, request.os_user)
            volume = "" if self._is_labelled(container_id, request.run_id) else self._volume(request, expires)
            if volume or user != (request.os_user or "postgres"):
                self._remove(container_id)
                container_id = self._create(request, image, expires, user, volume)
            if request.storage == "volume":
                uid, gid = passwd[user]
                self._daemon.call(
                    "prepare the scratch volume", self._api.put_archive, container_id, _HOME, _directory("pg", uid, gid)
                )
            self._start(container_id, request)
            return self._described(container_id, request.bootstrap, expires[0])
        except BaseException:
            self.absent(request.run_id, request.name)
            raise

    def _image(self, image: str) -> dict[str, Any]:
        try:
            return dict(self._api.inspect_image(image))
        except self._daemon.not_found as error:
            raise CloseoutError(
                f"The scratch image {image!r} is not on this host",
                wanted="an image with the PostgreSQL of production",
                found="no such image",
                do=f"docker pull {image}, or leave closeout_scratch_image empty for production's own image",
            ) from error

    def _create(
        self, request: ScratchRequest, image: dict[str, Any], expires: tuple[str, str], user: str, volume: str = ""
    ) -> str:
        import docker.types  # here for the reason that _docker.Daemon gives

        labels = _labels(request, expires)
        # An image's VOLUME would be an anonymous, writable volume in spite of the read-only root: cover each one.
        volumes = (image.get("Config") or image.get("ContainerConfig") or {}).get("Volumes") or {}
        tmpfs = {path: "size=1m,mode=0755" for path in volumes if path.rstrip("/") != _HOME}
        tmpfs["/tmp"] = "size=64m,mode=1777"  # noqa: S108 - inside the container
        mounts = []
        if request.storage == "tmpfs":
            tmpfs[_HOME] = f"size={request.memory_mb}m,mode=1777"
        else:
            mounts.append(docker.types.Mount(target=_HOME, source=volume or None, type="volume", labels=labels))
        if request.dump:
            mounts.append(docker.types.Mount(target=MOUNT_POINT, source=request.dump, type="bind", read_only=True))
        memory = request.memory_mb << 20
        host_config = self._api.create_host_config(
            auto_remove=True,
            cap_drop=["ALL"],
            log_config=docker.types.LogConfig(type="none"),
            mem_limit=memory,
            memswap_limit=memory,
            mounts=mounts,
            network_mode="none",
            pids_limit=_PIDS,
            read_only=True,
            security_opt=["no-new-privileges:true"],
            shm_size=memory // 4,
            tmpfs=tmpfs,
            ulimits=[docker.types.Ulimit(name=name, soft=number, hard=number) for name, number in _ULIMITS.items()],
        )
        created = self._daemon.call(
            f"create the scratch container {request.name!r}",
            self._api.create_container,
            image=image["Id"],
            # The deadline is around everything: an initdb that hangs must end too.
            entrypoint=[*ended_after(request.ttl_s), "/bin/sh", "-c", _START, "closeout"],
            command=[request.bootstrap, *server_settings(request, _SOCKETS)],
            environment={"LC_ALL": "C", "PGOPTIONS": "", "PGDATA": f"{_BASE}/data"},
            healthcheck={"test": ["NONE"]},
            host_config=host_config,
            labels=labels,
            name=request.name,
            user=user,
            working_dir="/",
        )
        return str(created["Id"])

    def _is_labelled(self, container_id: str, run_id: str) -> bool:
        """Whether every volume of a container carries the label of the run: what does not could not be found again."""
        inspected = self._daemon.call("inspect the scratch container", self._api.inspect_container, container_id)
        names = [one["Name"] for one in inspected["Mounts"] if one["Type"] == "volume"]
        return set(names) <= set(self._volumes(run_id))

    def _volume(self, request: ScratchRequest, expires: tuple[str, str]) -> str:
        """Make a volume of the scratch server's name, for Podman labels none that it makes itself. Unlike those it
        outlives its container, until it is removed or reaped."""
        created = self._daemon.call(
            "create the scratch volume", self._api.create_volume, request.name, labels=_labels(request, expires)
        )
        if created["Name"] not in self._volumes(request.run_id):
            raise CloseoutError(
                "The scratch volume could not be told from others",
                wanted=f"the label {RUN_LABEL}={request.run_id} on {created['Name']!r}",
                found="none",
                do="set closeout_scratch_storage to tmpfs",
            )
        return str(created["Name"])

    def _passwd(self, container_id: str) -> dict[str, tuple[int, int]]:
        """Return uid and gid of every user of a container that need not run."""
        pieces, _stat = self._daemon.call(
            "read the users of the scratch image", self._api.get_archive, container_id, "/etc/passwd"
        )
        with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
            file = archive.extractfile("passwd")
            text = file.read().decode("utf-8", "replace") if file else ""
        fields = (line.split(":") for line in text.splitlines())
        return {entry[0]: (int(entry[2]), int(entry[3])) for entry in fields if len(entry) >= 4 and entry[2].isdigit()}

    def _start(self, container_id: str, request: ScratchRequest) -> None:
        """Start the container and listen to it until its server says that it is ready."""
        attached: Iterator[bytes] = self._daemon.call(
            "listen to the scratch container",
            self._api.attach,
            container_id,
            stdout=True,
            stderr=True,
            stream=True,
            logs=False,
        )
        self._daemon.call(f"start the scratch container {request.name!r}", self._api.start, container_id)
        said = bytearray()
        # Listening ends with the container: one that says nothing is removed when its time to start is over.
        too_late = threading.Timer(START_TIMEOUT_S, self._remove, [container_id])
        too_late.start()
        try:
            for piece in attached:
                said += piece
                if READY.encode() in said:
                    return
        finally:
            too_late.cancel()
        raise CloseoutError(
            "The scratch server did not start",
            wanted=f"'{READY}' within {START_TIMEOUT_S:.0f} s",
            found=said.decode("utf-8", "replace").strip()[-1000:] or "no word from it",
            do="check closeout_scratch_memory_mb, and that the image has initdb, postgres and timeout on its PATH",
        )

    def _described(self, container_id: str, bootstrap: str, expires: str) -> Scratch:
        inspected = self._daemon.call("inspect the scratch container", self._api.inspect_container, container_id)
        facts = {
            "driver": "docker",
            "name": inspected["Name"].lstrip("/"),
            "container_id": inspected["Id"],
            "image": inspected["Config"]["Image"],
            "image_id": inspected["Image"],
            "started_utc": inspected["State"]["StartedAt"],
            "expires_utc": expires,
            "isolation": _isolation(inspected),
        }
        address = Address(
            container=str(inspected["Id"]),
            docker_host=self._docker_host,
            login_port=PORT,
            login_user=bootstrap,
            login_db="postgres",
            run_id=str(inspected["Config"]["Labels"][RUN_LABEL]),
        )
        return Scratch(facts, address)

    def find(self, run_id: str, name: str) -> Scratch | None:
        facts = self._daemon.find(name)
        if facts is None:
            return None
        if facts.labels.get(RUN_LABEL) != run_id or not run_id:
            raise NotOurs(
                f"The container {name!r} is no scratch server of this run",
                wanted=f"the label {RUN_LABEL}={run_id}",
                found=f"{RUN_LABEL}={facts.labels.get(RUN_LABEL, 'none')}",
                do="nothing was done to it; give the scratch server another name",
            )
        bootstrap = self._api.inspect_container(facts.id)["Config"]["Cmd"][0]
        return self._described(facts.id, bootstrap, facts.labels.get(EXPIRES_LABEL, ""))

    def absent(self, run_id: str, name: str) -> bool:
        containers = self._labelled(run_id)
        volumes = self._volumes(run_id)
        for container_id in containers:
            self._remove(container_id)
        for volume in self._volumes(run_id):
            with contextlib.suppress(self._daemon.not_found):
                self._api.remove_volume(volume)
        return bool(containers or volumes)

    def _remove(self, container_id: str) -> None:
        """Remove a container and its anonymous volume; the daemon may be doing just that by itself."""
        deadline = time.monotonic() + _REMOVE_TIMEOUT_S
        while True:
            try:
                self._api.remove_container(container_id, v=True, force=True)
                return
            except self._daemon.not_found:
                return
            except self._daemon.refusals as error:
                if time.monotonic() > deadline:
                    raise CloseoutError(
                        f"The container {container_id[:12]} cannot be removed", found=reason_of(error)
                    ) from error
            with contextlib.suppress(*self._daemon.refusals):
                self._api.wait(container_id, condition="removed", timeout=5)

    def absence(self, run_id: str, name: str) -> Absence:
        # In this order: one that goes in between is seen by its label, or not at all.
        labelled = self._labelled(run_id)
        named = [one for one in self._daemon.names() if one == name]
        return Absence(
            containers_by_name=named,
            containers_by_label=labelled,
            volumes=self._volumes(run_id, name),
            networks=self._networks(run_id, name),
            processes=list(_processes_of(labelled)),
        )

    def owned(self) -> list[Owned]:
        found = []
        listed = self._daemon.call("list containers", self._api.containers, all=True, filters={"label": RUN_LABEL})
        for one in listed:
            found.append((one["Labels"], one["Names"][0].lstrip("/") if one.get("Names") else one["Id"]))
        volumes = self._daemon.call("list volumes", self._api.volumes, filters={"label": RUN_LABEL})
        found.extend((one["Labels"], one["Name"]) for one in volumes.get("Volumes") or [])
        return [
            Owned(labels[RUN_LABEL], name, labels.get(EXPIRES_LABEL, ""), labels.get(BOOT_CLOCK_LABEL, ""))
            for labels, name in found
        ]

    def _labelled(self, run_id: str) -> list[str]:
        listed = self._daemon.call(
            "list containers", self._api.containers, all=True, filters={"label": f"{RUN_LABEL}={run_id}"}
        )
        return [str(one["Id"]) for one in listed]

    def _volumes(self, run_id: str, name: str = "") -> list[str]:
        """Return the volumes of a run by their label, and with ``name`` one of that name, too."""
        found = self._daemon.call("list volumes", self._api.volumes).get("Volumes") or []
        return [str(one["Name"]) for one in found if _is_of(one, run_id, name)]

    def _networks(self, run_id: str, name: str) -> list[str]:
        found = self._daemon.call("list networks", self._api.networks)
        return [str(one["Name"]) for one in found if _is_of(one, run_id, name)]


def _labels(request: ScratchRequest, expires: tuple[str, str]) -> dict[str, str]:
    return {RUN_LABEL: request.run_id, EXPIRES_LABEL: expires[0], BOOT_CLOCK_LABEL: expires[1]}


def _is_of(listed: dict[str, Any], run_id: str, name: str) -> bool:
    """Whether a volume or a network has the label of the run, or the name; a name of "" is none."""
    return (listed.get("Labels") or {}).get(RUN_LABEL) == run_id or (bool(name) and listed["Name"] == name)


def _choose_user(passwd: dict[str, tuple[int, int]], wanted: str) -> str:
    for name in [wanted] if wanted else ["postgres", "nobody"]:
        if name in passwd and passwd[name][0] != 0:
            return name
    raise CloseoutError(
        "The scratch server has no user to run as",
        wanted=f"user {wanted!r}, and not root" if wanted else "a user postgres or nobody in the image",
        found=", ".join(sorted(passwd)) or "no users",
        do="set closeout_scratch_os_user to an unprivileged user of the image",
    )


def _directory(name: str, uid: int, gid: int) -> bytes:
    """Return a tar archive with one private, empty directory that belongs to ``uid``."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, 0o700, uid, gid
        archive.addfile(entry)
    return buffer.getvalue()


def _isolation(inspected: dict[str, Any]) -> dict[str, Any]:
    """Return the isolation as Docker's own inspection has it."""
    host = inspected["HostConfig"]
    ports = (inspected.get("NetworkSettings") or {}).get("Ports") or {}
    return {
        "network_mode": host.get("NetworkMode") or "",
        "published_ports": sorted({*ports, *(host.get("PortBindings") or {})}),
        "capabilities": _capabilities(inspected),
        "privileged": bool(host.get("Privileged")),
        "no_new_privileges": any(one.startswith("no-new-privileges") for one in host.get("SecurityOpt") or []),
        "read_only_root": bool(host.get("ReadonlyRootfs")),
        "memory_bytes": int(host.get("Memory") or 0),
        "pids_limit": int(host.get("PidsLimit") or 0),
        "mounts": [
            *(_mount(one) for one in inspected["Mounts"]),
            *({"type": "tmpfs", "path": path, "writable": True} for path in sorted(host.get("Tmpfs") or {})),
        ],
        "user": inspected["Config"].get("User") or "root",
    }


def _capabilities(inspected: dict[str, Any]) -> list[str]:
    """Return what capabilities a process of the container can come to have.

    Docker says that all were dropped. Podman counts up those of its own default set that were, which does not say what
    is left: then the kernel is asked. What neither says is not none. Source: proc(5), capabilities(7).
    """
    host = inspected["HostConfig"]
    if "ALL" in [name.upper() for name in host.get("CapDrop") or []]:
        return sorted(host.get("CapAdd") or [])
    pid = int(inspected["State"].get("Pid") or 0)
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            pairs = dict(line.rstrip("\n").split(":\t", 1) for line in file if line.startswith("Cap"))
    except OSError:
        pairs = {}
    if not set(_CAPABILITY_SETS) <= set(pairs) or not is_process_of(pid, inspected["Id"]):
        return ["Docker's default set"]
    return [f"{name} {pairs[name]}" for name in _CAPABILITY_SETS if int(pairs[name], 16) != 0]


def _mount(inspected: dict[str, Any]) -> dict[str, Any]:
    """Return a mount; where it is one of the host's, also what of the host it is."""
    about = {"type": inspected["Type"], "path": inspected["Destination"], "writable": inspected["RW"]}
    return {**about, "source": inspected["Source"]} if inspected["Type"] == "bind" else about


def _processes_of(container_ids: list[str]) -> Iterator[str]:
    for pid in os.listdir("/proc") if container_ids else []:
        if not pid.isdigit():
            continue
        try:
            with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="replace") as file:
                groups = file.read()
        except OSError:
            continue
        if any(container_id in groups for container_id in container_ids):
            yield pid
