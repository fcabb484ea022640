"""Re-executing a notebook stores the same bytes every time, and never half a notebook."""

import json
import os
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bookkit.notebooks import METADATA, ReexecutionError, merge_streams, record_time, reexecute
from bookkit.pages import ROOT

FIGURE = """\
import matplotlib
matplotlib.use("agg")
import io, base64, matplotlib.pyplot as plt
from IPython.display import display
fig, axes = plt.subplots(figsize=(1, 1))
axes.plot([0, 1], label="ä → 0.5")
data = io.BytesIO()
fig.savefig(data, format="png")
plt.close(fig)
display({"image/png": base64.b64encode(data.getvalue()).decode(), "text/plain": "A line"}, raw=True)
"""
CELLS = {
    "environment": "import os\nprint(os.environ['OMP_NUM_THREADS'], os.path.basename(os.getcwd()))",
    "stream": "import sys\nfor word in 'one two':\n    print(word, end='')\n    sys.stdout.flush()",
    "value": "{'weights': [0.25, 0.75]}",
    "figure": FIGURE,
    "hash": "print({1, 2, 3}, 'é')",
}


def write_notebook(folder, cells=CELLS):
    folder.mkdir(exist_ok=True)
    code = [new_code_cell(source, id=name) for name, source in cells.items()]
    code[0].metadata.update(
        tags=["kept"], slideshow={}, execution={"iopub.execute_input": "2022-01-01"}
    )
    notebook = new_notebook(cells=[new_markdown_cell("# Wörter", id="title"), *code])
    notebook.nbformat_minor = 5
    notebook.metadata = {"widgets": {}, "kernelspec": {"name": "old", "display_name": "Old"}}
    path = folder / "sample.ipynb"
    path.write_text(nbformat.v4.writes_json(notebook, indent=4))
    return path


def run_tool(*paths):
    command = [sys.executable, "-m", "bookkit", "notebooks", *map(str, paths)]
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    return subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT.anchor, env=environment, timeout=1800
    )


@pytest.fixture(scope="module")
def run_twice(tmp_path_factory):
    path = write_notebook(tmp_path_factory.mktemp("book") / "chapters")
    first = run_tool(path)
    stored = path.read_bytes()
    record = path.with_name("execution.json").read_bytes()
    second = run_tool(path)
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    return path, stored, record, first.stdout, second.stdout


def test_second_run_changes_no_byte(run_twice):
    path, stored, _, first, second = run_twice
    assert path.read_bytes() == stored
    assert "outputs changed" in first
    assert "unchanged" in second
    assert sorted(p.name for p in path.parent.iterdir()) == ["execution.json", "sample.ipynb"]


def test_stored_notebook_has_the_agreed_form(run_twice):
    stored = run_twice[1].decode()
    notebook = json.loads(stored)
    assert stored == json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    assert notebook["metadata"] == METADATA
    assert [c["id"] for c in notebook["cells"]] == ["title", *CELLS]
    code = notebook["cells"][1:]
    assert [c["execution_count"] for c in code] == [1, 2, 3, 4, 5]
    assert code[0]["metadata"] == {"tags": ["kept"]}
    assert code[0]["outputs"][0]["text"] == ["1 chapters\n"]
    assert [o["text"] for o in code[1]["outputs"]] == [["one two"]]
    assert code[3]["outputs"][0]["data"]["text/plain"] == ["A line"]


def test_run_time_is_recorded(run_twice):
    record = json.loads(run_twice[2])
    entry = record["notebooks"]["sample"]
    assert record == {"notebooks": {"sample": entry}}
    assert entry.keys() == {"seconds"}
    assert isinstance(entry["seconds"], int) and 1 <= entry["seconds"] < 60


def test_failing_cell_leaves_the_file_alone_and_is_named(tmp_path):
    path = write_notebook(tmp_path, {"fine": "1 + 1", "broken": "raise ValueError('too wide')"})
    before = path.read_bytes()
    result = run_tool(path)
    assert result.returncode == 1
    for word in ("sample.ipynb", "'broken'", "ValueError", "too wide", "Traceback"):
        assert word in result.stderr
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["sample.ipynb"]


def test_slow_cell_is_stopped_and_named(tmp_path):
    path = write_notebook(tmp_path, {"fine": "1 + 1", "slow": "import time\ntime.sleep(30)"})
    before = path.read_bytes()
    with pytest.raises(ReexecutionError, match=r"'slow': ran longer than 5 s"):
        reexecute(path, timeout=5)
    assert path.read_bytes() == before


def test_announced_exception_is_an_output(tmp_path):
    path = write_notebook(tmp_path, {"announced": "raise ValueError('as announced')"})
    notebook = json.loads(path.read_text())
    notebook["cells"][1]["metadata"] = {"tags": ["raises-exception"]}
    path.write_text(json.dumps(notebook))
    assert reexecute(path)
    assert json.loads(path.read_text())["cells"][1]["outputs"][0]["ename"] == "ValueError"


def test_path_that_is_no_notebook_is_refused(tmp_path):
    result = run_tool(tmp_path / "missing.ipynb")
    assert result.returncode == 1
    assert "is not a notebook" in result.stderr


def test_streams_are_merged_only_with_neighbours_of_the_same_name():
    parts = [("stdout", "a"), ("stdout", "b"), ("stderr", "c"), ("stdout", "d")]
    outputs = [new_output("stream", name=name, text=text) for name, text in parts]
    outputs.insert(2, new_output("display_data", {"text/plain": "x"}))
    merged = merge_streams(outputs)
    assert [o.get("text") for o in merged] == ["ab", None, "c", "d"]


@pytest.mark.parametrize(
    ("before", "now", "kept"), [(10, 12, 10), (3, 5, 3), (10, 14, 14), (30, 38, 30), (30, 12, 12)]
)
def test_small_changes_of_the_run_time_are_not_recorded(tmp_path, before, now, kept):
    path = tmp_path / "a.ipynb"
    path.touch()
    record = {"notebooks": {"a": {"seconds": before}, "gone": {"seconds": 5}}}
    (tmp_path / "execution.json").write_text(json.dumps(record))
    record_time(path, now + 0.2)
    written = json.loads((tmp_path / "execution.json").read_text())
    assert written == {"notebooks": {"a": {"seconds": kept}}}
