"""The collection as a user gets it: built, installed into an empty path, run from there, put into an execution
environment."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from ansible_collections.incomex.closeout.plugins.module_utils._orchestrator import collection_facts

from tests.integration.test_demo import assert_passed, run_demo
from tests.support.collection import Installed, install
from tests.support.places import ROOT
from tests.support.playbook import BIN, environment

# What a user runs or reads.
SHIPPED = {
    "CHANGELOG.md",
    "FILES.json",
    "LICENSE",
    "MANIFEST.json",
    "README.md",
    "changelogs",
    "docs",
    "examples",
    "meta",
    "playbooks",
    "plugins",
    "requirements.txt",
    "roles",
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The collection, built and installed into an empty path."""
    return install(tmp_path_factory.mktemp("installed"))


def run(command: list[str], directory: Path, *, timeout_s: float = 120, **variables: str) -> str:
    """Run a program of the tests' python in a directory; what it printed."""
    done = subprocess.run(
        command,
        cwd=directory,
        env={**environment(directory), **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def links(document: Path) -> Iterator[Path]:
    """Where the relative links of a document lead."""
    for link in re.findall(r"\]\(([^)\s#]+)[^)]*\)", document.read_text()):
        if not re.match(r"[a-z]+:", link):
            yield Path(os.path.normpath(document.parent / link))


def test_the_tarball_has_what_a_user_needs_and_nothing_else(installed: Installed) -> None:
    with tarfile.open(installed.tarball) as tar:
        members = tar.getmembers()
    assert {member.name.split("/")[0] for member in members} == SHIPPED
    assert all(member.isfile() or member.isdir() for member in members)
    parts = {part for member in members for part in member.name.split("/")}
    assert not [part for part in parts if part.startswith(".") or part.endswith((".pyc", ".retry"))]
    assert not parts & {"__pycache__", "node_modules", "output", "tests"}
    assert installed.tarball.stat().st_size < 3_000_000
    known = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    ).stdout.splitlines()  # fmt: skip
    assert {member.name for member in members if member.isfile()} - {"FILES.json", "MANIFEST.json"} <= set(known)


def test_no_link_of_an_installed_document_leads_nowhere(installed: Installed) -> None:
    documents = list(installed.collection.rglob("*.md"))
    assert installed.collection / "docs" / "getting-started.md" in documents
    # What tests the collection is told of, but stays behind.
    left_out = installed.collection / "tests"
    assert not [
        (document, link)
        for document in documents
        for link in links(document)
        if not link.exists() and not link.is_relative_to(left_out)
    ]


def test_the_demo_passes_from_the_installed_collection(installed: Installed, tmp_path: Path) -> None:
    """It is the installed code that ran: no other is on the path, and the record has its digest."""
    # A file of this copy alone, and with it a digest that the checkout has not.
    (installed.collection / "meta" / "copy.txt").write_text("installed\n")
    output = tmp_path / "output"
    done = run_demo(
        output,
        demo=installed.collection / "examples/demo/run",
        ANSIBLE_COLLECTIONS_PATH=str(installed.path),
        ANSIBLE_COLLECTIONS_SCAN_SYS_PATH="false",
        PYTHONDONTWRITEBYTECODE="1",
    )
    assert_passed(done, output)
    (record,) = output.glob("demo_*/closeout.json")
    evidence = json.loads(record.read_text())
    told = evidence["run"]["collection"]
    assert (
        told == collection_facts(str(installed.collection)) and told["sha256"] != collection_facts(str(ROOT))["sha256"]
    )
    assert told["version"] == yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]
    assert evidence["run"]["orchestrator"]["path"] == str(installed.collection / "playbooks" / "closeout.yml")


def test_an_execution_environment_gets_what_the_collection_needs(installed: Installed, tmp_path: Path) -> None:
    found = yaml.safe_load(run([str(BIN / "ansible-builder"), "introspect", str(installed.path)], tmp_path))
    origin = "  # from collection incomex.closeout"
    wanted = {"python": (ROOT / "requirements.txt").read_text().split(), "system": ["util-linux"]}
    assert found == {kind: [f"{one}{origin}" for one in needed] for kind, needed in wanted.items()}


def test_the_example_of_an_execution_environment_can_be_made(tmp_path: Path) -> None:
    """`ansible-builder create --file execution-environment.yml`: up to what an engine and a registry have to do."""
    example = ROOT / "examples" / "awx" / "execution-environment.yml"
    context = tmp_path / "context"
    run([str(BIN / "ansible-builder"), "create", "--file", str(example), "--context", str(context)], tmp_path)
    definition = yaml.safe_load(example.read_text())
    # Called by the engine that is there, if any.
    (file,) = [*context.glob("Containerfile"), *context.glob("Dockerfile")]
    assert "FROM $EE_BASE_IMAGE" in file.read_text()
    assert definition["images"]["base_image"]["name"] in file.read_text()
    galaxy = yaml.safe_load((context / "_build" / "requirements.yml").read_text())
    assert [one["name"] for one in galaxy["collections"]] == ["incomex.closeout"]
