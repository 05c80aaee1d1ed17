# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option that ties a result to a run, and what all modules have in common, written once."""

from __future__ import annotations


class ModuleDocFragment:
    """The doc fragment ``incomex.closeout.run``."""

    DOCUMENTATION = r"""
options:
  run_id:
    description: ID of the run, made by M(incomex.closeout.closeout_plan) and returned with every result.
    type: str
    default: ""
attributes:
  check_mode:
    description: Can run in C(check_mode) and tell what it would do without doing it.
    support: full
author:
  - The incomex.closeout authors (@incomex)
"""
