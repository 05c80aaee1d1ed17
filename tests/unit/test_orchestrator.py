"""What ran the closeout: version and digest of the collection, path and digest of the playbook."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._orchestrator import collection_facts, orchestrator_facts

from tests.support.places import ROOT


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """A small collection."""
    path = tmp_path / "collection"
    for name in ("meta/runtime.yml", "plugins/modules/a.py", "playbooks/closeout.yml", "roles/r/tasks/main.yml"):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(name)
    (path / "galaxy.yml").write_text("namespace: incomex\nversion: 0.1.0\n")
    return path


def test_the_digest_is_of_every_file_that_can_take_part(collection: Path) -> None:
    """It can be computed with sha256sum; tests, documents and compiled files are no part of it."""
    lines = ""
    for name in ("meta/runtime.yml", "playbooks/closeout.yml", "plugins/modules/a.py", "roles/r/tasks/main.yml"):
        lines += f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n"
    expected = {"version": "0.1.0", "sha256": hashlib.sha256(lines.encode()).hexdigest()}
    assert collection_facts(str(collection)) == expected
    for name in ("README.md", "tests/a.py", "plugins/modules/__pycache__/a.cpython-311.pyc"):
        (collection / name).parent.mkdir(exist_ok=True)
        (collection / name).write_text("x")
    assert collection_facts(str(collection)) == expected


@pytest.mark.parametrize("change", ["content", "new file", "removed", "renamed"])
def test_any_change_is_another_digest(collection: Path, change: str) -> None:
    before = collection_facts(str(collection))["sha256"]
    module = collection / "plugins" / "modules" / "a.py"
    if change == "content":
        module.write_text("other")
    elif change == "new file":
        (collection / "plugins" / "filter").mkdir()
        (collection / "plugins" / "filter" / "b.py").write_text("")
    elif change == "removed":
        module.unlink()
    else:
        module.rename(module.with_name("b.py"))
    assert collection_facts(str(collection))["sha256"] != before


def test_the_version_is_the_installed_one_s_or_the_checkout_s(collection: Path) -> None:
    (collection / "MANIFEST.json").write_text(json.dumps({"collection_info": {"version": "9.8.7"}}))
    assert collection_facts(str(collection))["version"] == "9.8.7"
    (collection / "MANIFEST.json").unlink()
    (collection / "galaxy.yml").unlink()
    assert collection_facts(str(collection))["version"] == ""


def test_this_collection_has_a_version() -> None:
    assert collection_facts(str(ROOT))["version"].count(".") == 2


def test_a_playbook_is_named_with_its_digest(collection: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (collection / "mine.yml").write_text("x")
    monkeypatch.chdir(collection)
    for argument in ("mine.yml", "./mine.yml", str(collection / "mine.yml")):
        assert orchestrator_facts([argument, "second.yml"], "/none", "2.19.14", 42) == {
            "path": str(collection / "mine.yml"),
            "sha256": hashlib.sha256(b"x").hexdigest(),
            "ansible_core": "2.19.14",
            "awx_job_id": 42,
        }


def test_the_collection_s_own_playbook_is_found_by_its_full_name(collection: Path) -> None:
    facts = orchestrator_facts(["incomex.closeout.closeout"], str(collection), "2.19.14", None)
    assert facts["path"] == str(collection / "playbooks" / "closeout.yml")
    assert facts["sha256"] == hashlib.sha256(b"playbooks/closeout.yml").hexdigest()


@pytest.mark.parametrize("playbooks", [[], ["/no/such.yml"], ["incomex.closeout.none"], ["/"]])
def test_what_is_no_file_has_no_digest(playbooks: list[str], collection: Path) -> None:
    assert orchestrator_facts(playbooks, str(collection), "2.19.14", None)["sha256"] == ""
