"""A real sshd on 127.0.0.1, and the inventory line that leads Ansible to it."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.support import session
from tests.support.debian import apt_install, on_debian_as_root
from tests.support.places import wait_until
from tests.support.playbook import compiled_once

_START_S = 20.0
_CONFIGURATION = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {directory}/host_key
AuthorizedKeysFile {directory}/key.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
PrintMotd no
Subsystem sftp internal-sftp
"""


class Sshd:
    """A running sshd. `inventory` is a host's line for it; `cut()` ends all its connections, `stop()` itself, too."""

    def __init__(
        self, program: str, directory: Path, instead: Mapping[Path, Path], variables: Mapping[str, str]
    ) -> None:
        """Make keys, and start on a free port. Who logs in has `variables`, and another directory `instead` of one."""
        self._program, self._directory = program, directory
        self._instead = dict(instead)
        for name in ("host_key", "key"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(directory / name)], check=True, timeout=30
            )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        given = f"SetEnv {' '.join(f'{name}={value}' for name, value in variables.items())}\n" if variables else ""
        (directory / "config").write_text(_CONFIGURATION.format(port=self.port, directory=directory) + given)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def inventory(self) -> str:
        """The variables of an inventory's host."""
        options = "-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o IdentitiesOnly=yes"
        return (
            f"ansible_host=127.0.0.1 ansible_port={self.port} ansible_user=root"
            f" ansible_ssh_private_key_file={self._directory}/key ansible_ssh_common_args='{options}'"
            f" ansible_python_interpreter={sys.executable}"
        )

    def start(self) -> None:
        """Start, and return once it listens."""
        command = [self._program, "-D", "-e", "-f", str(self._directory / "config")]
        if self._instead:
            mounts = "".join(
                f"mount --bind {shlex.quote(str(other))} {shlex.quote(str(place))} && "
                for place, other in self._instead.items()
            )
            command = ["unshare", "--mount", "sh", "-c", f'{mounts}exec "$@"', "sh", *command]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        wait_until(self._listens, _START_S, "sshd")

    def cut(self) -> None:
        """End every connection, and what serves it; commands that detached themselves go on."""
        assert self._process is not None
        for pid, command in session.descendants(self._process.pid).items():
            if command.startswith("sshd"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        """End every connection and listen no more."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        self.cut()
        self._process.kill()
        self._process.wait()

    def _listens(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"sshd ended:\n{(self._directory / 'log').read_text()}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextlib.contextmanager
def sshd(instead: Mapping[Path, Path] | None = None, *, is_measured: bool = False) -> Iterator[Sshd]:
    """Run one for the time of the block, other directories `instead`; RuntimeError where there is none to be had.

    What is measured begins as it does for users.
    """
    program = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if program is None:
        if not on_debian_as_root():
            raise RuntimeError("sshd is not installed: install openssh-server")
        apt_install("openssh-server")
        program = "/usr/sbin/sshd"
    # Where it goes without privileges; the package's service makes it.
    made = not os.path.isdir("/run/sshd")
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="sshd", dir=session.TMP))
    server = Sshd(program, directory, instead or {}, {} if is_measured else compiled_once())
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory)
        if made:
            with contextlib.suppress(OSError):
                os.rmdir("/run/sshd")
