"""Bars, each with its value written at its end."""

from collections.abc import Mapping, Sequence
from math import isfinite
from textwrap import fill
from typing import TYPE_CHECKING

from glassbox.figures.output import described
from glassbox.figures.style import INK, MUTED, SERIES, SMALL, canvas, style
from glassbox.figures.words import FEW, number

if TYPE_CHECKING:  # matplotlib is loaded only when a figure is drawn
    from matplotlib.figure import Figure

Line = tuple[str, float | int]


def bars(
    values: Mapping[str, float | int],
    title: str,
    x_label: str,
    *,
    reference: Line | None = None,
    highlight: Sequence[str] = (),
    digits: int = 3,
) -> "Figure":
    """Draw a bar for each value, from top to bottom, with the value written at its end.

    Args:
        values: by name.
        title: the finding, in a sentence.
        x_label: what is measured, with its unit.
        reference: name and value of a line to compare with, such as `("chance", 0.25)`.
        highlight: names of the bars that the title is about; the others turn gray.
        digits: significant digits of each value.

    Returns:
        The figure. Its description gives all values if they are at most eight, else the largest
        and the smallest.

    Raises:
        ValueError: if there is no value, one is not finite, or a name to highlight is unknown.

    Example:
        >>> from glassbox.figures import describe
        >>> accuracy = {"with positions": 1.0, "without": 0.52}
        >>> fig = bars(accuracy, "Order needs positions", "accuracy", reference=("chance", 0.5))
        >>> print(describe(fig).partition("accuracy. ")[2])
        'with positions': 1, 'without': 0.52. A line marks chance at 0.5; 2 of 2 bars reach beyond.
    """
    _check_bars(values, reference, highlight)
    fig, ax = canvas(title, height=0.95 + 0.42 * len(values) + 0.2 * (reference is not None))
    names, sizes = list(values), [float(value) for value in values.values()]
    with style():
        gray = set(names) - set(highlight) if highlight else set()
        colors = [(MUTED, 0.65) if name in gray else SERIES[0] for name in names]
        drawn = ax.barh(range(len(names)), sizes, color=colors, height=0.62)
        ax.bar_label(drawn, [number(size, digits) for size in sizes], padding=3, color=INK)
        ax.set_yticks(range(len(names)), [fill(name, 18) for name in names])
        ax.invert_yaxis()
        ax.margins(x=0.14)
        ax.set_xlabel(x_label)
        ax.tick_params(axis="y", length=0, pad=6)
        ax.locator_params(axis="x", nbins=5)
        ax.spines["left"].set_visible(False)
        ax.axvline(0, color=MUTED, lw=0.8)
        if reference is not None:
            label, place = reference
            ax.axvline(place, color=INK, lw=1.2, ls=(0, (4, 2)))
            said = ax.text(place, 1.02, f"{label} {number(place, digits)}", ha="center")
            said.set(transform=ax.get_xaxis_transform(), fontsize=SMALL)
            ax.set_title(title, loc="left", pad=20)
    return described(fig, title, *_bar_words(values, x_label, reference, digits))


def _check_bars(
    values: Mapping[str, float | int],
    reference: Line | None,
    highlight: Sequence[str],
) -> None:
    """Refuse an empty chart, numbers that no bar can show, and names that no bar has."""
    if not values:
        raise ValueError("values is empty; a bar chart needs at least one bar.")
    for name, value in [*values.items(), *([reference] if reference else [])]:
        if not isfinite(value):
            raise ValueError(f"the value of {name!r} is {float(value)}; expected a finite number.")
    unknown = sorted(set(highlight) - set(values))
    if unknown:
        raise ValueError(f"no bar is named {unknown[0]!r}; the bars are {', '.join(values)}.")


def _bar_words(
    values: Mapping[str, float | int],
    x_label: str,
    reference: Line | None,
    digits: int,
) -> list[str]:
    """Say the values, and how many lie beyond the line to compare with."""
    sizes = {f"'{name}'": float(value) for name, value in values.items()}
    if len(sizes) <= FEW:
        said = ", ".join(f"{name}: {number(size, digits)}" for name, size in sizes.items())
        sentences = [f"Bar chart of {x_label}.", f"{said}."]
    else:
        ends = (("Largest", max(sizes, key=sizes.get)), ("smallest", min(sizes, key=sizes.get)))
        said = "; ".join(f"{word}: {name}, {number(sizes[name], digits)}" for word, name in ends)
        sentences = [f"Bar chart of {x_label}, {len(sizes)} bars.", f"{said}."]
    if reference is not None:
        label, place = reference
        above = sum(size > place for size in sizes.values())
        sentences.append(
            f"A line marks {label} at {number(place, digits)}; {above} of {len(sizes)} bars "
            "reach beyond."
        )
    return sentences
