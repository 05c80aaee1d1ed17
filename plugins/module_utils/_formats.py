# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the formats of a dump: how pg_dump is asked for one, and what its version cannot do.

Source: PostgreSQL manual, pg_dump, options --format, --compress and --jobs.
"""

from __future__ import annotations

from dataclasses import dataclass

from ._compression import NONE, most_of, suffix_of
from ._errors import CloseoutError

PLAIN = "plain"
CUSTOM = "custom"
DIRECTORY = "directory"
FORMATS = (PLAIN, CUSTOM, DIRECTORY)

_TEXT_SUFFIX = ".sql"
_SUFFIXES = {CUSTOM: ".dump", DIRECTORY: ".dir"}
_GZIP = "gzip"
# Before that --compress was a number, and gzip the only kind.
_KINDS_OF_COMPRESSION_FROM = 16
_GZIP_LEVEL = 6


@dataclass(frozen=True)
class Format:
    """What a dump is written as. ``compression`` is none, gzip, zstd or lz4, with a ``level`` of its own, 0 for the
    usual one: of a plain dump the host's program compresses, of an archive pg_dump itself. ``jobs`` is how many tables
    pg_dump reads at a time; more than one only with the format directory. Raises CloseoutError for what cannot be.
    """

    name: str = PLAIN
    compression: str = NONE
    level: int = 0
    jobs: int = 1

    def __post_init__(self) -> None:
        if self.level > most_of(self.compression):
            wanted = f"at most {most_of(self.compression)}, for {self.compression}"
            raise _refused("compression_level", wanted, self.level)
        if self.jobs > 1 and self.name != DIRECTORY:
            raise _refused("dump_jobs", f"1, for the format {self.name}", self.jobs)

    @property
    def is_archive(self) -> bool:
        """Whether it is an archive, which pg_restore reads."""
        return self.name != PLAIN

    @property
    def writes_itself(self) -> bool:
        """Whether pg_dump writes it to the disk itself, instead of handing it on."""
        return self.name == DIRECTORY

    def file_name(self, name: str) -> str:
        """Return ``name`` with the ending of this format: of a compression, ``.dump``, ``.dir``; not that of a text."""
        if self.name == PLAIN:
            ending = suffix_of(self.compression)
            return name if name.endswith(ending) else name + ending
        ending = _SUFFIXES[self.name]
        return name if name.endswith(ending) else name.removesuffix(_TEXT_SUFFIX) + ending

    def arguments(self, major: int) -> list[str]:
        """Return pg_dump's arguments; ``major`` is its version. Raises CloseoutError for what that one cannot do."""
        if self.name == PLAIN:
            return ["--format", PLAIN]
        jobs = ["--jobs", str(self.jobs)] if self.name == DIRECTORY else []
        return ["--format", self.name, "--compress", self._compress(major), *jobs]

    def _compress(self, major: int) -> str:
        if self.compression == NONE:
            return "0"
        if major >= _KINDS_OF_COMPRESSION_FROM:
            return f"{self.compression}:{self.level}" if self.level else self.compression
        if self.compression == _GZIP:
            return str(self.level or _GZIP_LEVEL)
        raise CloseoutError(
            f"This pg_dump cannot compress an archive by {self.compression}",
            wanted=f"pg_dump of version {_KINDS_OF_COMPRESSION_FROM} or later",
            found=f"version {major}",
            do="set closeout_compression: gzip, or closeout_format: plain, whose text this host compresses",
        )


def _refused(name: str, wanted: str, found: int) -> CloseoutError:
    variable = f"closeout_{name}"
    return CloseoutError(f"{variable} cannot be {found}", wanted=wanted, found=str(found), do=f"correct {variable}")
