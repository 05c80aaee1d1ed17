# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the module pg_dump_compare: its arguments, its one call."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ._argspec import run_id_spec
from ._compare import CompareRequest, compare
from ._dumpdigest import assert_dump
from ._dumptext import DumpFile
from ._files import read_whole
from ._globals import load_globals
from ._module import run_module
from ._scratch_lifecycle import existing


def work(module: AnsibleModule) -> dict[str, Any]:
    """Compare; in check mode only see that scratch server and files are there."""
    scratch = existing(module.params)
    names = (
        "db",
        "dump",
        "manifest",
        "manifest_sha256",
        "census",
        "census_sha256",
        "jobs",
        "show_differences",
        "report",
        "age_identity_file",
    )
    request = CompareRequest(
        **{name: module.params[name] for name in names},
        globals_document=load_globals(read_whole(module.params["globals"])),
    )
    assert_dump(request.dump)
    DumpFile(request.dump, identity_file=request.age_identity_file).assert_openable()
    if module.check_mode:
        return {}
    return compare(scratch, request)


def main() -> None:
    """Run the module."""
    spec = {
        **run_id_spec(),
        "driver": {"type": "str", "choices": ["docker", "local"], "default": "docker"},
        "name": {"type": "str", "required": True},
        "db": {"type": "str", "required": True},
        "dump": {"type": "path", "required": True},
        "manifest": {"type": "path", "required": True},
        "manifest_sha256": {"type": "str", "required": True},
        "census": {"type": "path", "default": ""},
        "census_sha256": {"type": "str", "default": ""},
        "globals": {"type": "path", "required": True},
        "jobs": {"type": "int", "default": 2},
        "show_differences": {"type": "bool", "default": False},
        "report": {"type": "path", "default": ""},
        "age_identity_file": {"type": "path", "default": ""},
        "docker_host": {"type": "str", "default": ""},
        "bin_dir": {"type": "path", "default": ""},
    }
    run_module(spec, work)
