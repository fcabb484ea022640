"""Numbers in prose come out of the page's cells, at the digits quoted."""

from decimal import Decimal

import pytest
from nbformat.v4 import new_output
from sample_notebook import cell, good_notebook, only_fault, replace, write_book

from bookkit.numbers import agrees, check_numbers, quoted_numbers, shown_numbers
from bookkit.pages import notebooks

CHAPTERS = notebooks()


def test_there_are_chapters_to_check():
    assert CHAPTERS, "There is no notebook under chapters/, so nothing was checked."


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.name)
def test_numbers_in_prose_agree_with_the_cells(page):
    faults = check_numbers(page)
    assert not faults, "\n".join(map(str, faults))


def test_good_notebook_is_clean(tmp_path):
    assert not check_numbers(write_book(tmp_path, good_notebook()))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.24", "0.25"),
        ("0.24", "0.238 and 0.2380"),
        ("−0.5", "0.5"),
        ("24 %", "25 %"),
        ("24 %", "25 percent"),
        ("1,000 parameters", "1,001 parameters"),
        ("0.24", "−0.24"),
        ("1,000", "2000"),
        ("0.24", "**0.27**"),
        ("0.24", "1e-5"),
        ("0.24", "0.2400"),
        ("0.24", "0.23790"),
        ("1,000", "999"),
        ("1,000", "1000.0"),
        ("24 %", "1000 %"),
        ("−0.5", "17"),
    ],
)
def test_planted_number_is_named(old, new, tmp_path):
    notebook = good_notebook()
    replace(notebook, "weigh-note", old, new)
    wrong = new.split(" and ")[-1].replace("**", "").removesuffix(" parameters")
    only_fault(check_numbers(write_book(tmp_path, notebook)), "weigh-note", f"says {wrong},")


@pytest.mark.parametrize(
    "place",
    [
        "### The weight of 0.71",
        "| weight | value |\n| --- | --- |\n| first | 0.71 |",
        "> **Claim.** The weight is 0.71.",
        "- It has a weight\n  of 0.71 here.",
        '<details class="hint"><summary>Hint</summary>\n\nThe weight is 0.71.\n\n</details>',
        "<div>The weight is 0.71.</div>",
        "[A paper](https://doi.org/10.1/x) came first. The weight is 0.71.",
        "The weight is [0.71](glossary.md) here.",
        "It is $x$ times 0.71 then.",
    ],
)
def test_every_kind_of_prose_is_read(place, tmp_path):
    notebook = good_notebook()
    cell(notebook, "weigh-note").source += "\n\n" + place
    only_fault(check_numbers(write_book(tmp_path, notebook)), "weigh-note", "says 0.71")


@pytest.mark.parametrize(
    "text",
    [
        "$0.71$ and $$x = 0.71$$ and `0.71`",
        "```python\nx = 0.71\n```",
        '<details class="solution"><summary>S</summary>\n\n```python\nx = 0.71\n```\n\n</details>',
        "Perplexity falls to 0.71 in [Lee et al. (2018)](https://arxiv.org/abs/1810.00825), a lot.",
        "| [Lee et al.](https://arxiv.org/abs/1810.00825) | 0.71 |\n| --- | --- |",
        "See [part 0.71](https://example.org/0.71) and <https://example.org/0.71>.",
        "Python 3.12, PyTorch 2.13.0, version 0.71, v0.71, CC BY 4.0 and GPT-3.5.",
        "Section 3.71, equation 0.71, figure 0.71, page 214 and § 0.71.",
        "In 2017, since 2014 and (2018); on 2022-11-30. They met in May 2015.",
        "Two of 9 tokens, 5 minutes, item 3.",
        "*Difficulty 1 of 3 · 10 minutes · objective 2*",
        "**Know first:** vectors. **Reading:** 25 minutes. **Run time:** 12 min.",
        "Token t0.71 and fp32_0.71.",
    ],
)
def test_what_is_no_claim_of_the_page_is_left_alone(text, tmp_path):
    notebook = good_notebook()
    cell(notebook, "weigh-note").source += "\n\n" + text
    assert not check_numbers(write_book(tmp_path, notebook))


def test_a_year_is_a_year_only_where_it_reads_like_one():
    def found(text):
        return [written for written, _, _ in quoted_numbers(text)]

    assert found("a width of 2017 and 2017 tokens") == ["2017", "2017"]
    assert found("after 2000 steps") == ["2000"]
    assert found("in 2017.") == []


def test_minutes_are_free_only_where_a_page_says_what_it_takes():
    def found(text):
        return [written for written, _, _ in quoted_numbers(text)]

    assert found("It trains for 25 minutes") == ["25"]
    assert found("Reading: 25 tokens") == ["25"]
    assert found("Reading: 25 minutes") == []


@pytest.mark.parametrize(
    ("where", "old"), [("title", "## What the cell shows"), ("exercises", "## Exercises")]
)
def test_a_number_of_another_section_does_not_count(where, old, tmp_path):
    """The number that one section shows stands before its heading, or after the next."""
    notebook = good_notebook()
    replace(notebook, "weigh-note", "0.24", "0.2379")
    assert not check_numbers(write_book(tmp_path, notebook))
    before = where == "title"
    replace(notebook, where, old, f"It is 0.2379.\n\n{old}" if before else f"{old}\n\n0.2379.")
    only_fault(check_numbers(write_book(tmp_path, notebook)), where, "says 0.2379,")


def test_of_html_only_what_a_reader_sees_counts(tmp_path):
    html = (
        "<style>td {width: 0.71em; top: 72px}</style><script>x = 0.73</script><!-- 0.74 -->"
        "<table data-x='0.75'><tr><td>0.76</td></tr></table>"
    )
    notebook = good_notebook()
    target = cell(notebook, "draw")
    target.outputs = [new_output("display_data", {"text/html": html, "text/plain": "A table."})]
    assert shown_numbers([target]) == [(Decimal("0.76"), False)]


def test_the_same_number_with_more_digits_may_be_quoted_with_them():
    first, then = (new_output("stream", name="stdout", text=text) for text in ("1\n", "1.00\n"))
    target = cell(good_notebook(), "weigh")
    target.outputs = [first, then]
    shown = shown_numbers([target])
    assert any(agrees(Decimal("1.00"), False, *number) for number in shown)
    target.outputs = [first]
    assert not any(agrees(Decimal("1.00"), False, *number) for number in shown_numbers([target]))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("−0.50", "-0.50"),
        ("+0.5", "0.5"),
        ("208,193", "208193"),
        ("208193.", "208193"),
        ("12 %", "12"),
        ("3.4e−5", "0.000034"),
        ("from 0.2-0.3", "0.2"),
    ],
)
def test_numbers_are_read(text, value):
    assert next(quoted_numbers(text))[1] == Decimal(value)


@pytest.mark.parametrize(
    ("quoted", "percent", "shown", "expected"),
    [
        ("0.24", False, "0.2379", True),
        ("0.24", False, "0.2351", True),
        ("0.24", False, "0.2349", False),
        ("0.238", False, "0.24", False),
        ("0.125", False, "0.125", True),
        ("0.12", False, "0.125", True),
        ("24", True, "0.2379", True),
        ("23.8", True, "0.2379", True),
        ("24", True, "24.3", False),
        ("24", False, "0.2379", False),
        ("-0.5", False, "0.5", False),
        ("-0.0", False, "0.01", True),
        ("1e-5", False, "0.0000098", True),
        ("1000", False, "999.7", False),
        ("1000", False, "1000.0", True),
        ("1.000", False, "1", False),
        ("1.0", False, "1.000", True),
        ("0.2400", False, "0.24", False),
        ("100", True, "1", False),
        ("100", True, "1.00", True),
    ],
)
def test_rounding(quoted, percent, shown, expected):
    assert agrees(Decimal(quoted), percent, Decimal(shown)) is expected


@pytest.mark.parametrize(
    ("quoted", "percent", "shown", "expected"),
    [("24", True, "24.3", True), ("24", True, "0.243", False), ("24.3", False, "24.3", False)],
)
def test_shown_percentages_are_quoted_as_percentages(quoted, percent, shown, expected):
    assert agrees(Decimal(quoted), percent, Decimal(shown), shown_percent=True) is expected


def test_candidates_come_from_sources_outputs_and_alt_texts(tmp_path):
    notebook = good_notebook()
    cell(notebook, "weigh").source += "\nsteps, rate = 1_000_000, 3e-4\nprint('12.5 %')"
    cell(notebook, "draw").outputs[0].data["text/plain"] = "Bars up to 0.91, tensor([[-1., 0.]])"
    shown = shown_numbers(write_book(tmp_path, notebook).code_cells)
    numbers = ("1000000", "3e-4", "0.91", "-1", "1000", "0.2379")
    assert {(Decimal(number), False) for number in numbers} <= set(shown)
    assert (Decimal("12.5"), True) in shown
