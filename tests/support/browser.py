"""A real browser: Debian's chromium, driven by Playwright. Playwright's own browsers are never downloaded."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.debian import apt_install, on_debian_as_root

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = Path("/usr/bin/chromium")


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Start it. Skips where it is not there and cannot be installed.

    CLOSEOUT_BROWSER=required: then the test fails instead.
    """
    if not CHROMIUM.exists() and on_debian_as_root():
        apt_install("chromium")
    if not CHROMIUM.exists():
        if os.environ.get("CLOSEOUT_BROWSER") == "required":
            pytest.fail(f"a browser is required: {CHROMIUM} is not there", pytrace=False)
        pytest.skip(f"{CHROMIUM} is not installed")
    from playwright.sync_api import sync_playwright

    # Chromium refuses root inside its own sandbox; what it shows is a file that we wrote, without any script.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        try:
            yield browser
        finally:
            browser.close()
