# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: who is behind a connected Unix socket."""

from __future__ import annotations

import socket
import struct

_UCRED = struct.Struct("3i")


def peer_of(connected: socket.socket) -> int:
    """Return the process id behind ``connected``, in our own pid namespace; 0 where it cannot be seen from there.

    Source: unix(7), SO_PEERCRED: the credentials of the process that called listen().
    """
    raw = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    return int(_UCRED.unpack(raw)[0])
