"""A small problem set, and the ways in which hand-ins of it arrive."""

import json
from copy import deepcopy

import nbformat

ATTENTION = "def attention(q, k, v):\n    return (q @ k.mT).softmax(-1) @ v"
SCORES = "def scores(q, k):\n    return q @ k.mT"
PAIR = "def split(x):\n    return x[0]\n\n\ndef merge(x):\n    return x"
WHY = "Because the variance grows with the width."
STUB = '    """Say what to do."""\n    raise NotImplementedError'
PLACEHOLDER = "YOUR ANSWER HERE"
ANSWERS = {
    "scores-answer": SCORES,
    "attention-answer": ATTENTION,
    "pair-answer": PAIR,
    "why-scale-answer": WHY,
}


def cell(kind, name, source, **labels):
    """Return a released cell with nbgrader's labels."""
    about = {"grade": False, "grade_id": name, "locked": True, "solution": False, "task": False}
    made = {"cell_type": kind, "id": name, "source": source}
    made["metadata"] = {"nbgrader": about | {"schema_version": 3} | labels}
    return made | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def answer(name, source):
    """Return an answer cell in code."""
    return cell("code", name, source, solution=True, locked=False)


def tests(name, source):
    """Return a test cell."""
    return cell("code", name, source, grade=True, points=2)


def notebook(cells):
    """Return a valid notebook of format 4.5."""
    made = nbformat.from_dict(
        {"cells": cells, "metadata": {"language_info": {"name": "python"}}}
        | {"nbformat": 4, "nbformat_minor": 5}
    )
    nbformat.validate(made)
    return made


def attention_set():
    """Return a set with three answers in code and one in words."""
    cells = [
        cell("markdown", "intro", "# Problem set 1: Attention\n\nReplace the last line."),
        cell("code", "setup", "import importlib.util  # finds the package"),
        cell("code", "imports", "import math\n\nimport torch\nfrom torch import Tensor"),
        cell("markdown", "scores", "## Problem 1: Scores\n\nWrite `scores(q, k)`."),
        answer("scores-answer", f"def scores(q, k):\n{STUB}"),
        tests("scores-shape", "got = scores(torch.ones(2, 3), torch.ones(4, 3))\nassert got.ndim"),
        tests("scores-value", "assert scores(torch.eye(2), torch.eye(2)).trace() == 2"),
        cell("markdown", "attention", "## Problem 2: Attention\n\nMix values by scores."),
        answer("attention-answer", f"def attention(q, k, v):\n{STUB}"),
        tests("attention-mix", "x = torch.eye(3)\nassert attention(x, x, x).shape == (3, 3)"),
        cell("markdown", "pair", "## Problem 3: Heads\n\nWrite `split` and `merge`."),
        answer("pair-answer", f"def split(x):\n{STUB}\n\n\ndef merge(x):\n{STUB}"),
        tests("pair-inverse", "assert merge(split([[1, 2]])) == [1, 2]"),
        cell("markdown", "why-scale", "## Problem 4: Why divide?\n\nIn three sentences."),
        cell("markdown", "why-scale-answer", PLACEHOLDER, grade=True, solution=True, locked=False),
        cell("markdown", "end", "Hand in this file when you are done."),
    ]
    return notebook(cells)


def blocks_set():
    """Return a second set, which shares its setup cell with the first."""
    cells = [
        cell("markdown", "intro", "# Problem set 2: Blocks"),
        cell("code", "setup", "import importlib.util  # finds the package"),
        cell("markdown", "rotate", "## Problem 1: Rotate"),
        answer("rotate-answer", f"def rotate(x):\n{STUB}"),
        tests("rotate-norm", "assert rotate(1) == 1"),
    ]
    return notebook(cells)


RELEASES = {"attention": attention_set(), "blocks": blocks_set()}


def answered(answers=None, released="attention"):
    """Return the set as a student fills it in, as plain JSON."""
    made = json.loads(nbformat.writes(RELEASES[released]))
    for one in made["cells"]:
        one["source"] = "".join(one["source"])
        one["source"] = (ANSWERS if answers is None else answers).get(one["id"], one["source"])
    return made


def at(made, name):
    """Return the place of a cell in a hand-in, by its label as it was released."""
    return [one.get("id") for one in made["cells"]].index(name)


def get(made, name):
    """Return a cell of a hand-in."""
    return made["cells"][at(made, name)]


def add(made, place, source, kind="code"):
    """Put a cell of the student's own before the one that is named."""
    new = {"cell_type": kind, "id": f"own{len(made['cells'])}", "metadata": {}, "source": source}
    made["cells"].insert(at(made, place), new)
    return new


def without_labels(made):
    """Take away ids and metadata, as old tools do."""
    made = deepcopy(made)
    for one in made["cells"]:
        one.pop("id", None)
        one["metadata"] = {}
    made["nbformat_minor"] = 2
    return made


def from_colab(made):
    """Label cells as Colab does: a new id, the old one in the metadata, outputs with an id."""
    made = deepcopy(made)
    for number, one in enumerate(made["cells"]):
        old = one.pop("id")
        one["metadata"] = {"id": old, "outputId": f"{number:032x}", "colab": {"height": 35}}
        one["source"] = one["source"].splitlines(keepends=True)
    made["metadata"]["colab"] = {"provenance": [], "toc_visible": True}
    made["nbformat_minor"] = 0
    return made


def sources(rebuilt):
    """Return the answers of a rebuilt notebook by label."""
    return {one.id: one.source for one in rebuilt.cells if one.id in ANSWERS}
