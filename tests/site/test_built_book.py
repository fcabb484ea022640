"""Every page of the built book, as a reader's browser shows it with the network refused."""

from pathlib import Path

import pytest
import yaml

from bookkit import site_checks
from bookkit.pages import Page
from bookkit.site_axe import WIDTH_RULES, accessibility_faults
from bookkit.site_counts import count_faults
from bookkit.site_links import colab_faults, link_faults
from bookkit.toc import listed_chapters

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = listed_chapters(ROOT)
NOTEBOOKS = [name for name in CHAPTERS if (ROOT / f"{name}.ipynb").exists()]
PAGES = [f"{name}.html" for name in (*CHAPTERS, "search", "genindex", "py-modindex")]
EVERY_KIND = [PAGES[0], f"{NOTEBOOKS[0]}.html"]
"""Pages that have all the buttons and menus which the template shows in a narrow window only."""
PHONE = {"width": 360, "height": 740}


def report(page: str, faults: list[str]) -> None:
    """Fail with one line for each fault, each naming the page."""
    assert not faults, "\n" + "\n".join(f"{page}: {fault}" for fault in faults)


def check_page(name, book, contexts, kinds):
    """Fail with all faults of a page: wide in light and dark, then as narrow as a phone.

    What a page holds is the same in both themes and at both widths. So once it is read by all
    rules of axe-core, on a phone only those on sizes are tried again.
    """
    visit = site_checks.open_page(contexts[1280], book / name)
    try:
        faults = site_checks.visible_faults(visit.page, "light", kinds)
        faults += site_checks.visible_faults(visit.page, "dark", kinds)
        faults += accessibility_faults(visit.page)
        visit.page.set_viewport_size(PHONE)
        narrow = site_checks.visible_faults(visit.page, "light", kinds)
        narrow += accessibility_faults(visit.page, WIDTH_RULES)
        faults += [f"{PHONE['width']} pixels: {fault}" for fault in narrow]
        faults += (
            visit.console_faults() + visit.network_faults() + visit.weight_faults(book.resolve())
        )
    finally:
        visit.page.close()
    report(name, faults)


@pytest.mark.parametrize("name", PAGES[::2])
def test_page_is_sound_wide_and_narrow_in_light_and_dark(name, book, contexts, kinds):
    check_page(name, book, contexts, kinds)


@pytest.mark.parametrize("name", EVERY_KIND)
def test_page_is_sound_when_opened_on_a_phone(name, book, contexts, kinds):
    visit = site_checks.open_page(contexts[360], book / name)
    try:
        faults = site_checks.visible_faults(visit.page, "light", kinds) + visit.console_faults()
        faults += accessibility_faults(visit.page)
    finally:
        visit.page.close()
    report(name, faults)


@pytest.mark.parametrize("name", PAGES)
def test_links_inside_the_book_resolve(name, book):
    report(name, link_faults(book / name))


@pytest.mark.parametrize("name", CHAPTERS)
def test_nothing_of_the_source_is_lost(name, book):
    (source,) = [path for end in ("ipynb", "md") if (path := ROOT / f"{name}.{end}").is_file()]
    report(f"{name}.html", count_faults(Page(source), book / f"{name}.html"))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_colab_button_opens_the_notebook_of_this_repository(name, book):
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    faults = colab_faults(book / f"{name}.html", f"{name}.ipynb", config["repository"])
    report(f"{name}.html", faults)


def test_search_finds_a_page_without_a_network(book, contexts):
    page = contexts[1280].new_page()
    try:
        page.goto((book / "search.html").as_uri() + "?q=softmax")
        page.wait_for_selector("#search-results ul.search li")
        found = page.locator("#search-results ul.search li a").all_inner_texts()
    finally:
        page.close()
    assert found, "search.html finds no page for 'softmax'"


def test_picking_a_token_shows_where_it_looks(book, contexts):
    page = contexts[360].new_page()
    try:
        page.goto((book / "chapters" / "self-attention.html").as_uri())
        for token in ("journey", "step"):
            page.locator("#look-explore label", has_text=token).click()
            shown = page.locator("#look-explore table:visible caption").all_inner_texts()
            assert shown == [f"Where {token} looks"], "chapters/self-attention.html: #look-explore"
    finally:
        page.close()
