# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a signature by an SSH key: of SHA256SUMS, and so of every file of an artefact.

Source: ssh-keygen(1), -Y sign; the format is PROTOCOL.sshsig of OpenSSH (8.1 and later).
"""

from __future__ import annotations

import os
import shutil
import subprocess

from ._errors import ProgramFailed
from ._files import assert_private
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
    assert_private(key, "key", wanted="a private key of OpenSSH", setting="closeout_sign_key")
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


def _failed(key: str, found: str) -> ProgramFailed:
    return ProgramFailed(
        f"{_PROGRAM} cannot sign with the key {key}",
        wanted="a private key without a passphrase, or one that an agent has",
        found=found,
        do="correct closeout_sign_key; a key of its own for closeouts needs no passphrase where only root can read it",
    )
