"""Rebuild a clean notebook from a hand-in: the released one, with the student's answers in it."""

import ast
from copy import deepcopy

import nbformat
from nbformat import NotebookNode

from bookkit.handins.answers import Answer, NotRecovered, code_answer, in_words, text_answer
from bookkit.handins.forms import Form, Sorted, label, sort_cells
from bookkit.handins.student_cells import (
    StudentCell,
    bound_names,
    defined_names,
    parsed,
    squeezed,
)


def new_lines(text: str, released: str) -> str:
    """Return the imports and definitions that a student added to a released cell.

    Example:
        >>> new_lines("import math\\nimport numpy as np\\nassert False", "import math")
        'import numpy as np'
    """
    tree, before = parsed(text), parsed(released)
    if tree is None or before is None:
        return ""
    known = {ast.dump(node) for node in before.body}
    taken = defined_names(released) | bound_names(released)
    kinds = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef
    added = (n for n in tree.body if isinstance(n, kinds) and ast.dump(n) not in known)
    return "\n".join(ast.unparse(n) for n in added if getattr(n, "name", "") not in taken)


def _answers(cells: list[StudentCell], found: Sorted, form: Form) -> dict[str, Answer]:
    """Find the answer to each question; those in code first, for text is what is left."""
    answers: dict[str, Answer] = {}
    for name, question in form.questions.items():
        if question.kind == "code":
            answers[name] = code_answer(question, found.free, form.names)
    used = {number for answer in answers.values() for number in answer.numbers}
    free = [c for c in found.free if c.number not in used]
    places = {name: number for number, name in (found.changed | found.locked).items()}
    for name, question in form.questions.items():
        if question.kind != "code":
            answers[name] = text_answer(question, free, form.order, places, form.questions)
            if answers[name].text is None and (rest := _beside_the_question(name, found, form)):
                text = "\n".join(c.text for c in cells if c.number == rest)
                answers[name] = _written_into_the_question(name, text, rest, form)
    return answers


def _beside_the_question(name: str, found: Sorted, form: Form) -> int | None:
    """Return the number of a question's own text cell if the student changed it."""
    before = form.order[: form.order.index(name)]
    question = next((n for n in reversed(before) if n in form.locked), "")
    return next((number for number, n in found.changed.items() if n == question), None)


def _written_into_the_question(name: str, text: str, number: int, form: Form) -> Answer:
    """Return the lines that a student wrote into the question's own text cell."""
    known = {squeezed(line) for cell in form.locked.values() for line in cell.source.split("\n")}
    lines = [line for line in text.split("\n") if squeezed(line) not in known]
    note = f"the answer to {name} stood in the question's own cell {number}"
    if not lines:
        return Answer(None, notes=(f"no cell answers {name}; counted as not answered",))
    return Answer("\n".join(lines).strip("\n"), (number,), number, (note,))


def _extra_cells(
    cells: list[StudentCell], found: Sorted, form: Form, answers: dict[str, Answer]
) -> dict[str, list[str]]:
    """Return the student's own code cells by the question before which they belong ('': last)."""
    used = {number for answer in answers.values() for number in answer.numbers}
    stubs = {question.stub for question in form.questions.values()}
    places = sorted(
        (answer.place, form.order.index(name), name) for name, answer in answers.items()
    )
    taken = {squeezed(answer.text) for answer in answers.values() if answer.text}
    extra: dict[str, list[str]] = {}
    for cell in cells:
        text = cell.text
        if name := found.changed.get(cell.number):
            text = new_lines(text, form.locked[name].source)
        elif cell.number in found.locked or cell.number in used or cell.squeezed in stubs | taken:
            continue
        if cell.kind != "code" or not text.strip():
            continue
        redefined = [n for n, q in form.questions.items() if q.names & cell.defined]
        following = [name for place, _, name in places if place > cell.number]
        extra.setdefault((redefined or following or [""])[0], []).append(text)
    return extra


def _remarks(found: Sorted, form: Form) -> list[str]:
    """Return what an instructor should know about released cells that came back changed."""
    code = {name for name, cell in form.locked.items() if cell.cell_type == "code"}
    changed = [n for n in form.order if n in code & set(found.changed.values())]
    tests = {n for n in code if form.locked[n].metadata.get("nbgrader", {}).get("grade")}
    deleted = [n for n in form.order if n in tests & found.missing]
    notes = []
    if changed:
        notes.append(f"changed: {in_words(changed)}; the original cells were used")
    if deleted:
        notes.append(f"deleted: {in_words(deleted)}; the original tests were used")
    return notes


def rebuild(cells: list[StudentCell], form: Form) -> tuple[NotebookNode, tuple[str, ...]]:
    """Return the released notebook with a student's answers and own code cells, and notes.

    Raises NotRecovered if it is unclear which cell counts, or if there is no answer cell at all.
    """
    found = sort_cells(cells, form)
    answers = _answers(cells, found, form)
    if not any(answer.found for answer in answers.values()):
        raise NotRecovered(
            "no answer cell was found: none defines "
            f"{in_words(sorted(form.names), 'or')}. Was another file handed in?"
        )
    notes = [note for answer in answers.values() for note in answer.notes]
    if all(answer.text is None for answer in answers.values()):
        notes.append("nothing in it was answered")
    extra = _extra_cells(cells, found, form, answers)
    return _assembled(form, answers, extra), (*notes, *_remarks(found, form))


def _assembled(form: Form, answers: dict[str, Answer], extra: dict[str, list[str]]) -> NotebookNode:
    """Put answers and own cells into a copy of the released notebook."""
    notebook = deepcopy(form.notebook)
    released, notebook.cells = notebook.cells, []
    ids = (f"extra-{n}" for n in range(1, 1 + len(form.order) + sum(map(len, extra.values()))))
    fresh = (name for name in ids if name not in form.order)
    for cell in [*released, None]:
        name = label(cell) if cell else ""
        for text in extra.get(name, []) if name in ("", *form.questions) else []:
            new = nbformat.v4.new_code_cell(text, id=next(fresh))
            if notebook.nbformat_minor < 5:
                del new["id"]
            notebook.cells.append(new)
        if cell is not None:
            if name in answers and answers[name].text is not None:
                cell.source = answers[name].text
            notebook.cells.append(cell)
    return notebook
