# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The throwaway production server, and the sample that it holds."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from programs import START_TIMEOUT_S, STOP_TIMEOUT_S, end, run_group
from told import DemoError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wheel import Installation

SUPERUSER, DATABASE, PORT = "workflow_admin", "directus", 5432
LOAD_TIMEOUT_S = 120.0
SAMPLE = Path(__file__).resolve().parent / "sample"


@contextlib.contextmanager
def production_server(installation: Installation, temporary: Path) -> Iterator[Path]:
    """Run an empty server with database ``directus``; yields its socket directory, stops it at the end."""
    data, socket, log = temporary / "data", temporary / "socket", temporary / "postgres.log"
    for directory in (data, socket):
        directory.mkdir(mode=0o700)
        if installation.account is not None:
            os.chown(directory, installation.account.pw_uid, installation.account.pw_gid)
    environment = {"PATH": os.defpath, "LC_ALL": "C"}
    with log.open("wb") as output:
        code = run_group(
            installation.command(
                *("initdb", "--pgdata", str(data), "--username", SUPERUSER, "--encoding", "UTF8", "--locale", "C"),
                *("--auth-local", "trust", "--auth-host", "reject", "--no-sync", "--no-instructions"),
            ),
            environment,
            output,
        )
        if code != 0:
            raise DemoError(f"initdb failed: {last_line(log)}")
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(socket),
            "port": str(PORT),
            "max_connections": "40",
            "shared_buffers": "64MB",
            "max_wal_size": "512MB",
            # Not UTC and not the scratch server's: what compares times must not depend on it.
            "timezone": "Asia/Ho_Chi_Minh",
            "log_timezone": "UTC",
            # The data lives as long as this program.
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
        }
        server = subprocess.Popen(
            installation.command(
                "postgres", "-D", str(data), *(f"--{name}={value}" for name, value in settings.items())
            ),
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        wait_until_ready(installation, server, socket, log)
        yield socket
    finally:
        # Fast, then immediate, then by force (PostgreSQL manual, "Shutting Down the Server").
        end(server, (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL), STOP_TIMEOUT_S)


def session_options(socket: Path) -> list[str]:
    """Where PostgreSQL's own programs find the production server, and as whom."""
    return ["-h", str(socket), "-p", str(PORT), "-U", SUPERUSER]


def wait_until_ready(installation: Installation, server: subprocess.Popen[Any], socket: Path, log: Path) -> None:
    """Return once the server accepts sessions; raises DemoError if it ended or took too long."""
    deadline = time.monotonic() + START_TIMEOUT_S
    question = [str(installation.bin_dir / "pg_isready"), "-q", *session_options(socket), "-d", "postgres"]
    while time.monotonic() < deadline:
        answer = subprocess.run(question, env={}, stdin=subprocess.DEVNULL, timeout=START_TIMEOUT_S, check=False)
        if answer.returncode == 0:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(0.05)
            raise DemoError(f"the production server ended at its start: {last_line(log)}")
    raise DemoError(f"the production server was not ready after {START_TIMEOUT_S:g} s: {last_line(log)}")


def load_sample(installation: Installation, socket: Path) -> None:
    """Create the database and run the files of sample/ in the order of their names."""
    psql = [str(installation.bin_dir / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", *session_options(socket)]
    files = [part for path in sorted(SAMPLE.glob("*.sql")) for part in ("-f", str(path))]
    if not files:
        raise DemoError(f"{SAMPLE} holds no .sql file: the checkout is incomplete")
    create = ["-d", "postgres", "-c", f'CREATE DATABASE "{DATABASE}" TEMPLATE template0']
    for arguments in (create, ["-d", DATABASE, *files]):
        done = subprocess.run(
            psql + arguments,
            env={"PGCLIENTENCODING": "UTF8", "PGAPPNAME": "demo_load"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=LOAD_TIMEOUT_S,
            check=False,
        )
        if done.returncode != 0:
            raise DemoError(f"the sample could not be loaded: {' '.join(done.stderr.split())}")


def last_line(path: Path) -> str:
    """The last line of a log, for a message of one line."""
    lines = path.read_text(errors="replace").split("\n") if path.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "it wrote nothing")
