"""Lines and bars: each named where it is, each described with its own numbers."""

import itertools
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.figures import KEY, MUTED, QUERY, SERIES, bars, describe, lines
from glassbox.figures.line_plot import course, spread
from glassbox.figures.words import number, several

few = settings(deadline=None, max_examples=25)
finite = st.floats(-1e4, 1e4)


@few
@given(st.lists(finite, min_size=1, max_size=30))
def test_a_line_is_described_by_its_own_ends_and_extremes(ys):
    said = course("a", [float(x) for x in range(len(ys))], ys, 3)
    known = {number(y) for y in ys}
    if len(ys) == 1:
        assert said == f"'a' is {number(ys[0])} at 0"
    elif len(known) == 1:
        assert said == f"'a' stays at {number(ys[0])} from 0 to {len(ys) - 1}"
    else:
        start = f"'a' goes from {number(ys[0])} at 0 to {number(ys[-1])} at {len(ys) - 1}"
        assert said.startswith(start)
        for word, extreme in (("lowest", min(ys)), ("highest", max(ys))):
            found = re.search(rf"{word} (\S+) at (\d+)", said)
            if number(extreme) in (number(ys[0]), number(ys[-1])):
                assert not found
            else:
                assert found[1] == number(extreme)
                assert ys[int(found[2])] == extreme


def test_lines_are_drawn_from_lists_tensors_and_pairs():
    series = {"list": [3, 1], "tensor": torch.tensor([2.0, 5.0, 4.0]), "pair": ([1, 10], [6, 7])}
    fig = lines(series, "Three forms", "x", "y (m)", log_x=False)
    drawn = [line.get_xydata().tolist() for line in fig.axes[0].lines[:3]]
    assert drawn == [[[0, 3], [1, 1]], [[0, 2], [1, 5], [2, 4]], [[1, 6], [10, 7]]]
    assert describe(fig) == (
        "Three forms. Line plot of y (m) over x, 3 lines. 'list' goes from 3 at 0 to 1 at 1; "
        "'tensor' goes from 2 at 0 to 4 at 2, highest 5 at 1; 'pair' goes from 6 at 1 to 7 at 10."
    )


def test_logarithmic_axes_are_drawn_and_said():
    fig = lines({"a": ([1, 10], [1, 100])}, "Powers", "n", "cost", log_x=True, log_y=True)
    assert (fig.axes[0].get_xscale(), fig.axes[0].get_yscale()) == ("log", "log")
    assert "Line plot of cost (log scale) over n (log scale)" in describe(fig)


def named_ends(fig, names):
    ax = fig.axes[0]
    return [next(text for text in ax.texts if text.get_text() == name) for name in names]


def test_each_name_stands_at_its_lines_end_in_its_color_and_none_overlap():
    series = {f"run {i}": [0, 1, 2 + i / 1000] for i in range(6)}
    fig = lines(series, "Six of a kind", "step", "loss")
    texts = named_ends(fig, series)
    assert [text.get_color() for text in texts] == list(SERIES)
    assert [line.get_color() for line in fig.axes[0].lines[:6]] == list(SERIES)
    boxes = [text.get_window_extent() for text in texts]
    assert all(low.y1 <= high.y0 + 0.5 for low, high in itertools.pairwise(boxes))
    assert all(box.x0 >= fig.axes[0].get_window_extent().x1 for box in boxes)
    assert all(box.x1 <= fig.bbox.x1 for box in boxes)


def test_lines_differ_by_more_than_color():
    fig = lines({f"run {i}": [0, i] for i in range(6)}, "Six", "x", "y")
    looks = [(line.get_linestyle(), line._unscaled_dash_pattern) for line in fig.axes[0].lines[:6]]
    assert len({str(look) for look in looks}) == 6
    assert len({line.get_marker() for line in fig.axes[0].lines[:6]}) == 6


def test_lines_about_roles_take_the_colors_of_the_roles():
    fig = lines({"queries": [1, 2], "keys": [2, 1]}, "Roles", "x", "y", colors=[QUERY, KEY])
    assert [line.get_color() for line in fig.axes[0].lines[:2]] == [QUERY, KEY]


@few
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.01, 0.2)), min_size=1, max_size=8))
def test_names_move_apart_and_no_further(pairs):
    wanted, heights = zip(*pairs, strict=True)
    placed = spread(wanted, heights)
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    for low, high in itertools.pairwise(order):
        assert placed[high] - placed[low] >= (heights[low] + heights[high]) / 2 - 1e-9
    assert sum(placed) == pytest.approx(sum(wanted), abs=1e-6)
    alone = all(
        abs(wanted[i] - wanted[j]) >= (heights[i] + heights[j]) / 2
        for i in range(len(wanted))
        for j in range(i)
    )
    if alone:
        assert placed == pytest.approx(list(wanted))


@pytest.mark.parametrize(
    ("series", "options", "message"),
    [
        ({}, {}, "0 lines; expected 1 to 6"),
        ({str(i): [i] for i in range(7)}, {}, "7 lines; expected 1 to 6"),
        ({"a": [1.0], "b": []}, {}, "'b' is empty"),
        ({"a": ([1, 2], [1, 2, 3])}, {}, "'a' has 2 places on the x axis, but 3 heights"),
        ({"a": (1.0, 2.0)}, {}, "'a' is a tuple of 2 items"),
        ({"a": ([1], [2], [3])}, {}, "'a' is a tuple of 3 items"),
        ({"a": [1.0], "b": [1.0, float("nan")]}, {}, "'b' holds nan at index 1"),
        ({"b": ([float("inf"), 1], [1, 2])}, {}, "'b' holds inf at index 0"),
        ({"a": [1, 2]}, {"log_x": True}, "'a' holds x = 0, which has no logarithm"),
        ({"a": [1, -2]}, {"log_y": True}, "'a' holds y = -2, which has no logarithm"),
    ],
)
def test_lines_that_cannot_be_drawn_are_refused(series, options, message):
    with pytest.raises(ValueError, match=message):
        lines(series, "No", "x", "y", **options)


@few
@given(st.dictionaries(st.text("abcdef", min_size=1), finite, min_size=1, max_size=12))
def test_bars_are_described_by_their_own_values(values):
    said = describe(bars(values, "Title", "size", reference=("line", 0.5)))
    if len(values) <= 8:
        pairs = re.findall(r"'(\w+)': ([^ ]+?)[,.] ", said)
        assert pairs == [(name, number(value)) for name, value in values.items()]
    else:
        large, small = re.search(r"Largest: '(\w+)', .*; smallest: '(\w+)', ", said).groups()
        assert (values[large], values[small]) == (max(values.values()), min(values.values()))
    above = sum(value > 0.5 for value in values.values())
    assert said.endswith(f"line at 0.5; {above} of {len(values)} bars reach beyond.")


def test_bars_stand_in_order_with_their_values_at_their_ends():
    fig = bars({"first": 2, "second": -1.25}, "Two bars", "meters", digits=2)
    ax = fig.axes[0]
    assert [bar.get_width() for bar in ax.patches] == [2, -1.25]
    assert [text.get_text() for text in ax.texts] == ["2", "-1.2"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["first", "second"]
    fig.draw_without_rendering()
    tops = [bar.get_window_extent().y1 for bar in ax.patches]
    assert tops[0] > tops[1], "the first bar is at the top"
    first, second = (text.get_window_extent() for text in ax.texts)
    assert first.x0 > ax.patches[0].get_window_extent().x1
    assert second.x1 < ax.patches[1].get_window_extent().x0


def test_bars_that_the_title_is_about_stand_out():
    from matplotlib.colors import to_hex

    ax = bars({"a": 1, "b": 2}, "About b", "size", highlight=["b"]).axes[0]
    assert [to_hex(bar.get_facecolor()) for bar in ax.patches] == [MUTED, SERIES[0]]
    ax = bars({"a": 1, "b": 2}, "About both", "size").axes[0]
    assert [to_hex(bar.get_facecolor()) for bar in ax.patches] == [SERIES[0]] * 2


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ({}, {}, "values is empty"),
        ({"a": 1.0, "b": float("nan")}, {}, "value of 'b' is nan"),
        ({"a": 1.0}, {"reference": ("chance", float("inf"))}, "value of 'chance' is inf"),
        ({"a": 1.0}, {"highlight": ["c"]}, "no bar is named 'c'; the bars are a"),
    ],
)
def test_bars_that_cannot_be_drawn_are_refused(values, options, message):
    with pytest.raises(ValueError, match=message):
        bars(values, "No", "x", **options)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.03125, "0.0312"), (12288, "12,288"), (4.0, "4"), (-0.0, "0"), (999.6, "1,000"),
        (1234.5, "1,234"), (1e-5, "1e-05"),
    ],
)  # fmt: skip
def test_numbers_are_short(value, text):
    assert number(value) == text


def test_items_are_joined_as_in_a_sentence():
    assert [several(list(letters)) for letters in ("", "a", "ab", "abc")] == [
        "", "a", "a and b", "a, b and c",
    ]  # fmt: skip
