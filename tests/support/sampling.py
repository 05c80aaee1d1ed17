"""Looks all the time, while a run goes on, for a word where it must not be: command lines, environments, files."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path
from types import TracebackType

_PAUSE_S = 0.04


class Sampling:
    """For the time of the block; `directories` are those in which ansible keeps its temporary files.

    `in_argv` has the command lines that held the word, `in_environment` the names of the processes that had it in their
    environment, `open_files` the files that held it and that somebody else could read; `looks` says how often it was
    looked.
    """

    def __init__(self, word: str, directories: list[Path]) -> None:
        """Prepare; `with` begins."""
        self.in_argv: set[str] = set()
        self.in_environment: set[str] = set()
        self.open_files: set[str] = set()
        self.private_files: set[str] = set()
        self.looks = 0
        self._word = word.encode()
        self._directories = directories
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Sampling:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End. AssertionError where nobody looked to the end, unless the block has an error of its own."""
        looked = self._thread.is_alive()
        self._end.set()
        self._thread.join(30)
        assert looked or error is not None, "who looked ended before what was to be looked at"

    def _sample(self) -> None:
        while not self._end.is_set():
            self._look_at_processes()
            # Files stay longer than processes, and take longer to read.
            if self.looks % 5 == 0:
                self._look_at_files()
            self.looks += 1
            time.sleep(_PAUSE_S)

    def _look_at_processes(self) -> None:
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (process / "cmdline").read_bytes()
                if self._word in words:
                    self.in_argv.add(words.decode(errors="replace"))
                if self._word in (process / "environ").read_bytes():
                    self.in_environment.add((process / "comm").read_text().strip())

    def _look_at_files(self) -> None:
        for directory in self._directories:
            for path in files_with(self._word, directory):
                with contextlib.suppress(OSError):
                    ways = [path, *(above for above in path.parents if above.is_relative_to(directory))]
                    is_private = any(not way.stat().st_mode & 0o077 for way in ways)
                    (self.private_files if is_private else self.open_files).add(path.name)


def files_with(word: bytes, directory: Path) -> list[Path]:
    """The files below a directory that hold the word, or are named after it."""
    found = []
    # Not rglob: what goes while it walks would be its end.
    for at, directories, files in os.walk(directory):
        for path in (Path(at) / name for name in (*directories, *files)):
            with contextlib.suppress(OSError):
                if word in str(path).encode() or (path.is_file() and word in path.read_bytes()):
                    found.append(path)
    return found
