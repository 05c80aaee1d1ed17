# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key that signs the demo's records: made by ssh-keygen, once, and kept beside them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from told import DemoError

ALLOWED_SIGNERS = "allowed_signers"
_TIMEOUT_S = 30.0


def signing_key(root: Path) -> Path | None:
    """The private key below ``root``, with the file ``allowed_signers`` beside it; None where there is no ssh-keygen.

    A real one is made on the target, and only its public half leaves it.
    """
    program = shutil.which("ssh-keygen")
    if program is None:
        return None
    key = root / "signing" / "key"
    if not key.exists():
        key.parent.mkdir(mode=0o700, exist_ok=True)
        done = subprocess.run(
            [program, "-q", "-t", "ed25519", "-N", "", "-C", "closeout of the demo", "-f", str(key)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
        if done.returncode != 0:
            raise DemoError(f"ssh-keygen could not make {key}: {' '.join(done.stderr.split())}")
    public = key.with_suffix(".pub").read_text()
    key.with_name(ALLOWED_SIGNERS).write_text(f'closeout namespaces="incomex-closeout" {public}')
    return key
