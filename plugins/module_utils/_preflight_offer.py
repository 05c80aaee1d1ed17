# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what a restored copy needs, held against what a scratch server's installation offers."""

from __future__ import annotations

from dataclasses import dataclass

from ._findings import Findings, some
from ._installation import Installation, default_version
from ._locales import files_have, host_has
from ._preflight_needs import Extension, Needs
from ._scratch_files import Files, HostFiles

_TRANSACTION_TIMEOUT = 17
"""From this version on pg_dump sets transaction_timeout, which an older server does not know."""


@dataclass(frozen=True)
class Offer:
    """An installation and the files around it. ``whose`` names it in messages; ``do`` says what helps where it will not
    do. ``has_locale_path``: its locales may be anywhere (LOCPATH).
    """

    files: Files
    installation: Installation
    whose: str
    do: str
    has_locale_path: bool = False


def hold(found: Findings, needs: Needs, offer: Offer) -> None:
    """Add to ``found`` what of ``needs`` the offer does not have. Raises CloseoutError."""
    _hold_extensions(found, needs, offer)
    _hold_locales(found, needs, offer)
    if needs.icu and not offer.installation.has_icu:
        found.problem(
            "locale",
            some(needs.icu),
            "a PostgreSQL built with ICU, whose locales these have",
            f"{offer.whose}: built without ICU",
            offer.do,
        )
    if needs.tablespaces and not offer.installation.has_tablespaces_in_place:
        found.problem(
            "tablespaces",
            some(needs.tablespaces),
            "a PostgreSQL that can make tablespaces within its data directory (allow_in_place_tablespaces)",
            f"{offer.whose}: {offer.installation.version}, which has no such setting",
            offer.do,
        )


def hold_version(found: Findings, major: int, version: str, *, needs: Needs | None, client_major: int, do: str) -> None:
    """Hold a scratch server's version against production's and that of pg_dump (0 where there is none)."""
    if needs is not None and major < needs.major:
        found.problem("scratch", "postgres", f"version {needs.major} or later, production's", version, do)
    elif major < _TRANSACTION_TIMEOUT <= client_major:
        found.problem(
            "scratch",
            "postgres",
            f"version {_TRANSACTION_TIMEOUT} or later: the dump of a pg_dump of version {client_major} sets"
            " transaction_timeout",
            version,
            f"use a pg_dump of version {needs.major}, production's, or {do}" if needs else do,
        )
    elif major < client_major:
        found.notes.append(
            f"pg_dump is of version {client_major}, the scratch server of {major}: it must be able to read what a newer"
            " pg_dump writes."
        )
    elif needs is not None and major > needs.major:
        found.notes.append(
            f"The scratch server is of version {major}, production of {needs.major}: what it prints in another way is"
            " told as a difference."
        )


def note_versions(found: Findings, versions: list[tuple[Extension, str]]) -> None:
    """Say which extensions come back in another version than production's, given the one in which each is made."""
    others = [(one, made) for one, made in versions if made not in ("", one.version)]
    if others:
        told = some(f"{one.name} {made} (production: {one.version})" for one, made in others)
        found.notes.append(f"Extensions that a restore makes in another version, because a dump names none: {told}.")


def note_surroundings(found: Findings, needs: Needs) -> None:
    """Say what the scratch server has otherwise than production, whatever its installation: preloaded libraries and
    tablespaces.
    """
    if needs.preloaded:
        owners = sorted({extension for extensions in needs.preloaded.values() for extension in extensions})
        found.notes.append(
            f"The server preloads {some(needs.preloaded)}; the scratch server does not."
            + (f" Extensions of this database are among them: {some(owners)}." if owners else "")
            + " An extension that needs that cannot be restored there."
        )
    if needs.tablespaces:
        found.notes.append(
            f"Tablespaces: {some(needs.tablespaces)}. The scratch server makes them by the same names within its data"
            " directory; what lies in them counts among the room that it takes."
        )


def _hold_extensions(found: Findings, needs: Needs, offer: Offer) -> None:
    where = offer.installation.extensions
    if not needs.extensions:
        return
    if not where:
        found.notes.append(
            f"Where {offer.whose} keeps its extensions could not be told; the restore makes"
            f" {some(one.name for one in needs.extensions)}."
        )
        return
    made = [(one, default_version(offer.files, offer.installation, one.name)) for one in needs.extensions]
    missing = [one.name for one, version in made if version is None]
    if missing:
        found.problem(
            "extensions",
            some(missing),
            "the files of each of production's extensions where the copy is restored",
            f"{offer.whose}: not in {where}",
            offer.do,
        )
    note_versions(found, [(one, version) for one, version in made if version is not None])


def _hold_locales(found: Findings, needs: Needs, offer: Offer) -> None:
    for name, users in needs.locales.items():
        on_host = isinstance(offer.files, HostFiles)
        has = host_has(name) if on_host else files_have(offer.files, name)
        if has is False and not offer.has_locale_path:
            wanted = f"the locale {name} of the C library"
            found.problem("locale", some(users), wanted, f"{offer.whose}: does not have it", offer.do)
        elif not has:
            found.notes.append(
                f"Whether {offer.whose} has the locale {name} could not be told; {some(users)} needs it."
            )
