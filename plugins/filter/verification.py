# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters of a verification: from the results of its steps to evidence, from evidence to verdict, from both to what
its record shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible import context
from ansible.release import __version__ as ansible_core
from ansible_collections.incomex.closeout.plugins.filter.closeout import COLLECTION, plain, refuse_brought_along
from ansible_collections.incomex.closeout.plugins.module_utils._orchestrator import collection_facts, orchestrator_facts
from ansible_collections.incomex.closeout.plugins.module_utils._statistics import NOTHING_VERIFIED, statistics
from ansible_collections.incomex.closeout.plugins.module_utils._verification import collect
from ansible_collections.incomex.closeout.plugins.module_utils._verification_verdict import TITLE
from ansible_collections.incomex.closeout.plugins.module_utils._verification_verdict import (
    verification_verdict as judge,
)
from ansible_collections.incomex.closeout.plugins.module_utils._verification_view import (
    verification_summary as summary_of,
)
from ansible_collections.incomex.closeout.plugins.module_utils._verification_view import verification_view as view_of

INTERNAL = "_verify_"


def verification_evidence(results: dict[str, Any], host: str, job_id: Any = None) -> dict[str, Any]:
    """Put the results of a verification's steps together as evidence; say which collection and playbook ran.

    Raises AnsibleFilterError where an extra var could have taken a result's place.
    """
    refuse_brought_along(TITLE, INTERNAL)
    return collect(
        plain(results),
        host=host,
        collection=collection_facts(COLLECTION),
        orchestrator=orchestrator_facts(list(context.CLIARGS.get("args") or []), COLLECTION, ansible_core, job_id),
    )


def verification_verdict(evidence: dict[str, Any]) -> dict[str, Any]:
    """Return checks and result of the evidence."""
    return judge(plain(evidence))


def verification_view(document: dict[str, Any]) -> dict[str, Any]:
    """Return what the record shows; ``document`` is evidence with checks and result."""
    return view_of(plain(document))


def verification_summary(evidence: dict[str, Any]) -> list[str]:
    """Return a verification in a few lines, of evidence with its checks and result."""
    return summary_of(plain(evidence))


def verification_statistics(hostvars: Any, known: list[str], hosts: list[str]) -> dict[str, Any]:
    """Return what a play hands on by set_stats: ``known`` hosts may have told something, those of the play must."""
    names = dict.fromkeys([*known, *hosts])
    told = {name: plain(hostvars[name].get("_verify_told") or {}) for name in names}
    return statistics(told, list(hosts), NOTHING_VERIFIED)


class FilterModule:
    """The filters of a verification."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {
            "verification_evidence": verification_evidence,
            "verification_verdict": verification_verdict,
            "verification_view": verification_view,
            "verification_summary": verification_summary,
            "verification_statistics": verification_statistics,
        }
