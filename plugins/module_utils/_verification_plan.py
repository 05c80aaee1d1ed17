# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the plan of a verification: its id and moment, its effective settings, and what is in
its way; all problems at once. Nothing is left behind anywhere.
"""

from __future__ import annotations

import datetime as dt
import os
import secrets
from collections.abc import Iterator
from typing import Any

from ._clock import stamp, to_text
from ._compression import NONE, program_of
from ._docker import Daemon
from ._dump_head import major_of
from ._dumpdigest import size_of
from ._errors import CloseoutError
from ._files import read_whole
from ._findings import Findings, size, some
from ._formats import CUSTOM, DIRECTORY, PLAIN
from ._outcome import get
from ._preflight_needs import Extension, Needs
from ._preflight_root import look_at_root
from ._preflight_scratch import Known, look_at_docker, look_at_host
from ._preflight_space import CLUSTER_BYTES, look_at_places, look_for_memory
from ._printable import printable
from ._recorded import read_recorded_globals
from ._running import at_work
from ._scratch_local import LocalDriver
from ._signature import assert_can_verify, sign
from ._subject import GLOBALS, Subject, look_at
from ._verification_settings import read_settings

_UNKNOWN = "could not be told"
_PROGRAMS = ("psql", "pg_dump")


def make_plan(given: dict[str, Any]) -> dict[str, Any]:
    """Return run id, stamp, effective settings, problems and notes. ``ready`` is true where there is no problem."""
    now = dt.datetime.now(dt.timezone.utc)
    run_id = secrets.token_hex(6)
    moment = stamp(now)
    settings, problems = read_settings(given, run_id=run_id, stamp=moment, date=now.strftime("%Y-%m-%d"))
    found = Findings()
    with at_work(run_id):
        subject = _look(found, settings, run_id)
    problems += found.problems
    settings["scratch_image"] = get(found.facts, "scratch", "image") or settings["scratch_image"]
    return {
        "run_id": run_id,
        "stamp": moment,
        "started_utc": to_text(now),
        "settings": settings,
        "problems": [problem.as_facts() for problem in problems],
        "notes": found.notes,
        "ready": not problems,
        "facts": found.facts,
        "lines": [printable(line) for line in _lines(settings, found.facts, subject, ready=not problems)],
    }


def _look(found: Findings, settings: dict[str, Any], run_id: str) -> Subject | None:
    """Make every check that can be made; one that cannot, because of another problem, is left out."""
    path = settings["verify_path"]
    identity_file = settings["age_identity_file"]
    subject = found.tried("subject", path, lambda: look_at(path, identity_file)) if path else None
    look_at_root(found, settings["root"], settings["record"])
    if path and os.path.commonpath([path, os.path.realpath(settings["root"])]) == path:
        found.problem(
            "artefact",
            settings["root"],
            "a directory outside what is verified, into which nothing is written",
            f"one in {path}",
            "set closeout_root to another directory",
        )
    if settings["sign_key"]:
        # Nothing is signed by that; but that it can be done is known before anything starts.
        found.tried("signature", "closeout_sign_key", lambda: sign(b"", settings["sign_key"]))
    allowed = settings["verify_allowed_signers"]
    if allowed:
        found.tried("signature", allowed, lambda: assert_can_verify(allowed))
    if subject is None:
        return None
    if allowed and subject.recorded is None:
        found.problem(
            "signature",
            "closeout_verify_allowed_signers",
            "an artefact directory, whose SHA256SUMS is signed",
            f"{path}, a dump alone",
            "give the artefact directory, or empty closeout_verify_allowed_signers",
        )
    if subject.beside:
        found.notes.append(
            f"The dump lies in the artefact directory {subject.beside}: give that one, to have it held against its"
            " record and its checksums too."
        )
    if subject.encrypted:
        found.notes.append(
            "The dump is encrypted; the restored copy lies on the scratch server's storage in the clear."
        )
    if subject.compression != NONE:
        found.tried("compression", subject.dump, lambda: program_of(subject.compression))
    _choose_sessions(found, settings, subject)
    needs, database_bytes = _needs_of(found, subject)
    _look_at_scratch(found, settings, subject, needs, run_id)
    _look_for_room(found, settings, subject, database_bytes)
    return subject


def _choose_sessions(found: Findings, settings: dict[str, Any], subject: Subject) -> None:
    """An archive is restored by one session: several of pg_restore read it by its path, so one of the format custom
    would have to be lent to them; and they grant side by side what one grants after the other. Of a directory, which is
    copied anyway, more may be asked for.
    """
    if subject.format == CUSTOM and settings["restore_jobs"] > 1:
        found.notes.append("An archive of the format custom is only read here, and so restored by one session.")
    if subject.format == CUSTOM or (subject.format == DIRECTORY and not settings["restore_jobs"]):
        settings["restore_jobs"] = 1


def _needs_of(found: Findings, subject: Subject) -> tuple[Needs, int]:
    """Return what the restored copy needs, as far as it is known, and how many bytes it takes, estimated."""
    on_disk = found.tried("subject", subject.dump, lambda: size_of(subject.dump)) or 0
    version = subject.head.database
    bare = Needs(version, major_of(version), {}, [], {}, [], [], {}, False)
    if subject.recorded is None:
        found.notes.append(
            "Nothing is recorded of this dump: roles, locale and tablespaces of its copy are made up from what it says."
        )
        if not bare.major:
            found.notes.append("The dump does not say of which version its database was.")
        return bare, on_disk
    path = os.path.join(subject.path, GLOBALS)
    document = found.tried("subject", path, lambda: read_recorded_globals(read_whole(path)))
    if document is None:
        return bare, on_disk
    recorded = subject.recorded.document["production"]
    database = document["database"]
    locales: dict[str, list[str]] = {}
    for name in dict.fromkeys((database["collate"], database["ctype"])):
        locales.setdefault(name, []).append("the database")
    extensions = recorded["snapshot"]["census"]["extensions"]
    version = recorded["before"]["server_version"]
    needs = Needs(
        version=version,
        major=major_of(version),
        database=database,
        # Names become those of files; no extension has a slash in its own.
        extensions=[Extension(name, version, "") for name, version in extensions.items() if "/" not in name],
        locales=locales,
        icu=["the database"] if database["provider"] == "icu" else [],
        tablespaces=[one["name"] for one in document["tablespaces"]],
        preloaded={},
        may_have_extension_path=False,
    )
    return needs, database["size_bytes"]


def _look_at_scratch(found: Findings, settings: dict[str, Any], subject: Subject, needs: Needs, run_id: str) -> None:
    client = subject.head.pg_dump or str(get(subject.recorded and subject.recorded.document, "dump", "client_version"))
    known = Known(needs, None, major_of(client))
    if settings["scratch_driver"] == "local":
        programs = settings["bin_dir"] or "scratch server"
        found.tried("scratch", programs, lambda: look_at_host(found, settings, known))
        found.tried("scratch", programs, lambda: _look_for_programs(settings, subject))
        return
    settings["scratch_image"] = settings["scratch_image"] or (
        found.tried("scratch", "closeout_scratch_image", lambda: _recorded_image(settings, subject)) or ""
    )
    if not settings["scratch_image"]:
        found.problem(
            "scratch",
            "closeout_scratch_image",
            f"an image on this host with PostgreSQL {needs.major or 'of the version of the dump'} or later",
            "none given" if subject.recorded is None else "none given, and not the one that was recorded",
            "set closeout_scratch_image, or closeout_scratch_driver: local",
        )
        return
    image = settings["scratch_image"]
    found.tried("scratch", image, lambda: look_at_docker(found, settings, known, run_id))


def _recorded_image(settings: dict[str, Any], subject: Subject) -> str:
    """Return the image of the recorded restore test, by its ID or its name, "" where this host has neither."""
    recorded = get(subject.recorded and subject.recorded.document, "restore", "scratch") or {}
    daemon = Daemon(settings["docker_host"])
    for name in (recorded.get("image_id"), recorded.get("image")):
        if name:
            try:
                return str(daemon.client.api.inspect_image(name)["Id"])
            except daemon.refusals:
                # Not there, or no name of an image: whoever recorded it may have written anything.
                continue
    return ""


def _look_for_programs(settings: dict[str, Any], subject: Subject) -> None:
    directory = LocalDriver(settings["bin_dir"]).programs()
    wanted = [*_PROGRAMS, *(["pg_restore"] if subject.format != PLAIN else [])]
    missing = [name for name in wanted if not os.path.isfile(os.path.join(directory, name))]
    if missing:
        raise CloseoutError(
            f"The programs in {directory} are not enough for a restore",
            wanted=", ".join(wanted),
            found=f"no {', '.join(missing)}",
            do="install PostgreSQL's client programs, or correct closeout_bin_dir",
        )


def _look_for_room(found: Findings, settings: dict[str, Any], subject: Subject, database_bytes: int) -> None:
    """Room for the copy, and for that of an archive which is a directory. An estimate, as a closeout's is."""
    copy = database_bytes + CLUSTER_BYTES
    places = []
    if os.path.isdir(subject.dump):
        places.append((settings["root"], "the copy of the archive", size_of(subject.dump)))
    if settings["scratch_driver"] == "docker" and settings["scratch_storage"] == "tmpfs":
        look_for_memory(found, settings, copy)
    else:
        places.append((found.facts.get("scratch_storage_path") or "", "the restored copy", copy))
    look_at_places(found, places)


def _lines(settings: dict[str, Any], facts: dict[str, Any], subject: Subject | None, *, ready: bool) -> Iterator[str]:
    """Yield the plan as a person reads it."""
    path = settings["verify_path"] or "nothing"
    if subject is None:
        yield f"To be verified: {path}; what it is {_UNKNOWN}"
    elif subject.recorded is not None:
        run = subject.recorded.document["run"]
        yield f"To be verified: the artefact {path} of closeout {run['id']}, {run['db']} on {run['host']}"
        yield f"It said then: {subject.recorded.document['result']['closeout_result']}, at {run['finished_utc']}"
    else:
        yield f"To be verified: the dump {path}; nothing is recorded of it"
    if subject is not None:
        packed = "" if subject.compression == NONE else f", compressed by {subject.compression}"
        yield f"Dump: {subject.dump}, format {subject.format}{packed}"
        of, by = subject.head.database or _UNKNOWN, subject.head.pg_dump or _UNKNOWN
        yield f"It says that its database was of version {of}, its pg_dump of {by}"
        identities = [] if subject.recorded is None else [subject.recorded.identity["sysid"]]
        known = some([*identities, *settings["verify_sysids"]])
        yield f"The scratch server must not be: {known or 'known to nobody; its label and its nonce guard alone'}"
    scratch = facts.get("scratch")
    if scratch is None:
        yield f"Scratch server: by the driver {settings['scratch_driver']}; what it would be {_UNKNOWN}"
    else:
        version = f"PostgreSQL {scratch['version']}" if scratch["version"] else f"a version that {_UNKNOWN}"
        yield f"Scratch server: {scratch['where']}, {version}"
    yield f"It is named {settings['scratch_name']}, is removed after the test, and ends by itself"
    for one in facts.get("space", []):
        yield f"Room at {' and '.join(one['paths'])}: {one['for']}, estimated; {size(one['free_bytes'])} are free"
    yield f"Left afterwards: {settings['record']}, and nothing else; what is verified is only read"
    yield "Ready: yes" if ready else "Ready: no, see the problems"
