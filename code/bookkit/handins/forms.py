"""A released notebook taken apart, and a hand-in's cells sorted by it."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

from nbformat import NotebookNode

from bookkit.handins.answers import NotRecovered, Question, in_words
from bookkit.handins.student_cells import StudentCell, defined_names, plain, squeezed

LONGEST_COMPARED = 20_000


def label(cell: NotebookNode) -> str:
    """Return the name of a released cell: nbgrader's, else the cell's own."""
    return cell.metadata.get("nbgrader", {}).get("grade_id") or cell.get("id", "")


class Form:
    """A release notebook, taken apart: its questions, and the cells that nobody may change."""

    def __init__(self, notebook: NotebookNode):
        """Take a release notebook apart; the notebook itself stays as it is."""
        self.notebook = notebook
        self.order = [label(cell) for cell in notebook.cells]
        self.questions: dict[str, Question] = {}
        self.locked: dict[str, NotebookNode] = {}
        for cell in notebook.cells:
            name, source = label(cell), plain(cell.source)
            if cell.metadata.get("nbgrader", {}).get("solution"):
                names = defined_names(source) if cell.cell_type == "code" else frozenset()
                self.questions[name] = Question(name, cell.cell_type, squeezed(source), names)
            else:
                self.locked[name] = cell
        self.texts = {name: squeezed(cell.source) for name, cell in self.locked.items()}
        self.by_text = {text: name for name, text in self.texts.items() if text}
        self.names = frozenset[str]().union(*(q.names for q in self.questions.values()))

        self.marks = {("text", text) for text in self.by_text}
        self.marks |= {("name", name) for name in self.names}
        self.marks |= {("label", name) for name in self.order}


def marks(cell: StudentCell) -> set[tuple[str, str]]:
    """Return what a student's cell has that can tell the set: its text, names and labels."""
    names = {("name", name) for name in cell.defined}
    labels = {("label", name) for name in (cell.grade_id, *cell.ids)}
    return {("text", cell.squeezed)} | names | labels


def which_set(cells: list[StudentCell], forms: dict[str, Form]) -> str:
    """Return the name of the set to which most cells belong; raise NotRecovered if none does.

    What all sets share, such as the setup cell, counts for all of them. Content weighs more than
    labels, since labels move along when cells are copied.
    """
    points = dict.fromkeys(forms, 0)
    for cell in cells:
        own = marks(cell)
        for name, form in forms.items():
            kinds = {kind for kind, _ in own & form.marks}
            points[name] += 2 * bool(kinds & {"text", "name"}) + ("label" in kinds)
    best = max(points.values(), default=0)
    winners = [name for name, value in points.items() if value == best]
    if best == 0 or len(winners) > 1:
        raise NotRecovered(
            f"this is not a notebook of problem set {in_words(forms, 'or')}: none of its cells "
            "belongs to only one of them. Was another file handed in?"
        )
    return winners[0]


@dataclass(frozen=True)
class Sorted:
    """A hand-in's cells: which are released cells, which changed ones, and which are own ones.

    `missing` are the labels of the released cells that came back neither unchanged nor changed.
    """

    locked: dict[int, str]
    changed: dict[int, str]
    free: list[StudentCell]
    missing: set[str]


def _likeness(cell: StudentCell, released: NotebookNode) -> float:
    """Return how much of a text two cells share, from 0 to 1."""
    if max(len(cell.text), len(released.source)) > LONGEST_COMPARED:
        return 0.0
    one, two = (re.findall(r"\w+|[^\w\s]", text) for text in (cell.text, released.source))
    matcher = SequenceMatcher(None, one, two, autojunk=False)
    return matcher.ratio() if matcher.quick_ratio() > 0.4 else 0.0


def _changed_cell(cell: StudentCell, form: Form, missing: set[str]) -> str | None:
    """Return the released cell that a student's cell is a changed version of, if it is one."""
    labels = {cell.grade_id, *cell.ids}
    if not cell.defined.isdisjoint(form.names) and cell.kind == "code":
        return None
    if cell.squeezed in {question.stub for question in form.questions.values()}:
        return None
    marked = [name for name in form.order if name in labels & missing]
    for name in marked:
        if not cell.text or _likeness(cell, form.locked[name]) > 0.4:
            return name
    if not cell.text or not labels.isdisjoint(form.questions):
        return None
    likeness = {
        name: _likeness(cell, form.locked[name])
        for name in form.order
        if name in missing and form.locked[name].cell_type == cell.kind
    }
    best = max(likeness, key=likeness.__getitem__, default=None)
    return best if best and likeness[best] > 0.6 else None


def sort_cells(cells: list[StudentCell], form: Form) -> Sorted:
    """Tell the released cells of a hand-in, unchanged or changed, from the student's own."""
    locked = {c.number: form.by_text[c.squeezed] for c in cells if c.squeezed in form.by_text}
    texts = {cell.squeezed for cell in cells}
    missing = {name for name, text in form.texts.items() if text and text not in texts}
    changed: dict[int, str] = {}
    for cell in cells:
        if cell.number not in locked and (name := _changed_cell(cell, form, missing)):
            changed[cell.number] = name
            missing.remove(name)
    free = [c for c in cells if c.number not in locked and c.number not in changed]
    return Sorted(locked, changed, free, missing)
