# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo says at its end: what came of it, and where everything lies."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any


def summary(root: Path, known: set[Path], traffic: dict[str, Any], elapsed_s: float) -> bool:
    """Print what the run left; returns True when a record says ALL_PASS and there was traffic to withstand."""
    print()
    made = sorted(set(root.glob("demo_*")) - known, key=lambda path: path.name)
    evidence: dict[str, Any] = {}
    if made:
        with contextlib.suppress(OSError, ValueError):
            evidence = json.loads((made[-1] / "closeout.json").read_text())
    result = evidence.get("result") or {}
    verdict = result.get("closeout_result") or "none: no record was written"
    statuses = [check.get("status") for check in evidence.get("checks") or []]
    print(f"verdict       {verdict}" + (f" ({statuses.count('PASS')} checks passed)" if statuses else ""))
    for name in result.get("failed") or []:
        print(f"  failed      {name}")
    recorded = bool(made) and (made[-1] / "closeout.md").is_file()
    if made:
        record = made[-1] / "closeout.md"
        print(f"record        {record if recorded else f'none in {made[-1]}'}")
        dump = (evidence.get("dump") or {}).get("path") or next(map(str, made[-1].glob("*.sql")), "none")
        size = f" ({Path(dump).stat().st_size / 1e6:.1f} MB)" if Path(dump).is_file() else ""
        print(f"dump          {dump}{size}")
    rows = ", ".join(f"{number} rows {kind}" for kind, number in traffic["rows"].items())
    count = f"{traffic['committed']} transactions committed by the writer in {traffic['seconds']:.1f} s"
    print(f"meanwhile     {count} ({rows or 'no rows'})")
    if traffic["problem"]:
        print(f"  but         the writer ended early: {traffic['problem']}")
    print(f"elapsed       {elapsed_s:.1f} s", flush=True)
    return recorded and verdict == "ALL_PASS" and traffic["committed"] > 0 and not traffic["problem"]
