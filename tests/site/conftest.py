"""One browser for all the tests of the site, and the book that they look at."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from bookkit import site_checks

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "_build" / "html"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Chromium; without one, fail where the checks must run, and skip elsewhere."""
    with sync_playwright() as playwright:
        path = site_checks.find_browser(playwright)
        if path is None:
            reason = (
                "No Chromium found, so the built pages are not looked at. Install one with "
                "`.venv/bin/playwright install chromium`, or your system's package `chromium`."
            )
            if os.environ.get("CI", "").lower() not in ("", "0", "false"):
                pytest.fail(reason, pytrace=False)
            pytest.skip(reason)
        browser = site_checks.launch(playwright, path)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def contexts(browser: Browser) -> Iterator[dict[int, BrowserContext]]:
    """A window of each width, kept for all pages."""
    sizes = {1280: 900, 360: 740}
    made = {
        width: browser.new_context(viewport={"width": width, "height": height})
        for width, height in sizes.items()
    }
    for context in made.values():
        context.set_default_timeout(site_checks.PATIENCE)
    yield made
    for context in made.values():
        context.close()


@pytest.fixture(scope="session")
def kinds() -> set[str]:
    """The kinds of text that were looked at, by color, size and background, on any page so far."""
    return set()


@pytest.fixture(scope="session")
def book() -> Path:
    """The folder of the built book."""
    if not (BOOK / "index.html").is_file():
        pytest.fail("The book is not built: run `make book`, then the tests again.", pytrace=False)
    return BOOK
