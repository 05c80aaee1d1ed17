# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a path inside a container's root, found without ever leaving that root.

``/var/run`` is an absolute symlink in the official images: opening ``/proc/<pid>/root/var/run/…`` by its name lands on
the host's own files. So each component is opened by itself, and links are followed by hand, inside the root.
"""

from __future__ import annotations

import os
from types import TracebackType

from ._errors import CloseoutError

_MAX_LINKS = 40


class RootFs:
    """The root directory of process ``pid``, open for look-ups until closed. Needs root on the container's host."""

    def __init__(self, pid: int) -> None:
        path = f"/proc/{pid}/root"
        try:
            self._root = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise CloseoutError(
                "The container's files cannot be reached from here",
                wanted=f"{path}, which needs root on the host of the container",
                found=error.strerror or str(error),
                do="let the job become root on the Docker host, or use closeout_login_host instead of a container",
            ) from error

    def __enter__(self) -> RootFs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._root)

    def open_directory(self, path: str) -> int:
        """Return a descriptor (O_PATH, the caller closes it) of the directory ``path`` inside the root.

        Raises OSError where it does not exist or is none.
        """
        opened = [os.dup(self._root)]
        pending = [part for part in reversed(path.split("/")) if part not in ("", ".")]
        links = 0
        try:
            while pending:
                part = pending.pop()
                if part == "..":
                    if len(opened) > 1:
                        os.close(opened.pop())
                    continue
                target = _link_target(part, opened[-1])
                if target is None:
                    opened.append(os.open(part, _DIRECTORY, dir_fd=opened[-1]))
                    continue
                links += 1
                if links > _MAX_LINKS:
                    raise OSError(f"too many symbolic links in {path!r}")
                if target.startswith("/"):
                    while len(opened) > 1:
                        os.close(opened.pop())
                pending.extend(part for part in reversed(target.split("/")) if part not in ("", "."))
            return os.dup(opened[-1])
        finally:
            for descriptor in opened:
                os.close(descriptor)


_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def _link_target(name: str, directory: int) -> str | None:
    try:
        return os.readlink(name, dir_fd=directory)
    except OSError:
        return None
