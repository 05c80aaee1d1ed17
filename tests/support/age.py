"""Keys of age and of ssh-keygen, and age itself, as a person uses it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.debian import apt_install, on_debian_as_root


def installed() -> None:
    """Age is there afterwards; skips where it is not and cannot be installed."""
    if shutil.which("age") is None:
        if not on_debian_as_root():
            pytest.skip("age is not installed")
        apt_install("age")


def new_key(path: Path) -> str:
    """Make an identity of age; its recipient."""
    subprocess.run(["age-keygen", "-o", str(path)], check=True, capture_output=True, timeout=30)
    path.chmod(0o600)
    return _said("age-keygen", "-y", str(path)).strip()


def new_ssh_key(path: Path, kind: str = "ed25519", passphrase: str = "") -> str:
    """Make a pair of keys of OpenSSH; the public one, with a comment."""
    bits = ["-b", "2048"] if kind == "rsa" else []
    _said("ssh-keygen", "-q", "-t", kind, *bits, "-N", passphrase, "-C", "closeout of prod 1", "-f", str(path))
    return path.with_suffix(".pub").read_text().strip()


def encrypted(content: bytes, *recipients: str) -> bytes:
    """What age makes of it."""
    words = [word for recipient in recipients for word in ("-r", recipient)]
    return subprocess.run(["age", *words], input=content, check=True, capture_output=True, timeout=60).stdout


def decrypted(path: Path, identity: Path) -> bytes:
    """What is in a file; CalledProcessError where age finds fault with it."""
    argv = ["age", "-d", "-i", str(identity), str(path)]
    return subprocess.run(argv, check=True, capture_output=True, timeout=60).stdout


def _said(*argv: str) -> str:
    done = subprocess.run(argv, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    return done.stdout
