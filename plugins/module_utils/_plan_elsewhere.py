# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the plan of a restore test on another host than production's."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ._clock import utc_now
from ._findings import Findings
from ._plan_lines import lines_of
from ._preflight_age import look_at_encryption
from ._preflight_needs import Extension, Needs
from ._preflight_root import look_at_root
from ._preflight_scratch import Known, look_at_docker, look_at_host
from ._preflight_space import Sizes, look_for_space
from ._running import at_work


def known_of(needs: Needs | None, client_major: int, sizes: Sizes, image: str) -> dict[str, Any]:
    """Return what the other host has to know of production; ``image`` is production's own, "" for none."""
    return {
        "needs": None if needs is None else asdict(needs),
        "client_major": client_major,
        "sizes": asdict(sizes),
        "image": image,
    }


def plan_elsewhere(settings: dict[str, Any], production: dict[str, Any], run_id: str) -> dict[str, Any]:
    """Look around on this host for a run's restore test, by its effective ``settings`` and what is known of
    ``production``; return problems, notes and facts. Nothing is left behind.
    """
    found = Findings()
    needs = production["needs"] and Needs(
        **{**production["needs"], "extensions": [Extension(**one) for one in production["needs"]["extensions"]]}
    )
    known = Known(needs or None, None, production["client_major"])
    settings = {**settings, "scratch_image": settings["scratch_image"] or production["image"]}
    # Another run's reaper must not take the programs that are asked for their version for somebody's remains.
    with at_work(run_id):
        look_at_root(found, settings["root"], settings["copy_path"])
        if settings["age_recipients"]:
            found.tried("encryption", "closeout_age_recipients", lambda: look_at_encryption(found, settings, run_id))
        if settings["scratch_driver"] == "docker":
            image = settings["scratch_image"] or "scratch image"
            found.tried("scratch", image, lambda: look_at_docker(found, settings, known, run_id))
        else:
            programs = settings["bin_dir"] or "scratch server"
            found.tried("scratch", programs, lambda: look_at_host(found, settings, known))
        look_for_space(found, settings, Sizes(**production["sizes"]))
    return {
        "problems": [problem.as_facts() for problem in found.problems],
        "notes": found.notes,
        "facts": found.facts,
        "looked_utc": utc_now(),
    }


def joined(plan: dict[str, Any], there: dict[str, Any] | None) -> dict[str, Any]:
    """Return production's ``plan`` with what its scratch host said; None, or no facts: it could not be asked."""
    host = plan["settings"]["scratch_host"]
    if "for_elsewhere" not in plan["facts"]:
        note = f"{host} was not looked at: it has to know of production, which could not be asked."
        return {**plan, "ready": False, "notes": [*plan["notes"], note]}
    if not there or "facts" not in there:
        said = str((there or {}).get("msg") or "it is no host of the inventory")
        there = {
            "problems": [
                {
                    "id": "scratch",
                    "object": "closeout_scratch_host",
                    "wanted": "a host of the inventory that can be reached, for the restore test",
                    "found": said,
                    "do": "correct the inventory or closeout_scratch_host; empty means production's own host",
                }
            ],
            "notes": [],
            "facts": {},
        }
    of_there = [{**one, "object": f"{host}: {one['object']}"} for one in there["problems"]]
    scratch = there["facts"].get("scratch")
    facts = {
        **plan["facts"],
        **({"scratch": {**scratch, "where": f"on {host}: {scratch['where']}"}} if scratch else {}),
        "space": [
            *plan["facts"].get("space", []),
            *({**one, "paths": [f"{host}:{path}" for path in one["paths"]]} for one in there["facts"].get("space", [])),
        ],
    }
    facts.pop("for_elsewhere", None)
    image = (scratch or {}).get("image") or plan["settings"]["scratch_image"]
    settings = {**plan["settings"], "scratch_image": image}
    problems = [*plan["problems"], *of_there]
    return {
        **plan,
        "settings": settings,
        "problems": problems,
        "notes": [*plan["notes"], *(f"{host}: {one}" for one in there["notes"])],
        "ready": plan["ready"] and not problems,
        "facts": facts,
        "lines": lines_of(settings, facts, ready=not problems, retention=plan["retention"]),
    }
