# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: whether the pg_dump that was chosen can make the dump that is asked for."""

from __future__ import annotations

import os

from ._compression import NONE, program_of
from ._errors import ProgramFailed
from ._formats import CUSTOM, Format
from ._program import run
from ._server import read_version
from ._transport import Transport

# Compression is looked at before the server is connected to, and nobody listens there.
_NOWHERE = ["--host", "/nonexistent", "--no-password", "--file", os.devnull]
_UNSUPPORTED = "does not support compression"


def assert_possible(transport: Transport, wanted: Format) -> None:
    """Raise CloseoutError unless its version and its build can make that format, and a pg_restore is beside it."""
    arguments = wanted.arguments(transport.major)
    if not wanted.is_archive:
        if wanted.compression != NONE:
            program_of(wanted.compression)
        return
    read_version(transport.start(["pg_restore", "--version"]), "pg_restore")
    if wanted.compression == NONE:
        return
    probe = transport.start(["pg_dump", "--format", CUSTOM, *arguments[2:4], *_NOWHERE])
    run(probe)
    if _UNSUPPORTED in probe.messages:
        raise ProgramFailed(
            f"This pg_dump cannot compress an archive by {wanted.compression}",
            wanted=f"a build with {wanted.compression}",
            found=probe.messages.strip()[-300:],
            do="set closeout_compression to another, or closeout_format: plain, whose text this host compresses",
        )
