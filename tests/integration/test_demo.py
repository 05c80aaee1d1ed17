"""The demo: the first thing that a new user runs, without Docker, and without root; as root it is run by
test_installed.py."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.closeouts import assert_no_process_left, assert_sealed
from tests.support.places import ROOT


def run_demo(
    output: Path, *prefix: str, demo: Path = ROOT / "examples/demo/run", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a demo, this checkout's or another, as `make demo` does."""
    return subprocess.run(
        [*prefix, sys.executable, str(demo), "--output", str(output)],
        cwd="/",
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def assert_passed(done: subprocess.CompletedProcess[str], output: Path, gid: int | None = None) -> None:
    """It said ALL_PASS, where the record is, and that production was written to meanwhile; nothing of it is left."""
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^verdict +ALL_PASS", done.stdout, re.MULTILINE)
    assert int(re.search(r"^meanwhile +(\d+) transactions", done.stdout, re.MULTILINE)[1]) > 0  # type: ignore[index]
    (record,) = output.glob("demo_*/closeout.md")
    assert str(record) in done.stdout
    assert "CLOSEOUT_RESULT: ALL_PASS" in record.read_text()
    assert_sealed(record.parent, gid)
    evidence = json.loads((record.parent / "closeout.json").read_text())
    assert str(record.with_name("closeout.html")) in done.stdout and str(record.with_name("RESTORE.md")) in done.stdout
    if shutil.which("ssh-keygen"):
        # What it prints can be executed as it stands.
        commands = [line.partition(": ")[2] for line in done.stdout.splitlines() if "SHA256SUMS" in line]
        commands[0] = commands[0].partition(": ")[2]
        assert len(commands) == 2
        for command in commands:
            subprocess.run(["bash", "-c", command], cwd=record.parent, check=True, timeout=60)
    (metrics,) = output.glob("metrics/*.prom")
    assert "incomex_closeout_last_result{" in metrics.read_text() and str(metrics) in done.stdout
    (verified,) = output.glob("verify_demo_*/verification.json")
    assert json.loads(verified.read_text())["result"]["verification_result"] == "ALL_PASS"
    assert str(verified.with_suffix(".html")) in done.stdout
    (line,) = (output / "history.jsonl").read_text().splitlines()
    assert json.loads(line)["run_id"] == evidence["run"]["id"]
    assert evidence["result"]["production_state"] == "SAFE, changed by its own traffic"
    assert_no_process_left(evidence["run"]["id"])


@pytest.mark.usefixtures("nobody")
def test_the_demo_passes_as_an_ordinary_user(tmp_path: Path) -> None:
    """As whoever runs the tests, or as nobody, where that is root."""
    if os.geteuid() != 0:
        assert_passed(run_demo(tmp_path), tmp_path)
        return
    user = pwd.getpwnam("nobody")
    become = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    if subprocess.run([*become, "test", "-x", os.path.realpath(sys.executable)], check=False).returncode != 0:
        pytest.skip(f"an ordinary user cannot reach {os.path.realpath(sys.executable)}")
    output = tmp_path / "output"
    output.mkdir()
    os.chown(output, user.pw_uid, user.pw_gid)
    for directory in [tmp_path, *tmp_path.parents]:
        if directory.stat().st_uid == os.geteuid() and directory != Path("/"):
            directory.chmod(directory.stat().st_mode | 0o011)
    home = output / "home"
    done = run_demo(output, *become, "env", f"HOME={home}", f"TMPDIR={output}")
    assert_passed(done, output, user.pw_gid)
