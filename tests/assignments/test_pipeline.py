"""The short way through the whole pipeline: hand out, hand in, grade, read, export."""

import csv
import os
import re
import shutil
import subprocess
import sys
import zipfile

import nbformat
import pytest

from bookkit.grading import stored
from bookkit.grading.pointers import POINTER
from bookkit.pages import ROOT

COURSE = ROOT / "assignments"
SET = "attention"


def run(*command, cwd=ROOT):
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=1800,
        env=os.environ | {"PATH": path},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rows(path):
    with path.open(newline="", encoding="utf-8-sig") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the course, in a folder with a space, with the sets released."""
    root = tmp_path_factory.mktemp("a course") / "assignments"
    shutil.copytree(COURSE / "source", root / "source")
    shutil.copy(COURSE / "nbgrader_config.py", root)
    run("bookkit", "assignments", "--course", root)
    return root


@pytest.fixture(scope="module")
def release(course):
    return nbformat.read(course / "release" / SET / f"{SET}.ipynb", as_version=4)


@pytest.fixture(scope="module")
def graded(course, release, tmp_path_factory):
    """Four students and two files that cannot be graded; of Di, who only wrote, a second time."""
    answers = stored.read_answers(COURSE / "answers" / SET, release)
    class_ = stored.classes(answers)
    chosen = {
        "Ada Right": class_["Student 02"],
        "Bo Wrong": class_["Student 06"],
        "Eve Attack": class_["Attacker overwrite-tests"],
    }
    folder = tmp_path_factory.mktemp("hand ins")
    stored.hand_in(folder, SET, release, chosen | {"Di Words": {}})
    written = next((folder / "Di Words").glob("*.ipynb"))
    notebook = nbformat.read(written, as_version=4)
    notebook.cells[-1].source = "It reads the future."
    nbformat.write(notebook, written)
    (folder / "Carl Broken - attention (1).ipynb").write_text("<html>Sign in</html>")
    (folder / "attention (7).ipynb").write_text(written.read_text())
    said = run("bookkit", "grade", folder, "--course", course)
    table = course / "grades" / SET / "to-read.csv"
    table.write_text(table.read_text(encoding="utf-8-sig").replace(",4,,", ",4,3,Nearly"))
    for student in chosen:
        shutil.rmtree(folder / student)
    run("bookkit", "grade", folder, "--course", course)
    return chosen, said, folder


@pytest.mark.parametrize("name", ["attention", "blocks", "training"])
def test_what_students_get_holds_no_solutions_and_no_hidden_tests(course, name):
    source = nbformat.read(COURSE / "source" / name / f"{name}.ipynb", as_version=4)
    given = nbformat.read(course / "release" / name / f"{name}.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in given.cells)
    assert not re.search("BEGIN (SOLUTION|HIDDEN)|END (SOLUTION|HIDDEN)", text)
    assert [cell.id for cell in given.cells] == [cell.id for cell in source.cells]
    for cell in given.cells:
        if cell.metadata.nbgrader.solution:
            stub = "raise NotImplementedError" if cell.cell_type == "code" else "*Write your answer"
            assert stub in cell.source
    with zipfile.ZipFile(course / "release" / f"{name}.zip") as packed:
        assert packed.namelist() == [f"{name}/{name}.ipynb"]
        again = nbformat.reads(packed.read(f"{name}/{name}.ipynb").decode(), as_version=4)
        assert again == given


def test_points_are_what_the_answers_deserve(course, graded):
    chosen, *_ = graded
    table = rows(course / "grades" / SET / "grades.csv")
    assert set(table) == {*chosen, "Di Words"}
    for student, answers in chosen.items():
        for problem, one in answers.items():
            assert float(table[student][problem]) == sum(one.points.values()), (student, problem)
    attacked = chosen["Eve Attack"]["unit-scores"]
    assert attacked.kind == "attack" and float(table["Eve Attack"]["unit-scores"]) == 0


def test_points_given_by_hand_are_added_and_told(course, graded):
    row = rows(course / "grades" / SET / "grades.csv")["Di Words"]
    assert float(row["total"]) == float(row["why-low-loss"]) == 3
    page = (course / "grades" / SET / "feedback" / "Di Words.html").read_text(encoding="utf-8")
    assert "3 of 4" in page and "Nearly" in page


def test_a_wrong_answer_is_told_its_misunderstanding_and_where_to_read(course, graded):
    chosen, *_ = graded
    page = (course / "grades" / SET / "feedback" / "Bo Wrong.html").read_text(encoding="utf-8")
    text = page.replace("&#34;", '"').replace("&#39;", "'").replace("&lt;", "<")
    wrong = [one for one in chosen["Bo Wrong"].values() if one.kind == "wrong"]
    assert wrong
    for one in wrong:
        assert one.says.casefold() in text.casefold(), one.name
    assert POINTER.search(text)
    assert "HIDDEN" not in page


def test_who_cannot_be_graded_is_named_with_the_reason(course, graded):
    said = graded[1]
    refused = rows(course / "grades" / "refused.csv")
    assert len(refused) == 2
    assert "REFUSED Carl Broken" in said
    assert "attention (7)" in said


def test_nbgraders_own_export_has_the_same_totals(course, graded):
    run("nbgrader", "export", "--to", course / "export.csv", cwd=course)
    table = rows(course / "grades" / SET / "grades.csv")
    with (course / "export.csv").open(newline="") as file:
        exported = {
            row["student_id"]: float(row["score"])
            for row in csv.DictReader(file)
            if row["assignment"] == SET and row["score"]
        }
    assert exported == {student: float(row["total"]) for student, row in table.items()}


def test_nbgraders_own_feedback_hides_tests(course, graded):
    run("nbgrader", "generate_feedback", SET, "--student=Bo Wrong", cwd=course)
    page = (course / "feedback" / "Bo Wrong" / SET / f"{SET}.html").read_text(encoding="utf-8")
    assert "unit-scores" in page or "Scores of variance 1" in page
    assert "HIDDEN TESTS" not in page


def test_points_given_by_hand_are_not_those_of_another_answer(course, graded):
    written = next((graded[2] / "Di Words").glob("*.ipynb"))
    notebook = nbformat.read(written, as_version=4)
    notebook.cells[-1].source = "On second thoughts, it does not."
    nbformat.write(notebook, written)
    run("bookkit", "grade", graded[2], "--course", course)
    row = rows(course / "grades" / SET / "grades.csv")["Di Words"]
    assert row["why-low-loss"] == "" and "still to be read" in row["notes"]
    page = (course / "grades" / SET / "feedback" / "Di Words.html").read_text(encoding="utf-8")
    assert "Nearly" not in page


def test_grading_needs_a_folder(course, tmp_path):
    command = [sys.executable, "-m", "bookkit", "grade", tmp_path / "nowhere", "--course", course]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=1800)
    assert done.returncode == 1
    assert "nowhere" in done.stderr and "Traceback" not in done.stderr
