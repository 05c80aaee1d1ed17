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
    assert_failed,
    assert_no_container_left,
    docker_variables,
    last_message,
    local_variables,
)
from tests.integration.module_options import fails, in_container, on_socket, private_directory, succeeds
from tests.support.containers import Production
from tests.support.playbook import run_playbook
from tests.support.postgres import Cluster, install

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
    done = subprocess.run(command, shell=True, cwd=directory, check=True, capture_output=True, text=True)
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


@pytest.mark.parametrize("form", ["custom", "directory"])
@pytest.mark.parametrize("version", [14, 18])
def test_an_archive_passes(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path, form: str, version: int
) -> None:
    """Compressed, by several workers, with production's rows of every table: then by one worker, as text."""
    server = cluster(version, cutter_governance + SQL)
    jobs = {"dump_jobs": 2} if form == "directory" else {}
    asked = {"format": form, "compression": "gzip", "production_content": "all", **jobs}
    evidence = assert_all_pass(run_playbook(local_variables(server, tmp_path, restore_jobs=2, **asked)))
    dump = assert_archive(evidence, form)
    assert evidence["dump"]["size_bytes"] < evidence["dump"]["text_bytes"]
    assert "pg_restore" not in (dump.parent / "logs" / "restore.log").read_text()
    by_one = assert_all_pass(run_playbook(local_variables(server, tmp_path / "one", restore_jobs=1, **asked)))
    assert_archive(by_one, form)


@pytest.mark.parametrize("form", ["custom", "directory"])
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
    server.psql_script(cutter_governance + SQL)
    bin_dir = {"bin_dir": str(install(16).bin_dir), "dump_jobs": "2"} if form == "directory" else {}
    asked = docker_variables(server, docker_host, tmp_path, format=form, **bin_dir)
    evidence = assert_all_pass(run_playbook(asked))
    dump = assert_archive(evidence, form)
    assert evidence["dump"]["transport"] == ("host" if form == "directory" else "namespace")
    mounts = evidence["restore"]["scratch"]["isolation"]["mounts"]
    bound = [one for one in mounts if one["type"] == "bind"]
    assert bound == [{"type": "bind", "path": "/closeout-dump", "source": str(dump), "writable": False}]
    assert_no_container_left(docker_client)
