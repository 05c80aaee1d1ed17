# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the checks of the dump: complete, the expected tables and rows, and still the same."""

from __future__ import annotations

import os

from ._age import sizes_fit
from ._compression import COMPRESSIONS, NONE
from ._formats import FORMATS, PLAIN
from ._outcome import FAIL, NOT_RUN, PASS, Evidence, Outcome, get, is_count, same_rows, same_set, some

IN_MEMORY = ["docker", "tmpfs"]
"""Driver and storage of a scratch server whose data never comes to a disk."""


def dump_complete(evidence: Evidence) -> Outcome:
    """pg_dump ended with 0 and its end marker, and the file has the bytes that were written."""
    dump = evidence.get("dump")
    if not dump:
        return Outcome(NOT_RUN, "there is no dump")
    size = dump.get("size_bytes")
    if dump.get("rc") != 0 or isinstance(dump.get("rc"), bool):
        ended = "did not come to its end" if dump.get("rc") is None else f"ended with return code {dump['rc']}"
        return Outcome(FAIL, f"pg_dump {ended}")
    if dump.get("complete") is not True:
        return Outcome(FAIL, "the end marker is missing: the dump is cut off")
    if not is_count(size) or size == 0:
        return Outcome(FAIL, f"the dump has {size} bytes")
    text, compression = dump.get("text_bytes"), dump.get("compression")
    written = dump.get("format")
    as_it_is = written == PLAIN and compression == NONE
    encryption = dump.get("encryption")
    packed = size if encryption is None else get(encryption, "clear_bytes")
    if written not in FORMATS or compression not in COMPRESSIONS:
        return Outcome(FAIL, f"a dump of the format {written}, compressed by {compression}, is unknown")
    if not is_count(text) or not text or (as_it_is and text != packed):
        return Outcome(FAIL, f"{text} bytes of text, compressed by {compression}, cannot be {packed} bytes")
    recipients = get(encryption, "recipients")
    if encryption is not None and not (
        is_count(packed) and isinstance(recipients, list) and sizes_fit(size, packed, len(recipients))
    ):
        return Outcome(FAIL, f"{packed} bytes, encrypted, cannot be {size} bytes")
    listed = {one.get("name"): one.get("size_bytes") for one in dump.get("directory") or []}
    name = os.path.basename(str(dump.get("path") or ""))
    if name in listed and listed[name] != size:
        return Outcome(FAIL, f"{size} bytes were written, the file has {listed[name]}")
    return Outcome(PASS, f"pg_dump ended with 0, the end marker is there, {size} bytes")


def dump_encrypted(evidence: Evidence) -> Outcome:
    """Where the dump was to be encrypted, it is: to those recipients, on the disk, and opened for its restore; else it
    is not.
    """
    dump, wanted = evidence.get("dump"), get(evidence, "settings", "age_recipients")
    if not dump:
        return Outcome(NOT_RUN, "there is no dump")
    if not isinstance(wanted, list):
        return Outcome(FAIL, f"settings.age_recipients is {wanted!r}")
    encryption, on_disk = dump.get("encryption", ""), dump.get("encrypted_confirmed")
    recipients = get(encryption, "recipients") if isinstance(encryption, dict) else None
    if wanted and recipients != wanted:
        return Outcome(FAIL, f"encrypted to {some(recipients) if recipients else 'nobody'}, wanted: {some(wanted)}")
    if not wanted and encryption is not None:
        return Outcome(FAIL, "whether it is encrypted is not told, or it is, though closeout_age_recipients is empty")
    if on_disk is None:
        return Outcome(NOT_RUN, "the dump was not read again")
    if on_disk is not bool(wanted):
        return Outcome(FAIL, f"whether the dump on the disk is encrypted by age: {on_disk}")
    restored = get(evidence, "restore", "rc") is not None
    if restored and get(evidence, "restore", "decrypted") is not bool(wanted):
        return Outcome(FAIL, f"whether what was restored had been decrypted: {get(evidence, 'restore', 'decrypted')}")
    if not wanted:
        return Outcome(PASS, "that was not asked for: the dump lies on the disk in the clear")
    told = f"by {get(encryption, 'program')} {get(encryption, 'version')}, to {some(wanted)}"
    if not restored:
        return Outcome(PASS, f"{told}; it was not restored here")
    in_memory = [get(evidence, "settings", name) for name in ("scratch_driver", "scratch_storage")] == IN_MEMORY
    copy = "in memory" if in_memory else "in the clear, on the disk of the scratch server"
    return Outcome(PASS, f"{told}; decrypted for its restore; the restored copy was {copy}")


def dump_tables(evidence: Evidence) -> Outcome:
    """The dump creates exactly the expected tables."""
    if not evidence.get("dump"):
        return Outcome(NOT_RUN, "there is no dump")
    return same_set(get(evidence, "dump", "tables"), get(evidence, "settings", "expected_tables"), "the dump")


def dump_rows(evidence: Evidence) -> Outcome:
    """Each audited table has as many rows in the dump as in production's snapshot."""
    rows, tables = get(evidence, "dump", "rows"), get(evidence, "production", "snapshot", "tables")
    if not isinstance(rows, dict) or not isinstance(tables, dict):
        return Outcome(NOT_RUN, "the rows were not counted on both sides")
    counted = {name: get(facts, "rows") for name, facts in tables.items()}
    return same_rows(evidence, rows, counted, "the dump", "production's snapshot")


def sha256_confirmed(evidence: Evidence) -> Outcome:
    """What was written, what was restored and what is on the disk now are the same bytes."""
    taken = get(evidence, "dump", "sha256")
    again, restored = get(evidence, "dump", "sha256_confirmed"), get(evidence, "restore", "input_sha256")
    if not taken or not again:
        return Outcome(NOT_RUN, "the dump was not read again")
    if taken != again:
        return Outcome(FAIL, f"the file is not what was written: {taken} then, {again} now")
    if not restored:
        return Outcome(NOT_RUN, "the dump was not restored as a whole")
    if restored != taken:
        return Outcome(FAIL, f"what was restored is not what was written: {taken} written, {restored} restored")
    return Outcome(PASS, f"{taken}: written, restored and read again")
