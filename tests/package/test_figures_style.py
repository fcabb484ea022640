"""What holds for every figure: readable on a phone, whole, and right in both themes."""

import pytest
import torch
from matplotlib.colors import to_hex, to_rgba_array
from matplotlib.text import Text
from torch import nn

from glassbox import figures
from glassbox.attention import MultiHeadAttention
from glassbox.block import Block
from glassbox.feedforward import FeedForward
from glassbox.figures.output import _png, recolor
from glassbox.norms import LayerNorm

TOKENS = ["the", "journey", "of", "one", "thousand", "miles"]


def heads(count, size):
    scores = torch.randn(count, size, size, generator=torch.Generator().manual_seed(0))
    return scores.softmax(-1)


def diagram():
    parts = MultiHeadAttention(16, 4), FeedForward(16, 32, nn.ReLU()), LayerNorm(16), LayerNorm(16)
    return figures.block_diagram(Block(*parts))


DRAWN = {
    "heat map": lambda: figures.heatmap(heads(1, 6)[0], TOKENS, TOKENS, "A map"),
    "four heads": lambda: figures.head_grid(heads(4, 6), TOKENS, TOKENS, "A grid\nof heads"),
    "long heads": lambda: figures.head_grid(heads(3, 18), TOKENS * 3, TOKENS * 3, "A grid"),
    "lines": lambda: figures.lines(
        {f"a long name of run {i}": [1, 2, 1 + i / 10] for i in range(5)}, "Lines", "x", "y"
    ),
    "bars": lambda: figures.bars(
        {"a name that is far too long": -3, "b": 2.5}, "Bars", "x", reference=("chance", 0.5),
        highlight=["b"],
    ),
    "products": lambda: figures.products([[("$x$", 1, 3, figures.KEY)]], "A matrix"),
    "diagram": diagram,
}  # fmt: skip
each_figure = pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)


def written(fig):
    found = [artist for artist in fig.findobj(Text) if artist.get_visible()]
    return [text for text in found if text.get_text().strip()]


@each_figure
def test_all_text_is_large_enough_and_inside_the_picture(draw):
    fig = draw()
    assert fig.get_size_inches()[0] == figures.WIDTH
    fig.draw_without_rendering()
    frame = fig.bbox
    for text in written(fig):
        box = text.get_window_extent()
        assert text.get_fontsize() >= 9, text.get_text()
        if text.axes is None or not text.axes.axison or box.width == 0:
            continue
        assert frame.x0 - 1 <= box.x0 and box.x1 <= frame.x1 + 1, text.get_text()
        assert frame.y0 - 1 <= box.y0 and box.y1 <= frame.y1 + 1, text.get_text()


@each_figure
def test_no_color_of_the_light_theme_is_left_on_a_dark_page(draw):
    fig = draw()
    recolor(fig, figures.ON_DARK)
    for artist in fig.findobj():
        for kind in ("color", "facecolor", "edgecolor"):
            getter = getattr(artist, f"get_{kind}", None)
            colors = to_rgba_array(getter()) if getter else []
            assert not {to_hex(c) for c in colors if c[3]} & set(figures.ON_DARK), artist


@each_figure
def test_light_and_dark_have_the_same_layout_and_equal_figures_equal_bytes(draw):
    fig = draw()
    first = _png(fig)
    places = [ax.get_position().bounds for ax in fig.axes]
    again = draw()
    assert _png(again) == first
    _png(fig)
    crowded = draw in [DRAWN[kind] for kind in ("four heads", "long heads", "lines")]
    for ax, before in zip(fig.axes, places, strict=True):
        close = 1e-9 if crowded else 0.002
        assert ax.get_position().bounds == pytest.approx(before, abs=close)


@each_figure
def test_every_figure_describes_itself_and_starts_with_its_title(draw):
    fig = draw()
    title = fig.get_suptitle() or fig.axes[0].get_title(loc="left")
    said = figures.describe(fig)
    assert said.startswith(" ".join(title.split()) + ". ")
    assert said.endswith(".") and len(said.split()) > 8
