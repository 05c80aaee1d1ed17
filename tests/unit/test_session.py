"""A session's settings: read-only, the same on every server, named after the run; and no password in a message."""

from __future__ import annotations

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._errors import ConnectionFailed
from ansible_collections.incomex.closeout.plugins.module_utils._session import (
    Session,
    application_name,
    connection_error,
    program_options,
)


def options_of(version: int, *, on_linux: bool = True) -> dict[str, str]:
    """Return PGOPTIONS as a mapping; every word is `-c name=value`."""
    words = program_options(version, on_linux=on_linux).split(" ")
    assert words[::2] == ["-c"] * (len(words) // 2)
    return dict(word.split("=", 1) for word in words[1::2])


@pytest.mark.parametrize("version", [140000, 150019, 160015, 169999, 170000, 180000])
def test_a_program_reads_only_and_has_no_time_limit(version: int) -> None:
    options = options_of(version)
    assert options["default_transaction_read_only"] == "on"
    assert options["timezone"] == "UTC"
    assert options["statement_timeout"] == options["lock_timeout"] == "0"
    assert options["idle_in_transaction_session_timeout"] == "0"
    assert options["bytea_output"] == "hex"
    # A server before 17 refuses a connection that names a setting which it does not know.
    assert options.get("transaction_timeout") == ("0" if version >= 170000 else None)
    assert all(options.values())


def test_only_a_server_on_linux_is_told_to_look_whether_its_client_is_there() -> None:
    """Another one may refuse a session that asks for it."""
    name = "client_connection_check_interval"
    assert name in options_of(160015)
    assert name not in options_of(160015, on_linux=False)


def test_the_run_is_named() -> None:
    assert application_name("4f0c7a91b2d3") == "incomex.closeout/4f0c7a91b2d3"
    assert application_name("") == "incomex.closeout"


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ('FATAL:  database "d" does not exist', "closeout_db"),
        ('FATAL:  password authentication failed for user "u"', "closeout_passfile"),
        ("FATAL:  no pg_hba.conf entry for host", "pg_hba.conf"),
        ("connection refused", "closeout_login_host"),
    ],
)
def test_a_refusal_says_what_to_do_and_no_password(text: str, advice: str) -> None:
    error = connection_error(f"{text}\n  (tried s3cret)\n", {"dbname": "d", "user": "u", "password": "s3cret"})
    assert isinstance(error, ConnectionFailed)
    assert advice in error.do
    assert "s3cret" not in str(error)
    assert "database 'd' as user 'u'" in str(error)
    assert "\n" not in str(error)


def test_a_server_that_is_not_there_is_told() -> None:
    parameters = {"host": "/nonexistent", "port": 1, "dbname": "d", "user": "u", "password": "s3cret"}
    with pytest.raises(ConnectionFailed, match="Cannot connect") as caught:
        Session(parameters, run_id="r")
    assert "s3cret" not in str(caught.value)
