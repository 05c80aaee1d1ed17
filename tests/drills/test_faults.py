"""Drill: faults in the middle of a closeout. Nothing passes that should not, production and the containers beside it
stay as they were, and nothing of ours is left.

docs/faults.md says what came of each; it is written by this drill (CLOSEOUT_DRILLS=write), and what a run did is held
against it.
"""

from __future__ import annotations

import contextlib
import json
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from tests.drills.faults import ALL_PASS, CONTAINER, DAEMON, FAIL, FAULTS, HOST, OPEN, OTHER, Fault
from tests.drills.stage import SQL, Stage, neighbour
from tests.integration.closeouts import assert_all_pass, assert_sealed
from tests.support import clock, containers, image, postgres
from tests.support.docker import Daemon, Own, own
from tests.support.places import DATA, ROOT, wait_until
from tests.support.playbook import PlaybookResult
from tests.support.share import IN_FULL, WRITES, share

DOCUMENT = ROOT / "docs" / "faults.md"
NO_RESULT = "no result"
_BY_ID = {fault.id: fault for fault in FAULTS}
_VOLUMES_MB = 160
_EVERY = 8
_MOMENT_S = 15.0
_CHECK = re.compile(r"^([a-z]+\.[a-z0-9_]+): ")
_LAST_TASK = "Fail unless everything passed"


@dataclass(frozen=True)
class Outcome:
    """What came of a fault: the results of its closeouts, sorted; the message and the failed checks of the first that
    did not pass; what a user sees and what is left, for the page; what of production and its neighbour is another."""

    results: tuple[str, ...]
    message: str
    failed: tuple[str, ...]
    sees: str
    left: str
    changed: frozenset[str]
    untidy: tuple[str, ...]


class Outcomes:
    """The outcomes by the id of the fault, worked out before they are asked for: a thread for each stage."""

    def __init__(self, stages: dict[str, Callable[[], contextlib.AbstractContextManager[Stage]]]) -> None:
        """`stages` makes the stages, each in its thread, when its first fault is wanted."""
        self._stages = stages
        self._made: dict[str, Stage] = {}
        self._open = {name: contextlib.ExitStack() for name in stages}
        self._pools = {name: ThreadPoolExecutor(1) for name in stages}
        self._futures: dict[str, Future[Outcome]] = {}

    def want(self, name: str) -> Future[Outcome]:
        """Begin with a fault, if that was not done."""
        if name not in self._futures:
            fault = _BY_ID[name]
            self._futures[name] = self._pools[fault.stage].submit(self._outcome, fault)
        return self._futures[name]

    def __getitem__(self, name: str) -> Outcome:
        return self.want(name).result()

    def _outcome(self, fault: Fault) -> Outcome:
        if fault.stage not in self._made:
            self._made[fault.stage] = self._open[fault.stage].enter_context(self._stages[fault.stage]())
        return drill(fault, self._made[fault.stage])

    def close(self) -> None:
        """Forget what was not begun, and take the stages down: in their threads, with which their servers would end."""
        for future in self._futures.values():
            future.cancel()
        closed = [pool.submit(self._open[name].close) for name, pool in self._pools.items()]
        for pool in self._pools.values():
            pool.shutdown()
        for one in closed:
            one.result()


def drill(fault: Fault, stage: Stage) -> Outcome:
    """Let the fault happen, and look at what came of it."""
    with stage.struck_by(fault.id):
        results = sorted(fault.strike(stage), key=_result)
        left_at_once = _left_after_a_moment(stage)
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: not stage.left(), fault.gone_within_s, "nothing to be left")
        late = stage.left()
        if late:
            stage.next_run_begins()
        left, after = stage.left(), stage.picture()
        changed = frozenset(name for name in {*after, *stage.before} if after.get(name) != stage.before.get(name))
        message = _message(results[-1])
        return Outcome(
            tuple(_result(one) for one in results),
            message,
            _failed(results[-1]),
            "; ".join(dict.fromkeys(_normal(_seen(_message(one)), stage, results) for one in results)),
            _left(stage.root, [*left_at_once, *late], left),
            changed,
            tuple(_untidy(stage.root, results)),
        )


def _left_after_a_moment(stage: Stage) -> list[str]:
    """What is left once that which is on its way out has had the time for it."""
    with contextlib.suppress(TimeoutError):
        wait_until(lambda: not stage.left(), _MOMENT_S, "nothing to be left")
    return stage.left()


def _result(result: PlaybookResult) -> str:
    """What the run says of itself; a play that was ended says nothing."""
    return str(result.custom_stats.get("closeout_result", NO_RESULT)) if result.stats else NO_RESULT


def _message(result: PlaybookResult) -> str:
    """With what the play ended."""
    last = [task for task in result.tasks if task["name"].endswith(_LAST_TASK)]
    return str(last[-1]["result"]["msg"]) if last else NO_RESULT


def _failed(result: PlaybookResult) -> tuple[str, ...]:
    """The checks that FAIL, as the message names them."""
    lines = _message(result).splitlines()
    return tuple(found[1] for line in lines if (found := _CHECK.match(line)))


def _seen(message: str) -> str:
    """The lines of a message that tell what happened: which step failed and why; else which checks."""
    first, *lines = message.splitlines()
    steps = []
    for line in lines:
        if _CHECK.match(line) or line.startswith("not run: "):
            break
        steps.append(line)
    return "\n".join(steps or [line for line in lines if _CHECK.match(line)] or [first])


def _normal(text: str, stage: Stage, results: Sequence[PlaybookResult]) -> str:
    """A text without what is another in every run, fit for the cell of a table."""
    for part in (str(stage.root), *stage.run_ids(), *stage.names()):
        text = text.replace(part, "…")
    for pattern in (
        r"\d{4}-\d\d-\d\dT[\d:.]+Z", r"\d{8}T\d{6}Z", r"\d{4}-\d\d-\d\d", r"\b[0-9a-f]{64}\b", r"\b[0-9a-f]{12}\b",
        r"(?<=base/)[\d/]+", r"(?<=pid )\d+", r"(?<=line )\d+", r"\b\d+(?= bytes)", r"\b\d{4,}\b",
        r"(?<=snapshot is gone: ).*?(?= What to do:)",
    ):  # fmt: skip
        text = re.sub(pattern, "…", text)
    return text.replace("<", "&lt;").replace("|", "\\|").replace("\n", "<br>")


def _left(root: Path, for_a_while: list[str], in_the_end: list[str]) -> str:
    """What is left, for the page: of the artefacts, and of everything else."""
    names = {path.name for path in root.rglob("*") if path.is_file()}
    kept = ["the record" if "closeout.md" in names else "no record"]
    kept.append("the dump" if any(name.startswith("prod-") for name in names) else "no dump")
    told = ", ".join(kept)
    gone = sorted(set(for_a_while) - set(in_the_end))
    told += f"; until its time is up and the next run has begun: {', '.join(gone)}" if gone else ""
    return told + (f"; **{', '.join(in_the_end)}**" if in_the_end else "")


def _untidy(root: Path, results: Sequence[PlaybookResult]) -> Iterator[str]:
    """What is wrong with the artefacts: what passed must be whole, and nothing else may say that it passed."""
    passed = [result.artefact for result in results if _result(result) == ALL_PASS]
    for result in results:
        try:
            if _result(result) == ALL_PASS:
                assert_all_pass(result)
            elif result.rc == 0:
                yield "a run that did not pass ended with return code 0"
        except AssertionError as error:
            yield str(error)
    for record in root.rglob("closeout.json"):
        said = json.loads(record.read_text())["result"]["closeout_result"]
        if (said == ALL_PASS) != (record.parent in passed):
            yield f"{record} says {said}"
        if (record.parent / "SHA256SUMS").exists():
            assert_sealed(record.parent)
    for record in root.rglob("closeout.md"):
        if "CLOSEOUT_RESULT: ALL_PASS" in record.read_text() and record.parent not in passed:
            yield f"{record} says {ALL_PASS}"
    for mark in root.rglob(".closeout.json"):
        for path in (mark.parent, *mark.parent.rglob("*")):
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                yield f"{path} is open to others"


def survived(fault: Fault, outcome: Outcome) -> bool:
    """Whether the fault came to what it must."""
    right = outcome.results == fault.results and set(fault.checks) <= set(outcome.failed)
    harmless = outcome.changed <= fault.changes and not outcome.untidy and "**" not in outcome.left
    return right and harmless and fault.because in outcome.message


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest,
    docker_daemon: Daemon,
    docker_client: docker.DockerClient,
    production_image: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Outcomes]:
    """The drill, at work on what the session has chosen."""
    try:
        clock.library()
    except clock.Unavailable as error:
        pytest.skip(str(error))
    sql = (DATA / "cutter_governance.sql").read_text() + "; RESET search_path;" + SQL

    @contextlib.contextmanager
    def in_container() -> Iterator[Stage]:
        with contextlib.ExitStack() as stack:
            production = stack.enter_context(containers.production(docker_client, production_image))
            production.psql(sql)
            name = f"{production.name}-neighbour"
            beside = stack.enter_context(neighbour(docker_client, production_image, name))
            yield _lasting(stack, Stage(docker_client, docker_daemon.url, production, beside, _directory()))

    @contextlib.contextmanager
    def outside(daemon: Own | None = None) -> Iterator[Stage]:
        with contextlib.ExitStack() as stack:
            client, url, built = docker_client, docker_daemon.url, production_image
            if daemon is not None:
                url = daemon.url
                client = stack.enter_context(contextlib.closing(docker.DockerClient(base_url=url, timeout=60)))
                built = image.provide(Daemon(url, private=True))
            production = stack.enter_context(postgres.Cluster(postgres.install(image.MAJOR)))
            production.psql("CREATE DATABASE directus")
            production.psql(sql, "directus")
            beside = stack.enter_context(neighbour(client, built, f"closeout-neighbour-{production.directory.name}"))
            yield _lasting(stack, Stage(client, url, production, beside, _directory(), daemon))

    @contextlib.contextmanager
    def with_a_daemon() -> Iterator[Stage]:
        with own("--live-restore", volumes_mb=_VOLUMES_MB) as daemon, outside(daemon) as stage:
            yield stage

    def _directory() -> Path:
        return tmp_path_factory.mktemp("stage")

    found = Outcomes({CONTAINER: in_container, OTHER: in_container, DAEMON: with_a_daemon, HOST: outside})
    try:
        for item in request.session.items:
            if item.path == request.path and isinstance(item, pytest.Function) and hasattr(item, "callspec"):
                found.want(str(item.callspec.params["name"]))
        yield found
    finally:
        found.close()


def _lasting(stack: contextlib.ExitStack, stage: Stage) -> Stage:
    stack.push(stage.lasting)
    return stage


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", share(list(_BY_ID), _EVERY))
def test_a_fault_does_no_harm(outcomes: Outcomes, name: str) -> None:
    fault, outcome = _BY_ID[name], outcomes[name]
    if name in OPEN:
        assert not survived(fault, outcome), "it comes to what it must now: strike it off OPEN"
        pytest.xfail(OPEN[name])
    assert outcome.results == fault.results, outcome.message
    assert set(fault.checks) <= set(outcome.failed), outcome.message
    assert fault.because in outcome.message
    assert outcome.changed <= fault.changes
    assert not outcome.untidy
    assert "**" not in outcome.left, outcome.left


@pytest.mark.timeout(900)
def test_the_document_says_what_this_run_found(outcomes: Outcomes) -> None:
    found = {name: outcomes[name] for name in share(list(_BY_ID), _EVERY)}
    if WRITES:
        DOCUMENT.write_text(document(found))
    assert DOCUMENT.exists(), "make drills writes it"
    text = DOCUMENT.read_text()
    if IN_FULL:
        assert text == document(found), "docs/faults.md is stale; make drills writes it anew"
    rows = text.splitlines()
    assert [row for name in found if (row := _row(_BY_ID[name], found[name])) not in rows] == []
    assert [name for name in _BY_ID if sum(row.startswith(f"| `{name}` |") for row in rows) != 1] == []


_PAGE = """\
# Faults

What comes of a closeout when something happens in the middle of it. `make drills` brings each of these faults about
for real: `ansible-playbook` runs the role against a production server of its own (PostgreSQL 16), in a container or
outside, with real disks, daemons, locks and signals. It writes this page. A page that does not say what a run found
fails that run.

**{summary}.** After each of them it is looked at that

- nothing passed that should not: the play, the statistics, `closeout.json` and `closeout.md` say the same;
- production is the same server, was not restarted, and has the same rows in every table, but for the fault itself;
- the container beside production was neither restarted nor replaced;
- nothing of the run is left: no container, volume or network with its label, no process, no session on production, no
  `.partial` file, no socket or directory of a scratch server. The last column tells what was left for a while.

What a user sees is what the play ends with: the steps that failed and why, else the checks that failed. An ellipsis is
where every run has something else. [Troubleshooting](troubleshooting.md) says more of the messages,
[the evidence](evidence.md) what each check is, [the drills](drills.md) what wrong dumps and copies come to, and
[the kills](kills.md) what comes of `kill -9` at any moment.

| fault | what happens | what the user sees | result, and the checks that FAIL | what is left |
|---|---|---|---|---|
{rows}
{still_open}"""


def document(found: dict[str, Outcome]) -> str:
    """docs/faults.md."""
    rows = "\n".join(_row(fault, found[fault.id]) for fault in FAULTS)
    still_open = "\n".join(f"| `{name}` | {why} |" for name, why in OPEN.items())
    if OPEN:
        still_open = f"\n## Not mended yet\n\n| fault | why |\n|---|---|\n{still_open}\n"
    return _PAGE.format(summary=summary(found), rows=rows, still_open=still_open)


def summary(found: dict[str, Outcome]) -> str:
    """How many faults did no harm."""
    good = sum(survived(_BY_ID[name], outcome) for name, outcome in found.items())
    return f"{good} of {len(found)} faults came to what they must"


def _row(fault: Fault, outcome: Outcome) -> str:
    failed = ", ".join(f"`{check}`" for check in outcome.failed if check not in fault.sometimes)
    told = "; ".join(f"{one}: {failed}" if one == FAIL and failed else one for one in outcome.results)
    mark = "" if survived(fault, outcome) else " (**not what it must be**)"
    return f"| `{fault.id}` | {fault.what} | {outcome.sees} | {told}{mark} | {outcome.left} |"
