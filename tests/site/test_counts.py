"""A page that lost its formulas, an output or a figure on the way into the book is named."""

import pytest
from sample_notebook import cell, good_notebook, write_book

from bookkit.pages import Page
from bookkit.site_counts import count_faults, formulas

OUTPUT = '<div class="cell_output docutils container"><p>1,000</p></div>\n'
LIGHT = '<img alt="Bars" class="figure-image only-light" src="a.png">\n'
DARK = '<img alt="Bars" class="figure-image only-dark" src="b.png">\n'
FORMULA = '<span class="math notranslate nohighlight">x</span>\n'
BUILT = OUTPUT + OUTPUT.replace("<p>1,000</p>", LIGHT + DARK) + OUTPUT + 3 * FORMULA


@pytest.fixture
def page(tmp_path):
    """A notebook of three outputs, one of them a figure, and three formulas."""
    notebook = good_notebook()
    cell(notebook, "weigh-note").source += "\n\n> - A $y$ here.\n\n$$\nz\n$$\n"
    return write_book(tmp_path, notebook)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("", "", None),
        (FORMULA, FORMULA + FORMULA, None),
        (FORMULA, "", "has 0 formulas, and chapters/sample.ipynb has 3"),
        ('class="math ', 'class="', "has 0 formulas"),
        (3 * FORMULA, 2 * FORMULA, "has 2 formulas"),
        (OUTPUT, "", "has 1 outputs, and chapters/sample.ipynb has 3"),
        (OUTPUT, OUTPUT + OUTPUT, "has 5 outputs"),
        (LIGHT, "", "has 0 figures, and chapters/sample.ipynb has 1"),
        (LIGHT, LIGHT + LIGHT, "has 2 figures"),
    ],
)
def test_planted_loss_is_named(old, new, fault, page, tmp_path):
    path = tmp_path / "sample.html"
    path.write_text(BUILT.replace(old, new) if old else BUILT, encoding="utf-8")
    faults = count_faults(page, path)
    assert len(faults) == (fault is not None), faults
    assert fault is None or fault in faults[0]


def test_a_markdown_file_keeps_its_formulas(tmp_path):
    source, path = tmp_path / "notes.md", tmp_path / "notes.html"
    source.write_text("# Notes\n\n| $a$ | $b$ |\n| --- | --- |\n| $c$ | `$d$` |\n")
    path.write_text(3 * FORMULA, encoding="utf-8")
    assert not count_faults(Page(source, tmp_path), path)
    path.write_text(2 * FORMULA, encoding="utf-8")
    assert "has 2 formulas" in count_faults(Page(source, tmp_path), path)[0]


def test_formulas_of_a_directive_count_and_code_does_not():
    assert formulas(":::{note}\nAn $x$.\n:::\n\n```python\n'$y$'\n```\n") == 1
