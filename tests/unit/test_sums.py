"""SHA256SUMS read back is what was written, by us and by coreutils; anything else is refused."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._artefact import SUMS, seal
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError
from ansible_collections.incomex.closeout.plugins.module_utils._sums import read_sums
from hypothesis import given
from hypothesis import strategies as st

ODD = [
    "plain.sql",
    "with  blank",
    "new\nline",
    "back\\slash",
    "back\\nslash",
    "both\\\n",
    " lead",
    "*star",
    "größe",
    "\r",
]
DIGEST = "ab" * 32


def test_what_was_sealed_is_read_back(tmp_path: Path) -> None:
    for name in [*ODD, os.fsdecode(b"not\xffutf8")]:
        (tmp_path / name).write_text(name.encode("utf-8", "replace").hex())
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.log").touch()
    seal(str(tmp_path), {})
    found = read_sums((tmp_path / SUMS).read_bytes())
    assert set(found) == {*ODD, os.fsdecode(b"not\xffutf8"), "logs/a.log"}
    (tmp_path / SUMS).unlink()
    printed = subprocess.run(
        ["sha256sum", "--", *sorted(found)], cwd=tmp_path, capture_output=True, check=True, timeout=60
    ).stdout
    assert read_sums(printed) == found


@given(st.binary(max_size=200) | st.text("ab\\ \n*0", max_size=80).map(str.encode))
def test_anything_is_read_or_refused(content: bytes) -> None:
    try:
        found = read_sums(content)
    except CloseoutError:
        return
    assert len(found) <= content.count(b"\n")


@pytest.mark.parametrize(
    "content",
    [
        f"{DIGEST}  cut".encode(),
        f"{DIGEST}\n".encode(),
        f"{DIGEST.upper()}  a\n".encode(),
        f"{DIGEST}  \n".encode(),
        f"\\{DIGEST}  a\\x\n".encode(),
        f"\\{DIGEST}  a\\\n".encode(),
        b"\n",
    ],
)
def test_what_sha256sum_does_not_print_is_refused(content: bytes) -> None:
    with pytest.raises(CloseoutError, match="SHA256SUMS"):
        read_sums(content)
