# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the variables of a verification, made what they mean. Those that a closeout has too mean
the same there.
"""

from __future__ import annotations

import dataclasses
import os
import re
from typing import Any

from ._settings import CUTTER_GOVERNANCE, CUTTER_GOVERNANCE_TABLES, Problem, read_given
from ._settings import SETTINGS as OF_A_CLOSEOUT

_SHARED = (
    "docker_host",
    "bin_dir",
    "root",
    "label",
    "schema",
    "expected_tables",
    "scratch_driver",
    "scratch_name",
    "scratch_image",
    "scratch_ttl_s",
    "scratch_storage",
    "scratch_memory_mb",
    "scratch_os_user",
    "restore_jobs",
    "restore_tolerance",
    "compare_jobs",
    "progress_s",
    "show_differences",
    "age_identity_file",
    "sign_key",
    "fail",
)
_PATH, _TEXT, _NAMES = (OF_A_CLOSEOUT[name] for name in ("textfile_dir", "docker_host", "protected_containers"))
SETTINGS = {
    "verify_path": _PATH,
    "verify_sha256": _TEXT,
    "verify_allowed_signers": _PATH,
    "verify_signer": _TEXT,
    "verify_sysids": _NAMES,
    **{name: OF_A_CLOSEOUT[name] for name in _SHARED},
    # The record of an artefact has one; which a dump has is seen in the dump.
    "schema": dataclasses.replace(OF_A_CLOSEOUT["schema"], default=""),
}
"""Every variable of the role verify, without its prefix. The role's defaults say the same; a test sees to it."""

RESTORE_DB = "closeout_verification"
_SCRATCH_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")
_FORMS = {
    "verify_sha256": (r"[0-9a-f]{64}", "64 hexadecimal digits in lower case"),
    "verify_sysids": (r"\d{1,20}", "system identifiers, which are numbers"),
}


def read_settings(given: dict[str, Any], *, run_id: str, stamp: str, date: str) -> tuple[dict[str, Any], list[Problem]]:
    """Return the effective settings of a verification, and every problem with what was given.

    ``given`` maps names without prefix to raw values. A setting with a problem has its default.
    """
    settings, problems = read_given(given, SETTINGS)
    for name, (form, wanted) in _FORMS.items():
        values = settings[name] if isinstance(settings[name], list) else [settings[name]]
        if any(value and not re.fullmatch(form, value) for value in values):
            problems.append(_problem(name, wanted, repr(settings[name])[:200]))
            settings[name] = SETTINGS[name].default
    if not settings["verify_path"] and not any(one.object == "closeout_verify_path" for one in problems):
        problems.append(_problem("verify_path", "the path of an artefact directory, or of a dump", "none"))
    if not settings["expected_tables"] and settings["schema"] == CUTTER_GOVERNANCE:
        settings["expected_tables"] = list(CUTTER_GOVERNANCE_TABLES)
    words = {"label": settings["label"], "stamp": stamp, "date": date, "run_id": run_id, "db": "verification"}
    settings["scratch_name"] = re.sub(
        r"<(\w+)>", lambda match: words.get(match.group(1), match.group(0)), settings["scratch_name"]
    )
    if not _SCRATCH_NAME.fullmatch(settings["scratch_name"]):
        problems.append(_problem("scratch_name", "a name that Docker takes", repr(settings["scratch_name"])))
    if settings["verify_path"]:
        # A link may lead somewhere else a moment later.
        settings["verify_path"] = os.path.realpath(settings["verify_path"])
    settings["restore_db"] = RESTORE_DB
    settings["record"] = os.path.join(settings["root"], f"verify_{settings['label']}_{stamp}")
    return settings, problems


def _problem(name: str, wanted: str, found: str) -> Problem:
    variable = f"closeout_{name}"
    return Problem("settings", variable, wanted, found, f"correct {variable}")
