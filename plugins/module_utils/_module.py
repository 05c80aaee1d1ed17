# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: from the work to a module's result; the one place where an error becomes a failure."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ._clock import utc_now
from ._errors import CloseoutError
from ._lease import Lease
from ._running import at_work

Work = Callable[[AnsibleModule], dict[str, Any]]


def run_module(argument_spec: dict[str, Any], work: Work, **options: Any) -> None:
    """Run ``work`` as a module that supports check mode and exit with its facts; they may hold ``changed``.

    ``took`` is added to them: when the work began, and how long it took. A CloseoutError fails the task with its
    message, its parts, and the facts gathered so far.
    """
    module = AnsibleModule(argument_spec=argument_spec, supports_check_mode=True, **options)
    os.umask(0o077)
    # A service file or PGOPTIONS of the target's user must not change which server we reach, or how it answers.
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
    run_id = module.params.get("run_id") or ""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _stop)
    began_utc, began = utc_now(), time.monotonic()

    def took() -> dict[str, Any]:
        return {"started_utc": began_utc, "duration_s": round(time.monotonic() - began, 3)}

    lease = Lease()
    lease.watch()
    try:
        with at_work(run_id):
            facts = work(module)
    except CloseoutError as error:
        if lease.is_lost:
            lease.remove()
        module.fail_json(
            msg=str(error),
            error={"wanted": error.wanted, "found": error.found, "do": error.do},
            run_id=run_id,
            took=took(),
            **error.facts,
        )
    module.exit_json(**{"changed": False, "run_id": run_id, "took": took(), **facts})


def _stop(number: int, _frame: Any) -> None:
    """Leave by an exception, so that whatever was begun is ended on the way out: programs, partial files, servers."""
    # A second one must not interrupt that.
    for other in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(other, signal.SIG_IGN)
    raise CloseoutError(
        f"Stopped by {signal.Signals(number).name}", do="nothing half-written was left; run the closeout again"
    )
