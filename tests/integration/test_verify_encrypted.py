"""An encrypted artefact, and an encrypted dump of somebody else's, verified where the identity is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.integration.closeouts import local_variables
from tests.integration.test_encryption import Keys
from tests.integration.test_verify import Left, variables_for, verify
from tests.support import postgres
from tests.support.places import DATA
from tests.support.playbook import run_playbook

pytestmark = pytest.mark.usefixtures("age_program")


def test_what_is_encrypted_is_verified_with_its_identity_alone(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "keys")
    with postgres.Cluster(postgres.install(16)) as server:
        server.psql("CREATE DATABASE directus")
        server.psql((DATA / "cutter_governance.sql").read_text(), "directus")
        # The host of production holds no identity: there the restore is not tested, and nothing passes.
        variables = local_variables(
            server, tmp_path / "root", format="custom", compression="gzip", age_recipients=[keys.recipient]
        )
        closed_out = run_playbook(variables)
        assert closed_out.rc != 0 and closed_out.artefact is not None and closed_out.evidence is not None
        nightly = tmp_path / "nightly.sql.age"
        address = ["-h", str(server.socket_dir), "-p", str(server.port), "-U", server.user]
        dump = subprocess.run([str(server.bin_dir / "pg_dump"), *address, "directus"], check=True, capture_output=True)
        encrypt = ["age", "--recipient", keys.recipient, "--output", str(nightly)]
        subprocess.run(encrypt, input=dump.stdout, check=True, timeout=60)
        left = Left({}, {}, tmp_path, server.sysid, server.bin_dir, server.data_dir)
    identity = {"age_identity_file": str(keys.identity)}

    artefact = verify(left, closed_out.artefact, tmp_path / "verified", **identity)
    # What it is to prove is proved; that the closeout itself did not pass stays said.
    assert {name for name, status in artefact.statuses.items() if status not in ("PASS", "INFO")} == {"recorded.result"}
    assert artefact.evidence["subject"]["encryption"] == "age"
    assert artefact.evidence["subject"]["sha256"] == closed_out.evidence["dump"]["sha256"]

    foreign = verify(left, nightly, tmp_path / "foreign", **identity)
    assert foreign.play.rc == 0, foreign.play.stdout
    assert foreign.evidence["subject"]["encryption"] == "age"

    for given, words in (({}, "closeout_age_identity_file"), ({"age_identity_file": str(keys.other)}, "identity")):
        refused = run_playbook(
            variables_for(left, nightly, tmp_path / "refused", **given), playbook="incomex.closeout.verify"
        )
        assert refused.rc != 0 and "VERIFICATION_RESULT: FAIL" in refused.stdout and words in refused.stdout
        assert not list((tmp_path / "refused").glob("verify_*"))
