"""How much of a drill a run of the tests does: a share by default, all of it with CLOSEOUT_DRILLS=all or =write."""

from __future__ import annotations

import os
from collections.abc import Sequence

ASKED = os.environ.get("CLOSEOUT_DRILLS", "")
WRITES = ASKED == "write"
IN_FULL = ASKED in ("all", "write")


def share(names: Sequence[str], every: int) -> list[str]:
    """All of `names`, or every so many of them: what is next to each other is of a kind. `make drills` does all."""
    return list(names) if IN_FULL else list(names)[::every]
