# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of the demo: a private one for its servers, and the one for its artefacts, which stays."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from programs import process_prefix
from told import DemoError

if TYPE_CHECKING:
    import pwd

REPOSITORY = Path(__file__).resolve().parent.parent.parent
#: Longest path of a Unix socket wherever the wheel exists: sun_path of unix(7), less one; macOS has the smallest.
SOCKET_PATH_MAX = 103
#: Begins the name of the temporary directory for artefacts where the repository is not writable.
KEPT_PREFIX = "incomex-closeout-"


def private_directory(account: pwd.struct_passwd | None) -> Path:
    """Make a temporary directory that ``account`` can reach and whose path is short enough for a socket.

    It is 0700; for another account it is 0711 with the socket and data directories 0700 below it.
    """
    prefix = process_prefix(account)
    for parent in dict.fromkeys((tempfile.gettempdir(), "/tmp", "/var/tmp")):
        if len(os.fsencode(parent)) + len("/incomex-demo-xxxxxxxx/socket/.s.PGSQL.5432.lock") > SOCKET_PATH_MAX:
            continue
        try:
            made = _made_in(Path(parent))
        except OSError:
            continue
        if account is None:
            return made
        made.chmod(0o711)
        reach = subprocess.run(
            [*prefix, "test", "-x", str(made)], cwd="/", stdin=subprocess.DEVNULL, timeout=10, check=False
        )
        if reach.returncode == 0:
            return made
        made.rmdir()
    raise DemoError(
        "no temporary directory that the server can use: set TMPDIR to a writable directory with a short path"
    )


def _made_in(parent: Path) -> Path:
    """The same name each time, if nobody has it: the history knows a server outside containers by its socket's path."""
    made = parent / f"incomex-demo-{os.geteuid()}"
    try:
        made.mkdir(mode=0o700)
    except FileExistsError:
        return Path(tempfile.mkdtemp(prefix="incomex-demo-", dir=parent))
    return made


def artefact_root(wanted: Path | None) -> Path:
    """Where artefacts go: ``wanted``, else output/demo of the repository, else a temporary directory that stays."""
    root = wanted.absolute() if wanted is not None else REPOSITORY / "output" / "demo"
    try:
        root.mkdir(mode=0o755, parents=True, exist_ok=True)
        if wanted is None:
            (root / ".gitignore").write_text("*\n")
        with tempfile.TemporaryFile(dir=root):
            return root
    except OSError as error:
        if wanted is not None:
            raise DemoError(f"{root} cannot be written ({error.strerror}): give another --output") from None
    return Path(tempfile.mkdtemp(prefix=KEPT_PREFIX))


def remove(directory: Path) -> None:
    """Remove a temporary directory of this program; says so if something stays."""
    shutil.rmtree(directory, ignore_errors=True)
    if directory.exists():
        print(f"demo: {directory} could not be removed completely: remove it by hand", file=sys.stderr)
