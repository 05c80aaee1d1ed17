# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what a pass does not prove, as a record says it. docs/what-a-pass-proves.md has more."""

from __future__ import annotations

from ._outcome import Evidence, get

_ROWS_BEYOND = "That rows outside the audited schema are production's"
_LIMITS = {
    _ROWS_BEYOND: "In the dump and in the restored copy they are the same; production's were read in the audited"
    " schema only (closeout_production_content: all reads every table).",
    "That sequences in use are production's": "They are not transactional. Those that gave values while the dump was"
    " taken may hold a later one in it; they are counted.",
    "What every restore loses in the same way": "Where PostgreSQL prints an expression in another way after a restore,"
    " both sides were restored once more before they were compared; what both lose alike is not seen.",
    "That an index can be read": "Indexes, constraints and triggers were compared by their definitions; the restore"
    " made them.",
    "More than a checksum can": "Where the order of a table's rows differs, they were compared by the sum of their"
    " sha256: good against accidents, not against somebody who may make up billions of rows.",
    "What a dump of one database does not hold": "Other databases, passwords and settings of roles, settings of the"
    " database, configuration files, the places of tablespaces.",
    "What a dump has no rows of": "Foreign tables, materialized views, stored generated columns: the restore takes the"
    " rows and values anew, or leaves them where they are. They were not compared.",
    "What was changed in an extension": "Objects that were added to it by hand, functions of its own that were changed,"
    " its owner.",
    "What was changed in PostgreSQL's own schemas": "A text search configuration, function or cast of pg_catalog, or"
    " something put there, into information_schema or pg_toast.",
    "That production was at rest": "Unless closeout_production_quiet is set, rows that changed between the two"
    " witnesses are told, not judged.",
    "That nobody waited": "A dump holds a lock on every table until it ends; the longest wait for it is in this record."
    " It was looked at once a second: what was over sooner was not seen, nor who waited for the witnesses.",
    "What the operator states": "Attestations are printed as they were stated, not checked.",
    "That the file is still good next month": "sha256sum -c SHA256SUMS in the artefact directory says whether it is"
    " the same. Copy it off the host: a backup beside its server shares its fate.",
}
"""Each claim that nobody may read into a pass, in the words of the document, and why."""


def limits(evidence: Evidence) -> list[dict[str, str]]:
    """Return ``claim`` and ``why`` of everything that a pass of this run does not prove."""
    everything = get(evidence, "settings", "production_content") == "all"
    return [
        {"claim": claim, "why": why} for claim, why in _LIMITS.items() if not (everything and claim == _ROWS_BEYOND)
    ]
