"""The environments that stand for Colab: see colab.py."""

import sys

import colab
import pytest
from filelock import FileLock

from bookkit.setup_cell import SETUP_CELL


@pytest.fixture(scope="session")
def bare_environment():
    """Make the environment if it is missing or out of date, and keep others out of it."""
    distributions = colab.closure(colab.PRESENT)
    wanted = "\n".join(f"{name}=={d.version}" for name, d in sorted(distributions.items()))
    wanted = f"Python {sys.version}\n{wanted}\n"
    stamp = colab.ENVIRONMENT / "made-from.txt"
    with FileLock(f"{colab.ENVIRONMENT}.lock"):
        if not stamp.exists() or stamp.read_text() != wanted:
            colab.make_environment(distributions)
            stamp.write_text(wanted)
        yield


@pytest.fixture
def nothing_installed(bare_environment):
    """See that nothing of this project is in the environment."""
    colab.uninstall()


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    """Return a git repository of the package as it lies in the working tree."""
    folder = tmp_path_factory.mktemp("repository")
    colab.make_repository(folder)
    return folder


@pytest.fixture(scope="module")
def setup_cell_was_run(bare_environment, repository, tmp_path_factory):
    """Install the package by the setup cell, which is the same in every chapter."""
    colab.uninstall()
    before = colab.fingerprint(colab.site_packages())
    assert len(before[2]) > 1000
    notebook = colab.notebook_of(colab.stamped(SETUP_CELL, colab.ADDRESS))
    colab.run_notebook(notebook, tmp_path_factory.mktemp("setup"), repository)
    assert "glassbox" in colab.installed(colab.site_packages())
    after = colab.fingerprint(colab.site_packages())
    assert after == before, "the setup cell touched the installed torch"
