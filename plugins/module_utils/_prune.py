# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: retention: what is below closeout_root, what of it goes, and what is told of that."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ._artefact import assert_ours
from ._artefact_read import LeftAlone, OfAnother, Root, look_at, read_mark
from ._errors import CloseoutError
from ._findings import size
from ._history import path_below, read_back
from ._history_line import is_same
from ._outcome import get, some
from ._printable import printable
from ._removal import remove
from ._retention import Artefact, Rules, When, choose, moments

MOST = 100
"""No run removes more of them; the next one goes on."""
_WIDTH = 12
_LONGEST = 300


@dataclass
class Pruning:
    """What one run finds below a root: what goes, what ``stays`` and what is ``left`` alone, each with the reason."""

    rules: Rules
    goes: list[Artefact] = field(default_factory=list)
    stays: list[tuple[str, str]] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    freed_bytes: int = 0

    def lines(self, *, done: bool) -> list[str]:
        """Return it as lines for a person, each of them printable."""
        names = [f"{one.name}: {'good' if one.is_good else 'failed'}, {size(one.size_bytes)}" for one in self.goes]
        return [
            printable(line)
            for line in (
                _line("retention", str(self.rules)),
                *(_line("removed" if done else "would go", name) for name in names or ["nothing"]),
                *(_line("not removed", f"{name}: {why}") for name, why in self.failed),
                *_grouped("kept", self.stays),
                *_grouped("left alone", self.left),
                _line("freed" if done else "would free", size(self.freed_bytes)),
            )
        ]

    def as_facts(self, *, done: bool) -> dict[str, Any]:
        """Return it as a module's result, of bounded size."""
        return {
            "changed": bool(self.goes),
            "removed": [one.name for one in self.goes],
            "kept": len(self.stays),
            "left_alone": len(self.left),
            "freed_bytes": self.freed_bytes,
            "lines": self.lines(done=done),
        }


def prune(path: str, run_id: str, rules: Rules, *, check: bool) -> dict[str, Any]:
    """Remove what ``rules`` do not keep of the database whose run ``run_id`` made the artefact ``path``; return what
    was done, with ``check`` what would be.

    Raises CloseoutError where something could not be removed, after everything else was; and where that run's own
    artefact is not what it was, and then nothing is removed.
    """
    assert_ours(path, run_id)
    parent, own = os.path.split(os.path.normpath(path))
    root = _root(parent, _whose(path))
    found = look_around(root, rules, run_id)
    if not any(name == own for name, _why in found.stays):
        why = next((why for name, why in found.left if name == own), "its mark does not say whose it is")
        raise CloseoutError(
            f"Nothing is removed, because {path} is not this run's artefact any more",
            wanted=f"the artefact of run {run_id}",
            found=why,
            do="see who changed it; the next run looks again",
        )
    if not check:
        _remove(root, found, run_id)
    if found.failed:
        raise CloseoutError(
            "Something that need not be kept cannot be removed",
            wanted=f"no other artefacts than {rules} keeps",
            found="; ".join(f"{name}: {why}" for name, why in found.failed),
            do="see what holds it; the next run tries again",
            facts=found.as_facts(done=True),
        )
    return found.as_facts(done=not check)


def forecast(settings: Mapping[str, Any], host: str, run_id: str) -> list[str]:
    """Return the lines that tell what a run of these settings would remove if it passed, none where nothing is to be
    removed at all. ``host`` is the target's name in the history. Nothing is changed.
    """
    rules = rules_of(settings)
    if not rules.are_given:
        return []
    whose = {
        "host": host,
        "production": settings["production"],
        "db": settings["db"],
        "audited_schema": settings["schema"],
    }
    try:
        root = _root(settings["root"], whose)
        passed = Artefact(os.path.basename(settings["artefact"]), run_id, True, When(root.now_s, len(root.lines)))
        return look_around(root, rules, run_id, passed).lines(done=False)
    except (CloseoutError, OSError) as error:
        return [printable(_line("retention", f"cannot be told: {error}"))]


def rules_of(settings: Mapping[str, Any]) -> Rules:
    """Return the rules of effective settings."""
    failed = settings["keep_failed"]
    return Rules(settings["keep_last"], settings["keep_days"], None if failed == "" else failed)


def look_around(root: Root, rules: Rules, own: str, passed: Artefact | None = None) -> Pruning:
    """Return what is below a root and what of it would go; ``passed`` is an artefact that is not there yet."""
    found = Pruning(rules)
    artefacts = [passed] if passed else []
    for name in _directories(root.path):
        try:
            artefacts.append(look_at(root, name, own))
        except (OfAnother, FileNotFoundError):
            continue
        except LeftAlone as reason:
            found.left.append((name, str(reason)))
    # The oldest first: whatever interrupts it, the newest ones are there.
    for artefact, why in reversed(choose(artefacts, rules, own, root.now_s)):
        if why:
            found.stays.append((artefact.name, why))
        elif len(found.goes) < MOST:
            found.goes.append(artefact)
        else:
            found.stays.append((artefact.name, f"one run removes {MOST} at most"))
    found.freed_bytes = sum(one.size_bytes for one in found.goes)
    return found


def _remove(root: Root, found: Pruning, run_id: str) -> None:
    going, found.goes, found.freed_bytes = found.goes, [], 0
    for artefact in going:
        try:
            if look_at(root, artefact.name, run_id).run_id != artefact.run_id:
                raise LeftAlone("another one took its place")
            found.freed_bytes += remove(root.path, artefact, run_id)
            found.goes.append(artefact)
        except FileNotFoundError:
            found.left.append((artefact.name, "somebody else removed it just now"))
        except LeftAlone as reason:
            found.left.append((artefact.name, str(reason)))
        except CloseoutError as error:
            found.failed.append((artefact.name, error.found or error.message))


def _root(path: str, whose: Mapping[str, Any]) -> Root:
    """Return a root as it is now, with the history of that database."""
    now_s = time.time()
    lines = [line for line in reversed(read_back(path_below(path))) if is_same(line, dict(whose))]
    return Root(path, whose, now_s, {str(line.get("run_id")): line for line in lines}, moments(lines, now_s))


def _whose(path: str) -> Mapping[str, Any]:
    with contextlib.suppress(LeftAlone):
        whose = get(read_mark(path), "whose")
        if isinstance(whose, dict):
            return whose
    return {}


def _directories(root: str) -> Iterator[str]:
    """Yield the names of what could be artefacts; plain files, such as the history, are none."""
    try:
        names = sorted(os.listdir(root))
    except FileNotFoundError:
        return
    except OSError as error:
        raise CloseoutError(f"{root} cannot be read", found=error.strerror or str(error)) from error
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            mode = os.lstat(os.path.join(root, name)).st_mode
            if stat.S_ISDIR(mode) or stat.S_ISLNK(mode):
                yield name


def _grouped(what: str, named: list[tuple[str, str]]) -> Iterator[str]:
    """Yield a line for each reason, with the names that it holds for; at most :data:`MOST`."""
    reasons = list(dict.fromkeys(why for _name, why in named))
    for reason in reasons[:MOST]:
        yield _line(what, f"{some(name for name, why in named if why == reason)}: {reason}")
    if reasons[MOST:]:
        yield _line(what, f"{sum(why in reasons[MOST:] for _name, why in named)} more, for other reasons")


def _line(what: str, text: str) -> str:
    return f"{what:{_WIDTH}}{text if len(text) <= _LONGEST else f'{text[:_LONGEST]} [...]'}"
