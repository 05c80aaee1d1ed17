"""The example's project, run as AWX runs it, by ansible-runner: with the answers of a survey, on this node and on
another one; a job that passes, one that fails, one that is cancelled."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ClusterFactory
from tests.integration.closeouts import assert_no_process_left, assert_sealed, local_variables
from tests.integration.module_options import succeeds
from tests.integration.test_cancelled import SLOW_RESTORE, jobs, programs
from tests.support.awx import Job, Node, answers, injected
from tests.support.collection import install
from tests.support.places import wait_until
from tests.support.postgres import Cluster
from tests.support.webhook import webhook

MOST_BYTES = 100_000
SECRET = "kept-by-AWX-4711"
# 200 audited tables, and as many beside them.
MANY = "".join(
    f"CREATE TABLE {schema}.a_table_with_quite_a_long_name_{number} (id int);"
    for schema, tables in (("cutter_governance", 188), ("public", 100))
    for number in range(tables)
)


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What AWX installed for the project."""
    return install(tmp_path_factory.mktemp("collections")).path


def record(root: Path) -> dict[str, Any]:
    """The evidence of the only run below a root."""
    (path,) = root.glob("*/closeout.json")
    evidence: dict[str, Any] = json.loads(path.read_text())
    return evidence


def sizes(job: Job) -> dict[str, int]:
    """How many bytes AWX keeps of each event, by its task."""
    found: dict[str, int] = {}
    for event in job.events:
        task = event["event_data"].get("task", event["event"])
        size = len(json.dumps(event["event_data"])) + len(event["stdout"])
        found[task] = max(size, found.get(task, 0))
    return found


def test_a_job_passes_on_another_node(
    cluster: ClusterFactory, cutter_governance: str, collections: Path, tmp_path: Path
) -> None:
    """Answers are text, with empty ones; the password comes by a credential and is nowhere to be read."""
    server = cluster(16, cutter_governance + MANY)
    root = tmp_path / "root"
    tables = server.psql("SELECT tablename FROM pg_tables WHERE schemaname = 'cutter_governance'", "directus")
    survey = answers(
        closeout_label="release_42",
        closeout_expected_tables="\r\n".join(tables.splitlines()) + "\r\n",
        closeout_attestations="no deploy, nobody was told to\r\nbackups of the week are there",
        closeout_production_content="all",
    )
    node = Node(
        tmp_path,
        collections,
        extra_vars={**survey, "awx_job_id": 4711},
        host_vars=local_variables(server, root),
        credentials=[injected("database_credential_type", password=SECRET)],
    )
    job = node.run_elsewhere("closeout.yml")
    assert (job.status, job.rc) == ("successful", 0), job.output
    evidence = record(root)
    (artefact,) = root.glob("release_42_*")
    assert job.artifacts == {
        "closeout_result": "ALL_PASS",
        "closeout_artifact": str(artefact),
        "closeout_sha256": evidence["dump"]["sha256"],
    }
    assert_sealed(artefact)
    assert evidence["run"]["orchestrator"]["awx_job_id"] == 4711
    assert evidence["settings"]["expected_source"] == "given"
    assert evidence["settings"]["attestations"] == ["no deploy, nobody was told to", "backups of the week are there"]
    assert len(evidence["settings"]["expected_tables"]) == 200
    assert evidence["settings"]["shrink_limit_percent"] == 20
    # Of the project's group_vars.
    assert evidence["settings"]["keep_last"] == 7
    assert SECRET not in json.dumps(job.events)
    told = sizes(job)
    assert max(told.values()) < MOST_BYTES, sorted(told.items(), key=lambda one: -one[1])[:5]
    assert_no_process_left(evidence["run"]["id"])


def test_a_job_fails_and_the_workflow_tells_of_it(
    production_cluster: Cluster, collections: Path, tmp_path: Path
) -> None:
    """A table that is missing fails the job; the workflow's next job has its artifacts, and fails, too."""
    root = tmp_path / "root"
    survey = answers(closeout_expected_tables="verify_result\nno_such_table")
    (tmp_path / "closeout").mkdir()
    closeout = Node(
        tmp_path / "closeout", collections, extra_vars=survey, host_vars=local_variables(production_cluster, root)
    )
    job = closeout.run("closeout.yml")
    assert (job.status, job.artifacts["closeout_result"]) == ("failed", "FAIL"), job.output
    evidence = record(root)
    assert "dump.tables" in evidence["result"]["failed"] and "dump.tables" in job.output
    assert_no_process_left(evidence["run"]["id"])
    body, notified = told_by_the_workflow(
        tmp_path / "notify", collections, {**job.artifacts, "awx_workflow_job_id": 12}
    )
    assert body["result"] == "FAIL" and body["workflow_job"] == "12"
    assert body["artefact"] == job.artifacts["closeout_artifact"] and body["artefact"] in body["text"]
    assert body["sha256"] == evidence["dump"]["sha256"]
    # A workflow whose last job succeeds counts as a success.
    assert notified.status == "failed" and "CLOSEOUT_RESULT: FAIL" in notified.output


def told_by_the_workflow(directory: Path, collections: Path, artifacts: dict[str, Any]) -> tuple[dict[str, Any], Job]:
    """What the webhook is told by the job that a workflow runs after a failed closeout, and that job."""
    directory.mkdir()
    with webhook() as hook:
        credential = injected("webhook_credential_type", url=hook.url)
        job = Node(directory, collections, extra_vars=artifacts, credentials=[credential]).run("notify.yml")
    (body,) = hook.bodies
    return body, job


@pytest.mark.parametrize(
    ("artifacts", "said"),
    [
        ({}, "CLOSEOUT_RESULT: none, the job did not come to its end. The job says why."),
        (
            {
                "closeout_result": "FAIL",
                "closeout_artifact": "",
                "closeout_sha256": "",
                "closeout_results": {
                    "a/directus": {"closeout_result": "ALL_PASS"},
                    "b/directus": {"closeout_result": "FAIL"},
                    "c/?": {"closeout_result": "FAIL"},
                },
            },
            "CLOSEOUT_RESULT: FAIL. Failed: b/directus, c/?.",
        ),
    ],
    ids=["nothing was handed on", "several hosts"],
)
def test_what_a_workflow_tells(collections: Path, tmp_path: Path, artifacts: dict[str, Any], said: str) -> None:
    body, job = told_by_the_workflow(tmp_path / "notify", collections, artifacts)
    assert body["text"].strip() == said
    assert job.status == "failed" and said in job.output


def test_a_limit_that_leaves_no_host_fails(collections: Path, tmp_path: Path) -> None:
    """As a slice without a host would."""
    node = Node(tmp_path, collections, extra_vars=answers(), arguments=["-l", "elsewhere"])
    job = node.run("closeout.yml")
    assert job.status == "failed" and "nothing was proved" in job.output
    assert "closeout_result" not in job.artifacts


def test_a_job_is_cancelled(cluster: ClusterFactory, collections: Path, tmp_path: Path) -> None:
    """It tells how far it has come, so it is never silent; cancelled, it leaves nothing at work and no half a file."""
    server = cluster(16, "CREATE TABLE big AS SELECT g, repeat('x', 1000) FROM generate_series(1, 60000) g")
    root = tmp_path / "root"
    progress = re.compile(rb"\[production\] dump: [^\"]*%")

    def cancel(worker: subprocess.Popen[bytes], came: Path) -> None:
        """As AWX does: a signal for the program on the other node, once the dump has told of itself twice."""
        wait_until(lambda: len(progress.findall(came.read_bytes())) >= 2, 120, "the dump's progress")
        assert programs(root, b"pg_dump") and any(root.glob("*/*.sql.partial"))
        worker.terminate()

    node = Node(
        tmp_path,
        collections,
        extra_vars=answers(closeout_bandwidth_limit_mb_s="1"),
        host_vars=local_variables(server, root, schema="public", progress_s=1),
    )
    job = node.run_elsewhere("closeout.yml", cancel)
    assert job.status == "canceled" and job.artifacts == {}
    # Ten seconds nobody asks; then the module ends what it has begun.
    wait_until(lambda: not programs(root, b"pg_dump") and not any(root.glob("*/*.partial")), 30, "its end")
    (artefact,) = root.iterdir()
    assert not any(artefact.glob("*.sql")) and not (artefact / "closeout.json").exists()
    wait_until(lambda: not jobs(tmp_path), 10, "the module's own directory to go")
    ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'incomex.closeout/%'"
    assert server.psql(ours, "directus") == "0"


def test_a_job_that_was_cancelled_is_run_again_at_once(
    cluster: ClusterFactory, collections: Path, cutter_governance: str, tmp_path: Path
) -> None:
    """In the restore: what it left, a scratch server whose time is not yet up, is not in the way of the next one."""
    server = cluster(16, cutter_governance + SLOW_RESTORE)
    root = tmp_path / "root"
    host_vars = local_variables(server, root, scratch_ttl_s=300)

    def cancel(worker: subprocess.Popen[bytes], _came: Path) -> None:
        """As AWX does, once psql restores."""
        wait_until(lambda: bool(programs(root, b"psql")), 120, "the restore to begin")
        worker.terminate()

    first = tmp_path / "first"
    first.mkdir()
    job = Node(first, collections, extra_vars=answers(), host_vars=host_vars).run_elsewhere("closeout.yml", cancel)
    assert job.status == "canceled"
    wait_until(lambda: not programs(root, b"psql"), 30, "psql to end")
    (marker,) = root.glob("*/.closeout.json")
    run_id = json.loads(marker.read_text())["run_id"]
    server.psql("DROP TABLE public.slow", "directus")
    again = tmp_path / "again"
    again.mkdir()
    job = Node(again, collections, extra_vars=answers(closeout_label="again"), host_vars=host_vars).run("closeout.yml")
    assert (job.status, job.artifacts["closeout_result"]) == ("successful", "ALL_PASS"), job.output
    left = {"state": "absent", "run_id": run_id, "name": "x", "driver": "local", "root": str(root)}
    assert succeeds("pg_scratch_server", left)["changed"] is True
