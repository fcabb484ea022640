"""Re-execute notebooks in place so that the same code always stores the same bytes."""

import json
import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

CELL_TIMEOUT = 60
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# All that a cell's metadata may hold; the rest is left behind by front ends.
CELL_METADATA = ("exempt", "tags")


class ReexecutionError(Exception):
    """A cell failed. The message names the notebook and the cell, and the file is untouched."""


def merge_streams(outputs: list) -> list:
    """Join neighbouring outputs of one stream: how the kernel cut them is a matter of timing."""
    merged: list = []
    for output in outputs:
        last = merged[-1] if merged else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            merged.append(output)
    return merged


def normalize(notebook: nbformat.NotebookNode) -> None:
    """Drop what differs from run to run or from front end to front end."""
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        for key in set(cell.metadata) - set(CELL_METADATA):
            del cell.metadata[key]
        if cell.cell_type == "code":
            cell.outputs = merge_streams(cell.outputs)


def _cell_id(notebook: nbformat.NotebookNode, failed) -> str:
    """Tell which cell did not finish: the first code cell that failed, or never counted."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source.strip():
            outputs = cell.outputs
            if any(o.output_type == "error" for o in outputs) or cell.execution_count is None:
                allowed = "raises-exception" in cell.metadata.get("tags", [])
                if not (allowed and cell.execution_count):
                    return cell.get("id", "no id")
    return str(failed)


def execute(notebook: nbformat.NotebookNode, folder: Path, timeout: int, name: str) -> None:
    """Run all cells in a fresh kernel that starts in `folder`, with one thread."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        client.execute(env={**os.environ, "OMP_NUM_THREADS": "1"})
    except CellTimeoutError as error:
        raise ReexecutionError(
            f"{name}, cell '{_cell_id(notebook, '?')}': ran longer than {timeout} s and was "
            "stopped. Make the example smaller: no cell of the book may take longer."
        ) from error
    except DeadKernelError as error:
        raise ReexecutionError(
            f"{name}, cell '{_cell_id(notebook, '?')}': the kernel died. Out of memory?"
        ) from error
    except CellExecutionError as error:
        raise ReexecutionError(f"{name}, cell '{_cell_id(notebook, '?')}':\n{error}") from error


def write_if_changed(path: Path, text: str) -> bool:
    """Replace the file in one step, so that no reader ever sees half of it."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_text(text, encoding="utf-8", newline="\n")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return True


def record_time(path: Path, seconds: float) -> None:
    """Note a notebook's run time in execution.json beside it; small changes are noise."""
    record_path = path.with_name("execution.json")
    record = json.loads(record_path.read_text()) if record_path.exists() else {}
    known = record.get("notebooks", {})
    before = known.get(path.stem, {}).get("seconds")
    seconds = max(1, round(seconds))
    if before is not None and not (abs(seconds - before) > max(2, 0.3 * before)):
        seconds = before
    known[path.stem] = {"seconds": seconds}
    present = {stem: known[stem] for stem in sorted(known) if path.with_stem(stem).exists()}
    text = json.dumps({"notebooks": present}, indent=1, sort_keys=True) + "\n"
    write_if_changed(record_path, text)


def reexecute(path: Path, timeout: int = CELL_TIMEOUT) -> bool:
    """Run the notebook at `path` and store the outputs. True if the file changed.

    Raises ReexecutionError, with the file untouched, if a cell fails or takes too long.
    """
    path = Path(path).resolve()
    notebook = nbformat.v4.reads_json(path.read_text(encoding="utf-8"))
    started = time.perf_counter()
    execute(notebook, path.parent, timeout, path.name)
    seconds = time.perf_counter() - started
    normalize(notebook)
    text = nbformat.v4.writes_json(notebook, indent=1, ensure_ascii=False) + "\n"
    changed = write_if_changed(path, text)
    record_time(path, seconds)
    return changed


def reexecute_all(paths: list[Path]) -> int:
    """Run several notebooks, report each on a line, and return the exit code."""
    failed = False
    for path in paths:
        try:
            changed = reexecute(path)
        except ReexecutionError as error:
            print(error, file=sys.stderr)
            failed = True
        else:
            print(f"{path}: {'outputs changed' if changed else 'unchanged'}")
    return int(failed)
