# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/example shows of a demo: everything that a person reads of it, and none of its data."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

OF_THE_ARTEFACT = ("closeout.html", "closeout.md", "closeout.json", "RESTORE.md", "SHA256SUMS", "SHA256SUMS.sig")
OF_THE_VERIFICATION = ("verification.html", "verification.md", "verification.json")


def keep(root: Path, artefact: Path, directory: Path) -> None:
    """Copy it from the artefact, the last verification and the metrics below ``root`` into ``directory``."""
    directory.mkdir(parents=True, exist_ok=True)
    verification = max(root.glob("verify_demo_*"))
    metrics = max((root / "metrics").glob("*.prom"))
    found = [artefact / name for name in OF_THE_ARTEFACT]
    found += [verification / name for name in OF_THE_VERIFICATION]
    found += [root / "signing" / "allowed_signers", root / "history.jsonl"]
    for path in found:
        shutil.copyfile(path, directory / path.name)
    shutil.copyfile(metrics, directory / "closeout.prom")
