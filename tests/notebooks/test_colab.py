"""Chapters run alone in an environment like Colab's, to the stored outputs: see colab.py.

The setup cell is run once for all of them. Where it finds the package, it does nothing.
"""

import pytest
from colab import ADDRESS, installed, notebook_of, run_chapter, run_notebook, site_packages, stamped
from nbclient.exceptions import CellExecutionError

from bookkit.pages import notebooks
from bookkit.setup_cell import SETUP_CELL

CHAPTERS = notebooks()


def test_there_are_chapters_to_run():
    assert CHAPTERS, "There is no notebook under chapters/, so nothing was checked."


@pytest.mark.parametrize("page", CHAPTERS[::2], ids=lambda page: page.name)
def test_chapter_runs_alone_in_colab(page, setup_cell_was_run, repository, tmp_path):
    faults = run_chapter(page, tmp_path, repository)
    assert not faults, "\n".join(f"{page.name}: {fault}" for fault in faults)


def test_unstamped_setup_cell_says_what_to_do(nothing_installed, repository, tmp_path):
    placeholder = "_".join(("your", "name")) + "/any-name"
    notebook = notebook_of(stamped(SETUP_CELL, placeholder))
    with pytest.raises(CellExecutionError, match=r"make book") as caught:
        run_notebook(notebook, tmp_path, repository)
    assert caught.value.ename == "ModuleNotFoundError"
    assert "pip install ./code" in caught.value.evalue
    assert "glassbox" not in installed(site_packages())


def test_wrong_address_does_not_pass(nothing_installed, repository, tmp_path):
    wrong = ADDRESS.replace("glass-box-transformer", "another")
    notebook = notebook_of(stamped(SETUP_CELL, wrong), "import glassbox")
    with pytest.raises(CellExecutionError, match="glassbox"):
        run_notebook(notebook, tmp_path, repository)
