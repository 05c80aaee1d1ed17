# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what to do when a connection does not come about because of TLS."""

from __future__ import annotations

import os
import socket
import ssl
import struct
from typing import Any

# PostgreSQL manual, 54.7 Message Formats: SSLRequest.
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_WAIT_S = 10.0
_THEIR_AUTHORITY = (
    "set closeout_ca_cert to the file, on the target, of the authority that signed the server's certificate"
)


def tls_advice(text: str, parameters: dict[str, Any]) -> tuple[str, str] | None:
    """Return what was found and what to do where libpq's refusal ``text`` is about TLS, or None.

    ``parameters`` are those of the connection: host, port, sslmode, sslrootcert.
    """
    if "root certificate file" in text:
        return text, _THEIR_AUTHORITY
    if "certificate verify failed" in text:
        reason = _reason(parameters)
        found = f"{text}: {reason}" if reason else text
        if "expired" in reason or "not yet valid" in reason:
            return found, "have the server's certificate renewed, or set this host's clock"
        return found, _THEIR_AUTHORITY
    if "does not match host name" in text:
        return text, "set closeout_login_host to a name that the server's certificate has"
    if "no encryption" in text and parameters.get("sslmode") == "disable":
        return text, "the server wants TLS: set closeout_ssl_mode: verify-full, and closeout_ca_cert"
    if "server does not support SSL" in text:
        return text, "turn on TLS on the server; or, where nobody else is on the way, set closeout_ssl_mode: disable"
    return None


def _reason(parameters: dict[str, Any]) -> str:
    """Ask the server for its certificate once more, and return why it is not accepted, which libpq does not tell; ""
    where that cannot be found out.
    """
    authority = str(parameters.get("sslrootcert") or os.path.expanduser("~/.postgresql/root.crt"))
    try:
        context = ssl.create_default_context(cafile=authority)
        # Only the certificate itself: its name libpq looks at.
        context.check_hostname = False
        address = str(parameters.get("host")), int(parameters.get("port") or 5432)
        with socket.create_connection(address, timeout=_WAIT_S) as plain:
            plain.sendall(_SSL_REQUEST)
            if plain.recv(1) == b"S":
                context.wrap_socket(plain, server_hostname=address[0]).close()
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except OSError:
        return ""
    return ""
