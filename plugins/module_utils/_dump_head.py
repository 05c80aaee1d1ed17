# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what a dump that somebody made says of itself at its beginning: of which version the
database was, and which pg_dump made it.

It is said and not proved; a scratch server that is too old is told by it before anything starts. Source: PostgreSQL
source, pg_backup_archiver.c, WriteHead; pg_dump.c, the first comments.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Generator
from typing import NamedTuple

from ._compression import NONE
from ._dumptext import DumpFile
from ._errors import CloseoutError
from ._files import open_regular
from ._formats import CUSTOM, DIRECTORY

TOC = "toc.dat"
_BYTES = 16 << 10
_TEXT_BEGINS = re.compile(rb"--\n-- PostgreSQL database dump\n--\n")
_CLUSTER = b"PostgreSQL database cluster dump"
_DATABASE = re.compile(rb"^-- Dumped from database version (.{1,100})$", re.MULTILINE)
_PROGRAM = re.compile(rb"^-- Dumped by pg_dump version (.{1,100})$", re.MULTILINE)
_MAGIC = b"PGDMP"
# From these versions of an archive on its head has another form.
_NAMED_COMPRESSION = (1, 15)
_OLDEST = (1, 12)
_TAR_AT, _TAR = 257, b"ustar"


class DumpHead(NamedTuple):
    """Versions as text, "" where it says nothing."""

    database: str = ""
    pg_dump: str = ""


def major_of(version: str) -> int:
    """Return the major version of a text such as ``16.15 (Debian 16.15-1)``, 0 for none."""
    found = re.match(r"\d{1,3}", version)
    return int(found.group()) if found else 0


def read_head(dump: DumpFile) -> DumpHead:
    """Read the beginning of a dump of any format. Raises CloseoutError for what pg_dump does not write."""
    kind = dump.kind()
    if kind == DIRECTORY:
        with open_regular(os.path.join(dump.path, TOC)) as file:
            return head_of_archive(file.read(_BYTES) or b"")
    if kind == CUSTOM:
        return head_of_archive(_beginning(dump.clear()))
    return head_of_text(_beginning(dump.text()), packed=kind != NONE)


def _beginning(pieces: Generator[bytes, None, None]) -> bytes:
    found = b""
    with contextlib.closing(pieces):
        for piece in pieces:
            found += piece
            if len(found) >= _BYTES:
                break
    return found[:_BYTES]


def head_of_text(text: bytes, *, packed: bool = False) -> DumpHead:
    """Read the beginning of a plain dump. Raises CloseoutError."""
    found = _TEXT_BEGINS.match(text)
    if found is None:
        what, do = "something else", "give a dump of pg_dump: plain, custom or directory"
        if _CLUSTER in text[:200]:
            what, do = "a dump of pg_dumpall", "give the dump of one database, made by pg_dump"
        elif not packed and text[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR:
            what, do = "a tar archive", "unpack it, and give what is in it; a dump of the format tar cannot be verified"
        elif not text:
            what, do = "an empty file", "do not use it as a backup"
        raise CloseoutError(
            "This is no dump of pg_dump", wanted="'-- PostgreSQL database dump' in its first lines", found=what, do=do
        )
    return DumpHead(*(_said(pattern, text) for pattern in (_DATABASE, _PROGRAM)))


def _said(pattern: re.Pattern[bytes], text: bytes) -> str:
    found = pattern.search(text)
    return found.group(1).decode("utf-8", "replace") if found else ""


def head_of_archive(head: bytes) -> DumpHead:
    """Read the head of an archive of the format custom, or of a directory's ``toc.dat``. Raises CloseoutError."""
    reader = _Head(head)
    try:
        if reader.take(len(_MAGIC)) != _MAGIC:
            raise ValueError("no archive")
        major, minor, _revision, size, _offset_size, _format = reader.take(6)
        if (major, minor) < _OLDEST or not 1 <= size <= 8:
            raise ValueError(f"an archive of version {major}.{minor}")
        if (major, minor) >= _NAMED_COMPRESSION:
            reader.take(1)
        else:
            reader.number(size)
        # The moment: second, minute, hour, day, month, year, and whether it is summer.
        for _turn in range(7):
            reader.number(size)
        _name, database, program = (reader.text(size) for _turn in range(3))
    except ValueError as error:
        raise CloseoutError(
            "The head of the archive cannot be read",
            wanted="an archive of pg_dump 14 or later",
            found=str(error),
            do="do not use it as a backup",
        ) from error
    return DumpHead(database, program)


class _Head:
    """Bytes that are read one after the other. Raises ValueError where there are no more."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._position = 0

    def take(self, count: int) -> bytes:
        found = self._content[self._position : self._position + count]
        if count < 0 or len(found) != count:
            raise ValueError("it ends within its head")
        self._position += count
        return found

    def number(self, size: int) -> int:
        """Read a number: its sign, then its bytes, the lowest first."""
        sign, *digits = self.take(1 + size)
        value = int.from_bytes(bytes(digits), "little")
        return -value if sign else value

    def text(self, size: int) -> str:
        """Read a text, which is its length and its bytes; a length below 0 is none."""
        length = self.number(size)
        return self.take(length).decode("utf-8", "replace") if length >= 0 else ""
