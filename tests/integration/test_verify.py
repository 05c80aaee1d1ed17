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

import pytest

from tests.integration.closeouts import assert_no_process_left, assert_sealed, local_variables
from tests.integration.test_signature import new_key, signers
from tests.support import page, postgres
from tests.support.places import DATA
from tests.support.playbook import PlaybookResult, run_playbook

VERIFY = "incomex.closeout.verify"
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
            variables = local_variables(server, place / name, sign_key=str(key), **FORMATS[name])
            result = run_playbook(variables)
            assert result.rc == 0 and result.artefact is not None, result.stdout
            return result.artefact

        with ThreadPoolExecutor(2) as pool:
            artefacts = dict(zip(FORMATS, pool.map(closed_out, FORMATS)))
        dumps = {name: place / f"nightly.{name}" for name in ("plain", "custom", "directory", "bare")}
        for name, path in dumps.items():
            options = ["--format", "plain", "--no-owner", "--no-privileges"] if name == "bare" else ["--format", name]
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
    shown = page.texts((record / "verification.html").read_text())
    assert {one["id"] for one in evidence["checks"]} <= set(shown)
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


@pytest.mark.parametrize("name", FORMATS)
def test_an_artefact_whose_production_is_gone_passes(left: Left, name: str, tmp_path: Path) -> None:
    done = verify(left, left.artefacts[name], tmp_path / "root")
    assert_passed(done, "artefact.signature")
    assert "was not checked" in done.detail("artefact.signature")
    assert left.sysid in done.detail("scratch.guard")
    assert done.evidence["result"]["as_recorded"] is True
    assert done.evidence["restore"]["compare"]["catalogue"]["equal"] > 100
    assert "VERIFICATION_RESULT: ALL_PASS" in done.play.stdout and "CLOSEOUT_RESULT" not in done.play.stdout
