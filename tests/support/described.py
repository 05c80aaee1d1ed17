"""docs/closeout.schema.json, and evidence held against it."""

from __future__ import annotations

import json
from typing import Any

import jsonschema

from tests.support.places import ROOT

DOCUMENT: dict[str, Any] = json.loads((ROOT / "docs" / "closeout.schema.json").read_text())
_VALIDATOR = jsonschema.Draft202012Validator(DOCUMENT)


def faults(document: Any) -> list[str]:
    """Where a closeout.json is not as it is described, and why."""
    return [f"{error.json_path}: {error.message}" for error in _VALIDATOR.iter_errors(document)]
