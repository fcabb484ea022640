"""How nbgrader runs a notebook here: tests in this process, answers in a process of their own."""

import ast
import contextlib
import io
import traceback
from dataclasses import dataclass
from typing import Any

import torch
from nbformat.v4 import new_output
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Float

from bookkit.grading.apart import Answers
from glassbox.exercises.engine import Wrong


class ExecuteApart(NbGraderPreprocessor):
    """Stand in for nbgrader's `Execute`, which would run answers and tests in one kernel.

    There an answer can overwrite what the tests use, read them, or end the kernel. Here the tests
    come from the gradebook, run in this process, and see answers only through stand-ins.
    """

    seconds = Float(20.0, help="how long one cell or one call of an answer may take").tag(
        config=True
    )

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Run every code cell where it belongs, and store what came of it in its outputs."""
        where = resources["nbgrader"]
        with Gradebook(where["db_url"]) as book:
            known = book.find_notebook(where["notebook"], where["assignment"])
            tests = {cell.name for cell in known.grade_cells}
            cells = [cell for cell in known.source_cells if cell.cell_type == "code"]
            ours = Ours(
                given={c.name: c.source for c in cells if c.locked and c.name not in tests},
                tests={c.name: c.source for c in cells if c.locked and c.name in tests},
                asked=[name for c in cells if not c.locked for name in defined(c.source)],
            )
        with Answers(self.seconds) as answers:
            run_notebook(nb, ours, answers)
        return nb, resources


@dataclass(frozen=True)
class Ours:
    """What the gradebook knows of a notebook; what a hand-in says about itself does not count.

    Attributes:
        given: the sources of read-only cells, such as imports, by name.
        tests: the sources of the tests, by name.
        asked: the names that the answers are to define.
    """

    given: dict[str, str]
    tests: dict[str, str]
    asked: list[str]


def defined(stub: str) -> list[str]:
    """Return the names of the functions and classes that a stub asks for."""
    kinds = ast.FunctionDef | ast.ClassDef
    return [node.name for node in ast.parse(stub).body if isinstance(node, kinds)]


def run_notebook(nb: Any, ours: Ours, answers: Answers) -> None:
    """Run the cells in order, each where it belongs, and store its outputs."""
    space: dict[str, Any] = {"__name__": "assignment"}
    for cell in nb.cells:
        if cell.cell_type != "code":
            continue
        name, error = cell.metadata.get("nbgrader", {}).get("grade_id", cell.id), None
        if name in ours.tests:
            cell.source = ours.tests[name]
            space |= {known: answers.stand_in(known) for known in ours.asked}
            space["beside"] = answers.beside
            torch.manual_seed(0)
            error = attempt(run_here, name, cell.source, space)
        elif name in ours.given:
            cell.source = ours.given[name]
            run_both(name, cell.source, space, answers)  # a failure here is not the student's
        else:
            error = attempt(answers.run, name, cell.source)
        cell.outputs = outputs(answers.printed(), error)


def run_here(name: str, source: str, space: dict[str, Any]) -> None:
    """Run one of our cells in this process."""
    lines = (f"pass  # {line}" if line.lstrip()[:1] == "%" else line for line in source.split("\n"))
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile("\n".join(lines), f"<{name}>", "exec"), space)


def run_both(name: str, source: str, space: dict[str, Any], answers: Answers) -> None:
    """Run a cell of imports or given code on both sides."""
    run_here(name, source, space)
    answers.run(name, source, ours=True)
    if "WITHOUT" in space:
        answers.switch_off(space.pop("WITHOUT"))


def attempt(step: Any, *given: Any) -> Exception | None:
    """Take a step, and return the error that it raised."""
    try:
        step(*given)
    except Exception as error:
        return error
    return None


def outputs(printed: str, error: Exception | None) -> list[Any]:
    """Return a cell's outputs: what was printed, and a message without our lines of code."""
    found = [new_output("stream", name="stdout", text=printed)] if printed else []
    if error is not None:
        said = message(error)
        title = "Not attempted" if isinstance(error, NotImplementedError) else "Not yet"
        found.append(new_output("error", ename=title, evalue=said, traceback=[f"{title}: {said}"]))
    return found


def message(error: Exception) -> str:
    """Say in a sentence what went wrong, and where in the student's cell if it was there."""
    at = getattr(error, "__notes__", None)
    if isinstance(error, Wrong | AssertionError) and at is None:
        return str(error) or "a check failed."
    if isinstance(error, NotImplementedError):
        return str(error) or "the stub is as it was handed out."
    if isinstance(error, NameError) and at == [""]:
        return str(error)
    if at is not None:
        return f"your code raised {type(error).__name__}: {error}" + (
            f" ({at[0]})" if at[0] else ""
        )
    line = traceback.extract_tb(error.__traceback__)[-1].lineno
    return f"the test (line {line}) could not use what came back: {type(error).__name__}: {error}"
