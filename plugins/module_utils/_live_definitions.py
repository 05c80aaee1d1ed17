# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the definitions of a live database, as pg_dump prints them and the manifest has them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from ._errors import ProgramFailed
from ._globals import monetary_settings
from ._manifest import Manifest, manifest_of
from ._program import Program
from ._server import Server, database_argument
from ._session import as_options


def dump_definitions(
    server: Server, db: str, globals_document: dict[str, Any], *, large_objects: bool = True
) -> Program:
    """Start a pg_dump of everything but the tables' rows: definitions, and ``large_objects`` with all that is theirs.

    (``--schema-only`` would leave the large objects out.)
    """
    argv = ["pg_dump", *server.connection_arguments(), "--dbname", database_argument(db), "--format", "plain"]
    with server.session(db) as session:
        monetary = as_options(monetary_settings(session, globals_document))
        options = f"{server.read_options(session)} {monetary}"
        encoding = session.value("SELECT pg_catalog.getdatabaseencoding()")
    # Its long name is another one in later versions.
    without = [] if large_objects else ["-B"]
    return server.start([*argv, "--encoding", encoding, "--exclude-table-data", "*.*", *without], options=options)


@contextlib.contextmanager
def definitions_under_way(
    server: Server, db: str, globals_document: dict[str, Any], *, large_objects: bool = True
) -> Iterator[Callable[[], Manifest]]:
    """Start to dump a database's definitions, and its ``large_objects``; gives the function that returns their
    manifest, for one call.

    The dump waits, where it is long, until that is called. What it raises is ProgramFailed.
    """
    program = dump_definitions(server, db, globals_document, large_objects=large_objects)

    def read() -> Manifest:
        manifest = manifest_of(program.output())
        finish_whole(program, "The definitions of the restored copy cannot be dumped")
        if not manifest.complete:
            raise ProgramFailed("The dump of the restored copy's definitions is cut off")
        return manifest

    try:
        yield read
    except BaseException:
        program.stop()
        raise


def read_definitions(
    server: Server, db: str, globals_document: dict[str, Any], *, large_objects: bool = True
) -> Manifest:
    """Return the manifest of a database's definitions, and of its ``large_objects``. Raises ProgramFailed."""
    with definitions_under_way(server, db, globals_document, large_objects=large_objects) as read:
        return read()


def finish_whole(program: Program, what: str) -> None:
    """See a program whose output was read to its end. Raises ProgramFailed, beginning with ``what``."""
    code = program.finish()
    if code != 0:
        lines = program.messages.strip().splitlines()[-3:]
        raise ProgramFailed(what, wanted="return code 0", found=f"return code {code}: {' | '.join(lines)}")
