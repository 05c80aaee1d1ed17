# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the tables of a record's page: the biggest, the audited ones, what was compared."""

from __future__ import annotations

from typing import Any

from ._outcome import Evidence, get, is_count
from ._view_text import MISSING, listed, number, of_percent, size, text

_MAX_TABLES = 200
"""More than that is in the lists beside the record, which is to be read."""


def biggest(document: Evidence) -> list[dict[str, Any]]:
    """Return the dump's biggest tables: name, rows, size of the rows' text, and that in per cent of the first's."""
    tables = listed(get(document, "dump", "manifest", "biggest"))
    most = max((get(one, "bytes") for one in tables if is_count(get(one, "bytes"))), default=0)
    return [
        {
            "name": f"{text(get(one, 'schema'))}.{text(get(one, 'name'))}",
            "rows": number(get(one, "rows")),
            "size": size(get(one, "bytes")),
            "width": of_percent(get(one, "bytes"), most),
        }
        for one in tables
    ]


def audited(document: Evidence) -> dict[str, Any]:
    """Return the audited tables: the rows everywhere that they were counted, and whether the digests are the same."""
    names = dict.fromkeys(
        name
        for part in (("settings", "expected_tables"), ("dump", "tables"), ("restore", "tables"))
        for name in _names(get(document, *part))
    )
    snapshot = get(document, "production", "snapshot", "tables")
    counted = {
        "before": get(document, "production", "before", "rows"),
        "dump": get(document, "dump", "rows"),
        "restored": get(document, "restore", "rows"),
        "after": get(document, "production", "after", "rows"),
    }
    lines = [
        {
            "name": text(name),
            **{place: number(get(rows, name)) for place, rows in counted.items()},
            "snapshot": number(get(snapshot, name, "rows")),
            "content": _content(document, name),
        }
        for name in list(names)[:_MAX_TABLES]
    ]
    given = get(document, "settings", "expected_source") == "given"
    return {
        "schema": text(get(document, "settings", "schema")),
        "expected": number(len(_names(get(document, "settings", "expected_tables")))),
        "source": "as given" if given else "as production had them in the snapshot",
        "tables": lines,
        "left_out": len(names) - len(lines),
    }


def compared(document: Evidence) -> dict[str, Any]:
    """Return what was compared of the restored copy: how many of what, with which outcome, and each difference."""
    compare = get(document, "restore", "compare")
    census = get(document, "production", "snapshot", "census")
    kinds = get(census, "kinds")
    restored = get(compare, "census", "kinds")
    return {
        "done": compare is not None,
        "tables": {
            "all": number(get(compare, "tables")),
            "equal": number(get(compare, "equal")),
            "otherwise": [_count("equal in another row order", get(compare, "equal_other_order"))],
            "different": number(get(compare, "content_differences")),
        },
        "objects": {
            "all": number(get(compare, "objects")),
            "equal": number(get(compare, "objects_equal")),
            "otherwise": [
                _count("equal in another column order", get(compare, "objects_equal_other_column_order")),
                _count("equal after re-deparse", get(compare, "objects_equal_after_redeparse")),
            ],
            "different": number(get(compare, "object_differences")),
        },
        "facts": [
            _count("rows read in the copy", get(compare, "rows")),
            _count("values of sequences", get(compare, "sequences")),
            _count("large objects", get(compare, "large_objects")),
            _count("facts of the catalogues that are production's", get(compare, "catalogue", "equal")),
            _count("of them after re-deparse", get(compare, "catalogue", "equal_after_redeparse")),
            {"label": "all of it", "value": text(get(compare, "path"))},
        ],
        "kinds": [
            {
                "kind": text(kind),
                "production": number(get(counts, "production")),
                "dump": number(get(counts, "dump")),
                "restored": number(get(restored, kind)) if compare is not None else MISSING,
            }
            for kind, counts in sorted((kinds if isinstance(kinds, dict) else {}).items())
        ],
        "differences": [
            {name: text(get(one, name)) for name in ("object", "kind", "wanted", "found")}
            for one in listed(get(compare, "differences"))
        ],
        "told": [
            told
            for told in (
                _told("Equal in another row order", get(compare, "other_order"), get(compare, "equal_other_order")),
                _told(
                    "Equal in another column order",
                    get(compare, "other_column_order"),
                    get(compare, "objects_equal_other_column_order"),
                ),
                _told(
                    "Equal after re-deparse",
                    get(compare, "after_redeparse"),
                    get(compare, "objects_equal_after_redeparse"),
                ),
                _told("Left out by pg_dump", get(census, "left_out"), get(census, "left_out_total")),
                _told("In the dump only", get(census, "unexplained"), get(census, "unexplained_total")),
                _told("Not in a dump by its nature", get(census, "told"), get(census, "told_total")),
            )
            if told["names"]
        ],
    }


def _told(title: str, names: Any, total: Any) -> dict[str, Any]:
    return {"title": f"{title}: {number(total)}", "names": [text(one) for one in listed(names)]}


def _count(label: str, value: Any) -> dict[str, str]:
    return {"label": label, "value": number(value)}


def _content(document: Evidence, name: str) -> str:
    """Return what became of a table's digests: production's in the snapshot, and the dump's."""
    production = get(document, "production", "snapshot", "tables", name, "sha256")
    dumped = get(document, "dump", "content", name)
    if production is None or dumped is None:
        return text(get(document, "dump", "without_data", name))
    return "equal" if production == dumped else "different"


def _names(value: Any) -> list[str]:
    return [one for one in listed(value) if isinstance(one, str)]
