"""What a cell has stored and does not show any more is found: words, and pictures in each theme."""

import base64
import io
from copy import deepcopy
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image
from sample_notebook import code, new_output

from bookkit.outputs import picture_faults, pixels, text_faults
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


def printed(*lines, stream="stdout", tags=()):
    """Make a cell that prints lines, each by an output of its own, as a slow kernel sends them."""
    outputs = [new_output("stream", name=stream, text=f"{line}\n") for line in lines]
    return code("say", "print(x)", 1, outputs, tags)


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


def test_the_same_words_are_no_fault_however_they_were_sent():
    assert text_faults(printed("a", "b"), printed("a\nb")) == []
    assert text_faults(STORED, STORED) == []


@pytest.mark.parametrize(
    ("fresh", "words"),
    [
        (printed("a", "c"), "on stdout 'b' is stored and 'c' comes now"),
        (printed("a"), "on stdout 'b' is stored and 'nothing' comes now"),
        (printed("a", "b", "b"), "on stdout 'nothing' is stored and 'b' comes now"),
        (printed("a", "b", stream="stderr"), "on stderr 'nothing' is stored and 'a' comes now"),
        (code("say", "x", 1, [new_output("error", ename="E", evalue="e")]), "'E: e' comes now"),
        (STORED, "on display 'nothing' is stored and 'Dots.' comes now"),
    ],
)
def test_other_words_are_named(fresh, words):
    faults = text_faults(printed("a", "b"), fresh)
    assert any(words in fault and fault.startswith("say: ") for fault in faults), faults


def test_an_exempt_cell_may_print_what_it_likes():
    assert text_faults(printed("a", tags=["nbval-ignore-output"]), printed("b")) == []


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
