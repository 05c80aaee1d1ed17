"""The example that sends a mail, played: a real sendmail hands it to a real SMTP server."""

from __future__ import annotations

import email
import email.policy
import shutil
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink

from tests.integration.closeouts import assert_all_pass, local_variables
from tests.integration.test_notify import NOBODY
from tests.support.debian import apt_install, on_debian_as_root
from tests.support.places import ROOT
from tests.support.playbook import PlaybookResult, run_playbook
from tests.support.postgres import Cluster
from tests.support.webhook import closed_port, webhook

PLAYBOOK = str(ROOT / "examples" / "notify" / "mail.yml")
# What a header, a mail's end and a command would be.
HOSTILE = "x\r\nBcc: other@example.org\nSubject: forged\n\n.\nQUIT\n$(id) ü\u202e"


class Mailbox(Sink):
    """Keeps envelopes, and the mails in them."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()
        self.recipients: list[list[str]] = []
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """Keep one."""
        self.recipients.append(envelope.rcpt_tos)
        # With the policy "default" a message is an EmailMessage.
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[tuple[Mailbox, dict[str, str]]]:
    """A mailbox, and the environment in which sendmail is msmtp and hands everything to it."""
    if not shutil.which("msmtp") and on_debian_as_root() and not Path("/usr/sbin/sendmail").exists():
        apt_install("msmtp-mta")
    if Path("/usr/sbin/sendmail").resolve().name != "msmtp":
        pytest.skip("sendmail is not msmtp's: Debian's package msmtp-mta has it")
    box = Mailbox()
    port = closed_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        home = tmp_path / "home"
        home.mkdir(mode=0o700)
        (home / ".msmtprc").touch(0o600)
        (home / ".msmtprc").write_text(
            f"account default\nhost 127.0.0.1\nport {port}\nfrom closeout@example.org\nauth off\ntls off\n"
        )
        yield box, {"HOME": str(home)}
    finally:
        controller.stop()


def play(variables: dict[str, Any], env: dict[str, str]) -> PlaybookResult:
    """Play the example."""
    return run_playbook({**variables, "mail_to": "dba@example.org"}, playbook=PLAYBOOK, env=env)


def test_a_mail_says_what_came_of_it(
    production_cluster: Cluster, mailbox: tuple[Mailbox, dict[str, str]], tmp_path: Path
) -> None:
    """A webhook that is told of failures only is not told of a success."""
    box, env = mailbox
    with webhook() as hook:
        asked = {"notify_url": hook.url, "notify_when": "failure"}
        result = play(local_variables(production_cluster, tmp_path / "root", **asked), env)
        evidence = assert_all_pass(result)
        assert hook.bodies == []
    (mail,) = box.mails
    assert box.recipients == [["dba@example.org"]]
    assert mail["Subject"] == "closeout ALL_PASS: directus on localhost"
    assert (mail["From"], mail["To"]) == ("closeout@example.org", "dba@example.org")
    text = mail.get_content()
    assert text.startswith("CLOSEOUT_RESULT: ALL_PASS: database `directus` on `localhost`\n")
    assert f"run `{evidence['run']['id']}`" in text and f"record: `{result.artefact}/closeout.md`" in text


def test_a_hostile_name_is_no_header(mailbox: tuple[Mailbox, dict[str, str]], tmp_path: Path) -> None:
    """Of a run that did not even begin; the play fails all the same. The webhook is told of it, too."""
    box, env = mailbox
    with webhook() as hook:
        asked = {"closeout_notify_url": hook.url, "closeout_notify_when": "failure", "closeout_db": HOSTILE}
        result = play({**NOBODY, "closeout_root": str(tmp_path), **asked}, env)
        assert result.rc == 2, result.stdout
        assert [body["result"] for body in hook.bodies] == ["FAIL"]
    (mail,) = box.mails
    assert box.recipients == [["dba@example.org"]]
    assert mail.keys().count("Subject") == 1 and "Bcc" not in mail
    escaped = r"x\r\nBcc: other@example.org\nSubject: forged\n\n.\nQUIT\n$(id) "
    assert mail["Subject"] == f"closeout FAIL: {escaped}\\xfc\\u202e on localhost"
    assert f"database `{escaped}ü\\u202e` on `localhost`" in mail.get_content()
    assert "`plan.ready`: `" in mail.get_content()


@pytest.mark.parametrize(("fail", "code"), [(False, 0), (True, 2)])
def test_a_mail_that_cannot_be_sent_changes_no_result(
    fail: bool, code: int, mailbox: tuple[Mailbox, dict[str, str]], tmp_path: Path
) -> None:
    box, env = mailbox
    Path(env["HOME"], ".msmtprc").unlink()
    result = play({**NOBODY, "closeout_root": str(tmp_path), "closeout_fail": fail}, env)
    assert (result.rc, result.custom_stats["closeout_result"]) == (code, "FAIL"), result.stdout
    assert result.task("Send the mail")["status"] == "failed"
    assert "Send the mail: " in result.stdout
    assert box.mails == []
