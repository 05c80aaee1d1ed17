"""What production's database would do to a dump is told by the plan, before anything starts."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ClusterFactory
from tests.integration.module_options import succeeds
from tests.integration.test_module_closeout_plan import local, problems
from tests.support.postgres import Cluster

VERSIONS = pytest.mark.parametrize("version", [14, 18])


def planned(server: Cluster, root: Path, **more: Any) -> dict[str, Any]:
    """The plan of a run on a server."""
    return succeeds("closeout_plan", local(server, root, **more))


@VERSIONS
def test_a_lock_table_without_room(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path, version: int
) -> None:
    server = cluster(version, cutter_governance, settings={"max_locks_per_transaction": 10, "max_connections": 10})
    assert planned(server, tmp_path)["problems"] == []
    server.psql("SELECT format('CREATE TABLE public.t%s ()', g) FROM generate_series(1, 80) g \\gexec", "directus")
    (problem,) = problems(planned(server, tmp_path), "locks")
    assert problem["object"] == "max_locks_per_transaction"
    assert "room for a lock on each of" in problem["wanted"] and problem["found"].startswith("100 in all")


@VERSIONS
def test_a_prepared_transaction_and_a_lock_that_is_held(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path, version: int
) -> None:
    server = cluster(version, cutter_governance, settings={"max_prepared_transactions": 5})
    with contextlib.closing(server.connect("directus", autocommit=False)) as own, own.cursor() as cursor:
        cursor.execute("LOCK TABLE public.directus_users IN ACCESS EXCLUSIVE MODE")
        plan = planned(server, tmp_path)
        assert plan["problems"] == []
        (note,) = [note for note in plan["notes"] if "is locked since" in note]
        assert note.startswith("public.directus_users") and f"of {server.user}" in note and "at most 60 s" in note
        cursor.execute("PREPARE TRANSACTION 'forgotten'")
    (problem,) = problems(planned(server, tmp_path), "locks")
    assert problem["object"] == "public.directus_users" and "'forgotten'" in problem["found"]
    server.psql("ROLLBACK PREPARED 'forgotten'", "directus")
    plan = planned(server, tmp_path)
    assert plan["problems"] == [] and not [note for note in plan["notes"] if "is locked" in note]


@VERSIONS
def test_large_objects_that_the_user_may_not_read(cluster: ClusterFactory, tmp_path: Path, version: int) -> None:
    """All of them are named; the owner's own, the public's and a group's can be read."""
    server = cluster(
        version,
        "CREATE ROLE clerk LOGIN; CREATE ROLE office; GRANT office TO clerk; GRANT pg_read_all_data TO clerk;"
        "SELECT lo_create(n) FROM generate_series(101, 106) n;"
        "ALTER LARGE OBJECT 101 OWNER TO clerk; ALTER LARGE OBJECT 102 OWNER TO office;"
        "GRANT SELECT ON LARGE OBJECT 103 TO PUBLIC; GRANT SELECT ON LARGE OBJECT 104 TO office;"
        "GRANT UPDATE ON LARGE OBJECT 105 TO clerk;",
    )
    (problem,) = problems(planned(server, tmp_path, user="clerk"), "permission")
    assert problem["object"] == "105, 106" and "GRANT SELECT ON LARGE OBJECT" in problem["do"]
    server.psql("GRANT SELECT ON LARGE OBJECT 105, 106 TO clerk", "directus")
    assert planned(server, tmp_path, user="clerk")["problems"] == []
    assert planned(server, tmp_path)["problems"] == []


def test_preloaded_libraries_are_told(cluster: ClusterFactory, tmp_path: Path) -> None:
    server = cluster(16, settings={"shared_preload_libraries": "auto_explain"})
    plan = planned(server, tmp_path)
    assert plan["problems"] == []
    assert [note for note in plan["notes"] if "preloads auto_explain" in note]
