"""Every picture in the book: one style, two themes, and alt text that nbval compares."""

import base64
import io
import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:  # matplotlib is loaded only when a figure is drawn
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, FAINT = "#1c2430", "#5b6675", "#d5dae1"
"""Text and axes, secondary text, and grid lines, on a light page."""
ON_BRIGHT_CELL, ON_DARK_CELL = "#050505", "#ffffff"
"""Numbers inside a heat map, the same in both themes."""
ON_DARK = {
    "#000000": "#e8ecf2",
    INK: "#e8ecf2",
    MUTED: "#a9b4c2",
    FAINT: "#3a4452",
    "#0072b2": "#6cb8f0",
    "#c25700": "#f2a154",
    "#007a5e": "#4fc9a4",
}
"""What each color becomes on a dark page."""
QUERY, KEY, VALUE = "#0072b2", "#c25700", "#007a5e"
"""The three roles, everywhere in the book (Okabe and Ito's safe palette, darkened for text)."""
WIDTH = 4.4
"""Inches. Narrow enough that a 10-point label is still read at 360 pixels."""
SHARPNESS, PIXELS_PER_INCH = 160, 110
"""Dots in an inch of the file, and CSS pixels in an inch of the page."""


@contextmanager
def _style() -> Iterator[None]:
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

    Args:
        title: the finding, in a sentence.
        height: inches.
        width: inches; keep the default where the labels allow it.

    Example:
        >>> fig, ax = canvas("A line goes up")
        >>> ax.get_title(loc="left")
        'A line goes up'
    """
    from matplotlib.figure import Figure

    with _style():
        fig = Figure(figsize=(width, height))
        ax = fig.add_subplot()
        ax.set_title(title, loc="left")
    return fig, ax


def heatmap(
    weights: Tensor,
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    decimals: int = 2,
) -> "Figure":
    """Draw attention weights: a row for each query, a column for each key, color from 0 to 1.

    Args:
        weights: shape `(T, S)`, entries from 0 to 1.
        rows: T labels, one a query.
        columns: S labels, one a key.
        title: the finding, in a sentence.
        decimals: digits written into each cell.

    Raises:
        ValueError: if the shape of `weights` does not fit the labels, or an entry is not a share.

    Example:
        >>> import torch
        >>> fig = heatmap(torch.eye(2), ["a", "b"], ["a", "b"], "Each token looks at itself")
    """
    if tuple(weights.shape) != (len(rows), len(columns)):
        raise ValueError(
            f"weights has shape {tuple(weights.shape)}, but there are {len(rows)} row labels and "
            f"{len(columns)} column labels."
        )
    if weights.min() < 0 or weights.max() > 1 + 1e-6:
        raise ValueError(
            f"weights lie between {weights.min():.2f} and {weights.max():.2f}, expected 0 to 1. "
            "These look like scores: apply softmax first."
        )
    values = weights.detach().tolist()
    fig, ax = canvas(title, height=0.55 + 0.52 * len(rows))
    with _style():
        ax.imshow(values, cmap="viridis", vmin=0, vmax=1, aspect="auto")
        ax.set_xticks(range(len(columns)), columns)
        ax.set_yticks(range(len(rows)), rows)
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
        ax.set_ylabel("query", color=QUERY, fontweight="bold")
        ax.set_xlabel("key", color=KEY, fontweight="bold")
        ax.spines[:].set_visible(False)
        for i, row in enumerate(values):
            for j, value in enumerate(row):
                shade = ON_BRIGHT_CELL if value > 0.44 else ON_DARK_CELL
                ax.text(j, i, f"{value:.{decimals}f}", ha="center", va="center", color=shade)
    return fig


# A matrix to draw: its symbol, its rows, its columns, its color.
Matrix = tuple[str, int, int, str]


def products(lines: Sequence[Sequence[Matrix | str]], title: str) -> "Figure":
    """Draw matrix products cell by cell, so that one sees which axes meet.

    Args:
        lines: for each line, its matrices, and between them the signs, such as `"@"` and `"="`.
        title: the finding, in a sentence.

    Example:
        >>> fig = products([[("$x$", 1, 3, INK), "@", ("$W$", 3, 2, KEY)]], "A row times a matrix")
    """
    from matplotlib.patches import Rectangle

    gap, label = 1.6, 2.2
    tall = [max(part[1] for part in line if not isinstance(part, str)) for line in lines]
    fig, ax = canvas(title, height=0.5 + 0.2 * (sum(tall) + label * len(lines)))
    top = 0.0
    for line, height in zip(lines, tall, strict=True):
        left = 0.0
        for part in line:
            if isinstance(part, str):
                ax.text(left + gap / 2, top + height / 2, part, ha="center", va="center")
                left += gap
                continue
            symbol, rows, columns, color = part
            above = top + (height - rows) / 2
            for i in range(rows):
                for j in range(columns):
                    cell = Rectangle((left + j, above + i), 1, 1, linewidth=0.8)
                    cell.set(facecolor=(color, 0.2), edgecolor=color)
                    ax.add_patch(cell)
            name = f"{symbol}  {rows}×{columns}"
            middle = left + columns / 2
            ax.text(middle, above + rows + 0.3, name, ha="center", va="top", color=color)
            left += columns
        top += height + label
    ax.set(xlim=(-0.9, 19.5), ylim=(top - 0.6, -0.2), aspect="equal")
    ax.axis("off")
    return fig


def show(fig: "Figure", alt: str) -> None:
    """Display a figure for a light and a dark page, described in words.

    The description is the output's plain text. So it is compared whenever the notebook is
    re-executed, and the book uses it as the image's alternative text.

    Args:
        fig: a figure made by this module.
        alt: what the figure shows, in one or two sentences, with its numbers.

    Raises:
        ValueError: if `alt` says less than four words.
    """
    from IPython.display import display

    if len(alt.split()) < 4:
        raise ValueError(f"alt is {alt!r}; describe what is seen to someone who cannot see it.")
    light = _png(fig)
    on_dark = pickle.loads(pickle.dumps(fig))
    _recolor(on_dark, ON_DARK)
    dark = _png(on_dark)
    width, height = (round(inches * PIXELS_PER_INCH) for inches in fig.get_size_inches())
    display(
        {"image/png": light, "text/plain": alt},
        raw=True,
        metadata={"image/png": {"width": width, "height": height}, "glassbox": {"dark": dark}},
    )


def _png(fig: "Figure") -> str:
    """Encode a figure as a PNG in base64, without dates, so that equal figures are equal bytes."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=SHARPNESS, metadata={"Software": None})
    return base64.b64encode(buffer.getvalue()).decode()


def _recolor(fig: "Figure", colors: dict[str, str]) -> None:
    """Replace each of the theme's colors, wherever an artist has it."""
    from matplotlib.colors import to_hex, to_rgb, to_rgba_array

    for artist in fig.findobj():
        for kind in ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor"):
            getter, setter = (getattr(artist, f"{verb}_{kind}", None) for verb in ("get", "set"))
            if getter is None or setter is None:
                continue
            old = to_rgba_array(getter())
            new = [(*to_rgb(colors.get(to_hex(color), color[:3])), color[3]) for color in old]
            if (to_rgba_array(new) != old).any():
                setter(new[0] if len(new) == 1 else new)
