"""The metrics as Prometheus itself reads them: a closeout's files, the alert rules, the dashboard."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.closeouts import assert_all_pass, local_variables
from tests.integration.module_options import problems_of
from tests.support.debian import apt_install, on_debian_as_root
from tests.support.places import ROOT
from tests.support.playbook import run_playbook
from tests.support.postgres import Cluster

EXAMPLES = ROOT / "examples"
HOSTILE = 'my "db"\\n{} \n# TYPE x ü'
_SAMPLE = re.compile(r"^(incomex_closeout_[a-z_]+)\{(.*)\} (\S+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def promtool() -> str:
    """Prometheus' own checker."""
    if not shutil.which("promtool") and on_debian_as_root():
        apt_install("prometheus")
    found = shutil.which("promtool")
    if not found:
        pytest.skip("promtool is missing: Debian's package prometheus has it")
    return found


def _accepted(promtool: str, text: str) -> None:
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def _samples(path: Path) -> dict[str, float]:
    return {f"{name} {labels}": float(value) for name, labels, value in _SAMPLE.findall(path.read_text())}


def _value(path: Path, name: str) -> float:
    (value,) = [value for sample, value in _samples(path).items() if sample.startswith(f"incomex_closeout_{name} ")]
    return value


def test_a_closeout_is_seen_by_prometheus(production_cluster: Cluster, promtool: str, tmp_path: Path) -> None:
    """Two databases, one of a hostile name; then a run that fails keeps the time of the success before."""
    textfiles, root = tmp_path / "textfiles", tmp_path / "root"
    textfiles.mkdir()
    variables = local_variables(production_cluster, root, textfile_dir=str(textfiles))

    passed = run_playbook(variables)
    evidence = assert_all_pass(passed)
    summary = passed.task("Tell in short")["result"]["msg"]
    assert summary[0] == "CLOSEOUT_RESULT: ALL_PASS"
    assert all(line in passed.stdout for line in summary)
    assert f"record      {passed.artefact}/closeout.md" in summary
    (path,) = textfiles.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert _value(path, "last_result") == 1
    assert _value(path, "dump_size_bytes") == evidence["dump"]["size_bytes"]
    assert _value(path, "last_success_timestamp_seconds") == _value(path, "last_run_timestamp_seconds") > 1.7e9
    _accepted(promtool, path.read_text())

    succeeded = _value(path, "last_success_timestamp_seconds")
    run_playbook({**variables, "closeout_user": "nobody_there"})
    assert list(textfiles.iterdir()) == [path]
    assert (_value(path, "last_result"), _value(path, "last_success_timestamp_seconds")) == (0, succeeded)
    assert _value(path, "last_run_timestamp_seconds") > succeeded
    assert "dump_size_bytes" not in path.read_text()
    _accepted(promtool, path.read_text())

    run_playbook({**variables, "closeout_db": HOSTILE, "closeout_fail": False})
    (other,) = set(textfiles.iterdir()) - {path}
    _accepted(promtool, path.read_text() + re.sub(r"^#.*\n", "", other.read_text(), flags=re.MULTILINE))
    assert 'db="my \\"db\\"\\\\n{} \\n# TYPE x ü"' in other.read_text()


def test_a_directory_that_cannot_be_written_to_is_a_problem_of_the_plan(tmp_path: Path) -> None:
    """So is a missing one; and the plan writes nothing."""
    (tmp_path / "file").touch()
    (tmp_path / "there").mkdir()
    nobody = {"closeout_container": "", "closeout_login_unix_socket": str(tmp_path), "closeout_scratch_driver": "local"}
    for name, is_problem in (("file", True), ("missing", True), ("there", False)):
        variables = {**nobody, "closeout_root": str(tmp_path / "root"), "closeout_textfile_dir": str(tmp_path / name)}
        assert ("a directory for closeout_textfile_dir" in problems_of(variables)) == is_problem
    assert not list((tmp_path / "there").iterdir())


def test_the_alert_rules_do_what_they_say(promtool: str) -> None:
    for arguments in (["check", "rules", "closeout.rules.yml"], ["test", "rules", "closeout.rules.test.yml"]):
        done = subprocess.run(
            [promtool, *arguments], cwd=EXAMPLES / "prometheus", capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "SUCCESS" in done.stdout


def test_rules_and_dashboard_ask_for_metrics_that_there_are(promtool: str, tmp_path: Path) -> None:
    """And the dashboard's expressions are PromQL."""
    source = (ROOT / "plugins" / "module_utils" / "_metrics.py").read_text()
    known = {f"incomex_closeout_{name}" for name in re.findall(r'^    "(\w+)": "[A-Z]', source, re.MULTILINE)}
    rules = (EXAMPLES / "prometheus" / "closeout.rules.yml").read_text()
    dashboard: dict[str, Any] = json.loads((EXAMPLES / "grafana" / "closeout.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked = set(re.findall(r"\b(incomex_closeout_\w+)", rules + " ".join(expressions))) - {"incomex_closeout"}
    assert asked <= known
    assert known <= set(re.findall(r"\b(incomex_closeout_\w+)", " ".join(expressions)))
    recorded = [{"record": f"panel:{number}", "expr": one} for number, one in enumerate(expressions)]
    (tmp_path / "panels.yml").write_text(json.dumps({"groups": [{"name": "panels", "rules": recorded}]}))
    done = subprocess.run(
        [promtool, "check", "rules", str(tmp_path / "panels.yml")],
        capture_output=True, text=True, check=False, timeout=60, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(expressions)} rules found" in done.stdout
