"""A web server on 127.0.0.1 that keeps what it was told, and answers well, badly, too late, or without end."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.support.web import Quiet, serving

_HELD_S = 120.0


@dataclass
class Webhook:
    """Its address, and each request so far: path, headers, and the JSON of its body."""

    url: str = ""
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)


@contextlib.contextmanager
def webhook(status: int = 200, *, to: str = "", holds: bool = False, drips: bool = False) -> Iterator[Webhook]:
    """Serve for as long as the block lasts. A redirection leads ``to`` there; one that ``holds`` answers at the block's
    end, one that ``drips`` sends a byte of its header from time to time until then.
    """
    ended = threading.Event()
    found = Webhook()

    class Handler(Quiet):
        def do_POST(self) -> None:
            """Keep it, and answer."""
            found.paths.append(self.path)
            found.headers.append(dict(self.headers))
            found.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            if holds:
                ended.wait(_HELD_S)
            with contextlib.suppress(OSError):
                if drips:
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
                    while not ended.wait(0.1):
                        self.wfile.write(b"x")
                self.send_response(status)
                if to:
                    self.send_header("Location", to)
                self.end_headers()

        do_GET = do_POST

    with serving(Handler) as address:
        found.url = f"{address}/services/hook"
        try:
            yield found
        finally:
            ended.set()


def closed_port() -> int:
    """A port of 127.0.0.1 at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
