# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a scratch server made, or removed with proof; what others left, reaped."""

from __future__ import annotations

import secrets
import time
from dataclasses import asdict
from typing import Any

from ._abandoned import half_written_by, remove
from ._clock import utc_now
from ._errors import CloseoutError, NotOurs
from ._files import read_whole
from ._globals import bootstrap_name, load_globals, lock_slots
from ._identity import read_identity
from ._orphans import kill, programs
from ._reaper import reap
from ._scratch import CONNECTIONS, Absence, Driver, Scratch, ScratchRequest
from ._scratch_docker import DockerDriver
from ._scratch_local import LocalDriver
from ._server import server_at

_ABSENT_TIMEOUT_S = 30.0


def driver_for(parameters: dict[str, Any]) -> Driver:
    """Return the driver that a module's parameters name."""
    if parameters["driver"] == "docker":
        return DockerDriver(parameters["docker_host"])
    return LocalDriver(parameters["bin_dir"])


def make_present(parameters: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Make the scratch server of a run, or find the one that is there; describe it and read its identity."""
    driver = driver_for(parameters)
    run_id, name = _run_id_and_name(parameters)
    there = driver.find(run_id, name)
    if check:
        return {"changed": there is None}
    if there is not None:
        return {"changed": False, **_described(there, "")}
    document = load_globals(read_whole(parameters["globals"]))
    nonce = secrets.token_hex(16)
    request = ScratchRequest(
        run_id=run_id,
        name=name,
        bootstrap=bootstrap_name(document),
        nonce=nonce,
        max_locks=lock_slots(document, CONNECTIONS),
        ttl_s=parameters["ttl_s"],
        image=parameters["image"],
        storage=parameters["storage"],
        memory_mb=parameters["memory_mb"],
        os_user=parameters["os_user"],
        dump=parameters["dump"],
    )
    made = driver.present(request)
    try:
        return {"changed": True, **_described(made, nonce)}
    except BaseException:
        driver.absent(run_id, name)
        raise


def _run_id_and_name(parameters: dict[str, Any]) -> tuple[str, str]:
    """Return both. Raises CloseoutError where one is empty: nothing found by an empty label proves nothing."""
    run_id, name = parameters["run_id"], parameters["name"]
    if not run_id or not name:
        raise CloseoutError(
            "A scratch server needs a run id and a name", wanted="run_id and name", found="an empty one"
        )
    return run_id, name


def _described(scratch: Scratch, nonce: str) -> dict[str, Any]:
    """Describe a scratch server that answers; ``connection`` are the options that lead a module to it."""
    server = server_at(scratch.address)
    with server.session() as session:
        identity = read_identity(server, session)
        listening = session.value("SELECT current_setting('listen_addresses')")
    facts = {**scratch.facts, "server_version": identity.server_version}
    facts["isolation"] = {**facts["isolation"], "listen_addresses": listening}
    address = {
        name: value
        for name, value in asdict(scratch.address).items()
        if name in ("container", "docker_host", "login_unix_socket", "login_port", "login_user", "bin_dir")
    }
    return {"scratch": facts, "identity": identity.as_facts(), "connection": address, "nonce": nonce}


def make_absent(parameters: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Remove everything of a run and prove that nothing is left. Raises CloseoutError, with what is, where it is.

    Its programs, and files that it has not finished, belong to modules that were killed: another one is at work now.
    """
    driver = driver_for(parameters)
    run_id, name = _run_id_and_name(parameters)
    root = parameters["root"]

    def look() -> Absence:
        found = driver.absence(run_id, name)
        found.processes += [str(pid) for pid, owner, _name in programs() if owner == run_id]
        found.paths += half_written_by(root, run_id)
        return found

    if check:
        return {"changed": not look().proved}
    for pid, owner, _name in list(programs()):
        if owner == run_id:
            kill(pid, run_id)
    changed = driver.absent(run_id, name)
    for path in half_written_by(root, run_id):
        remove(path)
    deadline = time.monotonic() + _ABSENT_TIMEOUT_S
    left = look()
    # What merely bears the name, of another run, does not go by waiting.
    while left.of_this_run and time.monotonic() < deadline:
        time.sleep(0.05)
        left = look()
    facts = {"changed": changed, "teardown": {**left.as_facts(), "removed_utc": utc_now()}}
    if not left.proved:
        raise CloseoutError(
            "Something of the scratch server is still there",
            wanted="nothing by that name or label",
            found=str({key: value for key, value in left.as_facts().items() if value}),
            do="look at it by hand; a container of another run may bear the same name; a program that PostgreSQL in"
            " production's container may take for its own goes when its session is ended, or with its container",
            facts=facts,
        )
    return facts


def make_reaped(parameters: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Remove what runs that are gone left: what is this host's own in any case, containers with their driver."""
    drivers: list[Driver] = [LocalDriver(parameters["bin_dir"])]
    if parameters["driver"] == "docker":
        drivers.append(DockerDriver(parameters["docker_host"]))
    return reap(drivers, parameters["root"], check=check)


def existing(parameters: dict[str, Any]) -> Scratch:
    """Return the scratch server of a run. Raises NotOurs where there is none."""
    found = driver_for(parameters).find(parameters["run_id"], parameters["name"])
    if found is None:
        raise NotOurs(
            f"There is no scratch server {parameters['name']!r} of run {parameters['run_id']!r}",
            wanted="the labelled scratch server of this run",
            found="none",
            do="nothing was restored; make it with pg_scratch_server",
        )
    return found
