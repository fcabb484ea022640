"""American spelling in prose, and 'causal' where it is meant."""

import pytest
from sample_notebook import cell, good_notebook, only_fault, write_book

from bookkit.pages import Page, markdown_pages, notebooks
from bookkit.spelling import BRITISH, check_figure_spelling, check_spelling, misspellings

CHAPTERS = notebooks()
PAGES = [*CHAPTERS, *markdown_pages()]


def test_there_are_pages_to_check():
    assert CHAPTERS, "There is no notebook under chapters/, so nothing was checked."
    assert len(PAGES) > len(CHAPTERS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_spelling_is_american(page):
    faults = check_spelling(page)
    faults += check_figure_spelling(page) if page.is_notebook else []
    assert not faults, "\n".join(map(str, faults))


def test_good_notebook_is_clean(tmp_path):
    page = write_book(tmp_path, good_notebook())
    assert not check_spelling(page) + check_figure_spelling(page)


@pytest.mark.parametrize(
    ("british", "american"),
    [
        ("normalise", "normalize"),
        ("Normalisation", "normalization"),
        ("tokenisers", "tokenizers"),
        ("generalises", "generalizes"),
        ("initialised", "initialized"),
        ("colours", "colors"),
        ("coloured", "colored"),
        ("behaviour", "behavior"),
        ("behavioural", "behavioral"),
        ("neighbouring", "neighboring"),
        ("centre", "center"),
        ("centres", "centers"),
        ("centred", "centered"),
        ("analyse", "analyze"),
        ("analysed", "analyzed"),
        ("modelling", "modeling"),
        ("labelled", "labeled"),
        ("grey", "gray"),
        ("casual", "causal"),
        ("Casually", "causally"),
    ],
)
def test_planted_spelling_is_named(british, american, tmp_path):
    notebook = good_notebook()
    cell(notebook, "weigh-note").source += f"\n\n| A {british} mask |\n| --- |\n"
    faults = check_spelling(write_book(tmp_path, notebook))
    only_fault(faults, "weigh-note", british, american)


@pytest.mark.parametrize(
    "text",
    [
        "`normalise` and $colour$ and <https://example.org/colour>",
        "```python\ncolour = 'grey'\n```",
        "[Neighbour graphs (2001)](https://example.org/x)",
        "<!-- colour --> <code>colour</code>",
    ],
)
def test_code_addresses_and_titles_are_left_alone(text, tmp_path):
    notebook = good_notebook()
    cell(notebook, "weigh-note").source += f"\n\n{text}\n"
    assert not check_spelling(write_book(tmp_path, notebook))


def test_alt_texts_are_read(tmp_path):
    notebook = good_notebook()
    cell(notebook, "draw").outputs[0].data["text/plain"] = "Grey bars"
    only_fault(check_figure_spelling(write_book(tmp_path, notebook)), "draw", "Grey", "gray")
    notebook = good_notebook()
    cell(notebook, "weigh-note").source += "\n\n![Coloured arrows](glossary.md)"
    only_fault(check_spelling(write_book(tmp_path, notebook)), "weigh-note", "Coloured")


def test_markdown_files_are_read_with_their_directives(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("# Page\n\n```{note}\nThe colour.\n```\n\n```{code} python\ncolour\n```\n")
    only_fault(check_spelling(Page(path, tmp_path)), "line 4", "colour")


def test_american_words_are_left_alone():
    text = """analysis analyses exercise precise raise noise otherwise promise compromise advise
    wise supervised unsupervised revised devise likewise causality model modeled total totally
    cancellation color four hour tour your pour source course honest label labels signal
    fulfilled enrolled practice dialogue size prize seize capsize axis basis emphasis hypothesis
    synthesis parenthesis program programmed center metric theater gray license"""
    assert not list(misspellings(text))
    assert not [word for word in ("analysis", "model", "total", "exercise") if word in BRITISH]
