"""How much of what is alike a run of the tests does: a share, or all of it with CLOSEOUT_DRILLS=all or =write."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

_Each = TypeVar("_Each")

ASKED = os.environ.get("CLOSEOUT_DRILLS", "")
WRITES = ASKED == "write"
IN_FULL = ASKED in ("all", "write")


def share(each: Sequence[_Each], every: int) -> list[_Each]:
    """All of them, or every so many: what is next to each other is of a kind."""
    return list(each) if IN_FULL else list(each)[::every]
