# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: two sets of definitions, held against each other.

One side is what a dump defines, the other what a dump of the restored copy defines. They are compared as multisets:
the order of statements in a dump says nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from ._entries import Entry
from ._side_by_side import side_by_side

# What a dump without table data does not have: compared from the catalogues.
DATA_TYPES = ("SEQUENCE SET", "MATERIALIZED VIEW DATA")

# How the differences of owners and privileges begin: what a missing role explains.
OF_PRIVILEGES = ("ACL ", "DEFAULT ACL ", "OWNER ")

_Key = tuple[str, str, str, str]


class Difference(NamedTuple):
    """One difference. ``about`` is content or objects, ``kind`` is missing, unexpected, changed, owner, rows…"""

    about: str
    object: str
    kind: str
    wanted: str
    found: str


@dataclass
class Definitions:
    """What a comparison found: how many entries are equal, which are so in another column order, what differs.

    ``different`` counts the expected entries that do differ; ``changed`` are those that nobody has settled yet.
    """

    equal: int = 0
    different: int = 0
    other_column_order: list[str] = field(default_factory=list)
    changed: dict[_Key, list[Entry]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    def add(self, other: Definitions) -> None:
        """Add what was found among other entries."""
        self.equal += other.equal
        self.different += other.different
        self.other_column_order += other.other_column_order
        self.changed.update(other.changed)
        self.differences += other.differences


def comparable(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries that are definitions."""
    return [entry for entry in entries if entry.type not in DATA_TYPES]


def compare_definitions(expected: Iterable[Entry], found: Iterable[Entry]) -> Definitions:
    """Compare two sets of definitions. What has one name on both sides and another text is in ``changed`` only: the
    caller settles whether it says the same.
    """
    result = Definitions()
    wanted, there = _by_key(expected), _by_key(found)
    for key, entries in wanted.items():
        others = there.get(key, [])
        if _signature(entries) == _signature(others):
            result.equal += len(entries)
        elif not others:
            result.different += len(entries)
            result.differences += [_difference(entry, "missing", "in the dump", "not there") for entry in entries]
        elif Counter(entry.sha256 for entry in entries) == Counter(entry.sha256 for entry in others):
            result.different += len(entries)
            result.differences.append(_difference(entries[0], "owner", _owners(entries), _owners(others)))
        elif _same_but_for_order(entries, others):
            result.other_column_order.append(entries[0].title)
        else:
            result.changed[key] = entries
    for key, entries in there.items():
        if key not in wanted:
            result.differences += [_difference(entry, "unexpected", "not in the dump", "there") for entry in entries]
    return result


def compare_one_by_one(expected: Iterable[Entry], found: Iterable[Entry]) -> Definitions:
    """Compare two long streams of definitions, both in the order of their names as numbers: large objects. Little is
    kept of what is equal.
    """
    result = Definitions()
    for ones, others in side_by_side(expected, found, _number):
        if ones == others:
            result.equal += len(ones)
        else:
            result.add(compare_definitions(ones, others))
    return result


def settle(changed: dict[_Key, list[Entry]], expected: Iterable[Entry], found: Iterable[Entry]) -> Definitions:
    """Judge what ``changed`` once more, by definitions of both sides that have been restored once more.

    What is equal there says the same; what is not stays a difference, and so does what neither side brought back whole.
    """
    result = Definitions()
    wanted, there = _by_key(expected), _by_key(found)
    for key, entries in changed.items():
        again, others = wanted.get(key, []), there.get(key, [])
        whole = len(again) >= len(entries)
        if whole and _signature(again) == _signature(others):
            result.equal += len(entries)
        elif whole and _same_but_for_order(again, others):
            result.other_column_order.append(entries[0].title)
        else:
            result.different += len(entries)
            result.differences.append(_changed(entries, again, others))
    return result


def of_the_server(expected: Iterable[Entry], found: Iterable[Entry], extensions: Iterable[str]) -> list[Entry]:
    """Return the expected entries of extensions that came with the server on the other side, and so are in no dump of
    it: plpgsql, where production's was made anew. ``extensions`` are those that the other side has.
    """
    defined = {entry.name for entry in found if entry.type == "EXTENSION"}
    present = {("EXTENSION", name) for name in extensions if name not in defined}
    present |= {("COMMENT", f"EXTENSION {name}") for _type, name in present}
    return [entry for entry in expected if (entry.type, entry.name) in present]


def _number(entry: Entry) -> int:
    return int(entry.name)


def _by_key(entries: Iterable[Entry]) -> dict[_Key, list[Entry]]:
    found: dict[_Key, list[Entry]] = {}
    for entry in entries:
        found.setdefault((entry.type, entry.schema, entry.name, entry.of), []).append(entry)
    return found


def _signature(entries: list[Entry]) -> Counter[tuple[str, str]]:
    return Counter((entry.sha256, entry.owner) for entry in entries)


def _same_but_for_order(entries: list[Entry], others: list[Entry]) -> bool:
    """Column order of an inheriting table is not kept by a restore: a known limit of pg_dump."""
    return all(entry.unordered_sha256 for entry in entries) and Counter(
        (entry.unordered_sha256, entry.owner) for entry in entries
    ) == Counter((entry.unordered_sha256, entry.owner) for entry in others)


def _owners(entries: list[Entry]) -> str:
    return ", ".join(sorted({entry.owner or "nobody" for entry in entries}))


def _changed(entries: list[Entry], again: list[Entry], others: list[Entry]) -> Difference:
    """Say what is known of a changed definition: digests after the second restore, or that it did not come back."""
    wanted = ", ".join(entry.sha256[:12] for entry in again or entries)
    found = ", ".join(entry.sha256[:12] for entry in others) or "cannot be restored once more"
    return _difference(entries[0], "changed", f"definition {wanted}", f"definition {found}")


def _difference(entry: Entry, kind: str, wanted: str, found: str) -> Difference:
    return Difference("objects", entry.title, kind, wanted, found)
