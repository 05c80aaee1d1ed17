# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters: from the results of the steps to evidence, from evidence to verdict, from both to what a page shows,
from a name to one printable line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from ansible import context
from ansible.errors import AnsibleFilterError
from ansible.release import __version__ as ansible_core
from ansible_collections.incomex.closeout.plugins.module_utils._evidence import collect
from ansible_collections.incomex.closeout.plugins.module_utils._history_line import line_of
from ansible_collections.incomex.closeout.plugins.module_utils._notification import notification
from ansible_collections.incomex.closeout.plugins.module_utils._orchestrator import collection_facts, orchestrator_facts
from ansible_collections.incomex.closeout.plugins.module_utils._printable import printable
from ansible_collections.incomex.closeout.plugins.module_utils._statistics import key_for, statistics
from ansible_collections.incomex.closeout.plugins.module_utils._summary import summary
from ansible_collections.incomex.closeout.plugins.module_utils._variable_names import unknown
from ansible_collections.incomex.closeout.plugins.module_utils._verdict import TITLE, verdict
from ansible_collections.incomex.closeout.plugins.module_utils._view import view
from ansible_collections.incomex.closeout.plugins.module_utils._webhook import look_at
from ansible_collections.incomex.closeout.plugins.plugin_utils._brought_along import brought_along

INTERNAL = "_closeout_"
COLLECTION = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def refuse_brought_along(title: str, internal: str) -> None:
    """Raise AnsibleFilterError where an extra var could take the place of a result: variables of the role's own begin
    with ``internal``. ``title`` is what the play's result is called.
    """
    refusal = brought_along(title, internal)
    if refusal:
        raise AnsibleFilterError(refusal)


def closeout_evidence(results: dict[str, Any], host: str, job_id: Any = None) -> dict[str, Any]:
    """Put the results of the steps together as evidence; say which collection and playbook ran.

    Raises AnsibleFilterError where an extra var could have taken a result's place: extra vars win over everything that
    a role sets or registers.
    """
    refuse_brought_along(TITLE, INTERNAL)
    return collect(
        plain(results),
        host=host,
        collection=collection_facts(COLLECTION),
        orchestrator=orchestrator_facts(list(context.CLIARGS.get("args") or []), COLLECTION, ansible_core, job_id),
    )


def closeout_verdict(evidence: dict[str, Any]) -> dict[str, Any]:
    """Return checks and result of the evidence."""
    return verdict(plain(evidence))


def closeout_view(document: dict[str, Any]) -> dict[str, Any]:
    """Return what the page of a record shows; ``document`` is evidence with checks and result."""
    return view(plain(document))


def closeout_unrecorded(evidence: dict[str, Any], task: str, message: str, what: str = "record") -> dict[str, Any]:
    """Return evidence of a run whose record, or its line in the history, could not be written: the verdict of it is a
    FAIL, whatever it was.
    """
    failure = {"step": what, "task": task, "message": f"The {what} could not be written: {message}"}
    document = plain(evidence)
    return {**document, "failures": [*document["failures"], failure]}


def closeout_history_line(evidence: dict[str, Any]) -> dict[str, Any]:
    """Return the line of a run in the history, of evidence with its checks and result."""
    return line_of(plain(evidence))


def closeout_summary(evidence: dict[str, Any]) -> list[str]:
    """Return a run in a few lines, of evidence with its checks and result."""
    return summary(plain(evidence))


def closeout_notification(evidence: dict[str, Any]) -> dict[str, Any]:
    """Return what to tell of a run elsewhere, of evidence with its checks and result."""
    return notification(plain(evidence))


def closeout_webhook(url: Any, token: Any = "") -> dict[str, Any]:
    """Return what the plan may know of a webhook: where it is, and what is wrong with it, without any secret."""
    return look_at(url, token)


def closeout_unknown(names: list[str]) -> dict[str, None]:
    """Return which variables nobody reads, of the names of those that begin with ``closeout_``, as settings."""
    return unknown(str(name) for name in names)


def closeout_foreign(internal: dict[str, Any], title: str = TITLE, prefix: str = INTERNAL) -> bool:
    """Return True. Raises AnsibleFilterError with the names of internal variables that are not null after they were
    reset: somebody else set them. ``title`` is what the play's result is called, ``prefix`` how the role's own begin.
    """
    foreign = sorted(str(name) for name, value in internal.items() if value is not None)
    if foreign:
        raise AnsibleFilterError(
            f"{title}: FAIL. Set from outside: {', '.join(foreign)}. Variables that begin with {prefix} are the role's"
            " own; remove them from the parameters of the role. Nothing was proved."
        )
    return True


def closeout_key(told: dict[str, Any], host: str, db: Any) -> str:
    """Return the name under which the next run of ``host`` is told among all results of a play."""
    return key_for(plain(told), host, str(db or ""))


def closeout_statistics(hostvars: Any, known: list[str], hosts: list[str]) -> dict[str, Any]:
    """Return what a play hands on by set_stats: ``known`` hosts may have told something, those of the play must."""
    names = dict.fromkeys([*known, *hosts])
    return statistics({name: plain(hostvars[name].get("_closeout_told") or {}) for name in names}, list(hosts))


def plain(value: Any) -> Any:
    """Return ``value`` in Python's own types: Ansible hands in lazy ones, whose views can be read only once."""
    if isinstance(value, dict):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value


def closeout_line(value: Any) -> str:
    """Return any value as one line of text that can break neither Markdown nor a terminal.

    Control characters, backticks and bars become escapes.
    """
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    escaped = printable(text)
    return escaped.replace("`", "\\x60").replace("|", "\\x7c").replace("<", "\\x3c")


class FilterModule:
    """The collection's filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {
            "closeout_evidence": closeout_evidence,
            "closeout_verdict": closeout_verdict,
            "closeout_view": closeout_view,
            "closeout_line": closeout_line,
            "closeout_unrecorded": closeout_unrecorded,
            "closeout_history_line": closeout_history_line,
            "closeout_summary": closeout_summary,
            "closeout_notification": closeout_notification,
            "closeout_webhook": closeout_webhook,
            "closeout_foreign": closeout_foreign,
            "closeout_key": closeout_key,
            "closeout_unknown": closeout_unknown,
            "closeout_statistics": closeout_statistics,
        }
