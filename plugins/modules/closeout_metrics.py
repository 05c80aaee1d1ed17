#!/usr/bin/python
# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The metrics of a database."""

from __future__ import annotations

DOCUMENTATION = r"""
module: closeout_metrics
short_description: Write the metrics of a closeout for the textfile collector of Prometheus
version_added: 1.0.0
description:
  - Writes one file for each database into O(directory), renamed into place, with mode 0644.
  - The time of the last success is that of the last run in the history that passed, whatever this one came to.
  - The metrics begin with C(incomex_closeout_) and have the labels C(host), C(production), C(db),
    C(schema) and C(label).
options:
  directory:
    description: The directory that C(node_exporter) reads, its C(--collector.textfile.directory).
    type: path
    required: true
  root:
    description: The directory of the history.
    type: path
    required: true
  line:
    description: The run's line, as the filter P(incomex.closeout.closeout_history_line#filter) returns it.
    type: dict
    required: true
extends_documentation_fragment:
  - incomex.closeout.run
"""

EXAMPLES = r"""
- name: Write the metrics of a run
  incomex.closeout.closeout_metrics:
    directory: /var/lib/prometheus/node-exporter
    root: /opt/incomex/backups
    line: "{{ evidence | incomex.closeout.closeout_history_line }}"
"""

RETURN = r"""
path:
  description: The file.
  returned: success
  type: str
  sample: /var/lib/prometheus/node-exporter/incomex_closeout_directus_1f0c7a91b2d3.prom
"""

from ansible_collections.incomex.closeout.plugins.module_utils._main_closeout_metrics import main

if __name__ == "__main__":
    main()
