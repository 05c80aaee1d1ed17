# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what a scratch server is, whatever drives it: what is asked, what is given back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from ._deadline import is_past
from ._server import Address

PORT = 5432
READY = "database system is ready to accept connections"
CONNECTIONS = 30
START_TIMEOUT_S = 120.0
STOP_GRACE_S = 10


@dataclass(frozen=True)
class ScratchRequest:
    """A scratch server to be made. ``bootstrap`` is the name of its superuser, ``max_locks`` its
    max_locks_per_transaction, ``ttl_s`` the seconds after which it dies by itself. ``dump`` is the path of an archive
    that its programs will read by its path, "" for none."""

    run_id: str
    name: str
    bootstrap: str
    nonce: str
    max_locks: int
    ttl_s: int
    image: str = ""
    storage: str = "volume"
    memory_mb: int = 1024
    os_user: str = ""
    dump: str = ""


@dataclass(frozen=True)
class Scratch:
    """A scratch server that runs: its description for the record, and the way to it."""

    facts: dict[str, Any]
    address: Address


@dataclass
class Absence:
    """What is still there of a run; everything empty is the proof that nothing is left."""

    containers_by_name: list[str] = field(default_factory=list)
    containers_by_label: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    networks: list[str] = field(default_factory=list)
    processes: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def of_this_run(self) -> bool:
        """True where something is left that is known to be the run's own."""
        return any((self.containers_by_label, self.volumes, self.networks, self.processes, self.paths))

    @property
    def proved(self) -> bool:
        """True where nothing is left."""
        return not (self.of_this_run or self.containers_by_name)

    def as_facts(self) -> dict[str, Any]:
        """Return it as part of a module's result."""
        return {
            "containers": {"by_name": self.containers_by_name, "by_label": self.containers_by_label},
            "volumes": self.volumes,
            "networks": self.networks,
            "processes": self.processes,
            "paths": self.paths,
        }


@dataclass(frozen=True)
class Owned:
    """Something of ours, by the run that it says it is of; ``on_boot_clock`` is its deadline, too: see _deadline.py."""

    run_id: str
    name: str
    expires_utc: str
    on_boot_clock: str

    @property
    def is_expired(self) -> bool:
        """Whether its time is up."""
        return is_past(self.expires_utc, self.on_boot_clock)


class Driver(ABC):
    """What can make and remove scratch servers. It touches only what carries its own label and run id."""

    @abstractmethod
    def present(self, request: ScratchRequest) -> Scratch:
        """Make the server, wait until it answers, and describe it. Raises CloseoutError; then nothing is left."""

    @abstractmethod
    def find(self, run_id: str, name: str) -> Scratch | None:
        """Return the scratch server of a run if it is there, without its isolation."""

    @abstractmethod
    def absent(self, run_id: str, name: str) -> bool:
        """Remove everything of a run; return whether anything was there."""

    @abstractmethod
    def absence(self, run_id: str, name: str) -> Absence:
        """Look for what is left of a run."""

    @abstractmethod
    def owned(self) -> list[Owned]:
        """Return everything that is ours, of whatever run."""


def ended_after(ttl_s: int) -> list[str]:
    """Return the words before a command that end it after ``ttl_s`` seconds: a fast shutdown, then the hard way."""
    return ["timeout", "-s", "INT", "-k", str(STOP_GRACE_S), str(ttl_s)]


def server_settings(request: ScratchRequest, socket_directory: str) -> list[str]:
    """Return postgres' arguments: no TCP, and no care for what is thrown away anyway. What is kept in memory, the log
    of a server on a tmpfs too, stays well within the limit.

    No row of the dump goes to the server's log: failing statements and their context are not logged.
    """
    settings = {
        "listen_addresses": "",
        "port": PORT,
        "unix_socket_directories": socket_directory,
        "unix_socket_permissions": "0700",
        "max_connections": CONNECTIONS,
        "max_locks_per_transaction": max(64, request.max_locks),
        "shared_buffers": f"{max(32, min(256, request.memory_mb // 4))}MB",
        "maintenance_work_mem": f"{max(64, min(512, request.memory_mb // 8))}MB",
        "max_wal_size": f"{max(64, min(2048, request.memory_mb // 8)) if request.storage == 'tmpfs' else 2048}MB",
        "wal_level": "minimal",
        "max_wal_senders": 0,
        "checkpoint_timeout": "1d",
        "autovacuum": "off",
        "jit": "off",
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "off",
        "logging_collector": "off",
        "log_destination": "stderr",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "incomex.nonce": request.nonce,
    }
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
