"""The record of the run that the collection automates: examples/original.yml, and every key of that record."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.incomex.closeout.plugins.module_utils._verdict import verdict

from tests.support import containers, postgres
from tests.support.places import ROOT
from tests.support.playbook import PlaybookResult, run_playbook

EXAMPLE = ROOT / "examples" / "original.yml"
ORIGINAL: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())
TABLES: list[str] = ORIGINAL["closeout_expected_tables"]
STAMP = r"\d{8}T\d{6}Z"
UTC = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z"


def as_in_the_original(changed: Mapping[str, Any]) -> PlaybookResult:
    """Run the playbook with the example, as a user would, but for where production is."""
    return run_playbook(changed, arguments=["-e", f"@{EXAMPLE}", "-e", json.dumps(dict(changed))])


@pytest.fixture(scope="module")
def outside(
    production_cluster: postgres.Cluster, tmp_path_factory: pytest.TempPathFactory
) -> tuple[PlaybookResult, postgres.Cluster]:
    result = as_in_the_original(
        {
            "closeout_container": "",
            "closeout_login_unix_socket": str(production_cluster.socket_dir),
            "closeout_bin_dir": str(production_cluster.bin_dir),
            "closeout_scratch_driver": "local",
            "closeout_root": str(tmp_path_factory.mktemp("backups")),
        }
    )
    return result, production_cluster


@pytest.fixture(scope="module")
def contained(
    production_container: containers.Production,
    production_image: str,
    docker_host: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[PlaybookResult, containers.Production]:
    result = as_in_the_original(
        {
            "closeout_container": production_container.name,
            "closeout_docker_host": docker_host,
            "closeout_scratch_image": production_image,
            "closeout_root": str(tmp_path_factory.mktemp("backups")),
        }
    )
    return result, production_container


def record_of(result: PlaybookResult) -> str:
    assert result.rc == 0, result.stdout
    assert result.artefact is not None
    return (result.artefact / "closeout.md").read_text()


def section(record: str, number: int) -> str:
    """The text of one of the record's six sections."""
    found = re.search(rf"^## {number}\. .*?(?=^## |\Z)", record, re.MULTILINE | re.DOTALL)
    assert found is not None, f"section {number} is missing"
    return found.group(0)


def assert_lines(text: str, *patterns: str) -> None:
    """Each pattern is a whole line of the text."""
    missing = [pattern for pattern in patterns if not re.search(rf"^{pattern}$", text, re.MULTILINE)]
    assert not missing, f"no such line: {missing}\n\n{text}"


def rows_of(text: str) -> dict[str, int]:
    """The table of rows in a section: name -> rows."""
    return {name: int(rows) for name, rows in re.findall(r"^\| `(\w+)` \| (\d+) \|$", text, re.MULTILINE)}


def assert_common(result: PlaybookResult, sysid: str, rows_total: int) -> str:
    """Every key of the original record that does not depend on where production runs."""
    record = record_of(result)
    artefact, evidence = result.artefact, result.evidence
    assert artefact is not None
    assert evidence is not None
    (dump,) = artefact.glob("prod-*.sql")
    sha256 = hashlib.sha256(dump.read_bytes()).hexdigest()
    document = ORIGINAL["closeout_document"]

    assert re.fullmatch(rf"dieu44_v0_2_closeout_{STAMP}", artefact.name)
    assert re.fullmatch(rf"prod-directus-postv0_2-{STAMP}\.sql", dump.name)
    assert [line for line in record.splitlines() if line.startswith("## ")] == [
        "## 1. Backup",
        "## 2. Contents",
        "## 3. Restore test",
        "## 4. Teardown",
        "## 5. Production untouched",
        "## 6. Result",
    ]

    assert_lines(
        record.partition("## 1.")[0],
        f"- document: `{document['path']}`",
        f"- revision: `{document['revision']}`",
        f"- date: `{UTC}`",
        f"- author: `{document['author']}`",
        f"- phase: `{re.escape(document['phase'])}`",
        f"- method: `{document['method']}`",
        r"- result: \*\*ALL_PASS\*\*",
        "- production_touched: `no: read-only sessions, no transaction id`",
        *(f"- stated by the operator, not checked: `{one}`" for one in ORIGINAL["closeout_attestations"]),
    )

    orchestrator = ROOT / "playbooks" / "closeout.yml"
    assert_lines(
        section(record, 1),
        f"- path: `{dump}`",
        f"- size: `{dump.stat().st_size}` bytes",
        f"- sha256: `{sha256}`",
        f"- sha256 confirmed after the run: `{sha256}` at `{UTC}`",
        r"- method: `pg_dump --host \S+ --port 5432 --username workflow_admin --no-password --dbname directus"
        r" --encoding UTF8 --lock-wait-timeout 60000 --format plain --snapshot \S+`",
        rf"- taken: `{UTC}`, in `[\d.]+` s",
        "- return code of pg_dump: `0`; warnings: `0`",
        rf"- orchestrator: `\S+/playbooks/closeout\.yml`,"
        rf" sha256 `{hashlib.sha256(orchestrator.read_bytes()).hexdigest()}`, ansible-core `[\d.]+`",
        f"- artefact directory: `{artefact}`",
        "  - `SHA256SUMS`",
        r"  - `dump_cg_tables\.txt` \d+ bytes",
        r"  - `restoretest_cg_tables\.txt` \d+ bytes",
        r"  - `logs/pg_dump\.log` \d+ bytes",
        rf"  - `{re.escape(dump.name)}` {dump.stat().st_size} bytes",
    )
    named = re.findall(r"^  - `([^`]+)`", section(record, 1), re.MULTILINE)
    there = {str(path.relative_to(artefact)) for path in artefact.rglob("*") if path.is_file()}
    assert set(named) == there, "the record lists exactly the files of the artefact directory"

    contents = section(record, 2)
    assert_lines(
        contents,
        r"- expected: 12 tables \(as given\)",
        f"- in the dump: 12 tables, `{rows_total}` rows",
        "VERIFY_dump_contains_12_cg_tables: PASS",
    )
    assert sorted(rows_of(contents)) == sorted(TABLES)
    for name in ("dump_cg_tables.txt", "restoretest_cg_tables.txt"):
        assert (artefact / name).read_text().splitlines() == sorted(TABLES)

    restored = section(record, 3)
    scratch_sysid = evidence["restore"]["guard"]["scratch_sysid"]
    assert scratch_sysid != sysid
    assert_lines(
        restored,
        r"- ephemeral server: `pg-restoretest-v0\.2-closeout-\d{4}-\d\d-\d\d` .*",
        r"- published ports: `\[\]`; network: `none`",
        f"- system identifier: production `{sysid}`, ephemeral `{scratch_sysid}`",
        "- database: `directus_restoretest`",
        r"- role stubs made first: `(.*, )?directus, (.*, )?workflow_admin(, .*)?`",
        "- return code of psql: `0`, ON_ERROR_STOP `0`, errors `0`, tolerated: .*",
        f"- restored: 12 tables, `{rows_total}` rows",
        "VERIFY_restore_test: PASS",
    )
    assert rows_of(restored) == rows_of(contents)
    assert sum(rows_of(restored).values()) == rows_total

    assert_lines(
        section(record, 4),
        "- containers of that name: `none`; with the run's label: `none`",
        "- networks: `none`; processes: `none`; directories: `none`",
        f"- removed: `{UTC}`",
        r"- other containers before: \d+, after: \d+",
    )

    production = section(record, 5)
    assert_lines(
        production,
        rf"\| system identifier \| `{sysid}` \| `{sysid}` \|",
        r"\| tables of `cutter_governance` \| 12 \| 12 \|",
        rf"\| rows \| `{rows_total}` \| `{rows_total}` \|",
        r"- operations: read-only \(pg_dump, SELECT\), \d+ sessions during the dump",
    )
    started = re.search(r"^\| server started \| `(.*)` \| `(.*)` \|$", production, re.MULTILINE)
    assert started is not None
    assert started[1] == started[2] != "—"

    assert_lines(
        section(record, 6),
        "CLOSEOUT_RESULT: ALL_PASS",
        "- backup_verified: yes",
        "- restore_tested: yes",
        "- restore_env_torn_down: yes",
        "- production_state: SAFE and UNCHANGED",
    )
    return record


def counted(production: postgres.Cluster | containers.Production) -> int:
    """The rows of the 12 tables, counted here."""
    queries = " + ".join(f"(SELECT count(*) FROM cutter_governance.{name})" for name in TABLES)
    return int(production.psql(f"SELECT {queries}", "directus"))


def test_every_key_of_the_original_record(outside: tuple[PlaybookResult, postgres.Cluster]) -> None:
    result, production = outside
    record = assert_common(result, production.sysid, counted(production))
    assert_lines(section(record, 4), "- anonymous volume: `none was made`")
    assert_lines(section(record, 5), r"\| container \| no container \| no container \|")


def test_every_key_of_the_original_record_with_containers(
    contained: tuple[PlaybookResult, containers.Production], production_image: str
) -> None:
    result, production = contained
    record = assert_common(result, production.sysid, counted(production))
    container = rf"`{production.name}` `{re.escape(production_image)}`, `Up .*`, started `(\S+)`, 0 restarts.*"
    assert_lines(section(record, 3), r"- ephemeral server: `\S+` \(`docker`\), container `[0-9a-f]{64}`")
    assert_lines(section(record, 3), r"- image: `\S+`, id `sha256:[0-9a-f]{64}`, PostgreSQL `16\..*`")
    assert_lines(section(record, 4), "- anonymous volume: `removed`")
    found = re.search(rf"^\| container \| {container} \| {container} \|$", section(record, 5), re.MULTILINE)
    assert found is not None, section(record, 5)
    assert found[1] == found[2], "up since the same moment"


def test_the_example_sets_every_value_of_the_original_run() -> None:
    assert (
        ORIGINAL.items()
        >= {
            "closeout_container": "postgres",
            "closeout_user": "workflow_admin",
            "closeout_db": "directus",
            "closeout_root": "/opt/incomex/backups",
            "closeout_label": "dieu44_v0_2_closeout",
            "closeout_dump_name": "prod-directus-postv0_2-<stamp>.sql",
            "closeout_scratch_name": "pg-restoretest-v0.2-closeout-<date>",
            "closeout_scratch_image": "postgres:16",
            "closeout_restore_db": "directus_restoretest",
            "closeout_restore_tolerance": "by_hand",
            "closeout_production_quiet": True,
        }.items()
    )
    assert len(TABLES) == 12
    defaults = yaml.safe_load((ROOT / "roles" / "closeout" / "defaults" / "main.yml").read_text())
    assert set(ORIGINAL) <= set(defaults), "a variable that the role does not have"


def test_the_evidence_read_back_gives_the_same_verdict(outside: tuple[PlaybookResult, postgres.Cluster]) -> None:
    evidence = outside[0].evidence
    assert evidence is not None
    again = verdict({name: part for name, part in evidence.items() if name not in ("checks", "result")})
    assert again == {"checks": evidence["checks"], "result": evidence["result"]}


def test_the_artefact_is_private_and_its_sums_hold(outside: tuple[PlaybookResult, postgres.Cluster]) -> None:
    result, _other = outside
    assert result.artefact is not None
    assert result.artefact.stat().st_mode & 0o777 == 0o700
    files = [path for path in result.artefact.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    sums = dict(line.split("  ", 1)[::-1] for line in (result.artefact / "SHA256SUMS").read_text().splitlines())
    assert set(sums) == {str(path.relative_to(result.artefact)) for path in files} - {"SHA256SUMS"}
    assert all(hashlib.sha256(Path(result.artefact, name).read_bytes()).hexdigest() == sums[name] for name in sums)
