"""The stored answers: what each deserves, and whether the whole pipeline gives it exactly that.

Each problem has a folder `assignments/answers/SET/PROBLEM/` with answers: `right-*.py`, `empty.py`,
`wrong-*.py`, and `attack-*.py` for answers that go at the grader itself. The comments at the top of
a file say what it deserves.
"""

import copy
import csv
import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from bookkit.grading import commands
from bookkit.grading.course import Course, Graded
from bookkit.grading.pointers import POINTER

KINDS = ("right", "wrong", "empty", "attack")
RECORD = "validation.json"  # what the last full trial came to


@dataclass(frozen=True)
class Stored:
    """A stored answer to one problem.

    Attributes:
        problem: the name of the problem.
        name: the file's name without its ending.
        source: the answer.
        points: the points of the tests that it deserves, by test; the others give nothing.
        says: words that its feedback contains.
    """

    problem: str
    name: str
    source: str
    points: dict[str, float]
    says: str = ""

    @property
    def kind(self) -> str:
        """Return 'right', 'wrong', 'empty' or 'attack'."""
        return self.name.partition("-")[0]


@dataclass
class Trial:
    """What came of trying stored answers.

    Attributes:
        tried: set, kind and name of each answer.
        faults: where points, words or tables are not what is deserved.
    """

    tried: set[tuple[str, str, str]] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, dict[str, int]]:
        """Count the answers of each kind in each set."""
        found: dict[str, dict[str, int]] = {}
        for name, kind, _ in sorted(self.tried):
            kinds = found.setdefault(name, dict.fromkeys(KINDS, 0))
            kinds[kind] += 1
        return found


def read_answer(path: Path, most: dict[str, float]) -> Stored:
    """Read an answer and what it deserves.

    Args:
        path: its file.
        most: the points of each test of its problem.

    Raises:
        ValueError: if the first lines name a test that does not exist, or too many points.
    """
    text = path.read_text(encoding="utf-8")
    head = "".join(re.findall(r"\A(?:#.*\n?)*", text))
    listed = re.search(r"^# points: *(.*)$", head, flags=re.M)
    points = dict(most) if path.name.startswith("right") else dict.fromkeys(most, 0.0)
    for entry in filter(None, (listed[1] if listed else "").split(",")):
        test, _, given = entry.strip().rpartition(" ")
        if not 0 <= float(given) <= most.get(test, -1):
            raise ValueError(f"{path}: {entry.strip()!r} fits none of the tests {most}.")
        points[test] = float(given)
    says = re.search(r"^# says: *(.*)$", head, flags=re.M)
    return Stored(path.parent.name, path.stem, text, points, says[1] if says else "")


def read_answers(folder: Path, release: NotebookNode) -> dict[str, list[Stored]]:
    """Read all answers to a set, by problem; the untouched stub is one more of them.

    Raises:
        ValueError: if a problem that is graded by tests has no folder, or a folder no problem.
    """
    tests = points_by_problem(release)
    if set(tests) != (there := {path.name for path in folder.iterdir() if path.is_dir()}):
        raise ValueError(f"{folder}: problems {sorted(tests)}, but folders {sorted(there)}.")
    stubs = {cell.id: cell.source for cell in release.cells}
    found = {}
    for problem, most in tests.items():
        paths = sorted((folder / problem).glob("*.py"))
        stub = Stored(problem, "empty-stub", stubs[f"{problem}-answer"], dict.fromkeys(most, 0.0))
        found[problem] = [*(read_answer(path, most) for path in paths), stub]
    return found


def points_by_problem(release: NotebookNode) -> dict[str, dict[str, float]]:
    """Return the points of each test of each problem that tests grade."""
    found: dict[str, dict[str, float]] = {}
    problem = ""
    for cell in release.cells:
        about = cell.metadata.get("nbgrader", {})
        if about.get("solution"):
            problem = cell.id.removesuffix("-answer")
        elif about.get("grade"):
            found.setdefault(problem, {})[cell.id] = float(about["points"])
    return found


def classes(answers: dict[str, list[Stored]]) -> dict[str, dict[str, Stored]]:
    """Make up students who give each stored answer: one of each problem, attackers one attack.

    Returns:
        By student, the answer to each problem.
    """
    plain = {p: [one for one in given if one.kind != "attack"] for p, given in answers.items()}
    right = {p: next(one for one in given if one.kind == "right") for p, given in plain.items()}
    found = {}
    for number in range(max(map(len, plain.values()))):
        found[f"Student {number + 1:02}"] = {p: g[number % len(g)] for p, g in plain.items()}
    for given in answers.values():
        for one in given:
            if one.kind == "attack":
                found[f"Attacker {one.name[7:]}"] = {**right, one.problem: one}
    return found


def hand_in(folder: Path, name: str, release: NotebookNode, students: dict) -> None:
    """Write each student's notebook as a browser would save it, in a folder of the student's."""
    for number, (student, answers) in enumerate(students.items()):
        notebook = copy.deepcopy(release)
        for cell in notebook.cells:
            if answer := answers.get(cell.id.removesuffix("-answer")):
                cell.source = answer.source if cell.id.endswith("-answer") else cell.source
        path = folder / student / (f"{name} ({number}).ipynb" if number else f"{name}.ipynb")
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)


def check(root: Path, only: Iterable[str] = (), seconds: float = 8) -> Trial:
    """Run the pipeline on stored answers, and compare what they get with what they deserve.

    Args:
        root: the course's folder; the work is done in a copy.
        only: the sets; all if none is named.
        seconds: how long one call of an answer may work.
    """
    trial = Trial()
    with tempfile.TemporaryDirectory(prefix="course-") as place:
        copied = Path(place) / "course"
        shutil.copytree(root / "source", copied / "source")
        shutil.copy(root / "nbgrader_config.py", copied)
        course = Course(copied, seconds)
        for name in only or course.sets:
            release = nbformat.read(course.release(name), as_version=4)
            class_ = classes(read_answers(root / "answers" / name, release))
            folder = Path(place) / f"hand-ins {name}"
            hand_in(folder, name, release, class_)
            commands.grade(copied, folder, seconds)
            for student, answers in class_.items():
                compare(course.read(student, name), answers, trial)
            trial.faults += compare_table(copied / "grades" / name, class_)
    return trial


def compare(graded: Graded, answers: dict[str, Stored], trial: Trial) -> None:
    """Compare a student's points and messages with what the answers deserve."""
    for problem, one in answers.items():
        parts = [part for part in graded.parts if part.problem == problem]
        got, said = {p.cell: p.points for p in parts}, " ".join(p.message for p in parts)
        wrong = []
        if got != one.points:
            wrong.append(f"deserves {one.points}, got {got}: {said}")
        if one.kind == "wrong" and not (one.says and one.says in said):
            wrong.append(f"should be told {one.says!r}, was told {said!r}")
        if one.kind == "wrong" and not POINTER.search(said):
            wrong.append(f"is not told where to read: {said!r}")
        name = f"{graded.assignment}/{problem}/{one.name}"
        trial.tried.add((graded.assignment, one.kind, name))
        trial.faults += [f"{name}: {fault}" for fault in wrong]


def compare_table(folder: Path, class_: dict[str, dict[str, Stored]]) -> list[str]:
    """Compare the table that an instructor reads with what the answers deserve."""
    with (folder / "grades.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    faults = [f"{folder}: rows are {sorted(rows)}"] if set(rows) != set(class_) else []
    for student, answers in class_.items():
        for problem, one in answers.items():
            got = rows.get(student, {}).get(problem)
            if got != f"{sum(one.points.values()):g}":
                faults.append(f"grades.csv: {student} got {got!r} for {one.name} of {problem}")
    return faults


def digest(root: Path, name: str) -> str:
    """Return a fingerprint of a set, without the published address, and of its answers."""
    whole = hashlib.sha256()
    for cell in nbformat.read(root / "source" / name / f"{name}.ipynb", as_version=4).cells:
        if cell.id != "setup":
            whole.update(json.dumps([cell.id, cell.metadata, cell.source]).encode())
    for path in sorted(root.glob(f"answers/{name}/*/*.py")):
        whole.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return whole.hexdigest()[:16]


def main(root: Path, only: list[str]) -> int:
    """Try stored answers, print what is wrong, and record the sets that were tried in full."""
    trial = check(root, only)
    print("\n".join(trial.faults))
    path = root / RECORD
    record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for name, kinds in trial.counts().items():
        print(name, ", ".join(f"{count} {kind}" for kind, count in kinds.items()))
        record[name] = {"digest": digest(root, name), **kinds}
    print("faults:", len(trial.faults))
    if not trial.faults:
        kept = {name: record[name] for name in sorted(record)}
        path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return bool(trial.faults)
