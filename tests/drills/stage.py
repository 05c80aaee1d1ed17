"""Where a fault strikes: a production that is closed out with ansible-playbook, its surroundings, and the ways to be
there in the middle of a run. What is looked at afterwards: production, its neighbour, and what is left of the run."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, TypeVar

import docker
import docker.errors
import psycopg2
from docker.models.containers import Container

from tests.integration.closeouts import RUN_LABEL, docker_variables, local_variables
from tests.support import session
from tests.support.containers import Production
from tests.support.docker import Own
from tests.support.modules import run_module
from tests.support.places import wait_until
from tests.support.playbook import PlaybookResult, run_playbook
from tests.support.postgres import Cluster

DB = "directus"
SLOW_MB_S = "1"
"""As a limit of the bandwidth: the dump then takes some ten seconds."""
_WAIT_S = 120.0
# Processes of a run, however far from it they are started: they have this of their parents, or the run's id.
_MARK = "CLOSEOUT_FAULT"
_PLACES = ("/tmp", "/var/tmp", "/run", "/dev/shm")
_DEPTH = 3
# In production it does nothing; in a scratch server, known by its nonce, something may happen while it restores.
_EVENT = """
CREATE OR REPLACE FUNCTION public.event(int) RETURNS boolean LANGUAGE plpgsql AS $body$
BEGIN
  IF pg_catalog.current_setting('incomex.nonce', true) IS NOT NULL THEN
    {statements}
  END IF;
  RETURN true;
END $body$;
"""
WAIT = "WHILE (pg_stat_file('go', true)).size IS NULL LOOP PERFORM pg_sleep(0.05); END LOOP;"
"""As an event: wait until the file go is in the server's data directory."""
SQL = (
    "CREATE TABLE public.gate (id int);"
    "CREATE TABLE public.slow AS SELECT n, repeat(md5(n::text), 30) AS text FROM generate_series(1, 10000) n;"
    "CREATE TABLE public.retyped AS SELECT n AS id FROM generate_series(1, 100) n;"
    + _EVENT.format(statements="NULL;")
    + "CREATE TABLE public.happens (id int CHECK (public.event(id))); INSERT INTO public.happens VALUES (1);"
)
"""What production has besides the sample."""
_TABLES = """
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1
"""
_DIGEST = "SELECT count(*) || ' rows, ' || coalesce(md5(string_agg(t::text, chr(10) ORDER BY t::text)), '') FROM {} t"

_Entered = TypeVar("_Entered")
Picture = dict[str, str]


class Play:
    """A closeout by ansible-playbook that is under way: held before each task of `hold`, until `goes_on` names it."""

    def __init__(self, directory: Path, hold: Sequence[str], run: Callable[[dict[str, str]], PlaybookResult]) -> None:
        """Begin. `run` is given what the environment must have besides."""
        directory.mkdir()
        self._directory = directory
        self._hold = list(hold)
        environment = {
            "ANSIBLE_CALLBACKS_ENABLED": "closeout_record,closeout_payload,closeout_hold",
            "CLOSEOUT_HOLD": json.dumps(self._hold),
            "CLOSEOUT_HOLD_DIR": str(directory),
        }

        pool = ThreadPoolExecutor(1)
        self._run = pool.submit(run, environment)
        pool.shutdown(wait=False)

    def waits_for(self, condition: Callable[[], bool], what: str) -> None:
        """Return once `condition` holds; AssertionError, with what the play said, when it ends before."""

        def either() -> bool:
            return condition() or self._run.done()

        wait_until(either, _WAIT_S, what)
        if not condition():
            raise AssertionError(f"the play ended before {what}:\n{self.result().stdout}")

    def reaches(self, task: str) -> None:
        """Return once it is held before `task`."""
        held = self._directory / f"{self._hold.index(task)}.held"
        self.waits_for(held.exists, f"it was held before {task!r}")

    def goes_on(self, task: str) -> None:
        """Let it go on with `task`."""
        (self._directory / f"{self._hold.index(task)}.go").touch()

    def result(self) -> PlaybookResult:
        """What it ended with; it is held no more."""
        self.ends()
        return self._run.result()

    def ends(self) -> None:
        """Hold it no more, and wait for its end, whatever that is."""
        for task in self._hold:
            self.goes_on(task)
        wait([self._run])


class Stage:
    """One production, with a neighbour on the daemon. Faults strike here one after the other."""

    def __init__(
        self,
        client: docker.DockerClient,
        docker_host: str,
        production: Production | Cluster,
        neighbour: Container,
        directory: Path,
        daemon: Own | None = None,
    ) -> None:
        """`daemon` is a daemon of this stage's own, that may be stopped. What is written is below `directory`."""
        self.client = client
        self.docker_host = docker_host
        self.production = production
        self.daemon = daemon
        self.lasting = contextlib.ExitStack()
        self._neighbour = neighbour
        self._directory = directory
        self._mark = ""
        self._until_judged = contextlib.ExitStack()
        self._plays = 0
        self.before: Picture = {}

    @contextlib.contextmanager
    def struck_by(self, name: str) -> Iterator[None]:
        """Be the stage of one fault."""
        self._mark = name
        self.before = {}
        self.root.mkdir(parents=True)
        with contextlib.ExitStack() as self._until_judged:
            yield

    @property
    def root(self) -> Path:
        """The directory of the fault's own: artefacts are in it, or below it."""
        return self._directory / self._mark

    @property
    def _in_environment(self) -> str:
        """The fault's name, which another session on this machine may have, too."""
        return f"{session.ID}/{self._mark}"

    def enter(self, manager: contextlib.AbstractContextManager[_Entered]) -> _Entered:
        """Enter a context that is left when the fault has been judged."""
        return self._until_judged.enter_context(manager)

    def sql(self, statements: str, afterwards: str = "") -> str:
        """Run statements in production's database, and others when the fault has been judged."""
        if afterwards:
            self._until_judged.callback(self.sql, afterwards)
        return self.production.psql(statements, DB)

    def event(self, statements: str) -> None:
        """Let something happen in the scratch server while the dump is restored (PL/pgSQL)."""
        self.sql(_EVENT.format(statements=statements), _EVENT.format(statements="NULL;"))

    @contextlib.contextmanager
    def play(
        self, *, hold: Sequence[str] = (), python: str = "", root: Path | None = None, **settings: Any
    ) -> Iterator[Play]:
        """Begin a closeout. Settings are the role's variables without their prefix; `python` is the target's."""
        where = root or self.root
        if isinstance(self.production, Production):
            settings.setdefault("protected_containers", self._neighbour.name)
            variables = docker_variables(self.production, self.docker_host, where, **settings)
        else:
            settings.setdefault("scratch_driver", "docker")
            settings.setdefault("scratch_image", self._neighbour.attrs["Image"])
            variables = local_variables(self.production, where, docker_host=self.docker_host, **settings)
        inventory = f"[closeout]\nlocalhost ansible_connection=local ansible_python_interpreter={python}\n"
        self.before = self.before or self.picture()
        self._plays += 1

        def run(environment: dict[str, str]) -> PlaybookResult:
            return run_playbook(
                variables, inventory=inventory if python else None, env={**environment, _MARK: self._in_environment}
            )

        play = Play(self._directory / f"play-{self._plays}", hold, run)
        try:
            yield play
        finally:
            # An error of the play is told by `result`; here the block's own is.
            play.ends()

    def picture(self) -> Picture:
        """Production and its neighbour at this moment."""
        found = {"sysid": self.production.sysid}
        if isinstance(self.production, Production):
            found.update(_container("container", self.production.container))
        else:
            found["process"] = str(self.production.pid)
        found.update(_container("neighbour", self._neighbour))
        with contextlib.closing(self.production.connect(DB)) as connection, connection.cursor() as cursor:
            cursor.execute("SET extra_float_digits = 3; SET timezone = 'UTC'")
            cursor.execute(_TABLES)
            for (table,) in cursor.fetchall():
                cursor.execute(_DIGEST.format(table))
                (found[str(table)],) = cursor.fetchone() or ("",)
        return found

    def run_ids(self) -> list[str]:
        """The ids of all runs that began an artefact here."""
        marks = sorted(self.root.rglob(".closeout.json"))
        return [str(json.loads(mark.read_text())["run_id"]) for mark in marks]

    def names(self) -> list[str]:
        """Names and paths that are others each time: of the servers here, and of where they are."""
        server = self.production
        own = [server.name, server.id] if isinstance(server, Production) else [str(server.directory)]
        return [*own, str(self._neighbour.name), self.docker_host, str(self._directory), str(session.TMP)]

    def dumped(self) -> int:
        """How many bytes the dump has that is being written now."""
        return sum(path.stat().st_size for path in self.root.rglob("*.sql.partial"))

    def dump(self) -> Path:
        """The dump that is complete."""
        (found,) = self.root.rglob("*.sql")
        return found

    def waits_for_a_lock(self) -> bool:
        """Whether a pg_dump of ours waits for a lock on production."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name LIKE '{}'"
        return self.sql(query.format("incomex.closeout/%")) != "0"

    def processes(self, name: str = "") -> dict[int, str]:
        """Processes of the runs here (only those of that name): pid -> name."""
        marks = [f"{_MARK}={self._in_environment}\0".encode(), *(run_id.encode() for run_id in self.run_ids())]
        found = {}
        for directory in Path("/proc").glob("[0-9]*"):
            try:
                comm = (directory / "comm").read_text(errors="replace").strip()
                words = (directory / "environ").read_bytes() + b"\0" + (directory / "cmdline").read_bytes()
            except OSError:
                continue
            if any(mark in words for mark in marks) and name in ("", comm):
                found[int(directory.name)] = comm
        return found

    def scratch(self) -> Container:
        """The scratch server's container of the one run that is under way."""
        (run_id,) = self.run_ids()
        (found,) = self.client.containers.list(filters={"label": f"{RUN_LABEL}={run_id}"})
        assert isinstance(found, Container)
        return found

    def scratch_directory(self) -> Path:
        """Where the scratch server has its directories data and run, as seen from here."""
        (run_id,) = self.run_ids()
        local = Path(f"/var/tmp/closeout-scratch-{run_id}")
        return local if local.exists() else Path(f"/proc/{self.scratch().attrs['State']['Pid']}/root/closeout/pg")

    def in_the_middle_of_the_restore(self, play: Play) -> None:
        """Return once the scratch server waits in its event (`WAIT`)."""

        def waits() -> bool:
            try:
                connection = psycopg2.connect(
                    host=str(self.scratch_directory() / "run"), user=self.production.user, dbname="postgres"
                )
            except (psycopg2.OperationalError, ValueError):
                return False
            with contextlib.closing(connection), connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
                return cursor.fetchone() != (0,)

        play.waits_for(waits, "it was in the middle of the restore")

    def go_on_restoring(self) -> None:
        """End the wait of the event."""
        (self.scratch_directory() / "data" / "go").touch()

    def next_run_begins(self) -> None:
        """Do what every run begins with: the reaper removes what is past its time."""
        driver = "docker" if self.daemon is not None or isinstance(self.production, Production) else "local"
        arguments = {"state": "reaped", "driver": driver, "docker_host": self.docker_host}
        assert not run_module("pg_scratch_server", arguments).failed

    def left(self) -> list[str]:
        """What is still there of the runs here, but for their artefacts; a line each, that is the same every time."""
        found = []
        for run_id in self.run_ids():
            labelled = {"label": f"{RUN_LABEL}={run_id}"}
            found += ["the scratch server" for _one in self.client.api.containers(all=True, filters=labelled)]
            # It may outlive its container: where the daemon was restarted meanwhile.
            found += ["the scratch server" for _one in self.client.api.volumes(filters=labelled)["Volumes"] or []]
            found += ["a network" for _one in self.client.api.networks(filters=labelled)]
            found += [f"{path}" for place in _PLACES for path in _named(Path(place), run_id, _DEPTH)]
        found += [f"the process {name}" for name in self.processes().values()]
        found += ["a partial file" for _one in self.root.rglob("*.partial")]
        ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'incomex.closeout%'"
        if self.sql(ours) != "0":
            found.append("a session on production")
        return sorted(set(found))


def _container(name: str, container: Container) -> Picture:
    container.reload()
    return {
        name: str(container.id),
        f"{name} started": str(container.attrs["State"]["StartedAt"]),
        f"{name} restarts": str(container.attrs["RestartCount"]),
    }


def _named(directory: Path, part: str, depth: int) -> Iterator[Path]:
    """Paths with `part` in their name, not more than `depth` directories down."""
    try:
        entries = list(os.scandir(directory))
    except OSError:
        return
    for entry in entries:
        if part in entry.name:
            yield Path(entry.path)
        elif depth > 1 and entry.is_dir(follow_symlinks=False):
            yield from _named(Path(entry.path), part, depth - 1)


@contextlib.contextmanager
def neighbour(client: docker.DockerClient, image: str, name: str) -> Iterator[Container]:
    """A container that has nothing to do with us, and runs."""
    container = client.containers.create(
        image, entrypoint=["sleep"], command=["infinity"], name=name, network_mode="none", stop_signal="KILL",
        labels={"closeout-test": session.ID},
    )  # fmt: skip
    try:
        container.start()
        container.reload()
        yield container
    finally:
        container.remove(force=True, v=True)
