"""The one style of all figures: colors for a light and a dark page, sizes, an empty canvas."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # matplotlib is loaded only when a figure is drawn
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, FAINT = "#1c2430", "#5b6675", "#d5dae1"
"""Text and axes, secondary text, and grid lines, on a light page."""
ON_BRIGHT_CELL, ON_DARK_CELL = "#050505", "#ffffff"
"""Numbers inside a heat map, the same in both themes."""
QUERY, KEY, VALUE = "#0072b2", "#c25700", "#007a5e"
"""The three roles, everywhere in the book (Okabe and Ito's safe palette, darkened for text)."""
SERIES = ("#7b3fa0", "#8f6200", INK, "#b8255f", "#4f6d00", MUTED)
"""Lines and bars, in this order. None has the color of a role; each also has its own dashes."""
ON_DARK = {
    "#000000": "#e8ecf2",
    INK: "#e8ecf2",
    MUTED: "#a9b4c2",
    FAINT: "#3a4452",
    QUERY: "#6cb8f0",
    KEY: "#f2a154",
    VALUE: "#4fc9a4",
    "#7b3fa0": "#c9a2ea",
    "#8f6200": "#e3b341",
    "#b8255f": "#ff8fb3",
    "#4f6d00": "#b5cf6b",
}
"""What each color becomes on a dark page."""
WIDTH = 4.4
"""Inches. Narrow enough that a 10-point label is still read at 360 pixels."""
SMALL = 9
"""Points. The smallest text of any figure."""


@contextmanager
def style() -> Iterator[None]:
    """Apply the book's style to what is drawn inside, and to nothing else."""
    import matplotlib.pyplot as plt

    settings = {
        "font.size": 10,
        "axes.titlesize": 10.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlepad": 10,
        "axes.titlecolor": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": MUTED,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": False,
        "grid.color": FAINT,
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "lines.linewidth": 2,
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "figure.constrained_layout.use": True,
    }
    with plt.rc_context(settings):
        yield


def canvas(title: str, height: float = 3.0, width: float = WIDTH) -> "tuple[Figure, Axes]":
    """Return an empty figure and its axes in the book's style.

    Such a figure has no description yet: hand one to `show`.

    Args:
        title: the finding, in a sentence.
        height: inches.
        width: inches; keep the default where the labels allow it.

    Returns:
        The figure, and the axes to draw on.

    Example:
        >>> fig, ax = canvas("A line goes up")
        >>> ax.get_title(loc="left")
        'A line goes up'
    """
    from matplotlib.figure import Figure

    with style():
        fig = Figure(figsize=(width, height))
        ax = fig.add_subplot()
        ax.set_title(title, loc="left")
    return fig, ax


def settle(fig: "Figure") -> None:
    """Fix the layout, so that the light and the dark picture have the same one.

    Labels and axes make room for each other, and each drawing would otherwise be one more round.
    """
    fig.draw_without_rendering()
    fig.set_layout_engine("none")
