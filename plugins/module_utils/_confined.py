# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a program of this host that a dump may command: started with as little as possible.

A dump is code, and psql and the server run it: by ``\\!``, by COPY … TO PROGRAM. Started by root, such a program is an
unprivileged user without capabilities, in namespaces of its own: no network, no other process to see or to outlive it,
no shared memory to leave behind, and the sockets of the host's other servers covered.
Source: setpriv(1), unshare(1).
"""

from __future__ import annotations

import os
import pwd

# Arguments: directories to cover, --, then a command.
_COVER = """
while [ "$1" != -- ]; do
    mount -t tmpfs -o size=64k,mode=0755 closeout "$1" || exit 1
    shift
done
shift
mount -t tmpfs -o mode=1777 closeout /dev/shm || exit 1
exec "$@"
"""


def as_user(user: pwd.struct_passwd) -> list[str]:
    """Return the words before a command that make it ``user``'s, without capabilities and new privileges."""
    if os.geteuid() != 0:
        return ["setpriv", "--no-new-privs"]
    identity = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--inh-caps=-all"]
    return ["setpriv", *identity, "--no-new-privs"]


def confined(user: pwd.struct_passwd, *, own: str) -> list[str]:
    """Return the words before a command that confine it as ``user``; for root in namespaces of its own.

    ``own`` is the directory of the scratch server that it serves: its socket is the one that stays in sight.
    """
    if os.geteuid() != 0:
        return as_user(user)
    namespaces = ["--net", "--mount", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"]
    cover = ["/bin/sh", "-c", _COVER, "closeout", *socket_directories(own), "--"]
    return ["unshare", *namespaces, "--", *cover, *as_user(user)]


def socket_directories(own: str) -> list[str]:
    """Return the directories of this host in which a PostgreSQL server listens, but for those below ``own``.

    Source: proc(5), /proc/net/unix. A socket in another mount namespace has a path that leads nowhere here, or to
    something else; only directories that hold a socket of that name count.
    """
    found = set()
    with open("/proc/net/unix", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            path = line.rstrip("\n").partition("/")[2]
            directory, _mark, name = f"/{path}".rpartition("/")
            if name.startswith(".s.PGSQL.") and not directory.startswith(own) and os.path.exists(f"/{path}"):
                found.add(os.path.realpath(directory))
    return sorted(found)
