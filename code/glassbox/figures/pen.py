"""The strokes of a block diagram."""

from typing import TYPE_CHECKING, NamedTuple

from glassbox.figures import parts
from glassbox.figures.style import INK, MUTED, SERIES, SMALL
from glassbox.figures.wiring import Step

if TYPE_CHECKING:  # matplotlib is loaded only when a figure is drawn
    from matplotlib.axes import Axes

Point = tuple[float, float]
STREAM, LEFT, RIGHT, LANE = 0.42, 0.95, 4.05, 4.22
"""Inches from the left edge: the residual stream, the sides of a box, the way around boxes."""
MIDDLE = (LEFT + RIGHT) / 2
RADIUS = 0.12
COLORS = {"attention": SERIES[0], "feed-forward": SERIES[1], "other": MUTED}


class Pen(NamedTuple):
    """Draws on axes whose unit is an inch and whose y grows downward."""

    ax: "Axes"

    def line(self, *points: Point) -> None:
        """Draw a path through points."""
        self.ax.plot(*zip(*points, strict=True), color=INK, lw=1.3, solid_joinstyle="round")

    def arrow(self, start: Point, end: Point) -> None:
        """Draw a straight arrow."""
        from matplotlib.patches import FancyArrowPatch

        shape = FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=9, shrinkA=0, shrinkB=0
        )
        shape.set(color=INK, linewidth=1.3)
        self.ax.add_patch(shape)

    def plus(self, y: float) -> None:
        """Draw the sign of a sum on the stream."""
        from matplotlib.patches import Circle

        self.ax.add_patch(Circle((STREAM, y), RADIUS, fill=False, edgecolor=INK, lw=1.3))
        self.line((STREAM - 0.07, y), (STREAM + 0.07, y))
        self.line((STREAM, y - 0.07), (STREAM, y + 0.07))

    def factor(self, factor: float, x: float, y: float) -> None:
        """Write what a branch is multiplied by, if not 1."""
        if factor != 1:
            self.ax.text(x, y, f"× {factor:g}", fontsize=SMALL, va="center")

    def join(self, box: tuple[float, float], y: float, near: bool) -> None:
        """Lead from a box to the plus at height y: straight down, or around the boxes between."""
        top, bottom = box
        if near:
            self.line((MIDDLE, bottom), (MIDDLE, y))
            self.arrow((MIDDLE, y), (STREAM + RADIUS, y))
        else:
            side = (top + bottom) / 2
            self.line((RIGHT, side), (LANE, side), (LANE, y), (MIDDLE, y))
            self.arrow((MIDDLE, y), (STREAM + RADIUS, y))

    def box(self, step: Step, facts: list[str], top: float, bottom: float, on_stream: bool) -> None:
        """Draw a part: its name, its parameters, and below them what it is."""
        from matplotlib.patches import FancyBboxPatch

        color = COLORS[parts.kind(step.module)]
        left, right = STREAM - 0.3 if on_stream else LEFT, RIGHT
        shape = FancyBboxPatch(
            (left, top), right - left, bottom - top, boxstyle="round,pad=0,rounding_size=0.07"
        )
        shape.set(facecolor=(color, 0.14), edgecolor=color, linewidth=1.2)
        self.ax.add_patch(shape)
        self.ax.text(left + 0.09, top + 0.07, step.name, fontweight="bold", va="top", fontsize=10)
        size = parts.count(step.module)
        self.ax.text(right - 0.09, top + 0.08, size, va="top", ha="right", fontsize=SMALL)
        for number, line in enumerate(facts):
            self.ax.text(left + 0.09, top + 0.26 + 0.16 * number, line, va="top", fontsize=SMALL)
        if step.reads:
            self.arrow((RIGHT - 0.3, top - 0.3), (RIGHT - 0.3, top))
            given = " and ".join(step.reads)
            self.ax.text(RIGHT - 0.4, top - 0.15, given, va="center", ha="right", fontweight="bold")
