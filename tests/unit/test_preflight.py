"""What the preflight says of the way to the artefact directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._preflight import loose_component


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
