"""Every command that a document shows is run by a test, or the document says which outside system it needs.

The line above a block of commands says which: `<!-- run by: tests/….py::test_it -->`, several of them with a space
between, or `<!-- needs: a production server -->`. Who runs a command holds it as a text, letter for letter: so what is
changed in a document is changed in its test, too. A file of tests that reads its commands from the document is named
without a function.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.places import ROOT
from tests.unit.test_docs import DOCUMENTS

_FENCE = re.compile(r" *```(\w*)$")
_MARK = re.compile(r" *<!-- (needs|run by): (.+) -->$")
_PROMPT = re.compile(r"^ *[$#] ")


@dataclass(frozen=True)
class Block:
    """A block of commands: where it is, what the line above it says, the commands without prompt and comment."""

    document: Path
    line: int
    mark: str
    says: str
    commands: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"


def plain(text: str) -> str:
    """A text with one space where there are several, or line ends."""
    return " ".join(text.split())


def commands(lines: list[str], *, prompted: bool) -> tuple[str, ...]:
    """The commands of a block: those after a prompt, or where there is none every line that is no comment."""
    found = []
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).split("\n"):
        if not prompted or _PROMPT.match(line):
            command = re.sub(r"(^|\s+)# .*", "", _PROMPT.sub("", line) if prompted else line)
            found.append(plain(command))
    return tuple(filter(None, found))


def blocks(document: Path) -> Iterator[Block]:
    """The blocks of commands of a document."""
    language, begun, before, mark = "", 0, "", ("", "")
    lines = document.read_text().split("\n")
    for number, line in enumerate(lines, 1):
        fence = _FENCE.match(line)
        if fence and not begun:
            language, begun = fence[1], number
            marked = _MARK.match(before)
            mark = (marked[1], marked[2]) if marked else ("", "")
        elif fence:
            inside = lines[begun : number - 1]
            if language == "sql":
                yield Block(document, begun, *mark, tuple(filter(None, map(plain, "\n".join(inside).split(";")))))
            elif language in ("console", "bash", "sh", "shell"):
                yield Block(document, begun, *mark, commands(inside, prompted=language == "console"))
            else:
                # A command in any other block would get round all this.
                assert not [one for one in inside if one.startswith("$ ")], f"{document}:{begun}: not a console block"
            begun = 0
        before = line or before
    assert not begun, f"{document}:{begun}: the block has no end"


def texts(reference: str, document: Path) -> list[str]:
    """What a reference holds: a function's strings, a file's text, or the whole document where the file reads it."""
    path, _mark, function = reference.partition("::")
    text = (ROOT / path).read_text()
    if not function:
        read = f'"{document.name}").read_text()' in text
        return [plain(document.read_text() if read else text)]
    found = [one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.FunctionDef) and one.name == function]
    assert found, f"{path} has no function {function}"
    parts = [part for one in found for part in ast.walk(one)]
    return [plain(part.value) for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]


BLOCKS = [block for document in DOCUMENTS for block in blocks(document)]


def test_there_are_commands() -> None:
    assert {"make demo", "make test"} <= set(BLOCKS[0].commands)
    assert len(BLOCKS) > 5


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_every_command_is_run_or_says_what_it_needs(block: Block) -> None:
    assert block.commands, "a block without a command is no console block"
    if block.mark == "needs":
        assert len(block.says.split()) > 1
        return
    assert block.mark == "run by", "the line above says neither `<!-- run by: … -->` nor `<!-- needs: … -->`"
    held = {reference: texts(reference, block.document) for reference in block.says.split()}
    runs = {
        reference: {command for command in block.commands if any(command in text for text in strings)}
        for reference, strings in held.items()
    }
    assert not set(block.commands) - set().union(*runs.values()), "no test of those named holds these commands"
    assert all(runs.values()), f"one of {list(runs)} runs none of them"


def test_a_block_is_read_as_a_person_reads_it(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text(
        "Text\n\n<!-- needs: a bucket -->\n```console\n$ one   # why\n# two \\\n    --more\nits output\n```\n\n"
        "- item\n\n  ```sh\n  # a comment\n  three\n  ```\n"
    )
    assert list(blocks(document)) == [
        Block(document, 4, "needs", "a bucket", ("one", "two --more")),
        Block(document, 13, "", "", ("three",)),
    ]
