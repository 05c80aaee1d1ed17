"""A python whose clock is moved: for the modules of one run, and for nothing else on this machine."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from tests.support.debian import apt_install, on_debian_as_root

_LIBRARIES = Path("/usr/lib")
_PATTERN = "*/faketime/libfaketime.so.1"


class Unavailable(Exception):
    """The clock cannot be moved here; the message says why."""


def library() -> Path:
    """libfaketime, installed first where that is possible (faketime(1))."""
    found = sorted(_LIBRARIES.glob(_PATTERN))
    if not found:
        if not on_debian_as_root():
            raise Unavailable("libfaketime is not installed")
        apt_install("libfaketime")
        found = sorted(_LIBRARIES.glob(_PATTERN))
    return found[0]


# libfaketime 0.9.10 lets no absolute sleep of the monotonic clock through, which is what Python's sleep is.
_SLEEP = """
import select, time
time.sleep = lambda seconds: select.select([], [], [], seconds) and None
"""


class Clock:
    """The clock of `python`, an interpreter that reads it anew each time it starts. At first it is right.

    Only the time of day moves, as when somebody sets it: not the monotonic clock, not the times of files.
    """

    def __init__(self, directory: Path) -> None:
        """Make the interpreter in `directory`."""
        self.python = directory / "python"
        self._moved = directory / "moved"
        self._moved.touch()
        (directory / "sitecustomize.py").write_text(_SLEEP)
        settings = "FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1 FAKETIME_DISABLE_SHM=1"
        settings += f" PYTHONPATH={shlex.quote(str(directory))}"
        self.python.write_text(
            "#!/bin/sh\n"
            f"moved=$(cat {shlex.quote(str(self._moved))})\n"
            f'[ -z "$moved" ] || export LD_PRELOAD={library()} FAKETIME="$moved" {settings}\n'
            f'exec {shlex.quote(sys.executable)} "$@"\n'
        )
        self.python.chmod(0o755)

    def move(self, moved: str) -> None:
        """Move it: "+3d" or "-3d", or let it stand at "2026-05-16 10:46:34"; "" for the right time."""
        self._moved.write_text(moved)
