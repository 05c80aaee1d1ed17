# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: an archive restored by the scratch server's own pg_restore, several tables at a time.

pg_restore opens the archive by its path, once in each of its workers, so what it reads does not pass by here. The
archive is hashed at the same time instead, and must be the same files, unchanged, before and after.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ._archive_place import MOUNT_POINT, lent
from ._dumpdigest import file_names, read_dump
from ._errors import ProgramFailed
from ._files import write_whole
from ._order_matters import caller_of_functions
from ._printable import printable_lines
from ._program import Program
from ._progress import meter
from ._restore_errors import read_archive_errors, summarize, without_rows
from ._server import Server, database_argument
from ._session import Session


class WorkersFailed(ProgramFailed):
    """pg_restore did not come to its end without an error; one psql may."""


@dataclass(frozen=True)
class ArchiveRestore:
    """What to restore and where to, by ``jobs`` workers. ``guard`` is a statement that fails in any other server than
    the scratch server of this run; ``log`` is the path of the messages to keep, "" for none.
    """

    path: str
    db: str
    jobs: int
    guard: str
    log: str = ""


def can_read(server: Server, path: str) -> bool:
    """Whether programs of a scratch server can read that archive by its path."""
    container = server.container()
    return container is None or container.mounts.get(MOUNT_POINT) == path


def restore_archive(server: Server, session: Session, request: ArchiveRestore, options: str) -> dict[str, Any]:
    """Restore the archive; return return code, errors, seconds, how many workers, and the sha256 of what was read.

    ``session`` is open to the server, ``options`` becomes PGOPTIONS. Raises WorkersFailed where several workers did
    not succeed, ProgramFailed where one did not, or the archive was changed; with these facts.
    """
    started = time.monotonic()
    meter.begin("restore")
    with lent(request.path, session), ThreadPoolExecutor(1) as hashing:
        before = _seen(request.path)
        digest = hashing.submit(read_dump, request.path)
        code, messages, reason = _run(server, request, options)
        read = digest.result()
        unchanged = _seen(request.path) == before
    if request.log:
        write_whole(request.log, printable_lines(without_rows(messages)).encode("utf-8"), replace=True)
    errors = summarize(read_archive_errors(messages), tolerate=False)
    whole = code == 0 and not errors["fatal_total"] and unchanged
    facts = {
        "rc": code,
        "jobs": 1 if reason else request.jobs,
        "jobs_reason": reason,
        "errors": errors,
        "input_sha256": read.sha256 if whole else "",
        "duration_s": round(time.monotonic() - started, 3),
    }
    if not unchanged:
        raise ProgramFailed(
            f"The archive {request.path} was changed while it was restored",
            wanted="the same files, before and after",
            found="others, or other sizes or times",
            do="find out who writes to the artefact directory, and run the closeout again",
            facts={"restore": facts},
        )
    if not whole:
        first = (errors["fatal"] or [messages.strip()[-300:] or "no message"])[0]
        # One worker does what one psql would do.
        raise (ProgramFailed if reason else WorkersFailed)(
            "The restore failed",
            wanted="return code 0 and no error",
            found=f"return code {code}, {errors['fatal_total']} errors; the first: {first}",
            do=f"read {request.log or 'the messages of pg_restore'}; production was not touched",
            facts={"restore": facts},
        )
    return facts


def _run(server: Server, request: ArchiveRestore, options: str) -> tuple[int, str, str]:
    """Restore section by section; return the last return code, all messages, and why it was with one worker, or ""."""
    connection = [*server.connection_arguments(), "--dbname", database_argument(request.db)]
    messages, jobs, reason, code = "", request.jobs, "", 0
    for section in ("pre-data", "data", "post-data"):
        with server.session(request.db) as session:
            # pg_restore opens sessions of its own: this is as near to them as a guard can be.
            session.rows(request.guard)
            caller = caller_of_functions(session) if section == "data" else ""
        if caller:
            jobs, reason = 1, f"the order of the tables may matter: {caller} calls a function"
        argv = ["pg_restore", *connection, "--section", section, "--jobs", str(jobs), "--exit-on-error"]
        program = server.start(argv, options=options, archive=request.path)
        code = _end_of(program)
        messages += program.messages
        if code != 0:
            break
    return code, messages, reason


def _end_of(program: Program) -> int:
    try:
        for _piece in program.output():
            pass
        return program.finish()
    except BaseException:
        program.stop()
        raise


def _seen(path: str) -> list[tuple[str, int, int, int]]:
    """Return what tells a changed file: inode, size, and when it was written to."""
    names = [os.path.join(path, name) for name in file_names(path)] if os.path.isdir(path) else [path]
    found = [(name, os.lstat(name)) for name in names]
    return [(name, status.st_ino, status.st_size, status.st_mtime_ns) for name, status in found]
