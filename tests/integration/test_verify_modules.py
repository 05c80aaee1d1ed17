"""What is not what was recorded is refused and named, before anything of it is executed."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._artefact import seal
from ansible_collections.incomex.closeout.plugins.module_utils._dump_globals import empty_globals
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError
from ansible_collections.incomex.closeout.plugins.module_utils._inventory import InventoryRequest, take_inventory
from ansible_collections.incomex.closeout.plugins.module_utils._running import at_work
from ansible_collections.incomex.closeout.plugins.module_utils._server import address_from, server_at
from ansible_collections.incomex.closeout.plugins.module_utils._signature import sign
from ansible_collections.incomex.closeout.plugins.module_utils._subject import ReadRequest, read_subject
from ansible_collections.incomex.closeout.plugins.module_utils._verdict import verdict

from tests.integration.module_options import fails, new_run_id, succeeds
from tests.integration.test_module_pg_scratch_restore import Scratch, scratch_server
from tests.integration.test_signature import new_key, signers
from tests.support.postgres import Cluster
from tests.unit import evidence as closeout

HEAD = "--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version 16.15\n"
END = "\n--\n-- PostgreSQL database dump complete\n--\n\n"
TABLE = "CREATE TABLE public.t (\n    id integer\n);\n\nCOPY public.t (id) FROM stdin;\n1\n\\.\n\n"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_evidence(artefact: Path, change: Callable[[dict[str, Any]], None] = lambda _document: None) -> None:
    """Write the evidence of a closeout that passed, with the digests of the files that are there."""
    evidence = closeout.passing()
    evidence["dump"].update(path=str(artefact / "prod.sql"), sha256=digest(artefact / "prod.sql"))
    evidence["dump"]["manifest"]["sha256"] = digest(artefact / "manifest.json")
    evidence["production"]["snapshot"]["census"]["sha256"] = digest(artefact / "census.json")
    document = {**evidence, **verdict(evidence)}
    change(document)
    (artefact / "closeout.json").write_text(json.dumps(document))


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    """A directory that is sealed as an artefact is; its dump is a small one."""
    path = tmp_path / "closeout_1"
    path.mkdir(mode=0o700)
    (path / "prod.sql").write_text(HEAD + TABLE + END)
    (path / "manifest.json").write_text("{}")
    (path / "census.json").write_text("{}")
    (path / "globals.json").write_text(json.dumps(empty_globals()))
    (path / "closeout.md").write_text("# record\n")
    write_evidence(path)
    seal(str(path), {})
    return path


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Read a subject as the module verification_subject does, each time for a directory of its own."""
    numbers = itertools.count()

    def of_it(path: Path, **more: Any) -> dict[str, Any]:
        directory = tmp_path / f"verify_{next(numbers)}"
        directory.mkdir()
        facts: dict[str, Any] = read_subject(ReadRequest(str(path), str(directory), 60, **more))
        return facts

    return of_it


Read = Callable[..., dict[str, Any]]


def test_an_artefact_is_read_and_stays_as_it_is(artefact: Path, tmp_path: Path) -> None:
    before = {one.name: one.read_bytes() for one in artefact.iterdir()}
    begun = {"path": str(tmp_path / "verify"), "run_id": new_run_id()}
    succeeds("closeout_artefact", {"state": "begun", "kind": "verification", **begun})
    options = {"path": str(artefact), "directory": begun["path"], "run_id": begun["run_id"]}
    facts = succeeds("verification_subject", options)
    assert {one.name: one.read_bytes() for one in artefact.iterdir()} == before
    assert (facts["sums"]["listed"], facts["sums"]["changed_total"]) == (6, 0)
    assert facts["recorded"]["dump"]["sha256"] == facts["subject"]["sha256"] == digest(artefact / "prod.sql")
    assert facts["guard"]["all_sysids"] == ["7301234567890123456"] and facts["guard"]["unknown"] is False
    assert Path(facts["restore_from"]["globals"]).read_bytes() == before["globals.json"]
    again = succeeds("verification_subject", {**options, "state": "read_again"})["again"]
    assert (again["sha256"], again["sums"]) == (facts["subject"]["sha256"], facts["sums"])
    assert succeeds("verification_subject", options, check=True)["changed"] is False


def _flip(name: str) -> Callable[[Path], None]:
    def change(artefact: Path) -> None:
        content = bytearray((artefact / name).read_bytes())
        content[-1] ^= 1
        (artefact / name).write_bytes(content)

    return change


def _seal_anew(change: Callable[[Path], None]) -> Callable[[Path], None]:
    def changed(artefact: Path) -> None:
        change(artefact)
        seal(str(artefact), {})

    return changed


def _link(name: str) -> Callable[[Path], None]:
    def change(artefact: Path) -> None:
        (artefact / name).rename(artefact.parent / name)
        (artefact / name).symlink_to(artefact.parent / name)

    return change


def _append(name: str, text: str) -> Callable[[Path], None]:
    def change(artefact: Path) -> None:
        with (artefact / name).open("a") as file:
            file.write(text)

    return change


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_flip("prod.sql"), "prod.sql"),
        (_append("manifest.json", " "), "manifest.json"),
        (_append("census.json", " "), "census.json"),
        (_append("globals.json", "\n"), "globals.json"),
        (_append("closeout.json", "\n"), "closeout.json"),
        (lambda artefact: (artefact / "manifest.json").unlink(), "manifest.json"),
        (_link("census.json"), "census.json"),
        (lambda artefact: (artefact / "SHA256SUMS").unlink(), "prod.sql, closeout.json, manifest.json"),
        # Whoever seals it anew has not changed what the evidence says.
        (_seal_anew(_append("manifest.json", " ")), "manifest.json"),
        (_seal_anew(_append("census.json", " ")), "census.json"),
        (_seal_anew(_append("prod.sql", "\n")), "prod.sql"),
    ],
)
def test_what_the_test_relies_on_must_be_what_was_recorded(
    artefact: Path, read: Read, change: Callable[[Path], None], named: str
) -> None:
    change(artefact)
    with pytest.raises(CloseoutError) as refused:
        read(artefact)
    assert "The artefact is not what was sealed" in str(refused.value) and named in str(refused.value)
    # What is known is told all the same: the checks are made of it.
    assert refused.value.facts["subject"]["kind"] == "artefact" and refused.value.facts["sums"] is not None
    assert "restore_from" not in refused.value.facts


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ('{"schema": "incomex.closeout/evidence/2"}', "schema 'incomex.closeout/evidence/2'"),
        ('{"schema": "\\u001b[31m"}', r"\x1b[31m"),
        ('{"schema": "incomex.closeout/evidence/1"}', "has no run"),
    ],
)
def test_evidence_that_cannot_be_read_is_one_clear_error(artefact: Path, read: Read, content: str, told: str) -> None:
    (artefact / "closeout.json").write_text(content)
    with pytest.raises(CloseoutError) as refused:
        read(artefact)
    assert told in str(refused.value) and str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda document: document["dump"].update(path="/etc/passwd"), "passwd cannot be read"),
        (lambda document: document["dump"].update(path="x/.."), "names no dump"),
        (lambda document: document["dump"].update(sha256="x"), "dump.sha256 is not a sha256"),
        (lambda document: document.update(dump=None), "dump is not a mapping"),
        (
            lambda document: document["settings"].update(expected_tables=[7]),
            "settings.expected_tables[0] is not a text",
        ),
    ],
)
def test_evidence_that_says_something_impossible_is_refused(
    artefact: Path, read: Read, change: Callable[[dict[str, Any]], None], told: str
) -> None:
    write_evidence(artefact, change)
    seal(str(artefact), {})
    with pytest.raises(CloseoutError) as refused:
        read(artefact)
    assert told in str(refused.value)


def test_a_signature_is_good_bad_or_somebody_else_s(artefact: Path, read: Read, tmp_path: Path) -> None:
    """By whom, if anybody may; by him, if one is named; and no more once the sums are others."""
    mine, other = new_key(tmp_path / "mine"), new_key(tmp_path / "other")
    both = signers(tmp_path / "both", other, mine)
    (artefact / "SHA256SUMS.sig").write_bytes(sign((artefact / "SHA256SUMS").read_bytes(), str(mine)))

    def said(**more: Any) -> tuple[Any, str]:
        found = read(artefact, **more)["signature"]
        return found["good"], found["signer"]

    assert said() == (None, "")
    assert said(allowed_signers=str(both)) == (True, "mine")
    assert said(allowed_signers=str(both), signer="mine") == (True, "mine")
    assert said(allowed_signers=str(both), signer="other") == (False, "other")
    assert said(allowed_signers=str(signers(tmp_path / "others", other))) == (False, "")
    # A forger who makes everything agree cannot make the signature agree.
    _append("closeout.md", "x")(artefact)
    seal(str(artefact), {})
    assert said(allowed_signers=str(both)) == (False, "mine")
    (artefact / "SHA256SUMS.sig").write_text("no signature")
    assert said(allowed_signers=str(both))[0] is False
    (artefact / "SHA256SUMS.sig").unlink()
    found = read(artefact, allowed_signers=str(both))["signature"]
    assert (found["there"], found["asked_for"], found["good"]) == (False, True, None)


def test_a_dump_alone_is_hashed_and_held_against_what_was_given(artefact: Path, read: Read) -> None:
    dump = artefact / "prod.sql"
    (artefact / ".closeout.json").write_text("{}")
    facts = read(dump, sha256=digest(dump), sysids=("7",))
    assert (facts["subject"]["kind"], facts["recorded"], facts["sums"]) == ("dump", None, None)
    assert facts["subject"]["beside"] == str(artefact)
    assert facts["guard"] == {"production": {}, "sysids": ["7"], "all_sysids": ["7"], "unknown": False}
    assert read(dump)["guard"]["unknown"] is True
    with pytest.raises(CloseoutError, match=f"not the one that was meant.*{digest(dump)}"):
        read(dump, sha256="ab" * 32)


def test_only_a_directory_of_the_run_s_own_verification_is_written_to(artefact: Path, tmp_path: Path) -> None:
    run_id = new_run_id()
    for kind, other in (("closeout", run_id), ("verification", "another")):
        directory = tmp_path / kind
        begun = {"state": "begun", "kind": kind, "path": str(directory), "run_id": other}
        succeeds("closeout_artefact", begun)
        failed = fails("verification_subject", {"path": str(artefact), "directory": str(directory), "run_id": run_id})
        assert "not an artefact directory of ours" in failed.msg or "belongs to another run" in failed.msg


def test_a_copy_that_a_killed_run_left_goes_when_its_time_is_up(tmp_path: Path) -> None:
    """And a closeout's dump that is called the same stays."""
    root = tmp_path / "root"
    long_ago = json.dumps({"expires_utc": "2001-01-01T00:00:00.000000Z", "expires_boot": ""})
    later = json.dumps({"expires_utc": "2999-01-01T00:00:00.000000Z", "expires_boot": ""})
    for name, kind, expires in (("old", "verification", long_ago), ("new", "verification", later),
                                ("closeout", "closeout", long_ago)):  # fmt: skip
        begun = {"state": "begun", "kind": kind, "path": str(root / name), "run_id": new_run_id()}
        succeeds("closeout_artefact", begun)
        (root / name / "copy").mkdir(mode=0o700)
        (root / name / "copy" / "toc.dat").write_text("x")
        (root / name / "copy.json").write_text(expires)
    reaped = succeeds("pg_scratch_server", {"state": "reaped", "driver": "local", "root": str(root)})["reaped"]
    found = {one["name"] for one in reaped if one["kind"] == "copy"}
    assert found == {str(root / "old" / "copy"), str(root / "old" / "copy.json")}
    assert not (root / "old" / "copy").exists()
    assert (root / "new" / "copy" / "toc.dat").exists() and (root / "closeout" / "copy" / "toc.dat").exists()


# ---- with a scratch server


@pytest.fixture(scope="module")
def scratch(production_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """One for all tests: none of them restores anything."""
    globals_path = tmp_path_factory.mktemp("globals") / "globals.json"
    globals_path.write_text(json.dumps(empty_globals()))
    with scratch_server(globals_path, production_cluster.bin_dir) as made:
        yield made


def of(scratch: Scratch, place: Path, path: Path) -> dict[str, Any]:
    """Options of pg_dump_inventory."""
    where = {"manifest": str(place / "manifest.json"), "globals": str(place / "made.json")}
    return {**scratch.arguments, "path": str(path), **where}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HEAD + TABLE, "is not complete"),
        (HEAD + TABLE[:-20], "is not complete"),
        (HEAD + "\\! touch {proof}\n" + TABLE + END, "has commands of psql that pg_dump does not write"),
        (HEAD + "SELECT 1 \\! touch {proof}\n;\n" + TABLE + END, "has commands of psql that pg_dump does not write"),
        (HEAD + "CREATE DATABASE x;\n\\connect x\n" + TABLE + END, "was made by pg_dump --create"),
        (HEAD + "DROP TABLE public.t;\n" + TABLE + END, "was made by pg_dump --clean"),
        (HEAD + TABLE + "INSERT INTO public.t VALUES (1);\n" + END, "was made by pg_dump --inserts"),
        (HEAD + "CREATE EXTENSION no_such_thing;\n" + TABLE + END, "no no_such_thing"),
    ],
)
def test_a_dump_that_is_not_pg_dump_s_usual_one_is_refused(
    scratch: Scratch, tmp_path: Path, text: str, told: str
) -> None:
    dump = tmp_path / "dump.sql"
    dump.write_text(text.replace("{proof}", str(tmp_path / "proof")))
    where = {name: str(tmp_path / f"{name}.json") for name in ("manifest", "globals")}
    with at_work(scratch.arguments["run_id"]), pytest.raises(CloseoutError) as refused:
        take_inventory(
            server_at(address_from(scratch.facts["connection"])),
            InventoryRequest(str(dump), manifest_sha256="", **where),
        )
    assert told in str(refused.value)
    assert not (tmp_path / "proof").exists() and not (tmp_path / "manifest.json").exists()


def test_an_archive_that_is_cut_off_is_refused(scratch: Scratch, production_cluster: Cluster, tmp_path: Path) -> None:
    dump = tmp_path / "whole"
    subprocess.run(
        [production_cluster.bin_dir / "pg_dump", "-Fc", "-h", production_cluster.socket_dir, "-U",
         production_cluster.user, "-f", dump, "directus"],
        check=True, timeout=60,
    )  # fmt: skip
    facts = succeeds("pg_dump_inventory", of(scratch, tmp_path, dump))
    assert facts["schema"] == "cutter_governance" and len(facts["expected_tables"]) == 12
    assert facts["expected_source"] == "dump" and facts["contents"]["data_missing"] == []
    dump.write_bytes(dump.read_bytes()[:-2000])
    assert "cannot be read by pg_restore" in fails("pg_dump_inventory", of(scratch, tmp_path, dump)).msg


def test_a_restore_that_nobody_guards_is_refused(scratch: Scratch, tmp_path: Path) -> None:
    """Not production, nor any other server that is known; and that nobody knows any must be said in so many words."""
    (tmp_path / "dump.sql").write_text(HEAD + TABLE + END)
    (tmp_path / "globals.json").write_text(json.dumps(empty_globals()))
    identity = scratch.facts["identity"]
    asked = {
        **scratch.arguments, "path": str(tmp_path / "dump.sql"), "globals": str(tmp_path / "globals.json"),
        "restore_db": f"x{os.getpid()}", "nonce": scratch.facts["nonce"],
    }  # fmt: skip
    other = {**identity, "sysid": "1", "postmaster_start_utc": "then", "data_directory": "/elsewhere"}
    unsaid: list[dict[str, Any]] = [
        {"production": {}},
        {"sysids": [""]},
        {"production": other, "production_unknown": True},
    ]
    for more in unsaid:
        assert "does not know who production is" in fails("pg_scratch_restore", {**asked, **more}).msg
    wrong: list[dict[str, Any]] = [
        {"production": identity},
        {"production": other, "sysids": [identity["sysid"]]},
        {"sysids": ["1", identity["sysid"]]},
        {"production_unknown": True, "nonce": "another"},
    ]
    for more in wrong:
        failed = fails("pg_scratch_restore", {**asked, **more})
        assert "may be production" in failed.msg, failed.msg
        assert failed.data["restore"]["guard"]["differs"]["nonce"] is (more.get("nonce") is None)
    made = succeeds("pg_scratch_restore", {**asked, "production_unknown": True})["restore"]
    assert (made["rc"], made["guard"]["production_sysid"]) == (0, "")
    assert scratch.psql("SELECT count(*) FROM public.t", asked["restore_db"]) == "1"
