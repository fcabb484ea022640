"""Figures: two themes from one drawing, alt text in the output, and the same bytes each time."""

import base64
import io

import pytest
import torch
from matplotlib import image
from matplotlib.colors import to_hex

from glassbox import figures
from glassbox.figures.output import recolor


@pytest.fixture
def displayed(monkeypatch):
    """Collect what a notebook would show."""
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **kw: shown.append((data, kw)))
    return shown


def drawing():
    fig, ax = figures.canvas("A line rises")
    ax.plot([0, 1], [0, 1], color=figures.QUERY)
    ax.scatter([0, 1], [1, 0], color=[figures.KEY, figures.VALUE])
    ax.text(0.5, 0.5, "a note")
    return fig


def test_the_description_is_the_outputs_plain_text(displayed):
    figures.show(drawing(), alt="A line rises from 0 to 1.")
    (data, options) = displayed[0]
    assert data["text/plain"] == "A line rises from 0 to 1."
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert base64.b64decode(options["metadata"]["glassbox"]["dark"]).startswith(b"\x89PNG")
    assert options["metadata"]["image/png"]["width"] == round(4.4 * 110)
    assert data["image/png"] != options["metadata"]["glassbox"]["dark"]


def test_a_figure_without_a_description_is_refused(displayed):
    with pytest.raises(ValueError, match="describe what is seen"):
        figures.show(drawing(), alt="a plot")
    assert displayed == []


def test_a_figure_drawn_by_hand_needs_a_description(displayed):
    with pytest.raises(ValueError, match="drawn by hand"):
        figures.show(drawing())
    assert displayed == []


def test_a_figure_of_this_module_brings_its_description_and_yields_to_another(displayed):
    fig = figures.bars({"a": 1.5}, "One bar", "meters")
    figures.show(fig)
    figures.show(fig, alt="A bar of one and a half meters.")
    assert [data["text/plain"] for data, _ in displayed] == [
        "One bar. Bar chart of meters. 'a': 1.5.",
        "A bar of one and a half meters.",
    ]
    assert displayed[0][0]["image/png"] == displayed[1][0]["image/png"]


def test_products_are_described_line_by_line():
    line = [("$x$", 1, 3, figures.INK), "@", ("$W$", 3, 2, figures.KEY)]
    fig = figures.products([line, [("$y$", 5, 2, figures.VALUE)]], "Axes\nmeet in $W$!")
    assert figures.describe(fig) == (
        "Axes meet in W! Matrices drawn cell by cell: x 1×3 @ W 3×2; y 5×2."
    )


def test_equal_figures_are_equal_bytes(displayed):
    for _ in range(2):
        figures.show(drawing(), alt="A line rises from 0 to 1.")
    assert displayed[0] == displayed[1]


def test_a_figure_can_be_shown_twice(displayed):
    fig = drawing()
    for _ in range(2):
        figures.show(fig, alt="A line rises from 0 to 1.")
    assert displayed[0] == displayed[1]


def test_every_color_of_the_theme_changes_for_a_dark_page():
    fig = drawing()
    recolor(fig, figures.ON_DARK)
    ax = fig.axes[0]
    assert to_hex(ax.lines[0].get_color()) == figures.ON_DARK[figures.QUERY]
    points = [to_hex(color) for color in ax.collections[0].get_facecolor()]
    assert points == [figures.ON_DARK[figures.KEY], figures.ON_DARK[figures.VALUE]]
    assert to_hex(ax.texts[0].get_color()) == figures.ON_DARK["#000000"]
    assert (
        to_hex(ax.get_title(loc="left") and ax._left_title.get_color())
        == figures.ON_DARK[figures.INK]
    )


def contrast(one: str, two: str) -> float:
    """WCAG 2's contrast ratio of two colors."""

    def luminance(color: str) -> float:
        parts = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
        linear = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    brighter, darker = sorted((luminance(one), luminance(two)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


ROLES = ("#0072b2", "#c25700", "#007a5e")


@pytest.mark.parametrize("color", sorted({figures.INK, figures.MUTED, *ROLES, *figures.SERIES}))
def test_text_colors_have_enough_contrast_on_both_pages(color):
    assert contrast(color, "#ffffff") >= 4.5
    assert contrast(figures.ON_DARK[color], "#14181e") >= 4.5


def test_a_heat_map_writes_each_weight_and_names_both_axes():
    fig = figures.heatmap(torch.tensor([[0.25, 0.75]]), ["q"], ["a", "b"], "One looks at b")
    ax = fig.axes[0]
    assert [text.get_text() for text in ax.texts] == ["0.25", "0.75"]
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("query", "key")
    assert ax.images[0].get_clim() == (0, 1)


@pytest.mark.parametrize("weight", [0.0, 0.2, 0.44, 0.5, 0.55, 1.0])
def test_numbers_in_a_heat_map_can_be_read(weight):
    ax = figures.heatmap(torch.tensor([[weight]]), ["q"], ["a"], "One cell").axes[0]
    cell = to_hex(ax.images[0].cmap(ax.images[0].norm(weight)))
    assert contrast(cell, ax.texts[0].get_color()) >= 4.4


def test_a_heat_map_puts_each_weight_and_label_where_it_belongs():
    weights = torch.tensor([[0.1, 0.2, 0.3], [0.44, 0.5, 1.0]])
    ax = figures.heatmap(weights, ["q", "r"], ["a", "b", "c"], "Six cells", decimals=1).axes[0]
    written = {text.get_position(): text.get_text() for text in ax.texts}
    assert (written[2, 1], written[2, 0]) == ("1.0", "0.3")
    assert [text.get_text() for text in ax.get_xticklabels()] == ["a", "b", "c"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["q", "r"]
    assert ax.images[0].get_cmap().name == "viridis"
    assert to_hex(ax.yaxis.label.get_color()) == figures.QUERY
    assert to_hex(ax.xaxis.label.get_color()) == figures.KEY


def test_the_three_roles_keep_their_colors():
    assert (figures.QUERY, figures.KEY, figures.VALUE) == ROLES
    assert not set(figures.SERIES) & set(ROLES), "a line is no query, key or value"
    assert len(set(figures.SERIES)) == len({figures.ON_DARK[c] for c in figures.SERIES}) == 6


def test_products_draw_every_cell_of_every_matrix():
    first = [("$x$", 1, 3, figures.INK), "@", ("$W$", 3, 2, figures.KEY)]
    ax = figures.products([first, [("$y$", 5, 2, figures.VALUE)]], "Two lines").axes[0]
    assert len({patch.get_xy() for patch in ax.patches}) == len(ax.patches) == 3 + 6 + 10
    assert [text.get_text() for text in ax.texts] == ["$x$  1×3", "@", "$W$  3×2", "$y$  5×2"]
    low, high = sorted(ax.get_ylim())
    assert all(low <= patch.get_y() and patch.get_y() + 1 <= high for patch in ax.patches)


def test_light_and_dark_stand_in_their_places_on_a_clear_ground(displayed):
    fig, ax = figures.canvas("A title", height=2.0)
    ax.fill_between([0, 1], [1, 1], color=figures.VALUE, alpha=0.3)
    figures.show(fig, alt="A green square fills it.")
    data, options = displayed[0]
    encoded = (data["image/png"], options["metadata"]["glassbox"]["dark"])
    light, dark = (image.imread(io.BytesIO(base64.b64decode(png))) for png in encoded)
    assert light.shape == (round(2.0 * 160), round(4.4 * 160), 4)
    for picture, has_dark_ink in ((light, True), (dark, False)):
        assert picture[0, -1, 3] == 0  # the page shows through
        ink = picture[picture[..., 3] == 1][:, :3]
        assert bool(ink.mean() < 0.5) == has_dark_ink
    veil = dark[..., 3][(dark[..., 3] > 0.2) & (dark[..., 3] < 0.4)]
    assert 0.25 < veil.mean() < 0.35  # a pale area stays as pale as it was


def test_scores_are_no_weights():
    with pytest.raises(ValueError, match=r"between -1.00 and 5.00.*apply softmax first"):
        figures.heatmap(torch.tensor([[-1.0, 5.0]]), ["q"], ["a", "b"], "Scores")


def test_a_heat_map_whose_labels_do_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"shape \(1, 2\).*2 row labels and 2 column labels"):
        figures.heatmap(torch.zeros(1, 2), ["a", "b"], ["a", "b"], "No")
