"""The problem sets as they are stored: cells, tests, pointers into the book, stored answers."""

import ast
import importlib
import json
import re

import nbformat
import pytest

from bookkit.grading.apart import Answers
from bookkit.grading.execute import defined
from bookkit.grading.pointers import POINTER, sections
from bookkit.grading.stored import KINDS, RECORD, digest, points_by_problem, read_answer
from bookkit.hygiene import check_absolute_paths, check_ids, check_setup_cell
from bookkit.links import check_links
from bookkit.pages import ROOT, Page
from bookkit.spelling import check_spelling

COURSE = ROOT / "assignments"
PATHS = sorted(COURSE.glob("source/*/*.ipynb"))
STYLES = {"right-einsum", "right-loops", "right-float64"}
SETS = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def cells(path, **kind):
    """The cells of a set whose nbgrader metadata are as given."""
    found = nbformat.read(path, as_version=4).cells
    return [c for c in found if all(c.metadata.nbgrader[k] == v for k, v in kind.items())]


def graded_by_tests(path):
    return cells(path, grade=True, solution=False)


def answers():
    """Every stored answer, with the points of the tests of its problem."""
    for path in PATHS:
        tests = points_by_problem(nbformat.read(path, as_version=4))
        for file in sorted((COURSE / "answers" / path.stem).glob("*/*.py")):
            name = f"{file.parent.name}-{file.stem}"
            yield pytest.param(file, tests.get(file.parent.name), id=name)


def test_there_are_three_sets():
    assert [path.stem for path in PATHS] == ["attention", "blocks", "training"]


@SETS
@pytest.mark.parametrize(
    "check", [check_ids, check_setup_cell, check_absolute_paths, check_spelling, check_links]
)
def test_a_set_is_as_clean_as_a_chapter(path, check):
    assert not check(Page(path))


@SETS
def test_a_cell_has_one_name_and_no_output(path):
    for cell in cells(path):
        assert cell.id == cell.metadata.nbgrader.grade_id
        assert not cell.get("outputs")


@SETS
def test_an_answer_is_hidden_and_every_problem_has_visible_and_hidden_tests(path):
    for cell in cells(path, solution=True):
        marks = re.findall("### (BEGIN|END) SOLUTION", cell.source)
        assert marks and marks == ["BEGIN", "END"] * (len(marks) // 2), cell.id
    halves = {}
    for cell in graded_by_tests(path):
        visible, _, hidden = cell.source.partition("### BEGIN HIDDEN TESTS\n")
        assert visible.strip(), cell.id
        assert hidden.count("### END HIDDEN TESTS") == cell.source.count("BEGIN HIDDEN"), cell.id
        assert cell.metadata.nbgrader.points in (1, 2, 3), cell.id
        halves[cell.id] = bool(hidden)
    for problem in points_by_problem(nbformat.read(path, as_version=4)):
        assert any(hidden for name, hidden in halves.items() if name.startswith(problem)), problem


@SETS
def test_five_to_seven_problems_and_one_of_them_read_by_hand(path):
    problems = cells(path, solution=True)
    assert 5 <= len(problems) <= 7
    assert [cell.cell_type for cell in problems].count("markdown") == 1


@SETS
def test_tests_point_to_sections_that_exist(path):
    pointers = POINTER.findall("\n".join(cell.source for cell in cells(path)))
    assert len(pointers) > 4
    assert not [pair for pair in pointers if pair not in sections()]


@SETS
def test_what_a_set_switches_off_exists(path):
    imports = next(cell.source for cell in cells(path) if cell.id == "imports")
    names = ast.literal_eval(re.search(r"^WITHOUT = (\[.*?\])", imports, flags=re.M | re.S)[1])
    with Answers(seconds=60) as answers:
        answers.run("imports", imports, ours=True)
        answers.switch_off(names)
        for name in names:
            package, _, one = name.rpartition(".")
            one = importlib.import_module(package).__all__[-1] if one == "*" else one
            answers.run("try", f"import {package}\ndef attempt(): {package}.{one}()")
            with pytest.raises(PermissionError, match="by hand"):
                answers.stand_in("attempt")()


def test_names_are_unique_over_all_sets():
    names = [name for path in PATHS for c in cells(path, solution=True) for name in [c.id]]
    assert len(set(names)) == len(names)


@SETS
def test_every_problem_has_its_stored_answers(path):
    release = nbformat.read(path, as_version=4)
    folder = COURSE / "answers" / path.stem
    assert set(points_by_problem(release)) == {place.name for place in folder.iterdir()}
    for place in folder.iterdir():
        names = {file.stem for file in place.glob("*.py")}
        assert names >= {*STYLES, "empty"}, place
        assert sum(name.startswith("wrong-") for name in names) >= 5, place
        assert {name.partition("-")[0] for name in names} <= set(KINDS), place


@pytest.mark.parametrize(("file", "most"), list(answers()))
def test_a_stored_answer_says_what_it_deserves(file, most):
    answer = read_answer(file, most)
    deserved = sum(answer.points.values())
    if answer.kind == "right":
        assert deserved == sum(most.values())
    elif answer.kind == "wrong":
        assert answer.source.startswith("# ")
        assert answer.says
        assert deserved < sum(most.values())
    else:
        assert deserved == 0


@pytest.mark.parametrize("head", ["# points: waves 9\n", "# points: ripples 1\n", "# points: -1\n"])
def test_points_that_do_not_exist_are_refused(tmp_path, head):
    file = tmp_path / "wrong-x.py"
    file.write_text(head)
    with pytest.raises(ValueError, match="fits none of the tests"):
        read_answer(file, {"waves": 2.0})


@SETS
def test_stubs_define_what_answers_define(path):
    for cell in cells(path, solution=True, grade=False):
        for file in (COURSE / "answers" / path.stem / cell.id[:-7]).glob("right-*.py"):
            assert set(defined(cell.source)) <= set(defined(file.read_text())), file


@SETS
def test_the_last_trial_was_of_this_set_and_these_answers(path):
    record = json.loads((COURSE / RECORD).read_text())[path.stem]
    assert record["digest"] == digest(COURSE, path.stem), (
        f"{path.stem} has changed: run make test-assignments ONLY={path.stem}"
    )
    stored = [file.stem for file in (COURSE / "answers" / path.stem).glob("*/*.py")]
    for kind in ("right", "wrong", "attack"):
        assert record[kind] == sum(name.startswith(kind) for name in stored)


def test_the_fingerprint_sees_a_changed_digit_but_not_a_new_address(tmp_path):
    notebook = nbformat.read(PATHS[0], as_version=4)
    place = tmp_path / "source" / "x" / "x.ipynb"
    place.parent.mkdir(parents=True)
    prints = []
    for cell, old, new in [("setup", "", ""), ("setup", "your_name", "ada"), ("intro", "1", "2")]:
        source = next(c for c in notebook.cells if c.id == cell)
        source.source = source.source.replace(old, new) if old else source.source
        nbformat.write(notebook, place)
        prints.append(digest(tmp_path, "x"))
    assert prints[0] == prints[1] != prints[2]
