# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what a directory below closeout_root is: an artefact of which database, verified or not,
or nothing that may be removed, and why.

Believed is what we wrote ourselves and what agrees with it: mark, record, SHA256SUMS and history. Whatever is not as a
closeout leaves it belongs to somebody, and is left alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ._artefact import CLOSEOUT, MARKER, MARKS, RECORD_FILES, SUMS, host_name
from ._errors import CloseoutError
from ._evidence import SCHEMA
from ._files import read_whole
from ._history_line import ALL_PASS, identity_of, is_same
from ._outcome import get, some
from ._retention import Artefact, When, seconds
from ._running import is_at_work
from ._settings import RESERVED_NAMES
from ._signature import SIGNATURE
from ._sums import read_sums

RECORD = RECORD_FILES[0]
GOING = ".removing-"
"""Between the name of an artefact that is being removed and the id of the run that removes it."""
_GOING = re.compile(r".+\.removing-([0-9A-Za-z]{1,64})")
_LISTS = re.compile(r"(dump|restoretest)_[A-Za-z0-9_]{1,40}_tables\.txt")
_SILENT_S = 86400.0
"""A run without a line in the history is over when nothing of its artefact has changed for so long."""
_MOUNTS = "/proc/self/mountinfo"


class LeftAlone(Exception):
    """A directory that is not to be removed; the text says why."""


class OfAnother(LeftAlone):
    """An artefact of another database: it has its own closeouts."""


@dataclass(frozen=True)
class Content:
    """What is in a directory: files and directories by name, relative to it; which one it is, by device and inode; when
    something of it changed last, in seconds since 1970.
    """

    files: Mapping[str, os.stat_result]
    directories: Mapping[str, os.stat_result]
    inode: tuple[int, int]
    changed_s: float


@dataclass(frozen=True)
class Root:
    """A directory of artefacts as one run sees it: whose are looked for, when that is, and the lines of the history of
    that database by run id.
    """

    path: str
    whose: Mapping[str, Any]
    now_s: float
    lines: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    moments: Mapping[str, When] = field(default_factory=dict)


def remover_of(name: str) -> str:
    """Return the run that was removing the artefact of such a name, "" for the name of one that nobody removes."""
    match = _GOING.fullmatch(name)
    return match[1] if match else ""


def look_at(root: Root, name: str, own: str) -> Artefact:
    """Return what the directory ``name`` below ``root`` is; ``own`` is the run that asks.

    Raises LeftAlone where it is no artefact of this database, or not one that could be removed.
    """
    path = os.path.join(root.path, name)
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        raise LeftAlone("a symbolic link")
    if remover_of(name):
        raise LeftAlone("being removed")
    mark = read_mark(path)
    _assert_ours(status, root.path)
    run_id = mark["run_id"]
    if mark["host"] != host_name():
        raise LeftAlone(f"begun on another host, {mark['host']}")
    if not is_same(mark.get("whose"), dict(root.whose)):
        raise OfAnother("of another database")
    if mark.get("name") != name:
        raise LeftAlone("moved or renamed")
    began = seconds(mark.get("begun_utc"))
    if began is None or began > root.now_s:
        raise LeftAlone(f"begun in the future, {mark.get('begun_utc')}")
    content = content_of(path)
    if run_id != own:
        _assert_over(root, content, run_id)
    _assert_nothing_else(path, content, mark)
    is_good = _is_verified(path, content, mark, get(root.lines, run_id, "result"))
    size_bytes = sum(one.st_size for one in content.files.values())
    at = root.moments.get(run_id, When(began, -1))
    return Artefact(name, run_id, is_good, When(max(at.moment_s, began), at.place), size_bytes)


def read_mark(path: str) -> dict[str, Any]:
    """Return the mark in a directory. Raises LeftAlone where there is none of ours."""
    try:
        mark = json.loads(read_whole(os.path.join(path, MARKER), 1 << 16))
    except (CloseoutError, ValueError, RecursionError) as error:
        raise LeftAlone("no mark of a closeout") from error
    if not str(get(mark, "run_id") or "").isalnum() or not isinstance(get(mark, "host"), str):
        raise LeftAlone("no mark of a closeout")
    if mark.get("schema") != MARKS[CLOSEOUT]:
        raise LeftAlone("the record of a verification")
    return {**mark, "run_id": str(mark["run_id"])}


def content_of(path: str) -> Content:
    """Return what is in a directory of ours. Raises LeftAlone for what no closeout leaves: links, other people's files,
    other file systems.
    """
    try:
        return _content_of(path)
    except OSError as error:
        raise LeftAlone(f"cannot be read: {error.strerror}") from error


def _content_of(path: str) -> Content:
    mounted = [one for one in _mount_points() if f"{one}/".startswith(f"{os.path.realpath(path)}/")]
    if mounted:
        raise LeftAlone(f"something is mounted in it: {some(mounted)}")
    top = os.lstat(path)
    files: dict[str, os.stat_result] = {}
    directories: dict[str, os.stat_result] = {}
    for name, status in _walk(path):
        if status.st_dev != top.st_dev or status.st_uid != top.st_uid:
            raise LeftAlone(f"holds something of another user or file system: {name}")
        if stat.S_ISDIR(status.st_mode):
            directories[name] = status
        elif stat.S_ISREG(status.st_mode):
            files[name] = status
        else:
            raise LeftAlone(f"holds what is neither a file nor a directory: {name}")
    changed_s = max(one.st_ctime for one in (top, *files.values(), *directories.values()))
    return Content(files, directories, (top.st_dev, top.st_ino), changed_s)


def strangers(path: str, content: Content, mark: Mapping[str, Any]) -> list[str]:
    """Return the names of what is in an artefact and was not written by its run: what SHA256SUMS does not list; without
    it, what is called like nothing that a closeout writes.
    """
    if SUMS in content.files:
        known = {*sums_of(path), SUMS, SIGNATURE}
        found = [name for name in content.files if name not in known]
    else:
        found = [name for name in content.files if not _is_called_like_ours(name, str(mark.get("dump") or ""))]
    around = {"logs", str(mark.get("dump") or "logs")}
    return sorted([*found, *(name for name in content.directories if name not in around)])


def sums_of(path: str) -> dict[str, str]:
    """Return what SHA256SUMS of an artefact lists. Raises LeftAlone where it cannot be read."""
    try:
        return read_sums(read_whole(os.path.join(path, SUMS)))
    except CloseoutError as error:
        raise LeftAlone(f"{SUMS} in it cannot be read") from error


def _assert_ours(status: os.stat_result, root: str) -> None:
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise LeftAlone("of another user")
    if status.st_mode & 0o022:
        raise LeftAlone("others may write to it")
    if status.st_dev != os.stat(root).st_dev:
        raise LeftAlone("on another file system")


def _assert_over(root: Root, content: Content, run_id: str) -> None:
    """Raise LeftAlone unless a run is over: no module of it is at work, and it has its line in the history, which comes
    after its record. A run that was killed has none; it is over when nothing has changed for a day, for no run waits so
    long between two modules.
    """
    if is_at_work(run_id):
        raise LeftAlone("of a run that is at work")
    if run_id not in root.lines and root.now_s - content.changed_s < _SILENT_S:
        raise LeftAlone("of a run that may not be over: no line in the history, and changed less than a day ago")


def _assert_nothing_else(path: str, content: Content, mark: Mapping[str, Any]) -> None:
    found = strangers(path, content, mark)
    if found:
        raise LeftAlone(f"holds what its closeout did not write: {some(found)}")


def _is_verified(path: str, content: Content, mark: Mapping[str, Any], told: Any) -> bool:
    """Return whether it is a verified backup, or one of a run that failed. Raises LeftAlone where it is neither."""
    if RECORD not in content.files:
        return _no_record(told)
    try:
        text = read_whole(os.path.join(path, RECORD))
        record = json.loads(text)
    except (CloseoutError, ValueError, RecursionError) as error:
        raise LeftAlone(f"{RECORD} in it cannot be read") from error
    result = get(record, "result", "closeout_result")
    if get(record, "schema") != SCHEMA or get(record, "run", "id") != mark["run_id"]:
        raise LeftAlone(f"{RECORD} in it is of another run")
    if told is not None and told != result:
        raise LeftAlone(f"{RECORD} in it says {result}, the history {told}")
    if not is_same(identity_of(record), mark["whose"]):
        raise LeftAlone(f"{RECORD} in it is of another database")
    if result != ALL_PASS:
        return False
    dump = str(mark.get("dump") or "")
    if SUMS not in content.files or not dump or os.path.basename(str(get(record, "dump", "path"))) != dump:
        raise LeftAlone("it passed, but it is not sealed")
    sums = sums_of(path)
    missing = sorted(name for name in sums if name not in content.files)
    if missing:
        raise LeftAlone(f"it passed, but something is missing: {some(missing)}")
    size_bytes = sum(one.st_size for name, one in content.files.items() if name == dump or name.startswith(f"{dump}/"))
    if size_bytes != get(record, "dump", "size_bytes"):
        raise LeftAlone(f"it passed, but its dump is not as it was: {size_bytes} bytes")
    if digest_in(sums, dump) != get(record, "dump", "sha256") or sums.get(RECORD) != hashlib.sha256(text).hexdigest():
        raise LeftAlone(f"it passed, but {SUMS} in it has other digests than its record")
    return True


def digest_in(sums: Mapping[str, str], dump: str) -> str:
    """Return the dump's sha256 by SHA256SUMS; a directory's is that of the list of its files (see _dumpdigest.py)."""
    if dump in sums:
        return sums[dump]
    inside = {name[len(dump) + 1 :]: digest for name, digest in sums.items() if name.startswith(f"{dump}/")}
    lines = "".join(f"{inside[name]}  {name}\n" for name in sorted(inside, key=os.fsencode))
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()


def _no_record(told: Any) -> bool:
    """A run without a record has failed."""
    if told == ALL_PASS:
        raise LeftAlone("it passed, but its record is missing")
    return False


def _is_called_like_ours(name: str, dump: str) -> bool:
    if name == MARKER or name in RESERVED_NAMES or (dump and (name == dump or name.startswith(f"{dump}/"))):
        return True
    return bool(_LISTS.fullmatch(name)) or bool(re.fullmatch(r"logs/[a-z_]+\.log", name))


def _walk(path: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield everything below a directory; no link is followed."""
    for directory, names, files in os.walk(path, onerror=_raise):
        for name in sorted([*names, *files]):
            found = os.path.join(directory, name)
            yield os.path.relpath(found, path), os.lstat(found)


def _raise(error: OSError) -> None:
    raise error


def _mount_points() -> list[str]:
    """Return where something is mounted, as this process sees it. Source: proc(5), mountinfo: the fifth field."""
    with contextlib.suppress(OSError), open(_MOUNTS, encoding="utf-8", errors="surrogateescape") as file:
        return [re.sub(r"\\([0-7]{3})", lambda one: chr(int(one[1], 8)), line.split(" ")[4]) for line in file]
    raise LeftAlone("nobody can say whether something is mounted in it")
