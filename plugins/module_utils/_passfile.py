# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the password file.

libpq compares the host of a password file with the path of the socket it opens. Ours leads through the root of a
container, so an administrator's ``localhost`` line would never match; hence this reader.
Source: PostgreSQL manual, 34.16 The Password File.
"""

from __future__ import annotations

import os
import stat

from ._errors import CloseoutError

_MAX_BYTES = 1 << 20


def password_from(path: str, *, hosts: list[str], port: int, db: str, user: str) -> str:
    """Return the password of the first matching line of the file ``path``; any of ``hosts`` may match.

    Raises CloseoutError where the file cannot be read, is open to others, or has no matching line.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise CloseoutError(
            f"The password file {path} cannot be read",
            wanted="a file that the user who runs the task can read",
            found=error.strerror or str(error),
            do="correct closeout_passfile, or its owner and mode (0600)",
        ) from error
    try:
        # Before fdopen, which refuses a directory in its own words.
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
            raise CloseoutError(
                f"The password file {path} is not private",
                wanted="a regular file with mode 0600 or less",
                found=stat.filemode(status.st_mode),
                do=f"chmod 0600 {path}",
            )
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            text = file.read(_MAX_BYTES).decode("utf-8", "surrogateescape")
    finally:
        os.close(descriptor)
    password = match(text, hosts=hosts, port=port, db=db, user=user)
    if password is None:
        raise CloseoutError(
            f"The password file {path} has no line for this connection",
            wanted=f"a line {hosts[0]}:{port}:{db}:{user}:<password> (* matches anything)",
            found="no such line",
            do="add one",
        )
    return password


def match(text: str, *, hosts: list[str], port: int, db: str, user: str) -> str | None:
    """Return the password of the first line of ``text`` that matches, or None."""
    # Only these end a line for libpq: a password may hold any other character.
    for line in (line.rstrip("\r") for line in text.split("\n")):
        if not line or line.startswith("#"):
            continue
        fields = split_line(line)
        if len(fields) < 5:
            continue
        host_field, port_field, db_field, user_field, password = fields[:5]
        if (
            (host_field == "*" or host_field in hosts)
            and port_field in ("*", str(port))
            and db_field in ("*", db)
            and user_field in ("*", user)
        ):
            return password
    return None


def split_line(line: str) -> list[str]:
    """Split a line at its colons; a backslash takes the next character as it is. So a colon in a password needs one,
    as it does for libpq."""
    fields = [""]
    position = 0
    while position < len(line):
        character = line[position]
        if character == "\\" and position + 1 < len(line):
            position += 1
            fields[-1] += line[position]
        elif character == ":":
            fields.append("")
        else:
            fields[-1] += character
        position += 1
    return fields
