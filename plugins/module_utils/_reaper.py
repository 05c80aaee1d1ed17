# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what runs that are gone left behind, of whatever sort, and its removal.

A scratch server goes when its time is up. Everything else belongs to a module: it goes when no module of its run is at
work. Nothing without our label is looked at, and no run that is alive loses anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from . import _abandoned, _orphans, _removal
from ._archive_place import take_back
from ._errors import CloseoutError
from ._first_process import why_spared
from ._running import is_at_work, locks_left, remove_lock
from ._scratch import Driver, Owned


@dataclass(frozen=True)
class Leftover:
    """One thing that is to go: what it is, its name, its run ("" where that is not known), and what removes it. With
    a reason why it is ``spared`` it is not removed, for that would do harm."""

    kind: str
    name: str
    run_id: str
    remove: Callable[[], object]
    spared: str = ""

    def as_facts(self) -> dict[str, str]:
        """Return it as part of a module's result."""
        return {"kind": self.kind, "name": self.name, "run_id": self.run_id}


def reap(drivers: list[Driver], root: str, *, check: bool) -> dict[str, Any]:
    """Remove what runs that are gone left behind, and say what it was; with ``check`` only say it.

    ``root`` is where the artefacts are, "" for nowhere. What must not be removed is told. What cannot be removed does
    not keep the rest from it. Raises CloseoutError after that, with what was found.
    """
    found, spared, failed = [], [], []
    for leftover in _leftovers(drivers, root):
        if leftover.spared:
            spared.append({**leftover.as_facts(), "why": leftover.spared})
            continue
        found.append(leftover.as_facts())
        try:
            if not check:
                leftover.remove()
        except CloseoutError as error:
            failed.append(f"{leftover.kind} {leftover.name}: {error.found or error.message}")
    facts = {"changed": bool(found), "reaped": found, "spared": spared}
    if failed:
        raise CloseoutError(
            "Something that an earlier run left cannot be removed",
            wanted="nothing left of runs that are gone",
            found="; ".join(failed),
            do="remove it by hand",
            facts=facts,
        )
    return facts


def _not_yet(one: Owned) -> str:
    """Return why a scratch server stays whose time is not up: no module of its run is at work just now, but the next
    one may be about to begin."""
    return (
        f"it ends by itself at {one.expires_utc}, for its run may go on until then; where that is known to be gone,"
        f" ansible-playbook incomex.closeout.reap -e closeout_reap_run={one.run_id} ends it now"
    )


def _leftovers(drivers: list[Driver], root: str) -> Iterator[Leftover]:
    # Programs first: they may still be writing what comes after.
    for pid, run_id, name in list(_orphans.programs()):
        if not is_at_work(run_id):
            yield Leftover("program", f"{name} ({pid})", run_id, partial(_orphans.kill, pid, run_id), why_spared(pid))
    for driver in drivers:
        waiting: set[str] = set()
        for one in driver.owned():
            # A volume, which would be told beside its container, goes with that.
            if not is_at_work(one.run_id) and (one.is_expired or one.run_id not in waiting):
                why = "" if one.is_expired else _not_yet(one)
                waiting.update([one.run_id] if why else [])
                remove = partial(driver.absent, one.run_id, one.name)
                yield Leftover("scratch server", one.name, one.run_id, remove, why)
    for path, run_id in _abandoned.half_written(root):
        yield Leftover("partial file", path, run_id, partial(_abandoned.remove, path))
    for path, run_id in _abandoned.expired_copies(root):
        if not is_at_work(run_id):
            yield Leftover("copy", path, run_id, partial(_abandoned.remove, path))
    for path, run_id in _abandoned.lent(root):
        yield Leftover("archive that was lent", path, run_id, partial(take_back, path))
    for path, run_id in _removal.half_removed(root):
        yield Leftover("artefact that was being removed", path, run_id, partial(_removal.finish, path))
    for path in _abandoned.jobs():
        yield Leftover("job", path, "", partial(_abandoned.remove_job, path))
    for path in locks_left():
        yield Leftover("lock", path, "", partial(remove_lock, path))
