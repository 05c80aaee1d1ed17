# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to incomex.closeout: what production's catalogues hold, as a file, for the comparison with the
copy's: census and fingerprint.
"""

from __future__ import annotations

import json
import sys
from collections import Counter

from ._census import Census
from ._errors import CloseoutError
from ._fingerprint import Fingerprint, Key, Mark
from ._jsontext import json_text

SCHEMA = "incomex.closeout/census/1"


def write_census(census: Census, fingerprint: Fingerprint, run_id: str) -> bytes:
    """Return the file's content."""
    return json_text({
        "schema": SCHEMA,
        "run_id": run_id,
        "objects": ([*key, number, census.tables.get(key, [])] for key, number in sorted(census.objects.items())),
        "counts": census.counts,
        "extensions": census.extensions,
        "lost": census.lost,
        "told": census.told,
        "fingerprint": ([*key, *mark] for key, mark in sorted(fingerprint.items())),
    })  # fmt: skip


def load_census(content: bytes) -> tuple[Census, Fingerprint]:
    """Read what :func:`write_census` made. Raises CloseoutError."""
    try:
        document = json.loads(content)
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema {document['schema']!r}")
        census = Census(
            objects=Counter({(kind, schema, name): number for kind, schema, name, number, _of in document["objects"]}),
            tables={(kind, schema, name): of for kind, schema, name, _number, of in document["objects"] if of},
            counts=document["counts"],
            extensions=document["extensions"],
            lost=document["lost"],
            told=document["told"],
        )
        fingerprint = {
            Key(sys.intern(fact), sys.intern(type_), identity): Mark(digest, sys.intern(schema), name, tuple(texts))
            for fact, type_, identity, digest, schema, name, texts in document["fingerprint"]
        }
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
