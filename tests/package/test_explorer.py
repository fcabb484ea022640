"""The figure to play with: everything in its output, each number in its place."""

import re

import pytest
import torch

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


def test_labels_that_do_not_fit_are_refused(displayed):
    with pytest.raises(ValueError, match=r"shape \(2, 2\).*1 queries and 2 keys"):
        explore(WEIGHTS, ["cat"], ["a", "b"], name="toy")
    assert displayed == []
