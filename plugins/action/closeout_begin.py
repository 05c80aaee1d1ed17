# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action of closeout_begin, with which both roles begin: nobody may have brought a result along.

It makes the run faster, too. Ansible loads the class of an action before it forks a process for the task, but a filter
after that, so that every task with a filter of ours would compile all of them anew. This file loads them in time.
"""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..filter.closeout import INTERNAL as OF_A_CLOSEOUT
from ..filter.fleet import FilterModule as _Fleet  # noqa: F401 (see above)
from ..filter.verification import INTERNAL as OF_A_VERIFICATION
from ..module_utils._argspec import begin_spec
from ..module_utils._verdict import TITLE as CLOSEOUT
from ..module_utils._verification_verdict import TITLE as VERIFICATION
from ..plugin_utils._brought_along import brought_along

_NAMES = {"closeout": (CLOSEOUT, OF_A_CLOSEOUT), "verification": (VERIFICATION, OF_A_VERIFICATION)}


class ActionModule(ActionBase):
    """Refuses what would take a result's place; asks no target."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _VALID_ARGS = frozenset(("of", "run_id"))

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return an unchanged result. Raises AnsibleActionFail with the names of what was brought along."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, given = self.validate_argument_spec(begin_spec())
        refusal = brought_along(*_NAMES[given["of"]])
        if refusal:
            raise AnsibleActionFail(refusal)
        return {**result, "changed": False, "run_id": given["run_id"]}
