"""A webhook is told of a run, and nothing that becomes of it changes the run."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.closeouts import assert_all_pass, last_message, local_variables
from tests.integration.module_options import fails, succeeds
from tests.integration.test_secrets import CORE, Searched
from tests.support.playbook import LOCAL, run_playbook
from tests.support.postgres import Cluster
from tests.support.webhook import Webhook, closed_port, webhook

PATH = "Pathof7hehook"
NOBODY = {"closeout_container": "", "closeout_scratch_driver": "local", "closeout_login_unix_socket": "/nonexistent"}


def test_a_closeout_is_told_and_its_secrets_are_not(production_cluster: Cluster, tmp_path: Path) -> None:
    """Path and token are nowhere in what a run with -vvv printed, registered, logged or kept, and in no argument."""
    searched, searched_path = Searched(tmp_path), Searched(_made(tmp_path / "path"), PATH)
    with searched_path.sampled, webhook(204) as hook:
        secrets = {"notify_url": hook.url.replace("hook", PATH), "notify_token": f"t0ken-{CORE}~+/="}
        result = searched.run(local_variables(production_cluster, searched.root, **secrets))
    evidence = assert_all_pass(result)
    searched.assert_nowhere()
    assert PATH not in result.stdout + json.dumps([result.tasks, result.custom_stats])
    assert searched_path.sampled.in_argv == set()
    assert {*searched.sampled.private_files, *searched_path.sampled.private_files} <= {"AnsiballZ_closeout_module.py"}
    assert searched.sampled.in_environment == searched_path.sampled.in_environment == set()
    assert evidence["settings"]["notify_to"] == hook.url.partition("/services")[0]
    assert "is not encrypted" in " ".join(evidence["plan"]["notes"])

    assert hook.paths == [f"/services/{PATH}"]
    assert hook.headers[0]["Authorization"] == f"Bearer t0ken-{CORE}~+/="
    assert hook.headers[0]["Content-Type"] == "application/json"
    (told,) = hook.bodies
    assert told["schema"] == "incomex.closeout/notification/1"
    assert (told["result"], told["host"], told["db"]) == ("ALL_PASS", "localhost", "directus")
    assert (told["run_id"], told["stamp"]) == (evidence["run"]["id"], evidence["run"]["stamp"])
    assert (told["artefact"], told["sha256"]) == (str(result.artefact), evidence["dump"]["sha256"])
    assert (told["size_bytes"], told["failed"]) == (evidence["dump"]["size_bytes"], [])
    assert told["text"].startswith("CLOSEOUT_RESULT: ALL_PASS: database `directus` on `localhost`\n")


def _made(path: Path) -> Path:
    path.mkdir()
    return path


def test_whatever_the_webhook_does(tmp_path: Path) -> None:
    """Five hosts whose plan refuses to start: each tells its own webhook, and each comes to the same end."""
    with contextlib.ExitStack() as stack:
        good, elsewhere = stack.enter_context(webhook()), stack.enter_context(webhook())
        hooks = {
            "good": good,
            "bad": stack.enter_context(webhook(500)),
            "moved": stack.enter_context(webhook(307, to=elsewhere.url)),
            "silent": stack.enter_context(webhook(holds=True)),
            "dead": Webhook(f"http://127.0.0.1:{closed_port()}/"),
        }
        local = LOCAL.partition(" ")[2]
        seconds = {**dict.fromkeys(hooks, 60), "silent": 2}
        hosts = [
            f"{name} {local} closeout_notify_url={hook.url} closeout_notify_timeout_s={seconds[name]}"
            for name, hook in hooks.items()
        ]
        inventory = "\n".join(["[closeout]", *hosts, ""])
        variables = {**NOBODY, "closeout_root": str(tmp_path), "closeout_fail": False}
        result = run_playbook(variables, inventory=inventory)
        # The one that is silent has not answered yet.
        assert result.rc == 0, result.stdout
        assert not [one for one in result.stats.values() if one["failures"] or one["unreachable"]]
    assert {one["closeout_result"] for one in result.custom_stats["closeout_results"].values()} == {"FAIL"}
    told = {task["host"]: task for task in result.tasks if task["name"].endswith("Notify the webhook")}
    assert {name: told[name]["status"] for name in hooks} == {**dict.fromkeys(hooks, "failed"), "good": "ok"}
    for name, found in (("bad", "the answer 500"), ("moved", "the answer 307"), ("silent", "no answer|timed out"),
                        ("dead", "Connection refused")):  # fmt: skip
        said = [
            task["result"]["msg"] for task in result.tasks if task["host"] == name and "nobody was told" in task["name"]
        ]
        assert len(said) == 1 and any(one in said[0] for one in found.split("|")), said
        assert said[0].startswith("Notify the webhook: The webhook at http://127.0.0.1:")
    for name, hook in hooks.items():
        for body in hook.bodies:
            assert (body["host"], body["result"], body["failed"][0]["what"]) == (name, "FAIL", "plan.ready")
            assert "/nonexistent" in body["failed"][0]["detail"] and "plan.ready" in body["text"]
    assert [len(hook.bodies) for hook in hooks.values()] == [1, 1, 1, 1, 0] and elsewhere.bodies == []


def test_what_is_no_webhook_is_a_problem_of_the_plan(tmp_path: Path) -> None:
    """Told with the others, without its secret; and check mode tells nobody."""
    with webhook() as hook:
        variables = {**NOBODY, "closeout_root": str(tmp_path), "closeout_notify_token": "a b"}
        refused = run_playbook({**variables, "closeout_notify_url": hook.url.replace("//", f"//me:{CORE}@")})
        assert refused.rc != 0
        assert "closeout_notify_url: wanted a URL without a user or password in it" in last_message(refused)
        assert "put the secret into closeout_notify_token" in last_message(refused)
        assert "closeout_notify_token: wanted a token of one line" in last_message(refused)
        assert "/nonexistent" in last_message(refused)
        assert CORE not in refused.stdout
        assert "Nobody was told of this run" in refused.stdout

        checked = run_playbook({**NOBODY, "closeout_root": str(tmp_path), "closeout_notify_url": hook.url}, check=True)
        assert checked.rc != 0
        plan = checked.task("Print the plan")["result"]["msg"]["plan"]
        assert f"Told of it, whatever it comes to: {hook.url.partition('/services')[0]}, by the controller" in plan
        assert hook.bodies == []


# ---- the module


def _asked(url: str, **more: Any) -> dict[str, Any]:
    return {"url": url, "payload": {"text": "ü"}, "timeout_s": 1, **more}


def test_the_module() -> None:
    with webhook(202) as hook:
        assert succeeds("closeout_notify", _asked(hook.url), check=True)["to"] == hook.url.partition("/services")[0]
        assert hook.bodies == []
        facts = succeeds("closeout_notify", _asked(hook.url, timeout_s=30))
        assert (facts["status"], facts["changed"], hook.bodies) == (202, True, [{"text": "ü"}])
        assert "Authorization" not in hook.headers[0]
        assert "services" not in json.dumps(facts)


@pytest.mark.parametrize("kind", [{"holds": True}, {"drips": True}], ids=["silent", "dripping"])
def test_a_server_without_an_end_is_not_waited_for(kind: dict[str, bool]) -> None:
    """It is still at it when the module has ended: each of its bytes comes in time, the answer does not."""
    serve: Callable[..., AbstractContextManager[Webhook]] = webhook
    with serve(**kind) as hook:
        refused = fails("closeout_notify", _asked(hook.url, token="s3cret"))
        assert "no answer" in refused.msg or "timed out" in refused.msg
        assert len(hook.bodies) == 1 and "s3cret" not in json.dumps(refused.data)
