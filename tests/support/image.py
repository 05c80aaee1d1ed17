"""The image of production: docker.io/library/postgres:16 where it is to be had, else one that behaves like it."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import sys
import time
from pathlib import Path

import docker
import docker.errors
import requests

from tests.support import postgres
from tests.support.debian import apt_install, on_debian_as_root
from tests.support.docker import Daemon
from tests.support.places import CACHE, locked

OFFICIAL = "postgres:16"
REPOSITORY = "closeout-test/postgres"
MAJOR = 16
_FILES = Path(__file__).parent / "image_files"
_PACKAGES = (*postgres.LIBRARIES, "locales")
# What the official image declares, as far as the collection or a test looks at it.
_DOCKERFILE = f"""\
FROM {REPOSITORY}:root
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/16/bin
ENV LANG=en_US.utf8 PG_MAJOR={MAJOR} PG_VERSION={postgres.VERSIONS[MAJOR]} PGDATA=/var/lib/postgresql/data
VOLUME /var/lib/postgresql/data
EXPOSE 5432
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
"""
# What is mounted by a command after these words is mounted in a namespace of its own, nowhere else. Whatever ends the
# command or us, by whatever signal: its processes end, and the mounts with them (setpriv(1), unshare(1)).
APART = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc", "--"),
)
_FIRST_ANSWER_S = 4
_PULL_S = 120.0


def provide(daemon: Daemon) -> str:
    """The name of an image on `daemon` that runs production: present, pulled or built, in this order."""
    client = daemon.client(timeout_s=300)
    try:
        for name in (OFFICIAL, _built_name()):
            if _present(client, name):
                return name
        if _pull(daemon):
            return OFFICIAL
        if daemon.private:
            for old in client.images.list(REPOSITORY):
                client.images.remove(str(old.id), force=True)
        return _import(client)
    finally:
        client.close()


def _present(client: docker.DockerClient, name: str) -> bool:
    """Whether the daemon has this image."""
    try:
        client.images.get(name)
    except docker.errors.ImageNotFound:
        return False
    return True


def _pull(daemon: Daemon) -> bool:
    """Pull the official image if a registry answers at once; the whole pull is bounded as well."""
    deadline = time.monotonic() + _PULL_S
    client = daemon.client(timeout_s=_FIRST_ANSWER_S)
    try:
        for message in client.api.pull(OFFICIAL, stream=True, decode=True):
            if "error" in message or time.monotonic() > deadline:
                return False
        return _present(client, OFFICIAL)
    except (docker.errors.APIError, requests.RequestException):
        return False
    finally:
        client.close()


def _recipe() -> str:
    """A digest of all that goes into the image, this file included: another recipe is another tag."""
    sources = [Path(__file__), *sorted(_FILES.iterdir())]
    parts = [postgres.VERSIONS[MAJOR], *postgres.LIBRARIES, *(path.read_text() for path in sources)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _built_name() -> str:
    """The name of the image that is built here: major version and recipe."""
    return f"{REPOSITORY}:{MAJOR}-{_recipe()}"


def _import(client: docker.DockerClient) -> str:
    """Load the root file system into the daemon, making it first where the cache does not have it."""
    tar = CACHE / "image" / f"{_recipe()}.tar"
    if not tar.exists():
        with locked(tar.parent / ".lock", timeout_s=600):
            if not tar.exists():
                _build(tar)
    client.api.import_image(src=str(tar), repository=REPOSITORY, tag="root")
    # A build, because an import does not take STOPSIGNAL. It runs nothing and needs no network.
    client.images.build(fileobj=io.BytesIO(_DOCKERFILE.encode()), tag=_built_name(), rm=True)
    return _built_name()


def _build(tar: Path) -> None:
    """A Debian root file system with the server in it; put in place by one rename."""
    if shutil.which("mmdebstrap") is None:
        if not on_debian_as_root():
            raise RuntimeError(
                f"no {OFFICIAL}, no registry, and mmdebstrap is not installed: the test image cannot be built"
            )
        apt_install("mmdebstrap")
    print("tests: building the image of production (some 20 s, kept in .cache)", file=sys.__stderr__, flush=True)
    server = postgres.install(MAJOR)
    for old in tar.parent.glob("*.tar"):
        old.unlink()
    partial = tar.with_suffix(".partial.tar")
    subprocess.run(
        # Two things of ours are in /tmp and /run, which would be emptied.
        [*APART, "mmdebstrap", "--quiet", "--variant=minbase", "--skip=cleanup/tmp,cleanup/run",
         f"--include={','.join(_PACKAGES)}",
         "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*",
         "--customize-hook=mkdir -p \"$1/usr/lib/postgresql/16\"",
         f"--customize-hook=sync-in {server.directory} /usr/lib/postgresql/16",
         f"--customize-hook=upload {_FILES / 'entrypoint.sh'} /usr/local/bin/docker-entrypoint.sh",
         "--customize-hook=chmod 755 \"$1/usr/local/bin/docker-entrypoint.sh\"",
         f"--customize-hook={_FILES / 'customize.sh'} \"$1\"",
         "bookworm", str(partial)],
        check=True, stdin=subprocess.DEVNULL, stdout=sys.__stderr__, timeout=600,
    )  # fmt: skip
    partial.rename(tar)
