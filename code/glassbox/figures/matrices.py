"""Matrix products drawn cell by cell."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from glassbox.figures.output import described
from glassbox.figures.style import canvas

if TYPE_CHECKING:  # matplotlib is loaded only when a figure is drawn
    from matplotlib.figure import Figure

# A matrix to draw: its symbol, its rows, its columns, its color.
Matrix = tuple[str, int, int, str]


def products(lines: Sequence[Sequence[Matrix | str]], title: str) -> "Figure":
    """Draw matrix products cell by cell, so that one sees which axes meet.

    Args:
        lines: for each line, its matrices, and between them the signs, such as `"@"` and `"="`.
        title: the finding, in a sentence.

    Returns:
        The figure. Its description names each matrix with its rows and columns, in order.

    Example:
        >>> from glassbox.figures import INK, KEY
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
    return described(fig, title, "Matrices drawn cell by cell:", _words(lines))


def _words(lines: Sequence[Sequence[Matrix | str]]) -> str:
    """Say the products in a line of text, such as 'x 1×3 @ W 3×2 = q 1×2.'."""
    said = []
    for line in lines:
        parts = (p if isinstance(p, str) else f"{p[0]} {p[1]}×{p[2]}" for p in line)
        said.append(" ".join(parts).replace("$", ""))
    return "; ".join(said) + "."
