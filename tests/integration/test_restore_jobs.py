"""pg_scratch_restore with several sessions: what one psql restores they restore too, and nothing that it would not."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._manifest import manifest_of

from tests.conftest import ClusterFactory
from tests.integration.module_options import fails, on_socket, private_directory, sha256sum, succeeds
from tests.integration.test_module_pg_dump_compare import asked as to_compare
from tests.integration.test_module_pg_scratch_restore import (
    NO_ERRORS,
    RESTORED,
    Dump,
    Scratch,
    docker_dump,
    docker_scratch,
    scratch_server,
    take,
)
from tests.support import zoo
from tests.support.modules import start_module
from tests.support.postgres import VERSIONS, Cluster
from tests.support.share import share

__all__ = ["docker_dump", "docker_scratch"]
# Keys, foreign keys in a circle, a partitioned table, rules, triggers, a table that the check of another one reads.
_SHOP = """
CREATE TABLE public.customer (id int PRIMARY KEY, name text UNIQUE, best int);
CREATE TABLE public.invoice (id int PRIMARY KEY, customer int REFERENCES public.customer, total numeric);
ALTER TABLE public.customer ADD FOREIGN KEY (best) REFERENCES public.invoice DEFERRABLE INITIALLY DEFERRED;
CREATE TABLE public.parted (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE public.parted_1 PARTITION OF public.parted FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE public.parted_2 PARTITION OF public.parted FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
CREATE INDEX ON public.parted (at);
BEGIN;
INSERT INTO public.customer SELECT n, 'customer ' || n, n FROM generate_series(1, 2000) AS n;
INSERT INTO public.invoice SELECT n, 1 + n % 2000, n FROM generate_series(1, 5000) AS n;
COMMIT;
INSERT INTO public.parted SELECT n, '2020-06-01'::date + n % 500 FROM generate_series(1, 1000) AS n;
CREATE INDEX ON public.invoice (customer);
CREATE INDEX ON public.invoice (total);
COMMENT ON INDEX public.invoice_total_idx IS 'a word between the indexes';
CREATE INDEX ON public.customer (best);
ALTER TABLE public.customer CLUSTER ON customer_pkey;
ALTER TABLE public.invoice REPLICA IDENTITY USING INDEX invoice_pkey;
CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touch BEFORE UPDATE ON public.invoice FOR EACH ROW EXECUTE FUNCTION public.touch();
SELECT lo_from_bytea(4711, 'large');
"""
# The rows of a_second can be loaded only after those of a_first: nothing in a dump says so, but their names.
_CHECKED = """
CREATE TABLE public.a_first (id int);
CREATE FUNCTION public.is_known(int) RETURNS boolean LANGUAGE plpgsql AS
    'BEGIN RETURN EXISTS (SELECT FROM public.a_first WHERE id = $1); END';
CREATE TABLE public.a_second (id int, note text, CHECK (public.is_known(id)));
INSERT INTO public.a_first VALUES (1), (2);
INSERT INTO public.a_second VALUES (2, repeat('x', 9000)), (1, '');
"""
# The rows of a_child need those of z_known, which are loaded after them.
READS_LATER = """
CREATE TABLE public.z_known (id int);
INSERT INTO public.z_known VALUES (1), (2);
CREATE FUNCTION public.is_known(int) RETURNS boolean LANGUAGE plpgsql AS
    'BEGIN RETURN EXISTS (SELECT FROM public.z_known WHERE id = $1); END';
CREATE FUNCTION public.doubled(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
    'BEGIN ASSERT public.is_known($1); RETURN 2 * $1; END';
"""


def described(dump: Dump, **more: Any) -> dict[str, Any]:
    """The arguments that give the dump's manifest, and ask for two sessions."""
    manifest = dump.directory / "manifest.json"
    return {"manifest": str(manifest), "manifest_sha256": sha256sum(manifest), "jobs": 2, **more}


def psql_of(scratch: Scratch) -> list[str]:
    """Processes of this host that are psql of that scratch server."""
    listed = subprocess.run(["ps", "-eww", "-o", "args"], check=True, capture_output=True, text=True, timeout=30).stdout
    own = str(scratch.sockets)
    return [line for line in listed.splitlines() if own in line and "--no-psqlrc" in line]


def sessions_of(scratch: Scratch) -> str:
    """How many sessions are in the database that is restored."""
    return scratch.psql(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{RESTORED}'")


def equal(dump: Dump, scratch: Scratch) -> None:
    """The restored copy is the dump."""
    compared = succeeds("pg_dump_compare", to_compare(dump, scratch))["compare"]
    assert compared["differences"] == [] and compared["differences_total"] == 0


@pytest.fixture(scope="module")
def shop(
    pg_install: Any, cutter_governance: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Dump, Path]]:
    """A dump with rows that are worth several sessions, and the programs for it."""
    with Cluster(pg_install(16)) as server:
        server.psql("CREATE DATABASE directus")
        server.psql(cutter_governance + _SHOP, "directus")
        yield take(private_directory(tmp_path_factory.mktemp("shop") / "dump"), on_socket(server)), server.bin_dir


@pytest.fixture
def scratch(shop: tuple[Dump, Path]) -> Iterator[Scratch]:
    """A scratch server for it."""
    with scratch_server(shop[0].globals, shop[1]) as one:
        yield one


@pytest.mark.parametrize("version", share(sorted(VERSIONS), 4))
def test_one_of_everything_is_restored_by_two(version: int, cluster: ClusterFactory, tmp_path: Path) -> None:
    server = cluster(version, db="zoo")
    zoo.build(server, "zoo", big_value=False)
    dump = take(private_directory(tmp_path / "dump"), on_socket(server, "zoo"))
    with scratch_server(dump.globals, server.bin_dir) as scratch:
        facts = succeeds("pg_scratch_restore", scratch.asked(dump, **described(dump)))["restore"]
        assert (facts["jobs"], facts["jobs_reason"]) == (2, "")
        assert facts["errors"] == NO_ERRORS
        assert facts["input_sha256"] == sha256sum(dump.path)
        equal(dump, scratch)


def test_a_shop_is_restored_by_two_and_not_again(shop: tuple[Dump, Path], scratch: Scratch, tmp_path: Path) -> None:
    dump, _bin_dir = shop
    log = tmp_path / "restore.log"
    asked = scratch.asked(dump, **described(dump), log=str(log))
    assert succeeds("pg_scratch_restore", asked, check=True)["changed"] is True
    assert RESTORED not in scratch.databases() and not log.exists()
    facts = succeeds("pg_scratch_restore", asked)["restore"]
    assert (facts["rc"], facts["jobs"], facts["jobs_reason"], facts["errors"]) == (0, 2, "", NO_ERRORS)
    assert facts["input_sha256"] == sha256sum(dump.path)
    assert log.stat().st_mode & 0o777 == 0o600
    # Rows in the dump's own order: the comparison's fast way.
    order = "SELECT string_agg(id::text, ',' ORDER BY ctid) FROM public.invoice"
    assert scratch.psql(order, RESTORED) == ",".join(map(str, range(1, 5001)))
    assert scratch.psql("SELECT convert_from(lo_get(4711), 'UTF8')", RESTORED) == "large"
    assert scratch.psql("SELECT count(*) FROM pg_index WHERE NOT indisvalid", RESTORED) == "0"
    equal(dump, scratch)
    assert (psql_of(scratch), sessions_of(scratch)) == ([], "0")
    again = fails("pg_scratch_restore", asked)
    assert "already exists" in again.msg


def test_docker_restored_by_two(docker_scratch: Scratch, docker_dump: Dump) -> None:
    facts = succeeds("pg_scratch_restore", docker_scratch.asked(docker_dump, **described(docker_dump)))["restore"]
    assert (facts["rc"], facts["jobs"], facts["jobs_reason"], facts["errors"]) == (0, 2, "", NO_ERRORS)
    assert facts["input_sha256"] == sha256sum(docker_dump.path)
    equal(docker_dump, docker_scratch)
    assert sessions_of(docker_scratch) == "0"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"jobs": 1}, "one session was asked for"),
        ({"jobs": 0}, "it is small"),
        ({"tolerance": "by_hand"}, "errors are to be tolerated"),
        ({"manifest_sha256": "", "manifest": ""}, "no manifest was given"),
    ],
)
def test_one_psql_where_it_has_to_be(
    options: dict[str, Any], reason: str, shop: tuple[Dump, Path], scratch: Scratch
) -> None:
    dump, _bin_dir = shop
    facts = succeeds("pg_scratch_restore", scratch.asked(dump, **described(dump) | options))["restore"]
    assert facts["jobs"] == 1 and reason in facts["jobs_reason"]
    assert facts["errors"] == NO_ERRORS
    equal(dump, scratch)


def _with_manifest(dump: Dump, directory: Path, text: Callable[[bytes], bytes]) -> Dump:
    """A dump with another text, and a manifest that fits it: what production would have dumped."""
    changed = Dump(directory, dump.production)
    content = text(dump.path.read_bytes())
    changed.path.write_bytes(content)
    changed.globals.write_bytes(dump.globals.read_bytes())
    about = {"name": "prod.sql", "format": "plain", "compression": "none", "size_bytes": len(content)}
    made = manifest_of([content]).as_json(run_id="0" * 12, dump={**about, "sha256": sha256sum(changed.path)})
    (directory / "manifest.json").write_bytes(made)
    return changed


@pytest.mark.parametrize(
    ("old", "new", "state", "said"),
    [
        (b"\n1\t2\t1\n", b"\n1\tno number\t1\n", "22P02", 'invalid input syntax for type integer: "no number"'),
        (b"\n1\t2\t1\n", b"\n1\t9999\t1\n", "23503", "violates foreign key constraint"),
        (b"\n2\t3\t2\n", b"\n1\t3\t2\n", "23505", "could not create unique index"),
        (b"CREATE TRIGGER touch", b"CREATE TRIGGER touch nothing", "42601", "syntax error"),
    ],
)
def test_what_one_psql_refuses_fails_with_its_word(
    old: bytes, new: bytes, state: str, said: str, shop: tuple[Dump, Path], scratch: Scratch, tmp_path: Path
) -> None:
    dump, _bin_dir = shop
    broken = _with_manifest(dump, tmp_path, lambda text: _replaced(text, old, new))
    log = tmp_path / "log"
    failed = fails("pg_scratch_restore", scratch.asked(broken, **described(broken), log=str(log)))
    facts = failed.data["restore"]
    assert "The restore failed" in failed.msg and said in failed.msg
    assert facts["errors"]["total"] == facts["errors"]["fatal_total"] == 1
    assert state in facts["errors"]["fatal"][0]
    assert facts["jobs"] == 1 and "given up with 2 sessions" in facts["jobs_reason"]
    assert facts["input_sha256"] == ""
    # Of the rows there is nothing in what several sessions said.
    assert "no number" not in facts["jobs_reason"] and facts["jobs_reason"] in log.read_text()
    assert said in log.read_text()
    assert (psql_of(scratch), sessions_of(scratch)) == ([], "0")


def _replaced(text: bytes, old: bytes, new: bytes) -> bytes:
    """The text with one thing in it changed, which must be there."""
    assert text.count(old) == 1, old
    return text.replace(old, new)


def test_a_database_that_cannot_be_made_anew(shop: tuple[Dump, Path], scratch: Scratch, tmp_path: Path) -> None:
    dump, _bin_dir = shop
    end = b"\n--\n-- PostgreSQL database dump complete"
    wrong = b"\nCREATE SUBSCRIPTION s CONNECTION 'dbname=x' PUBLICATION p WITH (connect = false);\nSELECT 1/0;\n"
    broken = _with_manifest(dump, tmp_path, lambda text: _replaced(text, end, wrong + end))
    failed = fails("pg_scratch_restore", scratch.asked(broken, **described(broken)))
    assert "The restore failed" in failed.msg and "could not be made anew" in failed.msg
    assert "subscription" in failed.msg
    assert (psql_of(scratch), sessions_of(scratch)) == ([], "0")


@pytest.mark.parametrize(
    "caller",
    [
        "CREATE TABLE public.a_child (id int, CHECK (public.is_known(id)));",
        "CREATE DOMAIN public.known int CHECK (public.is_known(VALUE)); CREATE TABLE public.a_child (id public.known);",
        "CREATE TABLE public.a_child (id int, twice int GENERATED ALWAYS AS (public.doubled(id)) STORED);",
    ],
)
def test_a_dump_that_its_own_order_keeps_from_being_restored_fails(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path, caller: str
) -> None:
    """Two sessions could load the table that is read before the one whose rows need it: a backup is none for that."""
    server = cluster(16, cutter_governance + READS_LATER + caller)
    server.psql("INSERT INTO public.a_child VALUES (1), (2)", "directus")
    dump = take(private_directory(tmp_path / "dump"), on_socket(server))
    with scratch_server(dump.globals, server.bin_dir) as scratch:
        refused = fails("pg_scratch_restore", scratch.asked(dump, **described(dump)))
    restored = refused.data["restore"]
    assert "The restore failed" in refused.msg and restored["jobs"] == 1
    assert "the order of the tables may matter" in restored["jobs_reason"]


def test_a_dump_that_only_one_psql_can_restore_is_restored(
    pg_install: Any, cutter_governance: str, tmp_path: Path
) -> None:
    with Cluster(pg_install(16)) as server:
        server.psql("CREATE DATABASE directus")
        server.psql(cutter_governance + _CHECKED, "directus")
        dump = take(private_directory(tmp_path / "dump"), on_socket(server))
        with scratch_server(dump.globals, server.bin_dir) as scratch:
            facts = succeeds("pg_scratch_restore", scratch.asked(dump, **described(dump)))["restore"]
            assert facts["jobs"] == 1
            assert "the order of the tables may matter: constraint a_second_id_check" in facts["jobs_reason"]
            assert (facts["rc"], facts["errors"]) == (0, NO_ERRORS)
            assert facts["input_sha256"] == sha256sum(dump.path)
            equal(dump, scratch)


def _changed(dump: Dump, directory: Path, text: Callable[[bytes], bytes]) -> Dump:
    """The dump as the disk has it after a while, with the manifest that was written with it."""
    changed = Dump(directory, dump.production)
    changed.path.write_bytes(text(dump.path.read_bytes()))
    for name in ("globals.json", "manifest.json"):
        (directory / name).write_bytes((dump.directory / name).read_bytes())
    return changed


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        # A row, a comment, a name, a row that is lost.
        (b"\n1\t2\t1\n", b"\n1\t2\t7\n", "rows with another digest"),
        (b"-- PostgreSQL database dump\n", b"-- PostgreSQL database dumq\n", "a file with sha256"),
        (b"COPY public.invoice (", b"COPY public.invoicf (", "rows of public.invoicf where"),
        (b"\n1\t2\t1\n", b"\n", "bytes instead of"),
    ],
)
def test_a_file_that_is_not_the_manifest_s_fails(
    old: bytes, new: bytes, found: str, shop: tuple[Dump, Path], scratch: Scratch, tmp_path: Path
) -> None:
    dump, _bin_dir = shop
    other = _changed(dump, tmp_path, lambda text: _replaced(text, old, new))
    failed = fails("pg_scratch_restore", scratch.asked(other, **described(other)))
    assert "is not the one that the manifest describes" in failed.msg and found in failed.msg
    assert failed.data["restore"]["input_sha256"] == ""
    assert failed.data["restore"]["rc"] is None
    assert (psql_of(scratch), sessions_of(scratch)) == ([], "0")


def test_a_manifest_that_was_changed_fails(shop: tuple[Dump, Path], scratch: Scratch, tmp_path: Path) -> None:
    dump, _bin_dir = shop
    document = json.loads((dump.directory / "manifest.json").read_text())
    document["tables"] = document["tables"][1:]
    other = tmp_path / "manifest.json"
    other.write_text(json.dumps(document))
    failed = fails("pg_scratch_restore", scratch.asked(dump, **described(dump, manifest=str(other))))
    assert "is not what was written with the dump" in failed.msg
    assert RESTORED not in scratch.databases() and "directus" not in scratch.roles()
    # With a digest that fits: a block is missing in it.
    asked = scratch.asked(dump, **described(dump, manifest=str(other), manifest_sha256=sha256sum(other)))
    failed = fails("pg_scratch_restore", asked)
    assert "is not the one that the manifest describes" in failed.msg
    assert scratch.psql("SELECT count(*) FROM pg_class WHERE relname = 'invoice'", RESTORED) == "0"


def test_text_that_pg_dump_does_not_write_is_left_to_psql(
    shop: tuple[Dump, Path], scratch: Scratch, tmp_path: Path
) -> None:
    dump, _bin_dir = shop
    odd = _with_manifest(
        dump, tmp_path, lambda text: text.replace(b"SET row_security = off;", b"SET row_security = off;RESET work_mem;")
    )
    facts = succeeds("pg_scratch_restore", scratch.asked(odd, **described(odd)))["restore"]
    assert facts["jobs"] == 1 and "changes its session in another way" in facts["jobs_reason"]
    assert facts["input_sha256"] == sha256sum(odd.path)


def test_nothing_goes_on_when_the_module_is_killed(shop: tuple[Dump, Path], scratch: Scratch, tmp_path: Path) -> None:
    dump, _bin_dir = shop
    trigger = b"CREATE TRIGGER touch"
    slow = _with_manifest(dump, tmp_path, lambda text: _replaced(text, trigger, b"SELECT pg_sleep(3);\n" + trigger))
    process = start_module("pg_scratch_restore", scratch.asked(slow, **described(slow)))
    try:
        _wait_until(
            lambda: "pg_sleep" in scratch.psql("SELECT query FROM pg_stat_activity WHERE datname <> 'postgres'")
        )
        assert psql_of(scratch) != []
    finally:
        process.kill()
        process.communicate(timeout=60)
    _wait_until(lambda: (psql_of(scratch), sessions_of(scratch)) == ([], "0"))


def _wait_until(condition: Callable[[], bool]) -> None:
    """Come back when it holds; AssertionError after a minute."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_workers_that_grant_side_by_side_are_not_the_last_word(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path
) -> None:
    """A grant that needs another one, which takes long: workers make both at once, psql one after the other."""
    roles = [f"r{number}" for number in range(400)]
    server = cluster(16, cutter_governance)
    server.psql("".join(f"CREATE ROLE {role};" for role in [*roles, "reader", "granted"]), "directus")
    server.psql(
        "CREATE SCHEMA app; CREATE TABLE app.t AS SELECT 1 AS id;"
        + "".join(f"GRANT USAGE ON SCHEMA app TO {role};" for role in [*roles, "reader"])
        + "GRANT SELECT ON app.t TO reader WITH GRANT OPTION; SET ROLE reader; GRANT SELECT ON app.t TO granted;",
        "directus",
    )
    dump = take(private_directory(tmp_path / "dump"), on_socket(server), format="custom")
    log = tmp_path / "restore.log"
    with scratch_server(dump.globals, server.bin_dir) as scratch:
        facts = succeeds("pg_scratch_restore", scratch.asked(dump, jobs=4, log=str(log)))["restore"]
        assert (facts["rc"], facts["jobs"], facts["errors"]) == (0, 1, NO_ERRORS)
        assert "given up with 4 workers" in facts["jobs_reason"] and "permission denied" in facts["jobs_reason"]
        assert facts["input_sha256"] == sha256sum(dump.path)
        assert facts["jobs_reason"] in log.read_text()
        equal(dump, scratch)
