"""Drill: a dump whose code tries to get at production, and to outlive the restore test, with the local driver.

The restored code runs as superuser of the scratch server, so it can start any program: what keeps it in is the host's.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import ClusterFactory
from tests.integration.closeouts import assert_all_pass, assert_no_process_left, local_variables
from tests.support.playbook import run_playbook
from tests.support.postgres import Cluster

# In production the function does nothing; in the scratch server, known by its nonce, it attacks.
HOSTILE = """
CREATE TABLE public.victim (note text);
CREATE FUNCTION public.attack(int) RETURNS boolean LANGUAGE plpgsql AS $body$
BEGIN
  IF pg_catalog.current_setting('incomex.nonce', true) IS NOT NULL THEN
    EXECUTE $run$COPY (SELECT 1) TO PROGRAM '{commands}'$run$;
  END IF;
  RETURN true;
END $body$;
CREATE TABLE public.trap (id int CHECK (public.attack(id)));
INSERT INTO public.trap VALUES (1);
"""


@pytest.fixture
def proof(tmp_path: Path) -> Path:
    """A directory into which anybody may write what it could do."""
    for directory in [tmp_path, *tmp_path.parents]:
        if directory != Path("/") and directory.stat().st_uid == os.geteuid():
            directory.chmod(directory.stat().st_mode | 0o011)
    made = tmp_path / "proof"
    made.mkdir()
    made.chmod(0o777)
    return made


def hostile(server: Cluster, commands: str) -> None:
    """Plant the code in production."""
    server.psql(HOSTILE.format(commands=commands.replace("'", "''")), "directus")


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's scratch server runs as that user")
def test_restored_code_cannot_reach_production(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path, proof: Path
) -> None:
    """Not over production's socket, though that trusts everybody; not as production's own user."""
    server = cluster(16, cutter_governance)
    psql = f"{server.bin_dir}/psql -X -h {server.socket_dir} -p {server.port} -U {server.user} -d directus"
    statement = "INSERT INTO public.victim VALUES (current_user)"
    hostile(server, f'id -u > {proof}/uid; {psql} -c "{statement}" > {proof}/psql 2>&1; true')
    evidence = assert_all_pass(run_playbook(local_variables(server, tmp_path / "root")))
    assert server.psql("SELECT count(*) FROM public.victim", "directus") == "0"
    assert "No such file or directory" in (proof / "psql").read_text()
    attacker = int((proof / "uid").read_text())
    assert attacker not in (0, os.stat(server.data_dir).st_uid)
    assert evidence["production"]["before"]["sysid"] == server.sysid


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user has no namespaces of its own")
def test_restored_code_does_not_outlive_the_restore_test(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path, proof: Path
) -> None:
    """A process that left its session and its directory goes with the scratch server, and it saw no other process."""
    server = cluster(16, cutter_governance)
    hostile(server, f"cd /; ls -d /proc/[0-9]* | wc -l > {proof}/seen; setsid sleep 98761 > /dev/null 2>&1 &")
    evidence = assert_all_pass(run_playbook(local_variables(server, tmp_path / "root")))
    assert_no_process_left(evidence["run"]["id"])
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert b"98761" not in process.read_bytes()
        except OSError:
            continue
    assert int((proof / "seen").read_text()) < 20


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's scratch server runs as that user")
def test_another_server_under_the_copys_address_is_not_the_copy(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path, proof: Path
) -> None:
    """Restored code puts production's socket directory in the place of its own: the audit tells."""
    server = cluster(16, cutter_governance)
    swap = f"cd /var/tmp/closeout-scratch-*/ && mv run run2 && ln -s {server.socket_dir} run"
    hostile(server, f"(sleep 0.2; {swap}; pwd > {proof}/done) > {proof}/said 2>&1 &")
    result = run_playbook(local_variables(server, tmp_path / "root", restore_db="directus"))
    assert result.evidence is not None, result.stdout
    assert (proof / "done").exists(), (proof / "said").read_text()
    # Whenever the swap came, the copy's rows were never read from production.
    audited = result.evidence["restore"]["audited"]
    assert audited is None or audited["sysid"] != server.sysid or result.rc != 0
    assert server.psql("SELECT 1") == "1"
    assert_no_process_left(result.evidence["run"]["id"])
