# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what a whole play hands on: the results of all its runs, told as one.

A play may close out several hosts, and a host several databases. The whole has passed when each has; a host that told
nothing, because it failed before or could not be reached, has not.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

ALL_PASS = "ALL_PASS"
NOTHING = MappingProxyType({"closeout_result": "FAIL", "closeout_artifact": "", "closeout_sha256": ""})
NOTHING_VERIFIED = {
    "closeout_verification_result": "FAIL",
    "closeout_verification_record": "",
    "closeout_verification_sha256": "",
}
"""What a play tells of a verification: names of its own, so that nobody takes it for a closeout's."""

Told = dict[str, dict[str, str]]
"""closeout_result, closeout_artifact and closeout_sha256 by ``host/db``; of a verification its own three names."""


def key_for(told: Told, host: str, db: str) -> str:
    """Return the name under which the next run of ``host`` is told: ``host/db``, numbered where that is taken."""
    key = f"{host}/{db}"
    number = 1
    while key in told:
        number += 1
        key = f"{host}/{db}#{number}"
    return key


def statistics(told_by_host: dict[str, Told], hosts: list[str], nothing: Mapping[str, str] = NOTHING) -> dict[str, Any]:
    """Return the data for set_stats. ``hosts`` are those of the play; one of them without a result counts as FAIL.
    ``nothing`` is what a host has told that told nothing: its first name is that of the result.

    For a single result it is that result; for several the whole run's, with each below ``closeout_results``.
    """
    results: Told = {}
    for host, told in told_by_host.items():
        for key, one in told.items():
            # Host "a" with database "b/c" and host "a/b" with database "c" are two.
            results[key if key not in results else f"{key} ({host})"] = one
    for host in hosts:
        if not told_by_host.get(host):
            results[f"{host}/?"] = dict(nothing)
    if len(results) == 1:
        return dict(next(iter(results.values())))
    name = next(iter(nothing))
    passed = bool(results) and all(one.get(name) == ALL_PASS for one in results.values())
    return {**nothing, name: ALL_PASS if passed else "FAIL", f"{name}s": results}
