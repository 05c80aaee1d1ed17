"""Writes what a test wants to know about a run as JSON: statistics, custom statistics, and every task's result."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: closeout_record
type: aggregate
short_description: Record a run as JSON for the tests
description: Writes the file that E(CLOSEOUT_RECORD) names.
requirements: []
"""


class CallbackModule(CallbackBase):
    """Collects results and writes them once, at the end."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "closeout_record"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        """Start with no task."""
        super().__init__()
        self._tasks: list[dict[str, Any]] = []

    def _add(self, status: str, result: Any) -> None:
        """Remember one task's result."""
        task = {"name": result._task.get_name().strip(), "action": result._task.action, "host": result._host.get_name()}
        self._tasks.append({**task, "status": status, "result": json.loads(self._dump_results(result._result))})

    def v2_runner_on_ok(self, result: Any) -> None:
        """A task that ended well."""
        self._add("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """A task that failed, ignored or not."""
        self._add("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """A task whose condition did not hold."""
        self._add("skipped", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """A task whose host could not be reached."""
        self._add("unreachable", result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """The end: write all of it."""
        hosts = {host: stats.summarize(host) for host in stats.processed}
        with open(os.environ["CLOSEOUT_RECORD"], "w", encoding="utf-8") as stream:
            json.dump({"stats": hosts, "custom": stats.custom, "tasks": self._tasks}, stream, default=str)
