"""Drill: a dump whose code, and an image whose pg_dump, try to get out of production's and the scratch container.

Each attempt is one that comes off where nothing holds it: the control shows that first.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.conftest import ProductionFactory
from tests.drills.attempts import Targets, facts, names, outcomes, targets
from tests.integration.closeouts import (
    RUN_LABEL,
    assert_all_pass,
    assert_failed,
    assert_no_container_left,
    docker_variables,
    statuses,
)
from tests.integration.module_options import TABLES, in_container, private_directory
from tests.support import containers, modules, session
from tests.support.places import wait_until
from tests.support.playbook import run_playbook
from tests.support.share import share
from tests.support.watching import Watching

_HERE = "/closeout/pg"
_MEMORY_MB = 512
# In production the functions do nothing; in the scratch server, known by its nonce, they attack and tell what came off.
_HOSTILE = """
CREATE TABLE public.victim (note text);
INSERT INTO public.victim VALUES ('whole');
CREATE FUNCTION public.attack(script text) RETURNS boolean LANGUAGE plpgsql AS $body$
DECLARE
  said text;
BEGIN
  IF pg_catalog.current_setting('incomex.nonce', true) IS NOT NULL THEN
    EXECUTE format($run$COPY (SELECT 1) TO PROGRAM 'echo %s | base64 -d | bash > {here}/said 2>&1'$run$, script);
    FOR said IN SELECT pg_catalog.string_to_table(pg_catalog.pg_read_file('{here}/said'), chr(10)) LOOP
      RAISE WARNING 'drill: %', said;
    END LOOP;
  END IF;
  RETURN true;
END $body$;
CREATE TABLE public.trap (id int CHECK (public.attack('{script}')));
INSERT INTO public.trap VALUES (1);
"""
_EVENT = """
CREATE MATERIALIZED VIEW public.seen AS SELECT 1 AS one;
CREATE FUNCTION public.on_event() RETURNS event_trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF tg_tag = 'REFRESH MATERIALIZED VIEW' THEN
    PERFORM public.attack('{script}');
  END IF;
END $body$;
CREATE EVENT TRIGGER attack ON ddl_command_end EXECUTE FUNCTION public.on_event();
ALTER EVENT TRIGGER attack ENABLE ALWAYS;
"""


@pytest.fixture(autouse=True)
def nothing_left(docker_client: docker.DockerClient) -> Iterator[None]:
    """Whatever a drill did, no scratch server is left behind it."""
    yield
    assert_no_container_left(docker_client)


@pytest.fixture(scope="module")
def armed_image(docker_client: docker.DockerClient, production_image: str) -> Iterator[str]:
    """Production's image with a shell that is root's, and a cat that may read any file."""
    holder = docker_client.containers.run(
        production_image,
        ["sleep", "600"],
        detach=True,
        entrypoint=[],
        network_mode="none",
        labels={"closeout-test": ""},
    )
    try:
        copies = "cd /usr/local/bin && cp /bin/bash rootsh && chmod 4755 rootsh && cp /bin/cat capcat"
        assert holder.exec_run(["sh", "-c", copies], user="0").exit_code == 0
        holder.reload()
        # Version 2 of the attribute, effective, CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: capabilities(7).
        capabilities = struct.pack("<5I", 0x02000001, 0b110, 0, 0, 0)
        os.setxattr(
            f"/proc/{holder.attrs['State']['Pid']}/root/usr/local/bin/capcat", "security.capability", capabilities
        )
        original = docker_client.images.get(production_image).attrs["Config"]
        image = holder.commit(
            repository="closeout-test/armed",
            tag=session.ID,
            conf={"Entrypoint": original["Entrypoint"], "Cmd": original["Cmd"]},
        )
    finally:
        holder.remove(force=True, v=True)
    yield str(image.id)
    docker_client.images.remove(str(image.id), force=True)


@pytest.fixture
def armed(
    docker_client: docker.DockerClient, armed_image: str, cutter_governance: str
) -> Iterator[containers.Production]:
    """Production of the test's own, from that image."""
    with containers.production(docker_client, armed_image) as server:
        server.psql(cutter_governance)
        yield server


@pytest.fixture
def outside(docker_host: str, tmp_path: Path) -> Iterator[Targets]:
    """What there is to get at on this host."""
    for directory in [tmp_path, *tmp_path.parents]:
        if directory != Path("/") and directory.stat().st_uid == os.geteuid():
            directory.chmod(directory.stat().st_mode | 0o011)
    place = tmp_path / "outside"
    place.mkdir()
    with targets(place, docker_host) as made:
        yield made


def coded(script: str) -> str:
    """A script as one word."""
    return base64.b64encode(script.encode()).decode()


def test_every_attempt_comes_off_where_nothing_holds_it(
    docker_client: docker.DockerClient, armed_image: str, outside: Targets, tmp_path: Path
) -> None:
    """The control: in a privileged container with the host's namespaces and files. So a refusal elsewhere means one."""
    place, dump = outside.canary.parent, tmp_path / "dump"
    dump.write_text("a dump\n")
    script = f"exec 9< {place}\n" + outside.script(here="/tmp", mib=2 * _MEMORY_MB)
    api = docker_client.api
    host_config = api.create_host_config(
        # What of all powers the attempts need: a host may itself not have them all to give.
        cap_add=["SYS_ADMIN", "SYS_PTRACE", "DAC_READ_SEARCH"],
        network_mode="host",
        pid_mode="host",
        security_opt=["seccomp=unconfined", "apparmor=unconfined"],
        binds=[f"{place}:{place}", f"{outside.socket}:{outside.socket}", f"{dump}:/closeout-dump:ro"],
    )
    container = api.create_container(
        armed_image,
        entrypoint=["bash", "-c", script],
        user="0",
        host_config={**host_config, "MaskedPaths": [], "ReadonlyPaths": []},
        labels={"closeout-test": session.ID},
    )["Id"]
    try:
        api.start(container)
        api.wait(container, timeout=120)
        said = api.logs(container).decode()
    finally:
        api.remove_container(container, force=True, v=True)
    found = outcomes(said)
    assert set(found) == names(limits=True)
    assert {name: said for name, said in found.items() if said != "came off"} == {}
    assert {"by-tcp", "by-udp", "by-abstract"} <= set(outside.heard)
    assert not outside.untouched


def test_restored_code_gets_nowhere(
    armed: containers.Production, docker_host: str, outside: Targets, tmp_path: Path
) -> None:
    """As superuser of the scratch server, by COPY … TO PROGRAM: from a function, and from an event trigger."""
    production = armed
    script = outside.script(here=_HERE, mib=2 * _MEMORY_MB)
    production.psql(_HOSTILE.format(here=_HERE, script=coded(script)))
    production.psql(
        _EVENT.format(script=coded(outside.script(here=_HERE, facts=False).replace("attempt: ", "event: ")))
    )
    before = whole(production)
    variables = docker_variables(
        production, docker_host, tmp_path / "root", format="custom", restore_jobs=1, scratch_memory_mb=_MEMORY_MB
    )
    with Watching(docker_host, RUN_LABEL) as watching:
        result = run_playbook(variables)
    evidence = assert_all_pass(result)
    log = (Path(evidence["dump"]["path"]).parent / "logs/restore.log").read_text()
    found = outcomes(log)
    assert set(found) == names(limits=True)
    assert came_off(found) == set()
    by_event = outcomes(log.replace("event: ", "attempt: ").replace("drill: attempt: ", "drill: ", len(found)))
    assert set(by_event) == names()
    assert came_off(by_event) == set()
    assert outside.untouched, outside.heard
    assert whole(production) == before
    assert production.psql("SELECT pg_is_in_recovery()") == "f"
    (inspected,) = watching.scratch
    assert_quoted(evidence, inspected)
    assert_seen(facts(log), inspected, Path(evidence["dump"]["path"]))
    record = (Path(evidence["dump"]["path"]).parent / "closeout.md").read_text()
    (line,) = [line for line in record.splitlines() if line.startswith("- isolation as inspected: ")]
    assert json.loads(line.split(": ", 1)[1].strip("`")) == evidence["restore"]["scratch"]["isolation"]


def came_off(found: dict[str, str]) -> set[str]:
    """The attempts that came off; a datagram is sent in any case, and what counts is whether it was heard."""
    return {name for name, said in found.items() if said == "came off"} - {"the network: a datagram, as for DNS"}


def whole(production: containers.Production) -> list[str]:
    """All that production holds, as the lines of a dump."""
    code, output = production.container.exec_run(["pg_dumpall", "-U", "workflow_admin"], user="999")
    assert code == 0 and isinstance(output, bytes), output
    return [line for line in output.decode().splitlines() if "restrict" not in line]


def assert_quoted(evidence: dict[str, Any], inspected: dict[str, Any]) -> None:
    """The record's isolation is what Docker itself says of that container, and all that is asked of one."""
    scratch = evidence["restore"]["scratch"]
    isolation, host = scratch["isolation"], inspected["HostConfig"]
    assert scratch["container_id"] == inspected["Id"]
    assert isolation["network_mode"] == host["NetworkMode"] == "none"
    assert list(inspected["NetworkSettings"]["Networks"]) == ["none"]
    assert isolation["published_ports"] == [] and not inspected["NetworkSettings"]["Ports"] and not host["PortBindings"]
    assert isolation["capabilities"] == [] and not host["CapAdd"] and host["CapDrop"] == ["ALL"]
    assert isolation["privileged"] is host["Privileged"] is False
    assert isolation["no_new_privileges"] and host["SecurityOpt"] == ["no-new-privileges:true"]
    assert isolation["read_only_root"] is host["ReadonlyRootfs"] is True
    assert isolation["memory_bytes"] == host["Memory"] == host["MemorySwap"] == _MEMORY_MB << 20
    assert isolation["pids_limit"] == host["PidsLimit"] > 0
    assert isolation["user"] == inspected["Config"]["User"] == "postgres"
    assert not host["Binds"] and not host["Devices"] and not host["DeviceRequests"] and not host["VolumesFrom"]
    assert (host["PidMode"], host["IpcMode"], host["UTSMode"], host["UsernsMode"]) == ("", "private", "", "")
    mounts = {one["Destination"]: (one["Type"], one["RW"]) for one in inspected["Mounts"]}
    assert mounts == {"/closeout": ("volume", True), "/closeout-dump": ("bind", False)}
    (bound,) = [one for one in isolation["mounts"] if one["type"] == "bind"]
    (there,) = [one for one in inspected["Mounts"] if one["Type"] == "bind"]
    assert bound == {"type": "bind", "path": "/closeout-dump", "writable": False, "source": there["Source"]}
    assert bound["source"] == evidence["dump"]["path"]
    listed = {(one["type"], one["path"], one["writable"]) for one in isolation["mounts"]}
    told = {(one["Type"], one["Destination"], one["RW"]) for one in inspected["Mounts"]}
    assert listed == told | {("tmpfs", path, True) for path in host["Tmpfs"]}


def assert_seen(seen: dict[str, str], inspected: dict[str, Any], dump: Path) -> None:
    """What Docker says is what the kernel does: as the restored code itself found it."""
    assert {name: value for name, value in seen.items() if name.startswith("Cap")} == {
        f"Cap{name}": "0" * 16 for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")
    }
    assert seen["NoNewPrivs"] == "1" and seen["Seccomp"] == "2"
    assert seen["Uid"].split() == ["999"] * 4 and "0" not in seen["Groups"].split()
    assert seen["interfaces"] == "lo"
    for name in ("mnt", "pid", "ipc", "net", "uts"):
        assert seen[f"ns/{name}"] != os.readlink(f"/proc/self/ns/{name}"), name
    options = {path.removeprefix("mount "): value.split() for path, value in seen.items() if path.startswith("mount ")}
    of_this_host = {
        path for path, (_kinds, source) in options.items() if source.endswith(f"/{dump.relative_to(session.TMP)}")
    }
    assert of_this_host == {"/closeout-dump"}
    # The three below /etc are Docker's own.
    for path in ("/", "/closeout-dump", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"):
        assert "ro" in options[path][0].split(","), (path, options[path])
    writable = {path for path, (kinds, _source) in options.items() if "rw" in kinds.split(",")}
    kernels = {path for path in writable if path.startswith(("/proc", "/sys", "/dev"))}
    tmpfs = set(inspected["HostConfig"]["Tmpfs"])
    assert writable - kernels == {"/closeout"} | tmpfs


_ADD = "INSERT INTO public.victim VALUES ('added in the copy')"
# Ends once the last thing that the dump makes is there.
_STAY = f"""
ask() {{ psql -X -At -h {_HERE}/run -U workflow_admin -d directus_restoretest -c "$1"; }}
stay() {{
    until [ "$(ask "SELECT relispopulated FROM pg_class WHERE relname = 'seen'")" = t ]; do :; done
    ask "{_ADD}"
}}
stay > {_HERE}/added 2>&1 < /dev/null &
echo "attempt: stay: came off"
"""
_ADD_ON_EVENT = f"""
CREATE OR REPLACE FUNCTION public.on_event() RETURNS event_trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF tg_tag = 'REFRESH MATERIALIZED VIEW' AND pg_catalog.current_setting('incomex.nonce', true) IS NOT NULL THEN
    {_ADD};
    RAISE WARNING 'drill: attempt: event: came off';
  END IF;
END $body$;
"""


@pytest.mark.parametrize("how", share(["event", "stay"], 2))
def test_a_copy_that_its_own_code_changes_is_told(
    how: str, start_production: ProductionFactory, cutter_governance: str, docker_host: str, tmp_path: Path
) -> None:
    """An event trigger that nothing stops adds a row while the dump is restored; a process that stays, afterwards."""
    production = start_production(cutter_governance)
    production.psql(_HOSTILE.format(here=_HERE, script=coded(_STAY if how == "stay" else "true")))
    if how == "stay":
        production.psql("CREATE MATERIALIZED VIEW public.seen AS SELECT 1 AS one")
    else:
        production.psql(_EVENT.format(script=coded("true")) + _ADD_ON_EVENT)
    result = run_playbook(docker_variables(production, docker_host, tmp_path / "root"))
    assert_failed(result, "restore.content")
    assert result.artefact is not None and result.evidence is not None
    assert outcomes((result.artefact / "logs/restore.log").read_text()) == {how: "came off"}
    assert statuses(result)["restore.clean"] == statuses(result)["teardown.absent"] == "PASS"
    assert "public.victim" in json.dumps(result.evidence["restore"]["compare"]["differences"])
    assert production.psql("SELECT note FROM public.victim") == "whole"


def test_code_that_takes_all_processes_has_taken_the_scratch_servers_only(
    start_production: ProductionFactory, cutter_governance: str, docker_host: str, tmp_path: Path
) -> None:
    """As many as the limit allows, and they stay: no session can begin any more, nothing is proved, all of it goes."""
    production = start_production(cutter_governance)
    # For each that ends another one begins; the shell that waits needs no process more.
    fork = (
        "while (1) { my $pid = fork; if (!defined $pid) { select undef, undef, undef, 0.002 } elsif (!$pid) { sleep }}"
    )
    script = (
        f"perl -e '{fork}' > /dev/null 2>&1 < /dev/null &\n"
        "until [ $# -gt 230 ]; do set -- /proc/[0-9]*; done; echo attempt: $# processes: came off"
    )
    production.psql(_HOSTILE.format(here=_HERE, script=coded(script)))
    result = run_playbook(docker_variables(production, docker_host, tmp_path / "root"))
    assert_failed(result, "evidence.whole")
    assert result.artefact is not None and result.evidence is not None
    ((taken, _number),) = outcomes((result.artefact / "logs/restore.log").read_text()).items()
    limit = result.evidence["restore"]["scratch"]["isolation"]["pids_limit"]
    assert 230 < int(taken.split()[0]) <= limit
    assert statuses(result)["teardown.absent"] == statuses(result)["production.identity"] == "PASS"
    assert production.psql("SELECT note FROM public.victim") == "whole"


# As pg_dump: attempts first and a process that stays; when it has been looked at, the dump or something else.
_PG_DUMP = """#!/bin/bash
if [ "$1" != --version ]; then
    echo {script} | base64 -d | bash > /tmp/said 2>&1
    setsid sleep 98765 > /dev/null 2>&1 < /dev/null &
    touch /tmp/waits
    until [ -e /tmp/go ]; do sleep 0.1; done
    {then}
fi
exec {real} "$@"
"""


@pytest.mark.parametrize("then", ["", "echo 'SELECT 1;'; exit 0"], ids=["behaves", "misbehaves"])
@pytest.mark.parametrize("way", ["namespace", "exec"])
def test_a_hostile_pg_dump_gets_nowhere(
    way: str,
    then: str,
    armed: containers.Production,
    docker_host: str,
    outside: Targets,
    tmp_path: Path,
) -> None:
    """The server's user without a capability, in the container's namespaces; what it leaves is not the host's."""
    before = whole(armed)
    real = run(armed, "command -v pg_dump").strip()
    text = _PG_DUMP.format(script=coded(outside.script(here="/tmp", facts=False)), then=then, real=real)
    run(armed, f"echo {coded(text)} | base64 -d > /usr/local/bin/pg_dump && chmod 0755 /usr/local/bin/pg_dump")
    directory = private_directory(tmp_path / "artefact")
    asked = {
        **in_container(armed, docker_host),
        "directory": str(directory),
        "name": "prod.sql",
        "schema": "cutter_governance",
        "run_id": "7b7b7b7b7b7b",
        "transport": way,
    }
    module = modules.start_module("pg_dump_readonly", asked)
    wait_until(Path(f"/proc/{armed.pid}/root/tmp/waits").exists, 120, "the hostile pg_dump")
    (sleeping,) = processes("sleep\x0098765")
    (seen,) = [seen_from_outside(one) for one in processes(f"{_BASH}/usr/local/bin/pg_dump\x00")]
    run(armed, "touch /tmp/go")
    result = modules.finish(module)
    if then:
        assert (result.rc, result.failed) == (1, True) and "The dump is not complete" in result.msg, result
        assert not list(directory.glob("prod.sql*"))
    else:
        assert (result.rc, result.failed) == (0, False), result
        facts_of_dump = result.data["dump"]
        assert (facts_of_dump["transport"], facts_of_dump["tables"]) == (way, TABLES)
    said = run(armed, "cat /tmp/said")
    assert set(outcomes(said)) == names()
    assert came_off(outcomes(said)) <= _LEFT[way]
    assert outside.untouched, outside.heard
    assert whole(armed) == before
    user = os.stat(f"/proc/{armed.pid}")
    assert seen["Uid"].split() == [str(user.st_uid)] * 4 and seen["Gid"].split() == [str(user.st_gid)] * 4
    assert [int(seen[f"Cap{name}"], 16) for name in ("Inh", "Prm", "Eff", "Amb")] == [0] * 4
    assert (seen["NoNewPrivs"], seen["Seccomp"]) == {"namespace": ("1", "0"), "exec": ("0", "2")}[way]
    for name in ("mnt", "ipc", "net", "uts", "user"):
        assert seen[f"ns/{name}"] == os.readlink(f"/proc/{armed.pid}/ns/{name}"), name
    assert seen["ns/pid"] != os.readlink("/proc/self/ns/pid")
    assert (seen["ns/pid"] == os.readlink(f"/proc/{armed.pid}/ns/pid")) == (way == "exec")
    given = {place for name, place in seen.items() if name.startswith("fd/")}
    assert {re.sub(r"\d+", "N", place) for place in given} == {"/dev/null", "pipe:[N]", "/usr/local/bin/pg_dump"}
    # What it left behind ends with it; by exec it runs on in its own container, whose server has it now, and ends with
    # that.
    assert processes("sleep\x0098765") == ([sleeping] if way == "exec" else [])
    armed.container.stop(timeout=5)
    assert processes("sleep\x0098765") == []


_BASH = "/bin/bash\x00"


def processes(command: str) -> list[Path]:
    """The directories in /proc of this host's processes whose command line begins like that."""
    found = []
    for one in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (one / "cmdline").read_bytes().startswith(command.encode()):
                found.append(one)
    return found


def seen_from_outside(process: Path) -> dict[str, str]:
    """What the host's kernel says of a process: lines of its status, namespaces and descriptors."""
    lines = (process / "status").read_text().splitlines()
    seen = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    for kind in ("ns", "fd"):
        seen |= {f"{kind}/{one.name}": os.readlink(one) for one in (process / kind).iterdir()}
    return seen


# Outside the container's filter of system calls a process may make a user namespace, whose root is nobody else's; a
# set-user-ID program of the image gives the container's root, without what Docker keeps from it.
_LEFT = {"namespace": {"a user namespace of its own"}, "exec": {"a set-user-ID program"}}


def run(production: containers.Production, script: str) -> str:
    """What a script of root's in the container prints."""
    code, output = production.container.exec_run(["sh", "-c", script], user="0")
    assert code == 0 and isinstance(output, bytes), output
    return output.decode()
