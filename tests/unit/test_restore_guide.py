"""RESTORE.md: words that bash reads as they are, a verdict that comes first, a text that no name can break."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._restore_guide import restore_guide, shell_word
from ansible_collections.incomex.closeout.plugins.module_utils._verdict import verdict
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit import evidence
from tests.unit.test_restore_sql import document, role, space


def guide(**changes: Any) -> str:
    """The guide of a run that passed, with other settings."""
    found = evidence.passing()
    found["settings"].update(changes.pop("settings", {}))
    found["dump"].update(changes.pop("dump", {}))
    globals_document = document(**changes)
    globals_document["preloaded"] = ["pg_stat_statements"]
    globals_document["database"].update(monetary="C", size_bytes=5_000_000)
    text: str = restore_guide({**found, **verdict(found)}, globals_document, "prod.sql")
    return text


@settings(max_examples=30)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_bash_reads_a_word_as_it_is(text: str) -> None:
    word = shell_word(text)
    assert word.isprintable()
    done = subprocess.run(
        ["bash", "--norc", "-c", f"printf %s {word}"], check=True, capture_output=True, env={"LC_ALL": "C.UTF-8"}
    )
    assert done.stdout.decode("utf-8") == text


def test_a_run_that_passed_says_so() -> None:
    text = guide()
    assert "passed every check" in text.partition("\n## ")[0] and "did not pass" not in text
    # With production every row is compared only where all of it is read: what is said is true of every run.
    assert "the copy compared with the dump, row for row" in text and "production, row for row" not in text
    assert "`pg_stat_statements`" in text and "`plpgsql` `1.0`" in text and "5.0 MB" in text


def test_a_run_that_failed_says_why_before_anything_else() -> None:
    found = evidence.passing()
    found["dump"]["tables"] = found["dump"]["tables"][1:]
    head = restore_guide({**found, **verdict(found)}, None, "").partition("\n## ")[0]
    assert "**This artefact did not pass.**" in head and "\n- dump.tables FAIL: `missing: " in head
    assert "passed every check" not in head
    assert "nothing can be restored" in restore_guide({}, None, "")
    assert "did not pass" in restore_guide({}, None, "")


def test_no_name_ends_a_block_or_begins_one() -> None:
    odd = "x\n```\n## 1. Forged `<b>`"
    text = guide(
        settings={"artefact": odd, "bin_dir": odd, "container": "", "sign_key": odd},
        roles=[role(odd, bootstrap=True)],
        tablespaces=[space(odd, f"/{odd}")],
        database={"name": odd},
    )
    assert text.count("\n```") == 2 * text.count("\n```bash\n") == 12
    assert "\n## 1. Forged" not in text
    assert [line[:5] for line in text.splitlines() if line.startswith("## ")] == [f"## {one}." for one in range(1, 10)]


@pytest.mark.parametrize(
    ("dump", "container", "command"),
    [
        ({}, "", "server psql -X -q -v ON_ERROR_STOP=1 -o /dev/null -f - < prod.sql\n"),
        ({"compression": "zstd"}, "c", "zstd -dc < prod.sql | server psql -X -q"),
        ({"format": "custom"}, "", "--dbname application_name=restore prod.sql\n"),
        ({"format": "directory"}, "c", 'tar -cf - prod.sql | server tar -xf - --no-same-owner -C "$copy"\n'),
    ],
)
def test_each_format_has_its_command(dump: dict[str, Any], container: str, command: str) -> None:
    text = guide(dump=dump, settings={"container": container})
    assert command in text
    assert ("docker exec" in text.partition("## 3. ")[0].partition("```bash")[2].partition("```")[0]) is bool(container)


@pytest.mark.parametrize("encryption", [None, {"program": "age", "version": "1", "recipients": ["age1x"]}])
@pytest.mark.parametrize("form", ["plain", "custom", "directory"])
def test_no_value_is_asked_for_that_no_command_uses(form: str, encryption: dict[str, Any] | None) -> None:
    text = guide(dump={"format": form, "encryption": encryption})
    values = re.findall(r"^(\w+)=", text.partition("## 2. ")[2].partition("```bash")[2].partition("```")[0], re.M)
    assert {"artefact", "db"} <= set(values)
    assert [one for one in values if f"${one}" not in text and f"${{{one}" not in text] == []
    assert ("jobs" in values) is (form != "plain" and encryption is None)


@pytest.mark.parametrize(("version", "there"), [(160015, False), (170000, True)])
def test_event_triggers_are_off_where_that_can_be(version: int, there: bool) -> None:
    assert ("-c event_triggers=off" in guide(server_version_num=version)) is there


def test_a_signature_is_verified_first() -> None:
    text = guide(settings={"sign_key": "/root/key"})
    assert text.index("ssh-keygen -Y verify") < text.index("sha256sum --check") < text.index("server psql -X -q")
    assert "ssh-keygen" not in guide()
