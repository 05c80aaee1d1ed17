"""Drill: mutants of a dump, of its restored copy and of what is said of them. Each must end in FAIL, for its reason.

docs/drills.md says what became of each; it is written by this drill (CLOSEOUT_DRILLS=write), and what a run did is held
against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.drills.harness import CONTROLS, Drill, Outcome
from tests.drills.mutants import MUTANTS, STRIKES, SURVIVORS, InCopy, Mutant
from tests.support.places import ROOT
from tests.support.share import IN_FULL, WRITES, share

DOCUMENT = ROOT / "docs" / "drills.md"
_BY_ID = {mutant.id: mutant for mutant in MUTANTS}
_WORKERS = 2
_EVERY = 8


class Outcomes:
    """The outcomes of a drill, by the id of a mutant or a control, worked out before they are asked for."""

    def __init__(self, drill: Drill, pool: ThreadPoolExecutor) -> None:
        self._drill = drill
        self._pool = pool
        self._futures: dict[str, Future[Outcome]] = {}

    def want(self, name: str) -> Future[Outcome]:
        """Begin with a mutant or control, if that was not done."""
        if name not in self._futures:
            if name in CONTROLS:
                self._futures[name] = self._pool.submit(self._drill.control, name)
            else:
                self._futures[name] = self._pool.submit(self._drill.outcome, _BY_ID[name])
        return self._futures[name]

    def __getitem__(self, name: str) -> Outcome:
        return self.want(name).result()

    def done(self) -> dict[str, Outcome]:
        """The outcomes that are there."""
        return {name: future.result() for name, future in self._futures.items() if _has_result(future)}


def _has_result(future: Future[Outcome]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def is_killed(mutant: Mutant, outcome: Outcome) -> bool:
    """Whether the result is FAIL for the mutant's reason: every check that it names FAILs, and the message says why."""
    for_its_reason = set(mutant.checks) <= set(outcome.failed) and mutant.because in outcome.message
    return outcome.result == "FAIL" and for_its_reason


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcomes]:
    """The drill, at work on what the session has chosen."""
    root: Path = tmp_path_factory.mktemp("drill")
    with Drill(root) as drill, ThreadPoolExecutor(_WORKERS) as pool:
        found = Outcomes(drill, pool)
        for item in request.session.items:
            if item.path == request.path and isinstance(item, pytest.Function) and hasattr(item, "callspec"):
                found.want(str(item.callspec.params["name"]))
        try:
            yield found
        finally:
            pool.shutdown(cancel_futures=True)
    plugins = request.config.pluginmanager
    reporter, capture = plugins.get_plugin("terminalreporter"), plugins.get_plugin("capturemanager")
    if reporter is not None and capture is not None:
        with capture.global_and_fixture_disabled():
            reporter.ensure_newline()
            reporter.write_line(summary(found.done()))


@pytest.mark.parametrize("name", CONTROLS)
def test_what_is_right_passes(outcomes: Outcomes, name: str) -> None:
    outcome = outcomes[name]
    assert outcome.result == "ALL_PASS", outcome.message
    assert outcome.failed == ()


@pytest.mark.parametrize("name", share(list(_BY_ID), _EVERY))
def test_a_mutant_is_killed_for_its_reason(outcomes: Outcomes, name: str) -> None:
    mutant, outcome = _BY_ID[name], outcomes[name]
    if name in SURVIVORS:
        assert outcome.result == "ALL_PASS", f"it is killed now: strike it off SURVIVORS\n{outcome.message}"
        pytest.xfail(SURVIVORS[name])
    assert is_killed(mutant, outcome), outcome.message
    if isinstance(mutant, InCopy):
        assert set(outcome.failed) == set(mutant.checks), outcome.message


def test_the_document_says_what_this_run_found(outcomes: Outcomes) -> None:
    found = {name: outcomes[name] for name in (*CONTROLS, *share(list(_BY_ID), _EVERY))}
    if WRITES:
        DOCUMENT.write_text(document(found))
    assert DOCUMENT.exists(), "make drills writes it"
    text = DOCUMENT.read_text()
    if IN_FULL:
        assert text == document(found), "docs/drills.md is stale; make drills writes it anew"
    rows = text.splitlines()
    assert [row for name in found if name in _BY_ID and (row := _row(_BY_ID[name], found[name])) not in rows] == []
    assert [name for name in _BY_ID if sum(row.startswith(f"| `{name}` |") for row in rows) != 1] == []


_PAGE = """\
# Drills

A mutant is a dump, a restored copy or a piece of evidence with one thing wrong. `make drills` makes each of them for
real, beside a production server of its own (PostgreSQL 16), lets the modules of this collection look at it, and writes
this page. A page that does not say what a run found fails that run.

**{summary}.** A mutant is killed when the result is FAIL and every check named in its row is one of those that FAIL.

The script that this collection replaces looked at return codes, at the list of tables and at the row counts of one
schema. It is run on the same mutants, for real:

| of the {asked} mutants of a dump or a copy, caught by | |
|---|--:|
| a return code of pg_dump or psql | {by_code} |
| the list of tables and the row counts | {by_rows} |
| this collection | {by_us} |

A dash is where that script has nothing that could be wrong: it has neither manifest nor evidence.
[What a pass proves](what-a-pass-proves.md) says what the checks are worth, [the evidence](evidence.md) what each is.

## Mutants

| mutant | what is wrong | where | return code | tables and rows | this collection |
|---|---|---|:-:|:-:|---|
{mutants}

## Survivors

{survivors}

## Controls

What has nothing wrong must pass, or a kill proves nothing.

| control | what it is | this collection |
|---|---|---|
{controls}
"""


def document(found: dict[str, Outcome]) -> str:
    """docs/drills.md."""
    asked = [mutant for mutant in MUTANTS if found[mutant.id].baseline is not None]
    return _PAGE.format(
        summary=summary(found),
        asked=len(asked),
        by_code=sum(_by_code(found[mutant.id]) for mutant in asked),
        by_rows=sum(_by_rows(found[mutant.id]) for mutant in asked),
        by_us=sum(is_killed(mutant, found[mutant.id]) for mutant in asked),
        mutants="\n".join(_row(mutant, found[mutant.id]) for mutant in MUTANTS),
        survivors=_survivors(),
        controls="\n".join(f"| `{name}` | {what} | {found[name].result} |" for name, what in CONTROLS.items()),
    )


def _survivors() -> str:
    if not SURVIVORS:
        return "None."
    reasons = "\n".join(f"| `{name}` | {why} |" for name, why in SURVIVORS.items())
    return f"| mutant | why it passes |\n|---|---|\n{reasons}"


def summary(found: dict[str, Outcome]) -> str:
    """How many mutants were killed of those that struck, and how many controls did not pass."""
    struck = [_BY_ID[name] for name in found if name in _BY_ID]
    killed = sum(is_killed(mutant, found[mutant.id]) for mutant in struck)
    alarms = sum(found[name].result != "ALL_PASS" for name in found if name in CONTROLS)
    return f"{killed}/{len(struck)} mutants killed, {alarms} false alarms"


def _row(mutant: Mutant, outcome: Outcome) -> str:
    says = {True: "caught", False: "passed"}
    code = says[_by_code(outcome)] if outcome.baseline else "–"
    rows = says[_by_rows(outcome)] if outcome.baseline else "–"
    ours = (
        "FAIL: " + ", ".join(f"`{check}`" for check in mutant.checks) if is_killed(mutant, outcome) else "**survives**"
    )
    return f"| `{mutant.id}` | {mutant.what} | {STRIKES[type(mutant)]} | {code} | {rows} | {ours} |"


def _by_code(outcome: Outcome) -> bool:
    return outcome.baseline is not None and outcome.baseline.return_code


def _by_rows(outcome: Outcome) -> bool:
    return outcome.baseline is not None and outcome.baseline.tables_and_rows
