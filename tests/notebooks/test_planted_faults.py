"""One fault in a real chapter, and the check that is there for it fails and names it."""

import os
import re
import subprocess
import sys

import nbformat
import pytest
from sample_notebook import cell

from bookkit.names import check_names, spans
from bookkit.notebooks import write_if_changed
from bookkit.numbers import check_numbers, quoted_numbers, sentences
from bookkit.pages import Page, notebooks

DIGIT = re.compile(r"\d(?=\D*$)")


@pytest.fixture
def chapter():
    found = notebooks()
    assert found, "There is no notebook under chapters/, so nothing was checked."
    return found[0]


def changed_copy(page, notebook, folder):
    """Write a changed chapter under another root, beside the chapter's own neighbors."""
    chapters = folder / "chapters"
    chapters.mkdir()
    path = chapters / page.path.name
    write_if_changed(path, nbformat.v4.writes_json(notebook))
    return Page(path, folder)


def new_faults(check, page, copy):
    before = {(fault.cell, fault.message) for fault in check(page)}
    return [fault for fault in check(copy) if (fault.cell, fault.message) not in before]


def change_digit(text):
    """Change the last digit of a text into another."""
    return DIGIT.sub(lambda match: str((int(match[0]) + 5) % 10), text)


def test_changed_number_in_prose(chapter, tmp_path):
    quotes = [
        (block.cell, written)
        for block in chapter.blocks
        if block.kind == "paragraph"
        for sentence, cited in sentences(block)
        for written, _, _ in ([] if cited else quoted_numbers(sentence))
    ]
    assert quotes
    # A longer number is changed: a change of 0.2 may well hit another number of the page.
    where, written = max(quotes, key=lambda quote: len(quote[1]))
    target = cell(chapter.notebook, where)
    target.source = target.source.replace(written, change_digit(written))
    faults = new_faults(check_numbers, chapter, changed_copy(chapter, chapter.notebook, tmp_path))
    assert {fault.cell for fault in faults} == {where}
    assert f"says {change_digit(written)}," in faults[0].message
    assert faults[0].page == chapter.name


def test_changed_function_name_in_prose(chapter, tmp_path):
    functions = [
        (block.cell, span) for block, span in spans(chapter) if re.fullmatch(r"torch\.\w+", span)
    ]
    assert functions
    where, span = functions[0]
    wrong = span[:-2] + span[-1]
    target = cell(chapter.notebook, where)
    target.source = target.source.replace(f"`{span}`", f"`{wrong}`")
    faults = new_faults(check_names, chapter, changed_copy(chapter, chapter.notebook, tmp_path))
    assert {fault.cell for fault in faults} == {where}
    assert f"`{wrong}`" in faults[0].message
    assert faults[0].page == chapter.name


def plant_in_outputs(notebook):
    """Change one digit of the first printed output and the first alt text; return both cells."""
    digit = alt = None
    for target in notebook.cells:
        for output in target.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data and alt is None:
                alt, data["text/plain"] = target.id, "Another " + data["text/plain"]
            elif output.output_type == "stream" and digit is None and DIGIT.search(output.text):
                digit, output.text = target.id, change_digit(output.text)
        if digit and alt:
            break
    kept = [c.id for c in notebook.cells].index(target.id) + 1
    del notebook.cells[kept:]
    return digit, alt


def test_changed_digit_and_alt_text_in_the_outputs(chapter, tmp_path):
    """Nbval compares the chapter up to its first figure: these two cells fail, and no other."""
    digit, alt = plant_in_outputs(chapter.notebook)
    assert digit and alt and digit != alt
    copy = changed_copy(chapter, chapter.notebook, tmp_path)
    command = [sys.executable, "-m", "pytest", "--nbval", copy.path.name, "-p", "no:cacheprovider"]
    result = subprocess.run(
        [*command, "--rootdir", tmp_path, "--nbval-cell-timeout", "60", "-v", "-p", "no:xdist"],
        cwd=copy.path.parent,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    numbers = [i for i, c in enumerate(copy.code_cells) if c.id in (digit, alt)]
    failed = re.findall(r"FAILED \S+::Cell (\d+)", result.stdout.split("short test summary")[-1])
    assert sorted({int(number) for number in failed}) == numbers, result.stdout[-3000:]
    assert copy.path.name in result.stdout and "Another " in result.stdout
    assert result.returncode == 1
