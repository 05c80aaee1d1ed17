"""The faults: what may happen to a closeout while it runs, each brought about for real.

A fault has a function that is given the stage (tests/drills/stage.py), begins one closeout there or several, lets it
happen, and returns what the closeouts ended with. Whatever it was, nothing may pass that should not, production and its
neighbour must be as they were but for the fault itself, and nothing of ours may be left: test_faults.py sees to that.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker.errors
from ansible_collections.incomex.closeout.plugins.module_utils._settings import CUTTER_GOVERNANCE_TABLES
from docker.models.containers import Container

from tests.drills.stage import DB, SLOW_MB_S, WAIT, Play, Stage
from tests.support import containers, disks
from tests.support.clock import Clock
from tests.support.containers import Production
from tests.support.crash import crash
from tests.support.modules import run_module
from tests.support.places import CACHE, locked, wait_until
from tests.support.playbook import PlaybookResult
from tests.support.postgres import install

CONTAINER, OTHER, DAEMON, HOST = "container", "other", "daemon", "host"
"""Stages: production in a container (two of them); outside containers, with a Docker daemon that may be stopped; and
outside containers, with the local driver."""
FAIL, ALL_PASS = "FAIL", "ALL_PASS"

_BEFORE_SCRATCH = "Make the scratch server"
_BEFORE_RESTORE = "Restore the dump"
_BEFORE_TEARDOWN = "Remove the scratch server and prove that nothing is left"
_BEFORE_WITNESS = "Take the witness after"
_BEFORE_ARTEFACT = "Make the artefact directory"
# Longer than the run, however busy the machine is.
_TTL_S = 120
_SETTLE_S = 15.0


@dataclass(frozen=True)
class Fault:
    """What happens, for a person; how it is brought about; and what must come of it.

    `results` has the result of each closeout, sorted; each of `checks` must FAIL, and `because` must be in the message.
    `changes` are the parts of the picture that the fault itself changes. `sometimes` are checks that FAIL or not, as it
    happens: the page does not name them. `gone_within_s`: when nothing may be left, but for what the next run removes.
    """

    id: str
    what: str
    strike: Callable[[Stage], Sequence[PlaybookResult]]
    checks: tuple[str, ...] = ()
    because: str = ""
    results: tuple[str, ...] = (FAIL,)
    changes: frozenset[str] = frozenset()
    sometimes: frozenset[str] = frozenset()
    stage: str = CONTAINER
    gone_within_s: float = _SETTLE_S


# Disks.


def _nothing(stage: Stage) -> Sequence[PlaybookResult]:
    with stage.play(hold=[_BEFORE_SCRATCH, _BEFORE_WITNESS]) as play:
        return [play.result()]


def _disk_too_small(stage: Stage) -> Sequence[PlaybookResult]:
    stage.sql("CREATE TABLE public.big AS SELECT repeat('x', 20000000) AS text", "DROP TABLE public.big")
    root = stage.enter(disks.small(stage.root / "disk", 25))
    with stage.play(root=root) as play:
        return [play.result()]


def _disk_filled(stage: Stage) -> Sequence[PlaybookResult]:
    root = stage.enter(disks.small(stage.root / "disk", 32))
    with stage.play(root=root, bandwidth_limit_mb_s=SLOW_MB_S, hold=[_BEFORE_WITNESS]) as play:
        play.waits_for(lambda: stage.dumped() > 0, "it was dumping")
        disks.fill(root / "of-somebody-else")
        play.reaches(_BEFORE_WITNESS)
        disks.fill(root / "of-somebody-else")
        return [play.result()]


def _disk_overbooked(stage: Stage) -> Sequence[PlaybookResult]:
    root = stage.enter(disks.overbooked(stage.root / "disk", 64, 8))
    with stage.play(root=root) as play:
        return [play.result()]


def _volumes_filled(stage: Stage) -> Sequence[PlaybookResult]:
    assert stage.daemon is not None
    filler = stage.daemon.data / "volumes" / "of-somebody-else"
    stage.enter(_removed(filler))
    return _filled_while_restoring(stage, filler)


def _scratch_disk_filled(stage: Stage) -> Sequence[PlaybookResult]:
    stage.enter(locked(CACHE / "nobody.lock"))
    disk = stage.enter(disks.small(Path("/var/tmp"), 96))
    return _filled_while_restoring(stage, disk / "of-somebody-else", scratch_driver="local")


def _filled_while_restoring(stage: Stage, filler: Path, **settings: Any) -> Sequence[PlaybookResult]:
    stage.event(WAIT)
    # With one session the first that has no room is the same every time.
    with stage.play(restore_jobs="1", **settings) as play:
        stage.in_the_middle_of_the_restore(play)
        disks.fill(filler)
        stage.go_on_restoring()
        return [play.result()]


@contextlib.contextmanager
def _removed(path: Path) -> Iterator[None]:
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


# pg_dump and production.


def _dump_killed(stage: Stage) -> Sequence[PlaybookResult]:
    with stage.play(bandwidth_limit_mb_s=SLOW_MB_S) as play:
        play.waits_for(lambda: stage.dumped() > 0, "it was dumping")
        for pid in stage.processes("pg_dump"):
            os.kill(pid, signal.SIGKILL)
        return [play.result()]


def _production_restarted(stage: Stage) -> Sequence[PlaybookResult]:
    production = stage.production
    assert isinstance(production, Production)
    with stage.play(bandwidth_limit_mb_s=SLOW_MB_S, hold=[_BEFORE_WITNESS]) as play:
        play.waits_for(lambda: stage.dumped() > 0, "it was dumping")
        production.container.restart()
        wait_until(production.final_server_answers, 60, "production to be there again")
        play.reaches(_BEFORE_WITNESS)
        return [play.result()]


def _production_crashed(stage: Stage) -> Sequence[PlaybookResult]:
    with stage.play(hold=[_BEFORE_SCRATCH]) as play:
        play.reaches(_BEFORE_SCRATCH)
        crash(stage.production)
        return [play.result()]


def _container_made_anew(stage: Stage) -> Sequence[PlaybookResult]:
    """The data stays: as an image is updated."""
    old = stage.production
    assert isinstance(old, Production)
    with stage.play(hold=[_BEFORE_SCRATCH]) as play:
        play.reaches(_BEFORE_SCRATCH)
        (volume,) = [mount["Name"] for mount in old.container.attrs["Mounts"]]
        old.container.rename(f"{old.name}-old")
        old.container.stop()
        new = stage.client.containers.create(
            old.container.attrs["Image"], ["postgres", "-c", "fsync=off"], name=old.name, network_mode="none",
            labels=old.container.labels, volumes={volume: {"bind": "/var/lib/postgresql/data"}},
        )  # fmt: skip
        stage.lasting.callback(stage.client.volumes.get(volume).remove)
        stage.lasting.callback(_remove, new)
        old.container.remove()
        new.start()
        stage.production = Production(new, old.user, old.db)
        wait_until(stage.production.final_server_answers, 60, "production to be there again")
        return [play.result()]


def _remove(container: Container) -> None:
    with contextlib.suppress(docker.errors.NotFound):
        container.remove(force=True)


def _another_server(stage: Stage) -> Sequence[PlaybookResult]:
    """The same data, loaded into a new server: only its identity tells."""
    old = stage.production
    assert isinstance(old, Production)
    with stage.play(hold=[_BEFORE_SCRATCH]) as play:
        play.reaches(_BEFORE_SCRATCH)
        everything = _plain_dump(old)
        old.container.reload()
        name, image = old.name, str(old.container.attrs["Image"])
        old.container.remove(force=True, v=True)
        stage.production = stage.lasting.enter_context(containers.production(stage.client, image, name=name))
        stage.production.psql("CREATE ROLE directus LOGIN")
        stage.production.psql(everything.decode())
        return [play.result()]


def _plain_dump(production: Production) -> bytes:
    """A dump of production's database by somebody else."""
    return subprocess.run(
        [str(install(16).bin_dir / "pg_dump"), "-h", str(production.socket_dir), "-U", production.user, DB],
        check=True, capture_output=True, timeout=60, env={"LC_ALL": "C.UTF-8"},
    ).stdout  # fmt: skip


# DDL and locks.


def _table_dropped(stage: Stage) -> Sequence[PlaybookResult]:
    stage.sql("CREATE TABLE cutter_governance.dropped_meanwhile (id int)")
    expected = [*CUTTER_GOVERNANCE_TABLES, "dropped_meanwhile"]
    return _ddl(stage, "DROP TABLE cutter_governance.dropped_meanwhile", expected_tables=expected)


def _column_retyped(stage: Stage) -> Sequence[PlaybookResult]:
    return _ddl(stage, "ALTER TABLE public.retyped ALTER id TYPE bigint")


def _type_renamed(stage: Stage) -> Sequence[PlaybookResult]:
    rename = "ALTER TYPE cutter_governance.{} RENAME TO {}"
    return _ddl(
        stage,
        rename.format("review_outcome", "renamed_meanwhile"),
        rename.format("renamed_meanwhile", "review_outcome"),
    )


def _ddl(stage: Stage, statement: str, afterwards: str = "", **settings: Any) -> Sequence[PlaybookResult]:
    """Run a statement while pg_dump waits for the lock of the first table."""
    with _gate_shut(stage) as open_gate, stage.play(**settings) as play:
        play.waits_for(stage.waits_for_a_lock, "pg_dump waited for the lock")
        stage.sql(statement, afterwards)
        open_gate()
        return [play.result()]


def _lock_held(stage: Stage) -> Sequence[PlaybookResult]:
    with _gate_shut(stage), stage.play() as play:
        return [play.result()]


@contextlib.contextmanager
def _gate_shut(stage: Stage) -> Iterator[Callable[[], None]]:
    """Hold an ACCESS EXCLUSIVE lock on a table that is not audited; gives what ends it."""
    stage.before = stage.picture()
    connection = stage.production.connect(DB, autocommit=False)
    try:
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE public.gate IN ACCESS EXCLUSIVE MODE")
        yield connection.rollback
    finally:
        connection.close()


# The scratch server and its daemon.


def _scratch_killed(stage: Stage) -> Sequence[PlaybookResult]:
    stage.event(WAIT)
    with stage.play() as play:
        stage.in_the_middle_of_the_restore(play)
        stage.scratch().kill()
        return [play.result()]


def _out_of_memory(stage: Stage) -> Sequence[PlaybookResult]:
    stage.event("PERFORM length(string_agg(repeat('x', 1000000), '')) FROM generate_series(1, 900);")
    with stage.play(scratch_memory_mb="256", restore_jobs="1") as play:
        return [play.result()]


def _daemon_restarted(stage: Stage) -> Sequence[PlaybookResult]:
    assert stage.daemon is not None
    stage.event(WAIT)
    with stage.play(hold=[_BEFORE_TEARDOWN]) as play:
        stage.in_the_middle_of_the_restore(play)
        stage.daemon.stop()
        play.reaches(_BEFORE_TEARDOWN)
        stage.daemon.start()
        return [play.result()]


def _daemon_gone(stage: Stage) -> Sequence[PlaybookResult]:
    assert stage.daemon is not None
    stage.event(WAIT)
    with stage.play(scratch_ttl_s=str(_TTL_S)) as play:
        stage.in_the_middle_of_the_restore(play)
        stage.daemon.stop()
        try:
            return [play.result()]
        finally:
            stage.daemon.start()


# The clock.


def _clock_forward(stage: Stage) -> Sequence[PlaybookResult]:
    return _clock_moved(stage, "+3d")


def _clock_backward(stage: Stage) -> Sequence[PlaybookResult]:
    return _clock_moved(stage, "-3d")


def _clock_moved(stage: Stage, moved: str) -> Sequence[PlaybookResult]:
    clock = Clock(stage.root)
    with stage.play(python=str(clock.python), hold=[_BEFORE_RESTORE]) as play:
        play.reaches(_BEFORE_RESTORE)
        clock.move(moved)
        result = play.result()
    assert result.evidence is not None, result.stdout
    run = result.evidence["run"]
    assert run["started_utc"] < run["finished_utc"], run
    return [result]


def _reaped_by_another_clock(stage: Stage) -> Sequence[PlaybookResult]:
    """As another run begins: with reaping."""
    clock = Clock(stage.root)
    clock.move("+3d")
    with stage.play(hold=[_BEFORE_RESTORE]) as play:
        play.reaches(_BEFORE_RESTORE)
        reaper = {"state": "reaped", "driver": "docker", "docker_host": stage.docker_host}
        assert not run_module("pg_scratch_server", reaper, python=str(clock.python)).failed
        return [play.result()]


# Others at work.


def _two_at_once(stage: Stage) -> Sequence[PlaybookResult]:
    clock = Clock(stage.root)
    clock.move("2026-05-16 10:46:34")
    plays: list[Play] = []
    with contextlib.ExitStack() as begun:
        for _number in range(2):
            plays.append(begun.enter_context(stage.play(python=str(clock.python), hold=[_BEFORE_ARTEFACT])))
        for play in plays:
            play.reaches(_BEFORE_ARTEFACT)
        for play in plays:
            play.goes_on(_BEFORE_ARTEFACT)
        return [play.result() for play in plays]


def _one_byte_changed(stage: Stage) -> Sequence[PlaybookResult]:
    def change(dump: Path) -> None:
        content = dump.read_bytes()
        at = content.index(b"\n7\t", content.index(b"COPY public.slow ")) + 3
        with dump.open("r+b") as file:
            file.seek(at)
            file.write(b"0" if content[at : at + 1] != b"0" else b"1")

    return _tampered(stage, change)


def _another_dump(stage: Stage) -> Sequence[PlaybookResult]:
    production = stage.production
    assert isinstance(production, Production)
    stage.sql("INSERT INTO public.retyped VALUES (0)")
    other = _plain_dump(production)
    stage.sql("DELETE FROM public.retyped WHERE id = 0")
    return _tampered(stage, lambda dump: _written(dump, other))


def _written(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _tampered(stage: Stage, change: Callable[[Path], None]) -> Sequence[PlaybookResult]:
    """Change the dump before it is restored; its times stay."""
    with stage.play(hold=[_BEFORE_RESTORE]) as play:
        play.reaches(_BEFORE_RESTORE)
        status = stage.dump().stat()
        change(stage.dump())
        os.utime(stage.dump(), ns=(status.st_atime_ns, status.st_mtime_ns))
        return [play.result()]


_STARTED = frozenset({"container started"})
_REPLACED = frozenset({"container", "container started"})

FAULTS = [
    Fault(
        "nothing",
        "nothing: the play is held between two steps, as it is for some of those below",
        _nothing,
        results=(ALL_PASS,),
    ),
    Fault(
        "disk-full-dumping",
        "the disk is too small for the dump",
        _disk_too_small,
        because="No space left on device",
    ),
    Fault(
        "disk-full-for-good",
        "somebody else fills the disk up while we dump, and again, so that there is no room for a record",
        _disk_filled,
        because="No space left on device",
    ),
    Fault(
        "disk-full-fsync",
        "the disk takes the dump, but fsync finds no space behind it (a thinly provisioned volume)",
        _disk_overbooked,
        because="No space left on device",
    ),
    Fault(
        "disk-full-restoring",
        "the disk of Docker's volumes fills up during the restore",
        _volumes_filled,
        checks=("restore.clean",),
        because="No space left on device",
        stage=DAEMON,
    ),
    Fault(
        "disk-full-restoring-local",
        "the disk of the scratch server fills up during the restore, with the local driver",
        _scratch_disk_filled,
        checks=("restore.clean",),
        because="No space left on device",
        stage=HOST,
    ),
    Fault("pg-dump-killed", "pg_dump is killed (SIGKILL)", _dump_killed, because="pg_dump failed"),
    Fault(
        "production-restarted",
        "production is restarted during the dump",
        _production_restarted,
        checks=("production.not_restarted",),
        because="Production closed our session",
        # pg_dump may be killed with the container before it can say anything.
        sometimes=frozenset({"dump.warnings"}),
        changes=_STARTED,
        stage=OTHER,
    ),
    Fault(
        "production-crashed",
        "a process of production is killed after the dump: the server ends every session, recovers and goes on",
        _production_crashed,
        checks=("production.not_restarted",),
        because="it crashed and recovered in between",
        stage=OTHER,
    ),
    Fault(
        "production-made-anew",
        "production's container is removed after the dump and made anew, with the same data",
        _container_made_anew,
        checks=("production.identity", "production.not_restarted"),
        changes=_REPLACED,
        stage=OTHER,
    ),
    Fault(
        "production-another-server",
        "production's container is removed after the dump; another server with the same tables and rows has its name",
        _another_server,
        checks=("production.identity", "production.not_restarted"),
        changes=_REPLACED | {"sysid"},
        stage=OTHER,
    ),
    Fault(
        "table-dropped",
        "an audited table is dropped while pg_dump waits for its locks",
        _table_dropped,
        checks=("dump.tables", "production.tables"),
        because="missing: dropped_meanwhile",
        changes=frozenset({"cutter_governance.dropped_meanwhile"}),
        stage=OTHER,
    ),
    Fault(
        "column-retyped",
        "a table is rewritten (ALTER COLUMN TYPE) while pg_dump waits for its locks: the dump is taken again",
        _column_retyped,
        results=(ALL_PASS,),
        stage=OTHER,
    ),
    Fault(
        "type-renamed",
        "a type is renamed while pg_dump waits for its locks: the dump has both names",
        _type_renamed,
        stage=OTHER,
    ),
    Fault(
        "lock-held",
        "somebody holds an ACCESS EXCLUSIVE lock on a table for longer than the dump waits",
        _lock_held,
        because="AccessExclusiveLock on public.gate",
        stage=HOST,
    ),
    Fault(
        "scratch-killed",
        "the scratch container is killed during the restore",
        _scratch_killed,
        because="went with its container",
    ),
    Fault(
        "scratch-out-of-memory",
        "the restore needs more memory than the scratch container may have",
        _out_of_memory,
        checks=("restore.clean",),
    ),
    Fault(
        "daemon-restarted",
        "the Docker daemon is restarted during the restore (live-restore: containers go on)",
        _daemon_restarted,
        stage=DAEMON,
    ),
    Fault(
        "daemon-gone",
        "the Docker daemon is stopped during the restore and does not come back before the run is over (live-restore)",
        _daemon_gone,
        checks=("evidence.whole",),
        because="Remove the scratch server: The Docker daemon",
        stage=DAEMON,
        gone_within_s=_TTL_S + 2 * _SETTLE_S,
    ),
    Fault(
        "clock-forward",
        "the clock is set forward by three days between two steps",
        _clock_forward,
        results=(ALL_PASS,),
    ),
    Fault(
        "clock-backward",
        "the clock is set back by three days between two steps",
        _clock_backward,
        results=(ALL_PASS,),
    ),
    Fault(
        "clock-of-the-reaper",
        "another run begins, and reaps, with its clock three days ahead: this run's scratch server is alive",
        _reaped_by_another_clock,
        results=(ALL_PASS,),
        stage=DAEMON,
    ),
    Fault(
        "two-at-once",
        "two closeouts in the same second, with the same root and label",
        _two_at_once,
        results=(ALL_PASS, FAIL),
        because="exists already",
    ),
    Fault(
        "byte-changed",
        "one byte of the dump is changed between dump and restore",
        _one_byte_changed,
        checks=("dump.sha256_confirmed",),
        stage=OTHER,
    ),
    Fault(
        "dump-replaced",
        "another whole dump of the same database takes the dump's place before the restore",
        _another_dump,
        checks=("dump.sha256_confirmed",),
        stage=OTHER,
    ),
]
"""In the order of the page."""

OPEN: dict[str, str] = {}
"""Faults that do not come to what they must yet, and why. They are struck off when they do."""
