from __future__ import annotations
from typing import Any
def read_messages(text: str) -> dict[str, Any]:
    lines=[l for l in text.splitlines() if l.strip()]
    return {"told": {}, "unclassified": lines[:20], "unclassified_total": len(lines)}
