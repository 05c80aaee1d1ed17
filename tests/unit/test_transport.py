"""A transport belongs to the start of production's pg_dump and to nothing else: shown by who can reach it at all."""

from __future__ import annotations

import ast
import inspect

from ansible_collections.incomex.closeout.plugins.module_utils._argspec import connection_spec, transport_spec
from ansible_collections.incomex.closeout.plugins.module_utils._server import Address, ContainerServer
from ansible_collections.incomex.closeout.plugins.module_utils._settings import SETTINGS, read_settings

from tests.support.places import ROOT

PLUGINS = ROOT / "plugins"


def importers_of(name: str) -> set[str]:
    """The files of the collection that import a module_util."""
    found = set()
    for path in PLUGINS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").rpartition(".")[2] == name:
                found.add(path.name)
    return found


def test_only_the_dump_and_its_preflight_choose_a_transport() -> None:
    # The others are given the one that was chosen.
    assert importers_of("_transport") == {"_archive_programs.py", "_dump.py", "_dump_kept.py", "_preflight.py"}
    assert importers_of("_namespaces") == {"_transport.py"}


def test_only_the_dump_of_production_is_taken_by_them() -> None:
    """What restores, compares and makes scratch servers reaches neither."""
    assert importers_of("_dump") == {"_main_pg_dump_readonly.py"}
    assert importers_of("_main_pg_dump_readonly") == {"pg_dump_readonly.py", "closeout_module.py"}
    assert importers_of("_preflight") == {"_plan.py"}
    assert importers_of("_plan") == {"_main_closeout_plan.py"}
    assert importers_of("_main_closeout_plan") == {"closeout_plan.py", "closeout_module.py"}


def test_the_programs_of_a_server_in_a_container_are_started_by_docker_exec() -> None:
    """Whatever its address says: an address has no transport."""
    assert "transport" not in Address.__dataclass_fields__
    assert "transport" not in connection_spec()
    assert "HostProgram" not in inspect.getsource(ContainerServer)
    assert "ContainerProgram(" in inspect.getsource(ContainerServer.start)


def test_module_and_role_know_the_same_transports() -> None:
    (option,) = transport_spec().values()
    given = {"run_id": "4f0c7a91b2d3", "stamp": "20260516T104634Z", "date": "2026-05-16"}
    for word in option["choices"]:
        settings, problems = read_settings({"transport": word, "container": "postgres"}, **given)
        assert (settings["transport"], problems) == (word, [])
    assert SETTINGS["transport"].default == option["default"] == "auto"
    wanted = read_settings({"transport": "none"}, **given)[1][0].wanted
    assert wanted == "one of " + ", ".join(option["choices"])
