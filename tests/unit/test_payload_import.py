"""What comes from a payload is compiled once, and is the same as ever: in a process of its own, from a real archive."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils import _payload_import

OURS = "ansible_collections/incomex/closeout/plugins/module_utils"
BEFORE = "from ansible_collections.incomex.closeout.plugins.module_utils._payload_import import compile_once; "
# Prints how often each file was compiled, and what the modules are called and say.
PROGRAM = f"""
import collections, json, sys
counts = collections.Counter()
def look(event, arguments):
    if event == "compile" and isinstance(arguments[1], str):
        counts[arguments[1]] += 1
sys.addaudithook(look)
sys.path.insert(0, sys.argv[1])
PREPARE
from {OURS.replace("/", ".")} import _one, folder
from {OURS.replace("/", ".")}.folder import _two
import other
files = [module.__file__ for module in (_one, folder, _two)]
print(json.dumps([files, [_one.WORD, _two.WORD, other.WORD], counts]))
"""


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A payload, as Ansible makes one: sources only, a package in a package."""
    path = tmp_path / "payload.zip"
    with zipfile.ZipFile(path, "w") as made:
        parts = OURS.split("/")
        for count in range(1, len(parts) + 1):
            made.writestr("/".join([*parts[:count], "__init__.py"]), "")
        made.writestr(f"{OURS}/_payload_import.py", Path(_payload_import.__file__).read_text())
        made.writestr(f"{OURS}/_one.py", "WORD = 'one'\n")
        made.writestr(f"{OURS}/folder/__init__.py", "")
        made.writestr(f"{OURS}/folder/_two.py", "WORD = 'two'\n")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as made:
        made.writestr("other.py", "WORD = 'other'\n")
    return path


def outcome(archive: Path, prepare: str) -> tuple[list[str], list[str], dict[str, int]]:
    """The files that the modules say they are, what they hold, and how often each was compiled."""
    program = PROGRAM.replace("PREPARE", f"sys.path.append({str(archive.with_name('other.zip'))!r})\n{prepare}")
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, str(archive)], capture_output=True, text=True, timeout=60, check=True
    )
    files, words, counts = json.loads(done.stdout)
    return files, words, counts


def test_it_is_compiled_once_and_is_the_same(archive: Path) -> None:
    files, words, before = outcome(archive, "")
    assert words == ["one", "two", "other"]
    assert files == [f"{archive}/{OURS}/{name}" for name in ("_one.py", "folder/__init__.py", "folder/_two.py")]
    again, same, counts = outcome(archive, f"{BEFORE}compile_once()")
    assert (again, same) == (files, words)
    assert [counts[name] for name in files] == [1, 1, 1]
    # Another archive's modules are none of ours.
    other = f"{archive.with_name('other.zip')}/other.py"
    assert counts[other] == before[other]


def test_a_module_that_is_not_there_is_told_as_ever(archive: Path) -> None:
    said = [
        outcome(archive, f"{prepare}\ntry:\n    import {OURS.replace('/', '.')}.missing\n"
                "except ModuleNotFoundError as error:\n    sys.path.append(str(error))\n"
                "counts[sys.path[-1]] += 5")[2]
        for prepare in ("", f"{BEFORE}compile_once()")
    ]  # fmt: skip
    names = [{name for name, count in counts.items() if count == 5} for counts in said]
    assert names[0] == names[1] == {f"No module named '{OURS.replace('/', '.')}.missing'"}


def test_outside_a_payload_nothing_is_changed() -> None:
    hooks = list(sys.path_hooks)
    _payload_import.compile_once()
    assert sys.path_hooks == hooks
