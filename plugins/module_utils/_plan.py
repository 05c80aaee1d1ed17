# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the plan of a run: its id and moment, its effective settings, and what is in its way."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Any

from ._clock import stamp, to_text
from ._errors import CloseoutError
from ._findings import Findings
from ._plan_lines import lines_of
from ._preflight import Preflight
from ._prune import forecast
from ._running import at_work
from ._server import Address
from ._settings import Problem, read_settings


def make_plan(
    given: dict[str, Any], password: str, host: str = "", webhook: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return run id, stamp, effective settings, problems and notes; nothing is left behind anywhere. ``host`` is the
    target's name in the history, ``webhook`` what the controller found out about whom to tell (_webhook.py).

    ``ready`` is true where there is no problem. With an unreadable setting the preflight still says what else is wrong.
    """
    now = dt.datetime.now(dt.timezone.utc)
    run_id = secrets.token_hex(6)
    moment = stamp(now)
    settings, problems = read_settings(given, run_id=run_id, stamp=moment, date=now.strftime("%Y-%m-%d"))
    if settings["scratch_host"] == host:
        settings["scratch_host"] = settings["copy_path"] = ""
    settled = not problems
    webhook = webhook or {}
    settings["notify_to"] = str(webhook.get("to") or "")
    found = Findings()
    try:
        preflight = Preflight(settings, address_of(settings, password, run_id))
        found = preflight.found
        # Another run's reaper must not take the programs that are asked for their version for somebody's remains.
        with at_work(run_id):
            preflight.run()
        problems += found.problems
    except CloseoutError as error:
        # The address itself is wrong; the settings' own problems may have said so already.
        if not problems:
            problems.append(Problem("settings", "connection", error.wanted, error.found or error.message, error.do))
    problems += [Problem(**one) for one in webhook.get("problems") or []]
    retention = forecast(settings, host, run_id)
    settings["scratch_image"] = found.facts.get("scratch", {}).get("image") or settings["scratch_image"]
    return {
        "run_id": run_id,
        "stamp": moment,
        "started_utc": to_text(now),
        "settings": settings,
        "problems": [problem.as_facts() for problem in problems],
        "notes": [*found.notes, *(webhook.get("notes") or [])],
        "settled": settled,
        "ready": not problems,
        "facts": found.facts,
        "retention": retention,
        "lines": lines_of(settings, found.facts, ready=not problems, retention=retention),
    }


def address_of(settings: dict[str, Any], password: str, run_id: str) -> Address:
    """Return production's address from effective settings."""
    same = (
        "container",
        "docker_host",
        "login_host",
        "login_port",
        "login_unix_socket",
        "ssl_mode",
        "ca_cert",
        "bin_dir",
    )
    return Address(
        **{name: settings[name] for name in same},
        login_user=settings["user"],
        login_password=password,
        login_passfile=settings["passfile"],
        login_db=settings["db"],
        run_id=run_id,
    )
