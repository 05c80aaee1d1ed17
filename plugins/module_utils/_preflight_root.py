# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: whether a run can make its directory below ``closeout_root``, and whose that is."""

from __future__ import annotations

import os
import stat

from ._findings import Findings
from ._preflight_space import nearest


def look_at_root(found: Findings, root: str, directory: str) -> None:
    """Look for what keeps a run from making its ``directory`` below ``root``."""
    existing = nearest(root)
    if not os.path.isdir(existing) or not os.access(existing, os.W_OK | os.X_OK):
        found.problem(
            "artefact",
            root,
            "a directory that can be written to",
            f"{existing} cannot" if os.path.isdir(existing) else f"{existing} is no directory",
            "correct closeout_root or its permissions",
        )
    elif os.geteuid() == 0 and loose_component(existing):
        found.notes.append(
            f"{loose_component(existing)} belongs to another user, or others may write to it: whoever that is could"
            " put something else in the place of the artefact directory. Prefer a closeout_root of root's own."
        )
    if os.path.lexists(directory):
        found.problem("artefact", directory, "a new directory", "one that exists", "run again a second later")


def loose_component(path: str) -> str:
    """Return the first directory on the way to ``path`` that somebody but root can rename entries in; "" for none.

    A sticky directory such as /tmp protects what is in it.
    """
    parts = os.path.realpath(path).split("/")
    for count in range(1, len(parts) + 1):
        directory = "/".join(parts[:count]) or "/"
        status = os.stat(directory)
        writable = status.st_mode & 0o022 and not status.st_mode & stat.S_ISVTX
        if status.st_uid != 0 or writable:
            return directory
    return ""
