"""Every picture in the book: one style, two themes, and words for whoever cannot see it.

Each function that draws returns a matplotlib figure that knows its own description: `describe(fig)`
reads it, and `show(fig)` displays the figure with it.
"""

from glassbox.figures.bar_chart import bars
from glassbox.figures.diagram import block_diagram
from glassbox.figures.line_plot import lines
from glassbox.figures.maps import head_grid, heatmap
from glassbox.figures.matrices import Matrix, products
from glassbox.figures.output import describe, show
from glassbox.figures.style import (
    FAINT,
    INK,
    KEY,
    MUTED,
    ON_DARK,
    QUERY,
    SERIES,
    VALUE,
    WIDTH,
    canvas,
)

__all__ = [
    "FAINT",
    "INK",
    "KEY",
    "MUTED",
    "ON_DARK",
    "QUERY",
    "SERIES",
    "VALUE",
    "WIDTH",
    "Matrix",
    "bars",
    "block_diagram",
    "canvas",
    "describe",
    "head_grid",
    "heatmap",
    "lines",
    "products",
    "show",
]
