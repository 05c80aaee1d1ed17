"""Keeps what Ansible found to belong to a payload: for every play it parses the same 150 files, in a second."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ansible.executor import module_common
from ansible.plugins.callback import CallbackBase
from ansible.release import __version__
from ansible_collections.incomex import closeout

DOCUMENTATION = """
name: closeout_payload
type: aggregate
short_description: Keep what payloads hold for the next play of the tests
description: Keeps it in the directory E(CLOSEOUT_TESTS_COMPILED); without one it does nothing.
requirements: []
"""

_Finder = Callable[..., Any]


def _sources() -> Iterator[str]:
    """What tells one state of the collection's files from another."""
    for path in sorted(Path(*closeout.__path__, "plugins", "module_utils").glob("*.py")):
        status = path.stat()
        yield f"{path} {status.st_size} {status.st_mtime_ns}\n"


def _kept(directory: Path, find: _Finder) -> _Finder:
    """Ansible's own search, whose outcome is kept in `directory`."""

    def search(name: str, fqn: str, source: bytes | str, archive: zipfile.ZipFile, *others: Any) -> Any:
        words = f"{__version__} {fqn} {source!r}\n{''.join(_sources())}"
        path = directory / f"payload-{hashlib.sha256(words.encode()).hexdigest()}"
        try:
            members, found = pickle.loads(path.read_bytes())  # noqa: S301 - it is our own
        except FileNotFoundError:
            own = zipfile.ZipFile(io.BytesIO(), "w")
            found = find(name, fqn, source, own, *others)
            members = [(member, own.read(member)) for member in own.namelist()]
            # Whole or not at all: plays run side by side.
            new = path.with_name(f"{path.name}.{os.getpid()}")
            new.write_bytes(pickle.dumps((members, found)))
            new.replace(path)
        for member, text in members:
            archive.writestr(module_common._make_zinfo(member, others[0], zf=archive), text)
        return found

    return search


class CallbackModule(CallbackBase):
    """Changes how payloads are found, which is done after callbacks are loaded, in processes forked from here."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "closeout_payload"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        """Where there is a place to keep it."""
        super().__init__()
        directory = os.environ.get("CLOSEOUT_TESTS_COMPILED")
        if directory:
            module_common.recursive_finder = _kept(Path(directory), module_common.recursive_finder)
