# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: extra vars that would take the place of a result.

They win over everything that a role sets or registers, so a result of that name would be the caller's own.
"""

from __future__ import annotations

from ansible.parsing.dataloader import DataLoader
from ansible.utils.vars import load_extra_vars


def brought_along(title: str, internal: str) -> str:
    """Return what to say of this play's extra vars that begin with ``internal``, as a role's own variables do, or "".

    ``title`` is what the play's result is called.
    """
    foreign = sorted(str(name) for name in load_extra_vars(DataLoader()) if str(name).startswith(internal))
    if not foreign:
        return ""
    return (
        f"{title}: FAIL. Set from outside: {', '.join(foreign)}. Variables that begin with {internal} are"
        " the role's own; remove them from the extra vars. What was found with them is no evidence."
    )
