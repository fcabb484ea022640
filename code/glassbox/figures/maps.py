"""Attention weights as heat maps: one map with its numbers, or a grid with a map for each head."""

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

from jaxtyping import Float
from torch import Tensor

from glassbox.figures import words
from glassbox.figures.output import described
from glassbox.figures.style import (
    KEY,
    MUTED,
    ON_BRIGHT_CELL,
    ON_DARK_CELL,
    QUERY,
    SMALL,
    WIDTH,
    canvas,
    settle,
    style,
)

if TYPE_CHECKING:  # matplotlib is loaded only when a figure is drawn
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LONGEST, MOST = 9, 9
"""In a grid of heads: characters of a label, and labels on an axis."""


def heatmap(
    weights: Float[Tensor, "seq src"],
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

    Returns:
        The figure. Its description says where each query looks most, or the pattern if there are
        more than eight.

    Raises:
        ValueError: if the shape of `weights` does not fit the labels, or an entry is not a share.

    Example:
        >>> import torch
        >>> from glassbox.figures import describe
        >>> fig = heatmap(torch.eye(2), ["a", "b"], ["a", "b"], "Each token looks at itself")
        >>> print(describe(fig).partition("keys. ")[2])
        'a' looks most at 'a' (1.00); 'b' looks most at 'b' (1.00). Above the diagonal every \
weight is 0.
    """
    words.check_weights(weights, rows, columns)
    weights = weights.detach()
    values = weights.tolist()
    fig, ax = canvas(title, height=0.55 + 0.52 * len(rows))
    with style():
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
    return described(fig, title, words.one_map(weights, rows, columns, decimals))


def head_grid(
    weights: Float[Tensor, "heads seq src"],
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    *,
    names: Sequence[str] | None = None,
    across: int = 2,
) -> "Figure":
    """Draw a small heat map for each head, all with one color scale from 0 to 1.

    The maps share their labels: queries at the left edge, keys at the top. Of a long sequence,
    only some tokens are labeled. To read a weight as a number, draw one head as a `heatmap`.

    Args:
        weights: shape `(H, T, S)`, entries from 0 to 1.
        rows: T labels, one a query.
        columns: S labels, one a key.
        title: the finding, in a sentence.
        names: H names; `head 0`, `head 1` and so on if not given.
        across: maps side by side. Two can be read on a phone.

    Returns:
        The figure. Its description says for each head where its weight lies on average.

    Raises:
        ValueError: if the shape of `weights` does not fit the labels and names, an entry is not a
            share, or `across` is below 1.

    Example:
        >>> import torch
        >>> from glassbox.figures import describe
        >>> heads = torch.stack([torch.eye(3), torch.full((3, 3), 1 / 3)])
        >>> fig = head_grid(heads, list("abc"), list("abc"), "One head copies")
        >>> print(describe(fig).partition("each: ")[2])
        head 0 looks mostly at its own position (mean weight 1.00); head 1 looks at all keys alike \
(0.33 each).
    """
    if weights.ndim != 3:
        raise ValueError(
            f"weights has shape {tuple(weights.shape)}; expected (heads, queries, keys). Pick one "
            "sequence of a batch, such as weights[0], or draw one head as a heatmap."
        )
    if across < 1:
        raise ValueError(f"across is {across}; expected at least one map beside another.")
    names = [f"head {i}" for i in range(len(weights))] if names is None else list(names)
    words.check_weights(weights, rows, columns, heads=len(names))
    weights = weights.detach()
    fig = _grid(weights, rows, columns, title, names, min(across, len(names)))
    size = f"{len(rows)} queries by {len(columns)} keys"
    looks = "; ".join(
        f"{name} {words.one_head(head, columns)}" for name, head in zip(names, weights, strict=True)
    )
    kind = f"Heat maps of attention weights, one for each of {len(names)} heads, {size} each:"
    return described(fig, title, kind, f"{looks}.")


def _grid(
    weights: Tensor,
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    names: Sequence[str],
    across: int,
) -> "Figure":
    """Lay the maps out, label the outer ones, and add the scale of colors below."""
    from matplotlib.figure import Figure

    down = ceil(len(names) / across)
    wide = (WIDTH - 0.7) / across
    tall = max(0.16 * min(len(rows), MOST), wide * min(1.3, len(rows) / len(columns)))
    with style():
        fig = Figure(figsize=(WIDTH, 1.6 + down * (tall + 0.3)))
        fig.suptitle(title, x=0.01, ha="left", fontsize=10.5, fontweight="bold")
        axes = fig.subplots(down, across, squeeze=False)
        for place, ax in enumerate(axes.flat):
            if place >= len(names):
                ax.axis("off")
                continue
            image = ax.imshow(weights[place].tolist(), cmap="viridis", vmin=0, vmax=1)
            ax.set_aspect("auto")
            ax.set_title(names[place], loc="left", fontsize=10, pad=4)
            ax.spines[:].set_visible(False)
            ax.tick_params(length=0, labelsize=SMALL, pad=2)
            _label(ax, rows if place % across == 0 else [], columns if place < across else [])
        scale = fig.colorbar(image, ax=axes, location="bottom", aspect=40, pad=0.03, shrink=0.9)
        scale.set_label("attention weight; rows are queries, columns keys", fontsize=SMALL)
        scale.set_ticks([0, 0.5, 1])
        scale.ax.tick_params(labelsize=SMALL, length=0)
        scale.outline.set_visible(False)
    settle(fig)
    return fig


def _label(ax: "Axes", rows: Sequence[str], columns: Sequence[str]) -> None:
    """Write the tokens beside a map, as many as can be read; none of an empty list."""
    for axis, labels, color in ((ax.yaxis, rows, QUERY), (ax.xaxis, columns, KEY)):
        places = range(0, len(labels), ceil(len(labels) / MOST) or 1)
        axis.set_ticks(list(places), [_short(labels[place]) for place in places])
        axis.set_tick_params(labelcolor=color if labels else MUTED)
    ax.xaxis.tick_top()
    ax.tick_params(axis="x", rotation=90)


def _short(label: str) -> str:
    """Cut a label that would squeeze the map."""
    return label if len(label) <= LONGEST else label[: LONGEST - 1] + "…"
