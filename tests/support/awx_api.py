"""As much of AWX's REST API as the modules of awx.awx need to set up an AWX that is empty.

AWX itself cannot be run here. What is sent to this stand-in is what its own modules made of a playbook: they check the
arguments and look up by name whatever a playbook refers to.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlparse

from tests.support.web import Quiet, serving

_API = "/api/v2/"
_TEMPLATES = ("job_templates", "projects", "workflow_job_templates")

Item = dict[str, Any]


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

    class Handler(Quiet):
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

    with serving(Handler) as api.url:
        yield api
