# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a signature by an SSH key: of SHA256SUMS, and so of every file of an artefact.

Source: ssh-keygen(1), -Y sign, find-principals and verify; the format is PROTOCOL.sshsig of OpenSSH (8.1 and later).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import NamedTuple

from ._errors import CloseoutError, ProgramFailed
from ._files import assert_private, assert_readable
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
    program = _program("or empty closeout_sign_key")
    assert_private(key, "key", wanted="a private key of OpenSSH", setting="closeout_sign_key")
    agent = {name: os.environ[name] for name in ("SSH_AUTH_SOCK",) if name in os.environ}
    done = _run([program, "-Y", "sign", "-q", "-f", key, "-n", NAMESPACE], content, agent)
    if done is None:
        raise _failed(key, f"no answer in {_MAX_S} s")
    if done.returncode != 0 or not done.stdout.startswith(_BEGINNING):
        raise _failed(key, f"return code {done.returncode}: {_said(done)}")
    return done.stdout


class Verified(NamedTuple):
    """Whether a signature is ``good``, whose it is (a principal of the file of allowed signers), and what ssh-keygen
    said.
    """

    good: bool
    signer: str
    said: str


def verify(content: bytes, signature: str, allowed_signers: str, signer: str = "") -> Verified:
    """Say whether the file ``signature`` is one of ``content`` by somebody in the file ``allowed_signers``; with a
    ``signer``, by that one. Raises CloseoutError where nobody can say.
    """
    program = assert_can_verify(allowed_signers)
    given = ["-s", signature, "-f", allowed_signers]
    if not signer:
        found = _run([program, "-Y", "find-principals", *given], b"")
        lines = found.stdout.decode("utf-8", "replace").splitlines() if found and found.returncode == 0 else []
        if not lines:
            return Verified(False, "", f"no allowed signer: {_said(found)}")
        signer = lines[0]
    done = _run([program, "-Y", "verify", *given, "-n", NAMESPACE, "-I", signer], content)
    return Verified(done is not None and done.returncode == 0, signer, _said(done))


def assert_can_verify(allowed_signers: str) -> str:
    """Return the path of ssh-keygen. Raises CloseoutError where it, or that file of allowed signers, is not there."""
    program = _program("or empty closeout_verify_allowed_signers")
    try:
        assert_readable(allowed_signers)
    except CloseoutError as error:
        raise CloseoutError(
            f"The file of allowed signers {allowed_signers} cannot be read",
            wanted="a file as ssh-keygen(1) describes it under ALLOWED SIGNERS",
            found=error.found,
            do="correct closeout_verify_allowed_signers",
        ) from error
    return program


def _program(otherwise: str) -> str:
    found = shutil.which(_PROGRAM, path=HOST_PATH)
    if found is None:
        raise ProgramFailed(
            f"The program {_PROGRAM} is not installed on the target",
            wanted=f"{_PROGRAM} of OpenSSH 8.1 or later in {HOST_PATH}",
            found="none",
            do=f"install it (package openssh-client), {otherwise}",
        )
    return found


def _run(
    argv: list[str], content: bytes, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes] | None:
    """Run it with ``content`` as its input; None where it takes too long. It has no terminal to ask anybody by."""
    try:
        # run_command adds to our own environment, and has no time limit; this one is made of nothing.
        return subprocess.run(  # pylint: disable=ansible-bad-function
            argv,
            env={"PATH": HOST_PATH, "LC_ALL": "C", "SSH_ASKPASS_REQUIRE": "never", **(environment or {})},
            input=content,
            capture_output=True,
            cwd="/",
            start_new_session=True,
            timeout=_MAX_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None


def _said(done: subprocess.CompletedProcess[bytes] | None) -> str:
    if done is None:
        return f"no answer in {_MAX_S} s"
    said = " ".join((done.stdout + b" " + done.stderr).decode("utf-8", "replace").split())
    return said[-300:] or "no message"


def _failed(key: str, found: str) -> ProgramFailed:
    return ProgramFailed(
        f"{_PROGRAM} cannot sign with the key {key}",
        wanted="a private key without a passphrase, or one that an agent has",
        found=found,
        do="correct closeout_sign_key; a key of its own for closeouts needs no passphrase where only root can read it",
    )
