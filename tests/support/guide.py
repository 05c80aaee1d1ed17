"""RESTORE.md as a person uses it: the first block edited, then every block executed in its order, in one bash."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from ansible_collections.incomex.closeout.plugins.module_utils._restore_guide import shell_word

_BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(artefact: Path) -> list[str]:
    """The blocks of commands of the artefact's RESTORE.md."""
    return _BLOCK.findall((artefact / "RESTORE.md").read_text())


def edited(block: str, values: Mapping[str, str]) -> str:
    """The first block with other values; a value that begins with a bracket is taken as it is."""
    for name, value in values.items():
        found = list(re.finditer(rf"^(export )?{name}=.*$", block, re.MULTILINE))
        assert len(found) == 1, f"{name} is not a value to edit in:\n{block}"
        word = value if value.startswith("(") else shell_word(value)
        block = f"{block[: found[0].start()]}{found[0][1] or ''}{name}={word}{block[found[0].end() :]}"
    return block


def follow(artefact: Path, values: Mapping[str, str], path: str = os.environ["PATH"]) -> str:
    """Execute the guide, and stop where a command fails; what it printed. AssertionError where it did not succeed."""
    first, *others = blocks(artefact)
    script = "".join([edited(first, values), *others])
    # No file of ours is executed in the place of a command, and nothing of our environment decides where it goes.
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eu", "-c", script],
        cwd="/", env={"PATH": path, "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{script}\n{done.stdout}"
    return done.stdout
