# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a fingerprint of the catalogues: a digest of everything they say of each object.

Definitions of dump and copy come from pg_dump: what it gets wrong is wrong in both. A fingerprint is asked of the
catalogues themselves, in production's snapshot and in the restored copy, and needs no pg_dump.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from ._catalogues import COMMENTED, OBJECTS_AND_PARTS
from ._definitions import Difference
from ._dump_definitions import Texts
from ._fingerprint_sql import (
    DEPARSED,
    EXTENSION_PRIVILEGES,
    OF_LARGE_OBJECTS,
    OWNER,
    PRIVILEGES,
    fact_queries,
)
from ._session import Session

_DIGEST = "left(encode(sha256(convert_to(coalesce(f.said, ''), getdatabaseencoding())), 'hex'), 32)"
OF_LARGE_OBJECT = "large object"
"""The type of large objects in pg_identify_object()."""

# So begin the names of differences that _definitions.OF_PRIVILEGES counts apart; default privileges do by themselves.
_PREFIX = {OWNER: "OWNER ", PRIVILEGES: "ACL ", EXTENSION_PRIVILEGES: "ACL "}


class Key(NamedTuple):
    """A fact: its sort (column, owner, …), and type and identity of the object as pg_identify_object() has them."""

    fact: str
    type: str
    identity: str


class Mark(NamedTuple):
    """The digest of a fact, schema and name of the object that it is of (the table of an index), and the texts that
    occur together in a statement of a dump."""

    digest: str
    schema: str
    object: str
    texts: tuple[str, ...] = ()


@dataclass
class Fingerprint:
    """All facts of one database. Those of large objects are digests by sort and id: there may be millions."""

    facts: dict[Key, Mark] = field(default_factory=dict)
    large_objects: dict[str, dict[int, str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.facts) + sum(map(len, self.large_objects.values()))


@dataclass
class Comparison:
    """Two fingerprints, held against each other. ``kinds`` counts the copy's facts by sort; ``equal`` are so as they
    are, ``equal_after_redeparse`` belong to definitions that say the same after one more restore, ``not_compared`` hang
    on extensions in other versions.
    """

    kinds: dict[str, int] = field(default_factory=dict)
    equal: int = 0
    equal_after_redeparse: int = 0
    not_compared: int = 0
    differences: list[Difference] = field(default_factory=list)


def read_fingerprint(session: Session) -> Fingerprint:
    """Read the fingerprint of the session's database, in the session's snapshot where it has one.

    Every role that may connect can read it. Raises CloseoutError.
    """
    queries = fact_queries(session.server_version_num, COMMENTED)
    found: dict[Key, list[Mark]] = {}
    fingerprint = Fingerprint()
    for fact in sorted(OF_LARGE_OBJECTS & set(queries)):
        fingerprint.large_objects[fact] = _of_large_objects(session, queries[fact])
    # At once: what is the user's own is found but once, which takes longer than most of the facts.
    facts = " UNION ALL ".join(_facts(fact, query) for fact, query in queries.items())
    for fact, type_, identity, schema, name, digest, texts in session.rows(
        f"{OBJECTS_AND_PARTS}, facts (fact, classid, objid, objsubid, schema, name, said, texts) AS ({facts})"
        f" SELECT f.fact, coalesce(o.type, ''), coalesce(o.identity, ''), f.schema, f.name, {_DIGEST}, f.texts"
        " FROM facts f, LATERAL pg_identify_object(f.classid, f.objid, f.objsubid) o"
    ):
        mark = Mark(digest, schema, name, tuple(text for text in texts or () if text))
        found.setdefault(Key(fact, type_, identity), []).append(mark)
    # More than one label may be on one object.
    fingerprint.facts = {
        key: marks[0] if len(marks) == 1 else marks[0]._replace(digest="+".join(sorted(mark.digest for mark in marks)))
        for key, marks in found.items()
    }
    return fingerprint


def _facts(fact: str, query: str) -> str:
    """Return the query for one sort of facts, but for those of large objects, in columns that all sorts have."""
    deparsed = fact in DEPARSED
    columns = "classid, objid, objsubid, schema, name, said" + (", texts" if deparsed else "")
    return (
        f"SELECT '{fact}', q.classid::oid, q.objid, q.objsubid, q.schema::text, q.name::text, q.said,"
        f" {'q.texts' if deparsed else 'NULL::text[]'} FROM ({query}) q ({columns})"
        + (" WHERE q.classid::oid <> 'pg_largeobject'::regclass" if fact in OF_LARGE_OBJECTS else "")
    )


def _of_large_objects(session: Session, query: str) -> dict[int, str]:
    """Return the digests of one sort of facts by the ids of the large objects that have it."""
    found: dict[int, str] = {}

    def take(line: bytes) -> None:
        oid, digest = line.split()
        # Most of them have one owner.
        found[int(oid)] = sys.intern(digest.decode("ascii"))

    # Line by line: a list of rows would take many times the memory. More than one label may be on one object.
    session.copy_out(
        f"COPY ({OBJECTS_AND_PARTS}, facts (classid, objid, objsubid, schema, name, said) AS ({query})"
        f" SELECT f.objid, string_agg({_DIGEST}, '+' ORDER BY {_DIGEST}) FROM facts f"
        " WHERE f.classid::oid = 'pg_largeobject'::regclass GROUP BY f.objid) TO STDOUT",
        take,
    )
    return found


def count_facts(fingerprint: Fingerprint) -> dict[str, int]:
    """Return how many facts of each sort there are."""
    counts = Counter(key.fact for key in fingerprint.facts)
    counts.update({fact: len(digests) for fact, digests in fingerprint.large_objects.items() if digests})
    return dict(sorted(counts.items()))


def compare_fingerprints(
    production: Fingerprint,
    copy: Fingerprint,
    *,
    redeparsed: Collection[tuple[str, str]],
    occurring: Callable[[Collection[Texts]], set[Texts]],
    same_extensions: bool,
) -> Comparison:
    """Compare. ``redeparsed`` are schema and name of objects whose definitions are equal after one more restore: their
    deparsed texts may differ here, if production's are ``occurring`` in the dump.
    """
    result = Comparison(kinds=count_facts(copy))
    other_texts: dict[Key, Mark] = {}
    lacking: set[tuple[str, str]] = set()
    objects = {(mark.schema, mark.object) for mark in copy.facts.values()}
    for key, mark in production.facts.items():
        found, of = copy.facts.get(key), (mark.schema, mark.object)
        if key.fact == EXTENSION_PRIVILEGES and not same_extensions:
            result.not_compared += 1
        elif found is None:
            # One line for an object that is not there with all that belongs to it.
            if of in objects or of not in lacking:
                result.differences.append(_difference(key, "as in production", "not restored"))
            lacking.add(of)
        elif found.digest == mark.digest:
            result.equal += 1
        elif key.fact in DEPARSED and of in redeparsed:
            other_texts[key] = mark
        else:
            result.differences.append(_difference(key, "as in production", "otherwise"))
    for key in copy.facts:
        if key not in production.facts and (key.fact != EXTENSION_PRIVILEGES or same_extensions):
            result.differences.append(_difference(key, "not in production", "there"))
    _compare_large_objects(production, copy, result)
    texts = {key: Texts(mark.schema, mark.object, mark.texts) for key, mark in other_texts.items() if mark.texts}
    dumped = occurring(set(texts.values())) if texts else set()
    for key in other_texts:
        if texts.get(key) in dumped:
            result.equal_after_redeparse += 1
        else:
            result.differences.append(_difference(key, "in the dump as in production", "otherwise"))
    return result


def _compare_large_objects(production: Fingerprint, copy: Fingerprint, result: Comparison) -> None:
    """Compare the facts of large objects; one line for an object that is not there with all that belongs to it."""
    lacking: set[int] = set()
    for fact in sorted({**production.large_objects, **copy.large_objects}):
        here, there = production.large_objects.get(fact, {}), copy.large_objects.get(fact, {})
        if here == there:
            result.equal += len(here)
            continue
        for oid in sorted({**here, **there}):
            key, one, other = Key(fact, OF_LARGE_OBJECT, str(oid)), here.get(oid), there.get(oid)
            if one == other:
                result.equal += 1
            elif one is None:
                result.differences.append(_difference(key, "not in production", "there"))
            elif other is not None:
                result.differences.append(_difference(key, "as in production", "otherwise"))
            elif oid not in lacking:
                result.differences.append(_difference(key, "as in production", "not restored"))
                if not any(oid in digests for digests in copy.large_objects.values()):
                    lacking.add(oid)


def _difference(key: Key, wanted: str, found: str) -> Difference:
    title = f"{_PREFIX.get(key.fact, '')}{key.type.upper()} {key.identity}"
    return Difference("objects", title, f"catalogue: {key.fact}", wanted, found)
