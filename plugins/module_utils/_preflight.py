# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: everything that would stop the run, looked for before it starts and told at once.

Nothing here leaves a trace: no file, no container, no transaction.
"""

from __future__ import annotations

import os
import stat
from typing import Any

from ._archive_programs import assert_possible
from ._compression import NONE, program_of
from ._docker import Daemon
from ._errors import CloseoutError
from ._formats import PLAIN, Format
from ._identity import read_identity
from ._preflight_database import notes_of, problems_of
from ._scratch_local import DIRECTORY, LocalDriver
from ._server import Address, Server, server_at
from ._session import Session
from ._settings import Problem
from ._transport import chosen_transport


class Preflight:
    """The problems found and the notes made for one set of effective settings."""

    def __init__(self, settings: dict[str, Any], address: Address) -> None:
        self._settings = settings
        self._address = address
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self.facts: dict[str, Any] = {}
        self._database_bytes = 0
        self._major = 0

    def run(self) -> None:
        """Make every check that can be made; one that cannot, because of another problem, is left out."""
        server = self._tried("server", self._address.container or "server", lambda: server_at(self._address))
        if server is not None:
            self._tried("server", server.where, lambda: self._production(server))
        self._root()
        if self._settings["format"] == PLAIN and self._settings["compression"] != NONE:
            self._tried("compression", "closeout_compression", lambda: program_of(self._settings["compression"]))
        if self._settings["scratch_driver"] == "docker":
            self._tried("scratch", self._settings["scratch_image"] or "scratch image", self._docker_scratch)
        else:
            self._tried("scratch", self._settings["bin_dir"] or "scratch server", self._local_scratch)
        self._space()

    def _tried(self, check: str, subject: str, step: Any) -> Any:
        """Run one step; what it raises becomes a problem."""
        try:
            return step()
        except CloseoutError as error:
            message = error.message if not error.found else f"{error.message}: {error.found}"
            self.problems.append(Problem(check, subject, error.wanted, message, error.do))
            return None

    def _found(self, check: str, subject: str, wanted: str, found: str, do: str) -> None:
        self.problems.append(Problem(check, subject, wanted, found, do))

    def _production(self, server: Server) -> None:
        with server.session() as session:
            # What needs no identity is looked at even where the identity is denied.
            self._major = session.server_version_num // 10000
            self._database_bytes = int(session.value("SELECT pg_database_size(current_database())"))
            self.problems += problems_of(session, self._settings["user"])
            self.notes += notes_of(session)
            self._tried("identity", server.where, lambda: self._identity(server, session))
            self._tried("client", "pg_dump", lambda: self._client(server, session))

    def _client(self, server: Server, session: Session) -> None:
        wanted = Format(self._settings["format"], self._settings["compression"])
        how = self._settings["transport"]
        with chosen_transport(server, session, how, writes_itself=wanted.writes_itself) as transport:
            self.facts["client_version"] = transport.version
            if wanted.is_archive:
                self._tried("format", f"closeout_format: {wanted.name}", lambda: assert_possible(transport, wanted))
            if transport.major > self._major:
                self.notes.append(
                    f"pg_dump is of version {transport.major}, the server of {self._major}: the scratch server must be"
                    " able to read what a newer pg_dump writes."
                )

    def _identity(self, server: Server, session: Session) -> None:
        identity = read_identity(server, session)
        self.facts["production"] = identity.as_facts()
        if identity.in_recovery:
            self.notes.append("The server is a standby: a dump of it holds no data of unlogged tables.")
        if not identity.data_directory:
            self.notes.append(
                "The data directory cannot be read (pg_read_all_settings is missing): one factor of the guard less."
            )

    def _root(self) -> None:
        root = self._settings["root"]
        existing = _nearest(root)
        if not os.path.isdir(existing) or not os.access(existing, os.W_OK | os.X_OK):
            self._found(
                "artefact",
                root,
                "a directory that can be written to",
                f"{existing} cannot" if os.path.isdir(existing) else f"{existing} is no directory",
                "correct closeout_root or its permissions",
            )
        elif os.geteuid() == 0 and loose_component(existing):
            self.notes.append(
                f"{loose_component(existing)} belongs to another user, or others may write to it: whoever that is could"
                " put something else in the place of the artefact directory. Prefer a closeout_root of root's own."
            )
        if os.path.lexists(self._settings["artefact"]):
            self._found(
                "artefact", self._settings["artefact"], "a new directory", "one that exists", "run again a second later"
            )

    def _docker_scratch(self) -> None:
        daemon = Daemon(self._settings["docker_host"])
        production = self.facts.get("production", {}).get("container") or {}
        image = self._settings["scratch_image"] or production.get("image_id", "")
        if not image:
            if "production" in self.facts:
                self._found(
                    "scratch",
                    "closeout_scratch_image",
                    "an image, since production runs in no container",
                    "none given",
                    "set closeout_scratch_image, or closeout_scratch_driver: local",
                )
            return
        known = daemon.call("list images", daemon.client.api.images, all=True)
        names = {
            name for one in known for name in [one["Id"], *(one.get("RepoTags") or []), *(one.get("RepoDigests") or [])]
        }
        if not {image, f"{image}:latest", f"sha256:{image}"} & names:
            self._found(
                "scratch", image, "an image on this host", "no such image", f"docker pull {image}, or another image"
            )
        self.facts["scratch_image"] = image
        name = self._settings["scratch_name"]
        if name in daemon.names():
            self._found(
                "scratch", name, "a name that no container has", "a container of that name", "set closeout_scratch_name"
            )
        root = str(daemon.call("describe itself", daemon.client.api.info).get("DockerRootDir") or "")
        self.facts["scratch_storage_path"] = root if daemon.is_local and os.path.isdir(root) else ""

    def _local_scratch(self) -> None:
        driver = LocalDriver(self._settings["bin_dir"])
        driver.check(self._settings["scratch_os_user"])
        self.facts["scratch_storage_path"] = DIRECTORY
        self.facts["scratch_image"] = ""
        host = server_at(Address(bin_dir=driver.programs(), run_id=self._address.run_id))
        version, text = host.program_version("postgres")
        if self._major and version < self._major:
            self._found(
                "scratch",
                "postgres",
                f"version {self._major} or later, production's",
                text,
                "set closeout_bin_dir to the programs of production's version",
            )

    def _space(self) -> None:
        """Hold free space against the database's size: the dump and the restored copy each take about as much."""
        needs: dict[int, tuple[str, int]] = {}
        for path in (self._settings["root"], self.facts.get("scratch_storage_path") or ""):
            existing = _nearest(path) if path else ""
            if not os.path.isdir(existing):
                continue
            if path != self._settings["root"] and self._settings["scratch_storage"] == "tmpfs":
                continue
            device = os.stat(existing).st_dev
            needs[device] = (existing, needs.get(device, ("", 0))[1] + max(1, self._database_bytes))
        for path, needed in needs.values():
            status = os.statvfs(path)
            free = status.f_bavail * status.f_frsize
            if free < needed:
                self._found(
                    "space",
                    path,
                    f"{needed} bytes free (estimated from the database's size)",
                    f"{free} bytes",
                    "make room, or set closeout_root to another file system",
                )


def loose_component(path: str) -> str:
    """Return the first directory on the way to ``path`` that somebody but root can rename entries in; "" for none.

    A sticky directory such as /tmp protects what is in it.
    """
    parts = os.path.realpath(path).split("/")
    for count in range(1, len(parts) + 1):
        directory = "/".join(parts[:count]) or "/"
        status = os.stat(directory)
        writable = status.st_mode & 0o022 and not status.st_mode & stat.S_ISVTX
        if status.st_uid != 0 or writable:
            return directory
    return ""


def _nearest(path: str) -> str:
    """Return ``path`` or its nearest ancestor that exists."""
    while not os.path.lexists(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return path
