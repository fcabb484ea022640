"""Lines, each with its name written at its end."""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from textwrap import fill
from typing import TYPE_CHECKING

from glassbox.figures.output import described
from glassbox.figures.style import SERIES, canvas, settle, style
from glassbox.figures.words import FEW, number

if TYPE_CHECKING:  # matplotlib is loaded only when a figure is drawn
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Points = tuple[list[float], list[float]]
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (2.5, 1)), (0, (9, 2)))
MARKERS = ("o", "s", "^", "D", "v", "X")


def lines(
    series: Mapping[str, Iterable],
    title: str,
    x_label: str,
    y_label: str,
    *,
    log_x: bool = False,
    log_y: bool = False,
    height: float = 3.0,
    digits: int = 3,
    colors: Sequence[str] = SERIES,
) -> "Figure":
    """Draw lines, each with its name at its right end; no legend has to be searched.

    Args:
        series: by name, the heights of a line's points, or a tuple of their places on the x axis
            and their heights. Without places they stand at 0, 1, 2 and so on. At most six lines.
        title: the finding, in a sentence.
        x_label: what the x axis shows, with its unit.
        y_label: what the y axis shows, with its unit.
        log_x: whether equal steps to the right are equal factors.
        log_y: whether equal steps up are equal factors.
        height: inches.
        digits: significant digits of the numbers in the description.
        colors: one for each line, such as `[QUERY, KEY]` where the lines are about these.

    Returns:
        The figure. Its description gives each line's start, end, lowest and highest point.

    Raises:
        ValueError: if there is no line or more than there are colors, a line is empty, its two
            parts differ in length, a number is not finite, or a logarithm is asked of a number
            that is not positive.

    Example:
        >>> from glassbox.figures import describe
        >>> losses = {"tiny": [4.2, 3.1, 2.9], "small": ([0, 1, 2], [4.2, 2.5, 1.8])}
        >>> fig = lines(losses, "More width, less loss", "epoch", "loss")
        >>> print(describe(fig).partition("2 lines. ")[2])
        'tiny' goes from 4.2 at 0 to 2.9 at 2; 'small' goes from 4.2 at 0 to 1.8 at 2.
    """
    if not 0 < len(series) <= len(colors):
        raise ValueError(
            f"series holds {len(series)} lines; expected 1 to {len(colors)}, because more colors "
            "cannot be told apart. Draw two figures, or only the lines that carry the argument."
        )
    points = {name: _points(name, one, log_x, log_y) for name, one in series.items()}
    fig, ax = canvas(title, height=height)
    with style():
        ax.set_xlabel(x_label)
        ax.set_ylabel(y_label)
        ax.set(xscale="log" if log_x else "linear", yscale="log" if log_y else "linear")
        looks = zip(points.values(), colors, DASHES, MARKERS, strict=False)
        for (xs, ys), color, dashes, marker in looks:
            every = max(1, len(xs) // FEW)
            ax.plot(xs, ys, color=color, ls=dashes, marker=marker, ms=4.5, markevery=every)
        _name_ends(fig, ax, points, colors)
    scales = [label + " (log scale)" * log for label, log in ((y_label, log_y), (x_label, log_x))]
    kind = f"Line plot of {scales[0]} over {scales[1]}, {len(points)} line{'s'[: len(points) > 1]}."
    said = "; ".join(course(name, *one, digits) for name, one in points.items())
    return described(fig, title, kind, f"{said}.")


def _points(name: str, one: Iterable, log_x: bool, log_y: bool) -> Points:
    """Return a line's places and heights as lists, or say what is wrong with it."""
    pair = isinstance(one, tuple)
    if pair and (len(one) != 2 or not all(isinstance(part, Iterable) for part in one)):
        raise ValueError(
            f"series {name!r} is a tuple of {len(one)} items; expected a list of heights, or a "
            "tuple of two lists: places on the x axis, and heights."
        )
    xs, ys = one if pair else (None, one)
    ys = [float(y) for y in ys]
    xs = [float(x) for x in (range(len(ys)) if xs is None else xs)]
    if len(xs) != len(ys):
        raise ValueError(
            f"series {name!r} has {len(xs)} places on the x axis, but {len(ys)} heights."
        )
    if not ys:
        raise ValueError(f"series {name!r} is empty; a line needs at least one point.")
    for values, axis, log in ((xs, "x", log_x), (ys, "y", log_y)):
        for place, value in enumerate(values):
            if not isfinite(value):
                raise ValueError(
                    f"series {name!r} holds {value} at index {place}; expected finite numbers. If "
                    "it is a loss, look at what training did just before."
                )
            if log and value <= 0:
                raise ValueError(
                    f"series {name!r} holds {axis} = {number(value)}, which has no logarithm. "
                    f"Leave such points out, or set log_{axis}=False."
                )
    return xs, ys


def _name_ends(
    fig: "Figure", ax: "Axes", points: Mapping[str, Points], colors: Sequence[str]
) -> None:
    """Write each line's name right of its last point; names that would overlap move apart."""
    ax.set(xlim=ax.get_xlim(), ylim=ax.get_ylim())
    fig.draw_without_rendering()  # from here on, the size of the axes is known
    tall = ax.get_window_extent().height / fig.dpi * 72
    names = {name: fill(name, 13) for name in points}
    heights = [1.25 * 10 * (1 + text.count("\n")) / tall for text in names.values()]
    to_axes = ax.transData + ax.transAxes.inverted()
    ends = [to_axes.transform((xs[-1], ys[-1])) for xs, ys in points.values()]
    places = spread([end[1] for end in ends], heights)
    for text, end, place, color in zip(names.values(), ends, places, colors, strict=False):
        leader = ax.plot([end[0], 1.03], [end[1], place], color=color, lw=0.8, zorder=1)[0]
        leader.set(transform=ax.transAxes, clip_on=False)
        ax.text(1.045, place, text, color=color, va="center", transform=ax.transAxes)
    settle(fig)


def spread(wanted: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Move centers apart until boxes of these heights do not overlap, each as little as possible.

    Boxes in a pile share the mean of their shifts (pooling of adjacent violators).
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    offsets, offset = [], 0.0
    for before, after in zip([None, *order], order, strict=False):
        offset += 0 if before is None else (heights[before] + heights[after]) / 2
        offsets.append(offset)
    piles: list[list[float]] = []
    for i, shift in zip(order, offsets, strict=True):
        piles.append([wanted[i] - shift, 1])
        while len(piles) > 1 and piles[-2][0] > piles[-1][0]:
            (one, many), (last, more) = piles[-2:]
            piles[-2:] = [[(one * many + last * more) / (many + more), many + more]]
    starts = [start for start, count in piles for _ in range(int(count))]
    placed = dict(zip(order, map(sum, zip(starts, offsets, strict=True)), strict=True))
    return [placed[i] for i in range(len(wanted))]


def course(name: str, xs: list[float], ys: list[float], digits: int) -> str:
    """Say how a line runs: from where to where, and its turning points if they lie between."""
    said = [number(y, digits) for y in ys]
    if len(ys) == 1:
        return f"'{name}' is {said[0]} at {number(xs[0], digits)}"
    first, last = (number(x, digits) for x in (xs[0], xs[-1]))
    if len(set(said)) == 1:
        return f"'{name}' stays at {said[0]} from {first} to {last}"
    text = f"'{name}' goes from {said[0]} at {first} to {said[-1]} at {last}"
    for word, extreme in (("lowest", min), ("highest", max)):
        at = ys.index(extreme(ys))
        if said[at] not in (said[0], said[-1]):
            text += f", {word} {said[at]} at {number(xs[at], digits)}"
    return text
