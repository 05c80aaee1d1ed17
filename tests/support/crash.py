"""A real crash of a server: a process of it is ended by a signal, it ends all others, recovers, and goes on."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import psycopg2

from tests.support.containers import Production
from tests.support.places import wait_until
from tests.support.postgres import Cluster

_NOTICED_S = 30.0
_RECOVERED_S = 60.0


def crash(server: Cluster | Production) -> None:
    """Let `server` crash, and return once it answers again. What was not committed to the disk is lost."""
    with contextlib.closing(server.connect()) as other, contextlib.closing(server.connect()) as killed:
        os.kill(_on_this_host(server.pid, killed.info.backend_pid), signal.SIGKILL)
        # It ends only once the postmaster has noticed, which lets nobody in any more from then on.
        wait_until(lambda: not _lives(other), _NOTICED_S, "the server to end its other sessions")
    wait_until(lambda: _answers(server), _RECOVERED_S, "the server to recover")


def _on_this_host(postmaster: int, backend: int) -> int:
    """The pid, on this host, of a process that the server knows by the pid of its own namespace (proc(5), NSpid)."""
    for child in Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split():
        (pids,) = (line for line in Path(f"/proc/{child}/status").read_text().splitlines() if line.startswith("NSpid"))
        if pids.split()[-1] == str(backend):
            return int(child)
    raise RuntimeError(f"the postmaster {postmaster} has no child {backend}")


def _lives(session: psycopg2.extensions.connection) -> bool:
    try:
        with session.cursor() as cursor:
            cursor.execute("SELECT 1")
    except psycopg2.Error:
        return False
    return True


def _answers(server: Cluster | Production) -> bool:
    try:
        server.connect().close()
    except psycopg2.OperationalError:
        return False
    return True
