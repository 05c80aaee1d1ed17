# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the labels by which everything of ours is known as ours."""

from __future__ import annotations

RUN_LABEL = "incomex.closeout.run"
EXPIRES_LABEL = "incomex.closeout.expires"
"""UTC text after which the reaper may remove it."""
BOOT_CLOCK_LABEL = "incomex.closeout.expires.boot"
"""The same moment on the clock of the boot that made it (see _deadline.py)."""
RUN_VARIABLE = "INCOMEX_CLOSEOUT_RUN"
"""The environment variable by which a client program of ours is known as a run's, whatever container it is in."""
NONCE_SETTING = "incomex.nonce"
"""A server setting planted in a scratch server when it starts, read back in the restoring session."""
