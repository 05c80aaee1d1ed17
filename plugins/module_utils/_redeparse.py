# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: definitions of both sides, restored once more, where their texts differ.

PostgreSQL prints some expressions differently after a first restore: ``varchar IN ('a', 'b')`` above all. Restored once
more, both sides print the same if they say the same. So the dump's definitions and those of the restored copy go into
two further scratch databases, and are dumped from there.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ._dump_definitions import DumpDefinitions, definitions_to_settle
from ._globals import database_statement
from ._live_definitions import dump_definitions, finish_whole, read_definitions
from ._manifest import Manifest
from ._psql import psql_arguments, psql_options
from ._server import Server


def restored_once_more(
    server: Server,
    db: str,
    globals_document: dict[str, Any],
    definitions: DumpDefinitions,
    left_out: Collection[str],
) -> tuple[Manifest, Manifest]:
    """Return a dump's ``definitions`` and those of the restored copy ``db``, each after one more restore; relations
    that are ``left_out`` (names) are not restored. The databases that it takes go with the scratch server.
    """
    unique = secrets.token_hex(4)

    def of_dump() -> Manifest:
        name = f"closeout_deparse_dump_{unique}"
        _load(server, name, globals_document, definitions_to_settle(definitions, definitions.encoding, left_out))
        return read_definitions(server, name, globals_document, large_objects=False)

    def of_copy() -> Manifest:
        name = f"closeout_deparse_copy_{unique}"
        program = dump_definitions(server, db, globals_document, large_objects=False)
        try:
            pieces = definitions_to_settle(program.output(), definitions.encoding, left_out)
            _load(server, name, globals_document, pieces)
            finish_whole(program, "The definitions of the restored copy cannot be dumped")
        except BaseException:
            program.stop()
            raise
        return read_definitions(server, name, globals_document, large_objects=False)

    with ThreadPoolExecutor(2) as pool:
        sides = [pool.submit(side) for side in (of_dump, of_copy)]
        return sides[0].result(), sides[1].result()


def _load(server: Server, db: str, globals_document: dict[str, Any], pieces: Iterable[bytes]) -> None:
    """Make the database and execute definitions in it. What fails is then missing, and so a difference that stays."""
    with server.session("postgres", read_only=False) as session:
        session.rows(database_statement(globals_document, db))
        options = psql_options(session, globals_document)
    argv = [*psql_arguments(server, db), "--command", "\\set ON_ERROR_STOP off", "--file", "-"]
    program = server.start(argv, options=options, pieces=pieces)
    try:
        for _piece in program.output():
            pass
        finish_whole(program, "Definitions cannot be restored once more")
    except BaseException:
        program.stop()
        raise
