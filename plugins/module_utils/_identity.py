# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: who a server is, and whether it is another one.

A system identifier is necessary but not sufficient: physical clones and prebaked data directories share it. So several
factors are compared, and each that could be read must differ.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ._errors import CloseoutError, GuardFailed
from ._server import Server
from ._session import Session, SqlError

_FACTORS = ("sysid", "container_id", "postmaster_start", "data_directory")


@dataclass(frozen=True)
class Identity:
    """What tells one server from another. "" is what could not be read, or does not apply."""

    sysid: str
    server_version: str
    server_version_num: int
    in_recovery: bool
    postmaster_start_utc: str
    data_directory: str
    container: dict[str, Any] | None

    def as_facts(self) -> dict[str, Any]:
        """Return it as a module's result."""
        return asdict(self)


def read_identity(server: Server, session: Session) -> Identity:
    """Read the identity of ``server`` in ``session``. Raises CloseoutError where the system identifier is denied."""
    try:
        sysid = session.value("SELECT system_identifier::text FROM pg_catalog.pg_control_system()")
    except SqlError as error:
        raise CloseoutError(
            "The system identifier cannot be read",
            wanted="EXECUTE on function pg_catalog.pg_control_system()",
            found=error.message,
            do=f"GRANT EXECUTE ON FUNCTION pg_catalog.pg_control_system() TO {server.address.login_user or 'the user'}",
        ) from error
    version, recovery, start, directory = session.rows(
        "SELECT pg_catalog.current_setting('server_version'), pg_catalog.pg_is_in_recovery(),"
        " pg_catalog.to_char(pg_catalog.pg_postmaster_start_time() AT TIME ZONE 'UTC',"
        ' \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\'),'
        # Absent, not an error, for a user without pg_read_all_settings.
        " (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory')"
    )[0]
    return Identity(
        sysid=str(sysid or ""),
        server_version=version,
        server_version_num=session.server_version_num,
        in_recovery=recovery,
        postmaster_start_utc=start or "",
        data_directory=directory or "",
        container=server.public_container(),
    )


def identity_from(facts: dict[str, Any]) -> Identity:
    """Build an Identity from facts that :meth:`Identity.as_facts` gave; others are passed over. Raises
    CloseoutError.
    """
    try:
        return Identity(**{name: facts[name] for name in Identity.__dataclass_fields__})
    except KeyError as error:
        raise CloseoutError(
            "The identity of production is not whole",
            wanted=f"the facts {', '.join(Identity.__dataclass_fields__)}",
            found=f"no {error.args[0]}",
            do="pass what pg_sysid_guard or pg_witness_info returned",
        ) from error


def differs(one: Identity, other: Identity) -> dict[str, bool | None]:
    """Compare two identities factor by factor: True where they differ, None where either could not be read."""
    return {name: _differs(_factor(one, name), _factor(other, name)) for name in _FACTORS}


def _factor(identity: Identity, name: str) -> str:
    if name == "container_id":
        return str((identity.container or {}).get("id") or "")
    if name == "postmaster_start":
        return identity.postmaster_start_utc
    return str(getattr(identity, name))


def _differs(one: str, other: str) -> bool | None:
    if not one or not other:
        return None
    return one != other


def assert_expected(identity: Identity, expect: str, sysids: list[str]) -> None:
    """Hold ``identity`` against known system identifiers: ``expect`` is ``same`` (one of them) or ``different`` (none).

    Raises GuardFailed where that does not hold, or where there is nothing to compare.
    """
    known = [sysid for sysid in (str(one).strip() for one in sysids) if sysid]
    facts = identity.as_facts()
    if not identity.sysid:
        raise GuardFailed("The guard has no system identifier of this server", wanted="one", found="none", facts=facts)
    if not known or len(known) != len(sysids):
        raise GuardFailed(
            "The guard has nothing to compare with",
            wanted="at least one system identifier in sysids, and no empty one",
            found=f"sysids: {sysids!r}",
            do="pass the system identifier that was read from production",
            facts=facts,
        )
    if expect == "different" and identity.sysid in known:
        raise GuardFailed(
            "This server is production, or a physical copy of it",
            wanted=f"a system identifier other than {', '.join(known)}",
            found=identity.sysid,
            do="nothing was done to it; find out why the scratch server is not a new cluster",
            facts=facts,
        )
    if expect == "same" and identity.sysid not in known:
        raise GuardFailed(
            "This server is not the one that was expected",
            wanted=f"the system identifier {' or '.join(known)}",
            found=identity.sysid,
            do="check container, login_host and login_port",
            facts=facts,
        )
