"""Find the cell that answers a question, by content first and by labels where content is silent."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from bookkit.handins.student_cells import StudentCell, bound_names

NOWHERE = 10**9


class NotRecovered(Exception):
    """A hand-in cannot be graded as it is. The message says why and what the student can do."""


@dataclass(frozen=True)
class Question:
    """An answer cell as it was released: its label, its kind, its stub, the names it defines."""

    label: str
    kind: str
    stub: str
    names: frozenset[str]


@dataclass(frozen=True)
class Answer:
    """An answer's text (None: not given), the numbers of its cells, and where it stands.

    `found` is False where not even the untouched cell was left.
    """

    text: str | None
    numbers: tuple[int, ...] = ()
    place: int = NOWHERE
    notes: tuple[str, ...] = ()

    @property
    def found(self) -> bool:
        """Tell whether the answer's cell is there, filled in or not."""
        return self.text is not None or self.place != NOWHERE


def in_words(names: Iterable[object], word: str = "and") -> str:
    """Return a list as a reader expects it.

    Example:
        >>> in_words(["a", "b", "c"])
        'a, b and c'
    """
    *most, last = [str(name) for name in names] or ["nothing"]
    return f"{', '.join(most)} {word} {last}" if most else last


def _ticked(names: Iterable[str]) -> str:
    """Return names in code font."""
    return in_words(f"`{name}`" for name in sorted(names))


def _linked(question: Question, cells: list[StudentCell]) -> list[StudentCell]:
    """Return the cells that carry the question's label: nbgrader's, else the cell's own."""
    graded = [cell for cell in cells if cell.grade_id == question.label]
    return graded or [cell for cell in cells if question.label in cell.ids]


def _distinct(cells: list[StudentCell]) -> list[StudentCell]:
    """Drop cells that repeat another one's text."""
    return list({cell.text: cell for cell in reversed(cells)}.values())[::-1]


def _the_one(
    names: frozenset[str], cells: list[StudentCell], question: Question
) -> tuple[StudentCell, tuple[str, ...]]:
    """Return the cell that counts among those that define the same names, and a note."""
    different = _distinct(cells)
    if len(different) == 1:
        return (_linked(question, cells) or cells)[0], ()
    numbers = in_words(cell.number for cell in different)
    labelled = _distinct(_linked(question, different))
    if len(labelled) != 1:
        raise NotRecovered(
            f"two different cells define {_ticked(names)} (cells {numbers}); which one counts? "
            "Delete one, and hand in again."
        )
    note = f"cells {numbers} define {_ticked(names)}; cell {labelled[0].number} counted"
    return labelled[0], (f"{note}, which is the question's own",)


def _makers(
    question: Question, cells: list[StudentCell], others: frozenset[str]
) -> list[StudentCell]:
    """Return the cells that define all names of an answer, best those with no other answer."""
    makers = [cell for cell in cells if question.names and question.names <= cell.defined]
    alone = [cell for cell in makers if not cell.defined & others]
    return alone or makers


def _joined(question: Question, cells: list[StudentCell]) -> Answer | None:
    """Join an answer of several functions that stand in several cells."""
    parts: dict[int, StudentCell] = {}
    notes: tuple[str, ...] = ()
    lacking = set(question.names)
    for name in sorted(question.names):
        if makers := [cell for cell in cells if name in cell.defined]:
            cell, note = _the_one(frozenset({name}), makers, question)
            parts[cell.number], notes = cell, notes + note
            lacking.remove(name)
    if not parts:
        return None
    if lacking:
        notes += (f"no cell defines {_ticked(lacking)}",)
    text = "\n\n\n".join(parts[number].code for number in sorted(parts))
    return Answer(text, tuple(sorted(parts)), max(parts), notes)


def code_answer(question: Question, cells: list[StudentCell], names: frozenset[str]) -> Answer:
    """Return the answer to a question in code; `names` are those of all answers of the set.

    A cell that defines what the question asks for wins over a label, since labels move along
    when cells are copied. Raises NotRecovered if different cells define the same.
    """
    others = names - question.names
    stubs = [cell for cell in cells if cell.squeezed == question.stub]
    written = [cell for cell in cells if cell.squeezed != question.stub and cell.text.strip()]
    code = [cell for cell in written if cell.kind == "code"]
    linked = [cell for cell in _linked(question, code) if not cell.defined & others]
    assigned = [c for c in code if question.names <= c.defined | bound_names(c.code)]
    if makers := _makers(question, code, others):
        cell, notes = _the_one(question.names, makers, question)
    elif answer := _joined(question, code):
        return answer
    elif question.names and assigned:
        cell, notes = _the_one(question.names, assigned, question)
    elif makers := _makers(question, [c for c in written if c.kind != "code"], others):
        cell, notes = _the_one(question.names, makers, question)
        notes += (f"cell {cell.number}, with {_ticked(question.names)}, was no code cell",)
    elif linked:
        if len(_distinct(linked)) > 1:
            linked = [c for c in linked if question.label in c.ids] or linked
        cell, notes = linked[0], (f"no cell defines {_ticked(question.names)}",)
    elif stubs:
        return Answer(None, (), stubs[0].number)
    else:
        note = f"no cell defines {_ticked(question.names)}; counted as not answered"
        return Answer(None, notes=(note,))
    return Answer(cell.code, (cell.number,), cell.number, notes)


def _stretch(
    question: Question, order: list[str], places: dict[str, int], others: Collection[str]
) -> tuple[int, int]:
    """Return between which cells a text answer stands: the released ones around it."""
    at = order.index(question.label)
    first = last = 0
    for name in reversed(order[:at]):
        if name in places or name in others:
            first = places.get(name, NOWHERE)
            break
    for name in order[at + 1 :]:
        if places.get(name, 0) > first:
            last = places[name]
            break
    return first, last or NOWHERE


def text_answer(
    question: Question,
    cells: list[StudentCell],
    order: list[str],
    places: dict[str, int],
    questions: dict[str, Question],
) -> Answer:
    """Return the answer to a question in words: the text cells at its place, else by label.

    Args:
        question: The question.
        cells: The student's own cells that answer no other question.
        order: The labels of all released cells.
        places: The numbers of the released cells that are in the hand-in.
        questions: All questions; the place of one ends where the next begins.
    """
    texts = {name for name, other in questions.items() if other.kind != "code"}
    first, last = _stretch(question, order, places, texts)
    here = [c for c in cells if c.kind != "code" and first < c.number < last]
    elsewhere = [c for c in _linked(question, cells) if c not in here]
    stubs = [c for c in here + elsewhere if c.squeezed == question.stub]
    own = [c for c in _distinct(here) if c.squeezed != question.stub and c.text.strip()]
    if not own:
        own = [c for c in elsewhere if c.squeezed != question.stub and c.text.strip()]
    if own:
        text = "\n\n".join(cell.text for cell in own)
        return Answer(text, tuple(c.number for c in own), own[-1].number)
    if stubs:
        return Answer(None, (), stubs[0].number)
    return Answer(None, notes=(f"no cell answers {question.label}; counted as not answered",))
