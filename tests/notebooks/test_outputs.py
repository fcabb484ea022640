"""A picture that a cell does not draw any more is found, in each theme, and nbval reports it."""

import base64
import io
import os
import re
import subprocess
import sys
from copy import deepcopy
from itertools import pairwise

import nbformat
import numpy as np
import pytest
from PIL import Image
from sample_notebook import code, new_output

from bookkit.outputs import picture_faults, pixels
from bookkit.pages import notebooks


def picture(gray=200, size=(8, 6), dots=0):
    """Draw a gray PNG with a few black dots on it, as base64."""
    image = np.full((size[1], size[0]), gray, dtype=np.uint8)
    image.flat[:dots] = 0
    stored = io.BytesIO()
    Image.fromarray(image).save(stored, format="png")
    return base64.b64encode(stored.getvalue()).decode()


def drawn(light, dark):
    """Make a cell that shows one figure."""
    data = {"image/png": light, "text/plain": "Dots."}
    metadata = {"glassbox": {"dark": dark} if dark else {}}
    return code(
        "draw", "figures.show(fig)", 1, [new_output("display_data", data, metadata=metadata)]
    )


STORED = drawn(picture(), picture(40))


@pytest.mark.parametrize("fresh", [STORED, drawn(picture(202), picture(38))])
def test_the_same_picture_is_no_fault(fresh):
    assert picture_faults(STORED, fresh) == []


@pytest.mark.parametrize(
    ("fresh", "words"),
    [
        (drawn(picture(204), picture(40)), "light picture 1 differs"),
        (drawn(picture(dots=1), picture(40)), "light picture 1 differs"),
        (drawn(picture(), picture(40, dots=8)), "dark picture 1 differs"),
        (drawn(picture(size=(6, 8)), picture(40)), "stored in (8, 6) pixels and drawn in (6, 8)"),
        (drawn(picture(), None), "dark picture 1 is missing in the fresh"),
        (code("draw", "x", 1), "light picture 1 is missing in the fresh"),
    ],
)
def test_another_picture_is_named(fresh, words):
    faults = picture_faults(STORED, fresh)
    assert any(words in fault and fault.startswith("draw: ") for fault in faults), faults


def test_a_picture_without_its_dark_twin_is_named():
    alone = drawn(picture(), None)
    assert "dark picture 1 is missing in the stored" in picture_faults(alone, STORED)[0]
    assert "dark picture 1 is missing" in picture_faults(alone, alone)[0]


def test_real_figures_that_swapped_places_are_named():
    cells = [
        cell
        for page in notebooks()
        for cell in page.code_cells
        if any("image/png" in output.get("data", {}) for output in cell.outputs)
    ]
    assert len(cells) > 1, "The chapters have next to no figures."
    for a, b in pairwise(cells):
        swapped = deepcopy(a)
        swapped.outputs = b.outputs
        assert picture_faults(a, a) == []
        assert picture_faults(a, swapped), f"{a.id} and {b.id} look the same to the check"


def test_pixels_are_numbers_between_0_and_1():
    assert pixels(picture(255)).max() == 1
    assert pixels(None) is None


def test_nbval_compares_pictures_and_runs_in_an_empty_folder(tmp_path):
    data = {"image/png": picture(), "text/plain": "Dots."}
    metadata = {"glassbox": {"dark": picture(40)}}
    show = f"display({data}, raw=True, metadata={metadata})"
    cells = [deepcopy(STORED), drawn(picture(100), picture(40)), drawn(picture(), picture(90))]
    for i, cell in enumerate(cells):
        cell.update(id=f"draw-{i}", source=show)
    files = code("files", "import os\nprint(os.listdir())", 1)
    files.outputs = [new_output("stream", name="stdout", text="[]\n")]
    nbformat.write(nbformat.v4.new_notebook(cells=[*cells, files]), tmp_path / "drawings.ipynb")
    command = [sys.executable, "-m", "pytest", "--nbval", "drawings.ipynb", "--rootdir", tmp_path]
    result = subprocess.run(
        [*command, "-p", "bookkit.nbval_pictures", "-p", "no:cacheprovider", "-p", "no:xdist"],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    summary = result.stdout.split("short test summary")[-1]
    assert re.findall(r"FAILED \S+::Cell (\d+)", summary) == ["1", "2"], result.stdout
    assert "draw-1: the light picture 1 differs" in result.stdout
    assert "draw-2: the dark picture 1 differs" in result.stdout
