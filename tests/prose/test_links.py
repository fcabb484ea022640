"""Links, anchors, pictures, headings and citations lead where they say."""

import pytest
from myst_parser.mdit_to_docutils.base import default_slugify
from sample_notebook import cell, good_notebook, only_fault, write_book

from bookkit.links import (
    anchors,
    bibliography,
    check_citations,
    check_headings,
    check_images,
    check_links,
    paper,
    slug,
)
from bookkit.pages import ROOT, Page, markdown_pages, notebooks

CHAPTERS = notebooks()
PAGES = [*CHAPTERS, *markdown_pages()]


def test_there_are_pages_to_check():
    assert CHAPTERS, "There is no notebook under chapters/, so nothing was checked."
    assert len(PAGES) > len(CHAPTERS)


@pytest.mark.parametrize("check", [check_links, check_images, check_headings])
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_is_clean(page, check):
    faults = check(page)
    assert not faults, "\n".join(map(str, faults))


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.name)
def test_cited_papers_are_in_the_bibliography(page):
    faults = check_citations(page)
    assert not faults, "\n".join(map(str, faults))


@pytest.mark.parametrize("check", [check_links, check_images, check_headings, check_citations])
def test_good_notebook_is_clean(check, tmp_path):
    assert not check(write_book(tmp_path, good_notebook()))


PLANTS = {
    "[there](missing.ipynb)": (check_links, "missing.ipynb leads to no file"),
    "[there](glossary.md#no-such-term)": (check_links, "no heading of glossary.md"),
    "[there](#no-such-heading)": (check_links, "no heading of sample.ipynb"),
    "[there](glossary.html)": (check_links, "built page"),
    "[there](/chapters/glossary.md)": (check_links, "root of a disk"),
    "![A picture](missing.png)": (check_links, "missing.png leads to no file"),
    '<a href="missing.md">there</a>': (check_links, "missing.md leads to no file"),
    "| [there](missing.md) |\n| --- |": (check_links, "missing.md leads to no file"),
    "![](glossary.md)": (check_images, "no alt text"),
    '<img src="glossary.md">': (check_images, "no alt text"),
    "# Again": (check_headings, "second H1"),
    "#### Deep": (check_headings, "skips from level 2 to level 4"),
    "## What the cell shows": (check_headings, "second heading"),
    "[X (2020)](https://arxiv.org/abs/2001.00001)": (check_citations, "arxiv:2001.00001"),
    "[X (2020)](https://doi.org/10.1162/none)": (check_citations, "doi:10.1162/none"),
}


@pytest.mark.parametrize("text", PLANTS)
def test_planted_fault_is_named(text, tmp_path):
    check, words = PLANTS[text]
    notebook = good_notebook()
    cell(notebook, "weigh-note").source += f"\n\n{text}\n"
    only_fault(check(write_book(tmp_path, notebook)), "weigh-note", words)


@pytest.mark.parametrize(
    "text",
    [
        "[a](https://example.org/x.html) and <mailto:a@example.org>",
        "[a](sample.ipynb#what-the-cell-shows), [b](glossary.md), [c](../Makefile)",
        "[a](https://arxiv.org/pdf/1706.03762v5) and [b](https://arxiv.org/abs/1706.03762)",
        "`[a](missing.md)` and $[a](b)$",
        "```\n[a](missing.md)\n# Title\n```",
        '<img src="glossary.md" alt="A list">',
    ],
)
def test_what_is_right_is_left_alone(text, tmp_path):
    notebook = good_notebook()
    cell(notebook, "weigh-note").source += f"\n\n{text}\n"
    page = write_book(tmp_path, notebook)
    checks = (check_links, check_images, check_headings, check_citations)
    assert not [fault for check in checks for fault in check(page)]


def test_faults_of_markdown_files_name_the_line(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("# Page\n\n(here)=\n## A\n\n[x](#here)\n\n:::{note}\n[x](missing.md)\n:::\n")
    only_fault(check_links(Page(path, tmp_path)), "line 9", "missing.md")


def test_page_without_a_title_is_named(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("Words.\n")
    only_fault(check_headings(Page(path, tmp_path)), "title", "no heading")


def test_second_level_first_is_named(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("## Words\n")
    only_fault(check_headings(Page(path, tmp_path)), "line 1", "skips from level 0 to level 2")


@pytest.mark.parametrize(
    "title",
    ["A small page", "Queries, keys & values", "What is `dim=-1`?", "Größe – 2×3", "a_b-c d"],
)
def test_slugs_are_those_of_myst(title):
    assert slug(title) == default_slugify(title)


def test_slugs_of_equal_headings_are_numbered(tmp_path):
    path = tmp_path / "page.md"
    path.write_text('# A\n\n## B\n\n## B `c`\n\n## B\n\n<a id="x"></a>\n')
    assert anchors(Page(path, tmp_path)) == {"a", "b", "b-c", "b-1", "x"}


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://doi.org/10.48550/arXiv.1706.03762", "arxiv:1706.03762"),
        ("https://arxiv.org/abs/1706.03762v7", "arxiv:1706.03762"),
        ("https://doi.org/10.1162/NECO.1997.9.8.1735", "doi:10.1162/neco.1997.9.8.1735"),
        ("https://example.org/1706.03762", None),
    ],
)
def test_papers_are_recognized(address, name):
    assert paper(address) == name


def test_the_bibliography_is_read():
    assert "arxiv:1706.03762" in bibliography(ROOT / "chapters" / "references.bib")
