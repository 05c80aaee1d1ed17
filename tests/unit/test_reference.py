"""The reference that antsibull-docs makes: modules, filters, roles and variables are in it, no link leads nowhere."""

from __future__ import annotations

import os
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.support.places import ROOT
from tests.unit.test_docs import FILTERS, MODULES, OPTIONS, VERIFY_OPTIONS

pytestmark = pytest.mark.skipif(
    not (ROOT / ".venv").exists(), reason="a copy for ansible-test has no venv to run make docs with"
)


class Page(HTMLParser):
    """The anchors of a page, and where its links lead."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by the parser."""
        for name, value in attrs:
            if name == "id" and value:
                self.anchors.add(value)
            elif name == "href" and value and tag == "a":
                self.links.append(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make docs` makes. A warning of Sphinx is an error there, a reference that leads nowhere a warning."""
    directory = tmp_path_factory.mktemp("site")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "ANSIBLE_"))}
    done = subprocess.run(
        ["make", "docs", f"DOCS={directory}"],
        cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == str(directory / "html" / "index.html")
    return directory / "html"


def test_everything_has_its_page(site: Path) -> None:
    pages = {path.stem for path in site.glob("*.html")}
    wanted = {f"{name}_module" for name in MODULES} | {f"{name}_filter" for name in FILTERS}
    assert wanted | {"closeout_role", "verify_role"} <= pages
    for role, options in (("closeout", OPTIONS), ("verify", VERIFY_OPTIONS)):
        anchors = Page(site / f"{role}_role.html").anchors
        assert not [name for name in options if f"parameter-main--{name}" not in anchors]


def test_no_link_leads_nowhere(site: Path) -> None:
    pages = {path.name: Page(path) for path in site.glob("*.html")}
    broken = []
    for name, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target, anchor = unquote(parts.path) or name, unquote(parts.fragment)
            if not (site / target).exists() or (anchor and target in pages and anchor not in pages[target].anchors):
                broken.append((name, link))
    assert not broken
