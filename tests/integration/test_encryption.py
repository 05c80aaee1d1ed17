"""Encryption at rest: whole closeouts with a dump that the real age encrypted; what is wrong with one is told apart."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import docker
import pytest

from tests.conftest import ClusterFactory, ProductionFactory
from tests.integration.closeouts import (
    as_soon_as,
    assert_all_pass,
    assert_failed,
    assert_no_container_left,
    docker_variables,
    local_variables,
    statuses,
)
from tests.integration.module_options import fails, on_socket, private_directory, succeeds
from tests.integration.test_module_pg_scratch_restore import scratch_server, take
from tests.integration.test_restore_guide import STABLE, contents_of, globals_of, where
from tests.support import age
from tests.support.guide import follow
from tests.support.playbook import run_playbook
from tests.support.postgres import Cluster, Installation
from tests.support.share import share

pytestmark = pytest.mark.usefixtures("age_program", "compressors")
# In a value, and in a large object.
PLANTED = b"planted-row-of-the-audit"
# Partitions that are loaded through their root, rows in another order after a restore, a large object.
SQL = f"""
CREATE TABLE public.planted AS SELECT g AS id, '{PLANTED.decode()} ' || g AS word FROM generate_series(1, 6000) g;
UPDATE public.planted SET id = id WHERE id % 7 = 0;
SELECT lo_from_bytea(4242, '{PLANTED.decode()}');
CREATE VIEW public.some AS SELECT id FROM public.planted WHERE word::varchar IN ('x', 'xx');
CREATE TYPE public.colour AS ENUM ('red', 'green', 'blue');
CREATE TABLE public.by_colour (c public.colour, n int) PARTITION BY HASH (c);
CREATE TABLE public.by_colour_0 PARTITION OF public.by_colour FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE public.by_colour_1 PARTITION OF public.by_colour FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO public.by_colour SELECT (ARRAY['red', 'green', 'blue'])[1 + g % 3]::public.colour, g
    FROM generate_series(1, 300) g;
"""


class Keys:
    """An identity in a file, its recipient, and another pair."""

    def __init__(self, directory: Path) -> None:
        """Make them."""
        directory.mkdir()
        self.identity, self.other = directory / "mine", directory / "other"
        self.recipient, self.other_recipient = age.new_key(self.identity), age.new_key(self.other)

    def asked(self, **more: Any) -> dict[str, Any]:
        """The variables that encrypt to both recipients and open with ours."""
        recipients = [self.recipient, self.other_recipient]
        return {"age_recipients": recipients, "age_identity_file": str(self.identity), **more}


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """Two pairs."""
    return Keys(tmp_path / "keys")


class Looking:
    """Looks all the time for the planted row in every file below a directory, and in every open file from there."""

    def __init__(self, root: Path) -> None:
        """Prepare; `with` begins."""
        self.found: set[str] = set()
        self.partial_bytes = 0
        self._root = root
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Looking:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join(30)
        self._once()

    def _look(self) -> None:
        while not self._end.is_set():
            self._once()
            time.sleep(0.05)

    def _once(self) -> None:
        # Removed ones, too, as long as somebody has them open.
        for path in {*self._root.rglob("*"), *open_below(self._root)}:
            with contextlib.suppress(OSError):
                if path.is_file():
                    content = path.read_bytes()
                    self.partial_bytes = max(self.partial_bytes, len(content) if path.suffix == ".partial" else 0)
                    if any(word in content for word in (PLANTED, PLANTED.hex().encode())):
                        self.found.add(str(path))


def open_below(directory: Path) -> list[Path]:
    """The descriptors of any process that are open for something below a directory."""
    found = []
    for process in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            for descriptor in os.listdir(f"/proc/{int(process)}/fd") if process.isdigit() else ():
                path = f"/proc/{process}/fd/{descriptor}"
                with contextlib.suppress(OSError):
                    found += [Path(path)] if os.readlink(path).startswith(f"{directory}/") else []
    return found


def assert_encrypted(evidence: dict[str, Any], keys: Keys) -> Path:
    """The dump of a run that passed is age's, opens with either identity, and the record says so; its path."""
    dump = Path(evidence["dump"]["path"])
    assert dump.name.endswith(".age") and dump.read_bytes().startswith(b"age-encryption.org/v1\n")
    told = evidence["dump"]["encryption"]
    assert told["recipients"] == [keys.recipient, keys.other_recipient] and told["program"] == "age"
    clear = age.decrypted(dump, keys.identity)
    assert clear == age.decrypted(dump, keys.other) and len(clear) == told["clear_bytes"]
    assert evidence["dump"]["size_bytes"] == dump.stat().st_size > told["clear_bytes"]
    sums = (dump.parent / "SHA256SUMS").read_text()
    assert f"{evidence['dump']['sha256']}  {dump.name}\n" in sums
    assert evidence["restore"]["input_sha256"] == evidence["dump"]["sha256"] == evidence["dump"]["sha256_confirmed"]
    assert evidence["dump"]["encrypted_confirmed"] is evidence["restore"]["decrypted"] is True
    record = (dump.parent / "closeout.md").read_text()
    assert f"- encrypted by: `age {told['version']}`" in record and keys.recipient in record
    (line,) = (dump.parent.parent / "history.jsonl").read_text().splitlines()
    assert json.loads(line)["encrypted"] is True
    return dump


@pytest.mark.parametrize(
    ("form", "compression", "ending"),
    share([("plain", "none", ".sql.age"), ("plain", "zstd", ".sql.zst.age"), ("custom", "gzip", ".dump.age")], 3),
)
def test_an_encrypted_dump_passes_and_can_be_restored(
    cluster: ClusterFactory,
    cutter_governance: str,
    tmp_path: Path,
    keys: Keys,
    form: str,
    compression: str,
    ending: str,
) -> None:
    """No row of it is in any file below closeout_root, at any moment; who follows RESTORE.md has production again."""
    server = cluster(16, cutter_governance + SQL + STABLE)
    asked = keys.asked(format=form, compression=compression, production_content="all")
    root = tmp_path / "root"
    with Looking(root) as looking:
        result = run_playbook(local_variables(server, root, textfile_dir=str(tmp_path), **asked))
    evidence = assert_all_pass(result)
    assert looking.found == set() and looking.partial_bytes > 0
    dump = assert_encrypted(evidence, keys)
    assert dump.name.endswith(ending)
    assert PLANTED not in result.stdout.encode()
    assert evidence["restore"]["jobs"] == 1
    (check,) = [one for one in evidence["checks"] if one["id"] == "dump.encrypted"]
    assert check["status"] == "PASS" and "in the clear, on the disk of the scratch server" in check["detail"]
    assert any("the restored copy is not" in note for note in evidence["plan"]["notes"])
    (metrics,) = tmp_path.glob("*.prom")
    assert "\nincomex_closeout_dump_encrypted{" in metrics.read_text()
    guide = (dump.parent / "RESTORE.md").read_text()
    assert 'age -d -i "$identity" < ' in guide and keys.other_recipient in guide
    new = cluster(16, db="other")
    follow(dump.parent, {**where(new), "identity": str(keys.other)})
    for one in (server, new):
        # PostgreSQL prints it in another way after the first restore.
        one.psql("DROP VIEW public.some", "directus")
    assert globals_of(new) == globals_of(server)
    assert sorted(contents_of(new, "directus")) == sorted(contents_of(server, "directus"))
    with dump.open("r+b") as file:
        file.truncate(dump.stat().st_size - 100)
    with pytest.raises(AssertionError, match="FAILED"):
        follow(dump.parent, {**where(new), "identity": str(keys.other), "db": "again"})


def test_a_key_of_ssh_and_a_scratch_server_in_memory(
    start_production: ProductionFactory,
    cutter_governance: str,
    docker_client: docker.DockerClient,
    docker_host: str,
    tmp_path: Path,
) -> None:
    """Of a container: an encrypted archive is no mount of the scratch container, and its copy never on a disk."""
    recipient = age.new_ssh_key(tmp_path / "key")
    asked = {"age_recipients": f"{recipient}\n", "age_identity_file": str(tmp_path / "key"), "format": "custom"}
    server = start_production(cutter_governance + SQL)
    evidence = assert_all_pass(
        run_playbook(docker_variables(server, docker_host, tmp_path / "root", scratch_storage="tmpfs", **asked))
    )
    assert evidence["settings"]["age_recipients"] == [recipient]
    assert {one["type"] for one in evidence["restore"]["scratch"]["isolation"]["mounts"]} == {"tmpfs"}
    (check,) = [one for one in evidence["checks"] if one["id"] == "dump.encrypted"]
    assert "in memory" in check["detail"] and not any("restored copy" in note for note in evidence["plan"]["notes"])
    assert_no_container_left(docker_client)


# ---- without the identity, and with another one


def test_without_an_identity_the_dump_is_there_and_proves_nothing(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path, keys: Keys
) -> None:
    """The restore test refuses; a table whose rows would have to be read from the dump is not taken for equal."""
    server = cluster(16, cutter_governance + SQL)
    asked = {"age_recipients": keys.recipient, "production_content": "all"}
    result = run_playbook(local_variables(server, tmp_path / "root", **asked))
    assert_failed(result, "evidence.whole", "dump.content")
    assert result.evidence is not None
    found = statuses(result)
    assert found["restore.clean"] == found["restore.content"] == "NOT_RUN"
    assert found["dump.complete"] == found["dump.encrypted"] == found["dump.rows"] == "PASS"
    assert any("its restore cannot be tested here" in note for note in result.evidence["plan"]["notes"])
    (failure,) = [one for one in result.evidence["failures"] if one["step"] == "restore"]
    assert "is encrypted, and there is no identity that opens it" in failure["message"]
    assert "verify the artefact on a host that has one" in failure["message"]
    (content,) = [one for one in result.evidence["checks"] if one["id"] == "dump.content"]
    assert "not public.by_colour" in content["detail"]
    dump = Path(result.evidence["dump"]["path"])
    assert PLANTED in age.decrypted(dump, keys.identity) and PLANTED not in dump.read_bytes()
    guide = (dump.parent / "RESTORE.md").read_text()
    assert "did not pass" in guide and "identity=/root/age-identity\n" in guide


def test_what_cannot_be_is_told_before_anything_starts(production_cluster: Cluster, tmp_path: Path, keys: Keys) -> None:
    """By its name; nothing is left, and a private key is not shown."""
    secret = keys.identity.read_text().splitlines()[-1]
    ours = {"age_recipients": [keys.recipient], "age_identity_file": str(keys.identity)}
    loose = tmp_path / "loose"
    loose.write_bytes(keys.identity.read_bytes())
    loose.chmod(0o640)
    root = tmp_path / "root"
    for asked, *told in (
        (ours,),
        ({"age_recipients": keys.recipient},),
        ({**ours, "age_identity_file": str(loose)}, "closeout_age_identity_file", "is not private", "chmod 0600"),
        ({**ours, "age_recipients": [keys.other_recipient]}, "does not open what closeout_age_recipients encrypt"),
        ({**ours, "age_recipients": [keys.recipient[:-1]]}, "age cannot encrypt to", keys.recipient[:-1]),
        ({**ours, "age_recipients": ["somebody"]}, "closeout_age_recipients", "recipients of age (age1…)", "somebody"),
        ({**ours, "age_recipients": [secret]}, "a private key, which is not shown"),
        ({"age_identity_file": str(keys.identity)}, "closeout_age_identity_file", "empty, where"),
        ({**ours, "format": "directory"}, "closeout_format", "plain or custom, where the dump is encrypted"),
    ):
        given = local_variables(production_cluster, root, **asked)
        settings = {name.removeprefix("closeout_"): value for name, value in given.items()}
        plan = succeeds("closeout_plan", {"settings": settings})
        problems = json.dumps(plan["problems"], ensure_ascii=False)
        assert len(plan["problems"]) == bool(told) and all(one in problems for one in told), problems
        assert secret not in json.dumps({**plan, "invocation": ""})
        notes = " ".join(plan["notes"])
        assert ("its restore cannot be tested here" in notes) == (not told and "age_identity_file" not in asked)
        if not told:
            assert plan["settings"]["dump_name"].endswith(".sql.age")
            assert any("encrypted by age to 1 recipient, in one" in line for line in plan["lines"])
    assert not root.exists()


def test_an_identity_that_is_another_by_then_is_told(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path, keys: Keys
) -> None:
    """It is the plan's at first; when the dump is there, somebody has put another one in its place."""
    server = cluster(16, cutter_governance)
    root = tmp_path / "root"
    asked = {"age_recipients": [keys.recipient], "age_identity_file": str(keys.identity)}
    with as_soon_as(lambda: bool(list(root.glob("*/*.sql.age"))), lambda: os.replace(keys.other, keys.identity)):
        result = run_playbook(local_variables(server, root, **asked))
    assert_failed(result, "evidence.whole")
    assert result.evidence is not None and statuses(result)["restore.clean"] == "NOT_RUN"
    (failure,) = [one for one in result.evidence["failures"] if one["step"] == "restore"]
    assert "does not open" in failure["message"] and "another key: no identity matched" in failure["message"]
    assert result.evidence["restore"]["guard"]["differs"]["nonce"] is True


@pytest.fixture(scope="module")
def large(pg_install: Callable[[int], Installation]) -> Iterator[Cluster]:
    """A database that takes a while to be dumped."""
    with Cluster(pg_install(16)) as server:
        server.psql("CREATE DATABASE directus")
        rows = "SELECT g, repeat(md5(g::text), 30) FROM generate_series(1, 30000) g"
        server.psql(f"CREATE TABLE public.large AS {rows}", "directus")
        yield server


# ---- a file that is not what was written


def test_a_damaged_file_is_told_apart_and_never_restored_for_whole(large: Cluster, tmp_path: Path, keys: Keys) -> None:
    """Cut off, changed, opened by another key: by name, with its manifest and without, and nothing counts as read."""
    server = large
    dump = take(
        private_directory(tmp_path / "dump"), on_socket(server), name="prod.dump.age", format="custom",
        compression="gzip", content="none", age_recipients=[keys.recipient], age_identity_file=str(keys.identity),
    )  # fmt: skip
    whole = dump.path.read_bytes()
    manifest = dump.directory / "manifest.json"
    known = {"manifest": str(manifest), "manifest_sha256": sha256(manifest)}
    asked = {"age_identity_file": str(keys.identity)}
    at_once: list[tuple[bytes, dict[str, str], str]] = [
        (whole[: len(whole) // 2], known, "it was cut off"),
        (whole[:-1], known, "it was cut off"),
        (whole[:10], known, "does not begin as what age encrypts"),
        (whole[:1000], {}, "it is cut off"),
        (whole + b"\n", known, "it was added to"),
        (changed(whole, 1000), known, "it was changed"),
        (changed(whole, 1000), {}, "it was changed"),
        (whole, {"age_identity_file": str(keys.other)}, "another key"),
        (whole, {"age_identity_file": ""}, "there is no identity that opens it"),
    ]
    # The server has most of it when age comes to the end.
    late = [(changed(whole, len(whole) - 3), known, "it was changed"), (whole[:-1], {}, "it is cut off")]
    assert len(whole) > 3 * 65552
    for cases in (at_once, late[:1], late[1:]):
        with scratch_server(dump.globals, server.bin_dir) as scratch:
            for number, (content, more, told) in enumerate(cases):
                dump.path.write_bytes(content)
                refused = fails("pg_scratch_restore", scratch.asked(dump, **{**asked, **more}))
                assert told in refused.msg, (number, refused.msg)
                assert not {"rc", "input_sha256"} & set(refused.data.get("restore", {})), number
    dump.path.write_bytes(whole)
    with scratch_server(dump.globals, server.bin_dir) as scratch:
        restored = succeeds("pg_scratch_restore", scratch.asked(dump, jobs=2, **known, **asked))["restore"]
    assert restored["input_sha256"] == sha256(dump.path) and restored["decrypted"] is True
    assert restored["jobs"] == 1


def test_a_dump_is_audited_only_with_its_identity(production_cluster: Cluster, tmp_path: Path, keys: Keys) -> None:
    directory = private_directory(tmp_path / "dump")
    take(directory, on_socket(production_cluster), name="prod.sql.age", age_recipients=[keys.recipient])
    asked = {"dump": str(directory / "prod.sql.age"), "on_mismatch": "report"}
    refused = fails("cg_table_audit", asked)
    assert "there is no identity that opens it" in refused.msg
    assert len(succeeds("cg_table_audit", {**asked, "age_identity_file": str(keys.identity)})["tables"]) == 12


def test_nothing_that_psql_says_of_rows_is_kept(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path, keys: Keys
) -> None:
    """A restore that fails at a row, loudly: where it failed is told, and the SQLSTATE; the row is in no file."""
    check = "CREATE FUNCTION public.told(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN"
    check += " IF current_setting('incomex.nonce', true) IS NOT NULL THEN"
    check += " RAISE WARNING 'saw %', $1; RAISE EXCEPTION 'refused %', $1 USING DETAIL = $1; END IF;"
    check += " RETURN true; END $$; CREATE TABLE public.planted (word text CHECK (public.told(word)));"
    server = cluster(16, cutter_governance + check + f"INSERT INTO public.planted VALUES ('{PLANTED.decode()}');")
    directory = private_directory(tmp_path / "dump")
    dump = take(directory, on_socket(server), name="prod.sql.age", age_recipients=[keys.recipient])
    asked = {"age_identity_file": str(keys.identity), "log": str(directory / "restore.log")}
    with scratch_server(dump.globals, server.bin_dir) as scratch:
        refused = fails("pg_scratch_restore", scratch.asked(dump, **asked))
    (first,) = refused.data["restore"]["errors"]["fatal"]
    assert re.fullmatch(r"line \d+: P0001 \(its text is left out, for the dump is encrypted\)", first)
    assert "The restore failed" in refused.msg and first in refused.msg
    log = (directory / "restore.log").read_text()
    assert "ERROR:  P0001: its text is left out" in log and "WARNING:  01000: its text is left out" in log
    assert PLANTED.decode() not in json.dumps(refused.data)
    assert not [path for path in directory.rglob("*") if path.is_file() and PLANTED in path.read_bytes()]


# ---- age does not come to its end


def programs_of(directory: Path) -> list[int]:
    """The processes named age whose parent has something open below a directory."""
    writers = {path.parts[2] for path in open_below(directory)}
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            name, parent = (entry / "comm").read_text(), (entry / "stat").read_text().rsplit(")", 1)[1].split()[1]
            found += [int(entry.name)] if name == "age\n" and parent in writers else []
    return found


def asked_of(server: Cluster, directory: Path, keys: Keys, **more: Any) -> dict[str, Any]:
    """A dump that is slow, and encrypted."""
    return {
        **on_socket(server), "directory": str(directory), "name": "prod.age", "schema": "public",
        "bandwidth_limit_mb_s": 15, "age_recipients": [keys.recipient], "run_id": "4f0c7a91b2d3", **more,
    }  # fmt: skip


def partial_bytes(directory: Path) -> int:
    """How much of a dump is there."""
    return max((path.stat().st_size for path in directory.glob("prod.age.partial")), default=0)


@pytest.mark.parametrize("form", [{"format": "custom"}, {"compression": "gzip"}])
def test_an_age_that_is_killed_in_the_middle_leaves_no_dump(
    large: Cluster, tmp_path: Path, keys: Keys, form: dict[str, str]
) -> None:
    directory = private_directory(tmp_path / "dump")

    def kill() -> None:
        (pid,) = programs_of(directory)
        os.kill(pid, signal.SIGKILL)

    with as_soon_as(lambda: partial_bytes(directory) > 100_000, kill):
        refused = fails("pg_dump_readonly", asked_of(large, directory, keys, **form))
    assert "age failed" in refused.msg and "killed by signal 9" in refused.msg
    assert not list(directory.glob("prod.age*"))


def test_a_module_that_is_stopped_stops_its_age(large: Cluster, tmp_path: Path, keys: Keys) -> None:
    """age has nothing in its environment but the run, by which the reaper would know it."""
    directory = private_directory(tmp_path / "dump")
    seen: list[bytes] = []

    def stop() -> None:
        (pid,) = programs_of(directory)
        seen.append(Path(f"/proc/{pid}/environ").read_bytes())
        os.kill(int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1]), signal.SIGTERM)

    with as_soon_as(lambda: partial_bytes(directory) > 100_000, stop):
        refused = fails("pg_dump_readonly", asked_of(large, directory, keys))
    assert "Stopped by SIGTERM" in refused.msg
    (environment,) = seen
    assert set(environment.split(b"\0")) - {b""} == {
        b"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        b"LC_ALL=C",
        b"INCOMEX_CLOSEOUT_RUN=4f0c7a91b2d3",
    }
    assert not list(directory.glob("prod.age*")) and not programs_of(directory)


def changed(content: bytes, place: int) -> bytes:
    """With another bit there."""
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def sha256(path: Path) -> str:
    """By coreutils."""
    return subprocess.run(["sha256sum", str(path)], check=True, capture_output=True, text=True).stdout.split()[0]
