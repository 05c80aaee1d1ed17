"""An archive that is lent to a scratch server: readable for its group, as long as it takes, and private again."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils import _archive_place
from ansible_collections.incomex.closeout.plugins.module_utils._archive_place import inherited, lent, mounted
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError, NotOurs
from ansible_collections.incomex.closeout.plugins.module_utils._peer import Credentials

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
GROUP = 4242


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A directory of two files, as the dump leaves them."""
    directory = tmp_path / "prod.dir"
    directory.mkdir(mode=0o700)
    for name in ("toc.dat", "1.dat"):
        (directory / name).touch(mode=0o600)
    return directory


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A session with a server of another user."""
    monkeypatch.setattr(_archive_place, "credentials_of", lambda _connected: Credentials(1, 4241, GROUP))
    one, other = socket.socketpair()
    with one, other:
        yield SimpleNamespace(descriptor=one.fileno)


def state(path: Path) -> set[tuple[str, int, int, int]]:
    """Owner, group and mode of everything."""
    found = [(one, one.stat()) for one in [path, *path.iterdir()]]
    return {(one.name, status.st_uid, status.st_gid, status.st_mode & 0o7777) for one, status in found}


def test_the_group_may_read_and_no_longer(archive: Path, session: Any) -> None:
    before = state(archive)
    with lent(str(archive), session):
        files = {(name, 0, GROUP, 0o640) for name in ("toc.dat", "1.dat")}
        assert state(archive) == {("prod.dir", 0, GROUP, 0o750), *files}
    assert state(archive) == before
    with pytest.raises(ValueError, match="within"), lent(str(archive), session):
        raise ValueError("within")
    assert state(archive) == before


def test_a_file_is_lent_too(archive: Path, session: Any) -> None:
    path = archive / "1.dat"
    with lent(str(path), session):
        assert (path.stat().st_gid, path.stat().st_mode & 0o777) == (GROUP, 0o640)
        assert archive.stat().st_mode & 0o777 == 0o700
    assert (path.stat().st_gid, path.stat().st_mode & 0o777) == (0, 0o600)


def test_nothing_that_a_link_leads_to_is_given(archive: Path, session: Any, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.touch(mode=0o600)
    before = state(archive)
    (archive / "2.dat").symlink_to(outside)
    with pytest.raises(CloseoutError, match="cannot be given"), lent(str(archive), session):
        pytest.fail("it was lent")
    (archive / "2.dat").unlink()
    assert (outside.stat().st_gid, outside.stat().st_mode & 0o777) == (0, 0o600)
    assert state(archive) == before


def test_a_container_must_have_been_made_for_it() -> None:
    container: Any = SimpleNamespace(name="scratch", mounts={"/closeout-dump": "/backups/a.dump"})
    assert mounted(container, "/backups/a.dump") == "/closeout-dump"
    with pytest.raises(NotOurs, match="was not made for this archive"):
        mounted(container, "/backups/b.dump")
    container.mounts = {}
    with pytest.raises(NotOurs, match="no such mount"):
        mounted(container, "/backups/a.dump")


def test_a_child_gets_a_descriptor(archive: Path) -> None:
    with inherited(str(archive)) as (path, descriptor):
        assert os.readlink(path) == str(archive) and path.endswith(f"/{descriptor}")
    with pytest.raises(CloseoutError, match="cannot be given"), inherited(str(archive / "none")):
        pytest.fail("there is none")
