# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the artefact directory: made by us, marked as ours, hashed, sealed.

``begun`` makes it and nothing else may have; the other states refuse a directory without our mark.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections import Counter
from typing import Any

from ._age import is_encrypted
from ._clock import utc_now
from ._deadline import deadline
from ._dumpdigest import assert_dump, read_dump, size_of
from ._errors import CloseoutError, NotOurs
from ._files import fsync_directory, read_whole, sha256_of, write_whole
from ._globals import load_globals
from ._history_line import SAME
from ._outcome import get
from ._progress import meter
from ._restore_guide import GUIDE, restore_guide
from ._restore_sql import GLOBALS_SQL, SETTINGS_SQL, globals_sql, settings_sql
from ._signature import SIGNATURE, sign

MARKER = ".closeout.json"
SUMS = "SHA256SUMS"
GLOBALS = "globals.json"
CLOSEOUT, VERIFICATION, COPY = "closeout", "verification", "copy"
"""What a directory is, in its mark: the record of a closeout or of a verification, whose names of evidence, record and
page begin with it; or a copy, on the host where a restore is tested.
"""
MARKS = {
    CLOSEOUT: "incomex.closeout/artefact/1",
    VERIFICATION: "incomex.closeout/verification-mark/1",
    COPY: "incomex.closeout/copy-mark/1",
}
RECORD_FILES = ("closeout.json", "closeout.md", "closeout.html", GUIDE, SUMS)
"""Written after the last listing; listed all the same."""


def begin(
    path: str, run_id: str, kind: str = CLOSEOUT, *, dump: str = "", whose: dict[str, str] | None = None, ttl_s: int = 0
) -> None:
    """Make the directory ``path`` (mode 0700, its parents too where they are missing) and mark it as this run's, and as
    the record of a closeout or of a verification, or as a copy.

    ``dump`` is what the dump will be called, ``whose`` the database as the history knows it: by them a run without a
    record is known. A copy may be removed by anybody's reaper after ``ttl_s`` seconds. Raises CloseoutError where it
    exists already or cannot be made; then nothing of it is left.
    """
    parent = os.path.dirname(path)
    try:
        os.makedirs(parent, mode=0o700, exist_ok=True)
        os.mkdir(path, 0o700)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError as error:
        raise CloseoutError(
            f"The artefact directory {path} cannot be made",
            wanted=f"a writable directory {parent}",
            found=error.strerror or str(error),
            do="correct closeout_root, or let the job become root",
        ) from error
    try:
        os.mkdir(os.path.join(path, "logs"), 0o700)
        marker = {
            "schema": MARKS[kind],
            "run_id": run_id,
            "host": host_name(),
            "begun_utc": utc_now(),
            "name": os.path.basename(os.path.normpath(path)),
            "dump": os.path.basename(dump),
            "whose": whose or {},
        }
        if kind == COPY:
            marker["expires_utc"], marker["expires_boot"] = deadline(ttl_s)
        write_whole(os.path.join(path, MARKER), json.dumps(marker).encode("ascii") + b"\n")
        fsync_directory(parent)
    except BaseException:
        for remove, name in ((os.unlink, MARKER), (os.rmdir, "logs"), (os.rmdir, "")):
            with contextlib.suppress(OSError):
                remove(os.path.join(path, name))
        raise


def host_name() -> str:
    """Return the name of this host. A directory that several hosts share holds what only one of them can judge."""
    return os.uname().nodename


def _exists(path: str) -> CloseoutError:
    return CloseoutError(
        f"The artefact directory {path} exists already",
        wanted="a new directory",
        found="one that another run made",
        do="nothing was overwritten; run again, a second later the name is another one",
    )


def is_marked(path: str, kind: str) -> bool:
    """Whether ``path`` is marked as the directory of a closeout, of a verification, or of a copy."""
    try:
        marker = json.loads(read_whole(os.path.join(path, MARKER), 1 << 16))
    except (CloseoutError, ValueError):
        return False
    return bool(get(marker, "schema") == MARKS[kind])


def assert_ours(path: str, run_id: str, kind: str = CLOSEOUT) -> None:
    """Raise NotOurs unless ``path`` is the directory of run ``run_id``, a closeout's or a verification's."""
    try:
        marker = json.loads(read_whole(os.path.join(path, MARKER), 1 << 16))
        owner = marker["run_id"]
        if marker["schema"] != MARKS[kind]:
            raise ValueError(f"schema {marker['schema']!r}")
    except (CloseoutError, ValueError, KeyError, TypeError) as error:
        raise NotOurs(
            f"{path} is not an artefact directory of ours", wanted=f"the mark {MARKER} in it", found=str(error)
        ) from error
    if owner != run_id or not run_id:
        raise NotOurs(f"{path} belongs to another run", wanted=f"run {run_id}", found=f"run {owner}")


def write_lists(path: str, lists: dict[str, list[str]]) -> list[str]:
    """Write each list as a text file of its name, one entry a line; return the paths.

    A name with a line break in it is written as a JSON string: one line stays one name.
    """
    written = []
    for name, entries in lists.items():
        if os.path.basename(name) != name or name in ("", ".", ".."):
            raise CloseoutError(f"{name!r} is no file name")
        text = "".join(f"{_one_line(entry)}\n" for entry in entries)
        target = os.path.join(path, name)
        write_whole(target, text.encode("utf-8", "surrogateescape"), replace=True)
        written.append(target)
    return written


def write_record(
    path: str, evidence: dict[str, Any] | None, record: str | None, page: str | None = None, kind: str = CLOSEOUT
) -> bool:
    """Write closeout.json, closeout.md and closeout.html, those that are given, and how to restore the dump; return
    whether there was one. Those of a verification have its name, and no dump is beside them.
    """
    documents = {
        f"{kind}.json": None if evidence is None else json.dumps(evidence, indent=2) + "\n",
        f"{kind}.md": record,
        f"{kind}.html": page,
        **({} if evidence is None or kind == VERIFICATION else restore_files(path, evidence)),
    }
    given = {name: text for name, text in documents.items() if text is not None}
    for name, text in given.items():
        write_whole(os.path.join(path, name), text.encode("utf-8", "surrogateescape"), replace=True)
    return bool(given)


def restore_files(path: str, evidence: dict[str, Any]) -> dict[str, str]:
    """Return RESTORE.md and, where there are globals, the SQL that is made of them. Raises CloseoutError."""
    if not _has(path, GLOBALS):
        return {GUIDE: restore_guide(evidence, None, "")}
    document = load_globals(read_whole(os.path.join(path, GLOBALS)))
    name = os.path.basename(str(get(evidence, "dump", "path") or ""))
    dump = name if name and _has(path, name) else ""
    return {
        GUIDE: restore_guide(evidence, document, dump),
        GLOBALS_SQL: globals_sql(document),
        SETTINGS_SQL: settings_sql(document),
    }


def listing(path: str, dump: str = "", *, signed: bool = False) -> list[dict[str, Any]]:
    """Return name (relative to ``path``) and size of every file of the artefact; those of the record have no size
    yet. A ``dump`` that is a directory is one entry, for its files may be many.
    """
    restorable = (GLOBALS_SQL, SETTINGS_SQL) if _has(path, GLOBALS) else ()
    later = (*RECORD_FILES, *restorable, *((SIGNATURE,) if signed else ()))
    sizes: Counter[str] = Counter()
    whole = os.path.relpath(dump, path) if dump else ""
    for name in _files(path):
        if name not in later:
            inside = whole and name.startswith(whole + "/")
            sizes[whole if inside else name] += os.lstat(os.path.join(path, name)).st_size
    found = [{"name": name, "size_bytes": size} for name, size in sorted(sizes.items())]
    return found + [{"name": name, "size_bytes": None} for name in later]


def confirm(dump: str) -> dict[str, Any]:
    """Read the dump once more, whole; return its sha256 and size now, and whether it is encrypted."""
    assert_dump(dump)
    meter.begin("checksum", total_bytes=size_of(dump))
    found = read_dump(dump, meter.add)
    return {
        "sha256_confirmed": found.sha256,
        "size_bytes": found.size_bytes,
        "confirmed_utc": utc_now(),
        "encrypted": is_encrypted(dump),
    }


def seal(path: str, known: dict[str, str]) -> dict[str, Any]:
    """Write SHA256SUMS over every other file but its signature, as ``sha256sum -c`` reads it; return its sha256 and the
    number of files.

    ``known`` has the sha256 of files (by name) that were just read whole and need not be read again.
    """
    names = [name for name in _files(path) if name not in (SUMS, SIGNATURE)]
    lines = [_sum_line(known.get(name) or sha256_of(os.path.join(path, name)), name) for name in names]
    content = "".join(lines).encode("utf-8", "surrogateescape")
    write_whole(os.path.join(path, SUMS), content, replace=True)
    return {"sums_sha256": hashlib.sha256(content).hexdigest(), "files": len(lines)}


def _refuse_signed(path: str) -> None:
    """What is signed stays as it is."""
    if _has(path, SIGNATURE):
        raise CloseoutError(
            f"{path} is signed already",
            wanted="an artefact without a signature",
            found=SIGNATURE,
            do="nothing was overwritten; run the closeout again for another artefact",
        )


def _sign(path: str, key: str) -> dict[str, str]:
    """Sign SHA256SUMS; return where the signature is."""
    signature = os.path.join(path, SIGNATURE)
    write_whole(signature, sign(read_whole(os.path.join(path, SUMS)), key))
    return {"signature": signature}


def _has(path: str, name: str) -> bool:
    return os.path.lexists(os.path.join(path, name))


def _files(path: str) -> list[str]:
    found: list[str] = []
    for directory, names, files in os.walk(path):
        names.sort()
        found.extend(os.path.relpath(os.path.join(directory, name), path) for name in files)
    return sorted(found)


def _sum_line(digest: str, name: str) -> str:
    """Return one line; coreutils marks a name with special characters by a leading backslash."""
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{chr(92) if escaped != name else ''}{digest}  {escaped}\n"


def _one_line(entry: str) -> str:
    return entry if entry.isprintable() else json.dumps(entry)


def bring_to(parameters: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Do what module closeout_artefact is asked; in check mode only see whether it could be done."""
    path, run_id, state, kind = (parameters[name] for name in ("path", "run_id", "state", "kind"))
    if state == "begun":
        if not run_id:
            raise CloseoutError(
                "An artefact directory needs a run id",
                wanted="run_id, which marks it as the run's",
                found="an empty one",
                do="pass what closeout_plan returned",
            )
        if check and os.path.lexists(path):
            raise _exists(path)
        if not check:
            whose = {name: parameters[name] for name in SAME}
            begin(path, run_id, kind, dump=parameters["dump"], whose=whose, ttl_s=parameters["ttl_s"])
        return {"changed": True, "path": path}
    assert_ours(path, run_id, kind)
    if state in ("recorded", "sealed"):
        if check:
            return {"changed": True}
        # The record is on the disk: a result that had it again, as the module's arguments, would be large.
        facts: dict[str, Any] = {"invocation": {"module_args": {"path": path, "run_id": run_id, "state": state}}}
        _refuse_signed(path)
        written = write_record(path, *(parameters[name] for name in ("evidence", "record", "page", "kind")))
        # A record that replaces another one must not leave its sums behind: the signature may have failed after them.
        sealing = state == "sealed" or os.path.isfile(os.path.join(path, SUMS))
        sums = seal(path, parameters["known_sha256"]) if sealing else {}
        if state == "sealed" and parameters["sign_key"]:
            sums.update(_sign(path, parameters["sign_key"]))
        return {**facts, "changed": written or bool(sums), **sums}
    facts = {"changed": bool(parameters["lists"])}
    if not check:
        write_lists(path, parameters["lists"])
    if parameters["dump"]:
        facts.update(confirm(parameters["dump"]))
    return {**facts, "directory": listing(path, parameters["dump"], signed=bool(parameters["sign_key"]))}
