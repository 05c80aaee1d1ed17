# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: RESTORE.md: the commands that restore a dump for real, into a server that is to stay.

A pure function of evidence and globals. The commands are bash, each word on one line whatever a name holds; a person
edits the first block and takes the others as they are. They restore as the restore test did, but with one session for
a plain dump.
"""

from __future__ import annotations

import shlex
from typing import Any

from ._compression import NONE
from ._findings import size
from ._formats import PLAIN
from ._names import quote_literal
from ._outcome import INFO, PASS, get
from ._printable import printable
from ._psql import OPTIONS, OPTIONS_FROM_17
from ._restore_sql import GLOBALS_SQL, SETTINGS_SQL, login_roles, tablespace_variables
from ._session import as_options
from ._signature import NAMESPACE, SIGNATURE

GUIDE = "RESTORE.md"

_ALL_PASS = "ALL_PASS"
_DECOMPRESS = {"gzip": "gzip -dc", "zstd": "zstd -dc", "lz4": "lz4 -dc"}
_NO_SUPERUSER_YET = "postgres"
_NO_IDENTITY_YET = "/root/age-identity"


def restore_guide(evidence: dict[str, Any], document: dict[str, Any] | None, dump: str) -> str:
    """Return RESTORE.md. ``evidence`` has checks and result, ``document`` are the globals, ``dump`` is the dump's name.

    Without globals or a dump there is nothing to restore, and that is what it says.
    """
    head = [
        f"# How to restore {_code(get(evidence, 'run', 'db'))} of {_code(get(evidence, 'run', 'host'))}",
        *_verdict_of(evidence),
    ]
    if document is None or not dump:
        return _text([*head, "There is no whole dump in this directory: nothing can be restored from it."])
    guide = _Guide(evidence, document, dump)
    return _text([
        *head,
        *guide.about(),
        *guide.needed(),
        *guide.where(),
        *guide.checksums(),
        *guide.look(),
        *guide.globals(),
        *guide.restore(),
        *guide.afterwards(),
        *guide.passwords(),
        *guide.differs(),
    ])  # fmt: skip


def shell_word(text: str) -> str:
    """Return ``text`` as one word of bash, on one line of printable characters."""
    if text.isprintable():
        return shlex.quote(text)
    escaped = "".join(_shell_escape(character) for character in text)
    return f"$'{escaped}'"


def _shell_escape(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))


def _verdict_of(evidence: dict[str, Any]) -> list[str]:
    if get(evidence, "result", "closeout_result") == _ALL_PASS:
        return [
            f"This dump passed every check of closeout {_code(get(evidence, 'run', 'id'))} ({_code('closeout.md')}): it"
            " was restored into a throwaway server, and the copy compared with the dump, row for row."
        ]
    failed = [one for one in evidence.get("checks") or [] if one.get("status") not in (PASS, INFO)]
    lines = [f"- {one['id']} {one['status']}: {_code(one.get('detail'))}" for one in failed]
    return [
        "**This artefact did not pass.** Do not rely on it before you know what each of these means"
        f" ({_code('closeout.md')}):",
        "\n".join(lines) or "- no check at all",
    ]


class _Guide:
    """The parts of the text, each a list of paragraphs."""

    def __init__(self, evidence: dict[str, Any], document: dict[str, Any], dump: str) -> None:
        self._evidence = evidence
        self._document = document
        self._database = document["database"]
        self._dump = dump
        self._container = get(evidence, "settings", "container") or ""
        self._tablespaces = tablespace_variables(document)
        self._form = get(evidence, "dump", "format") or PLAIN
        self._compression = get(evidence, "dump", "compression") or NONE
        self._encrypted = get(evidence, "dump", "encryption") is not None
        self._signed = bool(get(evidence, "settings", "sign_key"))

    def about(self) -> list[str]:
        compressed = "" if self._compression == NONE else f", {self._compression}"
        compressed += ", encrypted by age" if self._encrypted else ""
        return [
            _items([
                f"dump: {_code(self._dump)}, format {self._form}{compressed},"
                f" {get(self._evidence, 'dump', 'size_bytes')} bytes, sha256 {_code(self._value('dump', 'sha256'))}",
                f"production as it was at {_code(self._value('dump', 'taken_utc'))}: PostgreSQL"
                f" {_code(self._value('production', 'before', 'server_version'))}, system identifier"
                f" {_code(self._value('production', 'before', 'sysid'))}",
                f"restored as a test with PostgreSQL {_code(self._value('restore', 'scratch', 'server_version'))}",
            ])
        ]  # fmt: skip

    def needed(self) -> list[str]:
        database = self._database
        locale = f"provider {database['provider']}, collate {_code(database['collate'])}, ctype"
        locale += f" {_code(database['ctype'])}"
        if database["locale"]:
            locale += f", locale {_code(database['locale'])}"
        lines = [
            "a PostgreSQL server of production's major version or a later one, with a superuser, and no database of"
            " that name",
            f"client programs of version {_code(self._value('dump', 'client_version'))} or later",
            f"the locale of the database: encoding {_code(database['encoding'])}, {locale}; and"
            f" lc_monetary {_code(database['monetary'])}",
            f"room: the database took {size(database['size_bytes'])}, its indexes are made anew; and"
            f" {size(get(self._evidence, 'dump', 'size_bytes') or 0)} for the dump",
        ]
        extensions = self._extensions()
        if extensions:
            listed = ", ".join(f"{_code(name)} {_code(version)}" for name, version in extensions.items())
            lines.append(f"the files of these extensions: {listed}; an extension comes back in the server's version")
        if self._document["preloaded"]:
            lines.append(f"what production preloads: {_code(', '.join(self._document['preloaded']))}")
        for name, variable, location in self._tablespaces:
            where = _code(location) if location else "in place, without one"
            lines.append(
                f"for tablespace {_code(name)} a directory, empty and the server's user's ({variable}): {where}"
            )
        if self._encrypted:
            recipients = ", ".join(_code(one) for one in get(self._evidence, "dump", "encryption", "recipients") or [])
            lines.append(
                f"the program age, and the identity (the private key) of one of these recipients: {recipients}"
            )
        if self._container:
            lines.append("bash and docker on the container's host; production had the image"
                         f" {_code(self._value('production', 'before', 'container', 'image'))}")  # fmt: skip
        lines.append(
            "what no dump has: postgresql.conf, pg_hba.conf, passwords, replication slots, the other databases"
        )
        return ["## 1. What is needed", _items(lines)]

    def where(self) -> list[str]:
        superuser = next((role["name"] for role in self._document["roles"] if role["bootstrap"]), _NO_SUPERUSER_YET)
        lines = ["set -o pipefail", f"artefact={shell_word(self._value('settings', 'artefact'))}"]
        if self._container:
            if get(self._evidence, "settings", "docker_host"):
                lines.append(f"export DOCKER_HOST={shell_word(self._value('settings', 'docker_host'))}")
            lines.append("container=the-new-container")
        else:
            lines += ["export PGHOST=the-new-server", "export PGPORT=5432"]
        lines += [
            f"export PGUSER={shell_word(superuser)}",
            f"db={shell_word(self._database['name'])}",
        ]
        if self._form != PLAIN and not self._encrypted:
            lines.append(f"jobs={get(self._evidence, 'restore', 'jobs') or 1}")
        if self._tablespaces:
            words = [f"-v {shell_word(f'{variable}={location}')}" for _name, variable, location in self._tablespaces]
            lines.append(f"tablespaces=({' '.join(words)})")
        if self._encrypted:
            lines.append(f"identity={shell_word(self._value('settings', 'age_identity_file') or _NO_IDENTITY_YET)}")
        if self._signed:
            lines += ["signers=~/.ssh/allowed_signers", "signer=closeout"]
        bin_dir = get(self._evidence, "settings", "bin_dir")
        if self._container:
            lines.append('server() { docker exec -i -e PGUSER -e PGDATABASE -e PGOPTIONS "$container" "$@"; }')
        else:
            lines += [f'PATH={shell_word(bin_dir)}:"$PATH"'] if bin_dir else []
            lines.append('server() { "$@"; }')
        other = (
            "a server outside containers: instead of the lines with `container`, `export PGHOST=…`, `export PGPORT=…`"
        )
        other += ' and `server() { "$@"; }`'
        if not self._container:
            other = "a server in a container: instead of the lines with `PGHOST` and `PGPORT`, `container=…` and"
            other += ' `server() { docker exec -i -e PGUSER -e PGDATABASE -e PGOPTIONS "$container" "$@"; }`'
            copied = self._form != PLAIN and not self._encrypted
            other += "; an archive must then be copied into the container" if copied else ""
        return [
            "## 2. Say where",
            "Edit these values; all commands after them stay as they are. Use one bash for all of them, and go on only"
            " when a command has succeeded. `db` is the name to restore under, `PGUSER` a superuser of the new server.",
            _bash(*lines),
            f"For {other}.",
        ]

    def checksums(self) -> list[str]:
        commands = ['cd "$artefact"', "sha256sum --check --strict --quiet SHA256SUMS"]
        if self._signed:
            verify = f'ssh-keygen -Y verify -f "$signers" -I "$signer" -n {NAMESPACE}'
            commands.insert(1, f"{verify} -s {SIGNATURE} < SHA256SUMS")
        said = "A signature says who made this directory; `signers` is a file with the public keys that you trust"
        said += " (ssh-keygen(1), ALLOWED SIGNERS). " if self._signed else ""
        return ["## 3. Check the files", f"{said if self._signed else ''}No word means that they are whole.",
                _bash(*commands)]  # fmt: skip

    def look(self) -> list[str]:
        commands = [
            "server psql -X -d postgres -c 'SELECT version()' -c 'SELECT system_identifier FROM pg_control_system()'"
        ]
        extensions = self._extensions()
        if extensions:
            pairs = ", ".join(f"({quote_literal(name)}, {quote_literal(one)})" for name, one in extensions.items())
            query = f"SELECT name, production, default_version AS here FROM (VALUES {pairs}) AS w (name, production)"
            query += " LEFT JOIN pg_catalog.pg_available_extensions USING (name)"
            commands.append(f"server psql -X -d postgres -c {shell_word(query)}")
        return [
            "## 4. Look at the server",
            f"Production's system identifier was {_code(self._value('production', 'before', 'sysid'))}: the same number"
            " here means that this is production. An extension with nothing under `here` cannot be restored.",
            _bash(*commands),
        ]

    def globals(self) -> list[str]:
        locations = ' "${tablespaces[@]}"' if self._tablespaces else ""
        return [
            "## 5. Roles, tablespaces, the empty database",
            f"{_code(GLOBALS_SQL)} can be executed again: it makes what is missing, and stops where the database is.",
            _bash(f'server psql -X -q -v db="$db"{locations} -d postgres -f - < {GLOBALS_SQL}'),
        ]

    def restore(self) -> list[str]:
        settings = {**OPTIONS, "lc_monetary": self._database["monetary"]}
        if self._document["server_version_num"] >= 170000:
            settings.update(OPTIONS_FROM_17)
        reason = get(self._evidence, "restore", "jobs_reason")
        said = "Not in one transaction: it would need a lock for every object at once, and what it would undo is a"
        said += ' database that holds nothing else. After an error: `server dropdb -- "$db"`, and on from 5.'
        if self._encrypted:
            said += " Nothing decrypted comes to a file; what age finds damaged at the end is an error of all of it."
        elif self._form != PLAIN and reason:
            said += f" `jobs` is what the restore test had: {_code(reason)}."
        return [
            "## 6. Restore",
            said,
            _bash('export PGDATABASE="$db"', f"export PGOPTIONS={shell_word(as_options(settings))}", *self._commands(),
                  "unset PGOPTIONS"),
        ]  # fmt: skip

    def _commands(self) -> list[str]:
        dump = shell_word(self._dump)
        # The name of the database is in PGDATABASE: as an argument, one with a = in it would be something else.
        by_name = "--dbname application_name=restore"
        if self._form == PLAIN or self._encrypted:
            ways = ['age -d -i "$identity"'] if self._encrypted else []
            if self._form == PLAIN:
                ways += [] if self._compression == NONE else [_DECOMPRESS[self._compression]]
                ways.append("server psql -X -q -v ON_ERROR_STOP=1 -o /dev/null -f -")
            else:
                ways.append(f"server pg_restore --exit-on-error {by_name}")
            return [" | ".join([f"{ways[0]} < {dump}", *ways[1:]])]
        restore = f'server pg_restore --exit-on-error --jobs "$jobs" {by_name}'
        if not self._container:
            return [f"{restore} {dump}"]
        return [
            "copy=$(server mktemp -d)",
            f'tar -cf - {dump} | server tar -xf - --no-same-owner -C "$copy"',
            f'{restore} "$copy"/{dump}',
            'server rm -r "$copy"',
        ]

    def afterwards(self) -> list[str]:
        return [
            "## 7. Statistics, privileges and settings",
            f"{_code(SETTINGS_SQL)} has what `pg_dump` leaves out: privileges and settings of the database, and the"
            " settings of roles.",
            _bash("server psql -X -q -c ANALYZE", f'server psql -X -q -v db="$db" -d postgres -f - < {SETTINGS_SQL}'),
        ]

    def passwords(self) -> list[str]:
        names = login_roles(self._document)
        if not names:
            return ["## 8. Passwords", "No role may log in: none needs a password."]
        listed = [f"- {_code(name)}" for name in names]
        return [
            "## 8. Passwords",
            "No password is in this directory. These roles may log in, and those that do so by a password need one: in"
            ' `server psql` (with `docker exec -it` for a container) by `\\password "name"`.',
            "\n".join(listed),
        ]

    def differs(self) -> list[str]:
        told = get(self._evidence, "production", "snapshot", "census", "told") or []
        more = (get(self._evidence, "production", "snapshot", "census", "told_total") or 0) - len(told)
        lines = [
            "subscriptions come back disabled; enable one by `ALTER SUBSCRIPTION … ENABLE` only when production's own"
            " is gone, for both would use one replication slot",
            *(_code(one) for one in told),
            *([f"and {more} more, in `census.json` under `told`"] if more > 0 else []),
        ]
        return ["## 9. What is not as it was", _items(lines)]

    def _extensions(self) -> dict[str, str]:
        return dict(get(self._evidence, "production", "snapshot", "census", "extensions") or {})

    def _value(self, *path: str) -> str:
        found = get(self._evidence, *path)
        return "" if found is None else str(found)


def _text(paragraphs: list[str]) -> str:
    return "\n\n".join(paragraphs) + "\n"


def _items(lines: list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _bash(*commands: str) -> str:
    return "\n".join(["```bash", *commands, "```"])


def _code(value: Any) -> str:
    """Return any value as code in a line of Markdown, which it cannot break."""
    text = printable(str(value)) if value not in (None, "") else "—"
    return f"`{text.replace('`', chr(92) + 'x60').replace('<', chr(92) + 'x3c')}`"
