"""Writes how long each task of a run took as JSON: its name, its action, its seconds."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: bench_times
type: aggregate
short_description: Record the times of tasks for the benchmarks
description: Writes the file that E(BENCH_TIMES) names.
requirements: []
"""


class CallbackModule(CallbackBase):
    """Takes the time from a task's start to the next one's, or to the end."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "bench_times"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        """Start with no task."""
        super().__init__()
        self._tasks: list[dict[str, Any]] = []
        self._begun = 0.0

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """A task begins: the one before has ended."""
        self._end()
        self._tasks.append({"name": task.get_name().rpartition(" : ")[2], "action": task.action})
        self._begun = time.monotonic()

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """A handler is a task."""
        self.v2_playbook_on_task_start(task, is_conditional=False)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """The end: write all of it."""
        self._end()
        with open(os.environ["BENCH_TIMES"], "w", encoding="utf-8") as stream:
            json.dump(self._tasks, stream)

    def _end(self) -> None:
        """Note what the task that runs took."""
        if self._tasks:
            self._tasks[-1]["seconds"] = time.monotonic() - self._begun
