"""What the setup cell refuses, in an environment like Colab's: see bookkit.colab.

That it installs the package `make test` finds out before it gives that environment to nbval.
"""

import pytest
from filelock import FileLock
from nbclient.exceptions import CellExecutionError

from bookkit import colab
from bookkit.setup_cell import REPOSITORY, SETUP_CELL


@pytest.fixture(autouse=True)
def nothing_installed():
    """See that nothing of this project is in the environment, and keep others out of it."""
    with FileLock(f"{colab.ENVIRONMENT}.lock"):
        colab.make_environment()
        colab.uninstall()
        yield


def test_unstamped_setup_cell_says_what_to_do():
    placeholder = "_".join(("your", "name")) + "/any-name"
    with pytest.raises(CellExecutionError, match=r"make book") as caught:
        colab.run_cells(colab.stamped(SETUP_CELL, placeholder))
    assert caught.value.ename == "ModuleNotFoundError"
    assert "pip install ./code" in caught.value.evalue
    assert "glassbox" not in colab.installed()


def test_wrong_address_does_not_pass():
    wrong = colab.ADDRESS.replace("glass-box-transformer", "another")
    with pytest.raises(CellExecutionError, match="glassbox"):
        colab.run_cells(colab.stamped(SETUP_CELL, wrong), "import glassbox")


def test_a_setup_cell_that_installs_nothing_is_refused(monkeypatch):
    monkeypatch.setattr(colab, "SETUP_CELL", f'REPOSITORY = "{REPOSITORY}"')
    with pytest.raises(RuntimeError, match="glassbox is not installed"):
        colab.prepare()
