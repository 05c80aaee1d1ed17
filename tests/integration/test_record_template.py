"""The record is written whatever happened: rendered from the evidence of a run that stopped after each of its steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.incomex.closeout.plugins.module_utils._evidence import STEPS, collect
from ansible_collections.incomex.closeout.plugins.module_utils._verdict import verdict

from tests.integration.closeouts import assert_all_pass, local_variables
from tests.support import page
from tests.support.places import ROOT
from tests.support.playbook import run_playbook
from tests.support.postgres import Cluster

REGISTERED = {
    "plan": "Plan the run",
    "begun": "Make the artefact directory",
    "before": "Take the witness before",
    "dump": "Take the dump",
    "dump_audit": "Audit the dump",
    "scratch": "Make the scratch server",
    "restore": "Restore the dump",
    "restored_audit": "Audit the restored copy",
    "compare": "Compare the restored copy with the dump",
    "teardown": "Remove the scratch server",
    "after": "Take the witness after",
    "confirmed": "Confirm the checksum",
    "history": "Read the history",
}
# A reaper that had something to do, which nothing of this run rests on.
REAPED = {
    "changed": True,
    "reaped": [{"kind": "job", "name": "closeout-job", "run_id": "4711aa"}],
    "spared": [{"kind": "program", "name": "sh | (17)", "run_id": "4711bb", "why": "its `parent` is there"}],
}
SECTIONS = ["1. Backup", "2. Contents", "3. Restore test", "4. Teardown", "5. Production untouched", "6. Result"]


def test_the_record_of_a_run_that_stopped_anywhere(production_cluster: Cluster, tmp_path: Path) -> None:
    """Every section is there, the result is FAIL until the last step, and the failure is told."""
    whole = run_playbook(local_variables(production_cluster, tmp_path / "root"))
    assert_all_pass(whole)
    results: dict[str, Any] = {name: whole.task(task)["result"] for name, task in REGISTERED.items()}
    documents = []
    names = [name for name in STEPS if name in results]
    for count in range(1, len(names) + 1):
        stopped = {"reaped": REAPED, **{name: results[name] for name in names[:count]}}
        if count < len(names):
            stopped[names[count]] = {"failed": True, "msg": f"{names[count]} `failed` | <b>", "changed": False}
        evidence = collect(stopped, host="h", collection={"version": "", "sha256": ""}, orchestrator=_ORCHESTRATOR)
        documents.append({"name": names[count - 1], "evidence": evidence, "verdict": verdict(evidence)})
    (tmp_path / "documents.json").write_text(json.dumps({"documents": documents}))
    templates = ROOT / "roles/closeout/templates"
    (tmp_path / "render.yml").write_text(
        "- hosts: closeout\n"
        "  gather_facts: false\n"
        "  tasks:\n"
        "    - name: Render\n"
        "      ansible.builtin.debug:\n"
        f"        msg: \"{{{{ lookup('ansible.builtin.template', '{templates}/closeout.' ~ item.1 ~ '.j2') }}}}\"\n"
        "      vars:\n"
        "        _closeout_evidence: '{{ item.0.evidence }}'\n"
        "        _closeout_verdict: '{{ item.0.verdict }}'\n"
        "        _closeout_settings: '{{ item.0.evidence.settings }}'\n"
        # tests/unit/test_view.py has more of the page.
        '      loop: \'{{ documents | product(["md"]) + documents[::4] | product(["html"]) }}\'\n'
        "      loop_control: {label: '{{ item.0.name }}'}\n"
    )
    rendered = run_playbook({}, playbook=str(tmp_path / "render.yml"), arguments=["-e", f"@{tmp_path}/documents.json"])
    assert rendered.rc == 0, rendered.stdout
    texts = {
        (one["item"][0]["name"], one["item"][1]): one["msg"] for one in rendered.task("Render")["result"]["results"]
    }
    for document in documents:
        record = texts[document["name"], "md"]
        assert [line[3:] for line in record.splitlines() if line.startswith("## ")] == SECTIONS
        passed = document["verdict"]["result"]["closeout_result"]
        assert f"CLOSEOUT_RESULT: {passed}\n" in record
        assert passed == ("ALL_PASS" if document["name"] == "history" else "FAIL")
        assert "of a run that was gone: job `closeout-job` of run `4711aa`" in record
        assert "program `sh \\x7c (17)` of run `4711bb`: `its \\x60parent\\x60 is there`" in record
        for failure in document["evidence"]["failures"]:
            assert "\\x60failed\\x60 \\x7c \\x3cb>" in record
            assert failure["task"] in record
        if document not in documents[::4]:
            continue
        html = texts[document["name"], "html"]
        shown = page.texts(html)
        assert "job closeout-job of run 4711aa" in shown
        assert "program sh | (17) of run 4711bb: its `parent` is there" in shown
        assert passed in shown and ("ALL_PASS" in html) is (passed == "ALL_PASS")
        for failure in document["evidence"]["failures"]:
            assert {failure["task"], failure["message"]} <= set(shown)


_ORCHESTRATOR = {"path": "", "sha256": "", "ansible_core": "", "awx_job_id": None}
