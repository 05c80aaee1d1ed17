"""Small file systems, to be filled up. All of them are mounted in the session's own mount namespace and need root."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

_TIMEOUT_S = 30
_LARGEST_MB = 256
_PIECE = b"\0" * (64 << 10)


def mount(path: Path, size_mb: int) -> None:
    """Mount an empty file system of that size, in memory, on a directory."""
    _run("mount", "-t", "tmpfs", "-o", f"size={size_mb}m,mode=1777", "closeout-test", str(path))


def mount_itself(path: Path) -> None:
    """Make a directory a mount point, whose own mounts are seen by whoever has it (mount_namespaces(7))."""
    _run("mount", "--bind", str(path), str(path))
    _run("mount", "--make-shared", str(path))


def unmount(path: Path) -> None:
    """Undo a mount; somebody may still be on his way out of it."""
    _run("umount", "--lazy", str(path))


def unmount_below(directory: Path) -> None:
    """Undo what a daemon left mounted at or below `directory`, deepest first (a clean stop leaves nothing)."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mounted in map(Path, sorted(mounts, reverse=True)):
        if mounted == directory or directory in mounted.parents:
            unmount(mounted)


@contextlib.contextmanager
def small(path: Path, size_mb: int) -> Iterator[Path]:
    """A small file system on `path`, over what is there."""
    path.mkdir(exist_ok=True)
    mount(path, size_mb)
    try:
        yield path
    finally:
        unmount(path)


@contextlib.contextmanager
def overbooked(path: Path, promised_mb: int, there_mb: int) -> Iterator[Path]:
    """A file system on the new directory `path` that promises more than there is behind it.

    As on a thinly provisioned volume whose pool is full, write(2) succeeds, and fsync(2) is told that there is no
    space. Without a journal the file system itself survives that; what is deleted is given back (`discard`).
    """
    pool = path.with_name(f"{path.name}-pool")
    with small(pool, there_mb):
        image = pool / "image"
        with image.open("wb") as file:
            file.truncate(promised_mb << 20)
        _run("mkfs.ext4", "-q", "-O", "^has_journal", "-E", "lazy_itable_init=0,nodiscard", str(image))
        path.mkdir()
        _run("mount", "-o", "loop,discard", str(image), str(path))
        try:
            yield path
        finally:
            unmount(path)


def fill(path: Path) -> None:
    """Fill the file system that `path` is to be a file of, to the last block. RuntimeError where it is not a small one,
    and so not a test's.
    """
    there = os.statvfs(path.parent)
    if there.f_blocks * there.f_frsize > _LARGEST_MB << 20:
        raise RuntimeError(f"{path.parent} is on no small file system")
    with path.open("ab", buffering=0) as file:
        for piece in (_PIECE, _PIECE[:4096], _PIECE[:1]):
            try:
                while True:
                    file.write(piece)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def _run(*command: str) -> None:
    """Run a program of the host; RuntimeError with what it said when it fails."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, env={"PATH": os.environ["PATH"]}
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
