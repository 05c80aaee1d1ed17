"""pg_scratch_server: isolated as inspected and as seen from inside, gone in time, and nobody else's touched."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pwd
import shutil
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import docker.errors
import pytest
from docker.models.containers import Container

from tests.integration.module_options import (
    EXPIRES_LABEL,
    FAR_AWAY,
    LONG_AGO,
    RUN_LABEL,
    fails,
    new_run_id,
    shipped,
    succeeds,
)
from tests.support import containers, postgres, session
from tests.support.places import wait_until

GLOBALS = {
    "schema": "incomex.closeout/globals/1",
    "server_version_num": 160015,
    "max_locks_per_transaction": 100,
    "relations": 100,
    "roles": [
        {"name": "workflow_admin", "bootstrap": True, "superuser": True, "inherit": True, "createrole": True,
         "createdb": True, "replication": True, "bypassrls": True}
    ],
    "memberships": [],
    "tablespaces": [],
    "database": {"name": "directus", "owner": "workflow_admin", "encoding": "UTF8", "collate": "C", "ctype": "C",
                 "provider": "libc", "locale": None, "icu_rules": None, "monetary": "C"},
}  # fmt: skip
NOTHING_LEFT = {
    "containers": {"by_name": [], "by_label": []}, "volumes": [], "networks": [], "processes": [], "paths": []
}  # fmt: skip


@pytest.fixture(scope="module")
def globals_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A globals.json as pg_dump_readonly writes it."""
    path = tmp_path_factory.mktemp("globals") / "globals.json"
    path.write_text(json.dumps(GLOBALS))
    return str(path)


class Asker:
    """Arguments for the scratch server of one run, and a look at what Docker has of it."""

    def __init__(self, client: docker.DockerClient, docker_host: str, image: str, globals_path: str) -> None:
        self.client = client
        self.run_id = new_run_id()
        self.name = f"pg-restoretest-{self.run_id}"
        self.same = {"run_id": self.run_id, "name": self.name, "docker_host": docker_host, "driver": "docker"}
        self.made = {**self.same, "image": image, "globals": globals_path, "ttl_s": 300, "memory_mb": 384}

    def container(self) -> Container:
        """The container as it is now."""
        return self.client.containers.get(self.name)

    def left(self) -> list[str]:
        """Containers and volumes that carry this run's label, or the name."""
        label = f"{RUN_LABEL}={self.run_id}"
        found = [str(one.name) for one in self.client.containers.list(all=True, filters={"label": label})]
        found += [str(one.name) for one in self.client.volumes.list(filters={"label": label})]
        with contextlib.suppress(docker.errors.NotFound):
            found.append(str(self.client.containers.get(self.name).name))
        return found

    def inside(self, *command: str) -> tuple[int, str]:
        """Run a program in the container; its return code and output."""
        code, output = self.container().exec_run(list(command))
        assert code is not None and isinstance(output, bytes)
        return code, output.decode(errors="replace").strip()


@pytest.fixture
def asker(
    docker_client: docker.DockerClient, docker_host: str, production_image: str, globals_path: str
) -> Iterator[Asker]:
    """A run of its own; whatever the test leaves of it is removed."""
    one = Asker(docker_client, docker_host, production_image, globals_path)
    yield one
    label = f"{RUN_LABEL}={one.run_id}"
    for container in docker_client.containers.list(all=True, filters={"label": label}):
        with contextlib.suppress(docker.errors.NotFound):
            container.remove(force=True, v=True)
    for volume in docker_client.volumes.list(filters={"label": label}):
        with contextlib.suppress(docker.errors.NotFound):
            volume.remove()


def everything(client: docker.DockerClient) -> set[str]:
    """Ids of all containers, names of all volumes."""
    return {str(one.id) for one in client.containers.list(all=True)} | {str(one.name) for one in client.volumes.list()}


def status_of(pid: int) -> dict[str, str]:
    """/proc/<pid>/status as a mapping."""
    pairs = (line.partition(":") for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {name: value.strip() for name, _mark, value in pairs}


def test_docker_checked_made_found_removed_and_removed_again(asker: Asker, pg_install: Callable[..., Any]) -> None:
    before = everything(asker.client)
    assert succeeds("pg_scratch_server", asker.made, check=True)["changed"] is True
    assert everything(asker.client) == before

    made = succeeds("pg_scratch_server", asker.made)
    assert (made["changed"], made["run_id"]) == (True, asker.run_id)
    attributes = asker.container().attrs
    host = attributes["HostConfig"]
    assert made["scratch"]["container_id"] == attributes["Id"] == made["connection"]["container"]
    assert made["scratch"]["image_id"] == attributes["Image"]
    assert (host["NetworkMode"], host["ReadonlyRootfs"], host["Privileged"]) == ("none", True, False)
    assert ([one.upper() for one in host["CapDrop"]], host["CapAdd"]) == (["ALL"], None)
    assert (host["PortBindings"] or {}, attributes["NetworkSettings"]["Ports"]) == ({}, {})
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert (host["Binds"], host["AutoRemove"], host["LogConfig"]["Type"]) == (None, True, "none")
    assert host["PidsLimit"] and 0 < host["PidsLimit"] <= 1024
    assert host["Memory"] == host["MemorySwap"] == 384 << 20
    assert attributes["Config"]["User"] == "postgres"
    assert attributes["Config"]["Labels"][RUN_LABEL] == asker.run_id
    assert attributes["Config"]["Labels"][EXPIRES_LABEL] == made["scratch"]["expires_utc"]
    isolation = made["scratch"]["isolation"]
    assert isolation["network_mode"] == "none" and isolation["published_ports"] == []
    assert isolation["capabilities"] == [] and isolation["user"] == "postgres"
    assert isolation["no_new_privileges"] is True and isolation["read_only_root"] is True
    assert (isolation["memory_bytes"], isolation["pids_limit"]) == (384 << 20, host["PidsLimit"])
    assert isolation["listen_addresses"] == ""

    # By its own socket, with psql: who it is.
    pid = attributes["State"]["Pid"]
    sockets = Path(f"/proc/{pid}/root/closeout/pg/run")
    query = "SELECT system_identifier FROM pg_control_system()"
    bin_dir = pg_install(16).bin_dir
    sysid = postgres.run_psql(bin_dir, sockets, 5432, "workflow_admin", "postgres", query)
    assert made["identity"]["sysid"] == sysid
    nonce = "SELECT current_setting('incomex.nonce')"
    assert len(made["nonce"]) == 32
    assert postgres.run_psql(bin_dir, sockets, 5432, "workflow_admin", "postgres", nonce) == made["nonce"]
    locks = "SHOW max_locks_per_transaction"
    assert postgres.run_psql(bin_dir, sockets, 5432, "workflow_admin", "postgres", locks) == "100"

    again = succeeds("pg_scratch_server", asker.made)
    assert (again["changed"], again["nonce"]) == (False, "")
    assert again["scratch"]["container_id"] == attributes["Id"]
    assert again["identity"]["postmaster_start_utc"] == made["identity"]["postmaster_start_utc"]

    absent = {**asker.same, "state": "absent"}
    assert succeeds("pg_scratch_server", absent, check=True)["changed"] is True
    assert asker.container().attrs["State"]["Running"] is True
    gone = succeeds("pg_scratch_server", absent)
    assert gone["changed"] is True
    assert {key: gone["teardown"][key] for key in NOTHING_LEFT} == NOTHING_LEFT
    assert everything(asker.client) == before
    assert not Path(f"/proc/{pid}").exists()
    assert succeeds("pg_scratch_server", absent, check=True)["changed"] is False
    gone = succeeds("pg_scratch_server", absent)
    assert (gone["changed"], {key: gone["teardown"][key] for key in NOTHING_LEFT}) == (False, NOTHING_LEFT)


def test_docker_seen_from_inside(asker: Asker) -> None:
    succeeds("pg_scratch_server", asker.made)
    pid = asker.container().attrs["State"]["Pid"]
    for own in [status_of(pid)]:
        assert own["NoNewPrivs"] == "1"
        assert {int(own[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
        assert "0" not in own["Uid"].split() + own["Gid"].split()
    # What a program of the restore has: it is started by docker exec.
    _code, text = asker.inside("cat", "/proc/self/status")
    own = {name: value.strip() for name, _mark, value in (line.partition(":") for line in text.splitlines())}
    assert (own["NoNewPrivs"], own["CapEff"], own["CapBnd"]) == ("1", "0" * 16, "0" * 16)
    assert "0" not in own["Uid"].split()
    _code, text = asker.inside("cat", "/proc/net/dev")
    assert [line.split(":")[0].strip() for line in text.splitlines() if ":" in line] == ["lo"]
    for place in ("/x", "/etc/x", "/usr/bin/x", "/var/lib/x"):
        code, text = asker.inside("touch", place)
        assert code != 0 and ("Read-only" in text or "Permission denied" in text), (place, text)
    _code, mounts = asker.inside("cat", "/proc/mounts")
    table = {line.split()[1]: line.split() for line in mounts.splitlines()}
    assert table["/"][3].split(",")[0] == "ro"
    # The image's own VOLUME is covered, and the one volume is ours.
    assert table["/var/lib/postgresql/data"][2] == "tmpfs"
    (volume,) = asker.container().attrs["Mounts"]
    assert (volume["Type"], volume["Destination"]) == ("volume", "/closeout")
    labels = asker.client.volumes.get(volume["Name"]).attrs["Labels"]
    assert labels[RUN_LABEL] == asker.run_id
    # Nothing of the process list of the host, and no way to another one's memory.
    _code, text = asker.inside("cat", "/proc/1/comm")
    assert text in ("timeout", "postgres", "sh")


def test_docker_on_tmpfs(asker: Asker) -> None:
    volumes = {str(one.name) for one in asker.client.volumes.list()}
    made = succeeds("pg_scratch_server", {**asker.made, "storage": "tmpfs", "memory_mb": 256})
    _code, mounts = asker.inside("cat", "/proc/mounts")
    table = {line.split()[1]: line.split() for line in mounts.splitlines()}
    assert table["/closeout"][2] == "tmpfs" and f"size={256 << 10}k" in table["/closeout"][3].split(",")
    assert {str(one.name) for one in asker.client.volumes.list()} == volumes
    assert {one["type"] for one in made["scratch"]["isolation"]["mounts"]} == {"tmpfs"}
    assert made["scratch"]["isolation"]["memory_bytes"] == 256 << 20
    succeeds("pg_scratch_server", {**asker.same, "state": "absent"})
    assert asker.left() == []


def test_docker_as_ansible_ships_it(asker: Asker) -> None:
    made = shipped("pg_scratch_server", asker.made)
    assert made["scratch"]["container_id"] == asker.container().id
    assert shipped("pg_scratch_server", {**asker.same, "state": "absent"})["changed"] is True
    assert asker.left() == []


@pytest.mark.parametrize("storage", ["volume", "tmpfs"])
def test_docker_dies_by_itself(storage: str, asker: Asker) -> None:
    made = succeeds("pg_scratch_server", {**asker.made, "ttl_s": 3, "storage": storage})
    pid = asker.container().attrs["State"]["Pid"]
    assert made["scratch"]["expires_utc"] > made["scratch"]["started_utc"]
    wait_until(lambda: asker.left() == [], 25, "the end of the scratch server")
    assert not Path(f"/proc/{pid}").exists()


def test_docker_image_with_more_volumes(
    asker: Asker, docker_client: docker.DockerClient, production_image: str
) -> None:
    with variant(docker_client, f"FROM {production_image}\nVOLUME /extra /var/log/extra /tmp/deep\n") as image:
        before = everything(docker_client)
        succeeds("pg_scratch_server", {**asker.made, "image": image})
        (volume,) = asker.container().attrs["Mounts"]
        assert (volume["Destination"], volume["Type"]) == ("/closeout", "volume")
        assert len(everything(docker_client) - before) == 2
        _code, mounts = asker.inside("cat", "/proc/mounts")
        kinds = {line.split()[1]: line.split()[2] for line in mounts.splitlines()}
        for place in ("/extra", "/var/log/extra", "/tmp/deep", "/var/lib/postgresql/data"):
            assert kinds[place] == "tmpfs", place
        succeeds("pg_scratch_server", {**asker.same, "state": "absent"})
        assert everything(docker_client) == before


@contextlib.contextmanager
def variant(client: docker.DockerClient, dockerfile: str) -> Iterator[str]:
    """An image made of another one, for the time of the block."""
    image, _log = client.images.build(fileobj=io.BytesIO(dockerfile.encode()), rm=True, forcerm=True)
    try:
        yield str(image.id)
    finally:
        for container in client.containers.list(all=True, filters={"ancestor": str(image.id)}):
            container.remove(force=True, v=True)
        client.images.remove(str(image.id), force=True)


def test_docker_image_without_postgres_says_why_and_leaves_nothing(
    asker: Asker, docker_client: docker.DockerClient, production_image: str
) -> None:
    with variant(docker_client, f"FROM {production_image}\nENV PATH=/usr/bin:/bin\n") as image:
        before = everything(docker_client)
        refused = fails("pg_scratch_server", {**asker.made, "image": image})
        assert "The scratch server did not start" in refused.msg and "initdb" in refused.data["error"]["found"]
        wait_until(lambda: everything(docker_client) == before, 10, "the container to go")


def test_docker_image_missing(asker: Asker) -> None:
    before = everything(asker.client)
    refused = fails("pg_scratch_server", {**asker.made, "image": "closeout-test/none:16"})
    assert "closeout-test/none:16" in refused.msg and "docker pull" in refused.msg
    assert everything(asker.client) == before


@pytest.mark.usefixtures("nobody")
def test_docker_as_nobody(asker: Asker) -> None:
    made = succeeds("pg_scratch_server", {**asker.made, "os_user": "nobody"})
    pid = asker.container().attrs["State"]["Pid"]
    nobody = pwd.getpwnam("nobody").pw_uid
    assert {int(one) for one in status_of(pid)["Uid"].split()} == {nobody}
    assert made["scratch"]["isolation"]["user"] == "nobody" and made["identity"]["sysid"]


@pytest.mark.parametrize("user", ["root", "no-such-user"])
def test_docker_never_as_root(user: str, asker: Asker) -> None:
    before = everything(asker.client)
    refused = fails("pg_scratch_server", {**asker.made, "os_user": user})
    assert user in refused.msg
    assert everything(asker.client) == before


@pytest.fixture
def foreign(asker: Asker, production_image: str) -> Iterator[Container]:
    """Somebody else's running container, of the very name."""
    container = asker.client.containers.create(
        production_image, ["sleep", "600"], name=asker.name, network_mode="none", labels={containers.LABEL: session.ID}
    )
    container.start()
    yield container
    container.remove(force=True, v=True)


def test_docker_name_of_a_foreign_container(asker: Asker, foreign: Container) -> None:
    foreign.reload()
    before, state = everything(asker.client), foreign.attrs["State"]
    for check in (True, False):
        refused = fails("pg_scratch_server", asker.made, check=check)
        assert asker.name in refused.msg and "no scratch server of this run" in refused.msg
    refused = fails("pg_scratch_server", {**asker.same, "state": "absent"})
    assert refused.data["teardown"]["containers"] == {"by_name": [asker.name], "by_label": []}
    foreign.reload()
    assert foreign.attrs["State"] == state
    assert everything(asker.client) == before


def test_docker_name_of_another_run(asker: Asker) -> None:
    made = succeeds("pg_scratch_server", asker.made)
    other = new_run_id()
    refused = fails("pg_scratch_server", {**asker.made, "run_id": other})
    assert f"{RUN_LABEL}={other}" in refused.msg and asker.run_id in refused.msg
    # Another name of another run is removed without a look at this one.
    succeeds("pg_scratch_server", {**asker.same, "run_id": other, "name": "pg-restoretest-other", "state": "absent"})
    assert asker.container().id == made["scratch"]["container_id"]
    assert asker.container().attrs["State"]["Running"] is True


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize("missing", ["run_id", "name"])
def test_docker_needs_run_id_and_name(missing: str, state: str, asker: Asker) -> None:
    before = everything(asker.client)
    refused = fails("pg_scratch_server", {**asker.made, missing: "", "state": state})
    assert "run_id" in refused.msg and "name" in refused.msg
    refused = fails("pg_scratch_server", {**asker.made, "state": state, missing: None})
    assert everything(asker.client) == before


def reaped_runs(result: dict[str, Any], ours: str) -> set[str]:
    """The runs of which something was reaped, those of this test: others may be at work on this host."""
    return {one["run_id"] for one in result["reaped"] if one["run_id"].startswith(ours)}


def test_docker_reaps_what_is_past_its_time_and_nothing_else(
    asker: Asker, docker_client: docker.DockerClient, docker_host: str, production_image: str
) -> None:
    def create(name: str, **labels: str) -> Container:
        """A container that was made and never started."""
        marked = {containers.LABEL: session.ID, **{key.replace("_", "."): value for key, value in labels.items()}}
        return docker_client.containers.create(
            production_image, ["sleep", "1"], name=f"closeout-{name}-{asker.run_id}", labels=marked, network_mode="none"
        )

    run = {name: f"{asker.run_id}{number}" for number, name in enumerate(("past", "later", "unclear", "endless"))}
    kept = [
        create("later", incomex_closeout_run=run["later"], incomex_closeout_expires=FAR_AWAY),
        create("unclear", incomex_closeout_run=run["unclear"], incomex_closeout_expires="yesterday"),
        create("endless", incomex_closeout_run=run["endless"]),
        create("foreign", incomex_closeout_expires=LONG_AGO),
    ]
    past = create("past", incomex_closeout_run=run["past"], incomex_closeout_expires=LONG_AGO)
    volume = docker_client.volumes.create(labels={RUN_LABEL: f"{asker.run_id}9", EXPIRES_LABEL: LONG_AGO})
    spare = docker_client.volumes.create(labels={RUN_LABEL: f"{asker.run_id}8", EXPIRES_LABEL: FAR_AWAY})
    before = everything(docker_client)
    gone = {str(past.id), str(volume.name)} | {one["Name"] for one in past.attrs["Mounts"]}
    wanted = {run["past"], f"{asker.run_id}9"}
    try:
        told = succeeds("pg_scratch_server", {"state": "reaped", "docker_host": docker_host}, check=True)
        assert (told["changed"], reaped_runs(told, asker.run_id)) == (True, wanted)
        assert everything(docker_client) == before
        done = succeeds("pg_scratch_server", {"state": "reaped", "docker_host": docker_host})
        assert (done["changed"], reaped_runs(done, asker.run_id)) == (True, wanted)
        assert everything(docker_client) == before - gone
        again = succeeds("pg_scratch_server", {"state": "reaped", "docker_host": docker_host})
        assert reaped_runs(again, asker.run_id) == set()
        assert everything(docker_client) == before - gone
    finally:
        for container in [*kept, past]:
            with contextlib.suppress(docker.errors.NotFound):
                container.remove(force=True, v=True)
        for one in (volume, spare):
            with contextlib.suppress(docker.errors.NotFound):
                one.remove()


def test_docker_daemon_that_does_not_answer(asker: Asker) -> None:
    refused = fails("pg_scratch_server", {**asker.made, "docker_host": "unix:///nowhere/docker.sock"})
    assert "unix:///nowhere/docker.sock" in refused.msg


# -- driver local


class Local:
    """Arguments for a scratch server of this host's programs, and a look at what is there of it."""

    def __init__(self, bin_dir: Path, globals_path: str) -> None:
        self.run_id = new_run_id()
        self.directory = Path(f"/var/tmp/closeout-scratch-{self.run_id}")
        self.same = {"driver": "local", "run_id": self.run_id, "name": "pg-restoretest-local"}
        self.made = {**self.same, "bin_dir": str(bin_dir), "globals": globals_path, "ttl_s": 300, "memory_mb": 256}

    def processes(self) -> dict[int, str]:
        """Every process of this host that has the directory in its command line, or works in it."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            with contextlib.suppress(OSError):
                command = session.command_line(int(entry.name))
                if str(self.directory) in command or str(self.directory) in os.readlink(entry / "cwd"):
                    found[int(entry.name)] = command
        return found

    def postmaster(self) -> int:
        """The pid of the server as this host has it; its own pid file may be of another pid namespace."""
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(self.directory / "run" / ".s.PGSQL.5432"))
            return int(struct.unpack("3i", probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0])


@pytest.fixture
def local(production_cluster: postgres.Cluster, globals_path: str) -> Iterator[Local]:
    """A run of its own with the programs of PostgreSQL 16; whatever the test leaves of it is removed."""
    one = Local(production_cluster.bin_dir, globals_path)
    yield one
    for pid in one.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not one.processes(), 10, "the end of the scratch server")
    shutil.rmtree(one.directory, ignore_errors=True)


def test_local_checked_made_found_removed_and_removed_again(local: Local, production_cluster: postgres.Cluster) -> None:
    assert succeeds("pg_scratch_server", local.made, check=True)["changed"] is True
    assert not local.directory.exists()

    made = succeeds("pg_scratch_server", local.made)
    assert made["changed"] is True
    pid = local.postmaster()
    own = status_of(pid)
    account = postgres.server_user()
    (uid,) = {int(one) for one in own["Uid"].split()}
    # For root a user of its own: what a dump commands must not do what production's user may.
    assert uid not in (0, account.pw_uid) if account else uid == os.geteuid()
    assert (own["NoNewPrivs"], int(own["CapEff"], 16), int(own["CapPrm"], 16)) == ("1", 0, 0)
    if account:
        assert own["Groups"] == ""
        assert os.stat(f"/proc/{pid}/ns/net").st_ino != os.stat("/proc/self/ns/net").st_ino
        devices = Path(f"/proc/{pid}/net/dev").read_text()
        assert [line.split(":")[0].strip() for line in devices.splitlines() if ":" in line] == ["lo"]
        assert len(Path(f"/proc/{pid}/net/tcp").read_text().splitlines()) == 1
    status = local.directory.stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid) == (0o700, uid)
    sockets = local.directory / "run"
    query = "SELECT system_identifier || current_setting('incomex.nonce') FROM pg_control_system()"
    said = postgres.run_psql(production_cluster.bin_dir, sockets, 5432, "workflow_admin", "postgres", query)
    assert said == made["identity"]["sysid"] + made["nonce"]
    assert made["identity"]["sysid"] != production_cluster.sysid
    assert made["scratch"]["isolation"]["no_new_privileges"] is True
    assert made["scratch"]["isolation"]["capabilities"] == []

    again = succeeds("pg_scratch_server", local.made)
    assert (again["changed"], again["nonce"], local.postmaster()) == (False, "", pid)

    absent = {**local.same, "state": "absent"}
    assert succeeds("pg_scratch_server", absent, check=True)["changed"] is True
    assert local.directory.exists() and pid in local.processes()
    gone = succeeds("pg_scratch_server", absent)
    assert (gone["changed"], {key: gone["teardown"][key] for key in NOTHING_LEFT}) == (True, NOTHING_LEFT)
    assert not local.directory.exists() and local.processes() == {}
    assert succeeds("pg_scratch_server", absent)["changed"] is False
    assert production_cluster.psql("SELECT 1") == "1"


def test_local_dies_by_itself(local: Local) -> None:
    succeeds("pg_scratch_server", {**local.made, "ttl_s": 5})
    assert local.processes()
    wait_until(lambda: not local.processes() and not local.directory.exists(), 25, "the end of the scratch server")


def test_local_goes_when_its_server_is_killed(local: Local) -> None:
    succeeds("pg_scratch_server", local.made)
    os.kill(local.postmaster(), signal.SIGKILL)
    wait_until(lambda: not local.processes() and not local.directory.exists(), 25, "the end of the scratch server")


def test_local_still_dies_without_its_supervisor_and_is_reaped(local: Local) -> None:
    succeeds("pg_scratch_server", {**local.made, "ttl_s": 5})
    supervisors = [pid for pid, command in local.processes().items() if command.startswith(("/bin/sh", "unshare"))]
    assert supervisors
    for pid in supervisors:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not local.processes(), 25, "the end of the scratch server")
    assert local.directory.exists()
    ours = {"kind": "scratch server", "run_id": local.run_id, "name": local.same["name"]}
    reap = {"state": "reaped", "driver": "local"}
    wait_until(lambda: ours in succeeds("pg_scratch_server", reap)["reaped"], 25, "its time")
    assert not local.directory.exists()


def test_local_reaps_what_is_past_its_time_and_nothing_else(local: Local) -> None:
    marker = {"run_id": local.run_id, "name": "x", "expires_utc": LONG_AGO}
    others = {
        "later": {**marker, "expires_utc": FAR_AWAY},
        "unclear": {**marker, "expires_utc": "yesterday"},
        "false": {**marker, "run_id": "another"},
    }
    kept = []
    local.directory.mkdir()
    (local.directory / "scratch.json").write_text(json.dumps(marker))
    try:
        for number, (name, content) in enumerate(others.items()):
            path = Path(f"/var/tmp/closeout-scratch-{local.run_id}{number}")
            path.mkdir()
            kept.append(path)
            run_id = content["run_id"] if name == "false" else f"{local.run_id}{number}"
            (path / "scratch.json").write_text(json.dumps({**content, "run_id": run_id}))
        unmarked = Path(f"/var/tmp/closeout-scratch-{local.run_id}7")
        unmarked.mkdir()
        link = Path(f"/var/tmp/closeout-scratch-{local.run_id}8")
        link.symlink_to(kept[0])
        kept += [unmarked, link]
        told = succeeds("pg_scratch_server", {"state": "reaped", "driver": "local"}, check=True)
        assert [one["run_id"] for one in told["reaped"] if local.run_id in one["run_id"]] == [local.run_id]
        assert local.directory.exists()
        done = succeeds("pg_scratch_server", {"state": "reaped", "driver": "local"})
        assert [one["run_id"] for one in done["reaped"] if local.run_id in one["run_id"]] == [local.run_id]
        assert not local.directory.exists()
        assert all(path.exists() for path in kept)
    finally:
        for path in kept:
            if path.is_symlink():
                path.unlink()
            else:
                shutil.rmtree(path, ignore_errors=True)


@pytest.mark.usefixtures("nobody")
def test_local_as_nobody(local: Local) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    made = succeeds("pg_scratch_server", {**local.made, "os_user": "nobody"})
    assert made["scratch"]["isolation"]["user"] == "nobody"
    assert int(status_of(local.postmaster())["Uid"].split()[0]) == pwd.getpwnam("nobody").pw_uid


def test_local_without_programs(local: Local, tmp_path: Path) -> None:
    refused = fails("pg_scratch_server", {**local.made, "bin_dir": str(tmp_path)})
    assert str(tmp_path) in refused.msg and "initdb" in refused.msg
    assert not local.directory.exists()


@pytest.mark.parametrize("which", ["initdb", "postgres"])
def test_local_start_that_fails_says_why_and_leaves_nothing(which: str, local: Local) -> None:
    programs = Path(tempfile.mkdtemp(prefix="programs", dir=session.TMP))
    programs.chmod(0o755)
    for name in ("initdb", "postgres"):
        (programs / name).write_text("#!/bin/sh\n" + ("echo boom of $0; exit 3\n" if name == which else "exit 0\n"))
        (programs / name).chmod(0o755)
    refused = fails("pg_scratch_server", {**local.made, "bin_dir": str(programs)})
    assert f"boom of {programs}/{which}" in refused.data["error"]["found"]
    assert not local.directory.exists() and local.processes() == {}


def test_local_directory_of_somebody_else(local: Local) -> None:
    local.directory.mkdir()
    (local.directory / "precious").write_text("not ours")
    refused = fails("pg_scratch_server", local.made)
    assert str(local.directory) in refused.msg
    assert (local.directory / "precious").read_text() == "not ours"


@pytest.mark.parametrize("run_id", ["", "../../etc", "a b", "x/y"])
def test_local_run_id_that_is_none(run_id: str, local: Local) -> None:
    for state in ("present", "absent"):
        fails("pg_scratch_server", {**local.made, "run_id": run_id, "state": state})


def test_local_expiry_is_told_as_asked(local: Local) -> None:
    before = time.time()
    made = succeeds("pg_scratch_server", {**local.made, "ttl_s": 60})
    expires = made["scratch"]["expires_utc"]
    seconds = subprocess.run(["date", "-d", expires, "+%s"], check=True, capture_output=True, text=True, timeout=10)
    assert before + 55 < int(seconds.stdout) < time.time() + 65
