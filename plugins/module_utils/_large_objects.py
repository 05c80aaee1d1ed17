# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the large objects of a dump, some 50 bytes for each: there may be millions of them.

What is alike in all of them is kept once: the statement that makes one says nothing but its id.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Iterator
from typing import Any, NamedTuple

from ._entries import Entry

TYPE = "LARGE OBJECT"
_DIGEST_BYTES = 32
_OID = re.compile(r"(?:0|[1-9][0-9]{0,9})\Z")
_MAX_OID = (1 << 32) - 1
# Which type has four bytes depends on the machine.
_OIDS = next(code for code in "IL" if array(code).itemsize == 4)


class Oids(array):  # type: ignore[type-arg]
    """Object ids, four bytes each."""

    def __new__(cls) -> Oids:
        return super().__new__(cls, _OIDS)


class Data(NamedTuple):
    """The data of one large object."""

    oid: int
    bytes: int
    sha256: str


class LargeObjects:
    """Which large objects a dump makes, whose they are, and what it writes into them; in the dump's order."""

    def __init__(self) -> None:
        self._made = array(_OIDS)
        self._owner_of_made = array(_OIDS)
        self._owners = {"": 0}
        self._next = 0
        self._filled = array(_OIDS)
        self._sizes = array("Q")
        self._digests = bytearray()
        self._writing: Any = None

    @property
    def made(self) -> int:
        """How many the dump makes."""
        return len(self._made)

    @property
    def filled(self) -> int:
        """How many it opens to write data into."""
        return len(self._filled)

    def make(self, entry: Entry) -> bool:
        """Take an entry in; False for one that says more than that it is a large object, and whose."""
        if entry.type != TYPE or not is_oid(entry.name) or entry != entry_of(int(entry.name), entry.owner):
            return False
        self._made.append(int(entry.name))
        self._owner_of_made.append(self._owners.setdefault(entry.owner, len(self._owners)))
        return True

    def own(self, oid: int, owner: str) -> bool:
        """Give one its owner; False where it is not made here, or has one."""
        place = self._next
        if oid > _MAX_OID:
            return False
        if self._made[place : place + 1] != array(_OIDS, [oid]):
            # A dump gives them their owners in the order in which it makes them, but for those that get none.
            try:
                place = self._made.index(oid)
            except ValueError:
                return False
        if self._owner_of_made[place]:
            return False
        self._owner_of_made[place] = self._owners.setdefault(owner, len(self._owners))
        self._next = place + 1
        return True

    def entries(self) -> Iterator[Entry]:
        """Yield an entry for each that is made."""
        names = list(self._owners)
        for oid, owner in zip(self._made, self._owner_of_made):
            yield entry_of(oid, names[owner])

    def open(self, oid: int) -> None:
        """Begin with the data of one; those of the one before it have ended. Raises ValueError for no object id."""
        self.fill(Data(oid, 0, _EMPTY))
        self._writing = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Add to the data of the one that is open. Raises ValueError where none is."""
        if self._writing is None:
            raise ValueError("no large object is open")
        self._writing.update(data)
        self._sizes[-1] += len(data)
        self._digests[-_DIGEST_BYTES:] = self._writing.digest()

    def close(self) -> None:
        """End the data of the one that is open."""
        self._writing = None

    def fill(self, data: Data) -> None:
        """Take the data of one in. Raises ValueError for what cannot be data of a large object."""
        digest = bytes.fromhex(data.sha256)
        if not 0 <= data.oid <= _MAX_OID or not 0 <= data.bytes < 1 << 64 or len(digest) != _DIGEST_BYTES:
            raise ValueError(f"data of a large object: {data}")
        self._filled.append(data.oid)
        self._sizes.append(data.bytes)
        self._digests += digest

    def data(self) -> Iterator[Data]:
        """Yield the data of each."""
        return map(self._data, range(len(self._filled)))

    def sorted_data(self) -> Iterator[Data]:
        """Yield the data of each, by id."""
        return map(self._data, sorted(range(len(self._filled)), key=self._filled.__getitem__))

    def sorted_entries(self) -> Iterator[Entry]:
        """Yield an entry for each that is made, by id."""
        names = list(self._owners)
        for place in sorted(range(len(self._made)), key=self._made.__getitem__):
            yield entry_of(self._made[place], names[self._owner_of_made[place]])

    def _data(self, place: int) -> Data:
        digest = self._digests[place * _DIGEST_BYTES : (place + 1) * _DIGEST_BYTES]
        return Data(self._filled[place], self._sizes[place], digest.hex())


_EMPTY = hashlib.sha256().hexdigest()


def statement_of(oid: int) -> bytes:
    """Return the statement that makes a large object, as pg_dump writes it."""
    return b"SELECT pg_catalog.lo_create('%d');" % oid


def entry_of(oid: int, owner: str) -> Entry:
    """Return the entry of a large object."""
    return Entry(TYPE, "", str(oid), owner=owner, sha256=hashlib.sha256(statement_of(oid)).hexdigest())


def is_oid(name: str) -> bool:
    """Tell whether a name is an object id, written as PostgreSQL writes it."""
    return isinstance(name, str) and _OID.match(name) is not None and int(name) <= _MAX_OID
