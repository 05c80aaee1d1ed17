# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo says at its end: what came of it, and where everything lies."""

from __future__ import annotations

import contextlib
import json
import shlex
from pathlib import Path
from typing import Any

from signing import ALLOWED_SIGNERS


def artefact_made(root: Path, known: set[Path]) -> Path | None:
    """The newest artefact directory that was not there before; None if there is none."""
    return max(set(root.glob("demo_*")) - known, key=lambda path: path.name, default=None)


def summary(root: Path, artefact: Path | None, traffic: dict[str, Any], elapsed_s: float) -> bool:
    """Print what the run left; returns True when a record says ALL_PASS and there was traffic to withstand."""
    print()
    evidence: dict[str, Any] = {}
    if artefact is not None:
        with contextlib.suppress(OSError, ValueError):
            evidence = json.loads((artefact / "closeout.json").read_text())
    result = evidence.get("result") or {}
    verdict = result.get("closeout_result") or "none: no record was written"
    statuses = [check.get("status") for check in evidence.get("checks") or []]
    print(f"verdict       {verdict}" + (f" ({statuses.count('PASS')} checks passed)" if statuses else ""))
    for name in result.get("failed") or []:
        print(f"  failed      {name}")
    if artefact is not None:
        print_places(root, artefact, (evidence.get("dump") or {}).get("path"))
    rows = ", ".join(f"{number} rows {kind}" for kind, number in traffic["rows"].items())
    count = f"{traffic['committed']} transactions committed by the writer in {traffic['seconds']:.1f} s"
    print(f"meanwhile     {count} ({rows or 'no rows'})")
    if traffic["problem"]:
        print(f"  but         the writer ended early: {traffic['problem']}")
    print(f"elapsed       {elapsed_s:.1f} s", flush=True)
    recorded = artefact is not None and (artefact / "closeout.md").is_file()
    return recorded and verdict == "ALL_PASS" and traffic["committed"] > 0 and not traffic["problem"]


def print_places(root: Path, artefact: Path, dump: str | None) -> None:
    """Print where everything lies that this run wrote, and how to check its signature."""
    for label, name in (
        ("page", "closeout.html"),
        ("record", "closeout.md"),
        ("evidence", "closeout.json"),
        ("to restore", "RESTORE.md"),
    ):
        path = artefact / name
        print(f"{label:<14}{path if path.is_file() else f'none in {artefact}'}")
    size = f" ({Path(dump).stat().st_size / 1e6:.1f} MB)" if dump and Path(dump).is_file() else ""
    print(f"dump          {dump or 'none'}{size}")
    if (artefact / "SHA256SUMS.sig").is_file():
        print("signature     cd there, then: ", end="")
        signers = root / "signing" / ALLOWED_SIGNERS
        verify = ["ssh-keygen", "-Y", "verify", "-f", str(signers), "-I", "closeout", "-n", "incomex-closeout"]
        print(f"{shlex.join([*verify, '-s', 'SHA256SUMS.sig'])} < SHA256SUMS")
        print("              and: sha256sum --check --strict --quiet SHA256SUMS")
    else:
        print("signature     none: there is no ssh-keygen here")
    for verified in sorted(root.glob("verify_demo_*"))[-1:]:
        print(f"verification  {verified / 'verification.html'}")
    print(f"history       {root / 'history.jsonl'} (run the demo again, and the page has plots of it)")
    for path in sorted((root / "metrics").glob("*.prom")):
        print(f"metrics       {path}")
