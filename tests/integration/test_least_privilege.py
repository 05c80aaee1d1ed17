"""The SQL of docs/getting-started.md makes a role that is enough for a closeout, and no more than it says."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import psycopg2
import pytest

from tests.support import postgres
from tests.support.places import ROOT
from tests.support.playbook import PlaybookResult, run_playbook

ROLE, BYPASS_ROW_SECURITY = re.findall(
    r"^```sql\n(.*?)^```$", (ROOT / "docs" / "getting-started.md").read_text(), re.MULTILINE | re.DOTALL
)
# What is open to everybody by default is closed first: else a statement of the block could be missing unnoticed.
CLOSED = """
REVOKE CONNECT ON DATABASE directus FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION pg_catalog.pg_control_system() FROM PUBLIC;
"""


def close_out(server: postgres.Cluster, root: Path) -> PlaybookResult:
    return run_playbook(
        {
            "closeout_container": "",
            "closeout_login_unix_socket": str(server.socket_dir),
            "closeout_user": "closeout",
            "closeout_bin_dir": str(server.bin_dir),
            "closeout_scratch_driver": "local",
            "closeout_root": str(root),
        }
    )


@pytest.fixture
def server(cluster: Callable[..., postgres.Cluster], cutter_governance: str) -> postgres.Cluster:
    server = cluster(sql=cutter_governance)
    server.psql(CLOSED + ROLE, "directus")
    return server


def test_the_role_is_enough(server: postgres.Cluster, tmp_path: Path) -> None:
    result = close_out(server, tmp_path)
    assert result.rc == 0, result.stdout
    assert result.evidence is not None
    assert result.evidence["result"]["closeout_result"] == "ALL_PASS"
    assert result.evidence["settings"]["user"] == "closeout"
    assert result.evidence["production"]["before"]["data_directory"] == str(server.data_dir)
    assert "closeout" in result.evidence["restore"]["roles_created"]


def test_the_role_can_write_nothing(server: postgres.Cluster) -> None:
    connection = server.connect("directus", user="closeout")
    try:
        with connection.cursor() as cursor:
            for statement in (
                "DELETE FROM cutter_governance.verify_result",
                "CREATE TABLE cutter_governance.mine ()",
                "CREATE TABLE public.mine ()",
                "SELECT setval('cutter_governance.manifest_envelope_envelope_id_seq', 1)",
            ):
                with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                    cursor.execute(statement)
    finally:
        connection.close()


def test_what_it_lacks_is_told_before_the_start(server: postgres.Cluster, tmp_path: Path) -> None:
    """Rows that it would not see, and large objects, all at once; what only tells more is a note, and it passes."""
    server.psql("REVOKE pg_read_all_settings FROM closeout")
    server.psql("ALTER TABLE cutter_governance.verify_result ENABLE ROW LEVEL SECURITY", "directus")
    number = server.psql("SELECT lo_from_bytea(0, 'x')", "directus")
    refused = close_out(server, tmp_path)
    assert refused.rc != 0
    assert refused.artefact is None
    assert "cutter_governance.verify_result" in refused.stdout
    assert BYPASS_ROW_SECURITY.strip().rstrip(";") in refused.stdout
    assert "large object" in refused.stdout

    server.psql(BYPASS_ROW_SECURITY)
    server.psql(f"GRANT SELECT ON LARGE OBJECT {number} TO closeout", "directus")
    result = close_out(server, tmp_path)
    assert result.rc == 0, result.stdout
    assert result.evidence is not None
    assert result.evidence["production"]["before"]["data_directory"] == ""
    assert any("pg_read_all_settings" in note for note in result.evidence["plan"]["notes"])
