# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's playbooks, run as a user would run them, and their variables."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from places import REPOSITORY
from production import DATABASE, PORT, SUPERUSER
from programs import clean_environment, end_playbook, process_prefix
from signing import ALLOWED_SIGNERS
from told import DemoError, say

if TYPE_CHECKING:
    import argparse

    from wheel import Installation

#: A scratch server that an interrupted run may leave behind ends by itself after this time.
SCRATCH_TTL_S = 600


def closeout_variables(installation: Installation, socket: Path, root: Path, key: Path | None) -> dict[str, Any]:
    """The variables of the demo's closeout, as an inventory would have them. Without a ``key`` nothing is signed."""
    metrics = root / "metrics"
    metrics.mkdir(mode=0o755, exist_ok=True)
    return {
        "closeout_container": "",
        "closeout_login_unix_socket": str(socket),
        "closeout_login_port": PORT,
        "closeout_user": SUPERUSER,
        "closeout_db": DATABASE,
        "closeout_bin_dir": str(installation.bin_dir),
        "closeout_scratch_driver": "local",
        "closeout_scratch_ttl_s": SCRATCH_TTL_S,
        "closeout_root": str(root),
        "closeout_label": "demo",
        "closeout_textfile_dir": str(metrics),
        "closeout_sign_key": str(key or ""),
    }


def verification_variables(installation: Installation, root: Path, artefact: Path, key: Path | None) -> dict[str, Any]:
    """The variables that verify an artefact, by its signature too if there is one."""
    return {
        "closeout_verify_path": str(artefact),
        "closeout_verify_allowed_signers": str(key.with_name(ALLOWED_SIGNERS)) if key else "",
        "closeout_bin_dir": str(installation.bin_dir),
        "closeout_scratch_driver": "local",
        "closeout_scratch_ttl_s": SCRATCH_TTL_S,
        "closeout_root": str(root),
        "closeout_label": "demo",
    }


def run_playbook(playbook: str, variables: dict[str, Any], temporary: Path, options: argparse.Namespace) -> int:
    """Run a playbook as a user would; returns ansible-playbook's exit code. Raises DemoError if it takes too long."""
    program = Path(sys.executable).with_name("ansible-playbook")
    own = temporary / "ansible"
    own.mkdir(mode=0o700, exist_ok=True)
    host = {
        "ansible_connection": "local",
        # Discovery may find a python without psycopg2.
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "ansible_remote_tmp": str(own / "remote"),
    }
    inventory, extra = own / "inventory.json", own / "variables.json"
    inventory.write_text(json.dumps({"closeout": {"hosts": {"production": host}}}, indent=2))
    extra.write_text(json.dumps(variables, indent=2))
    command = [str(program), "-i", str(inventory), playbook, "-e", f"@{extra}", *options.ansible_arguments]
    say(f"$ {shlex.join(command)}")
    if process_prefix(None):
        # Without --no-new-privs: what a playbook may do is not for a demo to decide.
        command = [process_prefix(None)[0], "--pdeathsig", "TERM", *command]
    process = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env={**clean_environment(), "ANSIBLE_LOCAL_TEMP": str(own / "local")},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(options.timeout)
    except subprocess.TimeoutExpired:
        raise DemoError(f"ansible-playbook was still running after {options.timeout:g} s and was ended") from None
    finally:
        end_playbook(process)
