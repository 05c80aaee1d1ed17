"""End to end: an artefact of ours, or a dump of somebody else's, verified where production is gone."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.integration.closeouts import (
    assert_no_container_left,
    assert_no_process_left,
    assert_sealed,
    local_variables,
)
from tests.integration.test_signature import new_key, signers
from tests.support import page, postgres
from tests.support.places import DATA, ROOT
from tests.support.playbook import PlaybookResult, run_playbook
from tests.support.share import share

VERIFY = "incomex.closeout.verify"
STYLE = (ROOT / "roles" / "closeout" / "templates" / "page.css.j2").read_text()
"""How all our pages look."""
FORMATS = {
    "plain": {},
    "compressed": {"compression": "gzip"},
    "custom": {"format": "custom", "compression": "gzip"},
    "directory": {"format": "directory"},
}
ROLES = """
CREATE ROLE "An Owner" NOLOGIN; CREATE ROLE reader; CREATE ROLE granted; CREATE ROLE lister;
CREATE SCHEMA app AUTHORIZATION "An Owner";
SET ROLE "An Owner";
CREATE TABLE app.owned (id int PRIMARY KEY, word text); INSERT INTO app.owned VALUES (1, 'größe'), (2, E'a\\nb');
GRANT USAGE ON SCHEMA app TO reader; GRANT SELECT ON app.owned TO reader WITH GRANT OPTION;
SET ROLE reader; GRANT SELECT ON app.owned TO granted; RESET ROLE;
CREATE POLICY listed ON app.owned FOR SELECT TO lister, reader USING (id > 0);
ALTER DEFAULT PRIVILEGES FOR ROLE "An Owner" IN SCHEMA app GRANT SELECT ON TABLES TO lister;
CREATE FUNCTION app.watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE FUNCTION app.watch();
CREATE VIEW app.some AS SELECT id FROM app.owned WHERE word::varchar IN ('a', 'b');
SELECT lo_from_bytea(4242, 'large');
"""

BAKED = """#!/bin/sh
for word; do case "$word" in --pgdata=*) data="${{word#--pgdata=}}";; esac; done
mkdir -m 0700 "$data" && exec cp -R {data}/. "$data"
"""


@dataclass(frozen=True)
class Left:
    """What production left when it went: artefacts and foreign dumps by their format; who it was."""

    artefacts: dict[str, Path]
    dumps: dict[str, Path]
    key: Path
    sysid: str
    bin_dir: Path
    data_dir: Path


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Left]:
    """A production that is closed out in every format, dumped by cron in every format, and gone."""
    place = tmp_path_factory.mktemp("left")
    key = new_key(place / "mine")
    with postgres.Cluster(postgres.install(16)) as server:
        server.psql("CREATE DATABASE directus")
        server.psql((DATA / "cutter_governance.sql").read_text() + ROLES, "directus")

        def closed_out(name: str) -> Path:
            # One session: several of pg_restore make grants that need each other side by side.
            variables = local_variables(server, place / name, sign_key=str(key), restore_jobs=1, **FORMATS[name])
            result = run_playbook(variables)
            assert result.rc == 0 and result.artefact is not None, result.stdout
            return result.artefact

        with ThreadPoolExecutor(2) as pool:
            artefacts = dict(zip(FORMATS, pool.map(closed_out, FORMATS)))
        dumps = {name: place / f"nightly.{name}" for name in ("plain", "custom", "directory", "bare")}
        for name, path in dumps.items():
            # Of an archive pg_restore leaves the owners out, not pg_dump.
            options = ["--no-owner", "--no-privileges"] if name == "bare" else ["--format", name]
            subprocess.run(
                [server.bin_dir / "pg_dump", "-h", server.socket_dir, "-p", str(server.port), "-U", server.user,
                 *options, "-f", path, "directus"],
                check=True, timeout=60,
            )  # fmt: skip
        sysid = server.sysid
        server.stop()
        data = place / "data"
        shutil.copytree(server.data_dir, data, symlinks=True)
        bin_dir = server.bin_dir
    yield Left(artefacts, dumps, key, sysid, bin_dir, data)


@dataclass(frozen=True)
class Verified:
    """What a verification ended with: the play, its evidence, and its directory."""

    play: PlaybookResult
    evidence: dict[str, Any]
    record: Path

    @property
    def statuses(self) -> dict[str, str]:
        """Status by check."""
        return {one["id"]: one["status"] for one in self.evidence["checks"]}

    def detail(self, check: str) -> str:
        """What a check says."""
        return next(str(one["detail"]) for one in self.evidence["checks"] if one["id"] == check)


def variables_for(left: Left, path: Path, root: Path, **more: Any) -> dict[str, Any]:
    """The variables of a verification with the local driver."""
    return {
        "closeout_verify_path": str(path),
        "closeout_root": str(root),
        "closeout_bin_dir": str(left.bin_dir),
        "closeout_scratch_driver": "local",
        **{f"closeout_{name}": value for name, value in more.items()},
    }


def verify(left: Left, path: Path, root: Path, **more: Any) -> Verified:
    """Verify; whatever comes of it, what was verified is as it was, nothing is left, and the record is whole."""
    before = look(path)
    play = run_playbook(variables_for(left, path, root, **more), playbook=VERIFY)
    assert look(path) == before
    (record,) = root.glob("verify_*")
    assert {one.name for one in root.iterdir()} == {record.name}
    evidence = json.loads((record / "verification.json").read_text())
    assert_no_process_left(evidence["run"]["id"])
    assert_sealed(record)
    names = {one.name for one in record.iterdir()}
    assert not names & {"closeout.json", "closeout.md", "closeout.html", "RESTORE.md", "copy", "copy.json"}
    html = (record / "verification.html").read_text()
    assert STYLE in html
    assert {one["id"] for one in evidence["checks"]} <= set(page.texts(html))
    result = evidence["result"]["verification_result"]
    assert play.custom_stats["closeout_verification_result"] == result
    assert "closeout_result" not in play.custom_stats
    assert (record / "verification.md").read_text().rstrip().endswith(f"VERIFICATION_RESULT: {result}")
    assert (play.rc == 0) == (result == "ALL_PASS"), play.stdout
    return Verified(play, evidence, record)


def look(path: Path) -> dict[str, tuple[str, int, int, int, int]]:
    """Digest, mode, owner, group and change time of everything there."""
    found = {}
    for one in sorted([path, *path.rglob("*")]):
        status = one.lstat()
        digest = hashlib.sha256(one.read_bytes()).hexdigest() if one.is_file() else ""
        found[str(one)] = (digest, status.st_mode, status.st_uid, status.st_gid, status.st_ctime_ns)
    return found


def assert_passed(done: Verified, *told: str) -> None:
    """Everything passed but what is told."""
    assert done.evidence["result"]["verification_result"] == "ALL_PASS", done.play.stdout
    assert {name for name, status in done.statuses.items() if status != "PASS"} == set(told)
    assert all(done.statuses[name] == "INFO" for name in told)


def test_an_artefact_whose_production_is_gone_passes(left: Left, tmp_path: Path) -> None:
    """Everything that was recorded is held against what is there; a signature that nobody can check is told."""
    done = verify(left, left.artefacts["custom"], tmp_path / "root")
    assert_passed(done, "artefact.signature")
    assert "was not checked" in done.detail("artefact.signature")
    assert left.sysid in done.detail("scratch.guard")
    assert done.evidence["result"]["as_recorded"] is True
    assert done.evidence["restore"]["compare"]["catalogue"]["equal"] > 100
    assert done.evidence["restore"]["input_sha256"] == done.evidence["recorded"]["dump"]["sha256"]
    assert "VERIFICATION_RESULT: ALL_PASS" in done.play.stdout and "CLOSEOUT_RESULT" not in done.play.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
def test_a_signed_artefact_that_nobody_can_write_to_passes(left: Left, tmp_path: Path) -> None:
    """On a file system that is mounted read-only, by its signature; the record is signed by a key of its own."""
    allowed = signers(tmp_path / "allowed", new_key(tmp_path / "other"), left.key)
    place = tmp_path / "vault"
    place.mkdir()
    mount = ["mount", "--bind", str(left.artefacts["plain"]), str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this host lets nobody mount")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], check=True)
        with pytest.raises(OSError, match="Read-only"):
            (place / "x").touch()
        own = new_key(tmp_path / "own")
        more = {"verify_allowed_signers": str(allowed), "verify_signer": "mine", "sign_key": str(own)}
        play = run_playbook(variables_for(left, place, tmp_path / "root", **more), playbook=VERIFY)
    finally:
        subprocess.run(["umount", str(place)], check=True)
    assert play.rc == 0, play.stdout
    record = Path(play.custom_stats["closeout_verification_record"])
    evidence = json.loads((record / "verification.json").read_text())
    assert {one["status"] for one in evidence["checks"]} == {"PASS"}
    assert "by mine: Good" in (record / "verification.md").read_text()
    assert (record / "SHA256SUMS.sig").exists()


@pytest.mark.parametrize("name", share(["plain", "custom", "bare", "directory"], 4))
def test_a_dump_of_somebody_else_s_passes(left: Left, name: str, tmp_path: Path) -> None:
    """Roles with odd names, grants by who is no owner, an event trigger, policies; and a dump without any owner."""
    given: dict[str, Any] = {}
    told = {"artefact.sums", "artefact.signature", "recorded.result", "dump.rows"}
    if name == "plain":
        given = {
            "verify_sha256": hashlib.sha256(left.dumps[name].read_bytes()).hexdigest(),
            "verify_sysids": [left.sysid],
            "schema": "app",
            "expected_tables": ["owned"],
        }
    else:
        told |= {"dump.sha256_confirmed", "dump.tables"}
    done = verify(left, left.dumps[name], tmp_path / "root", **given)
    assert_passed(done, *told)
    made_up = done.evidence["dump"]["made_up"]
    wanted = [] if name == "bare" else ["An Owner", "reader", "granted", "lister"]
    assert set(wanted) <= set(made_up["roles"])
    assert ("reader" in made_up["superusers"]) is False
    known = left.sysid if name == "plain" else "no identity of production was known"
    assert known in done.detail("scratch.guard")
    assert done.evidence["dump"]["schema"] == ("app" if name == "plain" else "cutter_governance")
    assert ("says of nothing whose it is" in done.detail("restore.objects")) == (name == "bare")
    assert done.evidence["result"]["as_recorded"] is False
    assert {"manifest.json", "globals.json", "comparison.json"} <= {one.name for one in done.record.iterdir()}


def test_what_was_changed_beside_the_dump_fails_and_the_dump_is_tried_all_the_same(left: Left, tmp_path: Path) -> None:
    """One file more, one less, a record that was rewritten: each is named; that the dump, a compressed one, restores
    is seen too.
    """
    artefact = copied(left.artefacts["compressed"], tmp_path)
    (artefact / "note.txt").write_text("x")
    (artefact / "dump_cg_tables.txt").unlink()
    (artefact / "closeout.md").write_text("CLOSEOUT_RESULT: ALL_PASS\n")
    done = verify(left, artefact, tmp_path / "root")
    assert {name for name, status in done.statuses.items() if status == "FAIL"} == {"artefact.sums"}
    for named in ("changed: closeout.md", "missing: dump_cg_tables.txt", "added: note.txt"):
        assert named in done.detail("artefact.sums")
        assert named in done.play.stdout
    assert done.evidence["result"]["restore_tested"] is True


def test_a_dump_with_another_byte_is_not_restored(left: Left, tmp_path: Path) -> None:
    artefact = copied(left.artefacts["custom"], tmp_path)
    (dump,) = artefact.glob("prod-*")
    content = bytearray(dump.read_bytes())
    content[-100] ^= 1
    dump.write_bytes(content)
    done = verify(left, artefact, tmp_path / "root")
    assert f"changed: {dump.name}" in done.detail("artefact.sums")
    assert done.statuses["dump.sha256_confirmed"] == "FAIL"
    assert done.statuses["restore.clean"] == done.statuses["scratch.guard"] == "NOT_RUN"
    assert "Nothing of it was restored" in done.play.stdout and dump.name in done.play.stdout


def copied(path: Path, place: Path) -> Path:
    """A copy that may be changed."""
    return Path(shutil.copytree(path, place / "copied" / path.name))


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's scratch server runs as that user")
def test_a_scratch_server_that_is_the_recorded_one_is_not_restored_into(left: Left, tmp_path: Path) -> None:
    """A prebaked data directory: the new cluster is a physical copy of production, with its system identifier."""
    place = tmp_path / "programs"
    place.mkdir()
    for program in left.bin_dir.iterdir():
        (place / program.name).symlink_to(program)
    (place / "initdb").unlink()
    (place / "initdb").write_text(BAKED.format(data=left.data_dir))
    (place / "initdb").chmod(0o755)
    # The scratch server's user copies what production's own has.
    for path in [place, *place.parents, left.data_dir, *left.data_dir.parents, *left.data_dir.rglob("*")]:
        if path.is_dir() and path.stat().st_mode & 0o055 != 0o055:
            path.chmod(path.stat().st_mode | 0o055)
        elif path.is_file():
            path.chmod(path.stat().st_mode | 0o044)
    done = verify(left, left.artefacts["plain"], tmp_path / "root", bin_dir=str(place))
    assert done.evidence["result"]["verification_result"] == "FAIL"
    assert done.statuses["scratch.guard"] == done.statuses["restore.clean"] == "NOT_RUN"
    assert "This server is production, or a physical copy of it" in done.play.stdout
    assert left.sysid in done.play.stdout


def test_check_mode_tells_and_leaves_nothing(left: Left, tmp_path: Path) -> None:
    """What is in the way is told at once, before anything starts; nothing is made."""
    allowed = tmp_path / "absent"
    root = left.dumps["directory"] / "root"
    variables = variables_for(left, left.dumps["directory"], root, verify_allowed_signers=str(allowed))
    play = run_playbook(variables, playbook=VERIFY, check=True)
    assert play.rc != 0
    assert "To be verified: the dump" in play.stdout and "of version 16.15" in play.stdout
    assert f"The file of allowed signers {allowed} cannot be read" in play.stdout
    assert "whose SHA256SUMS is signed" in play.stdout
    assert "a directory outside what is verified" in play.stdout
    assert not root.exists()


def test_a_verification_in_a_container(
    left: Left, docker_client: docker.DockerClient, docker_host: str, production_image: str, tmp_path: Path
) -> None:
    """An archive that is a directory: the container has a copy of it as its only mount of the host, read-only."""
    more = {"scratch_driver": "docker", "scratch_image": production_image, "docker_host": docker_host, "bin_dir": ""}
    done = verify(left, left.artefacts["directory"], tmp_path / "root", **more)
    assert_passed(done, "artefact.signature")
    mounts = done.evidence["restore"]["scratch"]["isolation"]["mounts"]
    (bound,) = (one for one in mounts if one["type"] == "bind")
    assert (bound["source"], bound["writable"]) == (done.evidence["dump"]["copy"], False)
    assert_no_container_left(docker_client)


def test_a_result_that_somebody_brings_along_is_refused(tmp_path: Path) -> None:
    """An extra var would win over everything that the role registers."""
    brought = {"result": {"verification_result": "ALL_PASS"}, "checks": []}
    variables = {"closeout_verify_path": "/x", "closeout_root": str(tmp_path / "root"), "_verify_verdict": brought}
    play = run_playbook(variables, playbook=VERIFY)
    assert play.rc != 0
    assert "VERIFICATION_RESULT: FAIL. Set from outside: _verify_verdict" in play.stdout
    assert play.custom_stats.get("closeout_verification_result") != "ALL_PASS"
    assert not (tmp_path / "root").exists()


def test_a_play_that_matches_no_host_verifies_nothing(tmp_path: Path) -> None:
    play = run_playbook({"closeout_root": str(tmp_path)}, playbook=VERIFY, inventory="[other]\nlocalhost\n")
    assert play.rc != 0 and "No host matches" in play.stdout and "nothing was verified" in play.stdout
