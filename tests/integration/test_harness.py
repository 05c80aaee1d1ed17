"""The harness itself: servers of every version, a production container, and the detector of leftovers."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import docker
import psycopg2
import pytest

from tests.support import containers, image, leftovers, modules, playbook, postgres, session
from tests.support.image import MAJOR
from tests.support.places import ROOT, wait_until
from tests.support.share import share

TABLES = """
canonical_address_alias cut_change_set cut_change_set_affected_row decision_backlog_dependency decision_backlog_entry
decision_backlog_history decision_backlog_sweep_log dot_pair_signature manifest_envelope manifest_unit_block
review_decision verify_result
""".split()  # noqa: SIM905 (a list of twelve lines says no more)
_LIST = (
    "SELECT relname FROM pg_class WHERE relnamespace = 'cutter_governance'::regnamespace AND relkind = 'r' ORDER BY 1"
)


@pytest.mark.parametrize("version", sorted(postgres.VERSIONS))
def test_each_version_starts_and_loads_the_sample(
    version: int, cluster: Callable[..., postgres.Cluster], cutter_governance: str
) -> None:
    server = cluster(version, sql=cutter_governance)
    assert server.psql("SHOW server_version_num")[:2] == str(version)
    assert server.psql(_LIST, "directus").split() == TABLES
    with server.connect("directus") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM cutter_governance.manifest_unit_block")
        assert cursor.fetchone() == (20,)


def test_a_cluster_on_tcp_wants_the_password_and_can_be_restarted(cluster: Callable[..., postgres.Cluster]) -> None:
    server = cluster(tcp=True, password="s3cret", settings={"max_locks_per_transaction": "10"})
    before = server.sysid
    address = f"host=127.0.0.1 port={server.port} user={server.user} dbname=directus"
    psycopg2.connect(address, password="s3cret").close()
    with pytest.raises(psycopg2.OperationalError, match="password"):
        psycopg2.connect(address, password="wrong")
    server.stop()
    server.start()
    assert (server.sysid, server.psql("SHOW max_locks_per_transaction")) == (before, "10")


def test_a_server_that_cannot_start_says_why(pg_install: Callable[[int], postgres.Installation]) -> None:
    before = set(session.TMP.glob("pg*/data"))
    with (
        pytest.raises(RuntimeError, match="shared_buffers"),
        postgres.Cluster(pg_install(16), settings={"shared_buffers": "x"}),
    ):
        pass
    assert set(session.TMP.glob("pg*/data")) == before


def test_production_container_has_no_network_and_answers(production_container: containers.Production) -> None:
    state = production_container.container.attrs
    assert state["HostConfig"]["NetworkMode"] == "none"
    assert production_container.psql(_LIST).split() == TABLES
    assert int(production_container.sysid) > 0
    assert production_container.psql("SHOW server_version_num").startswith(str(MAJOR))
    assert production_container.psql("SELECT datcollate FROM pg_database WHERE datname = 'directus'") == "en_US.utf8"


def test_production_container_behaves_like_the_official_image(production_container: containers.Production) -> None:
    def output(*command: str) -> str:
        code, text = production_container.container.exec_run(list(command))
        assert code == 0 and isinstance(text, bytes), text
        return text.decode().strip()

    assert output("stat", "-c", "%U %u", "/proc/1") == "postgres 999"
    assert output("readlink", "/var/run") == "/run"
    assert output("pg_dump", "--version").split()[2].startswith(str(MAJOR))
    assert (
        output("psql", "-U", "workflow_admin", "-d", "directus", "-Atc", "SHOW unix_socket_directories")
        == "/var/run/postgresql"
    )
    assert production_container.psql("SHOW data_directory") == "/var/lib/postgresql/data"
    volumes = [mount["Destination"] for mount in production_container.container.attrs["Mounts"]]
    assert volumes == ["/var/lib/postgresql/data"]
    production_container.container.reload()
    assert "trust" in output("grep", "-E", "^local +all +all", "/var/lib/postgresql/data/pg_hba.conf")
    assert "scram-sha-256" in output("tail", "-1", "/var/lib/postgresql/data/pg_hba.conf")


def test_the_image_runs_other_commands_and_options(
    start_production: Callable[..., containers.Production], docker_client: docker.DockerClient, production_image: str
) -> None:
    server = start_production(db="other", user="boss", command=["-c", "max_connections=17"])
    assert (
        server.psql("SELECT current_user || current_database() || current_setting('max_connections')") == "bossother17"
    )
    # Removed by hand: with auto_remove it may be gone before the client waits for it, and the client's own `remove`
    # leaves the anonymous volume.
    container = docker_client.containers.run(
        production_image, ["initdb", "--version"], network_mode="none", detach=True
    )
    try:
        assert container.wait(timeout=60)["StatusCode"] == 0
        assert container.logs().startswith(b"initdb (PostgreSQL) 16")
    finally:
        container.remove(v=True, force=True)


def test_the_image_wants_a_password(start_production: Callable[..., containers.Production]) -> None:
    with pytest.raises(RuntimeError, match="superuser password is not specified"):
        start_production(env={"POSTGRES_PASSWORD": ""})


def test_a_container_is_removed_with_its_volume(
    docker_client: docker.DockerClient, production_image: str, pytestconfig: pytest.Config
) -> None:
    before = leftovers.docker_objects(docker_client, private=True)
    with containers.production(docker_client, production_image) as server:
        during = leftovers.docker_objects(docker_client, private=True) - before
        assert {line.split()[0] for line in during} == {"container", "volume"}
        assert any(server.name in line for line in leftovers.docker_objects(docker_client, private=False))
    assert leftovers.docker_objects(docker_client, private=True) == before


def test_an_orphan_in_a_session_of_its_own_is_found() -> None:
    # What a daemon does: fork twice, its own session, an empty environment.
    command = (
        "import os, sys; os.fork() and sys.exit(); os.setsid(); os.execve('/bin/sleep', ['closeout-orphan', '60'], {})"
    )
    subprocess.run([sys.executable, "-c", command], check=True, timeout=30)

    def orphans() -> list[int]:
        found = session.descendants(session.supervisor())
        return [pid for pid, line in found.items() if line.startswith("closeout-orphan")]

    wait_until(lambda: bool(orphans()), 5, "the orphan")
    for pid in orphans():
        os.kill(pid, 9)
    wait_until(lambda: not orphans(), 5, "the orphan's end")


_PLANTED = {
    "process": "import subprocess\ndef test():\n    subprocess.Popen(['sleep', '61'])\n",
    "path /tmp/closeout-planted": "import pathlib\ndef test():\n    pathlib.Path('/tmp/closeout-planted').touch()\n",
    "container": """
def test(docker_client, production_image):
    docker_client.containers.create(production_image, name="pg-restoretest-planted", labels={"closeout-test": ""})
""",
}


@pytest.mark.parametrize("what", ["process", "path /tmp/closeout-planted"])
def test_a_session_that_leaves_something_behind_fails(what: str, tmp_path: Path) -> None:
    done = _session(tmp_path, _PLANTED[what])
    Path("/tmp/closeout-planted").unlink(missing_ok=True)
    assert done.returncode == 1, done.stdout
    assert f"left behind: {what}" in done.stdout
    assert "1 passed, 1 error" in done.stdout


def test_a_session_that_leaves_a_container_behind_fails(
    docker_client: docker.DockerClient, docker_host: str, production_image: str, tmp_path: Path
) -> None:
    done = _session(tmp_path, _PLANTED["container"], DOCKER_HOST=docker_host)
    docker_client.containers.get("pg-restoretest-planted").remove(force=True, v=True)
    assert done.returncode == 1, done.stdout
    assert "left behind: container pg-restoretest-planted" in done.stdout


_SKIPPING = "import pytest\ndef test_skip(docker_host):\n    pytest.skip('no reason')\n"


def test_without_docker_a_container_test_is_skipped_or_fails_as_asked(tmp_path: Path) -> None:
    assert "1 skipped" in _session(tmp_path, _SKIPPING, CLOSEOUT_DOCKER="skip").stdout
    # No daemon there, and neither dockerd nor apt-get to be found.
    nothing = {"DOCKER_HOST": "unix:///nowhere", "PATH": str(Path(sys.executable).parent)}
    done = _session(tmp_path, _SKIPPING, CLOSEOUT_DOCKER="required", **nothing)
    assert (done.returncode, "Docker is required: no Docker daemon answers" in done.stdout) == (1, True), done.stdout


def test_a_container_test_that_skips_itself_fails_where_docker_is_required(docker_host: str, tmp_path: Path) -> None:
    done = _session(tmp_path, _SKIPPING, CLOSEOUT_DOCKER="required", DOCKER_HOST=docker_host)
    assert done.returncode == 1, done.stdout
    assert "skipped although CLOSEOUT_DOCKER=required" in done.stdout


_PYTEST = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-c", "pyproject.toml"]


def _session(directory: Path, source: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run one test file as a session of its own, with this project's conftest."""
    path = directory / "test_planted.py"
    path.write_text(source)
    return subprocess.run(
        [*_PYTEST, "-rfEs", *arguments, str(path)],
        cwd=ROOT, env={**os.environ, "CLOSEOUT_TEST_SETTLE_S": "1", **env}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
    )  # fmt: skip


_PLAYBOOK = """
- name: A run to look at
  hosts: closeout
  gather_facts: false
  tasks:
    - name: Publish
      ansible.builtin.set_stats:
        data: {closeout_artifact: "{{ closeout_root }}/label_1", said: "{{ ansible_check_mode }}"}
        per_host: false
        aggregate: false
    - name: Fail as asked
      ansible.builtin.assert: {that: not fail_it}
"""


def test_a_playbook_run_gives_results_statistics_and_evidence(tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(_PLAYBOOK)
    (tmp_path / "label_1").mkdir()
    (tmp_path / "label_1" / "closeout.json").write_text('{"schema": "x"}')
    asked = {"closeout_root": str(tmp_path), "fail_it": False}
    good = playbook.run_playbook(asked, playbook=str(tmp_path / "play.yml"))
    assert (good.rc, good.evidence, good.artefact) == (0, {"schema": "x"}, tmp_path / "label_1")
    assert (good.stats["localhost"]["ok"], good.custom_stats["said"]) == (2, False)
    bad = playbook.run_playbook({**asked, "fail_it": True}, playbook=str(tmp_path / "play.yml"), check=True)
    assert (bad.rc, bad.stats["localhost"]["failures"], bad.custom_stats["said"]) == (2, 1, True)
    assert bad.task("Fail as asked")["status"] == "failed"


def test_a_module_runs_as_a_process_and_as_ansible_ships_it(production_cluster: postgres.Cluster) -> None:
    asked = {
        "login_unix_socket": str(production_cluster.socket_dir),
        "login_port": production_cluster.port,
        "login_user": production_cluster.user,
        "login_db": "directus",
    }
    quick = modules.run_module("pg_sysid_guard", asked)
    assert (quick.rc, quick.failed, production_cluster.sysid in str(quick.data)) == (0, False, True), quick
    bad = modules.run_module("pg_sysid_guard", {**asked, "login_user": "nobody_here"})
    assert (bad.rc, bad.failed, "nobody_here" in bad.msg) == (1, True, True), bad
    shipped = playbook.run_adhoc("pg_sysid_guard", asked)
    assert (shipped.returncode, production_cluster.sysid in shipped.stdout) == (0, True), shipped


_STARTS_A_PROCESS = """
import os, subprocess
def test():
    child = subprocess.Popen(["sleep", "67"])
    with open({said!r}, "w") as file:
        print(os.environ["TMPDIR"], os.getppid() if {workers} else os.getpid(), child.pid, file=file)
    child.wait()
"""


@pytest.mark.parametrize(
    ("workers", "whom", "number"),
    share(list(itertools.product((1, 0), ("session", "supervisor"), (signal.SIGKILL, signal.SIGTERM))), 3),
)
def test_a_killed_session_takes_its_processes_along(
    whom: str, number: signal.Signals, workers: int, tmp_path: Path
) -> None:
    _may_have(workers)
    said = tmp_path / "said"
    (tmp_path / "test_planted.py").write_text(_STARTS_A_PROCESS.format(said=str(said), workers=workers))
    environment = {**os.environ, "CLOSEOUT_TEST_SETTLE_S": "1"}
    with subprocess.Popen(
        [*_PYTEST, f"-n{workers}", str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment
    ) as started:
        assert started.stdout is not None
        wait_until(lambda: said.exists() and said.read_text().endswith("\n"), 60, "the test")
        directory, *pids = said.read_text().split()
        os.kill(started.pid if whom == "supervisor" else int(pids[0]), number)
        started.stdout.read()  # to its end: everything that could write to it is gone
        assert started.wait(60) != 0
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 5, "the end of the session's processes")
    assert not Path(directory).exists()


def test_a_server_goes_with_the_process_that_started_it(pg_install: Callable[[int], postgres.Installation]) -> None:
    """Though nobody was left to tear anything down."""
    script = """
import sys, time
from tests.support import postgres, session
session.TMP.mkdir()
session.TMP.chmod(0o755)
server = postgres.Cluster(postgres.install(16))
server.start()
print(server.pid, session.TMP, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        pid, directory = started.stdout.readline().split()
        assert Path(f"/proc/{pid}").exists()
        started.kill()
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), 20, "the server's end")
    shutil.rmtree(directory)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
@pytest.mark.parametrize("whom", ["builder", "build"])
def test_a_killed_build_leaves_nothing_mounted(whom: str, tmp_path: Path) -> None:
    """As the image of production is built: mounts and processes go with whatever is killed."""
    script = "import subprocess, sys; subprocess.run(sys.argv[1:], check=True)"
    # What it says comes out of the namespace; its own number does not.
    build = f"mount -t tmpfs none {tmp_path} && touch {tmp_path}/inside && echo mounted && sleep 7200.25"
    command = [sys.executable, "-c", script, *image.APART, "sh", "-c", build]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == "mounted\n"
        below = session.descendants(started.pid)
        assert any("sleep 7200.25" in line for line in below.values())
        assert str(tmp_path) not in Path("/proc/self/mounts").read_text()
        if whom == "builder":
            started.kill()
        else:
            (apart,) = (pid for pid, line in below.items() if line.startswith("unshare"))
            os.kill(apart, signal.SIGKILL)
        started.stdout.read()  # to its end: everything that could write to it is gone
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in below), 5, "the end of its processes")
    assert list(tmp_path.iterdir()) == []


_SEES_ONLY_ITS_OWN = """
import pathlib, tempfile
def test():
    for place in ("/var/tmp", tempfile.gettempdir()):
        assert not list(pathlib.Path(place).glob("closeout-both"))
        pathlib.Path(place, "closeout-both").mkdir()
"""


def test_workers_do_not_see_each_others_files_and_tell_what_they_leave(tmp_path: Path) -> None:
    _may_have(2)
    done = _session(tmp_path, _SEES_ONLY_ITS_OWN, "--dist=each", "--tx=2*popen")
    assert done.returncode == 1, done.stdout
    assert "2 passed, 2 errors" in done.stdout
    assert "left behind: path /var/tmp/closeout-both" in done.stdout
    assert not Path("/var/tmp/closeout-both").exists()


def test_a_session_has_workers_unless_the_daemon_is_everybodys(docker_host: str, tmp_path: Path) -> None:
    """Tests look at all containers of a daemon: two workers would see each other's."""
    _may_have(1)
    for url, expected in ((docker_host, False), ("unix:///nowhere", True)):
        done = _session(tmp_path, "def test():\n    pass\n", "-nauto", DOCKER_HOST=url)
        assert (done.returncode, "created: " in done.stdout) == (0, expected), done.stdout


def _may_have(workers: int) -> None:
    """Skip where a session cannot have workers."""
    if workers and subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("workers need mount namespaces")
