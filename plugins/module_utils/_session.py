# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a SQL session, read-only unless it belongs to a scratch server.

What could differ between two servers (time zone, output formats, timeouts) is pinned for every session, so that the
same row reads the same everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ._errors import CloseoutError, ConnectionFailed
from ._lease import interruptible
from ._network import CONNECT_S, server_side
from ._tls import tls_advice

try:
    import psycopg2
    import psycopg2.extensions

    PSYCOPG2_MISSING = ""
except ImportError as missing:
    PSYCOPG2_MISSING = str(missing)

APPLICATION = "incomex.closeout"
_LIBPQ_WITH_USER_TIMEOUT = 120000  # psycopg2-binary 2.8.6 has version 11
LOCK_WAIT_S = 60
"""How long a session of ours waits for a lock that somebody holds on production."""
_COPY_BYTES = 1 << 18

# Settings by which two servers could print the same row differently, or end a long session of ours.
_PINNED = {
    "search_path": "",
    "timezone": "UTC",
    "datestyle": "ISO",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "3",
    "xmloption": "content",
    "row_security": "off",
    "quote_all_identifiers": "off",
    "standard_conforming_strings": "on",
    "synchronize_seqscans": "off",
    "statement_timeout": "0",
    "lock_timeout": f"{LOCK_WAIT_S}s",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    # To compile the one statement of the fingerprint takes a server three times as long as to answer it.
    "jit": "off",
    # What a database may ask for beyond that would be taken for pg_dump's own messages.
    "client_min_messages": "notice",
}
_PINNED_FROM_17 = {"transaction_timeout": "0"}
# Where the server's minor version has it: no statement of ours reads a view that has taken a table's name, and so runs
# its functions with our rights. Source: PostgreSQL manual, 20.11 Client Connection Defaults; CVE-2024-7348.
_REFUSE_VIEWS = """
SELECT pg_catalog.set_config(name, 'view, foreign-table', false) FROM pg_catalog.pg_settings
WHERE name = 'restrict_nonsystem_relation_kind'
"""
_PARTS_WORDS = re.compile(r"[\\ \t\n\v\f\r]")


def application_name(run_id: str) -> str:
    """Return the application_name of all sessions of run ``run_id``, ours and those of the programs we start."""
    return f"{APPLICATION}/{run_id}" if run_id else APPLICATION


def program_options(server_version_num: int, *, on_linux: bool) -> str:
    """Return the value of PGOPTIONS for a program that reads from production, whose server may be ``on_linux``.

    Only what pg_dump does not set by itself, and what must hold whatever an administrator set for role or database.
    """
    names = [
        "timezone",
        "bytea_output",
        "quote_all_identifiers",
        "standard_conforming_strings",
        "statement_timeout",
        "idle_in_transaction_session_timeout",
        "idle_session_timeout",
        "client_min_messages",
    ]
    # pg_dump has its own option for waiting on locks, and takes this one back.
    options = {"default_transaction_read_only": "on", "lock_timeout": "0", **{name: _PINNED[name] for name in names}}
    options.update(server_side(on_linux=on_linux))
    if server_version_num >= 170000:
        options.update(_PINNED_FROM_17)
    return as_options(options)


def as_options(settings: dict[str, str]) -> str:
    """Return settings as the value of PGOPTIONS, where white space parts the words.

    Source: PostgreSQL manual, 34.1.2 Parameter Key Words, options; pg_split_opts of the server.
    """
    escaped = {name: _PARTS_WORDS.sub(r"\\\g<0>", value) for name, value in settings.items()}
    return " ".join(f"-c {name}={value}" for name, value in escaped.items())


class Session:
    """One connection. ``read_only`` is set for the whole session, by a default that no statement of ours changes."""

    def __init__(self, parameters: dict[str, Any], *, run_id: str, read_only: bool = True) -> None:
        """Connect with libpq's ``parameters`` (host, port, user, dbname, password, sslmode, sslrootcert, those of
        _network.py).

        Raises ConnectionFailed with libpq's own words.
        """
        if PSYCOPG2_MISSING:
            raise CloseoutError(
                "The Python package psycopg2 is missing on the target",
                wanted="psycopg2 >= 2.8 in the target's ansible_python_interpreter",
                found=PSYCOPG2_MISSING,
                do="run the playbook incomex.closeout.prepare, or install python3-psycopg2",
            )
        # At the start, because a role's own statement_timeout would apply to the statement that pins the rest.
        options = "-c statement_timeout=0" + (" -c default_transaction_read_only=on" if read_only else "")
        given = {name: value for name, value in parameters.items() if value not in (None, "")}
        if psycopg2.extensions.libpq_version() < _LIBPQ_WITH_USER_TIMEOUT:
            given.pop("tcp_user_timeout", None)
        try:
            self._connection = psycopg2.connect(
                **{"connect_timeout": CONNECT_S, **given},
                application_name=application_name(run_id),
                options=options,
                client_encoding="UTF8",
            )
        except psycopg2.OperationalError as error:
            raise connection_error(error, given) from error
        self._connection.autocommit = True
        interruptible.add(self)
        self.is_on_linux = "linux" in self.value("SELECT pg_catalog.version()")
        """Whether the server says that it was built for Linux."""
        settings = {**_PINNED, **server_side(on_linux=self.is_on_linux)}
        if self._connection.server_version >= 170000:
            settings.update(_PINNED_FROM_17)
        self.rows(
            "SELECT " + ", ".join("pg_catalog.set_config(%s, %s, false)" for _name in settings),
            [part for pair in settings.items() for part in pair],
        )
        if read_only:
            self.rows(_REFUSE_VIEWS)

    @property
    def server_version_num(self) -> int:
        """The server's version as a number, 160015 for 16.15."""
        return int(self._connection.server_version)

    @property
    def password(self) -> str:
        """The password that libpq used, from wherever it took it; "" where none was needed."""
        return str(self._connection.info.password or "")

    @property
    def database(self) -> str:
        """The name of the database."""
        return str(self._connection.info.dbname)

    @property
    def pid(self) -> int:
        """The process id of its backend on the server."""
        return int(self._connection.info.backend_pid)

    @property
    def is_closed(self) -> bool:
        """Whether the connection is gone, whoever ended it: known once a statement has failed for it."""
        return bool(self._connection.closed)

    def descriptor(self) -> int:
        """Return the file descriptor of the connection's socket."""
        return int(self._connection.fileno())

    def rows(self, query: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Run one statement and return all its rows (none for a statement without a result).

        Raises CloseoutError with the server's message and SQLSTATE.
        """
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(query, parameters)
                return list(cursor.fetchall()) if cursor.description else []
        except psycopg2.Error as error:
            raise SqlError(error, query) from error
        except UnicodeDecodeError as error:
            raise CloseoutError(
                "A name on the server is not text in the database's encoding",
                wanted="names that can be read as UTF-8",
                found=repr(error.object[max(0, error.start - 20) : error.end + 20]),
                do="rename that role or object, or make the closeout from a database of its encoding",
            ) from error

    def copy_out(self, query: str, write: Callable[[bytes], object]) -> int:
        """Run a ``COPY … TO STDOUT``, give every row (its line, with the newline) to ``write``, return how many.

        A row comes in the encoding that the statement names, else in UTF-8. Raises SqlError; the rows before it were
        given. What ``write`` raises comes through: close the session then, the other rows are still on their way.
        """
        try:
            with self._connection.cursor() as cursor:
                cursor.copy_expert(query, _Receiver(write))
                return int(cursor.rowcount)
        except psycopg2.Error as error:
            raise SqlError(error, query) from error

    def execute(self, statement: bytes) -> None:
        """Run a statement as it stands, in the session's client_encoding; no rows are kept. Raises SqlError."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(statement)
        except psycopg2.Error as error:
            raise SqlError(error, "a statement of the dump") from error

    def copy_in(self, statement: bytes, rows: Any) -> None:
        """Run a ``COPY … FROM stdin``, with the rows that ``rows.read(size)`` gives. Raises SqlError."""
        try:
            with self._connection.cursor() as cursor:
                cursor.copy_expert(statement, rows, size=_COPY_BYTES)
        except psycopg2.Error as error:
            raise SqlError(error, "rows of the dump") from error

    @property
    def notices(self) -> list[str]:
        """What the server said beside its answers, the last 50."""
        return list(self._connection.notices)

    def value(self, query: str, parameters: Sequence[Any] | None = None) -> Any:
        """Return the one value of a one-row, one-column statement."""
        return self.rows(query, parameters)[0][0]

    def begin_snapshot(self) -> None:
        """Begin a transaction whose every statement sees the same moment, and that cannot write."""
        self.rows("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def see_sessions_anew(self) -> None:
        """Forget the list of sessions: within a transaction pg_stat_activity stays as it was first read.

        Source: PostgreSQL manual, 28.2.2 Viewing Statistics.
        """
        self.rows("SELECT pg_catalog.pg_stat_clear_snapshot()")

    def transaction_id(self) -> str | None:
        """Return the transaction id that the current transaction was assigned, or None: it has written nothing."""
        found = self.value("SELECT pg_catalog.pg_current_xact_id_if_assigned()::text")
        return None if found is None else str(found)

    def rollback(self) -> None:
        """End the current transaction, whatever its state."""
        self.rows("ROLLBACK")

    def cancel(self) -> None:
        """Ask the server to cancel the statement that another thread runs in this session; none is no error."""
        try:
            self._connection.cancel()
        except psycopg2.Error as error:
            raise SqlError(error, "cancel") from error

    def close(self) -> None:
        """Close the connection; a transaction that is still open ends with it."""
        interruptible.discard(self)
        self._connection.close()


class _Receiver:
    """The file that psycopg2 wants. Its ``write`` is the callable itself, so that a row costs no call of Python code
    where that is hashlib's."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self.write = write


class SqlError(CloseoutError):
    """A statement failed. ``sqlstate`` is the server's five characters, "" where the connection broke; ``said`` are the
    words of the server, or of libpq."""

    def __init__(self, error: Any, query: str) -> None:
        self.sqlstate = str(error.pgcode or "")
        self.said = " ".join(str(error.pgerror or error).split())
        super().__init__(f"A statement failed: {self.said}", wanted=f"an answer to: {' '.join(query.split())[:200]}")


def connection_error(error: Any, parameters: dict[str, Any]) -> ConnectionFailed:
    """Turn libpq's refusal into one clear message that never holds a password."""
    text = " ".join(str(error).split())
    password = str(parameters.get("password") or "")
    if password:
        text = text.replace(password, "***")
    where = f"database {parameters.get('dbname')!r} as user {parameters.get('user')!r}"
    advice = "check closeout_login_host, closeout_login_port and that the server is up"
    if "does not exist" in text:
        advice = "correct closeout_db or closeout_user"
    elif "password" in text or "authentication" in text or "pg_hba" in text:
        advice = "check closeout_user, closeout_passfile (preferred) or closeout_password, and the server's pg_hba.conf"
    found, advice = tls_advice(text, parameters) or (text, advice)
    return ConnectionFailed(f"Cannot connect to {where}", wanted="a session", found=found, do=advice)
