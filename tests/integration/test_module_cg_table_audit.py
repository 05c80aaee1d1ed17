"""cg_table_audit: exactly the expected tables, from a database, a dump or a manifest; never a match with nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.module_options import (
    TABLES,
    column,
    count_query,
    fails,
    in_container,
    on_socket,
    private_directory,
    sha256sum,
    shipped,
    succeeds,
)
from tests.support import containers, postgres

Expected = list[str]


@dataclass(frozen=True)
class Source:
    """Where tables can be read from: its name in results, and the options that lead to it."""

    name: str
    options: dict[str, Any]


@pytest.fixture(scope="module")
def artefact(production_cluster: postgres.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with dump.sql and manifest.json of the sample."""
    directory = private_directory(tmp_path_factory.mktemp("audit") / "artefact")
    asked = {"directory": str(directory), "name": "dump.sql", "schema": "cutter_governance"}
    succeeds("pg_dump_readonly", {**on_socket(production_cluster), **asked})
    return directory


@pytest.fixture(params=["database", "dump", "manifest"])
def source(request: pytest.FixtureRequest, artefact: Path, production_cluster: postgres.Cluster) -> Source:
    """Each of the three."""
    manifest = artefact / "manifest.json"
    options = {
        "database": on_socket(production_cluster),
        "dump": {"dump": str(artefact / "dump.sql")},
        "manifest": {"manifest": str(manifest), "manifest_sha256": sha256sum(manifest)},
    }
    return Source(request.param, options[request.param])


def test_exact(source: Source, production_cluster: postgres.Cluster) -> None:
    asked = {**source.options, "expected_tables": list(reversed(TABLES)), "run_id": "abc123"}
    checked = succeeds("cg_table_audit", asked, check=True)
    facts = succeeds("cg_table_audit", asked)
    again = succeeds("cg_table_audit", asked)
    for result in (checked, facts, again):
        assert result.pop("took")["duration_s"] >= 0
    assert checked == facts == again
    assert (facts["changed"], facts["source"], facts["run_id"]) == (False, source.name, "abc123")
    assert (facts["tables"], facts["matches"], facts["schema_exists"]) == (TABLES, True, True)
    assert (facts["missing"], facts["unexpected"]) == ([], [])
    assert facts["rows"] == column(production_cluster.psql(count_query(TABLES), "directus"))
    assert facts["rows_total"] == 58


@pytest.mark.parametrize(
    ("expected", "missing", "unexpected"),
    [
        ([*TABLES, "one_more"], ["one_more"], []),
        (TABLES[1:], [], TABLES[:1]),
        (["renamed", *TABLES[1:]], ["renamed"], TABLES[:1]),
        ([TABLES[0].upper(), *TABLES[1:]], [TABLES[0].upper()], TABLES[:1]),
        (["other"], ["other"], TABLES),
    ],
    ids=["missing", "extra", "renamed", "another case", "quite another"],
)
def test_any_difference(expected: Expected, missing: Expected, unexpected: Expected, source: Source) -> None:
    asked = {**source.options, "expected_tables": expected}
    refused = fails("cg_table_audit", asked)
    for name in [*missing, *unexpected]:
        assert name in refused.data["error"]["found"]
    told = succeeds("cg_table_audit", {**asked, "on_mismatch": "report"})
    for facts in (refused.data, told):
        assert (facts["matches"], facts["missing"], facts["unexpected"]) == (False, missing, unexpected)
        assert facts["tables"] == TABLES and facts["rows_total"] == 58


def test_an_empty_expectation_matches_nothing(source: Source) -> None:
    expected: dict[str, Any]
    for expected in ({}, {"expected_tables": []}):
        refused = fails("cg_table_audit", {**source.options, **expected})
        assert "no expectation" in refused.msg
        assert succeeds("cg_table_audit", {**source.options, **expected, "on_mismatch": "report"})["matches"] is False
    nothing = {**source.options, "schema": "not_there", "expected_tables": []}
    facts = succeeds("cg_table_audit", {**nothing, "on_mismatch": "report"})
    assert (facts["tables"], facts["matches"], facts["schema_exists"]) == ([], False, False)
    fails("cg_table_audit", nothing)
    assert fails("cg_table_audit", {**nothing, "expected_tables": [""]}).data["matches"] is False


def test_schema_that_is_missing(source: Source) -> None:
    refused = fails("cg_table_audit", {**source.options, "schema": "not_there", "expected_tables": TABLES})
    assert "not_there" in refused.msg
    assert (refused.data["missing"], refused.data["schema_exists"]) == (TABLES, False)


def test_as_ansible_ships_it(artefact: Path, production_cluster: postgres.Cluster) -> None:
    asked = {"expected_tables": TABLES}
    assert shipped("cg_table_audit", {**asked, "dump": str(artefact / "dump.sql")})["matches"] is True
    assert shipped("cg_table_audit", {**asked, **on_socket(production_cluster)})["matches"] is True


def test_a_container(production_container: containers.Production, docker_host: str) -> None:
    facts = succeeds(
        "cg_table_audit",
        in_container(production_container, docker_host, expected_tables=TABLES, schema="cutter_governance"),
    )
    assert (facts["matches"], facts["rows_total"]) == (True, 58)


@pytest.mark.parametrize("version", sorted(postgres.VERSIONS))
def test_database_dump_and_manifest_agree(
    version: int, cluster: Callable[..., postgres.Cluster], tmp_path: Path
) -> None:
    own = cluster(
        version,
        sql="""
        CREATE SCHEMA "Sch""ema";
        SET search_path = "Sch""ema";
        CREATE TABLE p (n int) PARTITION BY LIST (n);
        CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
        INSERT INTO p VALUES (1), (1);
        CREATE TABLE base (n int); CREATE TABLE heir () INHERITS (base);
        INSERT INTO base VALUES (1); INSERT INTO heir VALUES (1), (2);
        CREATE UNLOGGED TABLE quick AS SELECT 1 AS n;
        CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES;
        CREATE TABLE made (n int GENERATED ALWAYS AS (1) STORED); INSERT INTO made DEFAULT VALUES;
        CREATE TABLE "new
line; COPY x" AS SELECT E'\\\\.\\nCREATE TABLE "Sch""ema".false_one (n int);\\n' AS text FROM generate_series(1, 3);
        CREATE VIEW a_view AS SELECT 1 AS n;
        CREATE MATERIALIZED VIEW a_matview AS SELECT 1 AS n;
        """,
    )
    expected = sorted(["p", "p1", "base", "heir", "quick", "nothing", "made", "new\nline; COPY x"])
    directory = private_directory(tmp_path / "artefact")
    schema = 'Sch"ema'
    succeeds("pg_dump_readonly", on_socket(own, directory=str(directory), name="d.sql", schema=schema))
    asked = {"schema": schema, "expected_tables": expected}
    live = succeeds("cg_table_audit", {**asked, **on_socket(own)})
    dump = succeeds("cg_table_audit", {**asked, "dump": str(directory / "d.sql")})
    manifest = succeeds("cg_table_audit", {**asked, "manifest": str(directory / "manifest.json")})
    rows = {"p": 0, "p1": 2, "base": 1, "heir": 2, "quick": 1, "nothing": 1, "made": 1, "new\nline; COPY x": 3}
    for facts in (live, dump, manifest):
        assert (facts["tables"], facts["rows"]) == (expected, rows), facts["source"]


@pytest.mark.parametrize("where", ["in its rows", "before its end", "at once"])
def test_a_dump_that_was_cut_off(where: str, artefact: Path, tmp_path: Path) -> None:
    text = (artefact / "dump.sql").read_text()
    end = {
        "in its rows": text.index("question 5"),
        "before its end": text.rindex("\n-- PostgreSQL database"),
        "at once": 0,
    }
    cut = tmp_path / "cut.sql"
    cut.write_text(text[: end[where]])
    for mode in ("fail", "report"):
        refused = fails("cg_table_audit", {"dump": str(cut), "expected_tables": TABLES, "on_mismatch": mode})
        assert f"The dump {cut} is not complete" in refused.msg
        assert refused.data.get("matches") is not True


def test_a_dump_with_something_behind_its_end(artefact: Path, tmp_path: Path) -> None:
    text = (artefact / "dump.sql").read_text()
    longer = tmp_path / "longer.sql"
    longer.write_text(text + "\nDROP TABLE cutter_governance.verify_result;\n")
    refused = fails("cg_table_audit", {"dump": str(longer), "expected_tables": TABLES})
    assert "is not complete" in refused.msg


def test_a_manifest_that_is_not_the_dump_s(artefact: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    content = (artefact / "manifest.json").read_text()
    manifest.write_text(content)
    wrong = fails("cg_table_audit", {"manifest": str(manifest), "manifest_sha256": "0" * 64, "expected_tables": TABLES})
    assert "is not what was written with the dump" in wrong.msg and sha256sum(manifest) in wrong.msg
    digest = sha256sum(manifest)
    document = json.loads(content)
    document["tables"] = document["tables"][1:]
    manifest.write_text(json.dumps(document))
    fails("cg_table_audit", {"manifest": str(manifest), "manifest_sha256": digest, "expected_tables": TABLES})
    manifest.write_text(json.dumps({**json.loads(content), "complete": False}))
    refused = fails("cg_table_audit", {"manifest": str(manifest), "expected_tables": TABLES, "on_mismatch": "report"})
    assert "not complete" in refused.msg


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"schema": "x", "tables": []}', "\x00"])
def test_a_manifest_that_is_none(content: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(content)
    asked = {"manifest": str(tmp_path / "manifest.json"), "expected_tables": TABLES, "on_mismatch": "report"}
    assert "manifest" in fails("cg_table_audit", asked).msg


@pytest.mark.parametrize("option", ["dump", "manifest"])
def test_files_that_cannot_be_read(option: str, artefact: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(artefact / ("dump.sql" if option == "dump" else "manifest.json"))
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "absent", tmp_path, link):
        refused = fails("cg_table_audit", {option: str(path), "expected_tables": TABLES, "on_mismatch": "report"})
        assert str(path) in refused.msg


def test_dump_and_manifest_exclude_each_other(artefact: Path) -> None:
    asked = {"dump": str(artefact / "dump.sql"), "manifest": str(artefact / "manifest.json")}
    assert "mutually exclusive" in fails("cg_table_audit", asked).msg


def test_rows_that_may_not_be_counted(production_cluster: postgres.Cluster) -> None:
    asked = on_socket(production_cluster, login_user="directus", login_db="postgres", expected_tables=["x"])
    refused = fails("cg_table_audit", {**asked, "schema": "pg_catalog"})
    assert "permission denied" in refused.msg
    assert "matches" not in refused.data
