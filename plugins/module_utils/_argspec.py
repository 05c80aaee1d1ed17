# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the options that modules share, written once; the documentation is doc fragment
``connection``."""

from __future__ import annotations

from typing import Any


def run_id_spec() -> dict[str, Any]:
    """Return the option that ties a result to a run."""
    return {"run_id": {"type": "str", "default": ""}}


def transport_spec() -> dict[str, Any]:
    """Return the option that says how production's pg_dump is started."""
    return {"transport": {"type": "str", "choices": ["auto", "namespace", "exec", "host"], "default": "auto"}}


def connection_spec() -> dict[str, Any]:
    """Return the options of a connection to a server, names and defaults as in community.postgresql."""
    return {
        **run_id_spec(),
        "container": {"type": "str", "default": ""},
        "docker_host": {"type": "str", "default": ""},
        "login_host": {"type": "str", "default": ""},
        "login_port": {"type": "int", "default": 5432},
        "login_unix_socket": {"type": "str", "default": ""},
        "login_user": {"type": "str", "default": ""},
        "login_password": {"type": "str", "default": "", "no_log": True},
        "login_passfile": {"type": "path", "default": ""},
        "login_db": {"type": "str", "default": ""},
        "ssl_mode": {
            "type": "str",
            "default": "prefer",
            "choices": ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"],
        },
        "ca_cert": {"type": "path", "default": ""},
        "bin_dir": {"type": "path", "default": ""},
    }


def begin_spec() -> dict[str, Any]:
    """Return the argument spec of closeout_begin, of its module and of the action that does its work."""
    return {**run_id_spec(), "of": {"type": "str", "choices": ["closeout", "verification"], "required": True}}


def copy_spec() -> dict[str, Any]:
    """Return the argument spec of closeout_copy, of its module and of the action that does its work."""
    return {
        **run_id_spec(),
        "host": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["lent", "fetched"], "required": True},
        "paths": {"type": "dict", "required": True},
    }
