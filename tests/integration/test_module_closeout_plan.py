"""closeout_plan: run id, effective settings, and every problem at once; no trace of it anywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.integration.module_options import TABLES, fails, on_socket, shipped, succeeds
from tests.support import containers, postgres

PASSWORD = "Geheim-4711-wort"
STAMP = re.compile(r"\d{8}T\d{6}Z")


def local(server: postgres.Cluster, directory: Path, /, **more: Any) -> dict[str, Any]:
    """Settings for a run on this host's programs."""
    given = on_socket(server)
    return {
        "settings": {
            "container": "",
            "login_unix_socket": given["login_unix_socket"],
            "login_port": given["login_port"],
            "user": given["login_user"],
            "db": "directus",
            "bin_dir": given["bin_dir"],
            "root": str(directory),
            "scratch_driver": "local",
            **more,
        }
    }


def in_docker(server: containers.Production, docker_host: str, directory: Path, /, **more: Any) -> dict[str, Any]:
    """Settings for a run on containers."""
    return {
        "settings": {
            "container": server.name,
            "docker_host": docker_host,
            "user": server.user,
            "db": server.db,
            "root": str(directory),
            **more,
        }
    }


def problems(facts: dict[str, Any], check: str) -> list[dict[str, str]]:
    """The problems of one check; each has to say all four things."""
    assert facts["ready"] is False
    for one in facts["problems"]:
        assert one["object"] and one["wanted"] and one["found"] and one["do"], one
    found = [one for one in facts["problems"] if one["id"] == check]
    assert found, facts["problems"]
    return found


@pytest.mark.parametrize("driver", ["local", pytest.param("docker", marks=pytest.mark.docker)])
def test_ready_and_without_a_trace(
    driver: str, request: pytest.FixtureRequest, production_cluster: postgres.Cluster, tmp_path: Path
) -> None:
    root = tmp_path / "not" / "yet"
    client: docker.DockerClient | None = None
    if driver == "docker":
        production = request.getfixturevalue("production_container")
        client = request.getfixturevalue("docker_client")
        given = in_docker(production, request.getfixturevalue("docker_host"), root)
        image = str(production.container.image.id)
    else:
        production, image = production_cluster, ""
        given = local(production, root)

    def world() -> Any:
        """What a plan might leave behind."""
        names = [str(one.id) for one in client.containers.list(all=True)] if client else []
        volumes = [str(one.name) for one in client.volumes.list()] if client else []
        return sorted(names), sorted(volumes), list(tmp_path.iterdir())

    before = world()
    checked = succeeds("closeout_plan", given, check=True)
    facts = succeeds("closeout_plan", given)
    assert world() == before
    for one in (checked, facts):
        assert (one["ready"], one["problems"], one["changed"]) == (True, [], False)
    assert re.fullmatch(r"[0-9a-f]{12}", facts["run_id"]) and facts["run_id"] != checked["run_id"]
    assert STAMP.fullmatch(facts["stamp"])
    settings = facts["settings"]
    assert settings["artefact"] == f"{root}/closeout_{facts['stamp']}"
    assert settings["dump_path"] == f"{settings['artefact']}/prod-directus-closeout-{facts['stamp']}.sql"
    assert settings["restore_db"] == "directus_restoretest"
    date = f"{facts['stamp'][:4]}-{facts['stamp'][4:6]}-{facts['stamp'][6:8]}"
    assert settings["scratch_name"] == f"pg-restoretest-closeout-{date}-{facts['run_id']}"
    assert settings["expected_tables"] == TABLES
    assert settings["scratch_image"] == image
    assert "pg_dump (PostgreSQL) 16" in facts["facts"]["client"]["version"]


def test_as_ansible_ships_it(production_cluster: postgres.Cluster, tmp_path: Path) -> None:
    assert shipped("closeout_plan", local(production_cluster, tmp_path))["ready"] is True


def test_what_a_survey_sends_is_made_what_it_means(production_cluster: postgres.Cluster, tmp_path: Path) -> None:
    given = local(
        production_cluster,
        tmp_path,
        login_port=str(production_cluster.port),
        scratch_ttl_s="600",
        production_quiet="yes",
        expected_tables="b, a\nc,,",
        protected_containers=[""],
        fail="",
        label="",
        container=" ",
        dump_name="<db>-<label>.sql",
    )
    facts = succeeds("closeout_plan", given)
    assert facts["problems"] == []
    settings = facts["settings"]
    assert (settings["scratch_ttl_s"], settings["production_quiet"], settings["fail"]) == (600, True, True)
    assert settings["expected_tables"] == ["b", "a", "c"]
    assert (settings["protected_containers"], settings["label"]) == ([], "closeout")
    assert settings["dump_path"].endswith("/directus-closeout.sql")


@pytest.mark.parametrize(
    "setting",
    [
        {"label": "a/b"},
        {"label": "a b"},
        {"label": "../up"},
        {"label": "x" * 64},
        {"root": "relative/path"},
        {"dump_name": "sub/dump.sql"},
        {"dump_name": "manifest.json"},
        {"scratch_ttl_s": "soon"},
        {"scratch_ttl_s": 5},
        {"scratch_memory_mb": "1e3"},
        {"scratch_driver": "podman"},
        {"restore_tolerance": "all"},
        {"production_quiet": "perhaps"},
        {"restore_db": "x" * 64},
        {"no_such_variable": 1},
        {"login_host": "127.0.0.1", "container": "postgres"},
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_meant(
    setting: dict[str, Any], production_cluster: postgres.Cluster, tmp_path: Path
) -> None:
    facts = succeeds("closeout_plan", local(production_cluster, tmp_path, **setting))
    named = {one["object"] for one in problems(facts, "settings")}
    assert named & {f"closeout_{name}" for name in (*setting, "login_unix_socket")}
    assert list(tmp_path.iterdir()) == []


def test_all_problems_at_once(production_cluster: postgres.Cluster, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    given = local(
        production_cluster,
        tmp_path / "file" / "root",
        label="a b",
        db="nowhere_at_all",
        scratch_os_user="nobody_at_all",
    )
    facts = succeeds("closeout_plan", given)
    assert {one["id"] for one in facts["problems"]} >= {"settings", "server", "artefact", "scratch"}
    assert "nowhere_at_all" in problems(facts, "server")[0]["found"]
    assert "nobody_at_all" in problems(facts, "scratch")[0]["wanted"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"user": "nobody_at_all"}, "nobody_at_all"),
        ({"db": "nowhere_at_all"}, "nowhere_at_all"),
        ({"login_unix_socket": "/nowhere"}, "/nowhere"),
        ({"login_unix_socket": "", "container": "postgres", "docker_host": "unix:///nowhere"}, "unix:///nowhere"),
        ({"passfile": "/nowhere/passfile"}, "/nowhere/passfile"),
    ],
)
def test_server_that_cannot_be_reached(
    change: dict[str, str], words: str, production_cluster: postgres.Cluster, tmp_path: Path
) -> None:
    facts = succeeds("closeout_plan", local(production_cluster, tmp_path, **change))
    assert words in json.dumps(problems(facts, "server"))


def test_wrong_password_is_nowhere(cluster: Callable[..., postgres.Cluster], tmp_path: Path) -> None:
    own = cluster(tcp=True, password=PASSWORD)
    change = {"login_unix_socket": "", "login_host": "127.0.0.1", "login_port": own.port}
    good = succeeds("closeout_plan", {**local(own, tmp_path, **change), "password": PASSWORD})
    assert good["problems"] == [] and PASSWORD not in json.dumps(good)
    bad = succeeds("closeout_plan", {**local(own, tmp_path, **change), "password": "falsch-4712"})
    assert "password authentication failed" in problems(bad, "server")[0]["found"]
    assert "falsch-4712" not in json.dumps(bad)


def test_every_table_without_permission_is_named(
    cluster: Callable[..., postgres.Cluster], cutter_governance: str, tmp_path: Path
) -> None:
    own = cluster(sql=cutter_governance)
    own.psql(
        "CREATE ROLE clerk LOGIN; GRANT pg_read_all_data TO clerk; CREATE ROLE poor LOGIN;"
        "ALTER TABLE cutter_governance.verify_result ENABLE ROW LEVEL SECURITY",
        "directus",
    )
    (secured,) = problems(succeeds("closeout_plan", local(own, tmp_path, user="clerk")), "permission")
    assert secured["object"] == "cutter_governance.verify_result" and "BYPASSRLS" in secured["do"]
    denied = problems(succeeds("closeout_plan", local(own, tmp_path, user="poor")), "permission")[0]
    for name in TABLES:
        assert f"cutter_governance.{name}" in denied["object"]
    assert "GRANT pg_read_all_data TO" in denied["do"]
    own.psql("ALTER ROLE clerk BYPASSRLS")
    assert succeeds("closeout_plan", local(own, tmp_path, user="clerk"))["problems"] == []


def test_identity_that_is_denied(cluster: Callable[..., postgres.Cluster], tmp_path: Path) -> None:
    own = cluster()
    own.psql("CREATE ROLE clerk LOGIN; REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC", "directus")
    (problem,) = problems(succeeds("closeout_plan", local(own, tmp_path, user="clerk")), "identity")
    assert "GRANT EXECUTE ON FUNCTION pg_catalog.pg_control_system() TO clerk" in problem["do"]


def test_client_older_than_the_server(
    cluster: Callable[..., postgres.Cluster], pg_install: Callable[[int], postgres.Installation], tmp_path: Path
) -> None:
    own = cluster(17)
    facts = succeeds("closeout_plan", local(own, tmp_path, bin_dir=str(pg_install(16).bin_dir)))
    (problem,) = problems(facts, "client")
    assert "16." in problem["found"] and "17" in problem["wanted"]


def test_root_that_is_no_directory(production_cluster: postgres.Cluster, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    facts = succeeds("closeout_plan", local(production_cluster, tmp_path / "file"))
    (problem,) = problems(facts, "artefact")
    assert str(tmp_path / "file") in problem["object"]


def test_containers_and_images_that_are_not_there(
    production_container: containers.Production, docker_host: str, production_image: str, tmp_path: Path
) -> None:
    def plan(**more: Any) -> dict[str, Any]:
        """A plan with other settings."""
        return succeeds("closeout_plan", in_docker(production_container, docker_host, tmp_path, **more))

    assert "no-such-one" in json.dumps(problems(plan(container="no-such-one"), "server"))
    image = problems(plan(scratch_image="closeout-test/none:16"), "scratch")[0]
    assert image["object"] == "closeout-test/none:16" and "docker pull" in image["do"]
    taken = problems(plan(scratch_name=production_container.name), "scratch")[0]
    assert taken["object"] == production_container.name
    assert plan(scratch_image=production_image)["problems"] == []


def test_server_outside_containers_needs_an_image(
    production_cluster: postgres.Cluster, docker_host: str, tmp_path: Path
) -> None:
    facts = succeeds(
        "closeout_plan", local(production_cluster, tmp_path, scratch_driver="docker", docker_host=docker_host)
    )
    (problem,) = problems(facts, "scratch")
    assert problem["object"] == "closeout_scratch_image"


def test_settings_have_to_be_given() -> None:
    assert "settings" in fails("closeout_plan", {}).msg
