"""Who is at work: a lock that lasts exactly as long as a process."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils import _running
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError
from ansible_collections.incomex.closeout.plugins.module_utils._running import at_work, directory, is_at_work

_HOLDS = """
import sys, time
from ansible_collections.incomex.closeout.plugins.module_utils import _running
_running.ROOTS_DIRECTORY = _running.OTHERS_DIRECTORY = sys.argv[2]
with _running.at_work(sys.argv[1]):
    print("holds", flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else's reaper looks there."""
    monkeypatch.setattr(_running, "ROOTS_DIRECTORY", str(tmp_path / "run"))
    monkeypatch.setattr(_running, "OTHERS_DIRECTORY", str(tmp_path / "run"))


@pytest.fixture
def run_id() -> str:
    """A run of the test's own."""
    return secrets.token_hex(6)


def file_of(run_id: str) -> Path:
    return Path(directory()) / f"run-{run_id}"


def test_nobody_is_at_work_that_never_began(run_id: str) -> None:
    assert not is_at_work(run_id)
    assert not file_of(run_id).exists()


def test_as_long_as_the_block_lasts(run_id: str) -> None:
    with at_work(run_id):
        assert is_at_work(run_id)
        assert Path(directory()).stat().st_mode & 0o077 == 0
    assert not is_at_work(run_id)
    assert not file_of(run_id).exists()


def test_several_modules_of_a_run(run_id: str) -> None:
    with at_work(run_id):
        with at_work(run_id):
            pass
        assert is_at_work(run_id) and file_of(run_id).exists()
    assert not is_at_work(run_id)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_that_is_killed_is_not_at_work(run_id: str, number: signal.Signals) -> None:
    process = subprocess.Popen([sys.executable, "-c", _HOLDS, run_id, directory()], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "holds\n"
        assert is_at_work(run_id)
    finally:
        process.send_signal(number)
        process.wait()
        process.stdout.close()
    # The file is left, and says nothing.
    assert file_of(run_id).exists() and not is_at_work(run_id)
    with at_work(run_id):
        assert is_at_work(run_id)
    assert not file_of(run_id).exists()


def test_a_module_without_a_run_holds_nothing() -> None:
    with at_work(""), at_work("../../etc/passwd"):
        assert not os.path.exists(directory())
    assert not is_at_work("")


def test_what_killed_modules_leave(run_id: str) -> None:
    with at_work(run_id):
        (file_of(run_id).with_name("run-gone")).touch()
        assert _running.locks_left() == [f"{directory()}/run-gone"]
        _running.remove_lock(f"{directory()}/run-gone")
        # Should a module be at work by then, it stays.
        _running.remove_lock(str(file_of(run_id)))
        assert os.listdir(directory()) == [f"run-{run_id}"]
    assert not os.path.exists(directory())


def test_an_open_directory_is_closed(run_id: str) -> None:
    Path(directory()).mkdir()
    Path(directory()).chmod(0o777)
    with at_work(run_id):
        assert Path(directory()).stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_another_users_directory_is_refused(run_id: str) -> None:
    Path(directory()).mkdir(mode=0o700)
    os.chown(directory(), 12345, 12345)
    with pytest.raises(CloseoutError, match="user id 12345"), at_work(run_id):
        pass


def test_what_lies_in_anothers_directory_is_nothing_of_ours() -> None:
    """Who made it could have a job of ours name any directory as its payload's."""
    Path(directory()).mkdir(mode=0o700)
    for name in ("run-gone", "job-gone"):
        (Path(directory()) / name).mkdir()
    assert _running.entries("job-") == [f"{directory()}/job-gone"]
    Path(directory()).chmod(0o777)
    assert _running.entries("job-") == [] and _running.locks_left() == []
    Path(directory()).rename(f"{directory()}-real")
    Path(f"{directory()}-real").chmod(0o700)
    Path(directory()).symlink_to(f"{directory()}-real")
    assert _running.entries("job-") == []


@pytest.mark.parametrize("kind", ["link", "file"])
def test_somebody_elses_directory_is_refused(
    run_id: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "place"
    if kind == "link":
        place.symlink_to(tmp_path)
    else:
        place.touch()
    monkeypatch.setattr(_running, "ROOTS_DIRECTORY", str(place))
    monkeypatch.setattr(_running, "OTHERS_DIRECTORY", str(place))
    with pytest.raises(CloseoutError, match=str(place)), at_work(run_id):
        pass
