# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the runs of a host: one for each of its databases, and what all of them came to."""

from __future__ import annotations

import re
from typing import Any, TypedDict

from ._settings import SETTINGS
from ._statistics import ALL_PASS, NOTHING, Told, key_for


class Run(TypedDict):
    """A run: the name under which it is told, and the settings (without prefix) that it has to itself."""

    key: str
    given: dict[str, Any]


def databases_of(given: Any) -> list[dict[str, Any]]:
    """Return the settings that each database has to itself, in the order given; one without any where none was given.

    ``given`` is a list of names and of mappings of settings with ``db`` among them, or names separated by commas or
    line breaks. Raises ValueError, which says what was wanted, what was found and what to do, without any value.
    """
    parts = re.split(r"[,\r\n]", given) if isinstance(given, str) else given
    if not parts:
        return [{}]
    if not isinstance(parts, list):
        raise ValueError(_wrong(f"a {type(parts).__name__}"))
    if isinstance(given, str):
        parts = [part for part in parts if part.strip()]
    elif parts == [""]:
        parts = []
    return [_database(part) for part in parts] or [{}]


def _database(part: Any) -> dict[str, Any]:
    if isinstance(part, (str, int)) and not isinstance(part, bool):
        part = {"db": part}
    if not isinstance(part, dict):
        raise ValueError(_wrong(f"a {type(part).__name__}"))
    db = part.get("db")
    name = "" if db is None else str(db).strip()
    if not name:
        raise ValueError(_wrong("one without a name"))
    unknown = sorted(str(name) for name in part if name not in SETTINGS)
    if unknown:
        raise ValueError(
            f"closeout_databases: {name}: {', '.join(unknown)}: wanted settings that a database can have to"
            " itself, which are the variables of the role without their prefix, but for passwords and whom to"
            " tell. Correct the name; for a password use closeout_passfile, which has a line for each server, database"
            " and user."
        )
    return {**part, "db": name}


def _wrong(found: str) -> str:
    return (
        "closeout_databases: wanted a list of database names, or of mappings with db and the settings of that database;"
        f" found {found}. Correct it, for example: closeout_databases: [directus, {{db: reports, schema: public}}]"
    )


def runs_of(databases: list[dict[str, Any]], told: Told, host: str, db: str) -> list[Run]:
    """Return the next runs of ``host``, by names that none in ``told`` has. ``db`` is the name of the database where
    there is but one, without settings of its own.
    """
    runs: list[Run] = []
    taken = dict(told)
    for database in databases:
        key = key_for(taken, host, str(database.get("db") or db))
        taken[key] = {}
        runs.append({"key": key, "given": database})
    return runs


def announced(runs: list[Run]) -> Told:
    """Return what is told of runs before they begin: FAIL."""
    return {run["key"]: dict(NOTHING) for run in runs}


def outcome(runs: list[Run], ended: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return whether all ``runs`` have ``passed``, whether the host ``fails`` for one of them, and a message.

    ``ended`` has for each of them by its key: result ("ALL_PASS", "FAIL"; "" for one that was only planned and is
    ready), ``fail`` (whether anything but a pass fails) and message. One that is not there has failed.
    """
    lost = {"result": "FAIL", "fail": True, "message": "CLOSEOUT_RESULT: FAIL. It did not come to its end."}
    each = {run["key"]: ended.get(run["key"]) or lost for run in runs}
    failed = {key: one for key, one in each.items() if one["result"] not in (ALL_PASS, "")}
    told = failed or each
    if len(each) == 1:
        message = "".join(str(one["message"]) for one in told.values())
    else:
        result = f"FAIL. {len(failed)} of {len(each)} databases" if failed else ALL_PASS
        head = f"CLOSEOUT_RESULT: {result}"
        message = "\n".join([head, *(f"{key}: {one['message']}" for key, one in told.items())])
    return {
        "passed": bool(each) and all(one["result"] == ALL_PASS for one in each.values()),
        "fails": not each or any(one["fail"] for one in failed.values()),
        "message": message,
    }
