"""A transformer block as a diagram, drawn from the block itself."""

from math import isclose
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from torch import nn

from glassbox.figures import parts
from glassbox.figures.output import described
from glassbox.figures.pen import MIDDLE, RADIUS, STREAM, Pen
from glassbox.figures.style import SMALL, canvas
from glassbox.figures.wiring import Step, trace

if TYPE_CHECKING:  # matplotlib is loaded only when a figure is drawn
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GAP = 0.34
"""Inches between two rows."""


class Row(NamedTuple):
    """One row of the diagram: a part, or a plus if `step` is None.

    `joins` are the branches that a plus adds to the stream, with their factors; `keeps` is the
    stream's own. `start` tells where a part gets its input: from the stream, or from the part
    above it.
    """

    step: Step | None
    on_stream: bool = False
    start: str = "stream"
    joins: tuple[tuple[str, float], ...] = ()
    keeps: float = 1.0


def block_diagram(block: nn.Module, title: str | None = None) -> "Figure":
    """Draw what happens to the residual stream in a block, from top to bottom.

    The order is not assumed: the block runs once on random vectors, and its parts are watched.
    So a block of any `residual` function shows its true wiring, as long as it only adds, scales
    and hands on. Sizes, heads and parameters are read from the parts. Dropout is not drawn.

    Args:
        block: a `Block`, a `CrossBlock`, or any module of parts that maps `(B, T, d_model)` to
            the same shape. It is left as it was.
        title: the finding, in a sentence; the number of parameters if not given.

    Returns:
        The figure. Its description names each part in order, with what it is given.

    Raises:
        ValueError: if the wiring cannot be drawn beside one stream; the message says the steps.

    Example:
        >>> from glassbox.attention import MultiHeadAttention
        >>> from glassbox.block import Block
        >>> from glassbox.feedforward import FeedForward
        >>> from glassbox.figures import describe
        >>> from glassbox.norms import LayerNorm
        >>> feed_forward = FeedForward(64, 256, nn.ReLU())
        >>> block = Block(MultiHeadAttention(64, 4), feed_forward, LayerNorm(64), LayerNorm(64))
        >>> print(describe(block_diagram(block)).partition(". ")[2])
        Block diagram, from top to bottom: norm_1 (LayerNorm, 128 parameters) takes x; attention \
(4 heads of width 16, 16,448 parameters) takes norm_1; norm_2 (LayerNorm, 128 parameters) takes \
x + attention; feed_forward (64 → 256 → 64, ReLU, 33,088 parameters) takes norm_2; the output is \
x + attention + feed_forward.
    """
    steps, output = trace(block)
    said = [parts.said(step) for step in steps] + [f"the output is {parts.total(output)}"]
    rows = arrange(steps, output, said)
    if title is None:
        title = f"{type(block).__name__} with {parts.count(block)}"
    fig, ax = canvas(title, height=3.0)
    fig.set_figheight(0.44 + 0.18 * title.count("\n") + _draw(ax, rows))
    return described(fig, title, f"Block diagram, from top to bottom: {'; '.join(said)}.")


def arrange(steps: list[Step], output: dict[str, float], said: list[str]) -> list[Row]:
    """Turn the steps into rows beside one stream.

    A sum is drawn as a plus as soon as something receives it. A part that takes the stream stands
    beside it if a later sum still needs what it took, and else on the stream itself.
    """
    stream, ends, rows = {"x": 1.0}, [], []
    needs = [step.takes for step in steps] + [output]
    for place, takes in enumerate(needs):
        step = steps[place] if place < len(steps) else None
        if step and rows and ends and takes == {ends[-1]: 1.0}:
            if any(ends[-1] in later for later in needs[place + 1 :]):
                break  # two ways out of one part
            rows.append(Row(step, start=ends[-1]))
            ends[-1] = step.name
            continue
        joins = tuple((name, takes[name]) for name in ends if name in takes)
        keeps = _common_factor(takes, stream)
        if keeps is None or takes.keys() != stream.keys() | dict(joins).keys():
            break  # what it takes is neither the stream nor the stream plus branches
        if joins or keeps != 1:
            rows.append(Row(None, joins=joins, keeps=keeps))
            stream, ends = takes, [name for name in ends if name not in takes]
        if step is None:
            return rows
        beside = any(stream.keys() & later.keys() for later in needs[place + 1 :])
        rows.append(Row(step, on_stream=not beside))
        if beside:
            ends.append(step.name)
        else:
            stream = {step.name: 1.0}
    raise ValueError(
        f"this wiring cannot be drawn beside one residual stream. The steps: {'; '.join(said)}."
    )


def _common_factor(takes: dict[str, float], stream: dict[str, float]) -> float | None:
    """Return by what the whole stream is multiplied in a sum; None if by several factors."""
    factors = [takes.get(name, 0) / factor for name, factor in stream.items()]
    alike = all(isclose(factor, factors[0], rel_tol=0.02) for factor in factors)
    return float(f"{factors[0]:.3g}") if alike else None


def _draw(ax: "Axes", rows: list[Row]) -> float:
    """Draw the rows from top to bottom, and return the height in inches."""
    pen = Pen(ax)
    ax.text(STREAM, 0, "x", ha="center", va="top", fontweight="bold")
    ax.text(STREAM + 0.12, 0, "the residual stream", va="top", fontsize=SMALL)
    y, start, boxes = 0.2 + GAP, 0.2, {}
    for row, above in zip(rows, [None, *rows], strict=False):
        if row.step is None:
            y += RADIUS
            pen.arrow((STREAM, start), (STREAM, y - RADIUS))
            pen.factor(row.keeps, STREAM + 0.06, y - RADIUS - 0.15)
            for name, factor in row.joins:
                near = above is not None and above.step is not None and above.step.name == name
                pen.join(boxes[name], y, near)
                pen.factor(factor, STREAM + 0.3, y - 0.11)
            pen.plus(y)
            start = y = y + RADIUS
        else:
            facts = wrap(parts.facts(row.step.module), 48)
            bottom = y + 0.31 + 0.16 * len(facts)
            if row.on_stream:
                pen.arrow((STREAM, start), (STREAM, y))
                start = bottom
            elif row.start == "stream":
                pen.line((STREAM, y - GAP / 2), (MIDDLE, y - GAP / 2))
                pen.arrow((MIDDLE, y - GAP / 2), (MIDDLE, y))
            else:
                pen.arrow((MIDDLE, boxes[row.start][1]), (MIDDLE, y))
            pen.box(row.step, facts, y, bottom, row.on_stream)
            boxes[row.step.name] = (y, bottom)
            y = bottom
        y += GAP
    pen.arrow((STREAM, start), (STREAM, y))
    ax.text(STREAM, y + 0.03, "output", ha="center", va="top", fontweight="bold")
    ax.set(xlim=(0, 4.3), ylim=(y + 0.22, -0.02), aspect="equal")
    ax.axis("off")
    return y + 0.24
