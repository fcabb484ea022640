"""The steps of nbgrader in order: release, autograde, the question read by hand."""

import json
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from bookkit.handins.collect import Submission

HAND_IN = "hand-in.json"  # stands beside a recovered notebook: its file's name, what was noted


@dataclass(frozen=True)
class Part:
    """What one graded cell of one student came to.

    Attributes:
        cell: the cell's name.
        problem: the name of the problem that it belongs to.
        most: the points that it can give.
        points: the points that it gave; None if a person has yet to read it.
        message: what a failed test said, or what a person wrote about an answer.
        answer: what the student wrote, where a person reads it.
    """

    cell: str
    problem: str
    most: float
    points: float | None
    message: str = ""
    answer: str = ""


@dataclass(frozen=True)
class Graded:
    """All that one student got for one set."""

    student: str
    assignment: str
    parts: list[Part]
    notebook: NotebookNode = field(repr=False)
    notes: tuple[str, ...] = ()
    file: str = ""

    def points(self) -> float:
        """Add up what is known."""
        return sum(part.points or 0.0 for part in self.parts)

    def most(self) -> float:
        """Return the points of the whole set."""
        return sum(part.most for part in self.parts)


class Course:
    """A folder with nbgrader's configuration and the sources of problem sets.

    Args:
        root: the folder; nbgrader keeps its gradebook and its copies there.
        seconds: how long one call of an answer may take.

    Raises:
        FileNotFoundError: if the folder holds no `source` with sets.
    """

    def __init__(self, root: Path, seconds: float = 20.0) -> None:
        """Read the configuration, and find the sets."""
        self.root = root.resolve()
        self.sets = sorted(path.stem for path in (self.root / "source").glob("*/*.ipynb"))
        if not self.sets:
            raise FileNotFoundError(f"there is no problem set under {self.root / 'source'}.")
        # nbgrader calls `alembic`, which pip puts beside this Python.
        os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        config = PyFileConfigLoader("nbgrader_config.py", path=str(self.root)).load_config()
        own = Config()
        own.CourseDirectory.root = str(self.root)
        own.ExecuteApart.seconds = seconds
        config.merge(own)
        directory = CourseDirectory(config=config)
        self._api = NbGraderAPI(directory, config=config)
        self.database = directory.db_url

    def release(self, name: str) -> Path:
        """Write the students' notebook of a set: no solutions, no hidden tests.

        Raises:
            RuntimeError: if nbgrader refuses, with what it says.
        """
        _done(self._api.generate_assignment(name, force=True, create=True), f"releasing {name}")
        return self.root / "release" / name / f"{name}.ipynb"

    def released(self) -> dict[str, NotebookNode]:
        """Release every set, and return the students' notebooks by name."""
        return {name: nbformat.read(self.release(name), as_version=4) for name in self.sets}

    def grade(self, given: Submission) -> Graded:
        """Put a hand-in where nbgrader looks for it, run its tests, and return the points.

        Raises:
            RuntimeError: if nbgrader refuses, with what it says.
        """
        student, name = given.student, given.assignment
        place = self.root / "submitted" / student / name / f"{name}.ipynb"
        shutil.rmtree(place.parent, ignore_errors=True)
        place.parent.mkdir(parents=True)
        nbformat.write(given.notebook, place)
        about = {"file": given.file, "notes": given.notes}
        (place.parent / HAND_IN).write_text(json.dumps(about), encoding="utf-8")
        shutil.rmtree(self.root / "autograded" / student / name, ignore_errors=True)
        with _quiet():
            result = self._api.autograde(name, student, force=True, create=True)
        _done(result, f"grading {student}")
        return self.read(student, name)

    def students(self, name: str) -> list[str]:
        """Return who has handed in a set, today or before: each has a folder under `submitted`."""
        there = {path.parents[1].name for path in self.root.glob(f"submitted/*/{name}/{HAND_IN}")}
        done = {path.parents[1].name for path in self.root.glob(f"autograded/*/{name}/*.ipynb")}
        return sorted(there & done, key=str.casefold)

    def read(self, student: str, name: str) -> Graded:
        """Return what the gradebook holds on a student's set."""
        given = self.root / "submitted" / student / name / HAND_IN
        noted = json.loads(given.read_text(encoding="utf-8"))
        done = self.root / "autograded" / student / name / f"{name}.ipynb"
        notebook = nbformat.read(done, as_version=4)
        parts, problem = [], ""
        with Gradebook(self.database) as book:
            for cell in notebook.cells:
                about = cell.metadata.get("nbgrader", {})
                if about.get("solution"):
                    problem = about["grade_id"].removesuffix("-answer")
                if about.get("grade"):
                    parts.append(_part(book, cell, problem, name, student))
        return Graded(student, name, parts, notebook, tuple(noted["notes"]), noted["file"])

    def write_points(self, student: str, name: str, cell: str, points: float, comment: str) -> None:
        """Enter what a person gave for an answer."""
        with Gradebook(self.database) as book:
            grade = book.find_grade(cell, name, name, student)
            grade.manual_score, grade.needs_manual_grade = points, False
            book.find_comment(cell, name, name, student).manual_comment = comment or None
            book.db.commit()


def _part(book: Gradebook, cell: NotebookNode, problem: str, name: str, student: str) -> Part:
    """Read one graded cell."""
    about = cell.metadata["nbgrader"]
    grade = book.find_grade(about["grade_id"], name, name, student)
    message, answer, points = "", "", grade.auto_score
    if about["solution"]:
        comment = book.find_comment(about["grade_id"], name, name, student)
        answer = "" if points == 0 else cell.source
        if not grade.needs_manual_grade and grade.manual_score is not None:
            points = grade.manual_score  # nbgrader asks for another look when it grades again
        message = "" if points is None else comment.comment or ""
    elif errors := [out for out in cell.outputs if out.output_type == "error"]:
        message = errors[0].evalue
    return Part(about["grade_id"], problem, float(grade.max_score), points, message, answer)


def _done(result: dict, what: str) -> None:
    """Raise what nbgrader logged if it did not succeed."""
    if not result["success"]:
        log = (result.get("error") or "") + (result.get("log") or "")
        raise RuntimeError(f"{what} failed. nbgrader says:\n{log.strip()[-1500:]}")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what nbgrader logs on each step out of the way."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nbgrader's use of its database is loosely typed
            yield
    finally:
        logging.disable(before)
