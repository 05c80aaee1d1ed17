# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to incomex.closeout: what production's catalogues hold, as a file, for the comparison with the
copy's: census and fingerprint.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from ._census import Census
from ._errors import CloseoutError
from ._fingerprint import OF_LARGE_OBJECT, Fingerprint, Key, Mark
from ._fingerprint_sql import OF_LARGE_OBJECTS
from ._jsontext import json_pieces, read_json
from ._large_objects import TYPE as LARGE_OBJECT
from ._large_objects import is_oid

SCHEMA = "incomex.closeout/census/1"


def census_pieces(census: Census, fingerprint: Fingerprint, run_id: str) -> Iterator[bytes]:
    """Yield the file's content piece by piece."""
    return json_pieces({
        "schema": SCHEMA,
        "run_id": run_id,
        "objects": _objects(census),
        "counts": census.counts,
        "extensions": census.extensions,
        "lost": census.lost,
        "told": census.told,
        "fingerprint": _facts(fingerprint),
    })  # fmt: skip


def _objects(census: Census) -> Iterator[list[Any]]:
    for key, number in sorted(census.objects.items()):
        yield [*key, number, census.tables.get(key, [])]
    for oid in sorted(census.large_objects):
        yield [LARGE_OBJECT, "", str(oid), 1, []]


def _facts(fingerprint: Fingerprint) -> Iterator[list[Any]]:
    for key, mark in sorted(fingerprint.facts.items()):
        yield [*key, *mark]
    for fact, digests in sorted(fingerprint.large_objects.items()):
        for oid, digest in sorted(digests.items()):
            yield [fact, OF_LARGE_OBJECT, str(oid), digest, "", str(oid), []]


def load_census(pieces: Iterable[bytes]) -> tuple[Census, Fingerprint]:
    """Read what :func:`census_pieces` made. Raises CloseoutError."""
    census, fingerprint = Census(), Fingerprint()

    def take_object(found: Any) -> None:
        kind, schema, name, number, of = found
        if (kind, schema, number, of) == (LARGE_OBJECT, "", 1, []) and is_oid(name):
            census.large_objects.append(int(name))
            return
        key = (sys.intern(kind), sys.intern(schema), name)
        census.objects[key] = number
        if of:
            census.tables[key] = of

    def take_fact(found: Any) -> None:
        fact, type_, identity, digest, schema, name, texts = found
        if type_ == OF_LARGE_OBJECT and fact in OF_LARGE_OBJECTS and is_oid(identity):
            fingerprint.large_objects.setdefault(sys.intern(fact), {})[int(identity)] = sys.intern(digest)
        else:
            key = Key(sys.intern(fact), sys.intern(type_), identity)
            fingerprint.facts[key] = Mark(digest, sys.intern(schema), name, tuple(texts))

    try:
        document = read_json(pieces, {"objects": take_object, "fingerprint": take_fact})
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema {document['schema']!r}")
        census.counts, census.extensions = document["counts"], document["extensions"]
        census.lost, census.told = document["lost"], document["told"]
    except (ValueError, KeyError, TypeError) as error:
        raise CloseoutError(
            "The census of production's catalogues cannot be read",
            wanted=f"a JSON document with schema {SCHEMA}",
            found=repr(error),
            do="give the census.json that was written beside the dump",
        ) from error
    if not census.objects or not fingerprint:
        raise CloseoutError("The census of production's catalogues is empty", wanted="objects", found="none")
    return census, fingerprint
