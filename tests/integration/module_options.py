"""What the tests of the modules share: the options that lead to a server, a run that must end well or badly, sha256sum.

Nothing here is a test.
"""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support import containers, modules, playbook, postgres

TABLES = """
canonical_address_alias cut_change_set cut_change_set_affected_row decision_backlog_dependency decision_backlog_entry
decision_backlog_history decision_backlog_sweep_log dot_pair_signature manifest_envelope manifest_unit_block
review_decision verify_result
""".split()  # noqa: SIM905 (a list of twelve lines says no more)
RUN_LABEL = "incomex.closeout.run"
EXPIRES_LABEL = "incomex.closeout.expires"
LONG_AGO = "2001-01-01T00:00:00.000000Z"
FAR_AWAY = "2999-01-01T00:00:00.000000Z"


def on_socket(server: postgres.Cluster, db: str = "directus", **more: Any) -> dict[str, Any]:
    """Connection options for a cluster, over its Unix socket, with its own client programs."""
    return {
        "login_unix_socket": str(server.socket_dir),
        "login_port": server.port,
        "login_user": server.user,
        "login_db": db,
        "bin_dir": str(server.bin_dir),
        **more,
    }


def in_container(server: containers.Production, docker_host: str, **more: Any) -> dict[str, Any]:
    """Connection options for a production container."""
    return {
        "container": server.name,
        "docker_host": docker_host,
        "login_user": server.user,
        "login_db": server.db,
        **more,
    }


def new_run_id() -> str:
    """A run id that no other test has."""
    return secrets.token_hex(6)


def succeeds(name: str, args: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    """Run a module that must end well; its result."""
    result = modules.run_module(name, args, **options)
    assert (result.rc, result.failed) == (0, False), result
    return result.data


def fails(name: str, args: Mapping[str, Any], **options: Any) -> modules.ModuleResult:
    """Run a module that must fail by fail_json, with a message and no traceback."""
    result = modules.run_module(name, args, **options)
    assert (result.rc, result.failed) == (1, True), result
    assert result.msg and "Traceback" not in result.stderr, result
    return result


def problems_of(variables: Mapping[str, Any]) -> str:
    """All that the plan finds in the way of a run with these variables of the role; it must find something.

    That the role stops there, and leaves nothing, is seen of whole runs: test_closeout_bad_input.py.
    """
    settings = {name.removeprefix("closeout_"): value for name, value in variables.items()}
    plan = succeeds("closeout_plan", {"settings": settings})
    assert plan["ready"] is False
    return "; ".join(" ".join(problem.values()) for problem in plan["problems"])


def shipped(name: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """Run a module by `ansible`, as AnsiballZ ships it; its result."""
    done = playbook.run_adhoc(name, args)
    assert done.returncode == 0, done
    head, _mark, body = done.stdout.partition("=>")
    assert head.strip() in ("localhost | SUCCESS", "localhost | CHANGED"), done.stdout
    found: dict[str, Any] = json.loads(body)
    return found


def sha256sum(path: Path) -> str:
    """The digest, by coreutils."""
    done = subprocess.run(["sha256sum", "--", str(path)], check=True, capture_output=True, text=True, timeout=60)
    return done.stdout.lstrip("\\").split()[0]


def private_directory(path: Path) -> Path:
    """Make a directory as the role does: mode 0700."""
    path.mkdir(mode=0o700)
    return path


def column(text: str) -> dict[str, int]:
    """psql's unaligned `name|number` lines as a mapping."""
    pairs = (line.rpartition("|") for line in text.splitlines())
    return {name: int(number) for name, _mark, number in pairs}


def count_query(tables: list[str]) -> str:
    """A statement that counts the rows of tables of cutter_governance, `name|rows` a line."""
    return " UNION ALL ".join(f"SELECT '{name}', count(*) FROM cutter_governance.{name}" for name in tables)
