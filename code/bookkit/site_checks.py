"""What a reader's browser must find on a built page. Each check returns its faults as sentences.

The checks take a page that is open in Chromium (playwright's `Page`), so that a test can point
them at a page of the book, or at a small page with a planted fault.
"""

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from bookkit.site_axe import color_faults

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # the network is refused a second time
]
LOCAL = ("file:", "data:", "blob:", "about:")
OUTSIDE = re.compile(rf"^(?!{'|'.join(LOCAL)})")
PATIENCE = 180_000
"""Milliseconds that the browser may take for one thing, on a busy machine."""
WEIGHT_LIMIT = 1_500_000
"""Bytes of a page and all it loads, without MathJax."""


def find_browser(playwright: Playwright) -> str | None:
    """Return the path of playwright's own Chromium, else of one that is installed."""
    own = playwright.chromium.executable_path
    if Path(own).exists():
        return own
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next(filter(None, map(shutil.which, names)), None)


def launch(playwright: Playwright, path: str) -> Browser:
    """Start a browser without a window and without a network."""
    return playwright.chromium.launch(executable_path=path, args=FLAGS, timeout=PATIENCE)


@dataclass
class Visit:
    """An open page and what it did while it loaded: its errors, and all it asked for."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def network_faults(self) -> list[str]:
        """Report each request that left the folder of the book."""
        outside = sorted({url for url in self.requests if not url.startswith(LOCAL)})
        return [f"asks the network for {url}" for url in outside]

    def console_faults(self) -> list[str]:
        """Report each error in the console and each exception that nobody caught."""
        return [f"console: {error}" for error in self.errors]

    def weight_faults(self, book: Path, limit: int = WEIGHT_LIMIT) -> list[str]:
        """Report a page of `book` that weighs too much, with its heaviest parts."""
        files = {Path(unquote(urlsplit(url).path)) for url in self.requests if url[:5] == "file:"}
        sizes = {str(file): file.stat().st_size for file in files if file.is_file()}
        for file in files:
            if file.is_relative_to(book) and "mathjax" in file.relative_to(book).parts:
                sizes.pop(str(file), None)
        total = sum(sizes.values())
        if total <= limit:
            return []
        heaviest = sorted(sizes, key=sizes.__getitem__)[-3:]
        return [f"weighs {total / 1e6:.2f} MB, limit {limit / 1e6} MB; heaviest: {heaviest}"]


def open_page(context: BrowserContext, path: Path) -> Visit:
    """Open a file in a fresh tab, refuse all else, and wait until its formulas are typeset."""
    visit = Visit(context.new_page())
    page = visit.page

    def note_failure(request) -> None:
        if request.url.startswith(LOCAL):  # the others are reported as requests already
            visit.errors.append(f"cannot load {request.url}")

    page.on("request", lambda request: visit.requests.append(request.url))
    page.on("requestfailed", note_failure)
    page.on("pageerror", lambda error: visit.errors.append(f"uncaught {error}"))
    page.on("console", lambda line: _note_console(visit, line))
    page.route(OUTSIDE, lambda route: route.abort())
    page.goto(path.resolve().as_uri(), wait_until="load")
    page.evaluate("async () => { await window.MathJax?.startup?.promise; }")
    return visit


def _note_console(visit: Visit, line) -> None:
    """Keep an error, except the echo of a request that is reported for itself."""
    if line.type == "error" and not line.text.startswith("Failed to load resource"):
        visit.errors.append(line.text)


def use_theme(page: Page, theme: str) -> None:
    """Show the page as in a browser that prefers light or dark."""
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)


def formula_faults(page: Page) -> list[str]:
    """Report formulas that are not typeset, have an error, or use an undefined macro."""
    return page.evaluate(
        """() => {
            const faults = [...document.querySelectorAll(".math")]
                .filter((formula) => formula.querySelectorAll("mjx-container").length !== 1)
                .map((formula) => `formula not typeset: ${formula.textContent.trim()}`);
            for (const item of window.MathJax?.startup?.document?.math ?? []) {
                const root = item.typesetRoot;
                if (!root?.querySelector) continue;
                if (root.querySelector("mjx-merror")) faults.push(`TeX error in ${item.math}`);
                const red = [...root.querySelectorAll("mjx-mtext")];
                if (red.some((part) => getComputedStyle(part).color === "rgb(255, 0, 0)"))
                    faults.push(`undefined macro in ${item.math}`);
            }
            return faults;
        }"""
    )


def image_faults(page: Page) -> list[str]:
    """Report images that do not load, and images that a screen reader cannot tell of."""
    return page.evaluate(
        """() => [...document.images].flatMap((image) => {
            const name = (image.getAttribute("src") ?? "no source").slice(0, 80);
            const inText = image.closest("article") !== null;
            const faults = [];
            if (!image.complete || !image.naturalWidth) faults.push(`broken image ${name}`);
            if (!image.hasAttribute("alt") || (inText && !image.alt.trim()))
                faults.push(`image without alt text: ${name}`);
            return faults;
        })"""
    )


def overflow_faults(page: Page) -> list[str]:
    """Report a page that scrolls sideways, with the elements that stick out."""
    return page.evaluate(
        """() => {
            const width = document.documentElement.clientWidth;
            const over = document.documentElement.scrollWidth - width;
            if (over <= 0) return [];
            const scrolls = (part) => part && part !== document.body &&
                (getComputedStyle(part).overflowX !== "visible" || scrolls(part.parentElement));
            const wide = [...document.body.querySelectorAll("*")]
                .filter((part) => part.getBoundingClientRect().right > width + 1)
                .filter((part) => !scrolls(part.parentElement))
                .slice(0, 3)
                .map((part) => `<${part.localName} class="${part.className}" id="${part.id}">`);
            return [`scrolls sideways by ${over} pixels: ${wide.join(", ")}`];
        }"""
    )


def visible_faults(page: Page, theme: str, kinds: set[str] | None = None) -> list[str]:
    """Open all that is folded, and run every check that the window's width or theme can change.

    `kinds` are the kinds of text that were looked at before, on this page or on others.
    """
    use_theme(page, theme)
    page.evaluate("() => document.querySelectorAll('details').forEach((fold) => fold.open = true)")
    faults = formula_faults(page) + image_faults(page) + overflow_faults(page)
    return faults + color_faults(page, kinds)
