# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the module pg_scratch_restore: its arguments, its one call."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ._argspec import run_id_spec
from ._dumpdigest import assert_dump
from ._dumptext import DumpFile
from ._errors import GuardFailed
from ._files import read_whole
from ._globals import load_globals
from ._identity import identity_from
from ._module import run_module
from ._restore import restore
from ._restore_request import RestoreRequest
from ._scratch_lifecycle import existing


def work(module: AnsibleModule) -> dict[str, Any]:
    """Restore the dump; in check mode only see that scratch server and files are there."""
    scratch = existing(module.params)
    request = RestoreRequest(
        path=module.params["path"],
        db=module.params["restore_db"],
        globals_document=load_globals(read_whole(module.params["globals"])),
        production=identity_from(module.params["production"]) if module.params["production"] else None,
        sysids=_sysids(module.params),
        nonce=module.params["nonce"],
        by_hand=module.params["tolerance"] == "by_hand",
        log=module.params["log"],
        manifest=module.params["manifest"],
        manifest_sha256=module.params["manifest_sha256"],
        run_id=module.params["run_id"],
        jobs=module.params["jobs"],
        age_identity_file=module.params["age_identity_file"],
    )
    assert_dump(request.path)
    DumpFile(request.path, identity_file=request.age_identity_file).assert_openable()
    if module.check_mode:
        return {"changed": True}
    return {"changed": True, **restore(scratch, request)}


def _sysids(parameters: dict[str, Any]) -> tuple[str, ...]:
    """Return the system identifiers that were given. Raises GuardFailed unless it is said who the scratch server must
    not be, or, in so many words, that nobody knows.
    """
    sysids = tuple(parameters["sysids"])
    known = bool(parameters["production"]) or bool(sysids)
    if known == parameters["production_unknown"] or not all(sysids):
        raise GuardFailed(
            "The guard does not know who production is",
            wanted="production or sysids, none of them empty; or, for a dump of which nobody knows whose it is,"
            " production_unknown alone",
            found=f"production: {'given' if parameters['production'] else 'none'}, sysids: {list(sysids)!r},"
            f" production_unknown: {parameters['production_unknown']}",
            do="pass what pg_witness_info returned",
        )
    return sysids


def main() -> None:
    """Run the module."""
    spec = {
        **run_id_spec(),
        "driver": {"type": "str", "choices": ["docker", "local"], "default": "docker"},
        "name": {"type": "str", "required": True},
        "path": {"type": "path", "required": True},
        "globals": {"type": "path", "required": True},
        "restore_db": {"type": "str", "required": True},
        "production": {"type": "dict"},
        "sysids": {"type": "list", "elements": "str", "default": []},
        "production_unknown": {"type": "bool", "default": False},
        "nonce": {"type": "str", "required": True, "no_log": False},
        "tolerance": {"type": "str", "choices": ["none", "by_hand"], "default": "none"},
        "jobs": {"type": "int", "default": 0},
        "log": {"type": "path", "default": ""},
        "manifest": {"type": "path", "default": ""},
        "manifest_sha256": {"type": "str", "default": ""},
        "age_identity_file": {"type": "path", "default": ""},
        "docker_host": {"type": "str", "default": ""},
        "bin_dir": {"type": "path", "default": ""},
    }
    run_module(spec, work)
