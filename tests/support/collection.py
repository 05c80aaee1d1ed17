"""The collection, built and installed as users do it, without Galaxy."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.places import ROOT
from tests.support.playbook import BIN, environment


@dataclass(frozen=True)
class Installed:
    """The tarball, the path it was installed into (as ANSIBLE_COLLECTIONS_PATH has it), and the collection there."""

    tarball: Path
    path: Path

    @property
    def collection(self) -> Path:
        """The directory of the collection."""
        return self.path / "ansible_collections" / "incomex" / "closeout"


def install(directory: Path) -> Installed:
    """Build the collection and install it below an empty directory; CalledProcessError when either fails."""
    path = directory / "collections"
    for arguments in (["build", "--output-path", str(directory / "built")], ["install", "--offline", "-p", str(path)]):
        built = [str(one) for one in (directory / "built").glob("*.tar.gz")] if arguments[0] == "install" else []
        subprocess.run(
            [str(BIN / "ansible-galaxy"), "collection", *arguments, *built],
            cwd=ROOT,
            # The tests' own python has the collection, and then there would be nothing to install.
            env={**environment(directory), "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false"},
            stdin=subprocess.DEVNULL,
            timeout=120,
            check=True,
        )
    (tarball,) = (directory / "built").glob("*.tar.gz")
    return Installed(tarball, path)
