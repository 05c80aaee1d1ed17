"""Holds a play before chosen tasks, until a test lets it go on: so that something can happen between two steps."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: closeout_hold
type: aggregate
short_description: Hold a play before chosen tasks
description: E(CLOSEOUT_HOLD) is a list of names (JSON), E(CLOSEOUT_HOLD_DIR) the directory for word of it.
requirements: []
"""

_LIMIT_S = 180.0
_POLL_S = 0.05


class CallbackModule(CallbackBase):
    """For task N of the list: makes `N.held`, and goes on once there is `N.go`."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "closeout_hold"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        """Read what to hold."""
        super().__init__()
        self._names: list[str] = json.loads(os.environ["CLOSEOUT_HOLD"])
        self._directory = Path(os.environ["CLOSEOUT_HOLD_DIR"])

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Called by the play itself, which goes on when this returns."""
        for number, name in enumerate(self._names):
            if task.get_name().strip().endswith(name):
                (self._directory / f"{number}.held").touch()
                deadline = time.monotonic() + _LIMIT_S
                while not (self._directory / f"{number}.go").exists() and time.monotonic() < deadline:
                    time.sleep(_POLL_S)
