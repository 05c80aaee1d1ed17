# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: whether the scratch server can be made, and will be what the restored copy needs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from ._docker import ContainerFacts, Daemon, reason_of
from ._errors import CloseoutError
from ._findings import Findings, some
from ._installation import read_installation
from ._preflight_needs import Needs
from ._preflight_offer import Offer, hold, hold_version, note_versions
from ._scratch_files import Files, HostFiles, differs_from_image, image_files
from ._scratch_local import DIRECTORY, LocalDriver

# What is run in a scratch container, by name.
_PROGRAMS = ("env", "initdb", "pg_dump", "postgres", "psql", "sh", "timeout")
# Where an image has programs, their libraries, extensions and locales.
_SOFTWARE = ("/bin", "/lib", "/lib64", "/opt", "/sbin", "/usr")
# Docker's own, for an image that names none.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Known:
    """What is known of production when the scratch server is looked at: its ``needs``, None where it could not be
    asked; its ``container``, None where it has none; and the version of pg_dump, 0 where there is none.
    """

    needs: Needs | None = None
    container: ContainerFacts | None = None
    client_major: int = 0


def look_at_host(found: Findings, settings: dict[str, Any], known: Known) -> None:
    """Look at the server programs of this host. Raises CloseoutError."""
    driver = LocalDriver(settings["bin_dir"])
    programs = driver.programs()
    found.facts["scratch"] = {"image": "", "where": f"processes of this host, programs in {programs}", "version": ""}
    found.facts["scratch_storage_path"] = DIRECTORY
    found.tried("scratch", programs, lambda: driver.check(settings["scratch_os_user"]))
    do = "install what is missing on this host, or set closeout_bin_dir to programs of production's version"
    _look_at_installation(found, known, HostFiles(), [programs], f"the programs in {programs}", do)


def look_at_docker(found: Findings, settings: dict[str, Any], known: Known, run_id: str) -> None:
    """Look at the daemon and at the image: the one that was chosen, else production's own. Raises CloseoutError."""
    daemon = Daemon(settings["docker_host"])
    name = settings["scratch_name"]
    if name in daemon.names():
        found.problem(
            "scratch", name, "a name that no container has", "a container of that name", "set closeout_scratch_name"
        )
    root = str(daemon.call("describe itself", daemon.client.api.info).get("DockerRootDir") or "")
    found.facts["scratch_storage_path"] = root if daemon.is_local and os.path.isdir(root) else ""
    image = settings["scratch_image"] or (known.container.image_id if known.container else "")
    if image:
        _look_at_image(found, settings, known, daemon, image, run_id)
    elif known.needs is not None:
        found.problem(
            "scratch",
            "closeout_scratch_image",
            "an image, since production runs in no container",
            "none given",
            "set closeout_scratch_image, or closeout_scratch_driver: local",
        )


def _look_at_image(
    found: Findings, settings: dict[str, Any], known: Known, daemon: Daemon, name: str, run_id: str
) -> None:
    found.facts["scratch"] = {"image": name, "where": f"a container of image {name}", "version": ""}
    try:
        image = dict(daemon.client.api.inspect_image(name))
    except daemon.not_found:
        found.problem(
            "scratch", name, "an image on this host", "no such image", f"docker pull {name}, or another image"
        )
        return
    except daemon.refusals as error:
        raise CloseoutError(f"Docker could not inspect the image {name!r}", found=reason_of(error)) from error
    do, needs = "set closeout_scratch_image to another image", known.needs
    if known.container is not None and image["Id"] == known.container.image_id and needs is not None:
        changed = _difference(daemon, known.container)
        if changed == "" and not needs.may_have_extension_path:
            # Production has what it needs, and has it from this image.
            found.facts["scratch"]["where"] = f"a container of production's own image, {known.container.image}"
            found.facts["scratch"]["version"] = needs.version
            hold_version(found, needs.major, needs.version, needs=needs, client_major=known.client_major, do=do)
            note_versions(found, [(one, one.default_version) for one in needs.extensions])
            return
        if changed:
            do = f"{do}: production's container has changed files, such as {changed}, which its image has not"
    with image_files(daemon, image, run_id) as files:
        _look_into_image(found, settings, known, files, image, name, do)


def _difference(daemon: Daemon, container: ContainerFacts) -> str | None:
    """Return a path where the container's software differs from its image's, "" for none, None if that is not told."""
    try:
        return differs_from_image(daemon, container.id, _SOFTWARE)
    except CloseoutError:
        # The image itself tells more.
        return None


def _look_into_image(
    found: Findings, settings: dict[str, Any], known: Known, files: Files, image: dict[str, Any], name: str, do: str
) -> None:
    environment = dict(one.partition("=")[::2] for one in (image.get("Config") or {}).get("Env") or [])
    path = [one for one in (environment.get("PATH") or _PATH).split(":") if one.startswith("/")]
    missing = [program for program in _PROGRAMS if not files.find(program, path)]
    if missing:
        found.problem("scratch", name, f"{', '.join(_PROGRAMS)} on its PATH", f"no {', '.join(missing)}", do)
    _look_for_user(found, settings, files, name)
    has_locale_path = "LOCPATH" in environment
    _look_at_installation(found, known, files, path, f"image {name}", do, has_locale_path=has_locale_path)


def _look_for_user(found: Findings, settings: dict[str, Any], files: Files, name: str) -> None:
    """Look for an unprivileged user to run as, as the driver will choose it."""
    passwd = files.read("/etc/passwd")
    lines = (passwd or b"").decode("utf-8", "replace").splitlines()
    uids = {fields[0]: fields[2] for fields in (line.split(":") for line in lines) if len(fields) >= 4}
    wanted = [settings["scratch_os_user"]] if settings["scratch_os_user"] else ["postgres", "nobody"]
    if all(uids.get(user, "0") == "0" for user in wanted):
        found.problem(
            "scratch",
            name,
            f"an unprivileged user {' or '.join(wanted)} in the image",
            some(sorted(uids)) or "no users",
            "set closeout_scratch_os_user to an unprivileged user of the image",
        )


def _look_at_installation(
    found: Findings,
    known: Known,
    files: Files,
    path: list[str],
    whose: str,
    do: str,
    *,
    has_locale_path: bool = False,
) -> None:
    """Hold what the copy needs against the installation on ``path``, which ``whose`` names; ``do`` says what helps."""
    try:
        installation = read_installation(files, path)
    except CloseoutError as error:
        found.notes.append(f"What {whose} can do could not be told: {error}")
        return
    if installation is None:
        return
    found.facts["scratch"]["version"] = installation.version
    if installation.major:
        version = f"{whose}: {installation.version}"
        hold_version(found, installation.major, version, needs=known.needs, client_major=known.client_major, do=do)
    else:
        found.notes.append(f"The version of PostgreSQL of {whose} could not be told.")
    if known.needs is not None:
        hold(found, known.needs, Offer(files, installation, whose, do, has_locale_path=has_locale_path))
