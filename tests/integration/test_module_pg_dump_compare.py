"""pg_dump_compare: a restored copy is what its manifest says, or the difference is named; no row ever leaves it."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ClusterFactory
from tests.integration.module_options import fails, on_socket, private_directory, sha256sum, succeeds
from tests.integration.test_module_pg_scratch_restore import RESTORED, Dump, Scratch, scratch_server, take
from tests.support.modules import run_module
from tests.support.postgres import Cluster

SECRET = "Geheim-4711-wort"
SQL = f"""
CREATE TABLE public.private (id int PRIMARY KEY, note text) WITH (fillfactor = 10);
INSERT INTO public.private SELECT n, 'row ' || n FROM generate_series(1, 50) AS n;
INSERT INTO public.private VALUES (51, '{SECRET}');
CREATE VIEW public.seen AS SELECT id FROM public.private WHERE note::varchar IN ('a', 'b');
CREATE FUNCTION public.of_seen(public.seen) RETURNS text LANGUAGE sql AS $$SELECT $1.id::text$$;
SELECT count(lo_from_bytea(n, convert_to('large ' || n, 'UTF8'))) FROM generate_series(100001, 101000) AS n;
SELECT lo_from_bytea(7, convert_to(repeat('0123456789', 20000), 'UTF8')), lo_create(8);
"""


@pytest.fixture(scope="module")
def restored(
    pg_install: Any, cutter_governance: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Dump, Scratch]]:
    """A dump, and a scratch server that holds its restored copy."""
    with Cluster(pg_install(16)) as server:
        server.psql("CREATE DATABASE directus")
        server.psql(cutter_governance + SQL, "directus")
        dump = take(private_directory(tmp_path_factory.mktemp("compare") / "dump"), on_socket(server))
        with scratch_server(dump.globals, server.bin_dir) as scratch:
            succeeds("pg_scratch_restore", scratch.asked(dump))
            yield dump, scratch


def asked(dump: Dump, scratch: Scratch, db: str = RESTORED, **more: Any) -> dict[str, Any]:
    """Arguments to compare the copy with the dump."""
    files = {name: dump.directory / f"{name}.json" for name in ("manifest", "census", "globals")}
    return {
        **scratch.arguments,
        "db": db,
        "dump": str(dump.path),
        **{name: str(path) for name, path in files.items()},
        "manifest_sha256": sha256sum(files["manifest"]),
        "census_sha256": sha256sum(files["census"]),
        **more,
    }


def copy_of(scratch: Scratch, name: str, sql: str) -> str:
    """Another database with the restored copy and one thing done to it; return its name."""
    scratch.psql(f"DROP DATABASE IF EXISTS {name}")
    scratch.psql(f"CREATE DATABASE {name} TEMPLATE {RESTORED}")
    scratch.psql(sql, name)
    return name


def test_a_restored_copy_is_equal_each_time(restored: tuple[Dump, Scratch], tmp_path: Path) -> None:
    dump, scratch = restored
    report = private_directory(tmp_path / "report") / "comparison.json"
    planned = succeeds("pg_dump_compare", asked(dump, scratch, report=str(report)), check=True)
    assert "compare" not in planned and not report.exists()
    first = succeeds("pg_dump_compare", asked(dump, scratch, report=str(report)))
    compared = first["compare"]
    assert first["changed"] is False
    assert compared["large_objects"] == 1_002
    assert compared["differences"] == [] and compared["differences_total"] == 0
    assert compared["tables"] == compared["equal"] + compared["equal_other_order"] == 16
    same = ("objects_equal", "objects_equal_other_column_order", "objects_equal_after_redeparse")
    assert compared["objects"] == sum(compared[name] for name in same) > 70
    assert "VIEW public.seen" in compared["after_redeparse"]
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    # The outcome of another time is the same.
    again = succeeds("pg_dump_compare", asked(dump, scratch, report=str(report)))
    assert again["compare"] == compared
    assert {one["outcome"] for one in json.loads(report.read_text())["tables"]} <= {"equal", "equal_other_order"}


@pytest.mark.parametrize(
    ("sql", "about", "named"),
    [
        ("UPDATE public.private SET note = 'x' WHERE id = 7", "content", "TABLE public.private"),
        ("DELETE FROM public.private WHERE id = 51", "content", "TABLE public.private"),
        ("DROP VIEW public.seen CASCADE", "objects", "VIEW public.seen"),
        ("CREATE TABLE public.more ()", "objects", "TABLE public.more"),
        # Its text differs at first, too: it is settled twice, the second time with all the others.
        (
            "CREATE OR REPLACE VIEW public.seen AS SELECT id FROM public.private WHERE note::varchar IN ('a', 'c')",
            "objects",
            "VIEW public.seen",
        ),
        ("SELECT lo_put(100500, 0, 'x')", "objects", "LARGE OBJECT 100500"),
        ("SELECT lo_put(7, 199999, 'x')", "objects", "LARGE OBJECT 7"),
        ("SELECT lo_put(8, 0, 'x')", "objects", "LARGE OBJECT 8"),
        ("SELECT lo_unlink(101000)", "objects", "LARGE OBJECT 101000"),
        ("SELECT lo_create(9)", "objects", "LARGE OBJECT 9"),
        ("ALTER LARGE OBJECT 100001 OWNER TO directus", "objects", "LARGE OBJECT 100001"),
        ("COMMENT ON LARGE OBJECT 100002 IS 'more'", "objects", "LARGE OBJECT 100002"),
        ("GRANT SELECT ON LARGE OBJECT 100003 TO PUBLIC", "objects", "ACL LARGE OBJECT 100003"),
    ],
)
def test_a_difference_is_named_and_no_row_is_shown(
    restored: tuple[Dump, Scratch], tmp_path: Path, sql: str, about: str, named: str
) -> None:
    dump, scratch = restored
    db = copy_of(scratch, "mutant", sql)
    report = private_directory(tmp_path / "report") / "comparison.json"
    result = run_module("pg_dump_compare", asked(dump, scratch, db, report=str(report), show_differences=True))
    assert result.rc == 0, result.msg
    assert named in [one["object"] for one in result.data["compare"]["differences"] if one["about"] == about]
    assert SECRET not in json.dumps(result.data) + result.stderr + report.read_text()


def test_the_position_of_the_first_row_that_differs(restored: tuple[Dump, Scratch]) -> None:
    dump, scratch = restored
    db = copy_of(scratch, "mutant", "ALTER TABLE public.private DISABLE TRIGGER ALL;"
                 "CREATE TABLE public.sorted AS SELECT * FROM public.private ORDER BY id;"
                 "TRUNCATE public.private; INSERT INTO public.private SELECT id, CASE id WHEN 7 THEN 'x' ELSE note END"
                 " FROM public.sorted ORDER BY id; DROP TABLE public.sorted")  # fmt: skip
    told = succeeds("pg_dump_compare", asked(dump, scratch, db, show_differences=True))["compare"]["differences"]
    (content,) = [one for one in told if one["about"] == "content"]
    assert "the first that differs is row 7" in content["found"]
    told = succeeds("pg_dump_compare", asked(dump, scratch, db))["compare"]["differences"]
    (content,) = [one for one in told if one["about"] == "content"]
    assert "the first that differs" not in content["found"]


def test_what_cannot_be_compared_is_told(restored: tuple[Dump, Scratch], tmp_path: Path) -> None:
    dump, scratch = restored
    manifest = dump.directory / "manifest.json"
    other = "0" * 64
    for options, said in (
        ({"manifest_sha256": other}, "is not what was written with the dump"),
        ({"census_sha256": other}, "is not what was written with the dump"),
        ({"manifest": str(tmp_path / "none.json")}, "cannot be read"),
        ({"dump": str(tmp_path / "none.sql")}, "cannot be read"),
        ({"db": "nowhere"}, "nowhere"),
        ({"run_id": "0" * 12}, "There is no scratch server"),
    ):
        assert said in fails("pg_dump_compare", asked(dump, scratch) | options).msg, options
    document = json.loads(manifest.read_text())
    nothing: tuple[dict[str, Any], ...] = ({"entries": []}, {"tables": []}, {"complete": False})
    for change in nothing:
        edited = tmp_path / "manifest.json"
        edited.write_text(json.dumps({**document, **change}))
        options = {"manifest": str(edited), "manifest_sha256": sha256sum(edited)}
        message = fails("pg_dump_compare", asked(dump, scratch) | options).msg
        assert "says of nothing what it should be" in message


def test_money_is_compared_as_production_prints_it(cluster: ClusterFactory) -> None:
    """It is written in production's lc_monetary, and read in it."""
    server = cluster(16, "CREATE TABLE public.prices (m money); INSERT INTO public.prices VALUES ('12.34')")
    dump = take(private_directory(server.directory / "dump"), on_socket(server))
    with scratch_server(dump.globals, server.bin_dir) as scratch:
        succeeds("pg_scratch_restore", scratch.asked(dump))
        assert succeeds("pg_dump_compare", asked(dump, scratch))["compare"]["equal"] == 1
