"""closeout.html in a real browser: everything can be seen, on a phone and on a desk, in light, in dark and on paper."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.closeouts import assert_all_pass, local_variables
from tests.support.browser import chromium
from tests.support.places import ROOT
from tests.support.playbook import LOCAL, PlaybookResult, run_playbook
from tests.support.postgres import Cluster
from tests.unit.evidence import collected, passing, results
from tests.unit.test_view import HOSTILE, judged, rendered

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SCREENSHOT = ROOT / "docs" / "record.png"
INVENTORY = f"[closeout]\nproduction.example.org {LOCAL.partition(' ')[2]}\n"
WIDTHS = (360, 768, 1280)
SCHEMES = ("light", "dark")
# Every element with text of its own: its contrast with what is behind it (WCAG 2.2, 1.4.3), and where it is.
LOOK = """() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = parts(color).slice(0, 3).map((value) => value / 255)
      .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const color = getComputedStyle(one).backgroundColor;
      const alpha = parts(color)[3] ?? 1;
      if (alpha === 1) return color;
      if (alpha !== 0) throw new Error(`half transparent: ${color}`);
    }
    return "rgb(255, 255, 255)";
  };
  const found = [];
  for (const element of document.body.querySelectorAll("*")) {
    const nodes = [...element.childNodes].filter((node) => node.nodeType === 3 && node.data.trim());
    if (!nodes.length) continue;
    const [one, other] = [luminance(getComputedStyle(element).color), luminance(behind(element))];
    const boxes = nodes.flatMap((node) => {
      const range = document.createRange();
      range.selectNodeContents(node);
      return [...range.getClientRects()];
    });
    found.push({
      text: element.textContent.trim(),
      contrast: (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05),
      visible: element.checkVisibility({opacityProperty: true, visibilityProperty: true}) && boxes.length > 0,
      left: Math.min(...boxes.map((box) => box.left)),
      right: Math.max(...boxes.map((box) => box.right)),
    });
  }
  return {found, width: document.documentElement.scrollWidth};
}"""
HEADS = "thead th"
STACKED_PX = 56 * 16
"""In a narrower window a table's heads stand before each cell instead."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def whole(production_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> PlaybookResult:
    """A real closeout that passes."""
    root = tmp_path_factory.mktemp("page")
    variables = local_variables(production_cluster, root, attestations=["The release is announced."])
    result = run_playbook(variables, inventory=INVENTORY)
    assert_all_pass(result)
    return result


@pytest.fixture(scope="module")
def pages(whole: PlaybookResult, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Any]]:
    """Pages with the document that each shows: a real one, one that failed, one with what is hard to show."""
    assert whole.artefact is not None and whole.evidence is not None
    steps = results()
    steps["restore"] = {"failed": True, "msg": "no room " * 40, "changed": False}
    steps["restored_audit"] = steps["compare"] = None
    failed = judged(collected(steps))
    hard = passing()
    names = [f"{number}{'x' * 60}" for number in range(40)] + [HOSTILE]
    hard["settings"].update(expected_tables=names, attestations=[HOSTILE * 3], schema="s" * 63)
    hard["dump"]["command"] = ["--" + "y" * 500]
    hard["restore"]["compare"]["differences"] = [
        {"about": "objects", "object": "o" * 200, "kind": "k" * 80, "wanted": "w" * 300, "found": HOSTILE}
    ] * 20
    hard["trend"]["recent"] = [
        {"stamp": HOSTILE, "result": "FAIL", "size_bytes": size, "rows": 10**15, "durations_s": {"total": size}}
        for size in range(30)
    ]
    hard["production"]["before"]["rows"] = dict.fromkeys(names, 10**15)
    found = {"real": (whole.artefact / "closeout.html", whole.evidence)}
    directory = tmp_path_factory.mktemp("pages")
    for name, document in (("failed", failed), ("hard", judged(hard))):
        (directory / f"{name}.html").write_text(rendered(document))
        found[name] = (directory / f"{name}.html", document)
    return found


def opened(browser: Browser, path: Path, width: int, scheme: Any) -> tuple[Page, list[str]]:
    """The page in a window of that width, and what it complains of."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url) if request.url != path.as_uri() else None)
    page.goto(path.as_uri())
    return page, complaints


def assert_readable(page: Page, document: Any, width: int, *, stacked: bool) -> None:
    """Everything that stands in it can be seen, inside the window, with enough contrast; and every check does."""
    looked = page.evaluate(LOOK)
    assert looked["width"] <= width
    found = looked["found"]
    heads = set(page.locator(HEADS).all_text_contents())
    hidden = {one["text"] for one in found if not one["visible"]}
    assert hidden <= (heads if stacked else set())
    shown = [one for one in found if one["visible"]]
    assert len(shown) > 200
    assert [one for one in shown if one["contrast"] < 4.5] == []
    assert [one for one in shown if one["left"] < 0 or one["right"] > width] == []
    texts = {one["text"] for one in shown}
    for check in document["checks"]:
        assert {check["id"], check["title"], check["status"]} <= texts
    assert document["result"]["closeout_result"] in texts
    assert page.locator(".check:visible").count() == len(document["checks"])


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["real", "failed", "hard"])
def test_everything_can_be_read(
    browser: Browser, pages: dict[str, tuple[Path, Any]], name: str, width: int, scheme: str
) -> None:
    path, document = pages[name]
    page, complaints = opened(browser, path, width, scheme)
    assert_readable(page, document, width, stacked=width <= STACKED_PX)
    assert complaints == []
    backgrounds = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (backgrounds == "rgb(14, 19, 24)") is (scheme == "dark")
    page.close()


@pytest.mark.parametrize("name", ["real", "failed", "hard"])
def test_it_prints(browser: Browser, pages: dict[str, tuple[Path, Any]], name: str) -> None:
    """On A4 at 96 dots an inch, without its margins; in dark too, for paper is white."""
    path, document = pages[name]
    page, complaints = opened(browser, path, 718, "dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert_readable(page, document, 718, stacked=False)
    printed = page.pdf(format="A4", margin={"top": "10mm", "right": "10mm", "bottom": "10mm", "left": "10mm"})
    assert printed.startswith(b"%PDF") and printed.count(b"/Type /Page\n") > 3
    assert complaints == []
    page.close()


def test_the_verdict_cannot_be_missed(browser: Browser, pages: dict[str, tuple[Path, Any]]) -> None:
    """It is the largest text, at the top, and its colour is another one where the run failed."""
    colours = {}
    for name in ("real", "failed"):
        path, document = pages[name]
        page, _complaints = opened(browser, path, 1280, "light")
        result = page.locator(".result")
        assert result.inner_text() == document["result"]["closeout_result"]
        box = result.bounding_box()
        assert box is not None and box["y"] + box["height"] < 200
        sizes = page.evaluate(
            "[...document.body.querySelectorAll('*')].map((one) => parseFloat(getComputedStyle(one).fontSize))"
        )
        assert result.evaluate("(one) => parseFloat(getComputedStyle(one).fontSize)") == max(sizes)
        colours[name] = page.locator(".banner").evaluate("(one) => getComputedStyle(one).backgroundColor")
        page.close()
    assert colours["real"] != colours["failed"]


def test_the_bars_are_as_long_as_the_stages(browser: Browser, pages: dict[str, tuple[Path, Any]]) -> None:
    """Nobody is in another's place: the dump begins after the plan has ended, and takes its share of the width."""
    path, document = pages["real"]
    page, _complaints = opened(browser, path, 1280, "light")
    boxes = [
        (box["x"], box["x"] + box["width"])
        for box in (one.bounding_box() for one in page.locator("#timeline .bar rect:not(.track)").all())
        if box is not None
    ]
    assert len(boxes) == len(document["run"]["stages"]) > 10
    assert boxes == sorted(boxes)
    widths = [right - left for left, right in boxes]
    longest = max(document["run"]["stages"], key=lambda one: float(one["duration_s"]))
    assert widths.index(max(widths)) == document["run"]["stages"].index(longest)
    page.close()


def test_the_record_is_small(whole: PlaybookResult) -> None:
    assert whole.artefact is not None
    assert (whole.artefact / "closeout.html").stat().st_size < 100_000
    sealed = whole.task("Write evidence and record, and seal the artefact")["result"]
    assert "<!DOCTYPE" not in str(sealed) and len(str(sealed)) < 2000


def test_the_screenshot_of_the_documents(browser: Browser, pages: dict[str, tuple[Path, Any]]) -> None:
    """CLOSEOUT_DRILLS=write takes it anew, of the real record."""
    if os.environ.get("CLOSEOUT_DRILLS") == "write":
        page, _complaints = opened(browser, pages["real"][0], 1280, "light")
        page.screenshot(path=SCREENSHOT, full_page=True, clip={"x": 0, "y": 0, "width": 1280, "height": 1500})
        page.close()
    content = SCREENSHOT.read_bytes()
    assert content.startswith(b"\x89PNG") and len(content) < 300_000
