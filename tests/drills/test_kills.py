"""Drill: kill -9 of the module, of ansible-playbook, of everything, at moments spread over a whole closeout.

`make drills` kills thirty times and writes docs/kills.md; `make test` kills a tenth as often. Nothing passes that
should not, production and the container beside it stay as they are, and after the next run, or the deadline, nothing is
left.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._abandoned import _UNFETCHED_S
from ansible_collections.incomex.closeout.plugins.module_utils._running import directory as running_directory

from tests.integration.closeouts import RUN_LABEL, assert_sealed, docker_variables, write_vars
from tests.support import containers, session
from tests.support.containers import Production
from tests.support.image import MAJOR
from tests.support.places import DATA, ROOT, wait_until
from tests.support.playbook import AS_USERS_HAVE_IT, BIN, CLOSEOUT, LOCAL, environment, run_playbook
from tests.support.postgres import install
from tests.support.share import IN_FULL, WRITES

DOCUMENT = ROOT / "docs" / "kills.md"
# First what leaves a scratch server behind, whose time is up when the others are done.
VICTIMS = ("everything", "ansible-playbook", "the module")
MOMENTS = 10 if IN_FULL else 1
# A few kills cannot be left to the clock: what strikes before there is anything to leave proves nothing.
WHEN = {} if IN_FULL else {"everything": "Restore the dump", "ansible-playbook": "Take the dump"}
TTL_S = 60
_END_S = 150.0
_MARK = "CLOSEOUT_KILL"
# The dump takes two seconds, and so does the restore: what lasts is hit more often.
_SQL = """
CREATE TABLE public.big AS SELECT n, repeat(md5(n::text), 30) AS text FROM generate_series(1, 2000) n;
CREATE FUNCTION public.slow(int) RETURNS boolean LANGUAGE plpgsql AS $body$
BEGIN
  IF pg_catalog.current_setting('incomex.nonce', true) IS NOT NULL THEN PERFORM pg_catalog.pg_sleep(2); END IF;
  RETURN true;
END $body$;
CREATE TABLE public.slowly (id int CHECK (public.slow(id)));
INSERT INTO public.slowly VALUES (1);
"""
_STATE = """
SELECT (SELECT system_identifier FROM pg_control_system()), pg_postmaster_start_time(),
       (SELECT md5(string_agg(t::text, '|' ORDER BY n)) FROM public.big t),
       query_to_xml('SELECT * FROM cutter_governance.verify_result ORDER BY 1', true, true, '')::text,
       (SELECT count(*) FROM pg_class)
"""
_OURS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'incomex.closeout/%'"


@dataclass
class Kill:
    """One kill: of what, in which task, and what a user saw of it. It strikes when the task of that name begins, "" for
    the moment."""

    victim: str
    driver: str
    moment_s: float
    when: str = ""
    task: str = ""
    sees: str = ""
    result: str = ""
    removed: list[str] = field(default_factory=list)


class Drill:
    """Production, a container beside it, and closeouts that are killed."""

    def __init__(self, production: Production, client: docker.DockerClient, docker_host: str, directory: Path) -> None:
        self.production, self.client = production, client
        self.directory = directory
        self.root = directory / "root"
        self._docker_host = docker_host
        self._runs = 0
        self.before = self.picture()

    def picture(self) -> str:
        """Production and all containers that are not ours."""
        others = []
        for one in self.client.api.containers(all=True):
            if RUN_LABEL not in one["Labels"]:
                found = self.client.api.inspect_container(one["Id"])
                others.append((one["Id"], found["State"]["StartedAt"], found["RestartCount"]))
        state = self.production.psql(_STATE)
        return f"{hashlib.sha256(state.encode()).hexdigest()} {sorted(others)}"

    def variables(self, driver: str) -> dict[str, Any]:
        """The variables of a closeout."""
        local = {"scratch_driver": "local", "bin_dir": str(install(MAJOR).bin_dir)} if driver == "local" else {}
        return docker_variables(
            self.production, self._docker_host, self.root, scratch_ttl_s=TTL_S, bandwidth_limit_mb_s=1, **local
        )

    def closeout(self, driver: str, kill: Kill | None = None) -> tuple[int, str, float]:
        """Run one; with ``kill`` it is struck at its moment. Return code, output, and how long it took."""
        self._runs += 1
        place = self.directory / f"run-{self._runs}"
        place.mkdir()
        (place / "hosts").write_text(f"[closeout]\n{LOCAL}\n")
        output = place / "output"
        began = time.monotonic()
        with output.open("wb") as file:
            process = subprocess.Popen(
                [str(BIN / "ansible-playbook"), CLOSEOUT, "-i", str(place / "hosts"),
                 "-e", write_vars(place / "vars.json", self.variables(driver))],
                # Nothing that one run compiled makes the next shorter, or the moments come too late in it.
                cwd=place, env={**environment(place), **AS_USERS_HAVE_IT, _MARK: place.name},
                stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            if kill is not None:
                self._wait_for(kill, process, output)
                kill.task = _last_task(output.read_text())
                self._strike(kill.victim, process, place)
            process.wait(_END_S)
        finally:
            process.kill()
            process.wait()
        return process.returncode, output.read_text(), time.monotonic() - began

    def _wait_for(self, kill: Kill, process: subprocess.Popen[bytes], output: Path) -> None:
        if kill.when:
            begun = f"TASK [incomex.closeout.closeout : {kill.when}]"
            wait_until(lambda: begun in output.read_text() or process.poll() is not None, _END_S, kill.when)
        else:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(kill.moment_s)

    def _strike(self, victim: str, process: subprocess.Popen[bytes], place: Path) -> None:
        if victim == "ansible-playbook":
            process.kill()
        elif victim == "everything":
            # Until nobody is left: each may be starting another.
            while self.marked(place.name):
                for pid in self.marked(place.name):
                    _kill(pid)
                process.poll()
        else:
            struck: list[int] = []

            def strikes() -> bool:
                struck.extend(pid for pid in self.modules(place.name) if _kill(pid))
                return bool(struck) or process.poll() is not None

            wait_until(strikes, _END_S, "a module")

    def marked(self, name: str) -> list[int]:
        """What ansible-playbook started, however far from it, but for servers and for programs in containers."""
        return [pid for pid, variables, _command in _processes() if f"{_MARK}={name}\0".encode() in variables]

    def modules(self, name: str) -> list[int]:
        """The modules at work, and not the shells around them."""
        return [
            pid
            for pid, variables, command in _processes()
            if f"{_MARK}={name}\0".encode() in variables
            and b"AnsiballZ_closeout_module" in command
            and b"python" in command.split(b"\0")[0]
        ]

    def run_ids(self) -> list[str]:
        """All runs that began an artefact."""
        return [json.loads(mark.read_text())["run_id"] for mark in self.root.glob("*/.closeout.json")]

    def running(self) -> list[Path]:
        """What long modules of any run keep while they are at work, and until their result is fetched."""
        found, words = [], [str(self.directory), *self.run_ids()]
        for path in Path(running_directory()).glob("*"):
            with contextlib.suppress(OSError):
                payload = (path / "payload").read_text() if path.is_dir() else path.name
                if any(word in payload for word in words):
                    found.append(path)
        return found

    def left(self) -> list[str]:
        """What is there of any run, but for its artefact."""
        label = {"label": RUN_LABEL}
        found = [f"container {one['Names']}" for one in self.client.api.containers(all=True, filters=label)]
        found += [f"volume {one['Name']}" for one in self.client.api.volumes(filters=label)["Volumes"] or []]
        found += [f"network {one['Name']}" for one in self.client.api.networks(filters=label)]
        found += [str(path) for path in Path("/var/tmp").glob("closeout-scratch-*")]
        found += [str(path) for path in self.root.rglob("*.partial")]
        runs = self.run_ids()
        marks = [f"{_MARK}=run-".encode(), *(run_id.encode() for run_id in runs)]
        for pid, variables, command in _processes():
            if any(mark in variables + command for mark in marks):
                found.append(f"process {pid} {command.decode(errors='replace')}")
        found += map(str, self.running())
        if self.production.psql(_OURS) != "0":
            found.append("a session on production")
        return found


def _processes() -> Iterator[tuple[int, bytes, bytes]]:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            yield int(entry.name), (entry / "environ").read_bytes(), (entry / "cmdline").read_bytes()
        except OSError:
            continue


def _kill(pid: int) -> bool:
    """Kill a process; whether it was there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _last_task(output: str) -> str:
    found = re.findall(r"^TASK \[(?:incomex\.closeout\.closeout : )?(.*)\] \**$", output, re.MULTILINE)
    return found[-1] if found else "(before the first task)"


def _result(root: Path, known: set[Path]) -> str:
    """What the record of the newest artefact says, if there is one."""
    new = [path for path in root.glob("*") if path not in known]
    records = [path / "closeout.json" for path in new if (path / "closeout.json").exists()]
    if not records:
        return "no record"
    said = str(json.loads(records[0].read_text())["result"]["closeout_result"])
    if said == "ALL_PASS" and (records[0].parent / "SHA256SUMS").exists():
        assert_sealed(records[0].parent)
    return said


def _sees(kill: Kill, output: str) -> str:
    if kill.victim != "the module":
        return "the job is gone"
    found = re.search(r"CLOSEOUT_RESULT: FAIL\\n(.*?)\\n", output) or re.search(r"There is no plan: (.*?)\"", output)
    return re.sub(r"\s+", " ", found[1])[:90] + " …" if found else "the play ends as ever"


@pytest.mark.timeout(1800)
def test_kill_9_at_any_moment(
    docker_client: docker.DockerClient, docker_host: str, production_image: str, tmp_path: Path
) -> None:
    with contextlib.ExitStack() as stack:
        # A locale that this host has, too: the local driver restores here.
        locale = {"POSTGRES_INITDB_ARGS": "--no-sync --locale=C"}
        production = stack.enter_context(containers.production(docker_client, production_image, env=locale))
        production.psql((DATA / "cutter_governance.sql").read_text() + "; RESET search_path;" + _SQL)
        beside = stack.enter_context(containers.production(docker_client, production_image))
        assert beside.id != production.id
        drill = Drill(production, docker_client, docker_host, tmp_path)
        whole_s: dict[str, float] = {}
        for driver in ("docker", "local"):
            if IN_FULL or not whole_s:
                code, output, whole_s[driver] = drill.closeout(driver)
                assert code == 0, output
            else:
                # Nearly as long as the other; a share of the kills is not spread so evenly that it would matter.
                whole_s[driver] = whole_s["docker"]
        kills, found = [], 0
        for number in range(MOMENTS):
            for place, victim in enumerate(VICTIMS):
                driver = ("docker", "local")[(number + place) % 2]
                moment_s = whole_s[driver] * (number + (place + 1) / (len(VICTIMS) + 1)) / MOMENTS
                kills.append(Kill(victim, driver, moment_s, WHEN.get(victim, "")))
        for kill in kills:
            known = set(drill.root.glob("*"))
            code, output, _took = drill.closeout(kill.driver, kill)
            kill.sees, kill.result = _sees(kill, output), _result(drill.root, known)
            # A record that says ALL_PASS was whole before the kill; else the play must not have ended well.
            assert kill.result in ("FAIL", "no record", "ALL_PASS"), kill
            assert code != 0 or kill.result == "ALL_PASS", (kill, output)
            assert drill.picture() == drill.before, kill
            found += len(drill.left())
        # Or there was nothing to remove, and this proves nothing.
        assert found
        # The deadline of whatever the last one left.
        wait_until(lambda: not _alive(drill), TTL_S + 60, "the deadline of the last scratch server")
        for driver in ("docker", "local"):
            reaped = run_playbook(drill.variables(driver), playbook="incomex.closeout.reap")
            assert reaped.rc == 0, reaped.stdout
        assert _settled(drill.left) == []
        assert drill.picture() == drill.before
        code, output, _took = drill.closeout("docker")
        assert code == 0, output
        assert _settled(drill.left) == []
    if WRITES:
        DOCUMENT.write_text(document(kills))
    assert DOCUMENT.exists(), "make drills writes it"


def _alive(drill: Drill) -> bool:
    """Whether a scratch server, a long module, or a result that nobody fetched is within its time yet."""
    containers_left = drill.client.api.containers(filters={"label": RUN_LABEL})
    local = list(Path("/var/tmp").glob("closeout-scratch-*/data/postmaster.pid"))
    results = [path for path in drill.running() if time.time() - path.stat().st_mtime < _UNFETCHED_S]
    at_work = any(drill.marked(path.name) for path in drill.directory.glob("run-*"))
    return bool(containers_left or local or results or at_work)


def _settled(look: Callable[[], list[str]]) -> list[str]:
    with contextlib.suppress(TimeoutError):
        wait_until(lambda: not look(), 15, "the last things to go")
    return look()


_PAGE = """\
# Killed at any moment

`kill -9` of the module, of ansible-playbook, and of everything that ansible-playbook had started, at {count} moments
spread over a whole closeout of a container, with both scratch drivers. `make drills` does it and writes this page;
`make test` does it a tenth as often.

**{count} kills: no false PASS, production and the container beside it unchanged, 0 things left** after the next run or
the deadline: no container, volume or network with our label, no process, no session on production, no unfinished file,
no directory of a scratch server. What stays is the artefact directory with what was whole in it; a run that was killed
has no record, or one that says FAIL.

A module that is killed fails its task, and the role goes on to its end. When ansible-playbook is killed nobody renews
the lease of a long module any more: within fifteen seconds it stops `pg_dump`, removes what it had not finished, and
ends. When everything is killed, scratch servers end at their deadline, and the next closeout, or the playbook
`incomex.closeout.reap`, removes the rest. [Faults](faults.md) has what else may happen.

| killed | during | scratch | what the user sees | the record |
|---|---|---|---|---|
{rows}
"""


def document(kills: list[Kill]) -> str:
    """docs/kills.md."""
    rows = [f"| {one.victim} | {one.task} | {one.driver} | {one.sees} | {one.result} |" for one in kills]
    return _PAGE.format(count=len(kills), rows="\n".join(sorted(rows)))


def test_the_page_has_thirty_kills() -> None:
    rows = [
        line for line in DOCUMENT.read_text().splitlines() if line.startswith(tuple(f"| {one} |" for one in VICTIMS))
    ]
    assert len(rows) == 30
    assert {row.split("|")[-2].strip() for row in rows} <= {"FAIL", "no record", "ALL_PASS"}
    assert session.ID not in DOCUMENT.read_text()
