# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what is to be verified: an artefact of ours with all that it says of itself, or a dump
alone. It is only ever read.

What a restore needs and must not change while it goes on is copied to the directory of the verification: the globals,
and an archive that is a directory. pg_restore reads such a one by its path, as a user who may not read it, and nobody
changes an owner or a mode in what is verified.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ._abandoned import COPY, COPY_EXPIRES
from ._age import PROGRAM
from ._artefact import MARKER, SUMS
from ._clock import utc_now
from ._compression import NONE
from ._deadline import deadline
from ._dump_globals import empty_globals
from ._dump_head import TOC, DumpHead, read_head
from ._dumptext import DumpFile
from ._errors import CloseoutError
from ._files import new_file, pieces_of, read_whole, write_whole
from ._findings import some
from ._formats import CUSTOM, DIRECTORY, PLAIN
from ._progress import meter
from ._recorded import EVIDENCE, Recorded, read_recorded, read_recorded_globals
from ._signature import SIGNATURE, verify
from ._sums import LIMIT_BYTES, files_of, held, read_sums

ARTEFACT, DUMP = "artefact", "dump"
MANIFEST, CENSUS, GLOBALS = "manifest.json", "census.json", "globals.json"


@dataclass(frozen=True)
class Subject:
    """What is at ``path``. ``dump`` is the path of the dump in it, ``recorded`` None for a dump alone; ``beside`` is
    the artefact directory of ours that such a dump lies in, "" for none.
    """

    path: str
    dump: str
    format: str
    compression: str
    head: DumpHead
    encrypted: bool = False
    recorded: Recorded | None = None
    beside: str = ""

    @property
    def kind(self) -> str:
        """Whether it is an artefact or a dump."""
        return DUMP if self.recorded is None else ARTEFACT


def look_at(path: str, identity_file: str = "") -> Subject:
    """Look at it; little of it is read. ``identity_file`` opens an encrypted dump.

    Raises CloseoutError for what cannot be verified.
    """
    recorded, dump, beside = None, path, ""
    if os.path.isdir(path) and not os.path.lexists(os.path.join(path, TOC)):
        if not os.path.lexists(os.path.join(path, EVIDENCE)):
            raise CloseoutError(
                f"{path} is nothing that can be verified",
                wanted=f"an artefact directory, which has a {EVIDENCE}, or a dump",
                found=f"a directory with neither {EVIDENCE} nor {TOC}",
                do="correct closeout_verify_path; of an artefact that was never finished verify the dump itself",
            )
        recorded = read_recorded(path)
        if recorded.dump_name in ("", ".", ".."):
            raise CloseoutError(f"The evidence of {path} names no dump", wanted="its name", found="none")
        dump = os.path.join(path, recorded.dump_name)
    elif os.path.lexists(os.path.join(os.path.dirname(path), MARKER)):
        beside = os.path.dirname(path)
    file = DumpFile(dump, identity_file=identity_file)
    kind = file.kind()
    written, compression = (kind, NONE) if kind in (CUSTOM, DIRECTORY) else (PLAIN, kind)
    encrypted = kind != DIRECTORY and file.is_encrypted()
    return Subject(path, dump, written, compression, read_head(file), encrypted, recorded, beside)


@dataclass(frozen=True)
class ReadRequest:
    """What to read: the subject's ``path``. ``directory`` is that of the verification, ``ttl_s`` how long a copy in it
    is needed at most. ``sha256`` is the dump's digest as somebody gave it, "" for nobody. ``age_identity_file`` opens
    an encrypted dump.
    """

    path: str
    directory: str
    ttl_s: int
    sha256: str = ""
    allowed_signers: str = ""
    signer: str = ""
    schema: str = ""
    expected_tables: tuple[str, ...] = ()
    sysids: tuple[str, ...] = ()
    age_identity_file: str = ""


def read_subject(request: ReadRequest) -> dict[str, Any]:
    """Read the subject whole; return what it is, whether its files are those that were sealed, what it says of itself,
    and what its restore needs.

    Raises CloseoutError, with the facts, where it is not what was recorded: then nothing of it is to be executed.
    """
    subject = look_at(request.path, request.age_identity_file)
    digests, others = _digests(subject)
    dump_sha256 = _digest_of_dump(subject, digests)
    facts: dict[str, Any] = {
        "subject": {
            "path": subject.path,
            "kind": subject.kind,
            "dump": subject.dump,
            "format": subject.format,
            "compression": subject.compression,
            "encryption": PROGRAM if subject.encrypted else NONE,
            "size_bytes": _size_of_dump(subject, digests),
            "sha256": dump_sha256,
            "sha256_given": request.sha256,
            "database_version": subject.head.database,
            "pg_dump_version": subject.head.pg_dump,
            "beside": subject.beside,
            "read_utc": utc_now(),
        },
        "sums": None,
        "signature": None,
        "recorded": None,
    }
    if subject.recorded is not None:
        listed, sealed = _seal(subject, digests)
        facts["sums"] = held(listed, digests, others)
        facts["signature"] = _signature(subject, sealed, request)
        facts["recorded"] = subject.recorded.as_facts()
        _refuse_other(subject, subject.recorded, listed, digests, dump_sha256, facts)
    if request.sha256 not in ("", dump_sha256):
        raise CloseoutError(
            f"The dump {subject.dump} is not the one that was meant",
            wanted=f"sha256 {request.sha256}, closeout_verify_sha256",
            found=dump_sha256,
            do="find out which dump that is; nothing of it was restored",
            facts=facts,
        )
    return {**facts, **_prepared(subject, subject.recorded, request, digests, dump_sha256)}


def read_again(path: str, identity_file: str = "") -> dict[str, Any]:
    """Read the subject whole once more, after everything; return what it is now."""
    subject = look_at(path, identity_file)
    digests, others = _digests(subject)
    sums = held(_seal(subject, digests)[0], digests, others) if subject.recorded is not None else None
    return {"again": {"sha256": _digest_of_dump(subject, digests), "sums": sums, "read_utc": utc_now()}}


def _digests(subject: Subject) -> tuple[dict[str, str], list[str]]:
    """Return the digest of every file by its name below the subject, and the names of what is no plain file."""
    names: list[str] = [""]
    others: list[str] = []
    if os.path.isdir(subject.path):
        names, others = files_of(subject.path)
    if subject.recorded is None and others:
        raise CloseoutError(
            f"The dump {subject.path} is not one that pg_dump wrote", wanted="plain files alone", found=some(others)
        )
    paths = [os.path.join(subject.path, name) if name else subject.path for name in names]
    meter.begin("checksum", total_bytes=sum(os.lstat(one).st_size for one in paths))
    found = {}
    for name, path in zip(names, paths):
        digest = hashlib.sha256()
        for piece in pieces_of(path):
            digest.update(piece)
            meter.add(len(piece))
        found[name] = digest.hexdigest()
    return found, others


def _names_in_dump(subject: Subject, names: Iterable[str]) -> list[str]:
    """Return which of the files below the subject are the dump's."""
    whole = os.path.relpath(subject.dump, subject.path)
    if subject.format == DIRECTORY:
        return [name for name in names if whole == "." or name.startswith(whole + "/")]
    return ["" if whole == "." else whole]


def _digest_of_dump(subject: Subject, digests: dict[str, str]) -> str:
    """Return it as :mod:`._dumpdigest` has it: a directory's is that of the list of its files."""
    names = _names_in_dump(subject, digests)
    if subject.format != DIRECTORY:
        return digests[names[0]]
    by_name = {os.path.basename(name): digests[name] for name in names}
    lines = [f"{by_name[name]}  {name}\n" for name in sorted(by_name, key=os.fsencode)]
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _size_of_dump(subject: Subject, digests: dict[str, str]) -> int:
    names = _names_in_dump(subject, digests)
    return sum(os.lstat(os.path.join(subject.path, name) if name else subject.path).st_size for name in names)


def _seal(subject: Subject, digests: dict[str, str]) -> tuple[dict[str, str], bytes]:
    """Return the digests that SHA256SUMS lists, none where it is not there, and its content."""
    if SUMS not in digests:
        return {}, b""
    content = read_whole(os.path.join(subject.path, SUMS), LIMIT_BYTES)
    return read_sums(content), content


def _signature(subject: Subject, sealed: bytes, request: ReadRequest) -> dict[str, Any]:
    path = os.path.join(subject.path, SIGNATURE)
    facts: dict[str, Any] = {
        "there": os.path.lexists(path),
        "asked_for": bool(request.allowed_signers),
        "good": None,
        "signer": "",
        "said": "",
    }
    if facts["there"] and request.allowed_signers:
        facts.update(verify(sealed, path, request.allowed_signers, request.signer)._asdict())
    return facts


def _refuse_other(
    subject: Subject,
    recorded: Recorded,
    listed: dict[str, str],
    digests: dict[str, str],
    dump_sha256: str,
    facts: dict[str, Any],
) -> None:
    """Refuse an artefact whose dump, or whose evidence that the test relies on, is not what was recorded."""
    dump, of_evidence = recorded.document["dump"], recorded.document["production"]["snapshot"]["census"]
    wrong = [
        name
        for name in [*_names_in_dump(subject, {**digests, **listed}), EVIDENCE, MANIFEST, CENSUS, GLOBALS]
        if digests.get(name) is None or digests[name] != listed.get(name)
    ]
    # The evidence that was read, and what it says of the others.
    pairs = {
        EVIDENCE: (hashlib.sha256(recorded.content).hexdigest(), digests.get(EVIDENCE)),
        recorded.dump_name: (dump["sha256"], dump_sha256),
        MANIFEST: (dump["manifest"]["sha256"], digests.get(MANIFEST)),
        CENSUS: (of_evidence["sha256"], digests.get(CENSUS)),
    }
    wrong += [name for name, (one, other) in pairs.items() if one != other]
    if wrong:
        raise CloseoutError(
            "The artefact is not what was sealed",
            wanted=f"the dump and its evidence with the digests of {SUMS} and {EVIDENCE}",
            found=f"other ones, or none: {some(dict.fromkeys(wrong))}",
            do="do not rely on it; take another copy of the artefact. Nothing of it was restored",
            facts=facts,
        )


def _prepared(
    subject: Subject, recorded: Recorded | None, request: ReadRequest, digests: dict[str, str], dump_sha256: str
) -> dict[str, Any]:
    """Make in the directory of the verification what the restore needs; return where all of it is."""
    globals_path = os.path.join(request.directory, GLOBALS)
    if recorded is None:
        content = json.dumps(empty_globals(), indent=1).encode("ascii") + b"\n"
    else:
        content = read_whole(os.path.join(subject.path, GLOBALS))
        if hashlib.sha256(content).hexdigest() != digests[GLOBALS]:
            raise CloseoutError(f"{GLOBALS} was changed while it was read", do="find out who writes to the artefact")
        read_recorded_globals(content)
    write_whole(globals_path, content)
    copy = ""
    if subject.format == DIRECTORY:
        copy = _copied(subject.dump, request.directory, request.ttl_s, dump_sha256)
    identity = {} if recorded is None else recorded.identity
    census = {} if recorded is None else recorded.document["production"]["snapshot"]["census"]
    audit = {
        "schema": request.schema,
        "expected_tables": list(request.expected_tables),
        "standby": False,
    }
    if recorded is not None:
        audit = {
            "schema": recorded.document["settings"]["schema"],
            "expected_tables": recorded.document["settings"]["expected_tables"],
            "standby": recorded.identity["in_recovery"],
        }
    manifest_directory = request.directory if recorded is None else subject.path
    return {
        "restore_from": {
            "path": copy or subject.dump,
            "copied_to": copy,
            "globals": globals_path,
            "manifest": os.path.join(manifest_directory, MANIFEST),
            "manifest_sha256": "" if recorded is None else recorded.document["dump"]["manifest"]["sha256"],
            "census": "" if recorded is None else os.path.join(subject.path, CENSUS),
            "census_sha256": str(census.get("sha256") or ""),
        },
        "guard": {
            "production": identity,
            "sysids": list(request.sysids),
            "all_sysids": [*([identity["sysid"]] if identity else []), *request.sysids],
            "unknown": not identity and not request.sysids,
        },
        "audit": audit,
    }


def _copied(path: str, directory: str, ttl_s: int, sha256: str) -> str:
    """Copy an archive that is a directory; return the copy's path. It is removed with the scratch server, and by the
    reaper when its time is up. Raises CloseoutError where it is not what was read before.
    """
    expires_utc, expires_boot = deadline(ttl_s)
    mark = json.dumps({"expires_utc": expires_utc, "expires_boot": expires_boot}).encode("ascii")
    write_whole(os.path.join(directory, COPY_EXPIRES), mark)
    copy = os.path.join(directory, COPY)
    os.mkdir(copy, 0o700)
    lines = []
    for name in sorted(os.listdir(path), key=os.fsencode):
        digest = hashlib.sha256()
        with new_file(os.path.join(copy, name)) as file:
            for piece in pieces_of(os.path.join(path, name)):
                file.write(piece)
                digest.update(piece)
            file.complete()
        lines.append(f"{digest.hexdigest()}  {name}\n")
    if hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest() != sha256:
        raise CloseoutError(
            f"The archive {path} was changed while it was copied", do="find out who writes to it; nothing was restored"
        )
    return copy
