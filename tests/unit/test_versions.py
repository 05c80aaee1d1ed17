"""Every place that promises a lowest version of ansible-core names the same one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.support.places import ROOT

RUNTIME: dict[str, str] = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
# "2.19" of ">=2.19.0".
LOWEST = ".".join(RUNTIME["requires_ansible"].removeprefix(">=").split(".")[:2])
CHANGELOG = ROOT / "changelogs" / "changelog.yaml"


def named(pattern: str, path: Path) -> set[str]:
    """What a pattern's group finds in a file, whose lines may be broken anywhere."""
    return set(re.findall(pattern, " ".join(path.read_text().split())))


def test_the_lowest_version_is_one() -> None:
    assert RUNTIME["requires_ansible"] == f">={LOWEST}.0"
    assert re.fullmatch(r"2\.\d+", LOWEST)


@pytest.mark.parametrize("role", sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir()))
def test_a_role_says_it(role: str) -> None:
    meta = yaml.safe_load((ROOT / "roles" / role / "meta" / "main.yml").read_text())
    assert meta["galaxy_info"]["min_ansible_version"] == LOWEST


@pytest.mark.parametrize("playbook", ["closeout", "verify"])
def test_a_playbook_refuses_an_older_one_and_says_which_is_needed(playbook: str) -> None:
    refusing = yaml.safe_load((ROOT / "playbooks" / f"{playbook}.yml").read_text())[0]["tasks"][0]
    asserted = refusing["ansible.builtin.assert"]
    assert asserted["that"] == f"ansible_version.full is version('{LOWEST}', '>=')"
    assert f"wanted {LOWEST} or later" in asserted["fail_msg"]


def test_what_is_installed_for_it_is_no_older_one() -> None:
    for path in (ROOT / "tests" / "requirements-demo.txt", ROOT / "examples" / "awx" / "execution-environment.yml"):
        assert named(r"ansible-core>=([\d.]+)", path) == {LOWEST}


def test_the_documents_promise_it() -> None:
    assert named(r"Controller: ansible-core ([\d.]+) or later", ROOT / "README.md") == {LOWEST}
    # Of several releases the newest that says it.
    releases = sorted(
        yaml.safe_load(CHANGELOG.read_text())["releases"].items(),
        key=lambda one: [int(number) for number in re.findall(r"\d+", one[0])],
    )
    summaries = " ".join(release.get("changes", {}).get("release_summary", "") for _version, release in releases)
    assert re.findall(r"ansible-core ([\d.]+) and later", summaries)[-1:] == [LOWEST]
    written = named(r"ansible\\-core ([\d.\\]+) and later", ROOT / "CHANGELOG.md")
    assert LOWEST.replace(".", "\\.") in written


def test_no_document_promises_an_older_one() -> None:
    """Whatever sentence it is in: a version that is not supported is named in no document of the collection."""
    lower = [f"2.{minor}" for minor in range(int(LOWEST.partition(".")[2]) - 4, int(LOWEST.partition(".")[2]))]
    promised = re.compile(rf"ansible-core\W{{0,4}}(?:{'|'.join(map(re.escape, lower))})\b")
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").rglob("*.md")]
    assert not [str(path.relative_to(ROOT)) for path in documents if promised.search(path.read_text())]
