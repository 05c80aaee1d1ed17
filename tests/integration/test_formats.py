"""The formats of a dump: an archive, custom or directory, is proved as a plain dump is, and by the same evidence."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.conftest import ClusterFactory, ProductionFactory
from tests.integration.closeouts import (
    assert_all_pass,
    assert_no_container_left,
    docker_variables,
    local_variables,
)
from tests.integration.module_options import fails, in_container, on_socket, private_directory, problems_of, succeeds
from tests.integration.test_module_pg_scratch_restore import scratch_server, take
from tests.integration.test_restore_jobs import READS_LATER
from tests.support.containers import Production
from tests.support.playbook import run_playbook
from tests.support.postgres import install
from tests.support.share import IN_FULL, share

# Rows in another order after a restore, partitions that are loaded through their root, a large object.
SQL = """
CREATE TABLE public.moved AS SELECT g AS id, repeat('x', g) AS word FROM generate_series(1, 2000) g;
UPDATE public.moved SET id = id WHERE id % 7 = 0;
UPDATE public.moved SET word = word || 'z' WHERE id % 5 = 0;
CREATE VIEW public.some AS SELECT id FROM public.moved WHERE word::varchar IN ('x', 'xx');
CREATE TYPE public.colour AS ENUM ('red', 'green', 'blue');
CREATE TABLE public.by_colour (c public.colour, n int) PARTITION BY HASH (c);
CREATE TABLE public.by_colour_0 PARTITION OF public.by_colour FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE public.by_colour_1 PARTITION OF public.by_colour FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO public.by_colour SELECT (ARRAY['red', 'green', 'blue'])[1 + g % 3]::public.colour, g
    FROM generate_series(1, 300) g;
SELECT lo_from_bytea(4242, 'large');
"""
SUFFIX = {"custom": ".dump", "directory": ".dir"}


def digest_by_coreutils(dump: Path) -> str:
    """As the documents say that it can be had."""
    command = "LC_ALL=C sha256sum -- * | sha256sum" if dump.is_dir() else f"sha256sum < {dump.name}"
    directory = dump if dump.is_dir() else dump.parent
    done = subprocess.run(["sh", "-c", command], cwd=directory, check=True, capture_output=True, text=True)
    return done.stdout.split()[0]


def assert_archive(evidence: dict[str, Any], form: str) -> Path:
    """The dump of a run that passed is an archive of that format; its path."""
    dump = Path(evidence["dump"]["path"])
    assert evidence["dump"]["format"] == evidence["settings"]["format"] == form
    assert dump.name.endswith(SUFFIX[form]) and ".sql" not in dump.name
    assert dump.is_dir() == (form == "directory")
    assert evidence["dump"]["sha256"] == digest_by_coreutils(dump)
    assert evidence["dump"]["sha256_confirmed"] == evidence["restore"]["input_sha256"] == evidence["dump"]["sha256"]
    assert evidence["restore"]["compare"]["rows"] == evidence["dump"]["manifest"]["rows"] > 2000
    listed = {one["name"]: one["size_bytes"] for one in evidence["dump"]["directory"]}
    assert listed[dump.name] == evidence["dump"]["size_bytes"]
    assert not [name for name in listed if "/" in name and not name.startswith("logs/")]
    return dump


@pytest.mark.parametrize(
    ("version", "form"), share([(14, "custom"), (14, "directory"), (18, "custom"), (18, "directory")], 4)
)
def test_an_archive_passes(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path, form: str, version: int
) -> None:
    """Compressed, by several workers, with production's rows of every table: then by one worker, as text."""
    server = cluster(version, cutter_governance + SQL)
    jobs = {"dump_jobs": 2} if form == "directory" else {}
    asked = {"format": form, "compression": "gzip", "production_content": "all", **jobs}
    evidence = assert_all_pass(run_playbook(local_variables(server, tmp_path, restore_jobs=2, **asked)))
    dump = assert_archive(evidence, form)
    assert (evidence["restore"]["jobs"], evidence["restore"]["jobs_reason"]) == (2, "")
    record = (dump.parent / "closeout.md").read_text()
    assert f"bytes, format {form}, gzip of {evidence['dump']['text_bytes']} bytes of text" in record
    assert "return code of pg_restore: `0`" in record and "sessions that restored: `2`" in record
    assert evidence["dump"]["size_bytes"] < evidence["dump"]["text_bytes"]
    assert "pg_restore" not in (dump.parent / "logs" / "restore.log").read_text()
    if not IN_FULL:
        return
    by_one = assert_all_pass(run_playbook(local_variables(server, tmp_path / "one", restore_jobs=1, **asked)))
    assert_archive(by_one, form)
    assert by_one["restore"]["jobs"] == 1


@pytest.mark.parametrize("form", share(["directory", "custom"], 2))
def test_an_archive_of_a_container_passes(
    production_image: str,
    start_production: ProductionFactory,
    cutter_governance: str,
    docker_client: docker.DockerClient,
    docker_host: str,
    tmp_path: Path,
    form: str,
) -> None:
    """The scratch container has the archive as its only mount of the host, and cannot write to it."""
    server = start_production(cutter_governance + SQL)
    bin_dir = {"bin_dir": str(install(16).bin_dir), "dump_jobs": "2"} if form == "directory" else {}
    asked = docker_variables(server, docker_host, tmp_path, format=form, **bin_dir)
    evidence = assert_all_pass(run_playbook(asked))
    dump = assert_archive(evidence, form)
    assert evidence["dump"]["transport"] == ("host" if form == "directory" else "namespace")
    mounts = evidence["restore"]["scratch"]["isolation"]["mounts"]
    bound = [one for one in mounts if one["type"] == "bind"]
    assert bound == [{"type": "bind", "path": "/closeout-dump", "source": str(dump), "writable": False}]
    assert_no_container_left(docker_client)


@pytest.mark.parametrize(
    ("version", "asked", "told"),
    [
        (14, {"format": "custom", "compression": "zstd"}, "pg_dump of version 16 or later"),
        (16, {"format": "custom", "dump_jobs": "2"}, "closeout_dump_jobs"),
        (16, {"format": "directory", "bandwidth_limit_mb_s": "5"}, "closeout_bandwidth_limit_mb_s"),
    ],
)
def test_what_cannot_be_is_told_before_anything_starts(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path, version: int, asked: dict[str, str], told: str
) -> None:
    server = cluster(version, cutter_governance)
    assert told in problems_of(local_variables(server, tmp_path, **asked))
    assert list(tmp_path.iterdir()) == []


def test_a_directory_is_not_written_from_within_a_container(
    production_container: Production, docker_host: str, tmp_path: Path
) -> None:
    """Neither by the plan nor by the module: what a container could write to on the host, it could leave by."""
    asked = docker_variables(production_container, docker_host, tmp_path / "root", format="directory", transport="exec")
    assert "closeout_transport auto or host for the format directory" in problems_of(asked)
    options = {"schema": "cutter_governance", "format": "directory", "name": "prod.dir"}
    directory = private_directory(tmp_path / "dump")
    for transport in ("exec", "namespace"):
        connection = in_container(production_container, docker_host, transport=transport)
        refused = fails("pg_dump_readonly", {**connection, **options, "directory": str(directory)})
        assert f"The transport {transport} cannot write a directory of this host" in refused.msg
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("form", ["custom", "directory"])
def test_a_dump_that_fails_leaves_no_archive(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path, form: str
) -> None:
    server = cluster(16, cutter_governance)
    server.psql("CREATE ROLE clerk LOGIN; GRANT USAGE ON SCHEMA cutter_governance TO clerk", "directus")
    directory = private_directory(tmp_path / "dump")
    asked = {"directory": str(directory), "name": f"prod{SUFFIX[form]}", "schema": "cutter_governance", "format": form}
    refused = fails("pg_dump_readonly", {**on_socket(server, login_user="clerk"), **asked})
    assert "pg_dump failed" in refused.msg and "permission denied" in refused.msg
    assert {path.name for path in directory.iterdir()} <= {"logs"}
    succeeds("pg_dump_readonly", {**on_socket(server), **asked})
    assert (directory / asked["name"]).exists()
    again = fails("pg_dump_readonly", {**on_socket(server), **asked})
    assert "exists already" in again.msg


def test_an_archive_that_its_own_order_keeps_from_being_restored_fails(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path
) -> None:
    """Two workers could load the table first that the other one's constraint reads."""
    server = cluster(
        16, cutter_governance + READS_LATER + "CREATE TABLE public.a_child (CHECK (public.is_known(id)), id int);"
    )
    server.psql("INSERT INTO public.a_child VALUES (1), (2)", "directus")
    dump = take(private_directory(tmp_path / "dump"), on_socket(server), name="prod.dir", format="directory")
    with scratch_server(dump.globals, server.bin_dir) as scratch:
        refused = fails("pg_scratch_restore", scratch.asked(dump, jobs=2))
    restored = refused.data["restore"]
    assert "The restore failed" in refused.msg and "violates check constraint" in refused.msg
    assert restored["jobs"] == 1 and "the order of the tables may matter" in restored["jobs_reason"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_damaged_directory_is_not_restored_for_whole(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path, jobs: int
) -> None:
    """A row that its table does not take: the error is told, the row is not, and the files are private again."""
    server = cluster(16, cutter_governance + "; CREATE TABLE public.ages (name text, age int);")
    server.psql("INSERT INTO public.ages SELECT 'Alice ' || g, g FROM generate_series(1, 1000) g", "directus")
    dump = take(private_directory(tmp_path / "dump"), on_socket(server), name="prod.dir", format="directory")
    (damaged,) = [path for path in dump.path.iterdir() if b"Alice 500\t500\n" in path.read_bytes()]
    damaged.write_bytes(damaged.read_bytes().replace(b"Alice 500\t500\n", b"Alice 500\tXXX\n"))
    log = dump.directory / "restore.log"
    with scratch_server(dump.globals, server.bin_dir) as scratch:
        refused = fails("pg_scratch_restore", scratch.asked(dump, jobs=jobs, log=str(log)))
    assert "The restore failed" in refused.msg and "invalid input syntax for type integer" in refused.msg
    assert refused.data["restore"]["input_sha256"] == ""
    assert "invalid input syntax" in log.read_text() and "Alice" not in log.read_text() + refused.msg
    assert {path.stat().st_mode & 0o777 for path in dump.path.iterdir()} == {0o600}
    assert dump.path.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_gid for path in dump.path.iterdir()} == {os.getegid()}
