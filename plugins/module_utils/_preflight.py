# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: everything that would stop the run, looked for before it starts and told at once.

Nothing here leaves a trace: no file, no container, no transaction.
"""

from __future__ import annotations

import os
from typing import Any

from ._archive_programs import assert_possible
from ._compression import NONE, program_of
from ._docker import ContainerFacts
from ._findings import Findings
from ._formats import PLAIN, Format
from ._history import assert_usable, path_below
from ._identity import read_identity
from ._plan_elsewhere import known_of
from ._preflight_age import look_at_encryption
from ._preflight_database import notes_of, nothing_to_audit, problems_of, unlike_expected
from ._preflight_needs import Needs, read_needs
from ._preflight_offer import note_surroundings
from ._preflight_root import look_at_root
from ._preflight_scratch import Known, look_at_docker, look_at_host
from ._preflight_space import Sizes, look_at_places, look_for_space, read_sizes
from ._server import Address, Server, server_at
from ._session import Session
from ._signature import sign
from ._transport import chosen_transport

_TESTED = (14, 18)


class Preflight:
    """One look around, for one set of effective settings; ``found`` has what came of it."""

    def __init__(self, settings: dict[str, Any], address: Address) -> None:
        self._settings = settings
        self._address = address
        self.found = Findings()
        self._needs: Needs | None = None
        self._container: ContainerFacts | None = None
        self._sizes = Sizes()
        self._client_major = 0

    def run(self) -> None:
        """Make every check that can be made; one that cannot, because of another problem, is left out."""
        tried = self.found.tried
        server = tried("server", self._address.container or "server", lambda: server_at(self._address))
        if server is not None:
            tried("server", server.where, lambda: self._production(server))
        look_at_root(self.found, self._settings["root"], self._settings["artefact"])
        self._textfile_directory()
        history = path_below(self._settings["root"])
        tried("history", history, lambda: assert_usable(history))
        if self._settings["sign_key"]:
            # Nothing is signed by that; but that it can be done is known before anything starts.
            tried("signature", "closeout_sign_key", lambda: sign(b"", self._settings["sign_key"]))
        if self._settings["format"] == PLAIN and self._settings["compression"] != NONE:
            tried("compression", "closeout_compression", lambda: program_of(self._settings["compression"]))
        encryption, run_id = "closeout_age_recipients", self._address.run_id
        tried("encryption", encryption, lambda: look_at_encryption(self.found, self._settings, run_id))
        if self._settings["scratch_host"]:
            self._for_elsewhere()
            return
        known = Known(self._needs, self._container, self._client_major)
        if self._settings["scratch_driver"] == "docker":
            image = self._settings["scratch_image"] or "scratch image"
            tried("scratch", image, lambda: look_at_docker(self.found, self._settings, known, run_id))
        else:
            programs = self._settings["bin_dir"] or "scratch server"
            tried("scratch", programs, lambda: look_at_host(self.found, self._settings, known))
        look_for_space(self.found, self._settings, self._sizes)

    def _for_elsewhere(self) -> None:
        """The restore is tested on another host: say what that must know, and look for room for the dump alone."""
        image = self._container.image_id if self._container else ""
        self.found.facts["for_elsewhere"] = known_of(self._needs, self._client_major, self._sizes, image)
        look_at_places(self.found, [(self._settings["root"], "the dump", self._sizes.dump_bytes(self._settings))])

    def _production(self, server: Server) -> None:
        self._container = server.container()
        with server.session() as session:
            # What needs no identity is looked at even where the identity is denied.
            self._sizes = read_sizes(session)
            self._needs = read_needs(session)
            self.found.facts["database"] = {**self._needs.as_facts(), **self._sizes.as_facts()}
            self.found.problems += problems_of(session, self._settings["user"])
            self.found.notes += notes_of(session, self._sizes.dump_s(self._settings))
            self._tables(session, self._settings["schema"], self._settings["expected_tables"])
            note_surroundings(self.found, self._needs)
            if not _TESTED[0] <= self._needs.major <= _TESTED[1]:
                self.found.notes.append(
                    f"Production is of version {self._needs.version}; this collection is tested with {_TESTED[0]} to"
                    f" {_TESTED[1]}."
                )
            self.found.tried("identity", server.where, lambda: self._identity(server, session))
            self.found.tried("client", "pg_dump", lambda: self._client(server, session))

    def _tables(self, session: Session, schema: str, expected: list[str]) -> None:
        self.found.problems += nothing_to_audit(session, schema, expected)
        unlike = list(unlike_expected(session, schema, expected))
        self.found.notes += unlike
        self.found.facts["will_fail"] = bool(unlike)

    def _client(self, server: Server, session: Session) -> None:
        wanted = Format(self._settings["format"], self._settings["compression"])
        how = self._settings["transport"]
        with chosen_transport(server, session, how, writes_itself=wanted.writes_itself) as transport:
            self._client_major = transport.major
            self.found.facts["client"] = {
                "version": transport.version,
                "transport": transport.name,
                "transport_reason": transport.reason,
            }
            if wanted.is_archive:
                subject = f"closeout_format: {wanted.name}"
                self.found.tried("format", subject, lambda: assert_possible(transport, wanted))

    def _identity(self, server: Server, session: Session) -> None:
        identity = read_identity(server, session)
        self.found.facts["production"] = identity.as_facts()
        if identity.in_recovery:
            self.found.notes.append("The server is a standby: a dump of it holds no data of unlogged tables.")
        if not identity.data_directory:
            self.found.notes.append(
                "The data directory cannot be read (pg_read_all_settings is missing): one factor of the guard less."
            )

    def _textfile_directory(self) -> None:
        directory = self._settings["textfile_dir"]
        if directory and not (os.path.isdir(directory) and os.access(directory, os.W_OK | os.X_OK)):
            self.found.problem(
                "metrics",
                directory,
                "a directory for closeout_textfile_dir that can be written to",
                "one that cannot" if os.path.isdir(directory) else "no directory",
                "make it, or correct closeout_textfile_dir",
            )
