# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what a restore needs around a dump of which nothing else is known: the roles and
tablespaces that the dump speaks of and does not make, and a database of its encoding.

Without the roles a restore fails a thousandfold. Their names are in the dump; what they may do is not. Statements are
those that pg_dump writes: dumputils.c, buildACLCommands; pg_dump.c, dumpPolicy, dumpUserMappings, dumpDefaultACL;
pg_backup_archiver.c, _doSetSessionAuth, _selectTablespace.
"""

from __future__ import annotations

import re
from typing import Any

from ._encodings import codec_of
from ._entries import owner_of
from ._globals import SCHEMA
from ._manifest import Manifest
from ._names import read_identifier
from ._scanner import Statement

BOOTSTRAP = "postgres"
"""The superuser of a scratch server for such a dump."""
RELATIONS = 30_000
"""For how many relations such a server has locks, before anybody has counted them."""

_QUOTED = re.compile(r'"(?:[^"]|"")*"|\'(?:[^\']|\'\')*\'')
_NAME = r'("(?:[^"]|"")*"|[^\s",;()]+)'
_FOR_ROLE = re.compile(rf"ALTER DEFAULT PRIVILEGES FOR ROLE {_NAME}")
_USER_MAPPING = re.compile(rf"CREATE USER MAPPING FOR {_NAME}")
_AUTHORIZATION = re.compile(rf"CREATE SCHEMA (?:{_NAME} )?AUTHORIZATION {_NAME}")
_SESSION = re.compile(rf"SET SESSION AUTHORIZATION (?:'((?:[^']|'')*)'|{_NAME});")
_TABLESPACE = re.compile(rf"SET default_tablespace = {_NAME};")
_COMMANDS = (b"GRANT", b"REVOKE", b"SET", b"CREATE", b"ALTER")
_NO_ROLES = {"public", "current_user", "session_user", "current_role", "default"}
_OF_THE_SERVER = "pg_"
"""Roles and tablespaces that begin so come with the server."""
# None of the statements that name a role is long.
_HEAD_BYTES = 1 << 16
# Encodings of clients alone. Source: PostgreSQL manual, 24.3.1 Supported Character Sets.
_NOT_OF_SERVERS = {"BIG5", "GB18030", "GBK", "JOHAB", "SJIS", "SHIFT_JIS_2004", "UHC"}


class DumpGlobals:
    """The scanner's sink: it hands everything on to a manifest, and notes what is to be there before the restore.

    ``roles`` are in the order of their appearance; ``owners`` own something, ``grantors`` are those that the dump
    becomes in order to grant.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.roles: dict[str, None] = {}
        self.owners: set[str] = set()
        self.grantors: set[str] = set()
        self.tablespaces: dict[str, None] = {}
        self._owned: set[bytes] = set()

    def statement(self, statement: Statement) -> None:
        """Take note of a statement. Raises CloseoutError as the manifest does."""
        self.manifest.statement(statement)
        command = statement.words[:1]
        if not command or command[0] not in _COMMANDS or self._is_another_of_theirs(statement.text):
            return
        try:
            text = statement.text[:_HEAD_BYTES].decode(codec_of(self.manifest.encoding), "surrogateescape")
        except LookupError:
            # The manifest refuses the first definition in such an encoding.
            return
        self._look(text)

    def copy_data(self, data: memoryview) -> None:
        """Rows speak of no role."""
        self.manifest.copy_data(data)

    def copy_block(self, rows: int, size_bytes: int, offset: int) -> None:
        """Nor does their end."""
        self.manifest.copy_block(rows, size_bytes, offset)

    def _is_another_of_theirs(self, text: bytes) -> bool:
        """Tell whether a statement gives something to an owner that was noted before: most of them do."""
        if not text.startswith(b"ALTER "):
            return False
        _what, word, owner = text.rpartition(b" OWNER TO ")
        if not word or owner in self._owned:
            return bool(word)
        self._owned.add(owner)
        return False

    def _look(self, text: str) -> None:
        if text.startswith(("GRANT ", "REVOKE ")):
            self._note_last(text, " TO " if text.startswith("GRANT ") else " FROM ")
        elif text.startswith("SET SESSION AUTHORIZATION "):
            found = _SESSION.match(text)
            if found and found.group(1) is not None:
                self._note(found.group(1).replace("''", "'"), self.grantors)
            elif found:
                self._note_at(found.group(2), 0, self.grantors)
        elif text.startswith("SET default_tablespace "):
            found = _TABLESPACE.match(text)
            if found and not found.group(1).startswith("'"):
                name = read_identifier(found.group(1))[0]
                if not name.startswith(_OF_THE_SERVER):
                    self.tablespaces.setdefault(name)
        elif text.startswith("CREATE POLICY "):
            self._note_policy(text)
        elif text.startswith("ALTER DEFAULT PRIVILEGES "):
            self._note_found(_FOR_ROLE.match(text))
            self._note_last(text, " TO " if " TO " in _blind(text) else " FROM ")
        elif text.startswith("CREATE USER MAPPING "):
            self._note_found(_USER_MAPPING.match(text))
        elif text.startswith("CREATE SCHEMA "):
            self._note_found(_AUTHORIZATION.match(text), self.owners)
        elif text.startswith("ALTER "):
            owned = owner_of(text)
            if owned is not None:
                self._note(owned[1], self.owners)

    def _note_last(self, text: str, word: str) -> None:
        """Note the name behind the last such word that is not quoted."""
        position = _blind(text).rfind(word)
        if position >= 0:
            self._note_at(text, position + len(word))

    def _note_policy(self, text: str) -> None:
        blind = _blind(text)
        ends = [position for position in (blind.find(" USING ("), blind.find(" WITH CHECK (")) if position >= 0]
        start = blind.find(" TO ", 0, min(ends, default=len(blind)))
        position = start + len(" TO ")
        while start >= 0:
            position = self._note_at(text, position)
            if not text.startswith(", ", position):
                break
            position += 2

    def _note_found(self, found: re.Match[str] | None, among: set[str] | None = None) -> None:
        if found is not None:
            # The last one: what is before it belongs to the role.
            self._note_at(found.group(found.lastindex or 0), 0, among)

    def _note_at(self, text: str, start: int, among: set[str] | None = None) -> int:
        """Note the name at ``start``; return where it ends."""
        try:
            name, end = read_identifier(text, start)
        except ValueError:
            return len(text)
        if text[start] == '"' or name not in _NO_ROLES:
            self._note(name, among)
        return end

    def _note(self, name: str, among: set[str] | None = None) -> None:
        if not name.startswith(_OF_THE_SERVER):
            self.roles.setdefault(name)
            if among is not None:
                among.add(name)


def empty_globals() -> dict[str, Any]:
    """Return the globals by which a scratch server is made for a dump that was not looked into yet."""
    return _document([], [], "UTF8", ("libc", "C", None))


def globals_of(found: DumpGlobals, locale: tuple[str, str, str | None]) -> dict[str, Any]:
    """Return the globals for the restore of a dump. ``locale`` is provider, collate and ctype, and the provider's own.

    Who owns something becomes a superuser: what an owner may do in production no dump says, and an event trigger
    belongs to a superuser alone. Who only grants does not, since a superuser grants in the owner's name.
    """
    superusers = found.owners - found.grantors
    roles = [_role(name, superuser=name in superusers) for name in found.roles if name != BOOTSTRAP]
    return _document(roles, list(found.tablespaces), database_encoding(found.manifest.encoding), locale)


def database_encoding(encoding: str) -> str:
    """Return the encoding of a database whose dump is in ``encoding``: that, unless only clients have it."""
    return "UTF8" if encoding.upper() in _NOT_OF_SERVERS else encoding


def _role(name: str, *, superuser: bool, bootstrap: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "bootstrap": bootstrap,
        "login": False,
        "connection_limit": -1,
        "valid_until": None,
        "comment": None,
        "superuser": superuser,
        "inherit": True,
        "createrole": False,
        "createdb": False,
        "replication": False,
        "bypassrls": False,
    }


def _document(
    roles: list[dict[str, Any]], tablespaces: list[str], encoding: str, locale: tuple[str, str, str | None]
) -> dict[str, Any]:
    provider, collate, own = locale
    return {
        "schema": SCHEMA,
        "server_version_num": 0,
        "max_locks_per_transaction": 64,
        "relations": RELATIONS,
        "roles": [_role(BOOTSTRAP, superuser=True, bootstrap=True), *roles],
        "memberships": [],
        "tablespaces": [
            {"name": name, "owner": BOOTSTRAP, "location": "", "options": [], "comment": None, "grants": None}
            for name in tablespaces
        ],
        "settings": [],
        "parameters": [],
        "preloaded": [],
        "database": {
            "name": "dump",
            "owner": BOOTSTRAP,
            "encoding": encoding,
            "collate": collate,
            "ctype": collate,
            "provider": provider,
            "locale": own,
            "icu_rules": None,
            "monetary": "C",
            "tablespace": "pg_default",
            "connection_limit": -1,
            "is_template": False,
            "comment": None,
            "grants": None,
            "size_bytes": 0,
        },
    }


def _blind(text: str) -> str:
    """Return ``text`` with everything quoted made unreadable, at its own length."""
    return _QUOTED.sub(lambda found: "x" * len(found.group()), text)
