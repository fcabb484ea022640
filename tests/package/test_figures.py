"""Figures: two themes from one drawing, alt text in the output, and the same bytes each time."""

import base64

import pytest
import torch
from matplotlib.colors import to_hex

from glassbox import figures


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


def test_equal_figures_are_equal_bytes(displayed):
    for _ in range(2):
        figures.show(drawing(), alt="A line rises from 0 to 1.")
    assert displayed[0] == displayed[1]


def test_every_color_of_the_theme_changes_for_a_dark_page(displayed):
    fig = drawing()
    figures.show(fig, alt="A line rises from 0 to 1.")
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


@pytest.mark.parametrize("color", [figures.INK, figures.MUTED, "#0072b2", "#c25700", "#007a5e"])
def test_text_colors_have_enough_contrast_on_both_pages(color):
    assert contrast(color, "#ffffff") >= 4.5
    assert contrast(figures.ON_DARK[color], "#14181e") >= 4.5


def test_a_heat_map_writes_each_weight_and_names_both_axes():
    fig = figures.heatmap(torch.tensor([[0.25, 0.75]]), ["q"], ["a", "b"], "One looks at b")
    ax = fig.axes[0]
    assert [text.get_text() for text in ax.texts] == ["0.25", "0.75"]
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("query", "key")
    assert ax.images[0].get_clim() == (0, 1)


def test_a_heat_map_whose_labels_do_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"shape \(1, 2\).*2 row labels and 2 column labels"):
        figures.heatmap(torch.zeros(1, 2), ["a", "b"], ["a", "b"], "No")
