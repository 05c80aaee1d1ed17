"""What the example's project tells AWX of itself, by the real modules of awx.awx."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.incomex.closeout.plugins.module_utils._statistics import NOTHING

from tests.support.awx import PROJECT, answers, injected, project_file
from tests.support.awx_api import Api, awx_api
from tests.support.community import collections_path
from tests.support.places import ROOT
from tests.support.playbook import BIN, environment

OPTIONS: dict[str, Any] = yaml.safe_load((ROOT / "roles/closeout/meta/argument_specs.yml").read_text())[
    "argument_specs"
]["main"]["options"]
SECRETS = {"database_password": "of-the-database", "webhook_url": "https://hooks.example.org/x", "webhook_token": "t"}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An AWX that controller.yml has set up."""
    directory = tmp_path_factory.mktemp("controller")
    (directory / "secrets.json").write_text(json.dumps(SECRETS))
    with awx_api() as api:
        # What is there before.
        api.add("organizations", {"name": "Default"})
        api.add("credential_types", {"name": "Machine"})
        api.add("credentials", {"name": "Production hosts"})
        done = subprocess.run(
            [str(BIN / "ansible-playbook"), str(PROJECT / "controller.yml"), "-i", "localhost,",
             "-e", f"@{directory / 'secrets.json'}"],
            cwd=directory,
            env={
                **environment(directory),
                "ANSIBLE_COLLECTIONS_PATH": str(collections_path()),
                "ANSIBLE_PYTHON_INTERPRETER": str(BIN / "python"),
                "CONTROLLER_HOST": api.url,
                "CONTROLLER_OAUTH_TOKEN": "token",
                "no_proxy": "*",
            },
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        assert not any(secret in done.stdout for secret in SECRETS.values() if len(secret) > 1)
        yield api


def names(api: Api, endpoint: str, item: dict[str, Any], association: str) -> list[str]:
    """The names of what is associated with an item."""
    numbers = api.associated.get(f"{item['url']}{association}/", [])
    return [one.get("name") or one["identifier"] for one in api.items[endpoint] if one["id"] in numbers]


def test_every_playbook_that_awx_is_told_of_is_there(told: Api) -> None:
    playbooks = {template["playbook"] for template in told.items["job_templates"]}
    assert playbooks == {"closeout.yml", "prepare.yml", "notify.yml"}
    assert all((PROJECT / name).is_file() for name in playbooks)
    (source,) = told.items["inventory_sources"]
    assert (PROJECT / source["source_path"]).is_file()
    assert source["source_project"] == told.named("projects", "Closeout")["id"]


def test_the_job_asks_its_survey_and_gets_its_credentials(told: Api) -> None:
    template = told.named("job_templates", "Closeout")
    survey = project_file("vars/survey.yml")["survey"]
    assert template["survey_enabled"] and told.surveys[f"{template['url']}survey_spec/"] == survey
    assert names(told, "credentials", template, "credentials") == ["Production hosts", "Closeout database"]
    kinds = {kind["id"]: kind["name"] for kind in told.items["credential_types"]}
    password = told.named("credentials", "Closeout database")
    assert kinds[password["credential_type"]] == "Closeout database"
    assert password["inputs"] == {"password": SECRETS["database_password"]}
    notify = told.named("job_templates", "Tell of a failed closeout")
    assert names(told, "credentials", notify, "credentials") == ["Closeout webhook"]
    for item in (template, notify):
        assert item["execution_environment"] == told.named("execution_environments", "Closeout")["id"]


def test_the_workflow_tells_of_a_failure_and_of_nothing_else(told: Api) -> None:
    closeout = told.named("workflow_job_template_nodes", "closeout")
    assert closeout["unified_job_template"] == told.named("job_templates", "Closeout")["id"]
    tell = told.named("workflow_job_template_nodes", "tell")
    assert tell["unified_job_template"] == told.named("job_templates", "Tell of a failed closeout")["id"]
    assert names(told, "workflow_job_template_nodes", closeout, "failure_nodes") == ["tell"]
    assert not names(told, "workflow_job_template_nodes", closeout, "success_nodes")
    assert not [path for path in told.associated if path.startswith(tell["url"])]


def test_the_schedule_runs_the_workflow_with_answers(told: Api) -> None:
    (schedule,) = told.items["schedules"]
    assert schedule["unified_job_template"] == told.named("workflow_job_templates", "Closeout, told if it fails")["id"]
    assert set(schedule["extra_data"]) == set(answers()) and schedule["extra_data"]["closeout_label"] == "nightly"
    assert {name: str(value) for name, value in schedule["extra_data"].items()} == answers(closeout_label="nightly")


def test_the_source_of_the_inventory_brings_its_group_vars(tmp_path: Path) -> None:
    """As AWX reads it (awx/main/management/commands/inventory_import.py)."""
    done = subprocess.run(
        [str(BIN / "ansible-inventory"), "-i", str(PROJECT / "inventory.yml"), "--list", "--export"],
        cwd=tmp_path, env=environment(tmp_path), stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=60, check=True,
    )  # fmt: skip
    group = json.loads(done.stdout)["closeout"]
    assert group["hosts"] == ["production.example.org"]
    assert group["vars"] == project_file("group_vars/closeout.yml")


@pytest.mark.parametrize("question", project_file("vars/survey.yml")["survey"]["spec"], ids=lambda one: one["variable"])
def test_a_question_is_one_of_a_variable_as_the_role_has_it(question: dict[str, Any]) -> None:
    option = OPTIONS[question["variable"]]
    assert not option.get("no_log"), "a secret comes by a credential"
    if question["required"]:
        proposed = {"true": True, "false": False}.get(question["default"], question["default"])
        assert proposed == option["default"]
    for choice in question.get("choices", []):
        described = option["description"] if isinstance(option["description"], str) else " ".join(option["description"])
        assert choice in ("true", "false") or f"V({choice})" in described


def test_credentials_become_variables_of_the_role() -> None:
    made = {**injected("database_credential_type", password="p"), **injected("webhook_credential_type", url="u")}
    assert made == {"closeout_password": "p", "closeout_notify_url": "u", "closeout_notify_token": ""}
    assert all(OPTIONS[name]["no_log"] for name in made)


def test_what_the_survey_asks_is_not_in_the_inventory() -> None:
    """Its answer would win, an empty one too."""
    assert not set(project_file("group_vars/closeout.yml")) & set(answers())
    assert set(project_file("group_vars/closeout.yml")) <= {*OPTIONS, "ansible_become", "ansible_python_interpreter"}


def test_what_a_workflow_hands_on_has_the_names_that_the_role_gives_it() -> None:
    used = set(re.findall(r"\bcloseout_[a-z0-9_]+", (PROJECT / "notify.yml").read_text()))
    assert used <= {*NOTHING, "closeout_results", "closeout_notify", "closeout_notify_url", "closeout_notify_token"}
    assert set(NOTHING) <= used
