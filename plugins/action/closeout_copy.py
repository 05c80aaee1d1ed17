# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action of closeout_copy: files go from the task's host to another one, or back, through the controller.

Neither host needs to reach the other. A file goes in pieces, of which the controller holds a few in memory and none on
its disk: one is read while the one before is written. It is hashed on its way, and by the host where it arrives.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import queue
import shlex
import threading
import time
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.plugins.connection import ConnectionBase

from ..module_utils._argspec import copy_spec
from ..module_utils._clock import utc_now
from ..module_utils._settings import PROGRESS_S
from ..plugin_utils._host_connection import connection_to, execute

_PIECE_BYTES = 8 << 20
_AHEAD = 2
_PAUSE_S = 0.2
_STALLED_S = 600.0
_ABSENT = ["."]
_MOST_FETCHED_BYTES = 1 << 30
"""Of a report or a log that comes back."""
# Names cannot hold what would end a line: they are ours, or pg_dump's own.
_LIST = "if [ -d {path} ]; then echo d; LC_ALL=C ls -A -- {path}; elif [ -e {path} ]; then echo f; fi"
_SIZE = "LC_ALL=C stat -L -c %s -- {path}"
# Reads and writes whole blocks at any place, and no byte more. Source: dd(1), GNU coreutils.
_READ = "dd if={path} bs=1M iflag=skip_bytes,count_bytes,fullblock skip={offset} count={count} status=none"
_WRITE = "umask 077; dd of={path} bs=1M iflag=fullblock oflag=seek_bytes seek={offset} conv=notrunc status=none"
_BEGIN = "umask 077; : >{path}"
_MAKE = "umask 077; mkdir -p -- {path}"
_SUM = "sync -d {path} 2>/dev/null; sha256sum <{path}"


class ActionModule(ActionBase):
    """Copies what its task names."""

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset(("host", "paths", "state", "run_id"))

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Copy; return files, bytes, and how long it took by the controller's clock."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _validated, given = self.validate_argument_spec(copy_spec())
        host, began_utc, began = given["host"], utc_now(), time.monotonic()
        if self._task.check_mode:
            return {**result, "changed": True, "run_id": given["run_id"]}
        if host not in variables["hostvars"]:
            raise AnsibleActionFail(
                f"closeout_copy: wanted a host of the inventory, found {host}. Put it there, or correct"
                " closeout_scratch_host."
            )
        here = str(variables["inventory_hostname"])
        with contextlib.closing(connection_to(self, variables["hostvars"][host])) as other:
            ends = {"lent": (self._connection, here, other, host), "fetched": (other, host, self._connection, here)}
            source, source_name, target, target_name = ends[given["state"]]
            transfer = _Transfer(source, source_name, target, target_name, self._told(variables))
            for path, to in given["paths"].items():
                # What was not written has a reason that is told already.
                transfer.copy(path, to, must_be_there=given["state"] == "lent")
        return {
            **result,
            "changed": True,
            "run_id": given["run_id"],
            "files": transfer.files,
            "size_bytes": transfer.size_bytes,
            "took": {"started_utc": began_utc, "duration_s": round(time.monotonic() - began, 3)},
        }

    def _told(self, variables: dict[str, Any]) -> Any:
        """Return what tells how far it has come, now and then."""
        given = str(self._templar.template(variables.get("closeout_progress_s", PROGRESS_S))).strip()
        pause_s = int(given) if given.isdecimal() else PROGRESS_S
        last = time.monotonic()

        def tell(line: str) -> None:
            nonlocal last
            if pause_s and time.monotonic() - last >= pause_s:
                self._display.display(f"[{variables['inventory_hostname']}] {line}")
                last = time.monotonic()

        return tell


class _Transfer:
    """One way between two hosts."""

    def __init__(
        self, source: ConnectionBase, source_name: str, target: ConnectionBase, target_name: str, tell: Any
    ) -> None:
        self._source, self._target = source, target
        self._names = source_name, target_name
        self._tell = tell
        self._controller = os.getppid()
        self.files = 0
        self.size_bytes = 0

    def copy(self, path: str, to: str, *, must_be_there: bool) -> None:
        """Copy a file, or a directory of files; nothing where there is none and it need not be.

        Raises AnsibleActionFail.
        """
        try:
            names = self._names_in(path)
            if names == _ABSENT:
                if must_be_there:
                    raise AnsibleError("there is no such file")
                return
            if names is None:
                self._file(path, to, None if must_be_there else _MOST_FETCHED_BYTES)
                return
            # The other host's word: it must not lead out of the directory, nor be one where a file is meant.
            if not must_be_there:
                raise AnsibleError("a directory was found, a file was wanted")
            if any(name in ("", ".", "..") or "/" in name for name in names):
                raise AnsibleError(f"it has a name that no file has: {names!r}")
            execute(self._target, _MAKE.format(path=shlex.quote(to)), b"")
            for name in names:
                self._file(f"{path}/{name}", f"{to}/{name}", None)
        except AnsibleConnectionFailure:
            raise
        except AnsibleError as error:
            source, target = self._names
            raise AnsibleActionFail(
                f"{path} of {source} could not be copied to {target}: {error.message}. Wanted the same bytes there, as"
                f" {to}. Nothing was restored from it."
            ) from error

    def _names_in(self, path: str) -> list[str] | None:
        """Return the names in a directory, None where it is a file, _ABSENT where there is nothing."""
        said = execute(self._source, _LIST.format(path=shlex.quote(path)), b"")
        lines = said.decode("utf-8", "surrogateescape").splitlines()
        if not lines:
            return _ABSENT
        return lines[1:] if lines and lines[0] == "d" else None

    def _file(self, path: str, to: str, most: int | None) -> None:
        quoted, there = shlex.quote(path), shlex.quote(to)
        size = int(execute(self._source, _SIZE.format(path=quoted), b""))
        if most is not None and size > most:
            raise AnsibleError(f"it has {size} bytes, at most {most} are taken")
        execute(self._target, _BEGIN.format(path=there), b"")
        digest = hashlib.sha256()
        with contextlib.closing(_Reader(self._source, quoted, size)) as pieces:
            offset = 0
            while offset < size:
                piece = pieces.next()
                digest.update(piece)
                execute(self._target, _WRITE.format(path=there, offset=offset), piece)
                offset += len(piece)
                self._tell(f"copy to {self._names[1]}: {(self.size_bytes + offset) / 1e6:.0f} MB")
                if os.getppid() != self._controller:
                    raise AnsibleError("ansible-playbook is gone")
        found = execute(self._target, _SUM.format(path=there), b"").decode("ascii", "replace").split(" ")[0]
        if found != digest.hexdigest():
            raise AnsibleError(f"its sha256 there is {found}, on its way it was {digest.hexdigest()}")
        self.files += 1
        self.size_bytes += size


class _Reader:
    """Reads a file piece by piece, ahead of whoever takes the pieces."""

    def __init__(self, source: ConnectionBase, quoted: str, size: int) -> None:
        self._source, self._quoted, self._size = source, quoted, size
        self._pieces: queue.Queue[bytes | AnsibleError] = queue.Queue(_AHEAD)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def next(self) -> bytes:
        """Return the next piece. Raises AnsibleError."""
        try:
            piece = self._pieces.get(timeout=_STALLED_S)
        except queue.Empty as error:
            raise AnsibleError(f"nothing was read for {_STALLED_S:.0f} s") from error
        if isinstance(piece, AnsibleError):
            raise piece
        return piece

    def close(self) -> None:
        """Read no more."""
        self._stopped.set()
        # One that waits for its host ends with this process.
        self._thread.join(_PAUSE_S)

    def _read(self) -> None:
        for offset in range(0, self._size, _PIECE_BYTES):
            count = min(_PIECE_BYTES, self._size - offset)
            try:
                piece: bytes | AnsibleError = execute(
                    self._source, _READ.format(path=self._quoted, offset=offset, count=count), b""
                )
                if isinstance(piece, bytes) and len(piece) != count:
                    piece = AnsibleError(
                        f"{count} bytes were wanted at {offset}, {len(piece)} were read: it has changed"
                    )
            except (AnsibleError, OSError) as error:
                piece = error if isinstance(error, AnsibleError) else AnsibleError(str(error))
            while not self._stopped.is_set():
                try:
                    self._pieces.put(piece, timeout=_PAUSE_S)
                    break
                except queue.Full:
                    continue
            if self._stopped.is_set() or isinstance(piece, AnsibleError):
                return
