# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: whether a dump can be restored by several sessions, and that done.

One psql that executes the whole dump in order is what counts. So whatever goes wrong with several sessions, but for a
file that is not the manifest's, is no verdict: the caller lets that one psql have the last word.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from threading import Event
from typing import Any

from ._compression import NONE
from ._dump_parts import cut, other_dump, text_ranges
from ._dump_source import DumpSource
from ._files import open_regular, pieces_with_digest
from ._formats import PLAIN
from ._manifest import Manifest, read_manifest
from ._progress import meter
from ._restore_errors import read_errors
from ._restore_jobs import WorkFailed, restore_phases, restoring_session
from ._restore_text import PsqlEnded, PsqlText
from ._server import Server
from ._session import Session, as_options

MOST_JOBS = 4
"""More sessions than that are not chosen by default: the scratch server has little memory."""


class GivenUp(Exception):
    """The database is half restored; says why."""


@dataclass(frozen=True)
class Described:
    """The manifest of a dump, the size and digest of the file that it was made with, and whether that is ``encrypted``.
    ``not_cut`` says why the dump is to be restored in one go, "" where it need not be.
    """

    manifest: Manifest
    size_bytes: int
    sha256: str
    encrypted: bool
    not_cut: str = ""


def jobs_or_default(jobs: int) -> int:
    """Return how many sessions to use: for 0 as many as the processors that this process may use, at most 4."""
    return jobs if jobs > 0 else min(MOST_JOBS, len(os.sched_getaffinity(0)))


def describe(path: str, sha256: str) -> Described:
    """Read a manifest. Raises CloseoutError where it is not the one of this digest."""
    manifest, document = read_manifest(pieces_with_digest(path, sha256))
    about = document.get("dump") or {}
    not_cut = ""
    if [about.get(name, NONE) for name in ("format", "compression", "encryption")] != [PLAIN, NONE, NONE]:
        not_cut = "its text can only be read from its beginning"
    elif not manifest.complete:
        not_cut = "its manifest is not that of a whole dump"
    encrypted = about.get("encryption", NONE) != NONE
    return Described(manifest, about.get("size_bytes") or 0, about.get("sha256") or "", encrypted, not_cut)


def restore_in_parallel(
    server: Server, path: str, db: str, described: Described, *, settings: dict[str, str], guard: str, jobs: int
) -> dict[str, Any]:
    """Restore a dump into the empty database ``db``; return psql's messages and the sha256 of the file.

    ``settings`` are those of every session, ``guard`` is a statement that comes first in each. Raises NotCut before
    anything was done, GivenUp, CloseoutError.
    """
    stopped = Event()
    with open_regular(path) as file:
        size_bytes = os.fstat(file.fileno()).st_size
        if size_bytes != described.size_bytes:
            raise other_dump(f"{size_bytes} bytes instead of {described.size_bytes}")
        ranges = text_ranges(described.manifest, size_bytes)
        meter.begin("restore", total_bytes=size_bytes)
        source = DumpSource(path, file, ranges, stopped)
        meter.add(len(source.text))
        phases = cut(described.manifest, [length for _offset, length in ranges], source.text)
        psql = PsqlText(server, db, options=as_options(settings), guard=guard)
        notices: list[str] = []
        try:
            sha256 = restore_phases(
                phases,
                psql,
                lambda: restoring_session(
                    server.session(db, read_only=False), settings=settings, guard=guard, notices=notices
                ),
                source,
                jobs=jobs,
                stopped=stopped,
            )
            code = psql.finish()
        except (WorkFailed, PsqlEnded) as error:
            psql.stop()
            raise GivenUp(str(error) or "psql ended") from error
        except BaseException:
            psql.stop()
            raise
    if code != 0 or read_errors(psql.messages):
        raise GivenUp(f"psql ended with {code}")
    if sha256 != described.sha256:
        raise other_dump(f"a file with sha256 {sha256}")
    return {"messages": psql.messages + "".join(notices), "input_sha256": sha256, "rc": code}


def session_memory(session: Session, jobs: int) -> dict[str, str]:
    """Return the maintenance_work_mem of each of ``jobs`` sessions. Two can have the server's. More share what its
    shared_buffers, a quarter of its memory, says that there is: with all of it they have three quarters.

    A foreign key's check needs it as much as an index: what does not fit goes to the disk.
    """
    maintenance, shared = (
        int(session.value("SELECT pg_catalog.pg_size_bytes(pg_catalog.current_setting(%s)) / 1024", [name]))
        for name in ("maintenance_work_mem", "shared_buffers")
    )
    kilobytes = maintenance if jobs <= 2 else min(maintenance, shared // 2) * MOST_JOBS // max(MOST_JOBS, jobs)
    return {"maintenance_work_mem": f"{max(16384, kilobytes)}kB"}
