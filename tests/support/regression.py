"""PostgreSQL's own regression suite as a database: what its authors thought of, made by DDL and DML.

Its SQL files come with Debian's source package, from the machine's own package sources, and run through psql. The
library of C functions that belongs to them is not built: statements that need it fail, and so do what they check.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.places import CACHE, locked
from tests.support.postgres import Cluster
from tests.support.tars import guarded

MAJOR = 15
_PACKAGE = f"postgresql-{MAJOR}"
_WANTED = ("sql", "data", "expected", "parallel_schedule")
_DOWNLOAD_S = 300.0
_FILE_S = 120.0
# Files that leave nothing in the database.
_SKIPPED = {
    "infinite_recurse": "fills the stack on purpose",
    "stats": "waits for statistics",
}


class Unavailable(Exception):
    """The SQL files cannot be had here: no apt, no network, or no such source package; the message says which."""


@dataclass(frozen=True)
class Report:
    """What `build_regression` did: files run, skipped and stopped, what came out of it, and seconds taken."""

    files: tuple[str, ...]
    skipped: tuple[str, ...]
    stopped: tuple[str, ...]
    relations: int
    dropped_columns: int
    duration_s: float


def suite(cache: Path = CACHE / "regression") -> Path:
    """The directory with sql, data, expected and parallel_schedule, downloaded the first time; raises Unavailable."""
    directory = cache / str(MAJOR)
    if not directory.exists():
        with locked(cache / ".lock", timeout_s=_DOWNLOAD_S * 2):
            if not directory.exists():
                _download(directory)
    return directory


def build_regression(server: Cluster, db: str) -> Report:
    """Run the suite in the empty database `db` of a server of version MAJOR (several minutes are possible).

    Statements that fail are none of our business; roles named regress_… stay on the server. Raises Unavailable.
    """
    if server.installation.major != MAJOR:
        raise ValueError(f"the suite is for version {MAJOR}, the server is {server.installation.version}")
    started = time.monotonic()
    place = server.directory / "regress"
    # The server reads the data, and writes files of its own, as another user, who may not get to the cache.
    shutil.copytree(suite(), place)
    for directory in (place, place / "results", place / "testtablespace"):
        directory.mkdir(exist_ok=True)
        directory.chmod(0o777)
    names = _schedule(place / "parallel_schedule")
    run, stopped = [], []
    for name in names:
        if name in _SKIPPED:
            continue
        run.append(name)
        if not _run_file(server, db, place, name):
            stopped.append(name)
    counted = server.psql(
        "SELECT count(*) FROM pg_class WHERE oid >= 16384;"
        "SELECT count(*) FROM pg_attribute WHERE attisdropped AND attrelid >= 16384",
        db,
    ).split()
    skipped = tuple(name for name in names if name in _SKIPPED)
    return Report(tuple(run), skipped, tuple(stopped), int(counted[0]), int(counted[1]), time.monotonic() - started)


def _schedule(path: Path) -> list[str]:
    """The names of the files, in order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [name for line in lines if line.startswith("test:") for name in line.removeprefix("test:").split()]


def _run_file(server: Cluster, db: str, place: Path, name: str) -> bool:
    """Run one file as pg_regress does, whatever fails in it; False when it took too long and was ended."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "LC_MESSAGES": "C",
        "PGTZ": "PST8PDT",
        "PGDATESTYLE": "Postgres, MDY",
        "PGOPTIONS": "-c intervalstyle=postgres_verbose",
        "PG_ABS_SRCDIR": str(place),
        "PG_ABS_BUILDDIR": str(place),
        "PG_LIBDIR": str(server.installation.directory / "lib"),
        "PG_DLSUFFIX": ".so",
    }
    command = [
        str(server.bin_dir / "psql"),
        "-X",
        "-q",
        "-a",
        "-v",
        "HIDE_TABLEAM=on",
        "-v",
        "HIDE_TOAST_COMPRESSION=on",
    ]
    command += ["-h", str(server.socket_dir), "-p", str(server.port), "-U", server.user, "-d", db]
    with (place / "sql" / f"{name}.sql").open("rb") as sql, (place / "results" / f"{name}.out").open("wb") as out:
        try:
            subprocess.run(
                command, stdin=sql, stdout=out, stderr=out, env=environment, cwd=place, timeout=_FILE_S, check=False
            )
        except subprocess.TimeoutExpired:
            server.psql(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                f" WHERE datname = $name${db}$name$ AND pid <> pg_backend_pid()"
            )
            return False
    return True


def _download(directory: Path) -> None:
    """Fetch the source package and put the suite's files at `directory`, by one rename."""
    if shutil.which("apt-get") is None:
        raise Unavailable("no apt-get")
    with tempfile.TemporaryDirectory(prefix=".new-", dir=directory.parent) as name:
        scratch = Path(name)
        options = _apt_options(scratch)
        _apt(["apt-get", *options, "update"], scratch)
        archives = sorted(_fetch_source(options, scratch).glob("*.orig.tar.*[!c]"))
        if len(archives) != 1:
            raise Unavailable(f"{_PACKAGE}: {len(archives)} source archives")
        _unpack(archives[0], scratch / "suite")
        (scratch / "suite").rename(directory)


def _apt_options(scratch: Path) -> list[str]:
    """Options that make apt use the machine's own sources for source packages, and only directories of ours."""
    answer = subprocess.run(
        ["apt-config", "shell", "LIST", "Dir::Etc::sourcelist/f", "PARTS", "Dir::Etc::sourceparts/d"],
        check=True, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    where = dict(word.split("=", 1) for word in shlex.split(answer.stdout))
    files = [Path(where["LIST"]), *sorted(Path(where["PARTS"]).glob("*"))]
    parts = scratch / "parts"
    for directory in (parts, scratch / "lists" / "partial", scratch / "cache" / "archives" / "partial"):
        directory.mkdir(parents=True)
    for number, path in enumerate(files):
        if path.is_file() and path.suffix in (".list", ".sources"):
            text = _as_sources(path.read_text(encoding="utf-8"), path.suffix)
            (parts / f"{number}{path.suffix}").write_text(text, encoding="utf-8")
    settings = {
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": str(parts),
        "Dir::State::Lists": str(scratch / "lists"),
        "Dir::Cache": str(scratch / "cache"),
        "Acquire::Languages": "none",
        "Acquire::Retries": "2",
        "Acquire::http::Timeout": "30",
        # The directories are ours, and apt's own user cannot write to them.
        "APT::Sandbox::User": "root",
    }
    return ["-q", *(word for name, value in settings.items() for word in ("-o", f"{name}={value}"))]


def _as_sources(text: str, suffix: str) -> str:
    """A file of package sources (sources.list(5), either format) that names the source packages instead."""
    lines = []
    for line in text.splitlines():
        words = line.split()
        if suffix == ".sources" and words and words[0].lower() == "types:":
            line = "Types: deb-src"
        elif suffix == ".list" and words and words[0] in ("deb", "deb-src"):
            line = " ".join(["deb-src", *words[1:]])
        lines.append(line)
    return "\n".join(lines) + "\n"


def _fetch_source(options: list[str], scratch: Path) -> Path:
    """Download one of the versions listed, the first that can be had (mirrors may lack the newest); its directory."""
    listing = _apt(["apt-cache", *options, "showsrc", "--only-source", _PACKAGE], scratch)
    lines = [line.split() for line in listing.splitlines()]
    versions = dict.fromkeys(words[1] for words in lines if len(words) == 2 and words[0] == "Version:")
    failures = []
    for number, version in enumerate(versions):
        directory = scratch / f"version-{number}"
        directory.mkdir()
        try:
            _apt(["apt-get", *options, "source", "--download-only", f"{_PACKAGE}={version}"], directory)
        except Unavailable as error:
            failures.append(str(error))
        else:
            return directory
    raise Unavailable("; ".join(failures) or f"no source package {_PACKAGE}")


def _apt(command: list[str], directory: Path) -> str:
    """Run a program of apt and return what it printed; Unavailable, with its last words, when it fails."""
    what = f"{command[0]} {command[-1]}"
    try:
        done = subprocess.run(
            command, cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=_DOWNLOAD_S, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{what}: no end after {_DOWNLOAD_S:.0f} s") from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Unavailable(f"{what} ended with {done.returncode}: {last}")
    return done.stdout


def _unpack(archive: Path, directory: Path) -> None:
    """Take the suite's files, and nothing else, out of the source archive."""
    directory.mkdir()
    with tarfile.open(archive) as tar:
        for member in guarded(tar):
            _before, _mark, inside = member.name.partition("/src/test/regress/")
            if inside and inside.split("/")[0] in _WANTED and (member.isfile() or member.isdir()):
                member.name = inside
                tar.extract(member, directory)
    missing = [name for name in _WANTED if not (directory / name).exists()]
    if missing:
        raise Unavailable(f"{archive.name} has no {', '.join(missing)}")
