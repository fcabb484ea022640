"""A plugin for nbval: the figures are compared as well, and each notebook runs in an empty folder.

nbval leaves pictures out, because another processor's rounding may change a pixel. Here they may
differ by that much and no more: see `bookkit.outputs`. The folder is empty as in Colab, where a
notebook stands alone.
"""

import atexit
import shutil
import tempfile
from typing import Any

import pytest
from nbformat import NotebookNode, from_dict
from nbval import plugin

from bookkit.outputs import picture_faults


def pytest_configure(config: pytest.Config) -> None:
    """Put the comparison and the folder where nbval has its own."""
    compare, kernel = plugin.IPyNbCell.compare_outputs, plugin.RunningKernel

    def compare_with_pictures(self: Any, test: list, ref: list, skip_compare: Any = None) -> bool:
        same = compare(self, test, ref, skip_compare)
        faults = picture_faults(_cell(self, ref), _cell(self, test))
        self.comparison_traceback += faults
        return same and not faults

    def in_an_empty_folder(name: str, cwd: str, **settings: Any) -> Any:
        folder = tempfile.mkdtemp()
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return kernel(name, cwd=folder, **settings)

    plugin.IPyNbCell.compare_outputs = compare_with_pictures
    plugin.RunningKernel = in_an_empty_folder


def _cell(item: Any, outputs: list) -> NotebookNode:
    """Return a cell with these outputs."""
    return from_dict({"id": item.cell.get("id", item.name), "outputs": outputs})
