"""What the stored notebooks may hold: ids, setup cell, outputs, exemptions, exercises."""

import json
import sys
from pathlib import Path

import pytest
from nbformat.v4 import new_output
from sample_notebook import cell, good_notebook, only_fault, replace, write_book

from bookkit import hygiene
from bookkit.exercise_cells import check_exercises
from bookkit.hygiene import check_ceiling, exempt_cells
from bookkit.pages import ROOT, Page, notebooks
from bookkit.toc import check_toc, listed_chapters

# The number of cells whose outputs nbval does not compare. It may only fall.
CEILING = 0

CHECKS = (*hygiene.CHECKS, check_exercises)
CHAPTERS = notebooks()


def report(faults):
    return "\n".join(map(str, faults))


def test_there_are_chapters_to_check():
    assert CHAPTERS, "There is no notebook under chapters/, so nothing was checked."


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.name)
def test_chapter_is_clean(page, check):
    faults = check(page)
    assert not faults, report(faults)


def test_exempt_cells_stay_at_the_recorded_ceiling():
    faults = check_ceiling(CHAPTERS, CEILING)
    assert not faults, report(faults)


def test_table_of_contents_lists_what_exists_and_every_notebook():
    faults = check_toc(ROOT)
    assert not faults, report(faults)
    assert len(listed_chapters(ROOT)) > 1


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_good_notebook_is_clean(check, tmp_path):
    assert not check(write_book(tmp_path, good_notebook()))


def set_path(key, value):
    """Make a planter that sets one thing of one cell: 'draw.outputs', say."""
    cell_id, attribute = key.split(".")

    def plant(notebook):
        setattr(cell(notebook, cell_id), attribute, value)

    return plant


def add_output(cell_id, *args, **kwargs):
    return lambda notebook: cell(notebook, cell_id).outputs.append(new_output(*args, **kwargs))


def mark(cell_id, **metadata):
    return lambda notebook: cell(notebook, cell_id).metadata.update(metadata)


def edit(cell_id, old, new):
    return lambda notebook: replace(notebook, cell_id, old, new)


def drop(cell_id):
    return lambda notebook: notebook.cells.remove(cell(notebook, cell_id))


def warn(notebook):
    cell(notebook, "weigh").outputs[0].text += "x.py:3: UserWarning: careful\n"


def forget_alt(notebook):
    del cell(notebook, "draw").outputs[0].data["text/plain"]


def forget_dark(notebook):
    del cell(notebook, "draw").outputs[0].metadata["glassbox"]


def default_alt(notebook):
    cell(notebook, "draw").outputs[0].data["text/plain"] = "<Figure size 640x480 with 1 Axes>"


def swap_exercise_cells(notebook):
    cells = notebook.cells
    cells[-1], cells[-2] = cells[-2], cells[-1]


PLANTS = {
    "kernel of one machine": (
        lambda notebook: notebook.metadata.kernelspec.update(display_name="venv"),
        hygiene.check_metadata,
        ("metadata", "make notebooks"),
    ),
    "execution time": (
        mark("weigh", execution={"iopub.status.busy": "2022-01-01"}),
        hygiene.check_metadata,
        ("weigh", "execution"),
    ),
    "scrolled output": (mark("draw", scrolled=True), hygiene.check_metadata, ("draw", "scrolled")),
    "metadata nobody knows": (
        mark("draw", slideshow={"slide_type": "slide"}),
        hygiene.check_metadata,
        ("draw", "slideshow"),
    ),
    "old format": (
        lambda notebook: notebook.update(nbformat_minor=4),
        hygiene.check_metadata,
        ("metadata", "4.5"),
    ),
    "random id": (set_path("draw.id", "3f2a91bc"), hygiene.check_ids, ("3f2a91bc", "says nothing")),
    "long random id": (
        set_path("draw.id", "a5e0f2b1-7c3d-4e5f-8a9b-0c1d2e3f4a5b"),
        hygiene.check_ids,
        ("a5e0f2b1-7c3d-4e5f-8a9b-0c1d2e3f4a5b", "says nothing"),
    ),
    "numbered id": (set_path("draw.id", "cell-5"), hygiene.check_ids, ("cell-5", "says nothing")),
    "capital id": (set_path("draw.id", "Draw_It"), hygiene.check_ids, ("Draw_It", "words-with")),
    "repeated id": (set_path("draw.id", "weigh"), hygiene.check_ids, ("weigh", "two cells")),
    "no id": (
        lambda notebook: cell(notebook, "draw").pop("id"),
        hygiene.check_ids,
        ("cell 5", "no id"),
    ),
    "edited setup cell": (
        edit("setup", "importlib", "imporlib"),
        hygiene.check_setup_cell,
        ("setup", "SETUP_CELL"),
    ),
    "visible setup cell": (mark("setup", tags=[]), hygiene.check_setup_cell, ("setup", "tags")),
    "cells run out of order": (
        set_path("draw.execution_count", 7),
        hygiene.check_execution_counts,
        ("draw", "7 where 3"),
    ),
    "cell never run": (
        set_path("draw.execution_count", None),
        hygiene.check_execution_counts,
        ("draw", "None where 3"),
    ),
    "text on stderr": (
        add_output("weigh", "stream", name="stderr", text="hello"),
        hygiene.check_outputs,
        ("weigh", "stderr"),
    ),
    "warning": (warn, hygiene.check_outputs, ("weigh", "warning")),
    "error": (
        add_output("weigh", "error", ename="ValueError", evalue="no", traceback=[]),
        hygiene.check_outputs,
        ("weigh", "ValueError"),
    ),
    "widget": (
        add_output("weigh", "display_data", {"application/vnd.jupyter.widget-view+json": {}}),
        hygiene.check_outputs,
        ("weigh", "widget"),
    ),
    "path in a source": (
        edit("weigh", "import torch", "path = '/ho' + 'me'\nopen('/home/jane/x.txt')"),
        hygiene.check_absolute_paths,
        ("weigh", "/home/jane/x.txt"),
    ),
    "path in an output": (
        add_output("weigh", "stream", name="stdout", text="saved to C:\\book\\x.png"),
        hygiene.check_absolute_paths,
        ("weigh", "C:\\"),
    ),
    "path of an unknown disk": (
        edit("weigh", "import torch", "open('/workspace/data/x.txt')\nimport torch"),
        hygiene.check_absolute_paths,
        ("weigh", "/workspace/data/x.txt"),
    ),
    "path as an address": (
        edit("weigh-note", "See", "See <file:///home/jane/x.html>,"),
        hygiene.check_absolute_paths,
        ("weigh-note", "file:///home/jane"),
    ),
    "folder of this project": (
        add_output("weigh", "stream", name="stdout", text=f"in {ROOT}\n"),
        hygiene.check_absolute_paths,
        ("weigh", str(ROOT)),
    ),
    "home of whoever ran it": (
        add_output("weigh", "stream", name="stdout", text=f"in '{Path.home()}'"),
        hygiene.check_absolute_paths,
        ("weigh", str(Path.home())),
    ),
    "Python that ran it": (
        add_output("weigh", "stream", name="stdout", text=f"from {sys.prefix}: x"),
        hygiene.check_absolute_paths,
        ("weigh", sys.prefix.split()[0]),
    ),
    "path in prose": (
        edit("weigh-note", "See", "Look in /tmp/x. See"),
        hygiene.check_absolute_paths,
        ("weigh-note", "/tmp/x"),
    ),
    "no alt text": (forget_alt, hygiene.check_figures, ("draw", "alt text")),
    "no picture for the dark theme": (forget_dark, hygiene.check_figures, ("draw", "dark twin")),
    "matplotlib's alt text": (default_alt, hygiene.check_figures, ("draw", "alt text")),
    "exempt without a reason": (
        mark("weigh", tags=["nbval-ignore-output"]),
        hygiene.check_exemptions,
        ("weigh", "reason"),
    ),
    "a reason without the tag": (
        mark("weigh", exempt="It prints a time."),
        hygiene.check_exemptions,
        ("weigh", "tag"),
    ),
    "skipped": (mark("weigh", tags=["nbval-skip"]), hygiene.check_exemptions, ("weigh", "skip")),
    "skipped by a comment": (
        edit("weigh", "import torch", "# NBVAL_IGNORE_OUTPUT\nimport torch"),
        hygiene.check_exemptions,
        ("weigh", "comment"),
    ),
    "role of MyST": (
        edit("weigh-note", "See", "See {ref}`there` and"),
        hygiene.check_markdown_forms,
        ("weigh-note", "MyST"),
    ),
    "directive of MyST": (
        edit("weigh-note", "See", "\n\n```{code} python\nx\n```\n\nSee"),
        hygiene.check_markdown_forms,
        ("weigh-note", "MyST"),
    ),
    "prose directive of MyST": (
        edit("weigh-note", "See", "\n\n:::{note}\nx\n:::\n\nSee"),
        hygiene.check_markdown_forms,
        ("weigh-note", "MyST"),
    ),
    "exercise without difficulty": (
        edit("ex-double", "*Difficulty 1 of 3", "*Easy"),
        check_exercises,
        ("ex-double", "Difficulty"),
    ),
    "exercise out of order": (swap_exercise_cells, check_exercises, ("ex-double", "four cells")),
    "exercise without a statement": (
        drop("ex-double"),
        check_exercises,
        ("ex-double-stub", "no statement"),
    ),
    "stub without its tag": (
        mark("ex-double-stub", tags=[]),
        check_exercises,
        ("ex-double-stub", "exercise-stub"),
    ),
    "check of another exercise": (
        edit("ex-double-check", '"double"', '"triple"'),
        check_exercises,
        ("ex-double-check", 'exercises.check("double"'),
    ),
    "solved stub": (set_path("ex-double-check.outputs", []), check_exercises, ("ex-double-check",)),
    "no blank line in the help": (
        edit("ex-double-help", "</summary>\n\nAdd", "</summary>\nAdd"),
        check_exercises,
        ("ex-double-help", "blank line"),
    ),
    "solution without Python": (
        edit("ex-double-help", "```python", "```"),
        check_exercises,
        ("ex-double-help", "```python"),
    ),
}


@pytest.mark.parametrize("name", PLANTS)
def test_planted_fault_is_named(name, tmp_path):
    plant, check, (where, *words) = PLANTS[name]
    notebook = good_notebook()
    plant(notebook)
    faults = check(write_book(tmp_path, notebook))
    assert {fault.cell for fault in faults} >= {where}, report(faults)
    of_cell = [fault for fault in faults if fault.cell == where]
    assert any(all(word in fault.message for word in words) for fault in of_cell), report(faults)


def test_every_check_has_a_planted_fault():
    assert {check for _, check, _ in PLANTS.values()} == set(CHECKS)


def test_words_that_look_like_faults_are_none(tmp_path):
    notebook = good_notebook()
    cell(
        notebook, "draw"
    ).source += "\nprint('Shape:\\n', 'A: x', 1 / 2, 'https://x.org/tmp/a')\n(a)/b/c, '</td></tr>'"
    cell(
        notebook, "weigh-note"
    ).source += (
        "\nWarnings are outputs, see `{key}` and a/home/b, and/or/not, `../x/y`, ./x/y, ~/x/y."
    )
    page = write_book(tmp_path, notebook)
    assert not [fault for check in CHECKS for fault in check(page)]


def test_error_is_allowed_where_the_page_announces_it(tmp_path):
    notebook = good_notebook()
    target = cell(notebook, "weigh")
    target.metadata["tags"] = ["raises-exception"]
    target.outputs.append(new_output("error", ename="ValueError", evalue="no", traceback=["no"]))
    assert not hygiene.check_outputs(write_book(tmp_path, notebook))


def test_ceiling_fails_in_both_directions(tmp_path):
    notebook = good_notebook()
    cell(notebook, "weigh").metadata.update(tags=["nbval-ignore-output"], exempt="It tells a time.")
    page = write_book(tmp_path, notebook)
    assert not hygiene.check_exemptions(page)
    assert exempt_cells([page]) == ["chapters/sample.ipynb#weigh"]
    assert "ceiling is 0" in check_ceiling([page], 0)[0].message
    assert not check_ceiling([page], 1)
    assert "lower the recorded ceiling" in check_ceiling([page], 2)[0].message


def test_unlisted_notebook_and_missing_page_are_named(tmp_path):
    page = write_book(tmp_path, good_notebook())
    assert not check_toc(tmp_path)
    page.path.with_name("other.ipynb").write_bytes(page.path.read_bytes())
    assert [fault.cell for fault in check_toc(tmp_path)] == ["chapters/other.ipynb"]
    toc = tmp_path / "_toc.yml"
    toc.write_text(toc.read_text() + "- file: chapters/other\n- file: chapters/ghost\n")
    assert [fault.cell for fault in check_toc(tmp_path)] == ["chapters/ghost"]


def test_page_reads_what_is_on_the_disk(tmp_path):
    page = write_book(tmp_path, good_notebook())
    stored = json.loads(page.path.read_text())
    assert [c["id"] for c in stored["cells"]] == [c.id for c in page.cells]
    only_fault([Page(page.path, tmp_path).fault("weigh", "word")], "weigh", "word")
