# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the files that a scratch server will have, read before there is one and without running
any of them: this host's, or those of an image.

Docker reads an image's files through a container alone. That container is never started, can reach nothing, has no
volume, carries the run's label and a deadline, and is removed at once.
Source: Docker Engine API, ContainerCreate and ContainerArchive.
"""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from ._deadline import deadline
from ._docker import Daemon, reason_of
from ._errors import CloseoutError
from ._labels import BOOT_CLOCK_LABEL, EXPIRES_LABEL, RUN_LABEL

_MAX_BYTES = 128 << 20
_MAX_LINKS = 10
_EXPIRES_S = 300
_DIRECTORY_BIT = 1 << 31  # Go's os.ModeDir, in which Docker gives a mode


class Files(ABC):
    """Files that can be looked at, by their absolute paths."""

    @abstractmethod
    def real(self, path: str) -> str:
        """Return where a regular file really is, behind symbolic links, "" where there is none.

        Raises CloseoutError where that cannot be told.
        """

    @abstractmethod
    def read(self, path: str) -> bytes | None:
        """Return the content of a regular file, None where there is none.

        Raises CloseoutError for one that is larger than 128 MiB, or cannot be read.
        """

    def find(self, name: str, directories: list[str]) -> str:
        """Return where the first file of that name in ``directories`` really is, "" where there is none."""
        found = (self.real(os.path.join(directory, name)) for directory in directories)
        return next((one for one in found if one), "")


class HostFiles(Files):
    """This host's own."""

    def real(self, path: str) -> str:
        real = os.path.realpath(path)
        return real if os.path.isfile(real) else ""

    def read(self, path: str) -> bytes | None:
        real = self.real(path)
        if not real:
            return None
        try:
            with open(real, "rb") as file:
                content = file.read(_MAX_BYTES + 1)
        except OSError as error:
            raise CloseoutError(f"{path} cannot be read", found=error.strerror or str(error)) from error
        if len(content) > _MAX_BYTES:
            raise _too_large(path)
        return content


class ImageFiles(Files):
    """Those of an image, through a container of it."""

    def __init__(self, daemon: Daemon, container_id: str) -> None:
        self._daemon = daemon
        self._container_id = container_id

    def real(self, path: str) -> str:
        found = self._archive(path)
        return found[0] if found else ""

    def read(self, path: str) -> bytes | None:
        found = self._archive(path)
        if found is None:
            return None
        real, size_bytes, pieces = found
        if size_bytes > _MAX_BYTES:
            raise _too_large(real)
        return _only_file(b"".join(pieces))

    def _archive(self, path: str) -> tuple[str, int, Iterator[bytes]] | None:
        """Return real path and size of a regular file, and a tar archive of it that nothing was read of yet."""
        for _turn in range(_MAX_LINKS):
            try:
                pieces, status = self._daemon.client.api.get_archive(self._container_id, path)
            except self._daemon.not_found:
                return None
            except self._daemon.refusals as error:
                raise CloseoutError(f"Docker could not read {path} in the image", found=reason_of(error)) from error
            if not status["linkTarget"]:
                is_directory = int(status["mode"]) & _DIRECTORY_BIT
                return None if is_directory else (path, int(status["size"]), pieces)
            path = status["linkTarget"]
        return None


@contextlib.contextmanager
def image_files(daemon: Daemon, image: dict[str, Any], run_id: str) -> Iterator[ImageFiles]:
    """Give the files of an image that was inspected. Raises CloseoutError where no container of it can be made."""
    import docker.types  # here for the reason that _docker.Daemon gives

    api = daemon.client.api
    expires_utc, on_boot_clock = deadline(_EXPIRES_S)
    created = daemon.call(
        f"look into the image {image['Id']}",
        api.create_container,
        image=image["Id"],
        entrypoint=["never-started"],
        # An image's VOLUME would become an anonymous volume: cover each one.
        host_config=api.create_host_config(
            cap_drop=["ALL"],
            log_config=docker.types.LogConfig(type="none"),
            network_mode="none",
            read_only=True,
            tmpfs=dict.fromkeys((image.get("Config") or {}).get("Volumes") or {}, "size=1m"),
        ),
        labels={RUN_LABEL: run_id, EXPIRES_LABEL: expires_utc, BOOT_CLOCK_LABEL: on_boot_clock},
        name=f"closeout-look-{run_id}",
    )
    try:
        yield ImageFiles(daemon, str(created["Id"]))
    finally:
        daemon.call("remove the container again", api.remove_container, created["Id"], v=True, force=True)


def differs_from_image(daemon: Daemon, container_id: str, directories: tuple[str, ...]) -> str:
    """Return a path below ``directories`` where a container has other files than its image, "" for none.

    Source: Docker Engine API, ContainerChanges; what is mounted over the image's files is not among these.
    """
    inspected = daemon.call("inspect the container", daemon.client.api.inspect_container, container_id)
    changes = daemon.call("compare the container with its image", daemon.client.api.diff, container_id) or []
    paths = [
        *(str(one["Destination"]) for one in inspected.get("Mounts") or []),
        # A directory is said to be changed where something in it is: that is on the list, too.
        *(str(one["Path"]) for one in changes),
    ]
    within = [path for path in paths if any(f"{path}/".startswith(f"{one}/") for one in directories)]
    return max(within, key=len, default="")


def _only_file(content: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        member = archive.next()
        file = archive.extractfile(member) if member else None
        return file.read() if file else b""


def _too_large(path: str) -> CloseoutError:
    return CloseoutError(f"{path} is not looked into", wanted=f"at most {_MAX_BYTES} bytes", found="more")
