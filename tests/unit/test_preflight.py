"""What the preflight says of the way to the artefact directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils import _compression
from ansible_collections.incomex.closeout.plugins.module_utils._preflight import Preflight
from ansible_collections.incomex.closeout.plugins.module_utils._preflight_root import loose_component
from ansible_collections.incomex.closeout.plugins.module_utils._server import Address
from ansible_collections.incomex.closeout.plugins.module_utils._settings import read_settings


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has directories of root's own")
def test_a_directory_that_others_could_replace_is_named(tmp_path: Path) -> None:
    """The first one on the way counts; a sticky one does not."""
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert loose_component(str(deep)) == ""
    (tmp_path / "a").chmod(0o777)
    assert loose_component(str(deep)) == str(tmp_path / "a")
    (tmp_path / "a").chmod(0o1777)
    assert loose_component(str(deep)) == ""
    os.chown(deep, 65534, 65534)
    assert loose_component(str(deep)) == str(deep)
    link = tmp_path / "link"
    link.symlink_to(deep)
    assert loose_component(str(link)) == str(deep)


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_a_compressor_that_is_missing_is_told_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compression: str
) -> None:
    monkeypatch.setattr(_compression, "HOST_PATH", str(tmp_path))
    given = {
        "container": "",
        "login_unix_socket": str(tmp_path),
        "scratch_driver": "local",
        "root": str(tmp_path),
        "compression": compression,
    }
    settings, problems = read_settings(given, run_id="0a0a0a0a0a0a", stamp="20260516T104634Z", date="2026-05-16")
    assert problems == []
    preflight = Preflight(settings, Address(login_unix_socket=str(tmp_path), login_user="nobody", login_db="none"))
    preflight.run()
    found = [problem.found for problem in preflight.found.problems if problem.object == "closeout_compression"]
    assert ["zstd is not installed" in text for text in found] == ([True] if compression == "zstd" else [])
