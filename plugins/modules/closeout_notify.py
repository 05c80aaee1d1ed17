#!/usr/bin/python
# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whoever is told of a run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: closeout_notify
short_description: Tell a webhook what a closeout came to
version_added: 1.0.0
description:
  - Sends O(payload) as JSON by one POST. Any answer 2xx is a success; no redirection is followed.
  - All of it, from the look-up of the name to the answer, ends within O(timeout_s) seconds.
  - Neither O(url) nor O(token) is in the result. Proxies are those of the environment (C(https_proxy), C(no_proxy)).
  - The role runs it on the controller.
options:
  url:
    description: The webhook, C(http) or C(https), without a user or password in it.
    type: str
    required: true
  token:
    description: "What is sent as C(Authorization: Bearer …). Empty for none."
    type: str
    default: ""
  payload:
    description: What is sent, as the filter P(incomex.closeout.closeout_notification#filter) returns it.
    type: dict
    required: true
  timeout_s:
    description: Seconds for all of it.
    type: int
    default: 10
attributes:
  check_mode:
    description: Can run in C(check_mode) and tell what it would do without doing it.
    support: full
author:
  - The incomex.closeout authors (@incomex)
"""

EXAMPLES = r"""
- name: Tell the webhook
  incomex.closeout.closeout_notify:
    url: https://hooks.example.org/services/closeout
    payload: "{{ evidence | combine(verdict) | incomex.closeout.closeout_notification }}"
  delegate_to: localhost
  become: false
"""

RETURN = r"""
to:
  description: Where it was sent, without path.
  returned: success
  type: str
  sample: https://hooks.example.org
status:
  description: The server's answer.
  returned: success
  type: int
  sample: 200
"""

from ansible_collections.incomex.closeout.plugins.module_utils._main_closeout_notify import main

if __name__ == "__main__":
    main()
