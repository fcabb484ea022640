"""Two runs of a notebook draw the same figures, in both themes."""

import base64
import io
from collections.abc import Iterator

import numpy as np
from nbformat import NotebookNode
from PIL import Image

TOLERANCE = 3 / 255
"""Mean difference of two pictures that another processor's rounding may make."""


def pictures(cell: NotebookNode) -> Iterator[tuple[str, np.ndarray | None]]:
    """Yield each picture that a cell shows, light and dark; None for one that is missing."""
    for number, output in enumerate(cell.get("outputs", []), 1):
        light = output.get("data", {}).get("image/png")
        dark = output.get("metadata", {}).get("glassbox", {}).get("dark")
        if light or dark:
            yield f"light picture {number}", pixels(light)
            yield f"dark picture {number}", pixels(dark)


def pixels(png: str | None) -> np.ndarray | None:
    """Decode a PNG, as a notebook stores it, to numbers between 0 and 1."""
    if not png:
        return None
    with Image.open(io.BytesIO(base64.b64decode(png))) as image:
        return np.asarray(image.convert("RGBA"), dtype=float) / 255


def picture_faults(stored: NotebookNode, fresh: NotebookNode) -> list[str]:
    """Compare the pictures that a cell has stored with those that it draws now."""
    before, now = dict(pictures(stored)), dict(pictures(fresh))
    faults = []
    for name in sorted(before | now):
        old, new = before.get(name), now.get(name)
        if old is None or new is None:
            problem = f"is missing in the {'stored' if old is None else 'fresh'} outputs"
        elif old.shape != new.shape:
            problem = f"is stored in {old.shape[1::-1]} pixels and drawn in {new.shape[1::-1]}"
        elif (difference := np.abs(old - new).mean()) >= TOLERANCE:
            problem = f"differs from the one drawn now by {255 * difference:.1f} of 255 on average"
        else:
            continue
        faults.append(f"{stored.id}: the {name} {problem}. Run `make notebooks`.")
    return faults
