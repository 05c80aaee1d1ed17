# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what psql or pg_restore says of a restore, read error by error.

psql runs with VERBOSITY=verbose (so each error has its SQLSTATE) and --echo-errors (so each is followed by its
statement). Source: PostgreSQL manual, psql; Appendix A, PostgreSQL Error Codes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

UNDEFINED_OBJECT = "42704"
INSUFFICIENT_PRIVILEGE = "42501"
DUPLICATE_OBJECT = "42710"

_RECORD = re.compile(
    r"^psql:(?:<stdin>:(?P<line>\d+):)? *(?P<level>ERROR|FATAL|PANIC|error|fatal|STATEMENT): *(?P<text>.*)"
)
_MESSAGE = re.compile(
    r"^(?P<where>psql:(?:<stdin>:\d{1,12}:)?) *"
    r"(?P<level>ERROR|FATAL|PANIC|WARNING|NOTICE|LOG|INFO|DEBUG|error|fatal|warning): *(?:(?P<state>[0-9A-Z]{5}):)?"
)
LEFT_OUT = "its text is left out, for the dump is encrypted"
_ARCHIVE_ERROR = re.compile(r"^pg_restore: (?:error|fatal): *(?P<text>.*)")
_COMMAND = "Command was: "
_LITERAL = re.compile(r"'(?:[^']|'')*(?:'|$)|\$(\w*)\$.*?(?:\$\1\$|$)")
_STATE = re.compile(r"^(?P<state>[0-9A-Z]{5}): (?P<message>.*)")
_ROLE_MISSING = re.compile(r'^role ".*" does not exist$')
_OWNER = re.compile(r'^ALTER\s.*\sOWNER\s+TO\s+("([^"]|"")+"|[^\s"\';]+)\s*;?\s*$', re.IGNORECASE | re.DOTALL)
_ACL = re.compile(r"^(GRANT|REVOKE|ALTER\s+DEFAULT\s+PRIVILEGES)\s", re.IGNORECASE)
_ROLE = re.compile(r"^(CREATE|COMMENT\s+ON)\s+(ROLE|USER|GROUP)\s", re.IGNORECASE)


@dataclass
class RestoreError:
    """One error. ``line`` counts in the dump, 0 where none was given; ``statement`` is "" where none was given.

    ``statements`` counts the lines that claim to begin its statement: with more than one, some text posed as psql's.
    """

    line: int
    sqlstate: str
    message: str
    statement: str = ""
    statements: int = 0
    program: str = "psql"

    @property
    def tolerated_class(self) -> str:
        """The class under which ``by_hand`` tolerates it: ``role``, ``owner`` or ``acl``; "" for what it never does.

        Only what a missing role explains: an owner or a privilege that could not be given, a role that is there
        already.
        """
        if self.statements != 1:
            return ""
        about_roles = self.sqlstate == UNDEFINED_OBJECT and _ROLE_MISSING.match(self.message)
        if about_roles or self.sqlstate == INSUFFICIENT_PRIVILEGE:
            if _OWNER.match(self.statement):
                return "owner"
            if _ACL.match(self.statement):
                return "acl"
        if self.sqlstate == DUPLICATE_OBJECT and _ROLE.match(self.statement):
            return "role"
        return ""

    def describe(self, *, texts: bool = True) -> str:
        """Return it as one line for a record; without ``texts`` only what cannot be a row: where, and the SQLSTATE."""
        # Literals may be secrets (a user mapping, a subscription) or rows.
        statement = _LITERAL.sub("'…'", " ".join(self.statement.split()))[:120]
        where = f"line {self.line}: " if self.line else ""
        if not texts:
            return f"{where}{self.sqlstate or self.program} ({LEFT_OUT})"
        return f"{where}{self.sqlstate or self.program}: {self.message[:300]}" + (
            f" [{statement}]" if statement else ""
        )


def read_errors(messages: str) -> list[RestoreError]:
    """Return every error that psql's standard error tells of, in order."""
    errors: list[RestoreError] = []
    in_statement = False
    for line in messages.splitlines():
        found = _RECORD.match(line)
        if found is None:
            if in_statement and errors and not line.startswith("psql:"):
                errors[-1].statement += "\n" + line
            elif line.startswith("psql:"):
                in_statement = False
            continue
        in_statement = found["level"] == "STATEMENT"
        if in_statement:
            if errors:
                errors[-1].statements += 1
                errors[-1].statement += ("\n" if errors[-1].statement else "") + found["text"]
            continue
        state = _STATE.match(found["text"])
        errors.append(
            RestoreError(
                line=int(found["line"] or 0),
                sqlstate=state["state"] if state else "",
                message=state["message"] if state else found["text"],
            )
        )
    return errors


def read_archive_errors(messages: str) -> list[RestoreError]:
    """Return every error that pg_restore's standard error tells of, in order."""
    errors: list[RestoreError] = []
    for line in messages.splitlines():
        error = _ARCHIVE_ERROR.match(line)
        if error is not None:
            errors.append(RestoreError(line=0, sqlstate="", message=error["text"], program="pg_restore"))
        elif errors and line.startswith(_COMMAND):
            errors[-1].statement = line.removeprefix(_COMMAND)
    return errors


def without_rows(messages: str) -> str:
    """Return pg_restore's messages without the context that PostgreSQL gives an error, which may be a row."""
    kept, in_context = [], False
    for line in messages.splitlines(keepends=True):
        in_context = line.startswith("CONTEXT:") or (in_context and not line.startswith((_COMMAND, "pg_restore:")))
        kept.append("" if in_context else line)
    return "".join(kept)


def without_texts(messages: str) -> str:
    """Return psql's messages without their texts and statements, which may hold rows: of each where it is, how bad it
    is, and its SQLSTATE.
    """
    kept = []
    for line in messages.splitlines():
        found = _MESSAGE.match(line)
        if found is not None:
            kept.append(f"{found['where']} {found['level']}:  {found['state'] or '-----'}: {LEFT_OUT}\n")
    return "".join(kept)


def summarize(errors: list[RestoreError], *, tolerate: bool, texts: bool = True, show: int = 20) -> dict[str, Any]:
    """Return the errors as a record holds them: how many, those tolerated by class, and the first fatal ones, with
    their ``texts`` or without.
    """
    tolerated = {"role": 0, "owner": 0, "acl": 0}
    fatal = []
    for error in errors:
        name = error.tolerated_class if tolerate else ""
        if name:
            tolerated[name] += 1
        else:
            fatal.append(error.describe(texts=texts))
    return {"total": len(errors), "tolerated": tolerated, "fatal": fatal[:show], "fatal_total": len(fatal)}
