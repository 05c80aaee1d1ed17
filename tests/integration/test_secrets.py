"""A password is where it must be and nowhere else: all that a run produced is searched, and all processes meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ClusterFactory, ProductionFactory
from tests.integration.closeouts import RUN_LABEL, assert_all_pass, docker_variables, local_variables
from tests.integration.test_least_privilege import ROLE
from tests.support.containers import Production
from tests.support.places import wait_until
from tests.support.playbook import PlaybookResult, run_playbook
from tests.support.postgres import Cluster
from tests.support.sampling import Sampling, files_with
from tests.support.share import share
from tests.support.watching import Watching

# The core is searched for: however the rest is quoted, it stays. Nothing else has it, so that what ansible masks is the
# password itself.
CORE = "Pa55w0rdOf7his7est"
PASSWORD = f"{CORE} '\"\\:$x"
WRONG = f"wrong-{CORE}"
# A second of pg_dump, so that it is seen.
LARGE = "CREATE TABLE public.large AS SELECT n, repeat(md5(n::text), 30) AS text FROM generate_series(1, 10000) n;"


def passfile(directory: Path, place: str, user: str, password: str) -> str:
    """A private password file."""
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    path = directory / "passfile"
    path.touch(0o600)
    path.write_text(f"{place}:*:{user}:{escaped}\n")
    return str(path)


class Searched:
    """A run with -vvv, and everything that it produced: `assert_nowhere` finds the word in none of it."""

    def __init__(self, directory: Path, word: str = CORE) -> None:
        """Keep what ansible writes in `directory`, which is the test's own."""
        self.kept = directory / "ansible"
        self.kept.mkdir(0o755)
        self.root = directory / "root"
        self._places = {f"ANSIBLE_{name}": self.kept / name for name in ("HOME", "LOCAL_TEMP", "REMOTE_TEMP")}
        self.sampled = Sampling(word, list(self._places.values()))
        self._word = word

    def run(self, variables: dict[str, Any], pipelining: str = "0") -> PlaybookResult:
        """Run the playbook, by default as Ansible's own is: a module's arguments lie in a file."""
        environment = {name: str(path) for name, path in self._places.items()}
        environment["ANSIBLE_LOG_PATH"] = str(self.kept / "log")
        environment["ANSIBLE_PIPELINING"] = pipelining
        with self.sampled:
            result = run_playbook(variables, arguments=["-vvv"], env=environment)
        self._result = result
        return result

    def assert_nowhere(self) -> None:
        """Not in what was printed, kept, sealed or registered; not in any command line; in few environments."""
        result = self._result
        assert "module_args" in result.stdout and "module_args" in (self.kept / "log").read_text()
        assert self._word not in result.stdout
        assert self._word not in json.dumps([result.tasks, result.stats, result.custom_stats], ensure_ascii=False)
        assert files_with(self._word.encode(), self.kept) == []
        assert files_with(self._word.encode(), self.root) == []
        assert self.sampled.looks > 20
        assert self.sampled.in_argv == set()
        assert self.sampled.open_files == set()


@pytest.fixture
def searched(tmp_path: Path) -> Searched:
    """A run whose traces are kept."""
    return Searched(tmp_path)


@pytest.fixture
def guarded(start_production: ProductionFactory, cutter_governance: str) -> Production:
    """Production in a container that lets the role closeout in by password only, over its socket too."""
    server = start_production(cutter_governance)
    password = "'" + PASSWORD.replace("'", "''") + "'"
    server.psql(f"{ROLE} {LARGE} ALTER ROLE closeout PASSWORD {password}")
    line = "sed -i '1i local all closeout scram-sha-256' \"$PGDATA/pg_hba.conf\""
    code, output = server.container.exec_run(["sh", "-c", line], user="0")
    assert code == 0, output
    server.psql("SELECT pg_reload_conf()")
    return server


@pytest.fixture
def on_tcp(cluster: ClusterFactory, cutter_governance: str) -> Cluster:
    """Production outside containers, by TCP with a password."""
    return cluster(16, cutter_governance + LARGE, tcp=True, password=PASSWORD)


def by_tcp(server: Cluster, root: Path, **other: Any) -> dict[str, Any]:
    """The variables of a closeout over TCP."""
    return local_variables(server, root, login_unix_socket="", login_host="127.0.0.1", **other)


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    """A word in a command line, in an environment, in a file that others may read."""
    word = "a-w0rd-to-be-found"
    place = tmp_path / "place"
    place.mkdir(0o755)
    (place / "open").write_text(word)
    (place / "private").mkdir(0o700)
    (place / "private" / "file").write_text(word)
    sleep = [sys.executable, "-c", "import time; time.sleep(60)", word]
    with subprocess.Popen(sleep, env={"SECRET": word}) as process:
        with Sampling(word, [place]) as sampled:
            wait_until(lambda: sampled.looks > 1, 30, "two looks")
        process.kill()
    assert [word in line for line in sampled.in_argv] == [True]
    assert len(sampled.in_environment) == 1
    assert (sampled.open_files, sampled.private_files) == ({"open"}, {"file"})


@pytest.mark.parametrize(("way", "given"), share([("namespace", "password"), ("exec", "passfile")], 2))
def test_in_a_container(
    way: str, given: str, guarded: Production, docker_host: str, searched: Searched, tmp_path: Path
) -> None:
    """By the one environment of pg_dump; Docker tells it nobody, by inspection or event."""
    value = PASSWORD if given == "password" else passfile(tmp_path, "localhost:5432", "closeout", PASSWORD)
    limit = {given: value, "user": "closeout", "transport": way, "bandwidth_limit_mb_s": 10}
    with Watching(docker_host, RUN_LABEL) as watching:
        result = searched.run(docker_variables(guarded, docker_host, searched.root, **limit))
    assert assert_all_pass(result)["dump"]["transport"] == way
    searched.assert_nowhere()
    # Ansible's own file for a module, with its arguments.
    assert searched.sampled.private_files <= ({"AnsiballZ_closeout_module.py"} if given == "password" else set())
    # On the way to it: setpriv and nsenter (executed as a descriptor, whose number is its name); or env, that Docker
    # starts by way of runc.
    seen = {"nsenter" if name.isdigit() else name for name in searched.sampled.in_environment}
    on_the_way = {"setpriv", "nsenter"} if way == "namespace" else {"env", "runc"}
    assert {"pg_dump"} <= seen <= {"pg_dump", *on_the_way}
    assert CORE not in watching.everything()
    assert len(watching.scratch) == 1
    of_production = [one for one in watching.execs if one["ContainerID"] == guarded.id]
    started = [" ".join(one["ProcessConfig"]["arguments"]) for one in of_production]
    assert any("pg_dump" in words for words in started) is (way == "exec")
    assert CORE not in guarded.container.logs().decode(errors="replace")
    guarded.container.reload()
    assert CORE not in json.dumps(guarded.container.attrs)


@pytest.mark.parametrize(("given", "pipelining"), [("passfile", "0"), ("password", "1")])
def test_outside_containers(given: str, pipelining: str, on_tcp: Cluster, searched: Searched, tmp_path: Path) -> None:
    """SCRAM over TCP, with the local driver; a pipelined module's arguments are in no command line either."""
    value = PASSWORD if given == "password" else passfile(tmp_path, f"127.0.0.1:{on_tcp.port}", on_tcp.user, PASSWORD)
    variables = by_tcp(on_tcp, searched.root, **{given: value, "bandwidth_limit_mb_s": 10})
    assert_all_pass(searched.run(variables, pipelining))
    searched.assert_nowhere()
    assert searched.sampled.in_environment == {"pg_dump"}
    assert CORE not in on_tcp.log.read_text()


@pytest.mark.parametrize("given", ["password", "passfile"])
def test_a_wrong_one(given: str, on_tcp: Cluster, searched: Searched, tmp_path: Path) -> None:
    """libpq's own message has the user; the plan fails."""
    value = WRONG if given == "password" else passfile(tmp_path, f"127.0.0.1:{on_tcp.port}", on_tcp.user, WRONG)
    result = searched.run(by_tcp(on_tcp, searched.root, **{given: value}))
    assert result.rc != 0 and "password authentication failed" in result.stdout
    searched.assert_nowhere()
    assert searched.sampled.in_environment == set()


def test_a_pg_dump_that_tells_it(guarded: Production, docker_host: str, searched: Searched, tmp_path: Path) -> None:
    """It fails and prints its environment: what is kept of that has no password, which Ansible does not know here."""
    script = (
        '#!/bin/sh\\n[ "$1" = --version ] && exec /usr/lib/postgresql/16/bin/pg_dump --version\\nenv >&2; exit 1\\n'
    )
    put = f"printf '{script}' > /usr/local/bin/pg_dump && chmod 0755 /usr/local/bin/pg_dump"
    code, output = guarded.container.exec_run(["sh", "-c", put], user="0")
    assert code == 0, output
    given = passfile(tmp_path, "localhost:5432", "closeout", PASSWORD)
    variables = docker_variables(guarded, docker_host, searched.root, passfile=given, user="closeout")
    result = searched.run(variables)
    assert result.rc != 0 and "PGPASSWORD=***" in result.stdout
    searched.assert_nowhere()
    assert result.artefact is not None
    assert "PGPASSWORD=***" in (result.artefact / "logs/pg_dump.log").read_text()
