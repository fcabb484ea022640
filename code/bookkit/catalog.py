"""The exercises of all chapters and the problems of all problem sets, read off their notebooks.

The pages for instructors are made of this at build time (`bookkit.site_catalog`), so they cannot
be out of date. What a notebook says in a form that nobody can read becomes a fault.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from bookkit.pages import ROOT, Fault, Page
from bookkit.toc import listed_chapters

NUMBERS = r"objectives? (\d+(?:(?:, | and |, and )\d+)*)"
OBJECTIVE = re.compile(r"^\| (\d+)\. (.+?) \| (Exercises? .+?) \|$", re.MULTILINE)
NEEDS = re.compile(
    r"\*\*Know first:\*\* (.*?)\*\*Reading:\*\* (\d+) minutes?\. \*\*Running:\*\* ([^.]+)\.", re.S
)
CHAPTER_LINK = re.compile(r"\]\(([\w-]+)\.ipynb")
STATEMENT = re.compile(r"ex-(?!.*-(?:stub|check|help)$)(.+)")
EXERCISE = re.compile(r"### (Exercise \d+): (\S.*)")
EXERCISE_LINE = re.compile(rf"\*Difficulty ([123]) of 3 · (\d+) minutes? · {NUMBERS}\*")
SET = re.compile(r"# Problem set (\d+): (\S.*)")
PROBLEM = re.compile(r"## ((?:Problem|Question) \d+): (\S.*)")
PROBLEM_LINE = re.compile(
    r"\*(\d+) points? · difficulty ([123]) of 3 · (\d+) minutes? · "
    rf'"([^"]+)", {NUMBERS}\*'
)


@dataclass(frozen=True)
class Task:
    """An exercise of a chapter, or a problem of a set; only a problem has points."""

    name: str
    label: str
    title: str
    difficulty: int
    minutes: int
    chapter: str
    objectives: tuple[int, ...]
    problem_set: str = ""
    points: int = 0
    by_hand: bool = False


@dataclass(frozen=True)
class Chapter:
    """A chapter: what it needs, what it takes, its objectives and its exercises."""

    stem: str
    number: int
    title: str
    objectives: dict[int, str]
    needs: tuple[str, ...]
    reading: int
    running: str
    exercises: tuple[Task, ...]


@dataclass(frozen=True)
class ProblemSet:
    """A problem set with its problems in order."""

    name: str
    number: int
    title: str
    problems: tuple[Task, ...]

    @property
    def points(self) -> int:
        """The points of all problems."""
        return sum(problem.points for problem in self.problems)

    @property
    def minutes(self) -> int:
        """The minutes of all problems."""
        return sum(problem.minutes for problem in self.problems)


@dataclass(frozen=True)
class Catalog:
    """Everything that can be assigned, and what is wrong with how it is written down."""

    chapters: tuple[Chapter, ...]
    sets: tuple[ProblemSet, ...]
    faults: tuple[Fault, ...]

    def testing(self, stem: str, objective: int) -> list[Task]:
        """Return the exercises, then the problems, that test an objective of a chapter."""
        tasks = [task for chapter in self.chapters for task in chapter.exercises]
        tasks += [problem for group in self.sets for problem in group.problems]
        return [t for t in tasks if t.chapter == stem and objective in t.objectives]


def catalog_files(root: Path = ROOT) -> list[Path]:
    """Return the notebooks that the catalogue is read from: chapters in order, then sets."""
    chapters = [root / f"{name}.ipynb" for name in listed_chapters(root)]
    sets = sorted(root.glob("assignments/source/*/*.ipynb"))
    named = [path for path in sets if path.stem == path.parent.name]
    return [path for path in [*chapters, *named] if path.is_file()]


def load_catalog(root: Path = ROOT) -> Catalog:
    """Read all chapters and problem sets under `root`."""
    pages = [Page(path, root) for path in catalog_files(root)]
    faults: list[Fault] = []
    chapters: list[Chapter] = []
    for page in (page for page in pages if page.name.startswith("chapters/")):
        exercises = any(STATEMENT.fullmatch(cell.get("id", "")) for cell in page.cells)
        if exercises or "| Objective |" in page.cells[0].source:
            chapters.append(_read_chapter(page, chapters, faults))
    sources = (page for page in pages if page.name.startswith("assignments/"))
    sets = [_read_set(page, chapters, faults) for page in sources]
    return Catalog(tuple(chapters), tuple(sorted(sets, key=lambda s: s.number)), tuple(faults))


def _read_chapter(page: Page, earlier: list[Chapter], faults: list[Fault]) -> Chapter:
    """Read a chapter, and add what is wrong with it to `faults`."""
    first = page.cells[0]
    where = first.get("id", "cell 1")
    title = re.match(r"# (\S.*)", first.source)
    needs = NEEDS.search(first.source)
    rows = {int(number): (text, tests) for number, text, tests in OBJECTIVE.findall(first.source)}
    if not title or not needs or not rows:
        message = (
            "start with '# Title', the table | Objective | Tested by |, and the line "
            "'**Know first:** … **Reading:** 25 minutes. **Running:** a few seconds on a laptop.'"
        )
        faults.append(page.fault(where, message))
    objectives = {number: text for number, (text, _) in rows.items()}
    exercises = tuple(_exercises(page, set(objectives), faults))
    for number, (_, tests) in rows.items():
        said = [f"Exercise {found}" for found in re.findall(r"\d+", tests)]
        true = [task.label for task in exercises if number in task.objectives]
        if said != true:
            message = (
                f"objective {number} is tested by {', '.join(true) or 'no exercise'}, going by "
                f"the exercises' own lines, and the table says {tests}."
            )
            faults.append(page.fault(where, message))
    links = CHAPTER_LINK.findall(needs[1]) if needs else []
    for stem in links:
        if stem not in {chapter.stem for chapter in earlier}:
            faults.append(page.fault(where, f"needs {stem}, which is no earlier chapter."))
    return Chapter(
        page.path.stem,
        len(earlier) + 1,
        title[1].strip() if title else page.path.stem,
        objectives,
        tuple(links),
        int(needs[2]) if needs else 0,
        needs[3].removesuffix(" on a laptop") if needs else "",
        exercises,
    )


def _lines(cell: NotebookNode) -> list[str]:
    """Return the first two lines of a cell that are not empty."""
    lines = [line.strip() for line in cell.source.splitlines() if line.strip()]
    return [*lines, "", ""][:2]


def _exercises(page: Page, known: set[int], faults: list[Fault]) -> Iterator[Task]:
    """Yield the exercises of a chapter whose objectives have the `known` numbers."""
    for cell in page.cells:
        name = STATEMENT.fullmatch(cell.get("id", ""))
        if not name:
            continue
        heading, line = _lines(cell)
        titled, said = EXERCISE.fullmatch(heading), EXERCISE_LINE.fullmatch(line)
        if not titled or not said:
            message = (
                "start with '### Exercise 1: Title' and the line "
                "'*Difficulty 1 of 3 · 5 minutes · objective 2*'."
            )
            faults.append(page.fault(cell.id, message))
            continue
        numbers = _objectives(page, cell.id, said[3], known, faults)
        minutes = int(said[2])
        stem = page.path.stem
        yield Task(name[1], titled[1], titled[2], int(said[1]), minutes, stem, numbers)


def _objectives(page: Page, cell: str, text: str, known: set[int], faults: list) -> tuple[int, ...]:
    """Read the numbers of objectives; those that are not `known` are faults."""
    numbers = tuple(int(number) for number in re.findall(r"\d+", text))
    for number in numbers:
        if number not in known:
            faults.append(page.fault(cell, f"the chapter has no objective {number}."))
    return tuple(number for number in numbers if number in known)


def _read_set(page: Page, chapters: list[Chapter], faults: list[Fault]) -> ProblemSet:
    """Read a problem set, and add what is wrong with it to `faults`."""
    first = page.cells[0]
    titled = SET.match(first.source)
    if not titled:
        faults.append(page.fault(first.id, "start with '# Problem set 1: Title'."))
    problems = tuple(_problems(page, {c.title: c for c in chapters}, faults))
    made = ProblemSet(
        page.path.stem,
        int(titled[1]) if titled else 0,
        titled[2].strip() if titled else page.path.stem,
        problems,
    )
    for word, total in (("points", made.points), ("minutes", made.minutes)):
        said = re.search(rf"(\d+) {word}", first.source)
        if not said or int(said[1]) != total:
            message = f"says {said[0] if said else f'no {word}'}, and the problems make {total}."
            faults.append(page.fault(first.id, message))
    return made


def _problems(page: Page, by_title: dict, faults: list[Fault]) -> Iterator[Task]:
    """Yield the problems of a set: the text cells that have an answer cell, and its name."""
    cells = {cell.get("id", "no id"): cell for cell in page.cells}
    answers = {name.removesuffix("-answer") for name in cells if name.endswith("-answer")}
    headed = {name for name, c in cells.items() if PROBLEM.match(c.source) and name not in answers}
    for name in sorted(headed):
        faults.append(page.fault(name, f"is a problem, and there is no cell {name}-answer."))
    for name in sorted(answers - set(cells)):
        faults.append(page.fault(f"{name}-answer", f"there is no cell {name} that asks for it."))
    for name in (name for name in cells if name in answers):
        heading, line = _lines(cells[name])
        titled, said = PROBLEM.fullmatch(heading), PROBLEM_LINE.fullmatch(line)
        if not titled or not said:
            message = (
                "start with '## Problem 1: Title' and the line '*4 points · difficulty 1 of 3 · "
                '10 minutes · "Chapter title", objective 2*\'.'
            )
            faults.append(page.fault(name, message))
            continue
        chapter = by_title.get(said[4])
        if not chapter:
            faults.append(page.fault(name, f'there is no chapter "{said[4]}".'))
            continue
        mine = [cell for key, cell in cells.items() if key.startswith(f"{name}-")]
        parts = [cell.metadata.get("nbgrader", {}) for cell in mine]
        points = sum(part.get("points", 0) for part in parts if part.get("grade"))
        if points != int(said[1]):
            faults.append(page.fault(name, f"says {said[1]} points, and its cells give {points}."))
        numbers = _objectives(page, name, said[5], set(chapter.objectives), faults)
        words = name, titled[1], titled[2], int(said[2]), int(said[3]), chapter.stem, numbers
        by_hand = cells[f"{name}-answer"].cell_type == "markdown"
        yield Task(*words, page.path.stem, points, by_hand)
