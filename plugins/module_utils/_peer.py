# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: who is behind a connected Unix socket."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

_UCRED = struct.Struct("iII")


@dataclass(frozen=True)
class Credentials:
    """Process, user and group, in our own namespaces. ``pid`` is 0 where the process cannot be seen from there."""

    pid: int
    uid: int
    gid: int


def credentials_of(connected: socket.socket) -> Credentials:
    """Return who is behind ``connected``. Source: unix(7), SO_PEERCRED: who called listen()."""
    return Credentials(*_UCRED.unpack(connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)))


def peer_of(connected: socket.socket) -> int:
    """Return the process id behind ``connected``, in our own pid namespace; 0 where it cannot be seen from there."""
    return credentials_of(connected).pid


def user_inside(peer: Credentials, pid: int) -> str:
    """Return ``id:group`` of ``peer`` as they are in the user namespace of process ``pid``; "" where they are not.

    Source: user_namespaces(7).
    """
    found = []
    for number, name in ((peer.uid, "uid_map"), (peer.gid, "gid_map")):
        with open(f"/proc/{pid}/{name}", encoding="ascii") as file:
            ranges = [[int(word) for word in line.split()] for line in file]
        found += [str(inside + number - here) for inside, here, size in ranges if here <= number < here + size]
    return ":".join(found) if len(found) == 2 else ""
