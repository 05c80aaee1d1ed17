"""Debian's packages that tests need. A test installs its own when it first wants them, where that may be done; `make
packages` installs all that are missing at once, which takes a third of the time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.places import CACHE, locked

PACKAGES = {
    "age": "age",
    "catatonit": "catatonit",
    "chromium": "chromium",
    "docker.io": "dockerd",
    "fuse-overlayfs": "fuse-overlayfs",
    "gzip": "gzip",
    "libfaketime": "",
    "libgssapi-krb5-2": "",
    "libicu72": "",
    "liblz4-1": "",
    "libossp-uuid16": "",
    "libreadline8": "",
    "libssl3": "",
    "libxml2": "",
    "libxslt1.1": "",
    "libzstd1": "",
    "lz4": "lz4",
    "mmdebstrap": "mmdebstrap",
    "msmtp-mta": "sendmail",
    "openssh-server": "sshd",
    "podman": "podman",
    "prometheus": "promtool",
    "python3-docker": "",
    "python3-psycopg2": "",
    "runc": "runc",
    "shellcheck": "shellcheck",
    "tzdata": "",
    "uidmap": "newuidmap",
    "zstd": "zstd",
}
"""What may be installed, and the program that is wanted of it: who has that from elsewhere keeps it."""


_NOTHING_ELSE = ("--no-install-recommends", "--no-upgrade", "--no-remove")


def on_debian_as_root() -> bool:
    """Whether packages can be installed here without asking anybody."""
    return os.geteuid() == 0 and Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None


def apt_install(*packages: str) -> None:
    """Install what is missing of packages, saying so on stderr; remove none. CalledProcessError when apt fails, as two
    at a time would."""
    assert set(packages) <= set(PACKAGES), f"not in PACKAGES: {set(packages) - set(PACKAGES)}"
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with locked(CACHE / "apt.lock", timeout_s=600):
        print(f"tests: installing {' '.join(packages)} with apt", file=sys.__stderr__, flush=True)
        for command in (["update"], ["install", "-y", *_NOTHING_ELSE, *packages]):
            subprocess.run(
                ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", *command],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=sys.__stderr__,
                check=True,
                timeout=600,
            )


def _is_wanted(program: str) -> bool:
    return not program or shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin") is None


if __name__ == "__main__":
    if on_debian_as_root():
        apt_install(*(package for package, program in PACKAGES.items() if _is_wanted(program)))
    else:
        print("Only root on Debian may install packages; tests skip, or fail, where one is missing.")
