# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: all closeouts of a play, over its hosts and their databases, in one document.

A pure function. What is not known to have passed has failed: a host that told nothing, a run that did not come to its
end, a run of which two things are said.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._findings import size
from ._printable import printable
from ._statistics import ALL_PASS, Told, statistics
from ._view_text import moment

SCHEMA = "incomex.closeout/fleet/1"
SILENT = "it told nothing: it was not reached, was not begun, or was cut off"
CUT_OFF = "it did not come to its end"
_ZERO = {"size_bytes": None, "rows": None, "duration_s": None}


def fleet(
    told_by_host: dict[str, Told],
    reported_by_host: dict[str, dict[str, dict[str, Any]]],
    hosts: list[str],
    moment: str,
    job: str = "",
) -> dict[str, Any]:
    """Return the document. Both mappings have, by host and name of the run, what was told of it; the second one as a
    notification is (_notification.py). ``hosts`` are those of the play, ``moment`` is now (UTC, ISO 8601), ``job`` is
    AWX's number of it.
    """
    whole = statistics(told_by_host, hosts)
    runs = list(_runs(told_by_host, reported_by_host, hosts))
    passed = [run for run in runs if run["result"] == ALL_PASS]
    is_whole = whole.get("closeout_result") == ALL_PASS and bool(runs) and len(passed) == len(runs)
    return {
        "schema": SCHEMA,
        "result": ALL_PASS if is_whole else "FAIL",
        "written_utc": moment,
        "job": job,
        "hosts_total": len({run["host"] for run in runs}),
        "runs_total": len(runs),
        "passed_total": len(passed),
        "size_bytes_total": sum(run["size_bytes"] or 0 for run in passed),
        "runs": runs,
    }


def _runs(
    told_by_host: dict[str, Told], reported_by_host: dict[str, dict[str, dict[str, Any]]], hosts: list[str]
) -> Iterator[dict[str, Any]]:
    # Those of the play first, in its order: the inventory's others tell only where they were closed out before.
    for host in dict.fromkeys([*hosts, *told_by_host]):
        told = told_by_host.get(host) or {}
        if not told and host in hosts:
            yield {"host": printable(host), "name": f"{printable(host)}/?", "db": "", **_failed(SILENT)}
        for name, one in told.items():
            yield _run(host, name, one, (reported_by_host.get(host) or {}).get(name))


def _run(host: str, name: str, told: dict[str, str], reported: dict[str, Any] | None) -> dict[str, Any]:
    of_host = {"host": printable(host), "name": printable(name)}
    if not reported:
        return {**of_host, "db": printable(name.partition("/")[2]), **_failed(CUT_OFF)}
    same = told.get("closeout_result") == reported.get("result")
    passed = same and reported.get("result") == ALL_PASS
    failed = [f"{one.get('what')}: {one.get('detail')}" for one in reported.get("failed") or []]
    return {
        **of_host,
        "db": reported.get("db"),
        "result": ALL_PASS if passed else "FAIL",
        "failed": [] if passed else failed or [CUT_OFF if same else "its result was told in two ways"],
        "failed_total": reported.get("failed_total") or 0,
        "run_id": reported.get("run_id"),
        "artefact": reported.get("artefact"),
        "sha256": reported.get("sha256"),
        **{count: reported.get(count) for count in _ZERO},
    }


def _failed(why: str) -> dict[str, Any]:
    return {"result": "FAIL", "failed": [why], "failed_total": 1, "run_id": "", "artefact": "", "sha256": "", **_ZERO}


def fleet_view(document: dict[str, Any]) -> dict[str, Any]:
    """Return what the summary's pages show of it, as text."""
    return {
        "result": document["result"],
        "passed": document["result"] == ALL_PASS,
        "sentence": (
            f"{document['passed_total']} of {document['runs_total']} closeouts passed, on {document['hosts_total']}"
            f" {'host' if document['hosts_total'] == 1 else 'hosts'}."
        ),
        "written": moment(document["written_utc"]),
        "job": document["job"],
        "size": size(document["size_bytes_total"]),
        # What failed is what is looked for.
        "runs": [_shown(run) for run in sorted(document["runs"], key=lambda run: run["result"] == ALL_PASS)],
    }


def _shown(run: dict[str, Any]) -> dict[str, Any]:
    more = run["failed_total"] - len(run["failed"])
    return {
        **run,
        "passed": run["result"] == ALL_PASS,
        "size": "" if run["size_bytes"] is None else size(run["size_bytes"]),
        "rows": "" if run["rows"] is None else f"{run['rows']:,}",
        "duration": "" if run["duration_s"] is None else f"{run['duration_s']:.0f} s",
        "record": f"{run['artefact']}/closeout.md" if run["artefact"] else "",
        "reasons": [*run["failed"], *([f"and {more} more"] if more > 0 else [])],
    }
