"""Each check of the built pages reports the fault it is there for, and is silent without it."""

import shutil
from pathlib import Path

import pytest

from bookkit import site_axe, site_checks
from bookkit.extension import mathjax_source
from bookkit.site_links import colab_faults, link_faults

SOUND = """<!doctype html><html lang="en" data-theme="light"><head><title>A page</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"></head>
<body style="background:#fff;color:#111"><main><article><h1>A page</h1>{}</article></main>
<script>const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.dataset.theme = dark.matches ? "dark" : "light";
dark.onchange = follow; follow();</script></body></html>"""
DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
REPOSITORY = {"url": "https://github.com/owner/name", "branch": "main"}


@pytest.fixture
def visit(tmp_path, contexts):
    """Open a page with the given body at 360 pixels."""
    opened = []

    def open_body(body: str) -> site_checks.Visit:
        path = tmp_path / "page.html"
        path.write_text(SOUND.format(body), encoding="utf-8")
        opened.append(site_checks.open_page(contexts[360], path))
        return opened[-1]

    yield open_body
    for each in opened:
        each.page.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_sound_page_has_no_faults(theme, visit):
    seen = visit(f"<p>Text.</p><img src='{DOT}' alt='a dot'>")
    assert site_checks.visible_faults(seen.page, theme) == []
    assert seen.console_faults() + seen.network_faults() == []


def test_text_that_is_pale_in_the_dark_theme_alone_is_reported(visit):
    style = "<style>[data-theme=dark] p {color:#bbb}</style>"
    page = visit(f"{style}<p>Text.</p>").page
    assert site_checks.visible_faults(page, "light") == []
    (fault,) = site_checks.visible_faults(page, "dark")
    assert "axe color-contrast" in fault


BELOW = "<style>section {background:#eee} .a {opacity:.5}</style>"
LINK = "<style>a {color:#00e; text-decoration:none}</style>"
TEXT = "Text before the link, long enough to make a paragraph of it, with a "


@pytest.mark.parametrize(
    ("body", "kinds"),
    [
        ("<p>Text.</p><section><p>Text.</p></section><b>Text</b>", 4),
        ("<p>Text.</p><section><p>Text.</p><i>Text</i></section><p class='a'>Text.</p>", 4),
        ("<p>Text.</p><p hidden>Text.</p><p>Text, <i>text</i>.</p><em> <u>Text</u></em>", 2),
        (f"{LINK}<p><a href='#a'>Link</a></p><p>{TEXT}<a href='#a'><i>link</i></a></p>", 4),
        (f"{LINK}<i><a href='#a'>Link</a></i><p>{TEXT}<a href='#a'>link</a></p>", 4),
        ("<p>Text.</p><label style='color:#000'>Name <input value='name'></label>", 4),
    ],
)
def test_text_is_of_one_kind_if_color_size_and_all_behind_it_agree(body, kinds, visit):
    seen = set()
    page = visit(BELOW + body).page
    site_axe.color_faults(page, seen)
    assert len(seen) == kinds, "\n".join(sorted(seen))


def test_three_texts_of_each_kind_are_looked_at_on_one_page_or_several(visit):
    seen, pale = set(), "<p style='color:#bbb'>{}</p>"
    four = "".join(map(pale.format, ("·", "First", "Second", "Third", "Fourth")))
    (fault,) = site_axe.color_faults(visit(four).page, seen)
    assert "First" in fault and "(3 in all)" in fault
    assert site_axe.color_faults(visit(pale.format("Fifth")).page, seen) == []
    assert site_axe.color_faults(visit(pale.format("<b>Sixth</b>")).page, seen)
    below = f"{BELOW}<section>{pale.format('Seventh')}</section>"
    assert site_axe.color_faults(visit(below).page, seen)


def test_a_link_that_only_its_color_tells_is_reported(visit):
    body = f"{LINK}<nav><a href='#a'>Link</a></nav><p>{TEXT}<a href='#a'>link</a></p>"
    (fault,) = site_axe.color_faults(visit(body).page)
    assert "axe link-in-text-block" in fault and "<nav>" not in fault


def test_what_depends_on_the_width_is_reported_by_the_rules_on_widths(visit):
    scrolls = f"<pre style='width:100px;overflow:auto'>{'wide' * 20}</pre>"
    near = "<a href='#a' style='position:absolute;left:{}px'>·</a>"
    page = visit(scrolls + near.format(40) + near.format(44)).page
    faults = site_axe.accessibility_faults(page, site_axe.WIDTH_RULES)
    for rule in site_axe.WIDTH_RULES:
        assert any(f"axe {rule}" in fault for fault in faults), faults


def seen_by(check):
    """Turn a check of a page into a check of a visit."""
    return lambda visit: check(visit.page)


IMAGES = seen_by(site_checks.image_faults)
OVERFLOW = seen_by(site_checks.overflow_faults)
FORMULAS = seen_by(site_checks.formula_faults)
ACCESSIBILITY = seen_by(site_axe.accessibility_faults)
COLORS = seen_by(site_axe.color_faults)
NETWORK = site_checks.Visit.network_faults
CONSOLE = site_checks.Visit.console_faults


@pytest.mark.parametrize(
    ("check", "body", "expected"),
    [
        (IMAGES, "<img src='missing.png' alt='a dot'>", "broken image missing.png"),
        (IMAGES, f"<img src='{DOT}'>", "image without alt text"),
        (IMAGES, f"<img src='{DOT}' alt=''>", "image without alt text"),
        (OVERFLOW, "<div class='wide' style='width:900px'>wide</div>", 'class="wide"'),
        (NETWORK, "<script src='https://example.org/a.js'></script>", "https://example.org/a.js"),
        (NETWORK, "<script>fetch('https://example.org/b')</script>", "https://example.org/b"),
        (CONSOLE, "<script src='gone.js'></script>", "cannot load"),
        (CONSOLE, "<script>console.error('it broke')</script>", "console: it broke"),
        (CONSOLE, "<script>undefinedFunction()</script>", "console: uncaught"),
        (COLORS, "<p style='color:#bbb'>Pale text.</p>", "axe color-contrast"),
        (COLORS, "<p style='color:#fff'>White.</p>", "text in the color of its background"),
        (ACCESSIBILITY, "<button></button>", "axe button-name"),
        (FORMULAS, "<span class='math'>x</span>", "formula not typeset: x"),
    ],
)
def test_a_planted_fault_is_reported(check, body, expected, visit):
    assert any(expected in fault for fault in check(visit(body)))


def test_what_scrolls_inside_itself_is_no_fault(visit):
    body = "<div style='overflow-x:auto' tabindex='0'><div style='width:900px'>wide</div></div>"
    assert OVERFLOW(visit(body)) == []


@pytest.fixture(scope="module")
def mathjax() -> str:
    """A script element that loads the book's MathJax."""
    source = (mathjax_source() / "tex-chtml.js").as_uri()
    options = "window.MathJax = {options: {enableMenu: false}}"
    return f"<script>{options}</script><script src='{source}'></script>"


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (r"\frac{Q K^\top}{\sqrt{d_k}}", None),
        (r"\text{plain words}", None),
        (r"a + \notamacro", r"undefined macro in a + \notamacro"),
        (r"\frac{a}{b", "formula not typeset"),
        (r"} a", r"TeX error in } a"),
    ],
)
def test_a_faulty_formula_is_reported(formula, expected, visit, mathjax):
    faults = site_checks.formula_faults(
        visit(rf"<p><span class='math'>\({formula}\)</span></p>{mathjax}").page
    )
    assert faults == [] if expected is None else any(expected in fault for fault in faults)


def test_a_heavy_page_is_reported_without_counting_mathjax(visit, tmp_path):
    (tmp_path / "mathjax").mkdir()
    for script in (tmp_path / "heavy.js", tmp_path / "mathjax" / "free.js"):
        script.write_text("//" + "x" * 20_000, encoding="utf-8")
    seen = visit("<script src='heavy.js'></script><script src='mathjax/free.js'></script>")
    assert seen.weight_faults(tmp_path, limit=30_000) == []
    (fault,) = seen.weight_faults(tmp_path, limit=10_000)
    assert "heavy.js" in fault
    assert "free.js" not in fault
    assert "free.js" in seen.weight_faults(tmp_path / "mathjax", limit=10_000)[0]


def test_two_files_of_one_name_weigh_twice(visit, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.js").write_text("//" + "x" * 20_000, encoding="utf-8")
    seen = visit("<script src='a/same.js'></script><script src='b/same.js'></script>")
    assert seen.weight_faults(tmp_path, limit=30_000)
    assert seen.weight_faults(tmp_path, limit=50_000) == []


def test_a_fault_inside_a_closed_fold_is_reported(visit):
    page = visit("<details><summary>More</summary><p style='color:#bbb'>Pale.</p></details>").page
    (fault,) = site_checks.visible_faults(page, "light")
    assert "axe color-contrast" in fault


def test_a_dead_link_and_a_dead_anchor_are_reported(tmp_path):
    (tmp_path / "there.html").write_text("<h2 id='here'>Here</h2>", encoding="utf-8")
    page = tmp_path / "page.html"
    page.write_text(
        "<a href='there.html#here'></a><a href='https://example.org/'></a><a href='#'></a>"
        "<a href='there.html#gone'></a><a href='nowhere.html'></a><a href='#missing'></a>",
        encoding="utf-8",
    )
    faults = "\n".join(link_faults(page))
    assert faults.count("\n") == 2
    for dead in ("there.html#gone", "nowhere.html", "#missing"):
        assert f"links to {dead}:" in faults


def test_a_colab_button_of_another_repository_is_reported(tmp_path):
    page = tmp_path / "page.html"
    address = "https://colab.research.google.com/github/{}/blob/main/chapters/a.ipynb"
    page.write_text(f"<a href='{address.format('owner/name')}'></a>", encoding="utf-8")
    assert colab_faults(page, "chapters/a.ipynb", REPOSITORY) == []
    page.write_text(f"<a href='{address.format('someone/else')}'></a>", encoding="utf-8")
    assert "someone/else" in colab_faults(page, "chapters/a.ipynb", REPOSITORY)[0]
    Path(page).write_text("<p>No button.</p>", encoding="utf-8")
    assert colab_faults(page, "chapters/a.ipynb", REPOSITORY)


def test_a_chromium_on_the_path_is_found_when_playwright_has_none(monkeypatch, tmp_path):
    class NoBrowserOfItsOwn:
        class chromium:  # noqa: N801 - the name that playwright uses
            executable_path = str(tmp_path / "none")

    found = {"google-chrome": "/opt/google-chrome"}
    monkeypatch.setattr(shutil, "which", found.get)
    assert site_checks.find_browser(NoBrowserOfItsOwn()) == "/opt/google-chrome"
    monkeypatch.setattr(shutil, "which", {}.get)
    assert site_checks.find_browser(NoBrowserOfItsOwn()) is None
