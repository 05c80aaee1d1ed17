# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters of several closeouts: the databases of a host, the hosts of a play."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.incomex.closeout.plugins.filter.closeout import INTERNAL, plain, refuse_brought_along
from ansible_collections.incomex.closeout.plugins.module_utils._clock import to_text
from ansible_collections.incomex.closeout.plugins.module_utils._fleet import fleet, fleet_view
from ansible_collections.incomex.closeout.plugins.module_utils._plan_elsewhere import joined
from ansible_collections.incomex.closeout.plugins.module_utils._runs import (
    Run,
    announced,
    databases_of,
    outcome,
    runs_of,
)
from ansible_collections.incomex.closeout.plugins.module_utils._statistics import Told
from ansible_collections.incomex.closeout.plugins.module_utils._verdict import TITLE


def closeout_runs(databases: Any, told: dict[str, Any], host: str, db: Any) -> list[Run]:
    """Return the next runs of ``host``. Raises AnsibleFilterError on ``databases`` that cannot be read."""
    try:
        return runs_of(databases_of(plain(databases)), plain(told), host, str(db or ""))
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


def closeout_announced(runs: list[Run]) -> Told:
    """Return what is told of ``runs`` before they begin."""
    return announced(plain(runs))


def closeout_outcome(runs: list[Run], ended: dict[str, Any]) -> dict[str, Any]:
    """Return what the ``runs`` of a host came to: whether it passed, whether it fails, and a message."""
    return outcome(plain(runs), plain(ended))


def closeout_fleet(hostvars: Any, known: list[str], hosts: list[str], job: Any = None) -> dict[str, Any]:
    """Return the document of all closeouts: ``known`` hosts may have told something, those of the play must.

    Raises AnsibleFilterError where an extra var could have taken a result's place.
    """
    refuse_brought_along(TITLE, INTERNAL)
    names = list(dict.fromkeys([*hosts, *known]))
    told, reported = (
        {name: plain(hostvars[name].get(variable) or {}) for name in names}
        for variable in ("_closeout_told", "_closeout_reported")
    )
    return fleet(told, reported, list(hosts), to_text(dt.datetime.now(dt.timezone.utc)), str(job or ""))


def closeout_fleet_view(document: dict[str, Any]) -> dict[str, Any]:
    """Return what the pages of a summary show of it."""
    return fleet_view(plain(document))


def closeout_planned(plan: dict[str, Any], there: dict[str, Any] | None) -> dict[str, Any]:
    """Return the plan of production's host with what the host of the restore test said."""
    return joined(plain(plan), plain(there))


class FilterModule:
    """The filters of several closeouts."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {
            "closeout_announced": closeout_announced,
            "closeout_runs": closeout_runs,
            "closeout_planned": closeout_planned,
            "closeout_outcome": closeout_outcome,
            "closeout_fleet": closeout_fleet,
            "closeout_fleet_view": closeout_fleet_view,
        }
