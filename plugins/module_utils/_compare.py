# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the restored copy, held against the manifest of its dump: every row, every definition.

Nothing is judged here: what is equal is counted, what differs is named, the whole list goes to a file.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ._archive_place import lent
from ._beside_tables import compare_large_objects, compare_materialized_views, compare_sequences
from ._census import Census, by_kind, read_census
from ._census import differences as census_differences
from ._census_file import load_census
from ._content import DIFFERENT, EQUAL, EQUAL_OTHER_ORDER, NOT_READABLE, TableResult, compare_tables
from ._definitions import (
    OF_PRIVILEGES,
    Definitions,
    Difference,
    comparable,
    compare_definitions,
    compare_one_by_one,
    of_the_server,
    settle,
)
from ._dump_definitions import DumpDefinitions, not_needed, occurring
from ._dumptext import DumpFile
from ._entries import Entry
from ._errors import CloseoutError
from ._files import pieces_with_digest, write_whole
from ._fingerprint import Fingerprint, compare_fingerprints, read_fingerprint
from ._fingerprint_sql import OWNER
from ._globals import monetary_settings
from ._identity import read_identity
from ._large_objects import TYPE as LARGE_OBJECT
from ._live_definitions import definitions_under_way
from ._live_large_objects import read_large_objects
from ._manifest import Manifest, read_manifest
from ._redeparse import restored_once_more
from ._restore_errors import LEFT_OUT
from ._scratch import Scratch
from ._server import Server, server_at
from ._session import Session

SCHEMA = "incomex.closeout/comparison/1"
_MAX_NAMED = 20


@dataclass(frozen=True)
class CompareRequest:
    """What to compare: the database ``db`` of the scratch server with the manifest of ``dump``.

    ``census`` is the path of production's census, "" where there is none: then the copy is held against its dump alone.
    ``jobs`` tables are read at a time; ``report`` is the path of the full list, "" for none. ``age_identity_file``
    opens an encrypted dump.
    """

    db: str
    dump: str
    manifest: str
    manifest_sha256: str
    census: str
    census_sha256: str
    globals_document: dict[str, Any]
    jobs: int = 2
    show_differences: bool = False
    report: str = ""
    age_identity_file: str = ""


def compare(scratch: Scratch, request: CompareRequest) -> dict[str, Any]:
    """Compare; return totals, the first differences, and where the full list is. Raises CloseoutError where there is
    nothing to compare, or something could not be read.
    """
    server = server_at(scratch.address)
    with contextlib.ExitStack() as opened:
        if os.path.isdir(request.dump):
            opened.enter_context(lent(request.dump, opened.enter_context(_session(server, request))))
        return _compared(server, request)


def _compared(server: Server, request: CompareRequest) -> dict[str, Any]:
    (manifest, size), production = _manifest_of(request), _census_of(request)
    dump = DumpFile(
        request.dump, server, identity_file=request.age_identity_file, run_id=server.address.run_id, size_bytes=size
    )
    with _session(server, request) as session:
        identity = read_identity(server, session)
        session.begin_snapshot()
        differences = list(compare_sequences(session, manifest))
        differences += compare_materialized_views(session, manifest)
        census, catalogues = read_census(session), read_fingerprint(session)
        large_objects = read_large_objects(session) if _are_plain(manifest, catalogues) else None
        session.rollback()
    # Begun here: the dump of a small database has come to its end before the tables have been compared.
    with definitions_under_way(
        server, request.db, request.globals_document, large_objects=large_objects is None
    ) as read_definitions:
        tables = compare_tables(
            lambda: _session(server, request),
            manifest.tables.values(),
            dump,
            encoding=manifest.encoding,
            jobs=request.jobs,
            show_differences=request.show_differences,
        )
        copy = read_definitions()
    if dump.is_encrypted():
        tables = [table._replace(detail=LEFT_OUT) if table.outcome == NOT_READABLE else table for table in tables]
    copy.large_objects = large_objects or copy.large_objects
    unequal = [_table_difference(table) for table in tables if table.outcome not in (EQUAL, EQUAL_OTHER_ORDER)]
    differences = unequal + differences
    if production is not None:
        differences += [
            Difference("objects", text, "catalogue", "as in production", "otherwise")
            for text in census_differences(production[0], census)
        ]
    differences += compare_large_objects(manifest, copy)
    without_owners = production is None and _names_no_owner(manifest)
    wanted, there = comparable(manifest.entries), list(_of_whom(comparable(copy.entries), without_owners))
    definitions = compare_definitions(wanted, there + of_the_server(wanted, there, census.extensions))
    large = _of_whom(copy.large_objects.sorted_entries(), without_owners)
    definitions.add(compare_one_by_one(manifest.large_objects.sorted_entries(), large))
    dumped = DumpDefinitions(dump, manifest.blocks, manifest.encoding)
    settled = _settle(server, request, dumped, manifest, definitions)
    differences += definitions.differences + settled.differences
    compared = None
    if production is not None:
        compared = compare_fingerprints(
            production[1],
            catalogues,
            redeparsed={
                (entry.schema, name) for entry in _changed(definitions) for name in (entry.name, entry.of) if name
            },
            occurring=lambda texts: occurring(dumped, texts),
            same_extensions=production[0].extensions == census.extensions,
        )
        differences += compared.differences
    other_order = [f"{table.schema}.{table.name}" for table in tables if table.outcome == EQUAL_OTHER_ORDER]
    after_redeparse = _titles(definitions, settled)
    other_columns = definitions.other_column_order + settled.other_column_order
    about = Counter(difference.about for difference in differences)
    facts = {
        "db": request.db,
        "server": {"sysid": identity.sysid, "postmaster_start_utc": identity.postmaster_start_utc},
        "manifest_sha256": request.manifest_sha256,
        "census_sha256": request.census_sha256,
        "tables": len(tables),
        "rows": sum(table.rows_found or 0 for table in tables),
        "equal": sum(table.outcome == EQUAL for table in tables),
        "equal_other_order": len(other_order),
        "objects": len(wanted) + manifest.large_objects.made,
        "objects_different": definitions.different + settled.different,
        "objects_equal": definitions.equal,
        "objects_equal_other_column_order": len(other_columns),
        "objects_equal_after_redeparse": settled.equal,
        "sequences": len(manifest.sequences),
        "large_objects": manifest.large_objects.filled,
        "census": {
            "kinds": dict(by_kind(census.objects, census.large_objects)),
            "counts": census.counts,
            "extensions": census.extensions,
        },
        "catalogue": compared
        and {
            "facts": compared.kinds,
            "equal": compared.equal,
            "equal_after_redeparse": compared.equal_after_redeparse,
            "not_compared": compared.not_compared,
        },
        **({} if production is not None else {"without_owners": without_owners}),
        "differences_total": len(differences),
        "content_differences": about["content"],
        "object_differences": about["objects"],
        "object_differences_of_privileges": sum(_is_of_privileges(difference) for difference in differences),
        "other_order": other_order[:_MAX_NAMED],
        "other_column_order": other_columns[:_MAX_NAMED],
        "after_redeparse": after_redeparse[:_MAX_NAMED],
        "differences": [difference._asdict() for difference in differences[:_MAX_NAMED]],
        "path": request.report,
    }
    if request.report:
        _keep(request.report, facts, tables, differences, other_columns, after_redeparse)
    return {"compare": facts}


@contextlib.contextmanager
def _session(server: Server, request: CompareRequest) -> Iterator[Session]:
    with server.session(request.db) as session:
        monetary_settings(session, request.globals_document)
        yield session


def _is_of_privileges(difference: Difference) -> bool:
    return difference.kind == "owner" or difference.object.startswith(OF_PRIVILEGES)


def _names_no_owner(manifest: Manifest) -> bool:
    """Whether the dump says of nothing whose it is: pg_dump --no-owner."""
    return not any(entry.owner or entry.type == "OWNER" for entry in manifest.all_entries())


def _of_whom(entries: Iterable[Entry], without_owners: bool) -> Iterator[Entry]:
    """Yield the copy's entries; without owners, where the dump names none to hold them against."""
    if not without_owners:
        return iter(entries)
    return (entry._replace(owner="") for entry in entries if entry.type != "OWNER")


def _census_of(request: CompareRequest) -> tuple[Census, Fingerprint] | None:
    if not request.census:
        return None
    return load_census(pieces_with_digest(request.census, request.census_sha256))


def _manifest_of(request: CompareRequest) -> tuple[Manifest, int]:
    """Return the manifest, and the size of its dump in bytes. Raises CloseoutError."""
    manifest, document = read_manifest(pieces_with_digest(request.manifest, request.manifest_sha256))
    if not manifest.complete or not manifest.number_of_entries or not manifest.tables:
        raise CloseoutError(
            f"The manifest {request.manifest} says of nothing what it should be",
            wanted="the definitions and tables of a complete dump",
            found=f"{manifest.number_of_entries} definitions, {len(manifest.tables)} tables,"
            f" complete: {manifest.complete}",
            do="an empty dump proves nothing; see whether it is the right database",
        )
    return manifest, (document.get("dump") or {}).get("size_bytes") or 0


def _settle(
    server: Server, request: CompareRequest, dumped: DumpDefinitions, manifest: Manifest, definitions: Definitions
) -> Definitions:
    """Settle texts that differ, by one more restore of both sides; nothing is restored where none does.

    Relations that these texts have nothing to do with are left out. What differs all the same is a difference only if
    it is one beside all the others.
    """
    if not definitions.changed:
        return Definitions()
    left_out = not_needed(dumped, manifest.entries, _changed(definitions))
    settled = _settled(server, request, dumped, definitions, left_out)
    return _settled(server, request, dumped, definitions, ()) if settled.differences and left_out else settled


def _settled(
    server: Server,
    request: CompareRequest,
    dumped: DumpDefinitions,
    definitions: Definitions,
    left_out: Collection[str],
) -> Definitions:
    sides = restored_once_more(server, request.db, request.globals_document, dumped, left_out)
    return settle(definitions.changed, *(comparable(side.entries) for side in sides))


def _titles(definitions: Definitions, settled: Definitions) -> list[str]:
    """Return the names of what is equal only after one more restore."""
    differing = {difference.object for difference in settled.differences} | set(settled.other_column_order)
    return [entry.title for entry in _changed(definitions) if entry.title not in differing]


def _changed(definitions: Definitions) -> list[Entry]:
    """Return the entries whose texts differ at first."""
    return [entry for entries in definitions.changed.values() for entry in entries]


def _are_plain(manifest: Manifest, copy: Fingerprint) -> bool:
    """Tell whether nothing is said of large objects, in the dump or in the copy, but whose they are and what is in
    them: then a dump of the copy would have nothing that cannot be read from it directly, and much faster.
    """
    # Names of roles in SQL_ASCII are bytes; they read otherwise in a session than in a dump.
    return (
        manifest.encoding != "SQL_ASCII"
        and not any(fact != OWNER and oids for fact, oids in copy.large_objects.items())
        and not any(LARGE_OBJECT in (entry.type, entry.name[: len(LARGE_OBJECT)]) for entry in manifest.entries)
    )


def _table_difference(table: TableResult) -> Difference:
    """Say of a table how many rows were expected and found, and what else is known; never a row."""
    kind = "content" if table.outcome == DIFFERENT else "not readable"
    found = "not read" if table.rows_found is None else f"{table.rows_found} rows"
    where = f"; the first that differs is row {table.first_difference}" if table.first_difference else ""
    detail = f": {table.detail}" if table.detail else ""
    title = f"TABLE {table.schema}.{table.name}"
    return Difference("content", title, kind, f"{table.rows_expected} rows", f"{found}{detail}{where}")


def _keep(
    path: str,
    facts: dict[str, Any],
    tables: list[TableResult],
    differences: list[Difference],
    other_columns: list[str],
    after_redeparse: list[str],
) -> None:
    """Write everything that was compared and found to a file."""
    document = {
        "schema": SCHEMA,
        **{name: value for name, value in facts.items() if name not in ("path", "other_order")},
        "other_column_order": other_columns,
        "after_redeparse": after_redeparse,
        "differences": [difference._asdict() for difference in differences],
        "tables": [table._asdict() for table in tables],
    }
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    write_whole(path, json.dumps(document, indent=1).encode("ascii") + b"\n", replace=True)
