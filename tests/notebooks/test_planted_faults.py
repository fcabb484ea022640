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
from bookkit.numbers import (
    check_numbers,
    is_shown,
    quoted_numbers,
    section_quotes,
    sections,
    shown_numbers,
)
from bookkit.pages import Page, notebooks

DIGIT = re.compile(r"\d(?=\D*$)")


@pytest.fixture
def chapter():
    """A page with a bit of everything that is planted in it."""
    (page,) = [page for page in notebooks() if page.path.stem == "self-attention"]
    return page


def changed_copy(page, notebook, folder):
    """Write a changed chapter under another root, beside the chapter's own neighbors."""
    chapters = folder / "chapters"
    chapters.mkdir()
    path = chapters / page.path.name
    write_if_changed(path, nbformat.v4.writes_json(notebook))
    return Page(path, folder)


def new_faults(check, page, copy):
    before = {(fault.cell, fault.message) for fault in check(Page(page.path, page.root))}
    return [fault for fault in check(copy) if (fault.cell, fault.message) not in before]


def change_digit(text):
    """Change the last digit of a text into another."""
    return DIGIT.sub(lambda match: str((int(match[0]) + 5) % 10), text)


def changed(written):
    """Return a quoted number in every form that differs from it in one digit."""
    for match in re.finditer(r"\d", written):
        for digit in "0123456789".replace(match[0], ""):
            yield written[: match.start()] + digit + written[match.end() :]


def changes(page):
    """Change every digit of every number in the prose; return (cell, change, was it noticed)."""
    found = []
    for blocks, cells in sections(page):
        shown = shown_numbers(cells)
        for where, written, _, _ in section_quotes(blocks):
            for wrong in changed(written):
                quotes = list(quoted_numbers(f"about {wrong} of it"))
                noticed = any(not is_shown(value, percent, shown) for _, value, percent in quotes)
                found.append((where, f"{written} -> {wrong}", noticed))
    return found


@pytest.mark.parametrize("page", notebooks(), ids=lambda page: page.name)
def test_changed_numbers_in_prose_are_noticed(page):
    found = changes(page)
    assert len(found) > 100, "The prose quotes next to no number, so nothing was checked."
    missed = [f"{where}: {change}" for where, change, noticed in found if not noticed]
    assert len(missed) <= len(found) / 10, f"{len(missed)} of {len(found)}:\n" + "\n".join(missed)


def test_a_changed_number_is_named(chapter, tmp_path):
    """The first number that some cell quotes once, changed on the disk, is the only new fault."""
    where, change = next(
        (where, change.split(" -> "))
        for where, change, noticed in changes(chapter)
        if noticed and cell(chapter.notebook, where).source.count(change.split(" -> ")[0]) == 1
    )
    target = cell(chapter.notebook, where)
    target.source = target.source.replace(*change)
    faults = new_faults(check_numbers, chapter, changed_copy(chapter, chapter.notebook, tmp_path))
    assert [fault.cell for fault in faults] == [where]
    assert f"says {change[1]}," in faults[0].message
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
        [*command, "--rootdir", tmp_path, "--nbval-cell-timeout", "300", "-v", "-p", "no:xdist"],
        cwd=copy.path.parent,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    numbers = [i for i, c in enumerate(copy.code_cells) if c.id in (digit, alt)]
    failed = re.findall(r"FAILED \S+::Cell (\d+)", result.stdout.split("short test summary")[-1])
    assert sorted({int(number) for number in failed}) == numbers, result.stdout[-3000:]
    assert copy.path.name in result.stdout and "Another " in result.stdout
    assert result.returncode == 1
