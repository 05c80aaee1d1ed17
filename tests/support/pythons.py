"""Other Pythons than the one that runs the tests: where they are, and a venv of each, made once."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.places import CACHE, locked

_OF_THE_LATER_CORE = ("3.12", "3.13", "3.14")


def found(*versions: str) -> Path | None:
    """The first Python of these versions ("3.9") that runs here, None when there is none; pyenv's are looked at too."""
    for version in versions:
        on_path = shutil.which(f"python{version}")
        paths = [Path(on_path)] if on_path else []
        paths += Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}")
        for path in paths:
            # What is on PATH may be pyenv's word that it has none.
            if subprocess.run([path, "--version"], capture_output=True, check=False, timeout=60).returncode == 0:
                return path
    return None


def venv(name: str, base: Path, packages: Sequence[str]) -> Path:
    """The python of a venv of `base` with `packages` (arguments of pip install), kept in the cache below `name`."""
    directory = CACHE / name
    CACHE.mkdir(exist_ok=True)
    with locked(CACHE / f"{name}.lock"):
        # Its programs name their Python: a cache that was moved is none.
        ready = directory / "ready"
        if not ready.exists() or ready.read_text() != str(directory):
            subprocess.run([str(base), "-m", "venv", "--clear", str(directory)], check=True, timeout=120)
            pip = [str(directory / "bin/pip"), "install", "--quiet", "--no-compile"]
            pip += ["--disable-pip-version-check", *packages]
            subprocess.run(pip, check=True, timeout=300)
            ready.write_text(str(directory))
    return directory / "bin/python"


def later_core() -> tuple[Path, str]:
    """A venv's python with ansible-core 2.21, and its version ("3.12"); skips where no Python runs that."""
    base = found(*_OF_THE_LATER_CORE)
    if base is None:
        pytest.skip(f"there is no Python {', '.join(_OF_THE_LATER_CORE)} here")
    return venv("ansible-core-2.21", base, ["ansible-core>=2.21,<2.22"]), base.name.removeprefix("python")
