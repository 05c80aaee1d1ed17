"""What a caller can do to the role and its playbook: nothing of it makes a pass out of something else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._verdict import verdict

from tests.integration.closeouts import as_soon_as, last_message, local_variables
from tests.support.playbook import LOCAL, run_playbook
from tests.support.postgres import Cluster

PASSED = {"checks": [], "result": {"closeout_result": "ALL_PASS", "failed": [], "verify": {}, "message": "ALL_PASS"}}
HERE = LOCAL.removeprefix("localhost ")


def test_extra_vars_bring_no_result_along(tmp_path: Path) -> None:
    """An extra var wins over set_fact and register; so the role refuses it by name before it does anything."""
    brought = {
        "_closeout_verdict": PASSED,
        "_closeout_evidence": {"run": {"id": "0123456789ab"}, "failures": []},
        "_closeout_guard": {"sysid": "1"},
        "_closeout_given": {"db": "other"},
        "_closeout_settings": {"fail": False},
        "_closeout_told": {"localhost/directus": {"closeout_result": "ALL_PASS"}},
    }
    result = run_playbook({"closeout_root": str(tmp_path), "closeout_fail": False, **brought})
    assert result.rc != 0, result.stdout
    assert f"Set from outside: {', '.join(sorted(brought))}." in result.task("no extra var brings")["result"]["msg"]
    assert result.custom_stats.get("closeout_result") != "ALL_PASS"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "others",
    [{}, {"_closeout_foreign": [], "_closeout_result": "ALL_PASS", "_closeout_begun": {"path": "/x"}}],
)
def test_parameters_of_the_role_bring_no_result_along(tmp_path: Path, others: dict[str, Any]) -> None:
    """A parameter of the role wins over set_fact, and over a variable of a task."""
    playbook = tmp_path / "play.yml"
    playbook.write_text(
        "- hosts: closeout\n"
        "  gather_facts: false\n"
        "  tasks:\n"
        "    - ansible.builtin.include_role: {name: incomex.closeout.closeout}\n"
        f"      vars: {json.dumps({'_closeout_verdict': PASSED, **others})}\n"
    )
    result = run_playbook({"closeout_root": str(tmp_path / "root"), "closeout_fail": False}, playbook=str(playbook))
    assert result.rc != 0
    assert "_closeout_verdict" in result.task("nothing else brings")["result"]["msg"]
    assert result.custom_stats.get("closeout_result") != "ALL_PASS" and not (tmp_path / "root").exists()


def test_evidence_that_was_set_before_is_refused(tmp_path: Path) -> None:
    """A fact wins over a variable of the role, and nothing takes a fact away."""
    playbook = tmp_path / "play.yml"
    playbook.write_text(
        "- hosts: closeout\n"
        "  gather_facts: false\n"
        "  tasks:\n"
        f"    - ansible.builtin.set_fact: {json.dumps({'_closeout_evidence': {'run': {'id': '0123456789ab'}}})}\n"
        "    - ansible.builtin.include_role: {name: incomex.closeout.closeout}\n"
    )
    result = run_playbook({"closeout_root": str(tmp_path / "root"), "closeout_fail": False}, playbook=str(playbook))
    assert result.rc != 0, result.stdout
    assert "_closeout_evidence" in result.task("nothing else brings")["result"]["msg"]
    assert result.custom_stats.get("closeout_result") != "ALL_PASS" and not (tmp_path / "root").exists()


def test_a_result_that_was_set_before_is_not_told(tmp_path: Path) -> None:
    """Facts and parameters of the role win over variables of an imported file, not over those of an included one."""
    passed = {"closeout_result": "ALL_PASS", "closeout_artifact": "/nowhere", "closeout_sha256": "0" * 64}
    told = {"localhost/directus": passed}
    playbook = tmp_path / "play.yml"
    playbook.write_text(
        "- hosts: closeout\n"
        "  gather_facts: false\n"
        "  tasks:\n"
        f"    - ansible.builtin.set_fact: {{_closeout_told_results: {json.dumps(told)}}}\n"
        "    - ansible.builtin.include_role: {name: incomex.closeout.closeout}\n"
        f"      vars: {{_closeout_told_results: {json.dumps(told)}}}\n"
    )
    nobody = {"closeout_container": "", "closeout_login_unix_socket": str(tmp_path), "closeout_scratch_driver": "local"}
    result = run_playbook({**nobody, "closeout_root": str(tmp_path / "root")}, playbook=str(playbook))
    assert result.rc != 0, result.stdout
    assert result.custom_stats["closeout_result"] == "FAIL"
    assert result.custom_stats["closeout_artifact"] == ""


@pytest.mark.parametrize("playbook", ["closeout", "prepare"])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--tags", "x"], "--tags x"),
        (["--skip-tags", "untagged"], "untagged"),
        (["--skip-tags", "always,untagged"], "tags"),
        (["--limit", "h2"], "within --limit h2"),
    ],
)
def test_a_run_that_would_do_nothing_fails(tmp_path: Path, playbook: str, arguments: list[str], words: str) -> None:
    """Chosen tags, or a limit outside the hosts: refused with a reason, on the controller, without asking any host."""
    inventory = "h2 ansible_connection=ssh ansible_host=192.0.2.1\n[closeout]\nh1 ansible_connection=ssh\n"
    result = run_playbook(
        {"closeout_root": str(tmp_path)},
        playbook=f"incomex.closeout.{playbook}",
        inventory=inventory,
        arguments=arguments,
        timeout_s=30,
    )
    assert result.rc != 0, result.stdout
    assert words in result.stdout
    assert not any(host["unreachable"] for host in result.stats.values())
    assert result.custom_stats == {}


def test_a_limit_within_the_hosts_goes_on(tmp_path: Path) -> None:
    """The refusal lets a host of the group pass; the run's own failure is the plan's."""
    inventory = f"[closeout]\nh1 {HERE}\nh2 ansible_connection=ssh ansible_host=192.0.2.1\n"
    result = run_playbook(
        {"closeout_root": str(tmp_path), "closeout_label": "a b"}, inventory=inventory, arguments=["--limit", "h1"]
    )
    assert result.rc != 0
    assert "closeout_label" in last_message(result)
    assert set(result.stats) == {"h1"}


def test_a_play_that_ignores_errors_fails(production_cluster: Cluster, tmp_path: Path) -> None:
    """The play's ignore_errors reaches every task of a role; not ours."""
    playbook = tmp_path / "play.yml"
    playbook.write_text(
        "- hosts: closeout\n  gather_facts: false\n  ignore_errors: true\n  roles: [incomex.closeout.closeout]\n"
    )
    variables = local_variables(production_cluster, tmp_path / "root", db="no_such_db")
    result = run_playbook(variables, playbook=str(playbook))
    assert result.rc != 0, result.stdout
    assert result.custom_stats["closeout_result"] == "FAIL"


def test_several_hosts_have_one_result(production_cluster: Cluster, tmp_path: Path) -> None:
    """FAIL, then PASS, then a host that cannot be reached: the whole is FAIL, and each has its own."""
    variables = local_variables(production_cluster, tmp_path / "root", fail=False)
    inventory = (
        f"[closeout]\nh1 {HERE} closeout_db=no_such_db\nh2 {HERE}\n"
        "h3 ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1\n"
    )
    result = run_playbook(variables, inventory=inventory)
    told = result.custom_stats
    assert told["closeout_result"] == "FAIL", result.stdout
    assert told["closeout_artifact"] == told["closeout_sha256"] == ""
    results = told["closeout_results"]
    assert {name: one["closeout_result"] for name, one in results.items()} == {
        "h1/no_such_db": "FAIL",
        "h2/directus": "ALL_PASS",
        "h3/directus": "FAIL",
    }
    assert (Path(results["h2/directus"]["closeout_artifact"]) / "closeout.md").exists()
    assert len(results["h2/directus"]["closeout_sha256"]) == 64


def test_several_databases_have_one_result(production_cluster: Cluster, tmp_path: Path) -> None:
    """A loop whose first database failed and whose second one passed does not say ALL_PASS; and of what passed nothing
    survives into the next run, which fails."""
    playbook = tmp_path / "loop.yml"
    playbook.write_text(
        "- hosts: closeout\n"
        "  gather_facts: false\n"
        "  tasks:\n"
        "    - ansible.builtin.include_role: {name: incomex.closeout.closeout}\n"
        "      loop: [no_such_db, directus, no_such_db]\n"
        "      loop_control: {loop_var: closeout_db}\n"
    )
    variables = local_variables(production_cluster, tmp_path / "root", fail=False)
    result = run_playbook(variables, playbook=str(playbook))
    assert result.rc == 0, result.stdout
    assert result.custom_stats["closeout_result"] == "FAIL"
    results = result.custom_stats["closeout_results"]
    assert {name: one["closeout_result"] for name, one in results.items()} == {
        "localhost/no_such_db": "FAIL",
        "localhost/directus": "ALL_PASS",
        "localhost/no_such_db#2": "FAIL",
    }
    assert results["localhost/no_such_db#2"]["closeout_artifact"] == "", result.stdout


def test_a_record_that_cannot_be_sealed_says_fail(production_cluster: Cluster, tmp_path: Path) -> None:
    """What is on the disk says what the play said, also when it was written before the sealing failed."""
    root = tmp_path / "root"

    def occupy() -> None:
        for mark in root.glob("*/.closeout.json"):
            (mark.parent / "SHA256SUMS").mkdir(exist_ok=True)

    with as_soon_as(lambda: any(root.glob("*/.closeout.json")), occupy):
        result = run_playbook(local_variables(production_cluster, root))
    assert result.rc != 0, result.stdout
    assert result.custom_stats["closeout_result"] == "FAIL"
    assert "record could not be written" in last_message(result)
    assert result.evidence is not None and result.artefact is not None
    assert result.evidence["result"]["closeout_result"] == "FAIL"
    assert result.evidence["result"]["failed"] == ["evidence.whole"]
    assert result.evidence["result"]["production_state"]
    assert verdict(result.evidence)["result"]["closeout_result"] == "FAIL"
    record = (result.artefact / "closeout.md").read_text()
    assert "CLOSEOUT_RESULT: FAIL" in record
    assert "ALL_PASS" not in record
    page = (result.artefact / "closeout.html").read_text()
    assert "CLOSEOUT_RESULT: FAIL" in page and "ALL_PASS" not in page
