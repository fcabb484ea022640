"""`make assignments` and `make grade`: what an instructor runs."""

import shutil
import zipfile
from pathlib import Path

from tqdm import tqdm

from bookkit.grading import report
from bookkit.grading.course import Course, Graded
from bookkit.grading.feedback import write_feedback
from bookkit.handins.collect import Refused, Submission, collect


def assignments(root: Path) -> int:
    """Write the students' notebooks, and a zip for each set."""
    course = Course(root)
    for name in course.sets:
        path = course.release(name)
        archive = path.parent.parent / f"{name}.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.write(path, f"{name}/{name}.ipynb")
        print(f"{path}\n{archive}")
    print("Hand out the notebooks or the zips: they hold no solutions and no hidden tests.")
    return 0


def grade(root: Path, submissions: Path, seconds: float) -> int:
    """Grade a folder of hand-ins, and write tables, pages and a picture for each set."""
    if not submissions.exists():
        raise SystemExit(f"There is no {submissions}. Name the folder or zip of hand-ins.")
    course, results = Course(root, seconds), root / "grades"
    try:
        read = {name: _points(results / name) for name in course.sets}
        given, refused = collect(submissions, course.released())
    except ValueError as error:
        raise SystemExit(str(error)) from error
    refused = [*refused, *grade_all(course, given)]
    results.mkdir(exist_ok=True)
    report.write_refused(results / "refused.csv", refused)
    for bad in refused:
        print(f"REFUSED {bad.student} ({bad.file}): {bad.reason}")
    for name in sorted({one.assignment for one in given}):
        class_ = [_enter(course, student, name, read[name]) for student in course.students(name)]
        if class_:
            _write(results / name, name, class_)
    return 0


def grade_all(course: Course, given: list[Submission]) -> list[Refused]:
    """Grade one hand-in after the other; a failure of one stops nobody else's."""
    failed = []
    for one in tqdm(given, desc="grading", unit="student", disable=None):
        try:
            course.grade(one)
        except Exception as error:  # whatever it is, the others are graded
            failed.append(Refused(one.student, one.file, f"the grader failed: {error}"))
    return failed


def _points(folder: Path) -> dict[tuple[str, str], tuple[str, float, str]]:
    """Read the points that a person has given so far."""
    path = folder / "to-read.csv"
    return report.read_points(path) if path.is_file() else {}


def _enter(course: Course, student: str, name: str, read: dict) -> Graded:
    """Enter the points that a person gave for these very answers, and return all points."""
    graded = course.read(student, name)
    for part in graded.parts:
        answer, points, comment = read.get((student, part.cell), ("", 0.0, ""))
        if part.answer and part.answer.split() == answer.split():
            course.write_points(student, name, part.cell, points, comment)
    return course.read(student, name)


def _write(folder: Path, name: str, class_: list[Graded]) -> None:
    """Write all results of a set, and say where they are."""
    pages = folder / "feedback"
    shutil.rmtree(pages, ignore_errors=True)
    pages.mkdir(parents=True)
    report.write_grades(folder / "grades.csv", class_)
    report.write_to_read(folder / "to-read.csv", class_)
    report.write_summary(folder, name, class_)
    for one in class_:
        write_feedback(pages / f"{one.student}.html", one)
    open_ = sum(part.points is None for one in class_ for part in one.parts)
    print(f"\n{name}: {len(class_)} students. Results are in {folder}:")
    print("  grades.csv    points of each problem\n  feedback/     a page for each student")
    print("  summary.png   where the class struggled (summary.csv: what it was told)")
    if open_:
        print(f"  to-read.csv   {open_} answers to read: fill in points, save, grade again")
