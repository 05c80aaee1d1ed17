"""What else could be done: bare pg_dump and psql, the chain by hand, community.postgresql."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench import modules, playbooks, programs
from tests.bench.errors import BenchError
from tests.bench.measure import Sample
from tests.bench.servers import Server
from tests.support import community, session

_HERE = Path(__file__).parent
_END = b"-- PostgreSQL database dump complete"


@contextmanager
def directory() -> Iterator[Path]:
    """A private directory for one run; what is in it is removed after the clock has stopped."""
    path = session.TMP / f"run-{secrets.token_hex(4)}"
    path.mkdir(mode=0o700)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def pg_dump(server: Server, db: str, *, fsync: bool = False) -> Sample:
    """`pg_dump > file`: the limit. With `fsync` the file is on the disk when the clock stops."""
    with directory() as own:
        dump = own / "prod.sql"
        return Sample(programs.run(server.client("pg_dump", db), stdout=dump, fsync=fsync), facts=size_of(dump))


def community_dump(server: Server, db: str) -> Sample:
    """postgresql_db state=dump over the server's socket, then sha256sum."""
    with directory() as own:
        dump = own / "prod.sql"
        stages = {
            "dump": _postgresql_db(server, {"state": "dump", "name": db, "target": str(dump), **_login(server)}),
            "checksum": programs.run(["sha256sum", dump]),
        }
        return Sample(sum(stages.values()), stages, facts=size_of(dump))


def community_restore(server: Server, db: str, dump: Path) -> Sample:
    """postgresql_db state=restore of a plain dump into an empty database."""
    return Sample(_postgresql_db(server, {"state": "restore", "name": db, "target": str(dump), **_login(server)}))


def by_hand(server: Server, db: str, what: str) -> Sample:
    """The script: `what` is "dump" (dump, checksum, list of tables) or "all"."""
    with directory() as own:
        command = [str(_HERE / "by_hand.sh"), what, server.container, server.user, db, server.image, str(own)]
        seconds = programs.run(command, env={"DOCKER_HOST": server.docker_host, "HOME": str(own)})
        marks = [line.split(" ", 1) for line in (own / "stages").read_text().splitlines()]
        stages = {
            name: float(then) - float(moment) for (moment, name), (then, _name) in zip(marks, marks[1:], strict=False)
        }
        return Sample(seconds, stages, facts=size_of(own / "prod.sql"))


def community_chain(server: Server, db: str) -> Sample:
    """The same chain as a playbook with community.postgresql."""
    with directory() as own:
        variables = {
            "bench_db": db,
            "bench_user": server.user,
            "bench_socket": str(server.socket_dir),
            "bench_image": server.image,
            "bench_scratch": f"pg-restoretest-community-{secrets.token_hex(3)}",
            "bench_directory": str(own),
        }
        environment = {
            "ANSIBLE_COLLECTIONS_PATH": str(community.collections_path()),
            "DOCKER_HOST": server.docker_host,
            "PATH": playbooks.path_with(server.bin_dir),
        }
        run = playbooks.run(variables, str(_HERE / "community.yml"), environment)
        stages = {task["name"]: task["seconds"] for task in run.tasks}
        stages["ansible-playbook"] = run.seconds - sum(stages.values())
        return Sample(run.seconds, stages, facts=size_of(own / "prod.sql"))


def size_of(dump: Path) -> dict[str, Any]:
    """The size of a dump. BenchError when it is not whole: its time would say nothing."""
    with dump.open("rb") as file:
        file.seek(-min(200, dump.stat().st_size), os.SEEK_END)
        if _END not in file.read():
            raise BenchError(f"{dump} is not a whole dump")
    return {"dump_bytes": dump.stat().st_size}


def _login(server: Server) -> dict[str, Any]:
    """How postgresql_db reaches a server."""
    return {"login_unix_socket": str(server.socket_dir), "login_port": server.port, "login_user": server.user}


def _postgresql_db(server: Server, arguments: dict[str, Any]) -> float:
    """Run the module with the server's own client programs; the seconds it took."""
    environment = {"PYTHONPATH": str(community.collections_path()), "PATH": playbooks.path_with(server.bin_dir)}
    started = time.monotonic()
    modules.run("community.postgresql.postgresql_db", arguments, env=environment)
    return time.monotonic() - started
