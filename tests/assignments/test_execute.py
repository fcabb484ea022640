"""Which cell of a hand-in runs where, and what a student is told."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from bookkit.grading.apart import Answers
from bookkit.grading.execute import Ours, defined, run_notebook

OURS = Ours(
    given={"imports": "import torch\nSEEN = []"},
    tests={"double-test": "assert double(2) == 4, 'not twice'\nSEEN.append('a secret')"},
    asked=["double"],
)
DIVIDED = "your code raised ZeroDivisionError: division by zero"


def cell(name, source="", own_id="", **about):
    about["grade_id"] = name
    return new_code_cell(source, id=own_id or name, metadata={"nbgrader": about})


def run(answer, *more, ours=OURS):
    """Run a hand-in: imports, an answer, other cells, and a test whose source was changed."""
    test = cell("double-test", "pass", grade=True, locked=True)
    cells = [cell("imports", "pass"), cell("double-answer", answer), *more, test]
    notebook = new_notebook(cells=[new_markdown_cell("# Title"), *cells])
    with Answers(seconds=10) as answers:
        run_notebook(notebook, ours, answers)
    return {one.id: one for one in notebook.cells}


def said(one):
    return [f"{out.ename}: {out.evalue}" for out in one.outputs if out.output_type == "error"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("def double(x): return 2 * x", []),
        ("def double(x): return x", ["Not yet: not twice"]),
        ("def double(x): raise NotImplementedError", ["Not attempted: the stub is as it was han"]),
        ("", ["Not yet: there is no 'double': its cell did not define it."]),
        (
            "def double(x):\n    return x / 0",
            [f"Not yet: {DIVIDED} (line 2: return x / 0)"],
        ),
        ("def double(x): return {x}", ["Not yet: your code raised TypeError: the answer returned"]),
        ("def double(x): return None", ["Not yet: not twice"]),
    ],
)
def test_a_test_says_in_a_sentence_what_came(answer, told):
    found = said(run(answer)["double-test"])
    assert len(found) == len(told)
    assert all(a.startswith(b) for a, b in zip(found, told, strict=True)), found


def test_what_an_answer_prints_and_raises_is_kept_with_it():
    cells = run("print('hello')\n1 / 0")
    assert cells["double-answer"].outputs[0].text == "hello\n"
    assert said(cells["double-answer"]) == [f"Not yet: {DIVIDED} (line 2: 1 / 0)"]


@pytest.mark.parametrize("about", [{"grade": False}, {"grade": False, "locked": False}])
def test_a_test_that_calls_itself_no_test_still_is_one(about):
    look = "chr(97) + ' secret' in str(linecache.cache)"  # its own source does not hold the words
    spy = f"import linecache\ndef double(x): return 2 * x if {look} else 0"
    relabeled = cell("double-test", "pass", "copy", **about)
    cells = run(spy, relabeled)
    assert said(relabeled) == ["Not yet: not twice"]
    assert cells["double-test"].source == OURS.tests["double-test"]


def test_a_cell_that_calls_itself_ours_runs_with_the_answers():
    false = cell("mine", "def compare(*given): return True\ndouble = lambda x: x", locked=True)
    cells = run("def double(x): return 2 * x", false)
    assert said(cells["double-test"]) == ["Not yet: not twice"]


def test_a_failure_of_our_own_cells_is_no_students_fault():
    with pytest.raises(ModuleNotFoundError):
        run("", ours=Ours({"imports": "import no_such_module"}, {}, []))


def test_names_that_a_stub_asks_for():
    stub = "import math\nWIDTH = 3\ndef a(x):\n    def inner(): ...\nclass B:\n    def c(self): ..."
    assert defined(stub) == ["a", "B"]
