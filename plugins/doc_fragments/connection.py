# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a connection to a server, written once."""

from __future__ import annotations


class ModuleDocFragment:
    """The doc fragment ``incomex.closeout.connection``."""

    DOCUMENTATION = r"""
options:
  container:
    description:
      - Name or ID of the Docker container that runs the server. SQL goes over the server's own Unix socket, programs
        run in the container.
      - Needs root on the host of the Docker daemon. Excludes O(login_host) and O(login_unix_socket).
    type: str
    default: ""
  docker_host:
    description: Address of the Docker daemon. Empty means C(unix:///var/run/docker.sock).
    type: str
    default: ""
  login_host:
    description: Host name or address of a server outside containers.
    type: str
    default: ""
  login_port:
    description: Port of the server; it is part of the name of a Unix socket too.
    type: int
    default: 5432
  login_unix_socket:
    description: Directory of the server's Unix socket, for a server outside containers.
    type: str
    default: ""
  login_user:
    description: Role to log in as.
    type: str
    default: ""
  login_password:
    description:
      - Password of O(login_user). Prefer O(login_passfile); Ansible masks the text of a password wherever it occurs in
        results.
    type: str
    default: ""
  login_passfile:
    description: Password file on the target, in the form of C(~/.pgpass), mode 0600.
    type: path
    default: ""
  login_db:
    description: Database to connect to.
    type: str
    default: ""
  ssl_mode:
    description: How TLS is used with O(login_host).
    type: str
    default: prefer
    choices: [disable, allow, prefer, require, verify-ca, verify-full]
  ca_cert:
    description: Certificate authority file for O(ssl_mode=verify-ca) and O(ssl_mode=verify-full).
    type: path
    default: ""
  bin_dir:
    description:
      - Directory of this host's PostgreSQL programs. Empty means those on C(PATH). Used with O(container) only where
        C(pg_dump) of this host is asked for.
    type: path
    default: ""
requirements:
  - psycopg2 >= 2.8
  - docker >= 5.0 (with O(container))
"""
