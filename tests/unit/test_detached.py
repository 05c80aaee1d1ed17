"""The scripts that start a command on the target, ask for it and remove its remains, run by a real /bin/sh."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._abandoned import jobs
from ansible_collections.incomex.closeout.plugins.module_utils._running import directory
from ansible_collections.incomex.closeout.plugins.plugin_utils._detached import (
    CANNOT_START,
    Answer,
    ask,
    read_answer,
    remove,
    start,
)

from tests.support.places import wait_until


class Target:
    """One command on this host, as the action drives it."""

    def __init__(self) -> None:
        self.token = secrets.token_hex(8)
        self.directory = Path(directory()) / f"job-{self.token}"
        self.asked = 0

    def start(self, command: str, given: bytes | None = None, payload: str = "") -> subprocess.CompletedProcess[bytes]:
        script = start(self.token, command, has_input=given is not None, payload=payload)
        return subprocess.run(["/bin/sh", "-c", script], input=given or b"", capture_output=True, check=False)

    def ask(self) -> subprocess.CompletedProcess[bytes]:
        self.asked += 1
        return subprocess.run(["/bin/sh", "-c", ask(self.token, self.asked)], capture_output=True, check=False)

    def remove(self) -> None:
        subprocess.run(["/bin/sh", "-c", remove(self.token)], check=True)

    def processes(self) -> list[int]:
        """Those that were started with the lease in their environment."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/environ"):
            try:
                if self.token.encode() in entry.read_bytes():
                    found.append(int(entry.parent.name))
            except OSError:
                continue
        return found


@pytest.fixture
def target() -> Iterator[Target]:
    """A command of the test's own; nothing of it is left."""
    one = Target()
    yield one
    for pid in one.processes():
        os.kill(pid, signal.SIGKILL)
    one.remove()
    assert not one.directory.exists()


def answer(done: subprocess.CompletedProcess[bytes]) -> Answer:
    found = read_answer(done.stdout.decode())
    assert found is not None, done
    return found


def test_a_short_command_takes_one_script(target: Target) -> None:
    done = target.start("echo said; echo 'it'\\''s' >&2; exit 3")
    assert answer(done) == Answer(True, False, "said\n")
    assert (done.returncode, done.stderr) == (3, b"it's\n")


def test_its_input_is_its_own_and_is_not_kept(target: Target) -> None:
    done = target.start("cat; ls $TMPDIR", b"pass\0word")
    assert answer(done).stdout.startswith("pass\0word")
    assert "in\n" not in answer(done).stdout.replace("pass\0word", "")


def test_it_finds_the_lease_and_a_private_directory(target: Target) -> None:
    done = target.start("echo $CLOSEOUT_LEASE $TMPDIR; stat -c %a $TMPDIR; cat $CLOSEOUT_LEASE")
    assert answer(done).stdout.split() == [f"{target.directory}/lease", str(target.directory), "700", "0"]


def test_a_long_command_is_asked_for_and_its_lease_renewed(target: Target) -> None:
    done = target.start("while ! [ -e $TMPDIR/enough ]; do sleep 0.05; done; echo done")
    assert answer(done) == Answer(False, False, "")
    assert answer(target.ask()) == Answer(False, False, "")
    assert (target.directory / "lease").read_text() == "1\n"
    (target.directory / "enough").touch()
    assert answer(target.ask()) == Answer(True, False, "done\n")
    # Should the answer be lost on its way, the next question has it again.
    assert answer(target.ask()) == Answer(True, False, "done\n")


def test_one_that_is_just_being_started_is_not_taken_for_dead(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reaper that looks before the lock is held leaves the directory alone."""
    real = shutil.which("flock")
    slow = tmp_path / "flock"
    slow.write_text(
        f'#!/bin/sh\n: >>"{tmp_path}/asked"\nuntil [ -e "{tmp_path}/go" ]; do sleep 0.05; done\nexec {real} "$@"\n'
    )
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(target.start, "echo said")
        try:
            wait_until((tmp_path / "asked").exists, 10, "the lock to be asked for")
            assert target.directory.exists() and str(target.directory) not in list(jobs())
        finally:
            (tmp_path / "go").touch()
        assert answer(starting.result()) == Answer(True, False, "said\n")


def test_it_is_nobodys_child(target: Target) -> None:
    """A session of its own: what ends the connection does not reach it."""
    target.start("cut -d' ' -f5,6 /proc/self/stat > $TMPDIR/stat; sleep 30")
    wait_until((target.directory / "stat").exists, 10, "the command")
    group, session = (target.directory / "stat").read_text().split()
    assert group == session and int(session) != os.getsid(0)


def test_everything_killed(target: Target) -> None:
    assert not answer(target.start("sleep 30")).has_ended
    for pid in target.processes():
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not target.processes(), 10, "its end")
    assert answer(target.ask()) == Answer(False, True, "")


def test_only_the_command_killed(target: Target) -> None:
    done = target.start("kill -9 $$")
    assert answer(done) == Answer(True, False, "") and done.returncode == 137


def test_the_payloads_directory_goes_with_it(target: Target, tmp_path: Path) -> None:
    payload = tmp_path / "ansible-tmp-it's"
    payload.mkdir()
    (payload / "AnsiballZ_x.py").touch()
    assert answer(target.start("true", payload=str(payload))).has_ended
    wait_until(lambda: not payload.exists(), 10, "the payload's directory to go")


def test_a_directory_that_is_there_is_refused(target: Target) -> None:
    Path(directory()).mkdir(mode=0o700, exist_ok=True)
    target.directory.mkdir(mode=0o700)
    done = target.start(f"touch {target.directory}/ran")
    assert done.returncode == CANNOT_START and b"cannot be used" in done.stderr
    assert read_answer(done.stdout.decode()) is None and not (target.directory / "ran").exists()


def test_many_at_the_same_time() -> None:
    """Each that ends removes the directory that all have in common, if it is empty then."""

    def one(_number: int) -> tuple[int, str]:
        target = Target()
        done = target.start("echo said")
        target.remove()
        return done.returncode, answer(done).stdout

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(one, range(40))) == {(0, "said\n")}


def test_without_util_linux(target: Target, tmp_path: Path) -> None:
    (tmp_path / "id").symlink_to("/usr/bin/id")
    script = start(target.token, "true", has_input=False)
    done = subprocess.run(["/bin/sh", "-c", script], env={"PATH": str(tmp_path)}, capture_output=True, check=False)
    assert done.returncode == CANNOT_START and done.stderr == b"flock (util-linux) is not installed\n"


def test_what_a_login_shell_says_is_not_the_answer() -> None:
    assert read_answer("Welcome!\ncloseout: it has ended\n{}") == Answer(True, False, "{}")
    assert read_answer("Welcome!\n") is None
    # A terminal's line ends.
    assert read_answer("Welcome!\r\ncloseout: it goes on\r\n") == Answer(False, False, "")


def test_another_command_may_follow(target: Target) -> None:
    """As Ansible adds one where there is a terminal."""
    for script in (start(target.token, "exit 3", has_input=False), ask(target.token, 1), remove(target.token)):
        done = subprocess.run(["/bin/sh", "-c", f"{script} && echo more"], capture_output=True, check=False)
        assert done.stderr == b"" and (done.returncode == 3 or done.stdout == b"more\n")
