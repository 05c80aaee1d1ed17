# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a dump that was cut, restored by one psql and several sessions at once.

Work waits for earlier work on the same tables, and for nothing else until psql must be alone again; of what can be done
the biggest comes first. The first error stops everybody.
"""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from graphlib import TopologicalSorter
from threading import Event
from typing import Any

from ._dump_parts import Load, Phase, Settings, Work, other_dump, settings_to_make, waits_for
from ._dump_source import DumpSource
from ._errors import CloseoutError
from ._order_matters import caller_of_functions
from ._program import STOP_S
from ._restore_text import PsqlText
from ._session import Session, SqlError

_CANCEL_AGAIN_S = 0.1


class WorkFailed(Exception):
    """The server refused some work, or it is not for several sessions; says which, and the SQLSTATE: its message may
    hold rows.
    """


class Worker:
    """A session that restores: it knows the settings that it has."""

    def __init__(self, session: Session, source: DumpSource) -> None:
        self.session = session
        self._source = source
        self._settings: Settings = {}

    def do(self, work: Work) -> None:
        """Do it. Raises WorkFailed, OtherDump where the rows are not those of the manifest, Stopped."""
        try:
            for statement in settings_to_make(self._settings, work.settings):
                self.session.execute(statement)
            self._settings = work.settings
            if isinstance(work, Load):
                self._load(work)
            else:
                self.session.execute(work.statement)
        except SqlError as error:
            raise WorkFailed(f"{work.title}: {error.sqlstate or 'the connection broke'}") from error

    def _load(self, load: Load) -> None:
        digest = hashlib.sha256()
        if load.truncate:
            self.session.execute(b"BEGIN")
            self.session.execute(load.truncate)
        for rows in load.copies:
            reader = self._source.rows(rows, digest)
            try:
                self.session.copy_in(rows.statement, reader)
            except SqlError:
                if reader.error is not None:
                    raise reader.error from None
                raise
        if digest.hexdigest() != load.sha256:
            raise other_dump(f"{load.title}: rows with another digest")
        if load.truncate:
            self.session.execute(b"COMMIT")


def restore_phases(
    phases: Sequence[Phase],
    psql: PsqlText,
    open_session: Callable[[], AbstractContextManager[Session]],
    source: DumpSource,
    *,
    jobs: int,
    stopped: Event,
) -> str:
    """Execute all of a dump; return the sha256 of the file that it was read from.

    Raises WorkFailed, PsqlEnded, ConnectionFailed, CloseoutError: then everybody has been stopped. psql is not ended.
    """
    with contextlib.ExitStack() as stack:
        workers = [Worker(stack.enter_context(open_session()), source) for _turn in range(jobs)]
        # One more for what psql does beside them, and one for the digest.
        pool = stack.enter_context(ThreadPoolExecutor(jobs + 2))
        hashing = pool.submit(source.sha256)
        running: set[Future[Any]] = {hashing}
        try:
            for phase in phases:
                psql.execute(phase.before)
                if any(isinstance(one, Load) for one in phase.work):
                    _refuse_where_order_matters(workers[0].session)
                _do_all(phase, psql, workers, pool, running)
            return hashing.result()
        except BaseException:
            stopped.set()
            with contextlib.suppress(CloseoutError):
                psql.kill()
            _cancel(workers, running)
            raise


def _refuse_where_order_matters(session: Session) -> None:
    caller = caller_of_functions(session)
    if caller:
        raise WorkFailed(f"the order of the tables may matter: {caller} calls a function")


def _do_all(
    phase: Phase, psql: PsqlText, workers: list[Worker], pool: ThreadPoolExecutor, running: set[Future[Any]]
) -> None:
    """Do the work of a phase. ``running`` is what is going on: the digest too, which outlasts the phase."""
    order = TopologicalSorter(dict(enumerate(waits_for(phase.work))))
    order.prepare()
    at_work: dict[Future[Any], tuple[int, Worker]] = {}
    idle, ready = list(workers), _Ready(phase.work)
    beside = pool.submit(psql.execute, phase.beside) if phase.beside else None
    if beside is not None:
        running.add(beside)
    while order.is_active() or beside in running:
        ready.add(order.get_ready())
        while idle:
            number = ready.biggest([phase.work[other] for other, _worker in at_work.values()])
            if number is None:
                break
            worker = idle.pop()
            future = pool.submit(worker.do, phase.work[number])
            at_work[future] = number, worker
            running.add(future)
        done, _others = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
            if future in at_work:
                number, worker = at_work.pop(future)
                order.done(number)
                idle.append(worker)
        running -= done


class _Ready:
    """Work that can be done, the biggest first; among equals in the dump's order."""

    def __init__(self, work: Sequence[Work]) -> None:
        self._work = work
        self._heap: list[tuple[int, int]] = []

    def add(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            heapq.heappush(self._heap, (-self._work[number].weight, number))

    def biggest(self, at_work: Sequence[Work]) -> int | None:
        """Return the next one, None where each must not be done at the same time as others that are ``at_work``."""
        passed: list[tuple[int, int]] = []
        found = None
        while self._heap and found is None:
            one = heapq.heappop(self._heap)
            if any(self._work[one[1]].owns & other.owns for other in at_work):
                passed.append(one)
            else:
                found = one[1]
        for one in passed:
            heapq.heappush(self._heap, one)
        return found


def _cancel(workers: list[Worker], running: set[Future[Any]]) -> None:
    """Let nobody go on. A request to cancel that comes before its statement does nothing: it is repeated, a while."""
    deadline = time.monotonic() + STOP_S
    while time.monotonic() < deadline:
        for worker in workers:
            with contextlib.suppress(CloseoutError):
                worker.session.cancel()
        if not wait(running, timeout=_CANCEL_AGAIN_S).not_done:
            return


@contextlib.contextmanager
def restoring_session(
    session: AbstractContextManager[Session], *, settings: dict[str, str], guard: str, notices: list[str]
) -> Iterator[Session]:
    """Give a session that has a new one's settings but for ``settings``; ``guard`` comes before anything else. What the
    server says in it is added to ``notices``.

    Raises CloseoutError, of the guard too.
    """
    with session as one:
        one.rows(guard)
        # What is pinned for sessions that read: psql has none of it.
        one.rows("RESET ALL")
        for name, value in settings.items():
            one.rows("SELECT pg_catalog.set_config(%s, %s, false)", [name, value])
        yield one
        notices += one.notices
