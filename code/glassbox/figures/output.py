"""A finished figure: its description in words, and its display in two themes."""

import base64
import io
import pickle
from typing import TYPE_CHECKING

from glassbox.figures.style import ON_DARK

if TYPE_CHECKING:  # matplotlib is loaded only when a figure is drawn
    from matplotlib.figure import Figure

SHARPNESS, PIXELS_PER_INCH = 160, 110
"""Dots in an inch of the file, and CSS pixels in an inch of the page."""


def described(fig: "Figure", title: str, *sentences: str) -> "Figure":
    """Return the figure with its description: the title, then what is seen."""
    heading = " ".join(title.replace("$", "").split())
    end = "" if heading.endswith((".", "!", "?")) else "."
    fig.alt = " ".join([heading + end, *filter(None, sentences)])
    return fig


def describe(fig: "Figure") -> str:
    """Return what a figure of this module shows, in words and with its numbers.

    The words are made from the numbers that were drawn, so they stay true when those change.

    Args:
        fig: a figure that `heatmap`, `head_grid`, `lines`, `bars`, `products` or `block_diagram`
            has drawn.

    Returns:
        One to a few sentences, to be used as the figure's alternative text.

    Raises:
        ValueError: if the figure has no description, because it was drawn by hand on a `canvas`.

    Example:
        >>> from glassbox.figures import bars
        >>> describe(bars({"with": 0.9, "without": 0.25}, "It helps", "accuracy"))
        "It helps. Bar chart of accuracy. 'with': 0.9, 'without': 0.25."
    """
    alt = getattr(fig, "alt", "")
    if not alt:
        raise ValueError(
            "this figure has no description, because it was drawn by hand. Give it one: "
            "show(fig, alt='…'), and describe what is seen to someone who cannot see it."
        )
    return alt


def show(fig: "Figure", alt: str | None = None) -> None:
    """Display a figure for a light and a dark page, described in words.

    The description is the output's plain text. So it is compared whenever the notebook is
    re-executed, and the book uses it as the image's alternative text.

    Args:
        fig: a figure made by this module.
        alt: what the figure shows, in one or two sentences, with its numbers; what `describe`
            returns if not given.

    Raises:
        ValueError: if `alt` says less than four words, or is missing for a figure drawn by hand.

    Example:
        >>> from glassbox.figures import canvas
        >>> fig, ax = canvas("An empty plot")
        >>> show(fig, alt="empty")
        Traceback (most recent call last):
        ...
        ValueError: alt is 'empty'; describe what is seen to someone who cannot see it.
    """
    from IPython.display import display

    if alt is None:
        alt = describe(fig)
    if len(alt.split()) < 4:
        raise ValueError(f"alt is {alt!r}; describe what is seen to someone who cannot see it.")
    light = _png(fig)
    on_dark = pickle.loads(pickle.dumps(fig))
    recolor(on_dark, ON_DARK)
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


def recolor(fig: "Figure", colors: dict[str, str]) -> None:
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
