"""The catalog of exercises and problems is complete, and names what is written wrongly."""

import re

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, writes_json
from sample_notebook import cell, only_fault, replace

from bookkit.catalog import Task, load_catalog
from bookkit.pages import ROOT, notebooks
from bookkit.site_catalog import syllabus_faults

CATALOG = load_catalog()
TASKS = [task for chapter in CATALOG.chapters for task in chapter.exercises]
TASKS += [problem for chosen in CATALOG.sets for problem in chosen.problems]


def test_every_exercise_and_problem_states_what_it_tests_and_takes():
    assert not CATALOG.faults, "\n".join(map(str, CATALOG.faults))


def test_the_catalog_has_every_exercise_that_the_chapters_check():
    checked = [
        name
        for page in notebooks()
        for code in page.code_cells
        for name in re.findall(r'^exercises\.check\("([\w-]+)"', code.source, re.M)
        if code.get("id") == f"ex-{name}-check"
    ]
    listed = [task.name for task in TASKS if not task.problem_set]
    assert len(checked) > 50 and sorted(listed) == sorted(checked)


def test_every_objective_is_tested_by_an_exercise():
    for chapter in CATALOG.chapters:
        for number in chapter.objectives:
            tasks = CATALOG.testing(chapter.stem, number)
            assert any(not task.problem_set for task in tasks), (chapter.stem, number)


def test_there_are_three_sets_of_one_to_two_hours_that_end_with_a_question_for_a_person():
    assert [chosen.name for chosen in CATALOG.sets] == ["attention", "blocks", "training"]
    for chosen in CATALOG.sets:
        *graded, last = chosen.problems
        assert 5 <= len(graded) <= 7 and 60 <= chosen.minutes <= 120, chosen.name
        assert last.by_hand and not any(problem.by_hand for problem in graded), chosen.name


def test_the_built_page_lists_every_exercise_and_problem():
    page = (ROOT / "_build/html/chapters/exercises.html").read_text(encoding="utf-8")
    listed = re.findall(r'<span class="pre">([\w-]+)</span>', page)
    for task in TASKS:
        wanted = len(task.objectives) + bool(task.problem_set)
        assert listed.count(task.name) >= wanted, f"make book: {task.name} is not listed"


CHAPTER = """\
# First steps

After this page you can take two steps.

| Objective | Tested by |
| --- | --- |
| 1. Take a step | Exercises 1 and 2 |
| 2. Take another | Exercise 3 |

**Know first:** nothing. **Reading:** 25 minutes. **Running:** a few seconds on a laptop.
"""
INTRO = """\
# Problem set 1: Steps

Take some. The set has 5 points and takes 30 minutes.
"""
HAND = '*2 points · difficulty 2 of 3 · 10 minutes · "First steps", objectives 1 and 2*'


def statement(number, line):
    return f"### Exercise {number}: Step {number}\n\n*{line}*\n\nWrite `step(x)`."


def graded(cell_id, points, solution=False):
    made = new_code_cell("...", id=cell_id)
    made.metadata["nbgrader"] = {"grade": points > 0, "points": points, "solution": solution}
    return made


def good_chapter():
    return [
        new_markdown_cell(CHAPTER, id="title"),
        new_markdown_cell(
            statement(1, "Difficulty 1 of 3 · 5 minutes · objective 1"), id="ex-step"
        ),
        new_code_cell("...", id="ex-step-stub"),
        new_markdown_cell(
            statement(2, "Difficulty 2 of 3 · 10 minutes · objective 1"), id="ex-jump"
        ),
        new_markdown_cell(
            statement(3, "Difficulty 3 of 3 · 20 minutes · objective 2"), id="ex-turn"
        ),
    ]


def good_set():
    line = '*3 points · difficulty 1 of 3 · 20 minutes · "First steps", objective 2*'
    by_hand = new_markdown_cell("### BEGIN SOLUTION", id="why-answer")
    by_hand.metadata["nbgrader"] = {"grade": True, "points": 2, "solution": True}
    return [
        new_markdown_cell(INTRO, id="intro"),
        new_markdown_cell(f"## Problem 1: Far\n\n{line}\n\nWrite `far(x)`.", id="far"),
        graded("far-answer", 0, solution=True),
        graded("far-values", 2),
        graded("far-shape", 1),
        new_markdown_cell(f"## Question 2: Why\n\n{HAND}\n\nWhy?", id="why"),
        by_hand,
    ]


def load(root, chapter=None, problems=None):
    """Write a book of one chapter and one set, and read its catalog."""
    places = {
        "chapters/first.ipynb": chapter or new_notebook(cells=good_chapter()),
        "assignments/source/steps/steps.ipynb": problems or new_notebook(cells=good_set()),
    }
    for name, notebook in places.items():
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text(writes_json(notebook), encoding="utf-8")
    (root / "_toc.yml").write_text("root: index\nchapters:\n- file: chapters/first\n")
    return load_catalog(root)


def test_a_good_book_is_read_without_a_fault(tmp_path):
    catalog = load(tmp_path)
    assert not catalog.faults
    (chapter,), (steps,) = catalog.chapters, catalog.sets
    assert (chapter.title, chapter.reading, chapter.running) == ("First steps", 25, "a few seconds")
    assert [task.minutes for task in chapter.exercises] == [5, 10, 20]
    assert chapter.exercises[1] == Task("jump", "Exercise 2", "Step 2", 2, 10, "first", (1,))
    assert (steps.title, steps.points, steps.minutes) == ("Steps", 5, 30)
    assert [(problem.label, problem.by_hand) for problem in steps.problems] == [
        ("Problem 1", False),
        ("Question 2", True),
    ]
    assert [task.name for task in catalog.testing("first", 2)] == ["turn", "far", "why"]


@pytest.mark.parametrize(
    ("cell_id", "old", "new", "blamed", "message"),
    [
        ("ex-jump", "10 minutes", "ten minutes", "ex-jump", "start with"),
        ("ex-jump", "### Exercise 2: Step 2", "### Step 2", "ex-jump", "start with"),
        ("ex-jump", "Difficulty 2 of 3", "Difficulty 4 of 3", "ex-jump", "start with"),
        ("ex-jump", "objective 1", "objective 7", "ex-jump", "no objective 7"),
        ("ex-turn", "objective 2", "objective 1", "title", "objective 2 is tested by no exercise"),
        ("title", "Exercises 1 and 2", "Exercise 1", "title", "Exercise 1, Exercise 2"),
        ("title", "**Reading:** 25 minutes.", "", "title", "start with"),
        ("title", "nothing", "[this](later.ipynb)", "title", "needs later"),
    ],
)
def test_planted_fault_of_a_chapter_is_named(cell_id, old, new, blamed, message, tmp_path):
    chapter = new_notebook(cells=good_chapter())
    replace(chapter, cell_id, old, new)
    faults = load(tmp_path, chapter).faults
    assert any(fault.cell == blamed and message in fault.message for fault in faults), faults
    assert all(fault.page == "chapters/first.ipynb" for fault in faults if fault.cell == blamed)


def test_a_chapter_whose_table_is_lost_is_named(tmp_path):
    chapter = new_notebook(cells=good_chapter())
    chapter.cells[0].source = "# First steps"
    assert load(tmp_path, chapter).faults[0].cell == "title"


@pytest.mark.parametrize(
    ("cell_id", "old", "new", "blamed", "message"),
    [
        ("intro", "5 points", "6 points", "intro", "says 6 points, and the problems make 5"),
        ("intro", "30 minutes", "half an hour", "intro", "says no minutes"),
        ("intro", "# Problem set 1: ", "# ", "intro", "start with '# Problem set"),
        ("far", "objective 2", "objective 3", "far", "no objective 3"),
        ("why", HAND, HAND.replace("1 and 2", "1 and 5"), "why", "no objective 5"),
    ],
)
def test_planted_fault_of_a_set_is_named(cell_id, old, new, blamed, message, tmp_path):
    problems = new_notebook(cells=good_set())
    replace(problems, cell_id, old, new)
    only_fault(load(tmp_path, problems=problems).faults, blamed, message)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"First steps"', '"Last steps"', 'no chapter "Last steps"'),
        ("*3 points · difficulty", "*points: 3 · difficulty", "start with"),
        ("## Problem 1: Far", "## Far", "start with"),
        ("*3 points", "*4 points", "says 4 points, and its cells give 3"),
    ],
)
def test_a_problem_that_cannot_be_counted_is_named(old, new, message, tmp_path):
    problems = new_notebook(cells=good_set())
    replace(problems, "far", old, new)
    first, *_ = load(tmp_path, problems=problems).faults
    assert first.cell == "far" and message in first.message


def test_a_problem_without_its_line_is_named(tmp_path):
    problems = new_notebook(cells=good_set())
    cell(problems, "far").source = "## Problem 1: Far\n\nWrite `far(x)`."
    assert load(tmp_path, problems=problems).faults[0].cell == "far"


@pytest.mark.parametrize(
    ("lost", "blamed", "message"),
    [("far", "far-answer", "no cell far"), ("far-answer", "far", "no cell far-answer")],
)
def test_a_problem_without_statement_or_answer_is_named(lost, blamed, message, tmp_path):
    cells = [each for each in good_set() if each.id != lost]
    first, *_ = load(tmp_path, problems=new_notebook(cells=cells)).faults
    assert first.cell == blamed and message in first.message


@pytest.mark.parametrize(
    ("session", "message"),
    [
        ({"read": ["first"], "class": ["step"], "due": "steps"}, None),
        ({"read": ["ghost"]}, "no chapter 'ghost'"),
        ({"read": ["first"], "class": ["ghost"]}, "no exercise 'ghost'"),
        ({"class": ["step"]}, "which was not read"),
        ({"read": ["first"], "due": "ghost"}, "no problem set 'ghost'"),
        ({"due": "steps"}, "set 'steps' is on 'first'"),
        ({"reads": ["first"]}, "no key 'reads'"),
    ],
)
def test_planted_fault_of_a_syllabus_is_named(session, message, tmp_path):
    faults = list(syllabus_faults([{"session": "Day 1"} | session], load(tmp_path)))
    assert [message in fault and "Day 1" in fault for fault in faults] == [True] * bool(message)


def test_a_chapter_is_not_read_before_what_it_needs():
    (fault,) = syllabus_faults([{"session": 1, "read": ["queries-keys-values"]}], CATALOG)
    assert "'queries-keys-values' needs 'self-attention'" in fault
