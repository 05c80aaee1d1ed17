"""SHA256SUMS is signed by a real ssh-keygen, and a real ssh-keygen says whether the signature is good."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ClusterFactory
from tests.integration.closeouts import as_soon_as, assert_failed, assert_sealed, last_message, local_variables
from tests.integration.module_options import fails, problems_of, succeeds
from tests.support.guide import follow
from tests.support.places import wait_until
from tests.support.playbook import run_playbook
from tests.support.postgres import Cluster

RUN = "4f0c7a91b2d3"
NAMESPACE = "incomex-closeout"


def new_key(path: Path, passphrase: str = "", kind: str = "ed25519") -> Path:
    """Make a pair of keys."""
    argv = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "", "-f", str(path)]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, timeout=60)
    return path


def signers(path: Path, *keys: Path) -> Path:
    """Make a file of allowed signers, each called as its key's file."""
    lines = [f'{key.name} namespaces="{NAMESPACE}" {key.with_suffix(".pub").read_text()}' for key in keys]
    path.write_text("".join(lines))
    return path


def verify(artefact: Path, allowed: Path, signer: str, namespace: str = NAMESPACE) -> bool:
    """Whether ssh-keygen takes the signature for that signer's."""
    argv = ["ssh-keygen", "-Y", "verify", "-f", str(allowed), "-I", signer, "-n", namespace]
    argv += ["-s", str(artefact / "SHA256SUMS.sig")]
    with (artefact / "SHA256SUMS").open("rb") as sums:
        done = subprocess.run(argv, stdin=sums, capture_output=True, timeout=60, check=False)
    return done.returncode == 0


def asked(path: Path, state: str, **more: Any) -> dict[str, Any]:
    """Options of closeout_artefact."""
    return {"path": str(path), "state": state, "run_id": RUN, **more}


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """An artefact directory that is not sealed yet."""
    path = tmp_path / "root" / "label_1"
    succeeds("closeout_artefact", asked(path, "begun"))
    (path / "prod.sql").write_text("-- dump\n")
    return path


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_signature_is_good_for_its_key_and_its_content_alone(begun: Path, tmp_path: Path, kind: str) -> None:
    key, other = new_key(tmp_path / "mine", kind=kind), new_key(tmp_path / "other")
    facts = succeeds("closeout_artefact", asked(begun, "sealed", sign_key=str(key)))
    signature = begun / "SHA256SUMS.sig"
    assert facts["signature"] == str(signature) and signature.stat().st_mode & 0o777 == 0o600
    assert "SHA256SUMS" not in (begun / "SHA256SUMS").read_text()
    allowed = signers(tmp_path / "allowed", key, other)
    assert verify(begun, allowed, "mine")
    assert not verify(begun, allowed, "other")
    assert not verify(begun, signers(tmp_path / "others", other), "mine")
    assert not verify(begun, allowed, "mine", "file")
    with (begun / "SHA256SUMS").open("a") as file:
        file.write("\n")
    assert not verify(begun, allowed, "mine")


@pytest.mark.parametrize("state", ["recorded", "sealed"])
def test_what_is_signed_is_not_written_to(begun: Path, tmp_path: Path, state: str) -> None:
    key = new_key(tmp_path / "mine")
    succeeds("closeout_artefact", asked(begun, "sealed", sign_key=str(key), record="# one\n"))
    before = {path: path.read_bytes() for path in begun.rglob("*") if path.is_file()}
    for sign_key in ("", str(key)):
        refused = fails("closeout_artefact", asked(begun, state, sign_key=sign_key, record="# two\n"))
        assert "is signed already" in refused.msg
    assert {path: path.read_bytes() for path in begun.rglob("*") if path.is_file()} == before


def test_a_key_that_cannot_sign_is_told_in_one_message(begun: Path, tmp_path: Path) -> None:
    """Nobody is asked for a passphrase; no signature, not even half a one, is left."""
    closed = new_key(tmp_path / "open")
    closed.chmod(0o644)
    nothing = tmp_path / "nothing"
    nothing.write_text("no key\n")
    nothing.chmod(0o600)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    asking = tmp_path / "askpass"
    asking.write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\necho passphrase\n")
    asking.chmod(0o755)
    environment = {"SSH_ASKPASS": str(asking), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"}
    for key, told in (
        (new_key(tmp_path / "encrypted", "passphrase"), "incorrect passphrase supplied to decrypt private key"),
        (tmp_path / "absent", "The key .* cannot be read.*No such file"),
        (closed, "is not private.*-rw-r--r--"),
        (nothing, "ssh-keygen cannot sign with the key"),
        (pipe, "is not private"),
        (tmp_path, "is not private"),
    ):
        refused = fails("closeout_artefact", asked(begun, "sealed", sign_key=str(key)), env=environment)
        assert re.search(told, refused.msg), refused.msg
    assert not (tmp_path / "asked").exists()
    assert not list(begun.glob("SHA256SUMS.sig*"))


def test_an_agent_signs_with_an_encrypted_key(begun: Path, tmp_path: Path) -> None:
    key = new_key(tmp_path / "mine", "passphrase")
    socket = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        wait_until(socket.exists, 10, "ssh-agent")
        asking = tmp_path / "askpass"
        asking.write_text("#!/bin/sh\necho passphrase\n")
        asking.chmod(0o755)
        reached = {"SSH_AUTH_SOCK": str(socket)}
        subprocess.run(
            ["ssh-add", "-q", str(key)], check=True, timeout=60, stdin=subprocess.DEVNULL,
            env={**os.environ, **reached, "SSH_ASKPASS": str(asking), "SSH_ASKPASS_REQUIRE": "force"},
        )  # fmt: skip
        succeeds("closeout_artefact", asked(begun, "sealed", sign_key=str(key)), env=reached)
    finally:
        agent.terminate()
        agent.wait(10)
    assert verify(begun, signers(tmp_path / "allowed", key), "mine")


def test_a_closeout_is_signed_and_its_guide_verifies_it(
    cluster: ClusterFactory, production_cluster: Cluster, tmp_path: Path
) -> None:
    """Named by the record; a file that was changed, with sums to match, is found out by the guide's own commands."""
    key = new_key(tmp_path / "mine")
    result = run_playbook(local_variables(production_cluster, tmp_path / "root", sign_key=str(key)))
    assert result.rc == 0 and result.artefact is not None, result.stdout
    artefact = result.artefact
    record = (artefact / "closeout.md").read_text()
    assert f"- signed by the key: `{key}`" in record and "  - `SHA256SUMS.sig`\n" in record
    assert result.evidence is not None and result.evidence["settings"]["sign_key"] == str(key)
    allowed = signers(tmp_path / "allowed", key)
    assert verify(artefact, allowed, "mine")
    new = cluster(16, db="other")
    values = {
        "PGHOST": str(new.socket_dir),
        "PGPORT": str(new.port),
        "PGUSER": new.user,
        "signers": str(allowed),
        "signer": "mine",
    }
    assert 'Good "incomex-closeout" signature for mine' in follow(artefact, values)
    with (artefact / "globals.sql").open("a") as file:
        file.write("\\! true\n")
    (artefact / "SHA256SUMS").write_bytes(_sums(artefact))
    with pytest.raises(AssertionError, match="Signature verification failed"):
        follow(artefact, {**values, "db": "again"})
    assert new.psql("SELECT count(*) FROM pg_database WHERE datname = 'again'") == "0"


def _sums(artefact: Path) -> bytes:
    names = [line.split(b"  ", 1)[1].decode() for line in (artefact / "SHA256SUMS").read_bytes().splitlines()]
    return subprocess.run(["sha256sum", *names], cwd=artefact, check=True, capture_output=True).stdout


def test_a_key_that_cannot_sign_is_in_the_way_of_the_run(production_cluster: Cluster, tmp_path: Path) -> None:
    """Before anything starts, with whatever else is in the way."""
    root = tmp_path / "root"
    for key, told in (
        (new_key(tmp_path / "encrypted", "passphrase"), "incorrect passphrase"),
        (tmp_path / "absent", "cannot be read"),
        ("key", "closeout_sign_key an absolute path"),
    ):
        assert told in problems_of(local_variables(production_cluster, root, sign_key=str(key)))
    assert not root.exists()


def test_a_signature_that_could_not_be_made_leaves_no_pass(production_cluster: Cluster, tmp_path: Path) -> None:
    """The key goes while the run is at work: the record says FAIL and why, and its checksums are its own."""
    key, root = new_key(tmp_path / "mine"), tmp_path / "root"

    with as_soon_as(lambda: any(root.glob("*/.closeout.json")), key.unlink):
        result = run_playbook(local_variables(production_cluster, root, sign_key=str(key)))
    assert_failed(result)
    assert result.artefact is not None and result.evidence is not None
    assert "The record could not be written: The key" in last_message(result)
    assert "CLOSEOUT_RESULT: FAIL" in (result.artefact / "closeout.md").read_text()
    assert "did not pass" in (result.artefact / "RESTORE.md").read_text()
    assert not list(result.artefact.glob("SHA256SUMS.sig*"))
    assert_sealed(result.artefact)


def test_what_is_signed_and_not_true_any_more_does_not_stay(production_cluster: Cluster, tmp_path: Path) -> None:
    """The history cannot be written after all was signed: nothing that says that it passed is left."""
    key, root = new_key(tmp_path / "mine"), tmp_path / "root"
    with as_soon_as(lambda: any(root.glob("*/SHA256SUMS.sig")), (root / "history.jsonl").mkdir):
        result = run_playbook(local_variables(production_cluster, root, sign_key=str(key)))
    assert result.rc != 0 and result.custom_stats["closeout_result"] == "FAIL"
    assert "line in the history could not be written" in last_message(result)
    (artefact,) = (path for path in root.iterdir() if path.name != "history.jsonl")
    left = {path.name for path in artefact.iterdir()}
    assert not left & {"closeout.json", "closeout.md", "closeout.html", "RESTORE.md"}
    assert {"globals.sql", "manifest.json"} <= left and any(name.startswith("prod-") for name in left)
