"""The commands of README and docs, letter for letter as they stand there (tests/unit/test_commands.py sees to that)."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.integration.closeouts import assert_sealed, local_variables
from tests.support.places import ROOT
from tests.support.playbook import environment
from tests.support.postgres import Cluster
from tests.unit.test_docs import DOCUMENTS, YAML_BLOCK


@dataclass(frozen=True)
class Desk:
    """A directory with an inventory.yml, and a home of its own: where a person would type."""

    directory: Path
    root: Path

    def types(self, *commands: str, directory: Path | None = None, **variables: str) -> str:
        """Execute commands one by one in bash, and stop where one fails; what they printed."""
        printed = ""
        for command in commands:
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-euo", "pipefail", "-c", command],
                cwd=directory or self.directory,
                env={**environment(self.directory), "HOME": str(self.directory), **variables},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=300,
                check=False,
            )
            printed += done.stdout
            assert done.returncode == 0, f"{command}\n{printed}"
        return printed

    @property
    def artefacts(self) -> list[Path]:
        """The artefact directories of the closeouts so far."""
        return sorted(path.parent for path in self.root.glob("*/closeout.json"))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, production_cluster: Cluster) -> Desk:
    """The inventory of the README, but for where production is: it runs on this host, outside containers."""
    directory = tmp_path_factory.mktemp("desk")
    root = directory / "backups"
    host = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        **local_variables(production_cluster, root, sign_key=str(directory / "closeout_key")),
    }
    (directory / "inventory.yml").write_text(yaml.safe_dump({"closeout": {"hosts": {"production.example.org": host}}}))
    # Of evidence.md: the key is named in the inventory before the first run.
    Desk(directory, root).types("ssh-keygen -t ed25519 -N '' -C 'closeout of prod1' -f ~/closeout_key")
    return Desk(directory, root)


@pytest.fixture(scope="module")
def artefact(desk: Desk) -> Path:
    """What the first run leaves."""
    printed = desk.types("ansible-playbook incomex.closeout.closeout -i inventory.yml --check")
    assert "Print the plan" in printed and not desk.root.exists()
    printed = desk.types("ansible-playbook incomex.closeout.closeout -i inventory.yml")
    (made,) = desk.artefacts
    assert "CLOSEOUT_RESULT: ALL_PASS" in printed and str(made) in printed
    return made


def test_a_first_run(artefact: Path) -> None:
    assert_sealed(artefact)
    assert json.loads((artefact / "closeout.json").read_text())["run"]["host"] == "production.example.org"


def test_a_signature(desk: Desk, artefact: Path) -> None:
    public = (desk.directory / "closeout_key.pub").read_text()
    (desk.directory / "allowed_signers").write_text(f'closeout namespaces="incomex-closeout" {public}')
    commands = (
        "ssh-keygen -Y verify -f ~/allowed_signers -I closeout -n incomex-closeout -s SHA256SUMS.sig < SHA256SUMS",
        "sha256sum --check --strict --quiet SHA256SUMS",
    )
    copy = desk.directory / "copy"
    shutil.copytree(artefact, copy)
    assert desk.types(*commands, directory=copy).startswith('Good "incomex-closeout" signature for closeout with')
    (copy / "closeout.md").write_text("changed\n")
    with pytest.raises(AssertionError, match=r"closeout\.md: FAILED"):
        desk.types(*commands, directory=copy)


def test_a_verification(desk: Desk, artefact: Path, production_cluster: Cluster) -> None:
    """Of the artefact, and of a dump that somebody else made; both lie elsewhere than in the document."""
    vault, nightly = desk.directory / "vault" / artefact.name, desk.directory / "nightly.dump"
    vault.parent.mkdir()
    shutil.copytree(artefact, vault)
    connection = ["-h", str(production_cluster.socket_dir), "-p", str(production_cluster.port)]
    connection += ["-U", production_cluster.user, "-d", "directus"]
    dump = [str(production_cluster.bin_dir / "pg_dump"), *connection, "-Fc", "-f", str(nightly)]
    subprocess.run(dump, check=True, timeout=120)
    commands = (
        "ansible-playbook incomex.closeout.verify -i inventory.yml"
        " -e closeout_verify_path=/mnt/vault/closeout_20260516T104634Z",
        "ansible-playbook incomex.closeout.verify -i inventory.yml -e closeout_verify_path=/var/backups/nightly.dump",
    )
    for command, subject in zip(commands, (vault, nightly), strict=True):
        shown = command.rpartition("=")[2]
        assert "VERIFICATION_RESULT: ALL_PASS" in desk.types(command.replace(shown, shlex.quote(str(subject))))


def test_the_reference_of_ansible_doc(desk: Desk) -> None:
    listed = desk.types("ansible-doc --list incomex.closeout")
    assert {line.split()[0] for line in listed.splitlines()} >= {
        f"incomex.closeout.{path.stem}" for path in (ROOT / "plugins" / "modules").glob("*.py")
    }
    assert "closeout_login_unix_socket" in desk.types("ansible-doc --type role incomex.closeout.closeout")
    assert "bandwidth_limit_mb_s" in desk.types("ansible-doc incomex.closeout.pg_dump_readonly")


def test_plays_and_inventories(desk: Desk) -> None:
    """Those that documents show as YAML: Ansible takes them as they stand."""
    found = [block for document in DOCUMENTS for block in YAML_BLOCK.findall(document.read_text())]
    plays = [block for block in found if re.search(r"^- (name: .*\n  )?hosts: ", block, re.MULTILINE)]
    inventories = [block for block in found if re.match(r"\w+:\n  hosts:\n", block)]
    assert len(plays) > 1 and len(inventories) > 2
    paths = []
    for number, block in enumerate(plays):
        paths.append(f"play{number}.yml")
        (desk.directory / paths[-1]).write_text(block)
    printed = desk.types(f"ansible-playbook -i inventory.yml --syntax-check {' '.join(paths)}")
    assert not [path for path in paths if f"playbook: {path}" not in printed]
    for block in inventories:
        (desk.directory / "shown.yml").write_text(block)
        (group,) = yaml.safe_load(block)
        listed = json.loads(desk.types("ansible-inventory -i shown.yml --list"))
        assert sorted(listed[group]["hosts"]) == sorted(yaml.safe_load(block)[group]["hosts"])


def test_an_installation(desk: Desk) -> None:
    """From a copy of what is under version control, which is what a clone has; where no other collection is seen."""
    clone = desk.directory / "clone"
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    ).stdout.split("\0")  # fmt: skip
    for name in filter(None, files):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, clone / name)
    desk.types(
        "ansible-galaxy collection build",
        "ansible-galaxy collection install incomex-closeout-*.tar.gz",
        directory=clone,
        ANSIBLE_COLLECTIONS_SCAN_SYS_PATH="false",
    )
    installed = desk.directory / "home" / "collections" / "ansible_collections" / "incomex" / "closeout"
    assert (installed / "playbooks" / "closeout.yml").exists()
