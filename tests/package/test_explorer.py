"""The figure to play with: everything in its output, each number in its place."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from playwright.sync_api import sync_playwright

from bookkit import site_checks
from glassbox.explorer import explore


@pytest.fixture
def displayed(monkeypatch):
    """Collect what a notebook would show."""
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    return shown


WEIGHTS = torch.tensor([[0.25, 0.75], [0.9, 0.1]])


def test_each_query_has_a_button_and_a_table_with_its_own_weights(displayed):
    explore(WEIGHTS, ["cat", "sat"], ["a", "b"], name="toy")
    html = displayed[0]["text/html"]
    tables = re.findall(r'<table class="row-(\d)"><caption>Where <b>(\w+)</b>(.*?)</table>', html)
    assert [(index, query) for index, query, _ in tables] == [("0", "cat"), ("1", "sat")]
    for (_, _, body), row in zip(tables, WEIGHTS.tolist(), strict=True):
        assert re.findall(r"<td>([\d.]+)</td>", body) == [f"{share:.2f}" for share in row]
        assert re.findall(r"--share: ([\d.]+)", body) == [f"{share:.2f}" for share in row]
    assert re.findall(r'id="([\w-]+)" checked>', html) == ["explore-toy-0"]
    for index in (0, 1):
        assert f'id="explore-toy-{index}"' in html
        assert f'for="explore-toy-{index}"' in html
        assert f"#explore-toy-{index}:checked ~ .row-{index} {{ display: table; }}" in html


def test_it_says_in_words_where_each_query_looks_most(displayed):
    explore(WEIGHTS, ["cat", "sat"], ["a", "b"], name="toy")
    assert displayed[0]["text/plain"].endswith("Each looks most: cat at b, sat at a.")


def test_it_needs_no_script_and_no_network(displayed):
    explore(WEIGHTS, ["cat", "sat"], ["a", "b"], name="toy")
    assert not re.search(r"<script|https?:|url\(|@import", displayed[0]["text/html"])


def test_labels_cannot_break_the_page(displayed):
    explore(torch.ones(1, 1), ["<b>"], ["a & b"], name="toy")
    html = displayed[0]["text/html"]
    assert "<b>&lt;b&gt;</b>" in html
    assert "a &amp; b" in html


HEADS = torch.tensor([[[0.25, 0.75], [0.9, 0.1]], [[1.0, 0.0], [0.4, 0.6]], [[0.5, 0.5]] * 2])


def test_each_query_has_a_section_with_a_table_for_each_head(displayed):
    explore(HEADS, ["cat", "sat"], ["a", "b"], name="toy", heads=["x", "y", "<z>"])
    html = displayed[0]["text/html"]
    sections = re.findall(
        r'<section class="row row-(\d)"><p>Where <b>(\w+)</b>(.*?)</section>', html
    )
    assert [(index, query) for index, query, _ in sections] == [("0", "cat"), ("1", "sat")]
    for place, (_, _, body) in enumerate(sections):
        tables = re.findall(r"<table><caption>(.*?)</caption>(.*?)</table>", body)
        assert [caption for caption, _ in tables] == ["x", "y", "&lt;z&gt;"]
        for (_, table), head in zip(tables, HEADS.tolist(), strict=True):
            assert re.findall(r"<td>([\d.]+)</td>", table) == [f"{w:.2f}" for w in head[place]]
            assert re.findall(r"--share: ([\d.]+)", table) == [f"{w:.2f}" for w in head[place]]


def test_several_heads_are_said_one_by_one(displayed):
    explore(HEADS, ["cat", "sat"], ["a", "b"], name="toy")
    assert displayed[0]["text/plain"] == (
        "A choice of the query, and for each of 3 maps a bar for each key: head 0 looks mostly at "
        "the position before (mean weight 0.90); head 1 looks mostly at its own position (mean "
        "weight 0.80); head 2 looks at all keys alike (0.50 each)."
    )


def test_several_heads_need_no_script_no_network_and_little_room(displayed):
    tokens = ["the", "cat", "sat", "on", "the", "mat"]
    weights = torch.full((4, 6, 6), 1 / 6)
    explore(weights, tokens, tokens, name="toy")
    html = displayed[0]["text/html"]
    assert not re.search(r"<script|https?:|url\(|@import|\{id\}", html)
    assert len(html) < 30_000
    identities = re.findall(r' id="([\w-]+)"', html)
    assert len(identities) == len(set(identities)) == 7


def point_and_choose(html):
    """Play with the figure in a browser, at two widths; return False without a browser."""
    with sync_playwright() as playwright:
        path = site_checks.find_browser(playwright)
        if path is None:
            return False
        browser = site_checks.launch(playwright, path)
        for width in (360, 1280):
            page = browser.new_page(viewport={"width": width, "height": 700})
            page.set_default_timeout(site_checks.PATIENCE)
            page.set_content(f"<body>{html}<p id=away>away</p>")
            shown = page.locator("section:visible p")
            assert shown.all_inner_texts() == ["Where cat looks"]
            page.locator("label", has_text="sat").hover()
            assert shown.all_inner_texts() == ["Where sat looks"]
            page.locator("#away").hover()
            assert shown.all_inner_texts() == ["Where cat looks"]
            page.locator("label", has_text="sat").click()
            page.locator("#away").hover()
            assert shown.all_inner_texts() == ["Where sat looks"]
            page.keyboard.press("ArrowLeft")
            assert shown.all_inner_texts() == ["Where cat looks"]
            tables = page.locator("table:visible")
            lefts = {tables.nth(i).bounding_box()["x"] for i in range(3)}
            assert len(lefts) == (1 if width == 360 else 2)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        browser.close()
    return True


def test_pointing_at_a_token_shows_its_heads_and_choosing_one_keeps_them(displayed):
    explore(HEADS, ["cat", "sat"], ["a", "b"], name="toy")
    with ThreadPoolExecutor(1) as thread:  # the site's tests may have a browser in this one
        if not thread.submit(point_and_choose, displayed[0]["text/html"]).result():
            pytest.skip("No Chromium found, so the figure was not played with.")


@pytest.mark.parametrize(
    ("weights", "options", "message"),
    [
        (HEADS, {"heads": ["one"]}, r"shape \(3, 2, 2\), but there are 1 heads, 2 queries"),
        (HEADS[0], {"heads": ["one"]}, r"1 heads are named.*shape \(2, 2\)"),
        (HEADS * 3, {}, r"between 0.00 and 3.00.*apply softmax first"),
        (HEADS[0] * torch.nan, {}, "NaN"),
        (HEADS, {"name": "two words"}, "'two words'; expected a word"),
    ],
)
@pytest.mark.usefixtures("as_a_reader_runs_it")
def test_what_cannot_be_explored_is_refused(displayed, weights, options, message):
    with pytest.raises(ValueError, match=message):
        explore(weights, ["cat", "sat"], ["a", "b"], **{"name": "toy"} | options)
    assert displayed == []


def test_labels_that_do_not_fit_are_refused(displayed):
    with pytest.raises(ValueError, match=r"shape \(2, 2\).*1 queries and 2 keys"):
        explore(WEIGHTS, ["cat"], ["a", "b"], name="toy")
    assert displayed == []
