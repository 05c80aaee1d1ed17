# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the large objects of a live database, as a dump of it would have them.

pg_dump asks the server four times for each; here it is once for many.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from ._large_objects import Data, LargeObjects, entry_of
from ._session import Session

_AT_ONCE = 256
_FIRST_BYTES = 1 << 16
_NEXT_BYTES = 4 << 20
# In the order of an index: no list of all is needed.
_FOLLOWING = """
SELECT oid, pg_get_userbyid(lomowner), lo_get(oid, 0, %s)
FROM (SELECT oid, lomowner FROM pg_largeobject_metadata WHERE oid > %s ORDER BY oid LIMIT %s) AS following ORDER BY oid
"""


def read_large_objects(session: Session) -> LargeObjects:
    """Return which large objects there are, whose, and digests of their data. Raises CloseoutError."""
    found = LargeObjects()
    for owner, data in owners_and_data(session):
        found.make(entry_of(data.oid, owner))
        found.fill(data)
    return found


def owners_and_data(session: Session) -> Iterator[tuple[str, Data]]:
    """Yield owner and data of each large object, by id. Raises CloseoutError."""
    last = 0
    while True:
        found = session.rows(_FOLLOWING, [_FIRST_BYTES, last, _AT_ONCE])
        for oid, owner, data in found:
            yield owner, Data(oid, *_digest(session, oid, bytes(data)))
        if not found:
            return
        last = found[-1][0]


def _digest(session: Session, oid: int, first: bytes) -> tuple[int, str]:
    """Return length and sha256 of a large object whose beginning was read."""
    digest, length, wanted, piece = hashlib.sha256(first), len(first), _FIRST_BYTES, first
    while len(piece) == wanted:
        wanted = _NEXT_BYTES
        piece = bytes(session.value("SELECT lo_get(%s, %s, %s)", [oid, length, wanted]))
        digest.update(piece)
        length += len(piece)
    return length, digest.hexdigest()
