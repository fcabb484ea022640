"""Every second chapter in an environment like Colab's: its own file, to run beside the others."""

import pytest
from test_colab import CHAPTERS, run_chapter


@pytest.mark.parametrize("page", CHAPTERS[1::2], ids=lambda page: page.name)
def test_chapter_runs_alone_in_colab(page, setup_cell_was_run, repository, tmp_path):
    faults = run_chapter(page, tmp_path, repository)
    assert not faults, "\n".join(f"{page.name}: {fault}" for fault in faults)
