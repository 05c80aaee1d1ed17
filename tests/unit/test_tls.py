"""What libpq says of TLS becomes what to do; what it says of other things does not."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._session import connection_error
from ansible_collections.incomex.closeout.plugins.module_utils._tls import tls_advice

# Nobody listens there: the reason for a refused certificate cannot be had.
NOWHERE: dict[str, Any] = {"host": "127.0.0.1", "port": 1, "dbname": "d", "user": "u"}
UNENCRYPTED = 'FATAL:  no pg_hba.conf entry for host "127.0.0.1", user "u", database "d", no encryption'


@pytest.mark.parametrize(
    ("text", "mode", "advice"),
    [
        ('root certificate file "/a/ca.crt" does not exist', "verify-full", "closeout_ca_cert"),
        ('could not read root certificate file "/a/ca.crt": no start line', "verify-full", "closeout_ca_cert"),
        ("SSL error: certificate verify failed", "verify-ca", "closeout_ca_cert"),
        ('server certificate for "a" does not match host name "b"', "verify-full", "closeout_login_host"),
        (UNENCRYPTED, "disable", "closeout_ssl_mode: verify-full"),
        ("server does not support SSL, but SSL was required", "require", "closeout_ssl_mode: disable"),
    ],
)
def test_a_refusal_for_tls_says_what_to_do(text: str, mode: str, advice: str) -> None:
    error = connection_error(f"connection to server failed: {text}\n", {**NOWHERE, "sslmode": mode})
    assert advice in error.do
    assert text.partition(":")[0] in error.found


@pytest.mark.parametrize("mode", ["allow", "prefer"])
def test_a_wrong_password_is_not_taken_for_tls(mode: str) -> None:
    """Where TLS was tried first, what is said of the attempt without it comes last."""
    text = f'FATAL:  password authentication failed for user "u" connection to server failed: {UNENCRYPTED}'
    assert tls_advice(text, {**NOWHERE, "sslmode": mode}) is None
    assert "closeout_passfile" in connection_error(text, {**NOWHERE, "sslmode": mode}).do
