"""A server that is reached by TLS alone: certificates made by openssl for the time of a test."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.postgres import Cluster, server_user

# A managed server lets its clients in like this. The socket is for the test itself.
_ACCESS = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def _openssl(directory: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True, timeout=60)


@dataclass(frozen=True)
class Authority:
    """One that signs certificates; `certificate` is its own, which clients need."""

    directory: Path

    @property
    def certificate(self) -> Path:
        """Its own certificate."""
        return self.directory / "ca.crt"

    @classmethod
    def made(cls, directory: Path) -> Authority:
        """A new one; its files are in `directory`."""
        directory.mkdir(parents=True)
        _openssl(
            directory, "req", "-x509", *_KEY, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=a test", "-days", "2"
        )
        return cls(directory)

    def sign(self, server: Path, names: str, *, days: int = 2) -> None:
        """Write server.crt and server.key into `server`, for `names` ("DNS:localhost"); `days` below 0: expired."""
        (server / "names").write_text(f"subjectAltName={names}\n")
        _openssl(server, "req", *_KEY, "-keyout", "server.key", "-out", "request", "-subj", "/CN=a server")
        _openssl(
            server, "x509", "-req", "-in", "request", "-out", "server.crt", "-extfile", "names", "-days", str(days),
            "-CA", str(self.certificate), "-CAkey", str(self.directory / "ca.key"),
        )  # fmt: skip


def only_by_tls(server: Cluster, authority: Authority, names: str = "DNS:localhost", *, days: int = 2) -> Cluster:
    """Prepare a server, made with `tcp` and not started yet, to accept TLS alone over TCP; return it."""
    authority.sign(server.directory, names, days=days)
    (server.directory / "access").write_text(_ACCESS)
    account = server_user()
    for name in ("server.key", "server.crt", "access"):
        (server.directory / name).chmod(0o600)
        if account:
            os.chown(server.directory / name, account.pw_uid, account.pw_gid)
    server.settings.update(
        ssl="on",
        ssl_cert_file=str(server.directory / "server.crt"),
        ssl_key_file=str(server.directory / "server.key"),
        hba_file=str(server.directory / "access"),
    )
    return server
