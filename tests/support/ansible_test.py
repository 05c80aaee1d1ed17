"""ansible-test on a copy of the collection: `python -m tests.support.ansible_test sanity`, which is `make sanity`.

It wants the collection at …/ansible_collections/incomex/closeout, as real files in a repository of their own, and keeps
what it installs below HOME: that is a directory of the cache here. Before its first installation it would download a
script that installs pip. It finds that script made already, from the package index, where everything else comes from.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.support.places import CACHE, ROOT, locked
from tests.support.pythons import found

HOME = CACHE / "ansible-test"
_VERSIONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
"""Those that ansible-core 2.19 knows as a target's."""
_VERSION_OF_PIP = """
import types
from ansible_test._internal.python_requirements import get_venv_packages
print(get_venv_packages(types.SimpleNamespace(version="3.11"))["pip"])
"""
_BOOTSTRAP = """
import sys
sys.path.insert(0, {place!r})
from pip._internal.cli.main import main
arguments = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
# It is on the path, from here; that does not make it installed there.
sys.exit(main(["install", "--ignore-installed", *arguments]))
"""


def copy_collection(directory: Path) -> Path:
    """Copy what belongs to the collection's repository to where ansible-test wants it below `directory`; its path."""
    target = directory / "ansible_collections" / "incomex" / "closeout"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    subprocess.run(["git", "init", "--quiet"], cwd=target, check=True, timeout=60)
    subprocess.run(["git", "add", "--all"], cwd=target, check=True, timeout=60)
    return target


def run(
    python: Path, collection: Path, arguments: Sequence[str], *, targets: Sequence[Path] = (), timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """Run the ansible-test beside `python` in a copy of the collection; its output is of both streams.

    `targets` are other Pythons, which `--python` of the arguments may ask for.
    """
    directories = [str(path.parent) for path in (python, *targets)]
    HOME.mkdir(parents=True, exist_ok=True)
    # It makes its environments without a thought of another run beside it.
    with locked(CACHE / "ansible-test.lock", timeout_s=timeout_s):
        _give_pip(python)
        return subprocess.run(
            [str(python.parent / "ansible-test"), *arguments, "--color", "no"],
            cwd=collection, env={**os.environ, "HOME": str(HOME), "PATH": ":".join([*directories, os.environ["PATH"]])},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=timeout_s, check=False,
        )  # fmt: skip


def _give_pip(python: Path) -> None:
    """Make the script that ansible-test installs pip with, and let the pip within know this user's configuration."""
    asked = subprocess.run(
        [str(python), "-c", _VERSION_OF_PIP], stdout=subprocess.PIPE, text=True, check=True, timeout=60
    )
    version = asked.stdout.strip()
    script = HOME / ".ansible" / "test" / "cache" / f"get_pip_{version.replace('.', '_')}.py"
    place = HOME / f"pip-{version}"
    wanted = _BOOTSTRAP.format(place=str(place))
    # It names the place, and a folder can be moved with all that is in it.
    if place.is_dir() and script.exists() and script.read_text() == wanted:
        return
    script.parent.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-deps", "--upgrade"]
    subprocess.run([*pip, "--target", str(place), f"pip=={version}"], check=True, timeout=300)
    # ansible-test hands on no variables: what they tell pip becomes a file.
    settings = {name[4:].lower().replace("_", "-"): value for name, value in os.environ.items() if name[:4] == "PIP_"}
    (HOME / ".pip").mkdir(exist_ok=True)
    (HOME / ".pip" / "pip.conf").write_text("\n".join(["[global]", *(f"{k} = {v}" for k, v in settings.items()), ""]))
    theirs = Path.home() / ".config" / "pip"
    if theirs.is_dir() and not (HOME / ".config" / "pip").exists():
        (HOME / ".config").mkdir(exist_ok=True)
        (HOME / ".config" / "pip").symlink_to(theirs)
    script.write_text(wanted)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="closeout-ansible-test") as name:
        # Before what PATH has, which may be pyenv's word that it has none.
        others = [path for path in map(found, _VERSIONS) if path]
        done = run(Path(sys.executable), copy_collection(Path(name)), sys.argv[1:], targets=others, timeout_s=3600)
    print(done.stdout)
    sys.exit(done.returncode)
