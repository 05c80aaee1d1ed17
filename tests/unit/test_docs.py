"""The documents say what the code says: variables, modules, checks, messages, links."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.incomex.closeout.plugins.filter import closeout as of_a_closeout
from ansible_collections.incomex.closeout.plugins.filter import fleet as of_a_fleet
from ansible_collections.incomex.closeout.plugins.filter import verification as of_a_verification
from ansible_collections.incomex.closeout.plugins.module_utils._verdict import verdict
from ansible_collections.incomex.closeout.plugins.module_utils._verification_verdict import verification_verdict

from tests.support.places import ROOT

_OURS = ("docs", "roles", "examples", "playbooks", "plugins", "tests", "changelogs", "meta", "molecule")
# What a closeout wrote itself is no document of ours: tests/unit/test_example.py looks at it.
_WRITTEN = {ROOT / "docs" / "example" / name for name in ("closeout.md", "verification.md", "RESTORE.md")}
DOCUMENTS = sorted({*ROOT.glob("*.md"), *(path for room in _OURS for path in (ROOT / room).rglob("*.md"))} - _WRITTEN)
ROLE = ROOT / "roles" / "closeout"
DEFAULTS: dict[str, Any] = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
OPTIONS: dict[str, Any] = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"][
    "options"
]
# What of it the role verify has beyond those of the role closeout.
VERIFY: dict[str, Any] = yaml.safe_load((ROOT / "roles" / "verify" / "defaults" / "main.yml").read_text())
VERIFY_OPTIONS: dict[str, Any] = yaml.safe_load(
    (ROOT / "roles" / "verify" / "meta" / "argument_specs.yml").read_text()
)["argument_specs"]["main"]["options"]
ITS_OWN = {name: value for name, value in VERIFY.items() if name not in DEFAULTS}
FILTERS = {
    **of_a_closeout.FilterModule().filters(),
    **of_a_fleet.FilterModule().filters(),
    **of_a_verification.FilterModule().filters(),
}
HERE = "https://github.com/incomex/closeout/blob/main/"
YAML_BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What the troubleshooting explains besides: words of ansible-playbook.
MESSAGES_OF_OTHERS = {"User interrupted execution"}
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py") if path.stem != "__init__")


def names_in_tables(document: Path) -> dict[str, str]:
    """The first cells of a document's tables that are one name in backticks -> the rest of the row."""
    return dict(re.findall(r"^\| `([^`]+)` \|(.*)\|$", document.read_text(), re.MULTILINE))


def anchors(document: Path) -> set[str]:
    """The headings of a document as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_variable_is_specified_with_its_default() -> None:
    assert {name: option["default"] for name, option in OPTIONS.items()} == DEFAULTS


@pytest.mark.parametrize("name", sorted({**DEFAULTS, **ITS_OWN}))
def test_every_variable_is_described(name: str) -> None:
    option = {**VERIFY_OPTIONS, **OPTIONS}[name]
    assert option["description"]
    row = names_in_tables(ROOT / "docs" / "variables.md").get(name)
    assert row is not None, f"docs/variables.md does not describe {name}"
    default, meaning = row.strip().removesuffix(" ").split(" | ", 1)
    value = {**ITS_OWN, **DEFAULTS}[name]
    wanted = value if isinstance(value, str) and value else json.dumps(value)
    assert default == f"`{wanted}`"
    assert len(meaning) > 10


def test_no_document_describes_a_variable_that_is_not_there() -> None:
    playbooks = "".join(path.read_text() for path in (ROOT / "playbooks").glob("*.yml"))
    own = set(re.findall(r"\bcloseout_\w+", playbooks))
    named = {name for path in DOCUMENTS for name in re.findall(r"`(closeout_[a-z0-9_]+)", path.read_text())}
    others = {
        "closeout_result",
        "closeout_results",
        "closeout_artifact",
        "closeout_sha256",
        "closeout_notifications",
        "closeout_verification_result",
        "closeout_verification_results",
        "closeout_verification_record",
        "closeout_verification_sha256",
        *MODULES,
        *FILTERS,
    }
    assert named - set(DEFAULTS) - set(ITS_OWN) - own - others == set()


def test_a_survey_may_leave_any_variable_empty() -> None:
    """Argument validation comes before the plan, and must not refuse what the plan takes for "not given"."""
    assert {option["type"] for option in OPTIONS.values()} <= {"str", "raw"}
    assert not [name for name, option in OPTIONS.items() if "choices" in option or option.get("required")]
    assert all(OPTIONS[name]["type"] == "raw" for name, default in DEFAULTS.items() if not isinstance(default, str))


def test_every_module_is_in_the_table_of_the_readme() -> None:
    assert set(MODULES) <= set(names_in_tables(ROOT / "README.md"))


def test_every_filter_is_named_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    assert not [name for name in FILTERS if f"`{name}`" not in readme]


def test_every_filter_has_its_documentation() -> None:
    directory = ROOT / "plugins" / "filter"
    for name in FILTERS:
        document = yaml.safe_load((directory / f"{name}.yml").read_text())
        assert document["DOCUMENTATION"]["name"] == name
        assert document["DOCUMENTATION"]["short_description"]
        assert f"incomex.closeout.{name}" in document["EXAMPLES"]
        assert document["RETURN"]["_value"]["description"]
    assert {path.stem for path in directory.glob("*.yml")} == set(FILTERS)


def test_every_check_is_documented_and_no_other() -> None:
    checks = {check["id"] for check in verdict({})["checks"]}
    described = names_in_tables(ROOT / "docs" / "evidence.md")
    assert {name for name in described if re.fullmatch(r"[a-z]+\.[a-z0-9_]+", name) and name in checks} == checks
    rows = (ROOT / "docs" / "evidence.md").read_text().partition("\n## Checks\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([^`]+)` \|", rows, re.MULTILINE)) == checks


def test_every_check_of_a_verification_is_documented_and_no_other() -> None:
    document = (ROOT / "docs" / "verifying.md").read_text()
    rows = document.partition("\n### The checks of a verification\n")[2].partition("\n## ")[0]
    named = {
        name for row in re.findall(r"^\| (`[^|]+`) \|", rows, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)
    }
    assert named == {check["id"] for check in verification_verdict({})["checks"]}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    broken = []
    for given in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        # What stays in the repository, and is not built into the collection, has its address there.
        link = re.sub(rf"^{re.escape(HERE)}", f"{ROOT}/", given)
        if re.match(r"[a-z]+:", link):
            continue
        path, _mark, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(given)
    assert not broken


def test_the_readme_leads_to_every_page() -> None:
    readme = (ROOT / "README.md").read_text()
    assert not [path.name for path in (ROOT / "docs").glob("*.md") if f"](docs/{path.name}" not in readme]


def test_every_message_of_the_troubleshooting_is_one_of_the_code() -> None:
    """All parts of a heading are in one file, as those of a message are."""
    rooms = [*(ROOT / "plugins").rglob("*.py"), *(ROOT / "playbooks").glob("*.yml")]
    code = [path.read_text() for path in rooms]
    text = (ROOT / "docs" / "troubleshooting.md").read_text()
    headings = re.findall(r"^### (.*)$", text, re.MULTILINE)
    assert headings
    foreign = []
    for heading in headings:
        assert re.fullmatch(r"`[^`]+`", heading), f"{heading}: no message"
        parts = [part for part in re.split(r"\s*…[ ,]*", heading.strip("`")) if part]
        if not any(all(part in one for part in parts) for one in code):
            foreign.append(heading.strip("`"))
    assert set(foreign) == MESSAGES_OF_OTHERS


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_yaml_in_documents_can_be_read(document: Path) -> None:
    for block in YAML_BLOCK.findall(document.read_text()):
        variables = re.findall(r"\b(closeout_[a-z_]+):", block)
        assert yaml.safe_load(block)
        assert set(variables) <= {*DEFAULTS, *ITS_OWN}
