# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what ran the closeout: this collection's version and digest, the playbook and its
digest.

Runs on the controller.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import Any

_ROOMS = ("meta", "playbooks", "plugins", "roles")


def collection_facts(path: str) -> dict[str, str]:
    """Return version and digest of the collection at ``path``.

    The digest is the sha256 of a list like sha256sum's, sorted by name, over every file that can take part in a run.
    """
    digest = hashlib.sha256()
    for room in _ROOMS:
        for directory, names, files in os.walk(os.path.join(path, room)):
            names[:] = sorted(name for name in names if name != "__pycache__")
            for name in sorted(files):
                file = os.path.join(directory, name)
                digest.update(f"{_sha256(file)}  {os.path.relpath(file, path)}\n".encode())
    return {"version": _version(path), "sha256": digest.hexdigest()}


def orchestrator_facts(playbooks: list[str], collection: str, ansible_core: str, job_id: Any) -> dict[str, Any]:
    """Return path and sha256 of the playbook that was run, "" where that was no file, and who ran it.

    ``playbooks`` are ansible-playbook's arguments; one of this collection's own is found by its full name.
    """
    path = playbooks[0] if playbooks else ""
    own = re.fullmatch(r"incomex\.closeout\.(\w+)", path)
    if own:
        path = os.path.join(collection, "playbooks", own.group(1) + ".yml")
    path = os.path.abspath(path) if path else ""
    return {
        "path": path,
        "sha256": _sha256(path) if os.path.isfile(path) else "",
        "ansible_core": ansible_core,
        "awx_job_id": job_id,
    }


def _version(path: str) -> str:
    """Read the version of an installed collection, or of a checkout."""
    try:
        with open(os.path.join(path, "MANIFEST.json"), encoding="utf-8") as file:
            return str(json.load(file)["collection_info"]["version"])
    except FileNotFoundError:
        pass
    try:
        with open(os.path.join(path, "galaxy.yml"), encoding="utf-8") as file:
            found = re.search(r"^version:\s*(\S+)", file.read(), re.MULTILINE)
    except FileNotFoundError:
        return ""
    return found.group(1) if found else ""


def _sha256(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
