"""The drill's harness: one production, closeouts of it at the level of modules, and the judgement of a mutant.

A closeout here is the role's steps in the role's order (roles/closeout/tasks/prove.yml and restore_test.yml), each the
real module in a process of its own, without ansible-playbook's seconds. Evidence and verdict are made by the filters'
own functions. Beside it stands the baseline: the script that this collection replaces.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import queue
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg2
import psycopg2.extensions
from ansible_collections.incomex.closeout.plugins.module_utils._evidence import STEPS, collect
from ansible_collections.incomex.closeout.plugins.module_utils._settings import CUTTER_GOVERNANCE_TABLES
from ansible_collections.incomex.closeout.plugins.module_utils._verdict import verdict

from tests.drills import mutants
from tests.drills.mutants import (
    DECOY,
    UNCHANGED,
    UNCHANGED_ALL,
    InCopy,
    InEvidence,
    InFiles,
    InRace,
    InSettings,
    InStream,
    Mutant,
    Results,
)
from tests.drills.test_rewrites import SQL as RACE_SQL
from tests.drills.test_rewrites import disturb
from tests.support.modules import run_module
from tests.support.places import DATA
from tests.support.postgres import Cluster, install

MAJOR = 16
DB = "directus"
SCHEMA = "cutter_governance"
_COLLECTION = {"version": "drill", "sha256": ""}
_ORCHESTRATOR = {"path": "tests/drills/harness.py", "sha256": "", "ansible_core": "", "awx_job_id": None}
# A template does not bring a subscription along: it belongs to one database of the cluster.
_SUBSCRIPTION = """CREATE SUBSCRIPTION mirror CONNECTION 'host=192.0.2.1 dbname=none' PUBLICATION elsewhere
    WITH (connect = false, enabled = false, slot_name = NONE)"""
_TABLES = f"""SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = '{SCHEMA}') AND c.relkind IN ('r', 'p')"""
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}

Step = Callable[[], None]
Hook = Callable[[Results], None]


@dataclass(frozen=True)
class Baseline:
    """What the script that this collection replaces makes of a mutant: a return code that is not 0; another list of
    tables or other rows in the audited schema of the restored copy than in production."""

    return_code: bool
    tables_and_rows: bool


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant or a control: our result, its message, the checks that FAIL, and the baseline's."""

    result: str
    message: str
    failed: tuple[str, ...]
    baseline: Baseline | None = None


class StepFailed(Exception):
    """A step of a closeout failed: those after it are not taken."""


class Closeout:
    """One closeout. `results` are those of the steps so far, as the role registers them."""

    def __init__(self, server: Cluster, root: Path, **settings: Any) -> None:
        """Settings are the role's variables without their prefix."""
        self.server = server
        self.results: Results = dict.fromkeys(STEPS)
        self._artefact: Path | None = None
        self._given = {
            "login_unix_socket": str(server.socket_dir),
            "login_port": server.port,
            "user": server.user,
            "db": DB,
            "bin_dir": str(server.bin_dir),
            "scratch_driver": "local",
            "scratch_ttl_s": 1800,
            "root": str(root),
            **settings,
        }

    @property
    def settings(self) -> dict[str, Any]:
        """The effective settings."""
        found: dict[str, Any] = self.results["plan"]["settings"]
        return found

    @property
    def artefact(self) -> Path:
        """The artefact's directory."""
        return self._artefact or Path(self.settings["artefact"])

    @property
    def dump_path(self) -> Path:
        """The dump."""
        return Path(self.results["dump"]["dump"]["path"])

    def run(self, *, dump: Step | None = None, hooks: dict[str, Hook] | None = None) -> Results:
        """Take all steps; `dump` takes the place of that step, a hook comes after the step of its name."""
        self.plan()
        try:
            self._take({"begun": self.begin, "before": self.witness_before, "dump": dump or self.dump}, hooks)
            self._take({"dump_audit": self.audit_dump}, hooks)
            try:
                self._take({"scratch": self.make_scratch}, hooks)
                self._take(self._restore_test(), hooks)
            finally:
                self._tried(self.tear_down)
        except StepFailed:
            pass
        self._tried(self.witness_after)
        self._tried(self.confirm)
        self._tried(self.read_history)
        return self.results

    def run_again(
        self, directory: Path, prepare: Step | None, *, dump: Step | None = None, hooks: dict[str, Hook] | None = None
    ) -> Results:
        """Take the steps from the dump on again, in a new artefact below `directory` and in the scratch server that is
        there, which `prepare` empties; without it the steps end with the audit of the dump. The others' results stay.
        """
        self._artefact = directory / "artefact"
        self.results.update(dict.fromkeys(["dump", "dump_audit", *self._restore_test(), "confirmed"]))
        try:
            self._take({"begun": self.begin, "dump": dump or self.dump, "dump_audit": self.audit_dump}, hooks)
            if prepare is None:
                return self.results
            prepare()
            self._take(self._restore_test(), hooks)
        except StepFailed:
            pass
        self._tried(self.confirm)
        return self.results

    def _restore_test(self) -> dict[str, Step]:
        return {"restore": self.restore, "restored_audit": self.audit_copy, "compare": self.compare}

    def plan(self) -> None:
        """Plan. RuntimeError where something is in the way: then it is no drill."""
        run_module("pg_scratch_server", {"state": "reaped", "driver": "local"})
        self._step("plan", "closeout_plan", {"settings": self._given})
        if self.results["plan"]["problems"]:
            raise RuntimeError(str(self.results["plan"]["problems"]))

    def begin(self) -> None:
        """Make the artefact's directory."""
        self._step("begun", "closeout_artefact", {"state": "begun", "path": str(self.artefact), **self._run})

    def witness_before(self) -> None:
        """Take the witness before."""
        self._step("before", "pg_witness_info", {**self._production, "schema": self.settings["schema"]})

    def witness_after(self) -> None:
        """Take the witness after."""
        self._step("after", "pg_witness_info", {**self._production, "schema": self.settings["schema"]})

    def dump(self, bin_dir: Path | None = None) -> None:
        """Take the dump, with the programs in `bin_dir`."""
        self._step(
            "dump",
            "pg_dump_readonly",
            {
                **self._production,
                "bin_dir": str(bin_dir or self.server.bin_dir),
                "directory": str(self.artefact),
                "name": self.settings["dump_name"],
                "schema": self.settings["schema"],
                "expected_tables": self.settings["expected_tables"],
                "content": self.settings["production_content"],
            },
        )

    def audit_dump(self) -> None:
        """Audit the dump by its manifest."""
        manifest = self.results["dump"]["dump"]["manifest"]
        self._step(
            "dump_audit",
            "cg_table_audit",
            {"manifest": manifest["path"], "manifest_sha256": manifest["sha256"], **self._audit},
        )

    def make_scratch(self) -> None:
        """Make the scratch server and see that it is not production."""
        self._step(
            "scratch",
            "pg_scratch_server",
            {
                **self._scratch,
                "state": "present",
                "globals": self.results["dump"]["globals_path"],
                "ttl_s": self.settings["scratch_ttl_s"],
            },
        )
        guard = {"login_db": "postgres", "expect": "different", "sysids": [self.results["before"]["sysid"]]}
        if run_module("pg_sysid_guard", {**self._copy, **guard}).failed:
            raise StepFailed

    def restore(self) -> None:
        """Restore the dump."""
        self._step(
            "restore",
            "pg_scratch_restore",
            {
                **self._scratch,
                "path": str(self.dump_path),
                "globals": self.results["dump"]["globals_path"],
                "restore_db": self.settings["restore_db"],
                "production": self.results["before"],
                "nonce": self.results["scratch"]["nonce"],
                "tolerance": self.settings["restore_tolerance"],
                "log": str(self.artefact / "logs" / "restore.log"),
            },
        )

    def audit_copy(self) -> None:
        """Audit the restored copy."""
        self._step(
            "restored_audit",
            "cg_table_audit",
            {**self._copy, "login_db": self.settings["restore_db"], **self._audit},
        )

    def compare(self) -> None:
        """Compare the restored copy with the dump."""
        dumped = self.results["dump"]["dump"]
        self._step(
            "compare",
            "pg_dump_compare",
            {
                **self._scratch,
                "db": self.settings["restore_db"],
                "dump": dumped["path"],
                "manifest": dumped["manifest"]["path"],
                "manifest_sha256": dumped["manifest"]["sha256"],
                "globals": self.results["dump"]["globals_path"],
                "census": self.results["dump"]["production_snapshot"]["census"]["path"],
                "census_sha256": self.results["dump"]["production_snapshot"]["census"]["sha256"],
                "jobs": self.settings["compare_jobs"],
                "show_differences": self.settings["show_differences"],
                "report": str(self.artefact / "comparison.json"),
            },
        )

    def tear_down(self) -> None:
        """Remove the scratch server."""
        self._step("teardown", "pg_scratch_server", {**self._scratch, "state": "absent"})

    def confirm(self) -> None:
        """Read the dump once more."""
        audited = self.results["dump_audit"] and "tables" in self.results["dump_audit"]
        self._step(
            "confirmed",
            "closeout_artefact",
            {
                "state": "confirmed",
                "path": str(self.artefact),
                "dump": str(self.dump_path) if audited else "",
                **self._run,
            },
        )

    def read_history(self) -> None:
        """Look at the runs before; here there are none."""
        same = {"production": self.settings["production"], "db": self.settings["db"], "host": "localhost"}
        audited = {"audited_schema": self.settings["schema"]}
        root = self.settings["root"]
        self._step("history", "closeout_history", {"state": "read", "root": root, **same, **audited, **self._run})

    def to_scratch(self, db: str) -> psycopg2.extensions.connection:
        """A connection to a database of the scratch server, as its superuser."""
        where = self.results["scratch"]["connection"]
        connection = psycopg2.connect(
            host=where["login_unix_socket"], port=where["login_port"], user=where["login_user"], dbname=db
        )
        connection.autocommit = True
        return connection

    def fork(self) -> Closeout:
        """Another view of this closeout, whose results may change by themselves."""
        other = copy.copy(self)
        other.results = dict(self.results)
        return other

    def _take(self, steps: dict[str, Step], hooks: dict[str, Hook] | None) -> None:
        for name, step in steps.items():
            step()
            if hooks and name in hooks:
                hooks[name](self.results)

    def _tried(self, step: Step) -> None:
        with contextlib.suppress(StepFailed):
            step()

    def _step(self, name: str, module: str, arguments: dict[str, Any]) -> None:
        result = run_module(module, arguments)
        self.results[name] = result.data
        if result.failed:
            raise StepFailed(result.msg)

    @property
    def _run(self) -> dict[str, Any]:
        return {"run_id": self.results["plan"]["run_id"]}

    @property
    def _production(self) -> dict[str, Any]:
        same = ("login_unix_socket", "login_port", "bin_dir")
        named = {"login_user": self.settings["user"], "login_db": self.settings["db"]}
        return {**self._run, **{name: self.settings[name] for name in same}, **named}

    @property
    def _scratch(self) -> dict[str, Any]:
        names = {"driver": "local", "bin_dir": str(self.server.bin_dir), "name": self.settings["scratch_name"]}
        return {**self._run, **names}

    @property
    def _copy(self) -> dict[str, Any]:
        where = self.results["scratch"]["connection"]
        same = ("login_unix_socket", "login_port", "login_user", "bin_dir")
        return {**self._run, **{name: where[name] for name in same}}

    @property
    def _audit(self) -> dict[str, Any]:
        expected = self.results["dump"]["expected_tables_effective"]
        return {"schema": self.settings["schema"], "expected_tables": expected, "on_mismatch": "report", **self._run}


def evidence_of(results: Results) -> dict[str, Any]:
    """Collect the results of the steps and come to the verdict, as the role does: its evidence, `checks` and `result`
    included."""
    evidence = collect(copy.deepcopy(results), host="localhost", collection=_COLLECTION, orchestrator=_ORCHESTRATOR)
    return {**evidence, **verdict(evidence)}


def judge(results: Results) -> Outcome:
    """Come to the verdict over the results of the steps."""
    judged = evidence_of(results)
    failed = tuple(str(one["id"]) for one in judged["checks"] if one["status"] == "FAIL")
    return Outcome(judged["result"]["closeout_result"], judged["result"]["message"], failed)


class Lane:
    """A closeout that is over, and a scratch server of its name for what comes again: one thing at a time."""

    _PRISTINE = "pristine"

    def __init__(self, closeout: Closeout) -> None:
        """`closeout` is over."""
        self.closeout = closeout
        self._again = closeout.fork()
        self._restored = closeout.fork()

    def open(self) -> None:
        """Make the scratch server."""
        self._again.make_scratch()

    def close(self) -> None:
        """Remove it."""
        self._again.fork().tear_down()

    def again(self) -> Closeout:
        """The closeout as it was, but with this scratch server."""
        return self._again.fork()

    def run(self, db: str, sql: str) -> list[Any]:
        """Run statements in a database of the scratch server; what the last one returned, if anything."""
        with contextlib.closing(self._again.to_scratch(db)) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return [row[0] for row in cursor.fetchall()] if cursor.description else []

    def copy(self) -> Closeout:
        """Put a fresh copy of the restored database in the place of what is there; return the closeout it belongs to.

        It is restored once, and copied from then on.
        """
        restored = self.closeout.settings["restore_db"]
        if self._PRISTINE not in self._databases():
            self.empty()
            self._restored = self.again()
            self._restored.restore()
            self._restored.audit_copy()
            self.run("postgres", f'ALTER DATABASE "{restored}" RENAME TO {self._PRISTINE}')
        self._drop(keep=self._PRISTINE)
        self.run("postgres", f'CREATE DATABASE "{restored}" TEMPLATE {self._PRISTINE}')
        # A template does not bring its subscription along: that belongs to one database of the cluster.
        self.run(restored, _SUBSCRIPTION)
        return self._restored.fork()

    def empty(self) -> None:
        """Make the scratch server as it was when it was new: without databases and roles."""
        self._drop()
        roles = self.run("postgres", "SELECT quote_ident(rolname) FROM pg_roles WHERE oid >= 16384")
        if roles:
            self.run("postgres", f"DROP ROLE {', '.join(roles)}")

    def _databases(self) -> list[str]:
        where = "NOT datistemplate AND datname <> 'postgres'"
        return [str(name) for name in self.run("postgres", f"SELECT datname FROM pg_database WHERE {where}")]

    def _drop(self, keep: str = "") -> None:
        """Drop all databases but `keep`."""
        for name in self._databases():
            if name != keep:
                # A database with a subscription cannot be dropped.
                self.run(name, "DROP SUBSCRIPTION IF EXISTS mirror")
                self.run("postgres", f'DROP DATABASE "{name}" WITH (FORCE)')


class Drill:
    """Production, and two lanes: closeouts that passed, whose restored copies are kept for mutants to strike."""

    def __init__(self, root: Path) -> None:
        """`root` is a private directory for everything that is written. Use it with `with`."""
        self._root = root
        self._stack = contextlib.ExitStack()
        self._number = itertools.count(1)
        self._lanes: queue.Queue[Lane] = queue.Queue()
        self._controls: dict[str, Outcome] = {}

    def __enter__(self) -> Drill:
        """Start production and make the lanes."""
        with contextlib.ExitStack() as stack:
            self.production = stack.enter_context(Cluster(install(MAJOR)))
            self.production.psql(f"CREATE DATABASE {DB}")
            for path in (DATA / "cutter_governance.sql", Path(__file__).parent / "production.sql"):
                self.production.psql(path.read_text(), DB)
            self.production.psql(f"CREATE DATABASE {DECOY} TEMPLATE {DB}")
            self.production.psql(f"UPDATE {SCHEMA}.cut_change_set SET title = 'another' WHERE state = 'applied'", DECOY)
            self._one, self._other = self._lane(stack), self._lane(stack)
            for number, lane in enumerate((self._one, self._other), 1):
                self._controls[f"closeout-{number}"] = judge(lane.closeout.results)
                self._lanes.put(lane)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the scratch servers and production."""
        self._stack.close()

    def outcome(self, mutant: Mutant) -> Outcome:
        """Let a mutant strike; what came of it."""
        if isinstance(mutant, InCopy):
            return self._in_copy(mutant.sql)
        if isinstance(mutant, InStream):
            return self._in_stream(mutant)
        if isinstance(mutant, InFiles):
            return self._in_files(mutant)
        if isinstance(mutant, InSettings):
            return judge(self._closeout(self.production, **mutant.settings).run())
        if isinstance(mutant, InEvidence):
            return self._in_evidence(mutant)
        assert isinstance(mutant, InRace)
        return self._in_race(list(mutant.statements))

    def control(self, name: str) -> Outcome:
        """Run one of CONTROLS: what must pass."""
        if name in self._controls:
            return self._controls[name]
        if name == "copy-of-the-copy":
            return self._in_copy("SELECT 1")
        if name == "other-order":
            return self._in_copy(
                f"UPDATE {SCHEMA}.decision_backlog_entry SET question = question WHERE entry_id < 4;"
                " DELETE FROM archive.inbox WHERE sender = 'ann'; INSERT INTO archive.inbox VALUES ('ann', 'hello');"
                " REINDEX TABLE archive.account; ANALYZE",
            )
        if name in ("wrapped", "wrapped-all"):
            return self._in_stream(UNCHANGED if name == "wrapped" else UNCHANGED_ALL)
        if name == "second-closeout":
            results, other = (copy.deepcopy(one.closeout.results) for one in (self._one, self._other))
            mutants.after_another()(results, other)
            return judge(results)
        assert name == "busy-production"
        return self._in_race(["TRUNCATE cutter_governance.z_last; INSERT INTO cutter_governance.z_last VALUES (1)"])

    def _closeout(self, server: Cluster, **settings: Any) -> Closeout:
        """A closeout in a directory of its own."""
        return Closeout(server, self._directory() / "root", **settings)

    def _directory(self) -> Path:
        directory = self._root / str(next(self._number))
        directory.mkdir(mode=0o700)
        return directory

    def _lane(self, stack: contextlib.ExitStack) -> Lane:
        """A closeout that is over, and its scratch server, which was removed as it should be, made once more."""
        closeout = self._closeout(self.production)
        closeout.run()
        lane = Lane(closeout)
        lane.open()
        stack.callback(lane.close)
        return lane

    @contextlib.contextmanager
    def _a_lane(self) -> Iterator[Lane]:
        """A lane for the time of the block; nobody else uses it."""
        lane = self._lanes.get()
        try:
            yield lane
        finally:
            self._lanes.put(lane)

    def _in_copy(self, sql: str) -> Outcome:
        with self._a_lane() as lane:
            closeout = lane.copy()
            lane.run(closeout.settings["restore_db"], sql)
            differs = self._differs(closeout)
            with contextlib.suppress(StepFailed):
                # Where list of tables and counts are the same, the audit of the copy as it was restored still holds.
                if differs:
                    closeout.audit_copy()
                closeout.compare()
            return replace(judge(closeout.results), baseline=Baseline(False, differs))

    def _in_stream(self, mutant: InStream) -> Outcome:
        if mutant.change is not None:
            # In pg_dump's place it could only fail, and what fails is killed for another reason.
            whole = self._one.closeout.dump_path.read_bytes()
            assert mutant.change(whole) != whole
        bin_dir = self._programs(mutant)
        with self._a_lane() as lane:
            closeout = lane.again()
            plan = closeout.results["plan"]
            closeout.results["plan"] = {**plan, "settings": {**plan["settings"], **mutant.settings}}
            prepare = lane.empty if mutant.restored else None
            judged = judge(closeout.run_again(self._directory(), prepare, dump=lambda: closeout.dump(bin_dir)))
            if closeout.results["restore"] and not closeout.results["restore"].get("failed"):
                # Without an error psql does the same whether it would stop at one or not.
                return replace(judged, baseline=Baseline(False, self._differs(closeout)))
            if not closeout.results["dump"].get("failed"):
                return replace(judged, baseline=self._baseline(lane, closeout.dump_path, 0))
            path = self._directory() / "baseline.sql"
            code = _plain_dump(self.production, bin_dir, path)
            return replace(judged, baseline=self._baseline(lane, path, code))

    def _programs(self, mutant: InStream) -> Path:
        """A directory of programs in which pg_dump is the mutant, the others are the real ones."""
        real = self.production.bin_dir
        directory = self._directory()
        directory.chmod(0o755)
        for program in real.iterdir():
            if program.name != "pg_dump":
                (directory / program.name).symlink_to(program)
        words = [sys.executable, "-I", mutants.__file__, mutant.id, str(real / "pg_dump")]
        wrapper = directory / "pg_dump"
        wrapper.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        wrapper.chmod(0o755)
        return directory

    def _in_files(self, mutant: InFiles) -> Outcome:
        struck: list[bool] = []
        with self._a_lane() as lane:
            closeout = lane.again()

            def strike(results: Results) -> None:
                before = closeout.dump_path.read_bytes()
                mutant.change(closeout.artefact, self._other.closeout.dump_path, results)
                struck.append(closeout.dump_path.read_bytes() != before)

            judged = judge(closeout.run_again(self._directory(), lane.empty, hooks={mutant.after: strike}))
            if struck != [True]:
                return judged  # the old script had no other file
            if mutant.after == "compare":
                return replace(judged, baseline=Baseline(False, False))  # nor a look at it after the restore
            return replace(judged, baseline=self._baseline(lane, closeout.dump_path, 0))

    def _in_evidence(self, mutant: InEvidence) -> Outcome:
        results, other = (copy.deepcopy(one.closeout.results) for one in (self._one, self._other))
        mutant.change(results, other)
        return judge(results)

    def _in_race(self, statements: list[str]) -> Outcome:
        with Cluster(install(MAJOR)) as server:
            server.psql(f"CREATE DATABASE {DB}")
            server.psql(RACE_SQL, DB)
            closeout = self._closeout(server, expected_tables=["a_first", "z_last", "z_new"])

            def dump() -> None:
                with _disturbed(server, statements):
                    closeout.dump()

            def go_on(results: Results) -> None:
                server.psql("INSERT INTO cutter_governance.a_first VALUES (11)", DB)

            judged = judge(closeout.run(dump=dump, hooks={"dump": go_on}))
            if len(statements) == 1:
                return judged
            server.psql("INSERT INTO cutter_governance.z_last (id) SELECT generate_series(1001, 1500)", DB)
            path = self._directory() / "baseline.sql"
            with _disturbed(server, [statements[1]]):
                code = _plain_dump(server, server.bin_dir, path, application="incomex.closeout/baseline")
            server.psql("CREATE DATABASE baseline TEMPLATE template0")
            code = _plain_restore(server.bin_dir, server.socket_dir, server.port, server.user, "baseline", path) or code
            with (
                contextlib.closing(server.connect("baseline")) as restored,
                contextlib.closing(server.connect(DB)) as now,
            ):
                return replace(judged, baseline=Baseline(code != 0, _rows(restored) != _rows(now)))

    def _baseline(self, lane: Lane, path: Path, code: int) -> Baseline:
        """What the old script makes of a dump, and of the return code that it came with."""
        lane.empty()
        scratch = lane.again()
        restored = scratch.settings["restore_db"]
        lane.run("postgres", f'CREATE DATABASE "{restored}" TEMPLATE template0')
        where = scratch.results["scratch"]["connection"]
        host, port, user = (where[name] for name in ("login_unix_socket", "login_port", "login_user"))
        code = _plain_restore(self.production.bin_dir, Path(host), port, user, restored, path) or code
        return Baseline(code != 0, self._differs(scratch))

    def _differs(self, closeout: Closeout) -> bool:
        """Whether the audited schema has another list of tables in the restored copy, or other rows, than in
        production."""
        with contextlib.closing(self.production.connect(DB)) as production:
            wanted = _rows(production)
        assert sorted(wanted) == sorted(CUTTER_GOVERNANCE_TABLES)
        with contextlib.closing(closeout.to_scratch(closeout.settings["restore_db"])) as restored:
            return _rows(restored) != wanted


CONTROLS = {
    "closeout-1": "a closeout of production",
    "closeout-2": "another one",
    "copy-of-the-copy": "a copy of the restored copy, as the mutants are made of it",
    "other-order": "rows in another order, indexes made anew",
    "wrapped": "pg_dump through the mutants' wrapper, output unchanged",
    "wrapped-all": "the same with closeout_production_content: all",
    "second-closeout": "a closeout after another one that passed",
    "busy-production": "a table truncated between snapshot and dump, once; rows written during the run",
}
"""What must pass, by name."""


@contextlib.contextmanager
def _disturbed(server: Cluster, statements: list[str]) -> Iterator[None]:
    """Run the statements, each between a snapshot and pg_dump's locks (test_rewrites), while the block dumps."""
    errors: list[BaseException] = []
    ready = threading.Event()
    thread = threading.Thread(target=disturb, args=(server, statements, errors, ready))
    thread.start()
    try:
        if not ready.wait(30):
            raise TimeoutError("the first table was not locked")
        yield
    finally:
        thread.join(60)
    if errors:
        raise errors[0]


def _plain_dump(server: Cluster, bin_dir: Path, path: Path, application: str = "") -> int:
    """pg_dump as the old script called it; the return code."""
    where = ["-h", str(server.socket_dir), "-p", str(server.port), "-U", server.user]
    with path.open("wb") as file:
        return subprocess.run(
            [str(bin_dir / "pg_dump"), *where, "--dbname", DB], stdin=subprocess.DEVNULL, stdout=file,
            stderr=subprocess.DEVNULL, env={**_ENVIRONMENT, "PGAPPNAME": application}, timeout=120, check=False,
        ).returncode  # fmt: skip


def _plain_restore(bin_dir: Path, host: Path, port: int, user: str, db: str, path: Path) -> int:
    """psql as the old script called it, which goes on after an error; the return code."""
    return subprocess.run(
        [str(bin_dir / "psql"), "-X", "-q", "-h", str(host), "-p", str(port), "-U", user, "-d", db, "-f", str(path)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=_ENVIRONMENT,
        timeout=120, check=False,
    ).returncode  # fmt: skip


def _rows(connection: psycopg2.extensions.connection) -> dict[str, int]:
    """The tables of the audited schema and how many rows each has."""
    found = {}
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        for (name,) in cursor.fetchall():
            cursor.execute(f'SELECT count(*) FROM {SCHEMA}."{name}"')
            (found[name],) = cursor.fetchone() or (-1,)
    return found
