"""Transports: pg_dump is started in three ways and gives one dump; what is entered into a container has no power."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg2.extensions
import pytest
from ansible_collections.incomex.closeout.plugins.module_utils import _program, _program_container
from ansible_collections.incomex.closeout.plugins.module_utils._docker import ContainerFacts
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError
from ansible_collections.incomex.closeout.plugins.module_utils._namespaces import Namespaces
from ansible_collections.incomex.closeout.plugins.module_utils._peer import Credentials, user_inside
from ansible_collections.incomex.closeout.plugins.module_utils._program import Program
from ansible_collections.incomex.closeout.plugins.module_utils._running import at_work
from ansible_collections.incomex.closeout.plugins.module_utils._server import (
    Address,
    ContainerServer,
    Server,
    server_at,
)
from ansible_collections.incomex.closeout.plugins.module_utils._transport import chosen_transport

from tests.integration.module_options import TABLES, fails, in_container, on_socket, private_directory, succeeds
from tests.support import containers, modules, postgres
from tests.support.places import wait_until

ProductionFactory = Callable[..., containers.Production]
RUN_ID = "7a7a7a7a7a7a"
OURS = f"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'incomex.closeout/{RUN_ID}'"
# Large enough that pg_dump cannot write all of it into a pipe and end.
WIDE = "CREATE TABLE wide AS SELECT n, repeat(md5(n::text), 30) AS text FROM generate_series(1, 20000) n"
WAYS = ["namespace", "exec", "host"]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """An empty artefact directory."""
    return private_directory(tmp_path / "artefact")


@pytest.fixture(scope="module")
def bin_dir() -> str:
    """This host's client programs, of production's version."""
    return str(postgres.install(16).bin_dir)


@pytest.fixture
def own(start_production: ProductionFactory, cutter_governance: str) -> containers.Production:
    """Production of the test's own, with an image and a container whose ENV is hostile."""
    hostile = {"PGOPTIONS": "-c bytea_output=escape", "IMAGE_SECRET": "of-the-image"}
    return start_production(cutter_governance, env=hostile)


def asked(directory: Path, production: containers.Production, docker_host: str, **more: Any) -> dict[str, Any]:
    """Arguments for a dump into `directory`."""
    return {
        **in_container(production, docker_host),
        "directory": str(directory),
        "name": "prod.sql",
        "schema": "cutter_governance",
        "run_id": RUN_ID,
        **more,
    }


def run_in(production: containers.Production, *argv: str, user: str = "0") -> str:
    """Run a program in the container, by default as its root; what it printed."""
    code, output = production.container.exec_run(list(argv), user=user)
    assert isinstance(output, bytes)
    assert code == 0, output
    return output.decode()


def instead_of_pg_dump(production: containers.Production, script: str) -> None:
    """Let the container's pg_dump be a script, which finds the true one as $real."""
    real = run_in(production, "sh", "-c", "command -v pg_dump").strip()
    text = f"#!/bin/sh\nreal={real}\n{textwrap.dedent(script)}"
    put = 'printf %s "$1" > /usr/local/bin/pg_dump && chmod 0755 /usr/local/bin/pg_dump'
    run_in(production, "sh", "-c", put, "sh", text)


def remove_pg_dump(production: containers.Production) -> None:
    """Leave no pg_dump on the container's PATH."""
    run_in(production, "sh", "-c", 'for place in $(echo "$PATH" | tr : " "); do rm -f "$place/pg_dump"; done')


def inside(production: containers.Production, path: str) -> str:
    """The text of a file of the container."""
    return run_in(production, "cat", path)


def python_after(tmp_path: Path, *words: str) -> str:
    """A python that is started with `words` before it, as argument `python` of a module."""
    path = tmp_path / "python"
    path.write_text(f'#!/bin/sh\nexec {shlex.join(words)} {shlex.quote(sys.executable)} "$@"\n')
    path.chmod(0o755)
    return str(path)


def without(tmp_path: Path, program: str) -> str:
    """A python on a host where a program of util-linux is not installed."""
    cover = f'mount --bind /dev/null /usr/bin/{program} && exec "$@"'
    return python_after(tmp_path, "unshare", "--mount", "sh", "-c", cover, "sh")


def pg_dumps(production: containers.Production) -> list[int]:
    """Every process of this host that is a pg_dump of the run: in production's container, or for its socket."""
    found = []
    namespace = os.readlink(f"/proc/{production.pid}/ns/pid")
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if (path / "comm").read_text().strip() != "pg_dump":
                continue
            environment = (path / "environ").read_bytes()
            if os.readlink(path / "ns/pid") == namespace or f"incomex.closeout/{RUN_ID}".encode() in environment:
                found.append(int(path.name))
        except OSError:
            continue
    return found


# ---- one dump


def comparable(path: Path) -> list[bytes]:
    """The lines of a dump that another one of the same rows has too."""
    keys = rb"\\(un)?restrict |-- Dumped by pg_dump version"
    return [line for line in path.read_bytes().splitlines(keepends=True) if not re.match(keys, line)]


def test_every_transport_gives_the_same_dump(
    own: containers.Production, docker_host: str, directory: Path, bin_dir: str
) -> None:
    own.psql(WIDE)
    dumps, manifests, reasons = [], [], {}
    for way in ["auto", *WAYS]:
        place = private_directory(directory / way)
        facts = succeeds("pg_dump_readonly", asked(place, own, docker_host, transport=way, bin_dir=bin_dir))
        reasons[way] = (facts["dump"]["transport"], facts["dump"]["transport_reason"])
        assert (facts["dump"]["tables"], facts["dump"]["rows_total"]) == (TABLES, 58)
        assert {one["xid"] for one in facts["own_sessions"]} == {None}
        dumps.append(comparable(place / "prod.sql"))
        manifest = json.loads((place / "manifest.json").read_text())
        assert manifest["dump"].pop("sha256") == facts["dump"]["sha256"]
        manifests.append(manifest)
    assert len(dumps[0]) > 20000
    assert all(one == dumps[0] for one in dumps[1:])
    assert all(one == manifests[0] for one in manifests[1:])
    assert reasons == {
        "auto": ("namespace", "root on the container's host"),
        **{way: (way, "asked for by name") for way in WAYS},
    }
    assert own.psql(OURS) == "0"


@pytest.mark.parametrize("way", ["auto", *WAYS])
def test_check_mode_tells_the_transport(
    way: str, production_container: containers.Production, docker_host: str, directory: Path, bin_dir: str
) -> None:
    arguments = asked(directory, production_container, docker_host, transport=way, bin_dir=bin_dir)
    said = succeeds("pg_dump_readonly", arguments, check=True)["dump"]
    assert said["transport"] == ("namespace" if way == "auto" else way)
    assert said["transport_reason"] and "16" in said["client_version"]


# ---- what is entered


# Stays until the test has looked at it from outside: in the container nothing tells of it.
SPY = """
    if [ "$1" = --version ]; then exec $real "$@"; fi
    { pwd; env; } > /tmp/told
    cat /proc/[0-9]*/cmdline | tr '\\0' ' ' > /tmp/processes
    ls /proc/self/ > /tmp/itself 2>&1
    touch /tmp/waits
    until [ -e /tmp/go ]; do sleep 0.1; done
    exec $real "$@"
"""


def entered(production: containers.Production) -> Path:
    """The directory in /proc of the process that waits in production's namespaces."""
    wait_until(Path(f"/proc/{production.pid}/root/tmp/waits").exists, 30, "the program in the container")
    root = os.stat(f"/proc/{production.pid}/root")
    for pid in of_run():
        path = Path(f"/proc/{pid}")
        if os.path.samestat(os.stat(path / "root"), root) and "pg_dump" in (path / "cmdline").read_text():
            return path
    raise AssertionError("no process of the run is in the container")


def of_run() -> list[int]:
    """Every process of this host that has the run in its environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"INCOMEX_CLOSEOUT_RUN={RUN_ID}".encode() in (path / "environ").read_bytes():
                found.append(int(path.name))
    return found


def test_what_is_entered_is_the_server_s_user_without_any_power(
    own: containers.Production, docker_host: str, directory: Path, tmp_path: Path
) -> None:
    instead_of_pg_dump(own, SPY)
    module = modules.start_module(
        "pg_dump_readonly",
        asked(directory, own, docker_host),
        # Root with supplementary groups, inheritable capabilities and an environment.
        python=python_after(tmp_path, "setpriv", "--groups", "4,27", "--inh-caps", "+kill,+chown"),
        env={"ROOT_SECRET": "of-root", "PGOPTIONS": "-c bytea_output=escape", "PGDATABASE": "elsewhere"},
    )
    spy = entered(own)
    status = dict(line.split(":\t", 1) for line in (spy / "status").read_text().splitlines() if ":\t" in line)
    namespaces = {name: os.readlink(spy / "ns" / name) for name in ("mnt", "pid", "ipc", "net", "uts", "user")}
    # 255 is where sh keeps the script.
    targets = {int(one.name): os.readlink(one) for one in (spy / "fd").iterdir() if one.name != "255"}
    run_in(own, "touch", "/tmp/go")
    result = modules.finish(module)
    assert (result.rc, result.data["dump"]["transport"]) == (0, "namespace"), result
    postmaster = Path(f"/proc/{own.pid}/status").read_text()
    uid, gid = (re.search(rf"^{name}:\t(\d+)", postmaster, re.MULTILINE) for name in ("Uid", "Gid"))
    assert uid and gid and uid.group(1) != "0"
    assert status["Uid"].split() == [uid.group(1)] * 4
    assert status["Gid"].split() == [gid.group(1)] * 4
    assert status["Groups"].split() == []
    assert {name: int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == dict.fromkeys(
        ("CapInh", "CapPrm", "CapEff", "CapAmb"), 0
    )
    assert status["NoNewPrivs"] == "1"
    where, *variables = inside(own, "/tmp/told").splitlines()
    assert where == "/"
    environment = dict(line.split("=", 1) for line in variables if "=" in line)
    assert set(environment) <= {
        "PATH",
        "LC_ALL",
        "PGAPPNAME",
        "PGOPTIONS",
        "INCOMEX_CLOSEOUT_RUN",
        "PWD",
        "OLDPWD",
        "SHLVL",
        "_",
    }
    assert environment["PGAPPNAME"] == f"incomex.closeout/{RUN_ID}"
    assert "bytea_output=hex" in environment["PGOPTIONS"]
    assert "/usr/lib/postgresql/16/bin" in environment["PATH"]
    for name in ("mnt", "ipc", "net", "uts", "user"):
        assert namespaces[name] == os.readlink(f"/proc/{own.pid}/ns/{name}"), name
    assert namespaces["mnt"] != os.readlink("/proc/self/ns/mnt")
    # Neither the container's nor the host's: it is the first process of a namespace of its own.
    assert namespaces["pid"] not in (os.readlink(f"/proc/{own.pid}/ns/pid"), os.readlink("/proc/self/ns/pid"))
    assert status["NSpid"].split()[-1] == "1"
    processes = inside(own, "/tmp/processes")
    assert "postgres" in processes and not {"pg_dump", "pytest", "dockerd"} & set(re.findall(r"\w+", processes))
    assert "No such file" in inside(own, "/tmp/itself")
    assert targets[0] == "/dev/null"
    assert {re.sub(r"\d+", "N", one) for one in targets.values()} - {"/usr/local/bin/pg_dump"} == {
        "/dev/null",
        "pipe:[N]",
    }


HOSTILE = """
    if [ "$1" = --version ]; then exec $real "$@"; fi
    exec 2>/dev/null
    {
        echo "id $(/usr/local/bin/rootsh -p -c 'id -u')"
        rootsh -p -c 'echo from-inside > /etc/of-root' && echo "wrote as root"
        mount -t tmpfs none /mnt && echo mounted
        mknod /tmp/disk b 8 0 && echo "made a device"
        nsenter -t 1 -m true && echo entered
        kill -0 CANARY_PID && echo "saw the host's process"
        echo broken > CANARY && echo "wrote the host's file"
        for process in /proc/[0-9]*; do
            echo broken > $process/exe && echo "wrote $process"
            echo broken > $process/root/CANARY && echo "wrote through $process"
            echo broken > $process/cwd/CANARY && echo "wrote through cwd of $process"
        done
        echo end
    } > /tmp/tried
    echo "SELECT 1;"
"""


def test_a_hostile_pg_dump_stays_where_it_is(
    own: containers.Production, docker_host: str, directory: Path, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    canary.write_text("whole\n")
    canary.chmod(0o666)
    run_in(own, "sh", "-c", "cp /bin/sh /usr/local/bin/rootsh && chmod 4755 /usr/local/bin/rootsh")
    user = os.stat(f"/proc/{own.pid}").st_uid
    # The trap works: without no-new-privileges that shell makes root of the same user.
    assert run_in(own, "/usr/local/bin/rootsh", "-p", "-c", "id -u", user=str(user)) == "0\n"
    script = HOSTILE.replace("CANARY_PID", str(os.getpid())).replace("CANARY", str(canary))
    instead_of_pg_dump(own, script)
    programs = [Path("/usr/bin/nsenter").read_bytes(), Path("/usr/bin/setpriv").read_bytes()]
    refused = fails("pg_dump_readonly", asked(directory, own, docker_host, transport="namespace"))
    assert "The dump is not complete" in refused.msg
    assert inside(own, "/tmp/tried").splitlines() == [f"id {user}", "end"]
    assert canary.read_text() == "whole\n"
    assert [Path("/usr/bin/nsenter").read_bytes(), Path("/usr/bin/setpriv").read_bytes()] == programs
    assert not (directory / "prod.sql").exists()


def test_what_is_executed_in_the_container_is_a_sealed_copy(
    production_container: containers.Production, docker_host: str
) -> None:
    """Not the host's nsenter: what is executed may be within reach as /proc/<pid>/exe (CVE-2019-5736)."""
    server = server_at(Address(**in_container(production_container, docker_host), run_id=RUN_ID))
    assert isinstance(server, ContainerServer)
    with contextlib.closing(Namespaces(server.container())) as namespaces:
        words = namespaces.words(Credentials(production_container.pid, 999, 999))
        (entering,) = [one for one in words if one.startswith("/proc/")]
        assert os.readlink(entering).startswith("/memfd:nsenter")
        with open(entering, "rb") as executed:
            seals = fcntl.fcntl(executed, fcntl.F_GET_SEALS)
    assert seals & fcntl.F_SEAL_WRITE and seals & fcntl.F_SEAL_SEAL


def test_a_pg_dump_that_is_a_link_to_what_enters(own: containers.Production, docker_host: str, directory: Path) -> None:
    """It leads nowhere: the /proc of the container has nothing of what enters."""
    run_in(own, "ln", "-sf", "/proc/self/exe", "/usr/local/bin/pg_dump")
    before = Path("/usr/bin/nsenter").read_bytes()
    facts = succeeds("pg_dump_readonly", asked(directory, own, docker_host, transport="namespace"))
    assert facts["dump"]["client_version"].startswith("pg_dump (PostgreSQL) 16")
    assert Path("/usr/bin/nsenter").read_bytes() == before


# ---- the end


@contextlib.contextmanager
def started(
    production: containers.Production, docker_host: str, way: str, bin_dir: str
) -> Iterator[tuple[Program, psycopg2.extensions.connection]]:
    """A pg_dump of the whole database by a transport, and a connection that can hold it up."""
    address = Address(
        container=production.name,
        docker_host=docker_host,
        login_user=production.user,
        login_db=production.db,
        bin_dir=bin_dir,
        run_id=RUN_ID,
    )
    server: Server = server_at(address)
    with (
        # As any module: or another run's reaper takes the program for what a killed one left.
        at_work(RUN_ID),
        server.session() as session,
        chosen_transport(server, session, way) as transport,
        contextlib.closing(production.connect(autocommit=False)) as blocker,
        blocker.cursor() as cursor,
    ):
        cursor.execute("LOCK TABLE wide IN ACCESS EXCLUSIVE MODE")
        argv = ["pg_dump", *transport.connection_arguments(), "--dbname", production.db]
        program = transport.start(argv)
        try:
            yield program, blocker
        finally:
            program.stop()


@pytest.mark.parametrize("when", ["at once", "while it waits for a lock", "in the middle of its output"])
@pytest.mark.parametrize("way", WAYS)
def test_stop_leaves_no_process(
    way: str, when: str, production_container: containers.Production, docker_host: str, bin_dir: str
) -> None:
    production_container.psql(f"DROP TABLE IF EXISTS wide; {WIDE}")
    try:
        with started(production_container, docker_host, way, bin_dir) as (program, blocker):
            if when != "at once":
                waiting = f"{OURS} AND wait_event_type = 'Lock'"
                wait_until(lambda: production_container.psql(waiting) == "1", 30, "pg_dump to wait")
                assert len(pg_dumps(production_container)) == 1
            if "output" in when:
                blocker.rollback()
                assert next(program.output())
                assert len(pg_dumps(production_container)) == 1
            program.stop()
            assert pg_dumps(production_container) == []
            program.stop()
    finally:
        production_container.psql("DROP TABLE wide")


def test_what_a_pg_dump_becomes_or_leaves_ends_with_it(
    own: containers.Production, docker_host: str, directory: Path
) -> None:
    """One that ends its output and stays, without its environment; and what it started, in a session of its own."""
    left = "setsid env -i sleep 98701 > /dev/null 2>&1 < /dev/null &"
    instead_of_pg_dump(own, f'[ "$1" = --version ] && exec $real "$@"; {left} exec env -i sleep 98702 >&- 2>&-')
    module = modules.start_module("pg_dump_readonly", asked(directory, own, docker_host, transport="namespace"))
    wait_until(lambda: len(sleeping()) == 2, 30, "what stays")
    module.send_signal(signal.SIGTERM)
    assert "Stopped by SIGTERM" in modules.finish(module).msg
    assert sleeping() == []


def sleeping() -> list[bytes]:
    """The command lines of the two that stay, of this host's processes."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found.append((path / "cmdline").read_bytes())
    return [one for one in found if one.startswith(b"sleep\x009870")]


@pytest.mark.parametrize("way", WAYS)
def test_a_module_that_is_told_to_stop_leaves_no_process_and_no_session(
    way: str, production_container: containers.Production, docker_host: str, directory: Path, bin_dir: str
) -> None:
    production = production_container
    with contextlib.closing(production.connect(autocommit=False)) as blocker, blocker.cursor() as cursor:
        cursor.execute("LOCK TABLE public.directus_users IN ACCESS EXCLUSIVE MODE")
        arguments = asked(directory, production, docker_host, transport=way, bin_dir=bin_dir)
        module = modules.start_module("pg_dump_readonly", arguments)
        waiting = f"{OURS} AND wait_event_type = 'Lock'"
        wait_until(lambda: production.psql(waiting) == "1", 30, "pg_dump to wait for the lock")
        module.send_signal(signal.SIGTERM)
        result = modules.finish(module)
        # The lock is still held: nothing but the stop ended pg_dump and its session.
        assert pg_dumps(production) == []
        wait_until(lambda: production.psql(OURS) == "0", 10, "the end of our sessions")
    assert "Stopped by SIGTERM" in result.msg
    assert {path.name for path in directory.rglob("*") if path.is_file()} <= {"pg_dump.log"}


# ---- production as the first process of its container

# As a site's own pg_dump may be: the true one is its child, and not killed with it.
WRAPPER = """
    if [ "$1" = --version ]; then exec $real "$@"; fi
    $real "$@"
    code=$?
    echo ended >> /tmp/ended
    exit $code
"""
SINCE = "SELECT backend_start FROM pg_stat_activity WHERE backend_type = 'checkpointer'"


@contextlib.contextmanager
def held_up(own: containers.Production, when: str) -> Iterator[str]:
    """Hold a dump up at that moment once it comes to it; give the condition of its session then. Ends with the dump."""
    locks = "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE"
    with (
        contextlib.closing(own.connect(autocommit=False)) as first,
        contextlib.closing(own.connect(autocommit=False)) as second,
        first.cursor() as cursor,
        second.cursor() as behind,
        ThreadPoolExecutor(1) as thread,
    ):
        if when == "in the middle of its output":
            yield "wait_event_type = 'Client'"
        else:
            cursor.execute(locks.format("wide"))
        if when == "while it waits for a lock":
            yield "wait_event_type = 'Lock'"
        if when == "while we count":
            wait_until(lambda: own.psql(f"{OURS} AND wait_event_type = 'Lock'") == "1", 30, "pg_dump to wait")
            # Behind pg_dump, which has this lock by now; and before us, who have not.
            asking = thread.submit(behind.execute, locks.format("cutter_governance.verify_result"))
            asked_for = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
            wait_until(lambda: own.psql(asked_for) == "1", 30, "who waits for pg_dump")
            first.rollback()
            yield "wait_event_type = 'Lock' AND query LIKE 'COPY%verify_result%STDOUT'"
            asking.result()


@pytest.mark.parametrize("when", ["while it waits for a lock", "in the middle of its output", "while we count"])
@pytest.mark.parametrize("way", ["namespace", "exec"])
def test_a_pg_dump_that_starts_another_takes_no_session_of_production_along(
    way: str, when: str, own: containers.Production, docker_host: str, directory: Path
) -> None:
    """PostgreSQL, given a child that a signal ended, would take it for a crash of its own and end all sessions."""
    own.psql(WIDE)
    instead_of_pg_dump(own, WRAPPER)
    since = own.psql(SINCE)
    arguments = asked(directory, own, docker_host, transport=way, bandwidth_limit_mb_s=1, max_blocking_s=0)
    with contextlib.closing(own.connect()) as bystander, bystander.cursor() as cursor:
        module = modules.start_module("pg_dump_readonly", arguments)
        with held_up(own, when) as there:
            wait_until(lambda: own.psql(f"{OURS} AND state = 'active' AND {there}") == "1", 30, when)
            assert len(pg_dumps(own)) == 2
            module.send_signal(signal.SIGTERM)
            assert "Stopped by SIGTERM" in modules.finish(module).msg
        assert of_run() == []
        wait_until(lambda: own.psql(OURS) == "0", 10, "the end of our sessions")
        cursor.execute("SELECT 1")
    assert own.psql(SINCE) == since


def test_one_that_is_spared_is_not_waited_for(
    own: containers.Production, docker_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even to tell its version: it has no session by whose end it would end."""
    instead_of_pg_dump(own, "sleep 600; true")
    since = own.psql(SINCE)
    monkeypatch.setattr(_program, "_RUN_S", 1.0)
    monkeypatch.setattr(_program_container, "RC_WAIT_S", 1.0)
    monkeypatch.setattr(_program_container, "STOP_S", 1.0)
    server = server_at(Address(**in_container(own, docker_host), run_id=RUN_ID))
    with at_work(RUN_ID), server.session() as session, pytest.raises(CloseoutError) as refused:
        chosen_transport(server, session, "exec").__enter__()
    assert "pg_dump closed its output but does not end" in str(refused.value)
    assert len(of_run()) == 2
    assert own.psql(SINCE) == since


# ---- the choice


@pytest.mark.parametrize("program", ["nsenter", "setpriv"])
def test_without_util_linux(
    program: str, production_container: containers.Production, docker_host: str, directory: Path, tmp_path: Path
) -> None:
    python = without(tmp_path, program)
    arguments = asked(directory, production_container, docker_host)
    facts = succeeds("pg_dump_readonly", arguments, python=python)
    assert facts["dump"]["transport"] == "exec"
    assert facts["dump"]["transport_reason"] == f"{program} is not installed; docker exec instead"
    arguments = {**arguments, "transport": "namespace", "name": "other.sql"}
    refused = fails("pg_dump_readonly", arguments, python=python)
    assert f"Found: {program} is not installed" in refused.msg and "closeout_transport" in refused.msg
    assert not (directory / "other.sql").exists()


def test_without_root(
    production_container: containers.Production, docker_host: str, directory: Path, tmp_path: Path
) -> None:
    """The server's own user may reach its socket; here it may open the Docker daemon's socket too."""
    status = os.stat(f"/proc/{production_container.pid}")
    user = ["--reuid", str(status.st_uid), "--regid", str(status.st_gid), "--clear-groups"]
    python = python_after(tmp_path, "setpriv", *user, "--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    os.chown(directory, status.st_uid, status.st_gid)
    arguments = asked(directory, production_container, docker_host)
    facts = succeeds("pg_dump_readonly", arguments, python=python)
    assert facts["dump"]["transport"] == "exec"
    assert facts["dump"]["transport_reason"] == f"this is user {status.st_uid}, not root; docker exec instead"
    arguments = {**arguments, "transport": "namespace", "name": "other.sql"}
    refused = fails("pg_dump_readonly", arguments, python=python)
    assert "Wanted: root on the container's host" in refused.msg and "become root" in refused.msg


def test_the_host_s_pg_dump_serves_a_container_that_has_none(
    own: containers.Production, docker_host: str, directory: Path, bin_dir: str
) -> None:
    remove_pg_dump(own)
    for way in ("auto", "namespace", "exec"):
        refused = fails("pg_dump_readonly", asked(directory, own, docker_host, transport=way))
        assert "pg_dump" in refused.msg and "closeout_transport" in refused.msg
        assert list(directory.iterdir()) == []
    facts = succeeds("pg_dump_readonly", asked(directory, own, docker_host, transport="host", bin_dir=bin_dir))
    assert (facts["dump"]["transport"], facts["dump"]["rows_total"]) == ("host", 58)


@pytest.mark.parametrize(("version", "fine"), [(15, False), (17, True)])
def test_the_host_s_pg_dump_may_be_newer_and_not_older(
    version: int, fine: bool, production_container: containers.Production, docker_host: str, directory: Path
) -> None:
    programs = str(postgres.install(version).bin_dir)
    arguments = asked(directory, production_container, docker_host, transport="host", bin_dir=programs)
    if fine:
        assert succeeds("pg_dump_readonly", arguments)["dump"]["client_version"].split()[2].startswith("17.")
        return
    refused = fails("pg_dump_readonly", arguments)
    assert "pg_dump is older than the server" in refused.msg
    assert "Wanted: version 16 or later" in refused.msg and " 15." in refused.msg
    assert list(directory.iterdir()) == []


def test_no_program_on_this_host(
    production_container: containers.Production, docker_host: str, directory: Path, tmp_path: Path
) -> None:
    arguments = asked(directory, production_container, docker_host, transport="host", bin_dir=str(tmp_path))
    refused = fails("pg_dump_readonly", arguments)
    assert str(tmp_path / "pg_dump") in refused.msg and "closeout_bin_dir" in refused.msg


def test_a_server_outside_containers(production_cluster: postgres.Cluster, directory: Path) -> None:
    arguments = {
        **on_socket(production_cluster),
        "directory": str(directory),
        "name": "prod.sql",
        "schema": "cutter_governance",
    }
    for way in ("namespace", "exec"):
        refused = fails("pg_dump_readonly", {**arguments, "transport": way})
        assert f"The transport {way} needs a container" in refused.msg
    facts = succeeds("pg_dump_readonly", arguments)["dump"]
    assert (facts["transport"], facts["transport_reason"]) == ("host", "the server runs in no container")
    facts = succeeds("pg_dump_readonly", {**arguments, "transport": "host", "name": "2.sql"})["dump"]
    assert (facts["transport"], facts["transport_reason"]) == ("host", "asked for by name")


def test_a_scratch_server_is_never_entered(
    start_production: ProductionFactory, cutter_governance: str, docker_host: str, directory: Path
) -> None:
    labelled = start_production(cutter_governance, labels={"incomex.closeout.run": "1b1b1b1b1b1b"})
    facts = succeeds("pg_dump_readonly", asked(directory, labelled, docker_host))["dump"]
    assert (facts["transport"], facts["transport_reason"]) == ("exec", "the container is a scratch server")
    for way in ("namespace", "host"):
        refused = fails("pg_dump_readonly", asked(directory, labelled, docker_host, transport=way, name="2.sql"))
        assert f"The transport {way} is not for a scratch server" in refused.msg


def test_the_plan_tells_of_a_transport_that_does_not_work(
    production_container: containers.Production, docker_host: str, tmp_path: Path
) -> None:
    settings = {
        "container": production_container.name,
        "docker_host": docker_host,
        "root": str(tmp_path),
        "transport": "namespace",
        "label": "a b",
    }
    plan = succeeds("closeout_plan", {"settings": settings}, python=without(tmp_path, "nsenter"))
    assert [one["id"] for one in plan["problems"]] == ["settings", "client"]
    assert plan["problems"][1]["found"].endswith("nsenter is not installed")
    plan = succeeds("closeout_plan", {"settings": {**settings, "label": "ab"}})
    assert (plan["problems"], plan["settings"]["transport"]) == ([], "namespace")


def test_the_plan_says_what_a_newer_pg_dump_writes(
    production_container: containers.Production, docker_host: str, tmp_path: Path
) -> None:
    settings = {"container": production_container.name, "docker_host": docker_host, "root": str(tmp_path)}
    newer = {**settings, "transport": "host", "bin_dir": str(postgres.install(17).bin_dir)}
    (problem,) = succeeds("closeout_plan", {"settings": newer})["problems"]
    assert problem["wanted"] == "version 17 or later: the dump of a pg_dump of version 17 sets transaction_timeout"
    assert succeeds("closeout_plan", {"settings": settings})["problems"] == []


def _facts_of(pid: int, container_id: str = "/") -> ContainerFacts:
    """A process as if it were a container's first; every process's mounts name the id "/"."""
    return ContainerFacts(container_id, "made-up", "", "", "running", "", 0, "", pid)


def test_a_user_namespace_of_its_own_is_not_entered() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root enters anything")
    with subprocess.Popen(
        ["unshare", "--user", "--map-root-user", "--kill-child", "--fork", "sleep", "60"], stdin=subprocess.DEVNULL
    ) as process:
        try:
            own = os.readlink("/proc/self/ns/user")
            wait_until(lambda: os.readlink(f"/proc/{process.pid}/ns/user") != own, 10, "the namespace")
            with pytest.raises(CloseoutError) as caught:
                Namespaces(_facts_of(process.pid))
        finally:
            process.kill()
    assert caught.value.found == "the container has a user namespace of its own"


def test_a_user_is_named_as_its_container_knows_it() -> None:
    """By docker exec pg_dump is the server's user, whose number is another one where the daemon remaps users."""
    if os.geteuid() != 0:
        pytest.skip("only root maps users")
    assert user_inside(Credentials(1, 999, 27), os.getpid()) == "999:27"
    with subprocess.Popen(["unshare", "--user", "--kill-child", "--fork", "sleep", "60"]) as process:
        try:
            own = os.readlink("/proc/self/ns/user")
            wait_until(lambda: os.readlink(f"/proc/{process.pid}/ns/user") != own, 10, "the namespace")
            assert user_inside(Credentials(1, 100999, 100027), process.pid) == ""
            for name in ("uid_map", "gid_map"):
                Path(f"/proc/{process.pid}/{name}").write_text("0 100000 1000\n2000 200000 10\n")
            assert user_inside(Credentials(1, 100999, 200003), process.pid) == "999:2003"
            assert user_inside(Credentials(1, 999, 100027), process.pid) == ""
        finally:
            process.kill()


def test_another_process_is_not_entered() -> None:
    """With a daemon elsewhere, or a process id that was used again."""
    if os.geteuid() != 0:
        pytest.skip("only root enters anything")
    with pytest.raises(CloseoutError) as caught:
        Namespaces(_facts_of(os.getpid(), "0123456789abcdef" * 4))
    assert "is not the container's" in caught.value.found
    before = set(os.listdir("/proc/self/fd"))
    with subprocess.Popen(["true"]) as gone:
        pass
    with pytest.raises(CloseoutError) as caught:
        Namespaces(_facts_of(gone.pid))
    assert "No such file" in caught.value.found
    assert set(os.listdir("/proc/self/fd")) == before
