# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the plan as a person reads it: what production is, and what the run would do where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ._compression import NONE
from ._findings import size, some
from ._formats import PLAIN
from ._history import path_below

_UNKNOWN = "could not be told"


def lines_of(
    settings: dict[str, Any], facts: dict[str, Any], *, ready: bool, retention: Sequence[str] = ()
) -> list[str]:
    """Return the plan line by line. What of ``facts`` is missing could not be told; a problem says why. ``retention``
    is what would be removed if the run passed. A run that is ``ready`` may be bound to fail all the same.
    """
    go = "yes, but it will FAIL, see the notes" if facts.get("will_fail") else "yes"
    return [
        *_production(settings, facts.get("production")),
        *_database(settings, facts.get("database")),
        *_dump(settings, facts.get("client")),
        *_scratch(settings, facts.get("scratch")),
        *(
            f"Room at {' and '.join(one['paths'])}: {one['for']}, estimated; {size(one['free_bytes'])} are free"
            for one in facts.get("space", [])
        ),
        f"Left afterwards: {settings['artefact']}, a line in {path_below(settings['root'])}{_metrics(settings)}, and"
        " nothing else",
        *([_told(settings)] if settings.get("notify_to") else []),
        *(["Then, if it passes:", *retention] if retention else []),
        f"Ready: {go if ready else 'no, see the problems'}",
    ]


def _told(settings: dict[str, Any]) -> str:
    when = "whatever it comes to" if settings["notify_when"] == "always" else "if it fails"
    return f"Told of it, {when}: {settings['notify_to']}, by the controller"


def _metrics(settings: dict[str, Any]) -> str:
    return f", the metrics in {settings['textfile_dir']}" if settings["textfile_dir"] else ""


def _production(settings: dict[str, Any], identity: dict[str, Any] | None) -> Iterator[str]:
    where = settings["login_host"] or settings["login_unix_socket"] or "the default socket"
    given = f"container {settings['container']}" if settings["container"] else f"{where}, port {settings['login_port']}"
    if identity is None:
        yield f"Production: {given}; its identity {_UNKNOWN}"
        return
    role = "a standby" if identity["in_recovery"] else "not a standby"
    yield (
        f"Production: {given}: PostgreSQL {identity['server_version']}, system identifier {identity['sysid']}, up since"
        f" {identity['postmaster_start_utc']}, {role}"
    )
    container = identity["container"]
    if container:
        yield f"Its container: {container['id'][:12]}, image {container['image']}, {container['status_text']}"


def _database(settings: dict[str, Any], database: dict[str, Any] | None) -> Iterator[str]:
    if database is None:
        yield f"Database: {settings['db']}, as user {settings['user']}; what it holds {_UNKNOWN}"
        return
    yield (
        f"Database: {settings['db']}, as user {settings['user']}; {size(database['size_bytes'])}, of which"
        f" {size(database['tables_bytes'])} are tables without indexes"
    )
    yield f"Encoding {database['encoding']}, locale {database['locale']} of {database['locale_provider']}"
    yield f"Extensions: {some(f'{name} {version}' for name, version in database['extensions'].items()) or 'none'}"
    yield f"Tablespaces: {some(database['tablespaces']) or 'none of its own'}"


def _dump(settings: dict[str, Any], client: dict[str, Any] | None) -> Iterator[str]:
    packed = "" if settings["compression"] == NONE else f", compressed by {settings['compression']}"
    kind = "plain SQL" if settings["format"] == PLAIN else f"format {settings['format']}"
    recipients = len(settings["age_recipients"])
    sealed = f", encrypted by age to {recipients} recipient{'s' * (recipients > 1)}" if recipients else ""
    yield f"Dump: {settings['dump_path']}, {kind}{packed}{sealed}, in one read-only snapshot"
    if client is None:
        yield f"Made by: a pg_dump that {_UNKNOWN}"
    else:
        yield f"Made by: {client['version']}, transport {client['transport']} ({client['transport_reason']})"
    expected = settings["expected_tables"]
    tables = f"exactly these {len(expected)} tables: {some(expected)}" if expected else "the tables of the snapshot"
    yield f"Expected in schema {settings['schema']}: {tables}"


def _scratch(settings: dict[str, Any], scratch: dict[str, Any] | None) -> Iterator[str]:
    in_docker = settings["scratch_driver"] == "docker"
    storage = f", {settings['scratch_storage']}, {settings['scratch_memory_mb']} MB of memory" if in_docker else ""
    if scratch is None:
        yield f"Scratch server: by the driver {settings['scratch_driver']}; what it would be {_UNKNOWN}"
    else:
        version = f"PostgreSQL {scratch['version']}" if scratch["version"] else f"a version that {_UNKNOWN}"
        yield f"Scratch server: {scratch['where']}, {version}{storage}"
    reach = "has no network" if in_docker else "listens to a Unix socket alone"
    yield (
        f"It is named {settings['scratch_name']}, {reach}, is removed after the test, and ends by itself"
        f" {settings['scratch_ttl_s']} s after its start"
    )
    yield f"Restored copy: database {settings['restore_db']} there, compared with the dump row for row"
