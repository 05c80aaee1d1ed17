# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the variables ``closeout_…`` that there are.

Whoever misspells one has asked for something that nobody does: a list of tables that is not held against anything, say.
So any other name is told as a problem.
"""

from __future__ import annotations

from collections.abc import Iterable

from ._settings import SETTINGS
from ._statistics import NOTHING, NOTHING_VERIFIED
from ._verification_settings import SETTINGS as OF_A_VERIFICATION

PREFIX = "closeout_"
OTHERS = {
    *("databases", "hosts", "reap_run", "summary_dir", "venv", "venv_python"),
    # Secrets, which are no settings.
    *("password", "notify_token", "notify_url"),
    # What the role has for whoever calls it.
    *("notification", "notifications"),
}
"""Those that no plan takes, without their prefix."""
# A workflow hands the results of one job to the next one as variables.
_TOLD = {*NOTHING, *NOTHING_VERIFIED, "closeout_results", "closeout_verification_results"}


def unknown(names: Iterable[str]) -> dict[str, None]:
    """Return which of the names of variables that begin with the prefix are none of ours, as settings without it."""
    known = {PREFIX + name for name in {*SETTINGS, *OF_A_VERIFICATION, *OTHERS}} | _TOLD
    return {name[len(PREFIX) :]: None for name in sorted(set(names) - known) if name.startswith(PREFIX)}
