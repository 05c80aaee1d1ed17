"""What the restored copy needs and the scratch server would not have is told by the plan: an image's or this host's."""

from __future__ import annotations

import contextlib
import io
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.conftest import ClusterFactory, ProductionFactory
from tests.integration.module_options import succeeds
from tests.integration.test_module_closeout_plan import in_docker, local, problems
from tests.support.containers import Production
from tests.support.postgres import Cluster, Installation

EXTENSIONS = "/usr/lib/postgresql/16/share/extension"
DEBIAN = Path("/usr/lib/postgresql/15")
BY_HAND = f"""
cp {EXTENSIONS}/citext.control {EXTENSIONS}/byhand.control
echo "SELECT 1" >{EXTENSIONS}/byhand--1.0.sql
sed -i "s/^default_version.*/default_version = '1.0'/; /^module_pathname/d" {EXTENSIONS}/byhand.control
localedef --no-archive -i sv_SE -f UTF-8 sv_SE.UTF-8
"""
ImageFactory = Callable[[str], str]


@pytest.fixture
def image(docker_client: docker.DockerClient, production_image: str) -> Iterator[ImageFactory]:
    """`image(command)`: the name of production's image, changed by a shell command."""
    if not production_image.startswith("closeout-test/"):
        pytest.skip("the paths are those of the image that is built here")
    with contextlib.ExitStack() as stack:

        def change(command: str) -> str:
            name = f"closeout-test/changed:{secrets.token_hex(4)}"
            lines = [f"FROM {production_image}", "USER root", f"RUN {' && '.join(command.strip().splitlines())}"]
            text = io.BytesIO("\n".join(lines).encode())
            docker_client.images.build(fileobj=text, tag=name, rm=True, network_mode="none")
            stack.callback(docker_client.images.remove, name, force=True)
            return name

        yield change


@contextlib.contextmanager
def container_events(client: docker.DockerClient) -> Iterator[list[str]]:
    """What became of containers in the block: the daemon's own account, filled in at the block's end."""
    found: list[str] = []
    since = time.time()
    yield found
    # To the microsecond: a moment as the SDK takes it has whole seconds, and what came before would count.
    moments: dict[str, Any] = {"since": f"{since:.6f}", "until": f"{time.time():.6f}"}
    for event in client.events(filters={"type": "container"}, decode=True, **moments):
        found.append(str(event["Action"]).partition(":")[0])


def found_in(facts: dict[str, Any], check: str) -> dict[str, dict[str, str]]:
    """The problems of one check, by what they are about."""
    return {one["object"]: one for one in problems(facts, check)}


def test_nothing_of_another_image_goes_unnoticed(
    start_production: ProductionFactory,
    docker_client: docker.DockerClient,
    docker_host: str,
    image: ImageFactory,
    tmp_path: Path,
) -> None:
    """Extensions, locales and version, told at once; looked into by a container that never started and is gone."""
    server = start_production(
        "CREATE EXTENSION hstore; CREATE EXTENSION citext VERSION '1.4';"
        "CREATE COLLATION american (provider = libc, locale = 'en_US.utf8')"
    )
    other = image(
        f"""
        rm {EXTENSIONS}/hstore.control /usr/lib/locale/locale-archive
        sed -i 's/postgres (PostgreSQL) 16/postgres (PostgreSQL) 15/' /usr/lib/postgresql/16/bin/postgres
        """
    )

    def everything() -> object:
        return (
            {str(one.id) for one in docker_client.containers.list(all=True)},
            {str(one.name) for one in docker_client.volumes.list()},
        )

    before = everything()
    with container_events(docker_client) as events:
        facts = succeeds("closeout_plan", in_docker(server, docker_host, tmp_path, scratch_image=other), check=True)
    assert everything() == before
    assert (events.count("create"), events.count("destroy"), events.count("start")) == (1, 1, 0)
    assert found_in(facts, "extensions")["hstore"]["found"] == f"image {other}: not in {EXTENSIONS}"
    (lacking,) = problems(facts, "locale")
    assert lacking["object"] == "the database, collation public.american" and "en_US.utf8" in lacking["wanted"]
    (older,) = problems(facts, "scratch")
    assert older["wanted"].startswith("version 16 or later") and "15.15" in older["found"]
    assert [note for note in facts["notes"] if "citext 1.6 (production: 1.4)" in note]
    assert facts["settings"]["scratch_image"] == other


def test_an_image_that_has_everything_is_no_problem(
    production_container: Production, docker_host: str, image: ImageFactory, tmp_path: Path
) -> None:
    """Another image, the same PostgreSQL."""
    other = image("touch /etc/other")
    facts = succeeds("closeout_plan", in_docker(production_container, docker_host, tmp_path, scratch_image=other))
    assert (facts["problems"], facts["notes"]) == ([], [])
    assert facts["facts"]["scratch"]["version"] == "16.15"


def test_what_was_put_into_the_container_by_hand_is_not_in_its_image(
    start_production: ProductionFactory,
    docker_client: docker.DockerClient,
    docker_host: str,
    image: ImageFactory,
    tmp_path: Path,
) -> None:
    """Production's own image is not looked into, as long as its container has the image's files."""
    server = start_production()
    given = in_docker(server, docker_host, tmp_path)
    with container_events(docker_client) as events:
        assert succeeds("closeout_plan", given)["problems"] == []
    assert "create" not in events
    assert server.container.exec_run(["sh", "-c", BY_HAND], user="root").exit_code == 0
    server.psql("CREATE EXTENSION byhand; CREATE COLLATION swedish (provider = libc, locale = 'sv_SE.utf8')")
    facts = succeeds("closeout_plan", given)
    extension, locale = facts["problems"]
    assert (extension["id"], extension["object"]) == ("extensions", "byhand")
    assert (locale["id"], locale["object"]) == ("locale", "collation public.swedish")
    assert all("production's container has changed files" in one["do"] for one in (extension, locale))
    kept = image(BY_HAND)
    assert succeeds("closeout_plan", in_docker(server, docker_host, tmp_path, scratch_image=kept))["problems"] == []


def test_an_image_with_nobody_to_run_as(
    production_container: Production, docker_host: str, image: ImageFactory, tmp_path: Path
) -> None:
    other = image("sed -i '/^postgres:/d; /^nobody:/d' /etc/passwd")
    given = in_docker(production_container, docker_host, tmp_path, scratch_image=other)
    (problem,) = problems(succeeds("closeout_plan", given), "scratch")
    assert "postgres or nobody" in problem["wanted"] and "closeout_scratch_os_user" in problem["do"]
    given["settings"]["scratch_os_user"] = "daemon"
    assert succeeds("closeout_plan", given)["problems"] == []


def test_a_locale_that_this_host_does_not_have(
    production_container: Production, cluster: ClusterFactory, docker_host: str, tmp_path: Path
) -> None:
    """It is told where, and only where, the database could not be made."""
    here = cluster(16)
    try:
        here.psql("CREATE DATABASE american TEMPLATE template0 LC_COLLATE 'en_US.utf8' LC_CTYPE 'en_US.utf8'")
        wanted = []
    except RuntimeError as error:
        assert "invalid LC_COLLATE locale name" in str(error)
        wanted = ["the database"]
    given = in_docker(production_container, docker_host, tmp_path, scratch_driver="local", bin_dir=str(here.bin_dir))
    facts = succeeds("closeout_plan", given)
    assert [one["object"] for one in facts["problems"] if one["id"] == "locale"] == wanted


def test_extensions_that_the_programs_of_this_host_do_not_have(
    cluster: ClusterFactory, pg_install: Callable[[int], Installation], tmp_path: Path
) -> None:
    """Newer programs may have less, and other versions."""
    server = cluster(16, "CREATE EXTENSION old_snapshot; CREATE EXTENSION pg_stat_statements")
    facts = succeeds("closeout_plan", local(server, tmp_path, bin_dir=str(pg_install(17).bin_dir)))
    (problem,) = facts["problems"]
    assert (problem["id"], problem["object"]) == ("extensions", "old_snapshot")
    assert [note for note in facts["notes"] if "pg_stat_statements 1.11 (production: 1.10)" in note]
    assert [note for note in facts["notes"] if "The scratch server is of version 17, production of 16" in note]
    assert succeeds("closeout_plan", local(server, tmp_path))["problems"] == []


def test_a_newer_pg_dump_than_the_scratch_server_understands(
    production_container: Production, docker_host: str, pg_install: Callable[[int], Installation], tmp_path: Path
) -> None:
    given = in_docker(
        production_container, docker_host, tmp_path, transport="host", bin_dir=str(pg_install(17).bin_dir)
    )
    (problem,) = succeeds("closeout_plan", given)["problems"]
    assert problem["id"] == "scratch" and "transaction_timeout" in problem["wanted"] and "16.15" in problem["found"]


def test_locales_of_icu_and_a_server_without(
    cluster: ClusterFactory, pg_install: Callable[[int], Installation], tmp_path: Path
) -> None:
    if not (DEBIAN / "bin" / "postgres").exists():
        pytest.skip("Debian's PostgreSQL 15, which has ICU, is not installed")
    with Cluster(Installation(15, "15", DEBIAN)) as server:
        server.psql("CREATE DATABASE directus")
        server.psql(
            "CREATE TABLE t (name text COLLATE \"de-x-icu\"); CREATE COLLATION swedish (provider = icu, locale = 'sv')",
            "directus",
        )
        server.psql("CREATE DATABASE swedish TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'sv-SE'")
        without = {"bin_dir": str(pg_install(15).bin_dir)}
        (problem,) = succeeds("closeout_plan", local(server, tmp_path, **without))["problems"]
        assert problem["id"] == "locale" and "built without ICU" in problem["found"]
        assert problem["object"] == "collation pg_catalog.de-x-icu, collation public.swedish"
        facts = succeeds("closeout_plan", local(server, tmp_path, db="swedish", **without))
        assert [one["object"] for one in facts["problems"]] == ["the database"]
        assert "Encoding UTF8, locale sv-SE of icu" in facts["lines"]
        assert succeeds("closeout_plan", local(server, tmp_path))["problems"] == []


def test_tablespaces_are_told(cluster: ClusterFactory, tmp_path: Path) -> None:
    server = cluster(16)
    server.psql("SET allow_in_place_tablespaces = on;\nCREATE TABLESPACE fast LOCATION ''")
    facts = succeeds("closeout_plan", local(server, tmp_path))
    assert facts["problems"] == [] and "Tablespaces: fast" in facts["lines"]
    assert [note for note in facts["notes"] if note.startswith("Tablespaces: fast. The scratch server makes them")]
