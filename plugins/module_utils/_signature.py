# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a signature by an SSH key: of SHA256SUMS, and so of every file of an artefact.

Source: ssh-keygen(1), -Y sign; the format is PROTOCOL.sshsig of OpenSSH (8.1 and later).
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess

from ._errors import CloseoutError, ProgramFailed
from ._program_host import HOST_PATH

NAMESPACE = "incomex-closeout"
"""What a signature is for: one of another namespace does not verify."""

SIGNATURE = "SHA256SUMS.sig"

_PROGRAM = "ssh-keygen"
_BEGINNING = b"-----BEGIN SSH SIGNATURE-----\n"
# An agent may ask somebody.
_MAX_S = 60


def sign(content: bytes, key: str) -> bytes:
    """Return the signature of ``content`` by the private key in the file ``key``, in its armour.

    Nobody is asked for a passphrase: an encrypted key signs only where the agent of SSH_AUTH_SOCK has it. Raises
    CloseoutError, with one sentence about what is wrong.
    """
    program = shutil.which(_PROGRAM, path=HOST_PATH)
    if program is None:
        raise ProgramFailed(
            f"The program {_PROGRAM} is not installed on the target",
            wanted=f"{_PROGRAM} of OpenSSH 8.1 or later in {HOST_PATH}",
            found="none",
            do="install it (package openssh-client), or empty closeout_sign_key",
        )
    _refuse_open(key)
    agent = {name: os.environ[name] for name in ("SSH_AUTH_SOCK",) if name in os.environ}
    try:
        done = subprocess.run(
            [program, "-Y", "sign", "-q", "-f", key, "-n", NAMESPACE],
            env={"PATH": HOST_PATH, "LC_ALL": "C", "SSH_ASKPASS_REQUIRE": "never", **agent},
            input=content,
            capture_output=True,
            cwd="/",
            # Without a terminal there is nobody to ask.
            start_new_session=True,
            timeout=_MAX_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _failed(key, f"no answer in {_MAX_S} s") from error
    if done.returncode != 0 or not done.stdout.startswith(_BEGINNING):
        said = " ".join(done.stderr.decode("utf-8", "replace").split())
        raise _failed(key, f"return code {done.returncode}: {said[-300:] or 'no message'}")
    return done.stdout


def _refuse_open(key: str) -> None:
    try:
        # Neither waits for the writer of a pipe.
        status = os.stat(key)
        os.close(os.open(key, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK))
    except OSError as error:
        raise CloseoutError(
            f"The key {key} cannot be read",
            wanted="a private key of OpenSSH that the user who runs the task can read",
            found=error.strerror or str(error),
            do="correct closeout_sign_key, or the owner of that file",
        ) from error
    if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
        raise CloseoutError(
            f"The key {key} is not private",
            wanted="a regular file with mode 0600 or less",
            found=stat.filemode(status.st_mode),
            do=f"chmod 0600 {key}",
        )


def _failed(key: str, found: str) -> ProgramFailed:
    return ProgramFailed(
        f"{_PROGRAM} cannot sign with the key {key}",
        wanted="a private key without a passphrase, or one that an agent has",
        found=found,
        do="correct closeout_sign_key; a key of its own for closeouts needs no passphrase where only root can read it",
    )
