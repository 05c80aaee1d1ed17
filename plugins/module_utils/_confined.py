# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a program of this host that a dump may command: started with as little as possible.

A dump is code, and psql runs it: by ``\\!`` as a shell, by COPY as the server. Started by root, such a program becomes
an unprivileged user without capabilities, in a network namespace of its own. Source: setpriv(1), unshare(1).
"""

from __future__ import annotations

import os
import pwd


def as_user(user: pwd.struct_passwd) -> list[str]:
    """Return the words before a command that make it ``user``'s, without capabilities and new privileges."""
    if os.geteuid() != 0:
        return ["setpriv", "--no-new-privs"]
    identity = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--inh-caps=-all"]
    return ["setpriv", *identity, "--no-new-privs"]


def confined(user: pwd.struct_passwd) -> list[str]:
    """Return the words of :func:`as_user`, and for root those that take the network away too."""
    return [*(["unshare", "--net", "--"] if os.geteuid() == 0 else []), *as_user(user)]
