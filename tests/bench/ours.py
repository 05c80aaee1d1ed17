"""The collection as it is measured: single modules, the chain of them, and the whole playbook."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import modules, playbooks
from tests.bench.alternatives import directory
from tests.bench.errors import BenchError
from tests.bench.measure import Sample
from tests.bench.servers import Server

SCHEMA = "cutter_governance"
_RESTORED = "restoretest"
_TTL_S = 7200
_STAGES = {
    "closeout_plan": "plan",
    "pg_witness_info": "witness",
    "pg_dump_readonly": "dump",
    "cg_table_audit": "audit",
    "pg_scratch_restore": "restore",
    "pg_dump_compare": "compare",
    "closeout_artefact": "artefact",
    "pg_sysid_guard": "guard",
}


@dataclass(frozen=True)
class Artefact:
    """A dump that was taken: its directory, what the module returned, how the module ran."""

    directory: Path
    facts: dict[str, Any]
    run: modules.ModuleRun

    @property
    def path(self) -> Path:
        """The dump."""
        return Path(self.facts["dump"]["path"])

    @property
    def globals_path(self) -> str:
        """The globals beside it."""
        return str(self.facts["globals_path"])


@dataclass(frozen=True)
class Scratch:
    """A scratch server that runs: the options that lead modules to it, and itself as a server to others."""

    options: dict[str, Any]
    nonce: str
    server: Server


def take(server: Server, db: str, where: Path) -> Artefact:
    """Take a dump with pg_dump_readonly."""
    asked = {"directory": str(where), "name": "prod.sql", "schema": SCHEMA, "run_id": secrets.token_hex(6)}
    run = modules.run(modules.OURS + "pg_dump_readonly", {**server.connection, "login_db": db, **asked})
    return Artefact(where, run.data, run)


def dump(server: Server, db: str) -> Sample:
    """Take a dump and forget it."""
    with directory() as own:
        return _sample_of_dump(take(server, db, own))


def _sample_of_dump(taken: Artefact) -> Sample:
    facts = taken.facts["dump"]
    told = {"dump_bytes": facts["size_bytes"], "told_s": facts["duration_s"], "transport": facts["transport"]}
    return Sample(taken.run.seconds, peaks={"dump": taken.run.peak_bytes}, facts=told)


@contextmanager
def scratch(server: Server, globals_path: str) -> Iterator[Scratch]:
    """A scratch server for the time of the block: the driver is that of the server's kind."""
    run_id = secrets.token_hex(6)
    options = {"run_id": run_id, "name": f"pg-restoretest-bench-{run_id}", **_driver(server)}
    try:
        image = {"image": server.image} if server.image else {}
        asked = {**options, **image, "globals": globals_path, "ttl_s": _TTL_S}
        made = modules.run(modules.OURS + "pg_scratch_server", asked).data
        there = made["connection"]
        reached = Server(
            Path(there["login_unix_socket"] or "/"),
            int(there["login_port"]),
            there["login_user"],
            server.bin_dir,
            {**there},
            {},
        )
        yield Scratch(options, made["nonce"], reached)
    finally:
        modules.run(modules.OURS + "pg_scratch_server", {**options, "state": "absent"})


def _driver(server: Server) -> dict[str, str]:
    """The options that choose the driver of a scratch server."""
    if server.container:
        return {"driver": "docker", "docker_host": server.docker_host}
    return {"driver": "local", "bin_dir": str(server.bin_dir)}


def identity(server: Server, db: str) -> dict[str, Any]:
    """Who production is, as the guard of a restore wants it."""
    data = modules.run(modules.OURS + "pg_sysid_guard", {**server.connection, "login_db": db}).data
    return {name: value for name, value in data.items() if name not in ("invocation", "changed", "run_id")}


def restore(there: Scratch, taken: Artefact, production: Mapping[str, Any]) -> modules.ModuleRun:
    """Restore a dump with pg_scratch_restore."""
    asked = {
        **there.options,
        "path": str(taken.path),
        "globals": taken.globals_path,
        "restore_db": _RESTORED,
        "production": dict(production),
        "nonce": there.nonce,
        "manifest": taken.facts["dump"]["manifest"]["path"],
        "manifest_sha256": taken.facts["dump"]["manifest"]["sha256"],
    }
    return modules.run(modules.OURS + "pg_scratch_restore", asked)


def compare(there: Scratch, taken: Artefact) -> modules.ModuleRun:
    """Compare the restored copy with its dump. BenchError when they differ."""
    facts = taken.facts
    asked = {
        **there.options,
        "db": _RESTORED,
        "dump": str(taken.path),
        "manifest": facts["dump"]["manifest"]["path"],
        "manifest_sha256": facts["dump"]["manifest"]["sha256"],
        "globals": taken.globals_path,
        "census": facts["production_snapshot"]["census"]["path"],
        "census_sha256": facts["production_snapshot"]["census"]["sha256"],
    }
    run = modules.run(modules.OURS + "pg_dump_compare", asked)
    if run.data["compare"]["differences_total"]:
        raise BenchError(f"the restored copy differs: {run.data['compare']['differences'][:3]}")
    return run


def chain(server: Server, db: str) -> Sample:
    """Dump, restore and compare, module by module: the seconds and the peak memory of each, sessions and processes.

    The figures of the stages are those of modules, with the start of each; the whole is their sum.
    """
    production = identity(server, db)
    with directory() as own:
        before = sessions(server, db)
        taken = take(server, db, own)
        facts: dict[str, Any] = {
            **_sample_of_dump(taken).facts,
            "sessions_of_dump": sessions(server, db) - before,
            "processes_of_dump": taken.run.processes,
        }
        with scratch(server, taken.globals_path) as there:
            restored = restore(there, taken, production)
            before = sessions(there.server, _RESTORED)
            compared = compare(there, taken)
            facts["sessions_of_compare"] = sessions(there.server, _RESTORED) - before
            facts["processes_of_restore"] = restored.processes
            facts["processes_of_compare"] = compared.processes
    runs = {"dump": taken.run, "restore": restored, "compare": compared}
    stages = {name: run.seconds for name, run in runs.items()}
    return Sample(sum(stages.values()), stages, {name: run.peak_bytes for name, run in runs.items()}, facts)


def sessions(server: Server, db: str) -> int:
    """How many sessions a database has had so far (PostgreSQL manual, pg_stat_database)."""
    connection = server.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT sessions FROM pg_stat_database WHERE datname = %s", [db])
            row = cursor.fetchone()
    finally:
        connection.close()
    if row is None:
        raise BenchError(f"there is no database {db}")
    return int(row[0])


def closeout(server: Server, db: str, env: Mapping[str, str] | None = None, **variables: Any) -> Sample:
    """The whole playbook: seconds from start to end, and by stage what its tasks took. BenchError unless it passes."""
    with directory() as own:
        given = {**server.variables, "closeout_db": db, "closeout_root": str(own / "root"), "closeout_label": "bench"}
        (own / "root").mkdir(mode=0o700)
        given.update({f"closeout_{name}": value for name, value in variables.items()})
        run = playbooks.run(given, env=env)
        stages: dict[str, float] = {}
        for task in run.tasks:
            stage = _stage(task)
            stages[stage] = stages.get(stage, 0.0) + task["seconds"]
        stages["ansible-playbook"] = stages.get("ansible-playbook", 0.0) + run.seconds - sum(stages.values())
        told = run.evidence["dump"]
        facts = {"dump_bytes": told["size_bytes"], "told_s": told["duration_s"], "transport": told["transport"]}
        return Sample(run.seconds, stages, facts=facts)


def pipelined(server: Server, db: str) -> Sample:
    """The whole playbook where a module comes by its program's input (Ansible's `pipelining`)."""
    return closeout(server, db, {"ANSIBLE_PIPELINING": "1"})


def _stage(task: Mapping[str, Any]) -> str:
    """The stage that a task belongs to, by its module; whatever is no module of ours is Ansible's own time."""
    action = str(task["action"])
    module = action.removeprefix(modules.OURS)
    if module == action:
        return "ansible-playbook"
    if module == "pg_scratch_server":
        return "teardown" if "emove" in task["name"] and "earlier" not in task["name"] else "scratch server"
    return _STAGES.get(module, module)
